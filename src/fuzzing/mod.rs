//! The readers of the crate as functions of bytes, each with the property that holds for all bytes. The targets in
//! `fuzz/` call them; `cargo test` runs them on the inputs in `fuzz/corpus/`. A launcher contains none of this.

#![expect(clippy::missing_panics_doc, reason = "a property that does not hold is a panic")]

mod check;
mod files;
mod site;
mod words;
#[cfg(target_os = "linux")]
mod worker;

pub use files::{cfg_file, credentials, index, record, settings, yaml};
#[cfg(unix)]
pub use files::{expand_nt, expand_posix};
pub use site::{probe_reply, site_address, site_answer, site_reply};
pub use words::{command_line, printable, project_name, python_words, status_line};
#[cfg(target_os = "linux")]
pub use worker::{worker_files, worker_reply, worker_status};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    type Target = (&'static str, fn(&[u8]));

    const TARGETS: &[Target] = &[
        ("cfg_file", cfg_file),
        ("command_line", command_line),
        ("credentials", credentials),
        #[cfg(unix)]
        ("expand_nt", expand_nt),
        #[cfg(unix)]
        ("expand_posix", expand_posix),
        ("index", index),
        ("printable", printable),
        ("probe_reply", probe_reply),
        ("project_name", project_name),
        ("python_words", python_words),
        ("record", record),
        ("settings", settings),
        ("site_address", site_address),
        ("site_answer", site_answer),
        ("site_reply", site_reply),
        ("status_line", status_line),
        #[cfg(target_os = "linux")]
        ("worker_files", worker_files),
        #[cfg(target_os = "linux")]
        ("worker_reply", worker_reply),
        #[cfg(target_os = "linux")]
        ("worker_status", worker_status),
        ("yaml", yaml),
    ];

    #[test]
    fn kept_inputs_are_read() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        if !corpus.exists() {
            println!("skipped: a package of the crate holds no inputs");
            return;
        }
        for (name, target) in TARGETS {
            let mut inputs = fs::read_dir(corpus.join(name)).unwrap().peekable();
            assert!(inputs.peek().is_some(), "{name} has no inputs");
            for input in inputs {
                let path = input.unwrap().path();
                println!("{}", path.display());
                target(&fs::read(path).unwrap());
            }
        }
    }
}
