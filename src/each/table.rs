//! How the runs went, as a table.

use std::fmt::Write;
use std::process::ExitStatus;

use super::Outcome;
use crate::shown::Shown;

/// How a run ended that did not end well.
pub fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        // "signal: 9 (SIGKILL)"
        None => status.to_string().replacen(": ", " ", 1),
    }
}

/// The table, a line for each project, and how many failed.
pub fn table(outcomes: &[Outcome]) -> String {
    let names: Vec<String> =
        outcomes.iter().map(|outcome| Shown::new(&outcome.name).to_string()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().max(7);
    let mut text = String::from('\n');
    let _ = writeln!(text, "{:<width$}     TIME  RESULT", "PROJECT");
    for (name, outcome) in names.iter().zip(outcomes) {
        let took = outcome.took.map(|took| format!("{:.1} s", took.as_secs_f64()));
        let result = outcome.failure.as_deref().unwrap_or("ok");
        let _ = writeln!(text, "{name:<width$} {:>8}  {result}", took.as_deref().unwrap_or("-"));
    }
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    let _ = writeln!(text, "{failed} of {} failed", outcomes.len());
    text
}
