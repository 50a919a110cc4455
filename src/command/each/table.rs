//! How the runs went, as a table.

use std::fmt::Write;
use std::iter;
use std::process::ExitStatus;

use super::Outcome;
use crate::console::columns;
use crate::display::Printable;

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
    let row = |outcome: &Outcome| {
        let took = outcome.took.map(|took| format!("{:.1} s", took.as_secs_f64()));
        let took = took.unwrap_or_else(|| "-".into());
        let result = outcome.failure.as_deref().unwrap_or("ok");
        [Printable::new(&outcome.name).to_string(), format!("{took:>8}"), result.to_owned()]
    };
    let titles = ["PROJECT", "    TIME", "RESULT"].map(String::from);
    let rows: Vec<[String; 3]> = iter::once(titles).chain(outcomes.iter().map(row)).collect();
    let mut text = String::from('\n');
    for line in columns(&rows) {
        let _ = writeln!(text, "{line}");
    }
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    let _ = writeln!(text, "{failed} of {} failed", outcomes.len());
    text
}
