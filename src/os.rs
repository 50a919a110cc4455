//! The operating systems that Toolkit knows.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// And any other Unix but macOS.
    Linux,
    Darwin,
    Windows,
}

impl Os {
    /// The system that the launcher was built for.
    pub const CURRENT: Os = if cfg!(windows) {
        Os::Windows
    } else if cfg!(target_os = "macos") {
        Os::Darwin
    } else {
        Os::Linux
    };

    /// Returns the name in file names such as `core_Linux.cfg` (tk-core:
    /// `ShotgunPath.get_file_name_from_template`).
    pub fn name(self) -> &'static str {
        match self {
            Os::Linux => "Linux",
            Os::Darwin => "Darwin",
            Os::Windows => "Windows",
        }
    }
}
