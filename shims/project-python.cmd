@echo off
rem A Python for one project, for menus and associations on Windows: copy this file beside
rem sgtk-python.exe as PROJECT-python.cmd. All arguments are Python's. (For an editor's interpreter
rem setting copy sgtk-python.exe itself as PROJECT-python.exe: an editor wants a program.)
rem SGTK_PROJECT is one of the variables that Python does not get.
setlocal
set "SGTK_PROJECT=%~n0"
"%~dp0sgtk-python.exe" --project "%SGTK_PROJECT:~0,-7%" -- %*
