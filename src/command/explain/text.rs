//! The plan in words, readable at a glance.

use std::fmt::{self, Display, Formatter, Write};

use std::time::Duration;

use super::{Explanation, HIDDEN};
use crate::display::{Printable, is_plain};

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Explanation { project, config, core, interpreter, .. } = self;
        let id = project.id.map_or_else(String::new, |id| format!(" (id {id})"));
        let name = project.name.as_deref().unwrap_or_default();
        let chosen = match &project.chosen {
            chosen if chosen == name => String::new(),
            chosen => format!(" ('{}')", Printable::new(chosen)),
        };
        let origin = format!("{}{chosen}", project.origin);
        entry(f, "project", &format!("{}{id}", Printable::new(name)), &origin)?;
        let name = config.name.as_deref().map_or_else(String::new, |n| format!(" ({n})"));
        entry(
            f,
            "config",
            &format!("{}{}", Printable::new(&config.path), Printable::new(&name)),
            &config.origin,
        )?;
        if let Some(realised) = &config.realised {
            let from =
                realised.descriptor.as_deref().unwrap_or("a descriptor that it does not tell");
            let age = humantime::format_duration(Duration::from_secs(realised.age));
            writeln!(f, "         realised {age} ago from {}", Printable::new(from))?;
        }
        let version = core.version.as_deref().map_or_else(String::new, |v| format!(" {v}"));
        entry(
            f,
            "core",
            &format!("{} ({}{})", Printable::new(&core.path), core.kind, Printable::new(&version)),
            &core.origin,
        )?;
        let words = std::iter::once(Printable::new(&interpreter.path).to_string());
        let words = words.chain(interpreter.args.iter().map(|word| quoted(word)));
        let python = words.collect::<Vec<_>>().join(" ");
        entry(f, "python", &python, &interpreter.origin)?;
        if let Some(session) = &self.session {
            let engine = session.engine.as_deref().unwrap_or("none");
            let purpose = session.entity.as_deref().unwrap_or("the project");
            let what = format!("for {}, as an authenticated user", Printable::new(purpose));
            entry(f, "engine", &Printable::new(engine).to_string(), &what)?;
        }
        if let Some(warm) = &self.warm {
            let how = match &warm.cold {
                None => "in the project's worker".into(),
                Some(why) => format!("no: {why}"),
            };
            entry(f, "warm", &how, &warm.origin)?;
        }
        f.write_str("\nenvironment\n")?;
        self.write_environment(f)?;
        write!(f, "\nrun\n  {}\n", self.command_line())?;
        if self.environment.iter().any(|variable| variable.value.as_deref() == Some(HIDDEN)) {
            f.write_str("  (fill in the secrets, which are not shown)\n")?;
        }
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

impl Explanation {
    fn write_environment(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut unset: Vec<(&str, Vec<String>)> = Vec::new();
        for variable in &self.environment {
            let name = Printable::new(&variable.name).to_string();
            if let Some(value) = &variable.value {
                writeln!(f, "  set    {name}={}", Printable::new(value))?;
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

/// A word as a shell takes it; one with characters that could play with the terminal in the way that
/// bash and zsh know.
fn quoted(word: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_safe) {
        return word.to_owned();
    }
    if word.chars().all(is_plain) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut text = String::from("$'");
    for character in word.chars() {
        match character {
            '\\' | '\'' => text.extend(['\\', character]),
            plain if is_plain(plain) => text.push(plain),
            other => {
                for byte in other.to_string().bytes() {
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
        }
    }
    text + "'"
}
