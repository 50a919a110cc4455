//! The operating systems, as Toolkit spells them in file names such as `core_Linux.cfg`.

/// An operating system that Toolkit knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// Linux, and any other Unix that is not macOS.
    Linux,
    /// macOS.
    Darwin,
    /// Windows.
    Windows,
}

impl Os {
    /// The system that this launcher was built for.
    pub const CURRENT: Os = if cfg!(windows) {
        Os::Windows
    } else if cfg!(target_os = "macos") {
        Os::Darwin
    } else {
        Os::Linux
    };

    /// The system's name in Toolkit's file names (tk-core: `ShotgunPath.get_file_name_from_template`).
    pub fn name(self) -> &'static str {
        match self {
            Os::Linux => "Linux",
            Os::Darwin => "Darwin",
            Os::Windows => "Windows",
        }
    }
}
