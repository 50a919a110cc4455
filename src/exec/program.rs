//! Runs one of the launcher's own programs in a Python. The text travels in a variable: a list of processes would show
//! it as an argument of many lines.

/// The variable with the program's text; removed before the program begins.
pub const VARIABLE: &str = "SGTK_PYTHON_PROGRAM";

/// The code for `python -c`. It imports nothing from the working directory, not even `os`, which `-S` leaves unimported.
pub const RUN: &str = "import sys
if sys.path[:1] == ['']: del sys.path[0]
import os
exec(os.environ.pop('SGTK_PYTHON_PROGRAM'))";
