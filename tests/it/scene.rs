//! A command that a test runs, and the scene that a failing test shows: the command, the studio's folders,
//! both streams and the exit status.

use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};

use crate::support::Failure;

/// The start of a studio folder's name.
pub const STUDIO: &str = "studio-";

/// Entries of a studio that a scene lists at most, in all and in one folder.
const MOST_ENTRIES: usize = 200;
const MOST_IN_A_FOLDER: usize = 25;

/// Characters of a stream, word or variable that a scene shows at most.
const MOST_CHARACTERS: usize = 10_000;

/// Runs a command and checks how it ends.
pub trait Runs {
    /// Runs the command; the caller checks the status.
    fn run(&mut self) -> Run;

    /// Starts the command; the caller checks the status when it ends.
    fn start(&mut self) -> Running;

    /// Runs the command, which has to succeed.
    #[track_caller]
    fn succeeds(&mut self) -> Run {
        self.run().succeeds()
    }

    /// Runs the command, which has to leave with this exit code.
    #[track_caller]
    fn fails_with(&mut self, code: i32) -> Run {
        self.run().fails_with(code)
    }

    /// Runs the command, which has to succeed without a word on standard error; returns its standard output.
    #[track_caller]
    fn prints(&mut self) -> String {
        self.run().prints()
    }
}

impl Runs for Command {
    fn run(&mut self) -> Run {
        let (command, studio) = (described(self), studio_of(self));
        Run { command, studio, output: started(|| self.output()) }
    }

    fn start(&mut self) -> Running {
        let (command, studio) = (described(self), studio_of(self));
        Running { command, studio, child: started(|| self.spawn()) }
    }
}

/// Starts a process. On a busy machine wine at times fails to, with `ERROR_INTERNAL_ERROR` and before the program's own
/// code runs; then once more.
fn started<T>(mut start: impl FnMut() -> io::Result<T>) -> T {
    match start() {
        Err(error) if cfg!(windows) && error.raw_os_error() == Some(1359) => start().unwrap(),
        result => result.unwrap(),
    }
}

/// A command that runs. It is used as a `Child`.
#[derive(Debug)]
pub struct Running {
    command: String,
    studio: Option<PathBuf>,
    child: Child,
}

impl Running {
    /// Waits for the end; the caller checks the status.
    pub fn ends(self) -> Run {
        let Running { command, studio, child } = self;
        Run { command, studio, output: child.wait_with_output().unwrap() }
    }

    /// Kills the command and waits for its end.
    pub fn ends_killed(mut self) -> Run {
        self.child.kill().unwrap();
        self.ends()
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

/// A command that has ended. Its display is the scene, for the message of an assertion.
pub struct Run {
    command: String,
    studio: Option<PathBuf>,
    output: Output,
}

impl Run {
    /// Returns standard output, U+FFFD for what is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Returns standard error, U+FFFD for what is not UTF-8.
    pub fn error(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Returns standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert!(self.output.status.success(), "the command fails\n{self}");
        self
    }

    #[track_caller]
    pub fn fails_with(self, code: i32) -> Self {
        assert_eq!(self.output.status.code(), Some(code), "another exit code\n{self}");
        self
    }

    #[cfg(unix)]
    #[track_caller]
    pub fn dies_by(self, signal: i32) -> Self {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(self.output.status.signal(), Some(signal), "another end\n{self}");
        self
    }

    /// Checks that nothing is on standard error, but that a job with `--warm` ran plainly: where a job ran is another
    /// question.
    #[track_caller]
    pub fn silently(self) -> Self {
        let error = self.error();
        let mut lines = error.lines();
        while let Some(line) = lines.next() {
            let is_plain_run = line.starts_with("sgtk-python: warning: the job runs plainly");
            let has_hint =
                is_plain_run && lines.next().is_some_and(|hint| hint.starts_with("hint: "));
            assert!(has_hint, "standard error is not empty\n{self}");
        }
        self
    }

    /// Checks success and an empty standard error; returns standard output.
    #[track_caller]
    pub fn prints(self) -> String {
        self.succeeds().silently().text()
    }

    /// Checks that standard output contains all of these.
    #[track_caller]
    pub fn shows(self, parts: &[&str]) -> Self {
        let text = self.text();
        for part in parts {
            assert!(text.contains(part), "no {part:?} on standard output\n{self}");
        }
        self
    }

    /// Checks that standard error contains all of these.
    #[track_caller]
    pub fn warns(self, parts: &[&str]) -> Self {
        let error = self.error();
        for part in parts {
            assert!(error.contains(part), "no {part:?} on standard error\n{self}");
        }
        self
    }

    /// Returns the launcher's failure: its one message, the hint, and nothing on standard output.
    #[track_caller]
    pub fn failure(&self) -> Failure {
        Failure::of(&self.output, self.to_string())
    }
}

impl Deref for Run {
    type Target = Output;

    fn deref(&self) -> &Output {
        &self.output
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- command\n{}", self.command)?;
        write!(f, "{}", streams(&self.output))?;
        if let Some(studio) = &self.studio {
            write!(f, "--- {}\n{}", studio.display(), tree(studio))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Returns the status and both streams as a scene shows them.
pub fn streams(output: &Output) -> String {
    let status: ExitStatus = output.status;
    let mut text = format!("--- {status}\n");
    for (name, bytes) in [("output", &output.stdout), ("error", &output.stderr)] {
        let shown = cut(&String::from_utf8_lossy(bytes));
        let _ = writeln!(text, "--- standard {name}, {} bytes\n{}", bytes.len(), shown.trim_end());
    }
    text
}

/// Returns the command as a shell would take it, with the variables that the studio does not set to a
/// fixed value.
fn described(command: &Command) -> String {
    let studio = studio_of(command);
    let usual = |name: &str, value: &str| {
        let below = studio.as_ref().and_then(|studio| Path::new(value).strip_prefix(studio).ok());
        let fixed = match name {
            "SHOTGUN_BASE" => "configs",
            "SGTK_PYTHON_SETTINGS" => "no-settings.toml",
            "HOME" => "home",
            _ => return name == "SYSTEMROOT",
        };
        below == Some(Path::new(fixed))
    };
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        let name = name.to_string_lossy();
        match value.map(|value| value.to_string_lossy()) {
            Some(value) if usual(&name, &value) => {}
            Some(value) => words.push(format!("{name}={}", shell_words::quote(&cut(&value)))),
            None => words.push(format!("-u {name}")),
        }
    }
    if !words.is_empty() {
        words.insert(0, "env".into());
    }
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        words.push(shell_words::quote(&cut(&word.to_string_lossy())).into_owned());
    }
    match command.get_current_dir() {
        Some(folder) => format!("cd {}; {}", folder.display(), words.join(" ")),
        None => words.join(" "),
    }
}

/// Returns the studio that a command's folder, variables or words name.
fn studio_of(command: &Command) -> Option<PathBuf> {
    let folder = command.get_current_dir().map(Path::new);
    let variables = command.get_envs().filter_map(|(_, value)| value.map(Path::new));
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(Path::new);
    let mut paths = folder.into_iter().chain(variables).chain(words);
    paths.find_map(|path| path.ancestors().find(|above| is_studio(above)).map(Path::to_owned))
}

fn is_studio(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STUDIO))
}

/// Returns a studio's files and folders, one a line, as far as they fit.
pub fn tree(root: &Path) -> String {
    let mut lines = Vec::new();
    add_entries(root, "", &mut lines);
    if lines.len() > MOST_ENTRIES {
        lines.truncate(MOST_ENTRIES);
        lines.push("…".into());
    }
    lines.join("\n")
}

fn add_entries(folder: &Path, indent: &str, lines: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for (number, path) in entries.iter().enumerate() {
        if lines.len() > MOST_ENTRIES {
            return;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if number == MOST_IN_A_FOLDER {
            lines.push(format!("{indent}… {} more", entries.len() - number));
            return;
        }
        let Ok(found) = fs::symlink_metadata(path) else { continue };
        if found.is_symlink() {
            let target = fs::read_link(path).unwrap_or_default();
            lines.push(format!("{indent}{name} -> {}", target.display()));
        } else if found.is_dir() {
            lines.push(format!("{indent}{name}/"));
            add_entries(path, &format!("{indent}  "), lines);
        } else {
            lines.push(format!("{indent}{name} ({} bytes)", found.len()));
        }
    }
}

fn cut(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) else { return text.into() };
    format!("{}… {} bytes more", &text[..end], text.len() - end)
}
