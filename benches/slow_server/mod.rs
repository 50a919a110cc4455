//! A slow file server, imitated: each look at a path and each opening below a folder waits. Programs that load the C
//! library are delayed, all others are not.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

/// The delays of a file server, for the programs that receive its variables.
pub struct SlowServer {
    /// Holds the library and the counts.
    files: TempDir,
    folder: PathBuf,
    look: Duration,
    opening: Duration,
}

impl SlowServer {
    /// Prepares delays for paths below `folder`. Fails without a C compiler.
    pub fn new(folder: &Path, look: Duration, opening: Duration) -> Self {
        let files = TempDir::new().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/slow_server/delays.c");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-O2", "-shared", "-fPIC", source, "-o"])
            .arg(files.path().join("delays.so"));
        assert!(compiler.arg("-ldl").status().unwrap().success(), "cc cannot compile {source}");
        let server = SlowServer { files, folder: folder.to_owned(), look, opening };
        server.forget_counts();
        server
    }

    /// Returns the variables that delay a program and its children.
    pub fn variables(&self) -> [(&'static str, OsString); 5] {
        [
            ("LD_PRELOAD", self.files.path().join("delays.so").into()),
            ("SLOW_FOLDER", self.folder.clone().into()),
            ("SLOW_LOOK_US", self.look.as_micros().to_string().into()),
            ("SLOW_OPENING_US", self.opening.as_micros().to_string().into()),
            ("SLOW_COUNTS", self.counts_file().into()),
        ]
    }

    /// Returns how many looks and openings there were since the counts were forgotten.
    pub fn counts(&self) -> [u64; 2] {
        let bytes = fs::read(self.counts_file()).unwrap();
        let (numbers, _) = bytes.as_chunks::<8>();
        [0, 1].map(|kind| u64::from_ne_bytes(numbers[kind]))
    }

    /// Sets the counts to zero.
    pub fn forget_counts(&self) {
        // Programs that count have mapped the file, so it never gets shorter.
        let mut options = File::options();
        let mut file =
            options.write(true).create(true).truncate(false).open(self.counts_file()).unwrap();
        file.write_all(&[0; 16]).unwrap();
    }

    fn counts_file(&self) -> PathBuf {
        self.files.path().join("counts")
    }
}
