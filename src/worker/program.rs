//! The program that a worker's Python runs.

use crate::fingerprint::Fingerprint;

/// The worker's modules in one text (`build.rs` packs it).
pub static PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/worker.py"));

/// The fingerprint of the program, and so of the protocol's version.
pub const PROGRAM_FINGERPRINT: Fingerprint = Fingerprint::of(PROGRAM);

/// The variable with the program's text.
pub const PROGRAM_VARIABLE: &str = "SGTK_PYTHON_WORKER";

/// The text that runs the program. An older Python cannot compile the program, so this text gives the reason.
pub const BEGIN: &str = r"import json, os, sys
if sys.version_info < (3, 7):
    start = json.loads(os.environ['SGTK_PYTHON_WORKER_START'])
    os.ftruncate(start['lock'], 0)
    record = start['project'] + u'\tits Python is older than 3.7'
    os.write(start['lock'], record.encode('utf-8'))
    os._exit(1)
exec(os.environ.pop('SGTK_PYTHON_WORKER'))";
