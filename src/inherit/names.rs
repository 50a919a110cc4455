//! Names of variables, by the rule that they fall under.

use crate::inputs::IN_A_JOB;

/// Carry one project into the next (tk-core and its bootstrap set them).
pub const OF_ANOTHER_PROJECT: [&str; 16] = [
    "SGTK_CONTEXT",
    "SGTK_ENGINE",
    "SGTK_EXT_CONFIG_DATA",
    "SGTK_FILE_TO_OPEN",
    "SHOTGUN_CONFIG_URI",
    "SHOTGUN_DESKTOP_CURRENT_USER",
    "SHOTGUN_ENTITY_ID",
    "SHOTGUN_ENTITY_TYPE",
    "SHOTGUN_PIPELINE_CONFIGURATION_ID",
    "SHOTGUN_SGTK_MODULE_PATH",
    "SHOTGUN_SITE",
    "TANK_CONTEXT",
    "TANK_CURRENT_PC",
    "TANK_ENGINE",
    "TANK_FILE_TO_OPEN",
    "TK_BOOTSTRAP_CONFIG_OVERRIDE",
];

/// Choose the launcher's project, configuration and Python.
pub const SELECTING: [&str; 6] = [
    "SGTK_CONFIG",
    "SGTK_PIPELINE",
    "SGTK_PROJECT",
    "SGTK_PROJECT_ID",
    "SGTK_PYTHON",
    "SGTK_PYTHON_WARM",
];

/// Redirect a Python, or run other code in it (python(1), CPython's `getpath.py`).
pub const OF_ANOTHER_PYTHON: [&str; 7] = [
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPLATLIBDIR",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
];

/// Stay with `--clean` unless their names say that they hold secrets. Batch systems set them for a job's processes: Slurm,
/// PBS, LSF, `HTCondor`, Grid Engine with its own names (submit(1)), and the job's share of the machine.
#[rustfmt::skip]
pub const OF_BATCH_JOBS: [&str; 26] = [
    "SLURM_*", "SLURMD_*", "PBS_*", "LSB_*", "LSF_*", "LS_EXEC_T", "LS_JOBPID", "LS_SUBCWD", "_CONDOR_*",
    "SGE_*", "ARC", "JOB_ID", "JOB_NAME", "JOB_SCRIPT", "NHOSTS", "NQUEUES", "NSLOTS", "PE", "PE_HOSTFILE",
    "QUEUE", "REQUEST", "RESTARTED",
    "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "OMP_NUM_THREADS", "ROCR_VISIBLE_DEVICES",
];

/// Secrets among them, whose names do not say so.
pub const BATCH_SECRETS: [&str; 2] = ["PBS_JOBCOOKIE", "SLURM_JWT"];

/// Stay with `--clean`.
#[rustfmt::skip]
pub const HARMLESS: [&str; 79] = [
    // The user and the folders.
    "APPDATA", "HOME", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "LOGNAME", "PWD", "SHELL", "TEMP",
    "TMP", "TMPDIR", "USER", "USERDOMAIN", "USERNAME", "USERPROFILE", "XDG_CACHE_HOME",
    "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "XDG_DATA_DIRS", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    // The machine.
    "COMPUTERNAME", "COMSPEC", "HOSTNAME", "NUMBER_OF_PROCESSORS", "OS", "PATH", "PATHEXT",
    "PROCESSOR_*", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMW6432",
    "SYSTEMDRIVE", "SYSTEMROOT", "WINDIR",
    // The terminal, the display and the language.
    "COLORTERM", "COLUMNS", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "LANG", "LANGUAGE", "LC_*",
    "LINES", "TERM", "TERMINFO", "TZ", "WAYLAND_DISPLAY", "XAUTHORITY",
    // The network.
    "ALL_PROXY", "all_proxy", "CURL_CA_BUNDLE", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY",
    "https_proxy", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE", "SSH_AUTH_SOCK", "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    // The site's settings for Toolkit and the launcher.
    "SGTK_PREFERENCES_LOCATION", "SGTK_PYTHON_CACHE", "SGTK_PYTHON_FAST_IMPORT", "SGTK_PYTHON_SETTINGS",
    "SHOTGUN_ALLOW_OLD_PYTHON", "SHOTGUN_API_CACERTS", "SHOTGUN_BASE",
    "SHOTGUN_BUNDLE_CACHE_FALLBACK_PATHS", "SHOTGUN_BUNDLE_CACHE_PATH",
    "SHOTGUN_DISABLE_APPSTORE_ACCESS", "SHOTGUN_FARM_SCRIPT_KEY", "SHOTGUN_FARM_SCRIPT_USER",
    "SHOTGUN_HOME", "SHOTGUN_PATH_*", "TK_DEBUG",
    // The launch is part of a job.
    IN_A_JOB,
];
