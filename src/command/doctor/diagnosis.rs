//! The doctor's report: findings first, then the checks without any, and a summary.

use std::collections::BTreeSet;

use serde::Serialize;

use super::finding::{CHECKS, Check, Finding, Severity};
use super::pythons::{TriedImage, TriedPython};
use crate::console::Colour;
use crate::display::{Printable, between};

/// The columns of the mark, with the space after it.
const MARK: usize = 9;

/// Characters; a longer path has a line to itself.
const LONG_PATH: usize = 20;

/// The result of an examination; the fields are those of `--doctor=json`.
#[derive(Serialize)]
pub struct Diagnosis {
    /// True if nothing is wrong; there may be warnings and notes.
    pub ok: bool,
    severity: Severity,
    checks: Vec<CheckResult>,
    pythons: Vec<TriedPython>,
}

#[derive(Serialize)]
struct CheckResult {
    check: Check,
    #[serde(skip)]
    title: &'static str,
    ok: bool,
    severity: Severity,
    findings: Vec<Finding>,
}

/// The extent of the report as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Findings,
    All,
}

impl Diagnosis {
    /// Sorts the findings by check, and keeps one of those that are the same.
    pub fn new(findings: Vec<Finding>, pythons: Vec<TriedPython>) -> Self {
        let mut findings = distinct(findings);
        let mut checks = Vec::new();
        for (check, title) in CHECKS {
            let own: Vec<Finding> = findings.extract_if(.., |f| f.check == check).collect();
            let severity = own.iter().map(|f| f.severity).max().unwrap_or(Severity::Ok);
            let ok = severity < Severity::Wrong;
            checks.push(CheckResult { check, title, ok, severity, findings: own });
        }
        let severity = checks.iter().map(|check| check.severity).max().unwrap_or(Severity::Ok);
        Diagnosis { ok: severity < Severity::Wrong, severity, checks, pythons }
    }

    pub fn text(&self, extent: Extent, width: usize, colour: Colour) -> String {
        let mut text = Text { lines: Vec::new(), width, colour };
        for severity in [Severity::Wrong, Severity::Warning, Severity::Note] {
            for finding in self.findings().filter(|finding| finding.severity == severity) {
                text.finding(finding);
            }
        }
        if extent == Extent::All {
            for result in self.checks.iter().filter(|result| result.findings.is_empty()) {
                text.block(Severity::Ok, vec![result.title.into()]);
            }
            for python in &self.pythons {
                text.python(python);
            }
        }
        if !text.lines.is_empty() {
            text.lines.push(String::new());
        }
        text.lines.push(self.summary());
        text.lines.join("\n") + "\n"
    }

    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|result| &result.findings)
    }

    /// Returns the last line, such as `4 problems in 3 projects, 1 note; 9 checks fine`.
    fn summary(&self) -> String {
        let (mut problems, mut warnings, mut notes, mut placed) = (0, 0, 0, 0);
        let mut projects = BTreeSet::new();
        for finding in self.findings() {
            match finding.severity {
                Severity::Wrong => {
                    problems += 1;
                    placed += usize::from(finding.project.is_some());
                    projects.extend(finding.project.as_deref());
                }
                Severity::Warning => warnings += 1,
                Severity::Note => notes += 1,
                Severity::Ok => {}
            }
        }
        let found = match problems {
            0 => "no problems".into(),
            count => counted(count, "problem"),
        };
        let count = counted(projects.len(), "project");
        let mut parts = vec![match placed {
            0 => found,
            placed if placed == problems => format!("{found} in {count}"),
            placed => format!("{found} ({placed} in {count})"),
        }];
        for (count, word) in [(warnings, "warning"), (notes, "note")] {
            if count > 0 {
                parts.push(counted(count, word));
            }
        }
        let fine = self.checks.iter().filter(|result| result.findings.is_empty()).count();
        format!("{}; {} fine", parts.join(", "), counted(fine, "check"))
    }
}

/// Keeps the first of several findings of one fault: projects share cores and folders.
fn distinct(findings: Vec<Finding>) -> Vec<Finding> {
    let mut distinct: Vec<Finding> = Vec::new();
    for finding in findings {
        if !distinct.iter().any(|other| other.is_same(&finding)) {
            distinct.push(finding);
        }
    }
    distinct
}

/// Returns the words about an image, such as ` with an image of 4.8 MiB (210 ms without)`.
fn described(image: &TriedImage) -> String {
    if image.state != "ready" {
        return format!(" (image: {})", image.state);
    }
    let tenths = image.bytes * 10 / (1024 * 1024);
    let without = image.import_ms_without.map(|ms| format!(" ({ms} ms without)"));
    let without = without.unwrap_or_default();
    format!(" with an image of {}.{} MiB{without}", tenths / 10, tenths % 10)
}

fn counted(count: usize, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural}")
}

/// The report's lines while they are written.
struct Text {
    lines: Vec<String>,
    width: usize,
    colour: Colour,
}

impl Text {
    fn finding(&mut self, finding: &Finding) {
        let problem = Printable::new(&finding.problem).to_string();
        let mut parts = Vec::new();
        parts.extend(finding.project.as_ref().map(|name| Printable::new(name).to_string()));
        let mut problem = problem.as_str();
        if let Some(file) = &finding.file {
            let file = Printable::new(file).to_string();
            // An error ends with its path, or has it in its middle.
            if let Some(rest) = problem.strip_suffix(&format!(": {file}")) {
                problem = rest;
            }
            if !problem.contains(&file) {
                parts.push(file);
            }
        }
        parts.extend(self.wrapped(problem));
        let advice = format!("-> {}", Printable::new(&finding.advice));
        for (number, line) in self.wrapped(&advice).into_iter().enumerate() {
            parts.push(if number == 0 { line } else { format!("   {line}") });
        }
        self.block(finding.severity, parts);
    }

    fn python(&mut self, python: &TriedPython) {
        if python.problem.is_some() {
            return;
        }
        let version = Printable::new(python.version.as_deref().unwrap_or_default());
        let time = between(" in ", python.import_ms, " ms");
        let image = python.image.as_ref().map(described).unwrap_or_default();
        let core = Printable::new(&python.core);
        let mut parts = vec![Printable::new(&python.python).to_string()];
        parts.extend(
            self.wrapped(&format!("is Python {version}; imports sgtk{time}{image} from {core}")),
        );
        self.block(Severity::Ok, parts);
    }

    /// Adds lines with a mark before the first.
    fn block(&mut self, severity: Severity, parts: Vec<String>) {
        for (number, part) in parts.into_iter().enumerate() {
            let line = if number == 0 {
                let space = " ".repeat(MARK - severity.mark().len());
                format!("{}{space}{part}", self.colour.paint_mark(severity.mark()))
            } else {
                format!("{}{part}", " ".repeat(MARK))
            };
            self.lines.push(line);
        }
    }

    /// Breaks a text at spaces. A long path has a line to itself. Leaves room for the mark and for the indent
    /// below `->`.
    fn wrapped(&self, text: &str) -> Vec<String> {
        let width = self.width.saturating_sub(MARK + "-> ".len());
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut is_after_path = false;
        for word in text.split(' ') {
            let length = word.chars().count();
            let is_path = length > LONG_PATH && word.contains(['/', '\\']);
            let fits = line.chars().count() + 1 + length <= width;
            if !line.is_empty() && (is_path || is_after_path || !fits) {
                lines.push(std::mem::take(&mut line));
            }
            is_after_path = is_path;
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        lines
    }
}
