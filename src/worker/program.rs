//! The program that a worker's Python runs.

use crate::fingerprint::Fingerprint;

/// The worker's modules in one text, and the line that starts it.
pub const PROGRAM: &str = concat!(
    include_str!("../../shims/as_main.py"),
    "\n",
    include_str!("../../shims/engine.py"),
    "\n",
    include_str!("../../shims/worker.py"),
    "\n",
    include_str!("../../shims/worker_files.py"),
    "\n",
    include_str!("../../shims/worker_supervisor.py"),
    "\n",
    include_str!("../../shims/worker_job.py"),
    "\nserve(os.environ.pop('SGTK_PYTHON_WORKER_START'))\n",
);

/// The fingerprint of the program, and so of the protocol's version.
pub const PROGRAM_FINGERPRINT: Fingerprint = Fingerprint::of(PROGRAM);

/// The variable with the program's text.
pub const PROGRAM_VARIABLE: &str = "SGTK_PYTHON_WORKER";

/// The text that runs the program. An older Python cannot compile the program, so this text gives the reason.
pub const BEGIN: &str = r"import json, os, sys
if sys.version_info < (3, 7):
    start = json.loads(os.environ['SGTK_PYTHON_WORKER_START'])
    os.ftruncate(start['lock'], 0)
    told = start['project'] + u'\tit is no Python 3.7 or later'
    os.write(start['lock'], told.encode('utf-8'))
    os._exit(1)
exec(os.environ.pop('SGTK_PYTHON_WORKER'))";
