@echo off
rem A Python for one project, for menus and associations on Windows: copy this file beside sgtk-python.exe as
rem PROJECT-python.cmd. All arguments are Python's. (For an editor's interpreter setting copy sgtk-python.exe itself
rem as PROJECT-python.exe: an editor wants a program.) The launcher removes SGTK_PROJECT from Python's variables.
setlocal
set "SGTK_PROJECT=%~n0"
"%~dp0sgtk-python.exe" --project "%SGTK_PROJECT:~0,-7%" -- %*
