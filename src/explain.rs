//! Prints a plan, for a person or a program (format 1): what was chosen, what decided it, what
//! changes in the environment and why. Names and numbers that no launch needs are read here.

use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter, Write};

use serde::Serialize;

use crate::cli::Format;
use crate::environment::Change;
use crate::plan::LaunchPlan;
use crate::shown::Shown;
use crate::toolkit::core::Kind;
use crate::toolkit::expand;
use crate::toolkit::metadata::{self, Metadata};

/// Words in the name of a variable whose value nobody should see.
const SECRET: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASSWORD"];

/// The plan as it is printed; its fields are those of `--explain=json`.
#[derive(Serialize)]
struct Explanation {
    format: u8,
    project: Project,
    config: Config,
    core: Core,
    interpreter: Interpreter,
    environment: Vec<Variable>,
    argv: Vec<String>,
    cwd: Option<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Project {
    name: Option<String>,
    id: Option<i64>,
    origin: String,
}

#[derive(Serialize)]
struct Config {
    path: String,
    name: Option<String>,
    origin: String,
}

#[derive(Serialize)]
struct Core {
    kind: Kind,
    path: String,
    python_path: String,
    version: Option<String>,
    origin: String,
}

#[derive(Serialize)]
struct Interpreter {
    path: String,
    args: Vec<String>,
    origin: String,
}

#[derive(Serialize)]
struct Variable {
    name: String,
    value: Option<String>,
    reason: String,
}

/// The plan in words or as JSON, with a line end.
pub fn explain(plan: &LaunchPlan, format: Format) -> Result<String, serde_json::Error> {
    let explanation = Explanation::of(plan);
    match format {
        Format::Text => Ok(explanation.to_string()),
        Format::Json => serde_json::to_string_pretty(&explanation).map(|json| json + "\n"),
    }
}

impl Explanation {
    fn of(plan: &LaunchPlan) -> Self {
        let mut warnings = plan.warnings.clone();
        let mut noted = |file: &std::path::Path, problem: String| {
            warnings.push(format!("{} {problem}", Shown::new(file)));
        };
        let config = &plan.selection.config;
        let metadata =
            metadata::read(config, |text| expanded(plan, &text)).unwrap_or_else(|problem| {
                noted(&config.metadata_file(), problem);
                Metadata::default()
            });
        let version = metadata::version(&plan.core).unwrap_or_else(|problem| {
            noted(&plan.core.manifest_file(), problem);
            None
        });
        Explanation {
            format: 1,
            project: Project {
                name: Some(metadata.project.unwrap_or_else(|| text(&plan.selection.project.value))),
                id: metadata.project_id,
                origin: plan.selection.project.origin.to_string(),
            },
            config: Config {
                path: text(&config.path),
                name: metadata.pipeline,
                origin: plan.selection.origin.to_string(),
            },
            core: Core {
                kind: plan.core.kind,
                path: text(plan.core.path()),
                python_path: text(plan.core.python_path()),
                version,
                origin: plan.core.origin.to_string(),
            },
            interpreter: Interpreter {
                path: text(&plan.interpreter.path),
                args: plan.interpreter.args.iter().map(text).collect(),
                origin: plan.interpreter.origin.to_string(),
            },
            environment: plan.environment.changes().into_iter().map(variable).collect(),
            argv: plan.argv.iter().map(text).collect(),
            cwd: plan.place.directory().map(text),
            warnings,
        }
    }

    fn write_environment(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut unset: Vec<(&str, Vec<String>)> = Vec::new();
        for variable in &self.environment {
            let name = Shown::new(&variable.name).to_string();
            if let Some(value) = &variable.value {
                writeln!(f, "  set    {name}={}", Shown::new(value))?;
                writeln!(f, "         {}", variable.reason)?;
            } else if let Some(group) = unset.iter_mut().find(|(why, _)| *why == variable.reason) {
                group.1.push(name);
            } else {
                unset.push((&variable.reason, vec![name]));
            }
        }
        for (reason, names) in unset {
            writeln!(f, "  unset  {}\n         {reason}", names.join(", "))?;
        }
        Ok(())
    }

    /// A POSIX shell's command line that does the same from any environment like the caller's.
    fn command_line(&self) -> String {
        let mut line = String::new();
        if let Some(directory) = &self.cwd {
            let _ = write!(line, "cd {} && ", quoted(directory));
        }
        line.push_str("env");
        for variable in self.environment.iter().filter(|variable| variable.value.is_none()) {
            let _ = write!(line, " -u {}", quoted(&variable.name));
        }
        for variable in &self.environment {
            if let Some(value) = &variable.value {
                let _ = write!(line, " {}", quoted(&format!("{}={value}", variable.name)));
            }
        }
        for word in &self.argv {
            let _ = write!(line, " {}", quoted(word));
        }
        line
    }
}

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Explanation { project, config, core, interpreter, .. } = self;
        let id = project.id.map_or_else(String::new, |id| format!(" (id {id})"));
        let name = project.name.as_deref().unwrap_or_default();
        entry(f, "project", &format!("{}{id}", Shown::new(name)), &project.origin)?;
        let name = config.name.as_deref().map_or_else(String::new, |n| format!(" ({n})"));
        entry(
            f,
            "config",
            &format!("{}{}", Shown::new(&config.path), Shown::new(&name)),
            &config.origin,
        )?;
        let kind = match core.kind {
            Kind::Localized => "localized",
            Kind::Shared => "shared",
            Kind::Studio => "studio",
        };
        let version = core.version.as_deref().map_or_else(String::new, |v| format!(" {v}"));
        entry(
            f,
            "core",
            &format!("{} ({kind}{})", Shown::new(&core.path), Shown::new(&version)),
            &core.origin,
        )?;
        let words = std::iter::once(Shown::new(&interpreter.path).to_string());
        let words = words.chain(interpreter.args.iter().map(|word| quoted(word)));
        let python = words.collect::<Vec<_>>().join(" ");
        entry(f, "python", &python, &interpreter.origin)?;
        f.write_str("\nenvironment\n")?;
        self.write_environment(f)?;
        write!(f, "\nrun\n  {}\n", self.command_line())?;
        if !self.warnings.is_empty() {
            f.write_str("\nwarnings\n")?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "  {warning}"))
    }
}

/// A line with a choice, and one with what decided it.
fn entry(f: &mut Formatter<'_>, name: &str, value: &str, origin: &str) -> fmt::Result {
    writeln!(f, "{name:<8} {value}\n         {origin}")
}

fn variable(change: &Change) -> Variable {
    let name = text(&change.name);
    let is_secret = SECRET.iter().any(|word| name.to_uppercase().contains(word));
    let value =
        change.value.as_ref().map(|value| if is_secret { "***".into() } else { text(value) });
    Variable { name, value, reason: change.reason.clone() }
}

/// Text with the variables that Python will have, as Toolkit's own reader expands it.
fn expanded(plan: &LaunchPlan, text: &str) -> String {
    let mut lookup = |name: &str| plan.environment.get(name).map(OsStr::to_owned);
    expand::variables(text, &mut lookup).to_string_lossy().into_owned()
}

/// A value as text, with U+FFFD for bytes that are not UTF-8.
fn text(value: impl AsRef<OsStr>) -> String {
    value.as_ref().to_string_lossy().into_owned()
}

/// A word as a shell takes it; one with control characters in the way that bash and zsh know, so that
/// it cannot play with the terminal.
fn quoted(word: &str) -> String {
    if word.chars().any(char::is_control) {
        let escaped: String = word.chars().map(escaped).collect();
        return format!("$'{escaped}'");
    }
    shell_words::quote(word).into_owned()
}

fn escaped(character: char) -> String {
    match character {
        '\\' | '\'' => format!("\\{character}"),
        control if control.is_control() => format!("\\u{:04x}", u32::from(control)),
        plain => plain.to_string(),
    }
}
