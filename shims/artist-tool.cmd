@echo off
rem Starts a tool with the core of a project, from an icon or a menu: a template for artists' launch
rem scripts on Windows. Copy it, and change the first lines. The window stays open if the tool fails.
setlocal
set "LAUNCHER=\\server\bin\sgtk-python.exe"
set "PROJECT=bigbuck"
set "TOOL=\\server\tools\browser.py"

"%LAUNCHER%" --project "%PROJECT%" -- "%TOOL%" %*
set "CODE=%ERRORLEVEL%"
if not "%CODE%"=="0" (
  echo %~n0 ended with exit code %CODE%.
  pause
)
exit /b %CODE%
