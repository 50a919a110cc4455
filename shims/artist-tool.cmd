@echo off
rem Starts a tool with the core of a project, from an icon or a menu: a template for artists' launch
rem scripts on Windows. Copy it, and change the first lines. The window stays open if the tool fails.
rem The tool gets no arguments: this shell would run what follows a & in one. A shortcut to PROJECT-python.exe
rem (sgtk-python --make-shim PROJECT) passes them on as they are.
setlocal
set "LAUNCHER=\\server\bin\sgtk-python.exe"
set "PROJECT=bigbuck"
set "TOOL=\\server\tools\browser.py"

"%LAUNCHER%" --project "%PROJECT%" -- "%TOOL%"
set "CODE=%ERRORLEVEL%"
if not "%CODE%"=="0" (
  echo %~n0 ended with exit code %CODE%.
  pause
)
exit /b %CODE%
