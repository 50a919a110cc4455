//! A program of the launcher's own that a Python runs. It travels in a variable, so that a list of
//! processes shows no program of many lines.

/// The variable with the program's text, which is gone when it begins.
pub const VARIABLE: &str = "SGTK_PYTHON_PROGRAM";

/// What `python -c` runs. What lies in the working directory is nobody's to import: not even `os`, which
/// `-S` leaves to be found.
pub const RUN: &str = "import sys
if sys.path[:1] == ['']: del sys.path[0]
import os
exec(os.environ.pop('SGTK_PYTHON_PROGRAM'))";
