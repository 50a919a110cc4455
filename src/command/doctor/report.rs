//! Prints a diagnosis: a line a check, and below it what is wrong, where, and what to do.

use std::fmt::{self, Display, Formatter};

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::{Check, Diagnosis, Finding};
use crate::cli::Format;
use crate::console;
use crate::display::Printable;

/// A diagnosis as `--doctor=json` prints it.
#[derive(Serialize)]
struct Report<'a> {
    format: u8,
    ok: bool,
    checks: Vec<Checked<'a>>,
    pythons: &'a [super::TriedPython],
}

#[derive(Serialize)]
struct Checked<'a> {
    check: Check,
    ok: bool,
    findings: Vec<&'a Finding>,
}

impl Check {
    fn title(self) -> &'static str {
        match self {
            Check::Roots => "the roots exist",
            Check::Configs => "every configuration can be read",
            Check::Names => "projects have different names and ids",
            Check::Permissions => "only some users can change which code runs",
            Check::Texts => "the one-line files mean the same to every reader",
            Check::Places => "every configuration names its folder on this system",
            Check::Cores => "every configuration has a core and a Python that fits it",
            Check::Pythons => "every Python starts and imports sgtk",
            Check::Site => "the site can be asked with these settings",
            Check::Settings => "everything in the settings is used",
            Check::Proxy => "no API proxy is on PYTHONPATH",
            Check::Script => "no file beside the script hides the core",
        }
    }
}

impl Diagnosis {
    /// Whether all is well.
    pub fn is_well(&self) -> bool {
        self.findings.is_empty()
    }

    /// The diagnosis in words or as JSON, with a line end.
    pub fn print(&self, format: Format) -> Result<ExitCode> {
        match format {
            Format::Text => console::print(&self.to_string()),
            Format::Json => {
                let (ok, pythons) = (self.is_well(), &self.pythons[..]);
                let report = Report { format: 1, ok, checks: self.checked().collect(), pythons };
                console::print_json(&report)
            }
        }
    }

    fn checked(&self) -> impl Iterator<Item = Checked<'_>> {
        Check::ALL.into_iter().map(|check| {
            let findings = self.findings.iter().filter(|finding| finding.check == check);
            let findings: Vec<&Finding> = findings.collect();
            Checked { check, ok: findings.is_empty(), findings }
        })
    }
}

impl Display for Diagnosis {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for checked in self.checked() {
            let mark = if checked.ok { "ok   " } else { "WRONG" };
            writeln!(f, "{mark}  {}", checked.check.title())?;
            for finding in checked.findings {
                let project =
                    finding.project.as_ref().map(|name| format!("{}: ", Printable::new(name)));
                let file = finding.file.as_ref().filter(|file| !finding.problem.contains(*file));
                let file = file.map(|file| format!("{}: ", Printable::new(file)));
                let (project, file) = (project.unwrap_or_default(), file.unwrap_or_default());
                writeln!(f, "       {project}{file}{}", Printable::new(&finding.problem))?;
                writeln!(f, "         -> {}", Printable::new(&finding.advice))?;
            }
            if checked.check == Check::Pythons {
                for asked in self.pythons.iter().filter(|asked| asked.problem.is_none()) {
                    let (version, time) = (asked.version.as_deref(), asked.import_ms);
                    let (version, time) = (version.unwrap_or_default(), time.unwrap_or_default());
                    write!(
                        f,
                        "       {} is {}, ",
                        Printable::new(&asked.python),
                        Printable::new(version)
                    )?;
                    writeln!(f, "and imports {} in {time} ms", Printable::new(&asked.core))?;
                }
            }
        }
        Ok(())
    }
}
