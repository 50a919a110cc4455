//! Checks a studio, and prints each check with its findings: the file, what is wrong, and what to do. A file a
//! noun; to add a check, add it to `finding.rs` and to `examine`.

mod caller;
mod configs;
mod finding;
mod names;
mod pythons;
mod scope;
mod settings;

use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::cli::Format;
use crate::console;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::plan::plan_all;
use finding::{CHECKS, Check, Finding};
use pythons::TriedPython;
use scope::Scope;

/// Examines all configurations, or the chosen one, and prints the findings. Exits with 122 if there are any.
pub fn run(format: Format, context: &Context) -> Result<ExitCode> {
    let diagnosis = examine(&Scope::new(context)?, context);
    console::print_answer(format, &diagnosis, || diagnosis.to_string())?;
    Ok(if diagnosis.ok { ExitCode::SUCCESS } else { ExitCode::from(Code::Broken as u8) })
}

fn examine(scope: &Scope, context: &Context) -> Diagnosis {
    let Context { request, roots, inputs, .. } = context;
    let all = context.scan_all();
    let alone = scope.scan(context);
    let scan = alone.as_ref().unwrap_or(&all);
    let plans = plan_all(scan, context);
    let mut findings = settings::roots(roots);
    findings.extend(configs::unreadable(scan, roots));
    match scope {
        Scope::All => findings.extend(names::names(&all, None, roots)),
        Scope::Config(config) => findings.extend(names::names(&all, Some(config), roots)),
        Scope::NotHere(reason) => findings.push(not_realised(reason)),
    }
    findings.extend(settings::site(context));
    for (record, plan) in scan.records.iter().zip(&plans) {
        findings.extend(configs::config(record, plan, roots));
    }
    let pythons = pythons::try_all(plans.into_iter().flatten());
    findings.extend(pythons.iter().filter_map(TriedPython::finding));
    if matches!(scope, Scope::All) {
        findings.extend(settings::unused_tables(context, scan));
        findings.extend(settings::unused_roots(context));
    }
    findings.extend(caller::proxies(inputs));
    findings.extend(caller::hidden_core(request, inputs));
    Diagnosis::new(findings, pythons)
}

fn not_realised(reason: &Error) -> Finding {
    let advice = "launch the project once, or use --refresh";
    Finding::new(Check::Configs, reason.to_string(), advice)
}

/// The result of an examination; the fields are those of `--doctor=json`.
#[derive(Serialize)]
struct Diagnosis {
    ok: bool,
    checks: Vec<CheckResult>,
    pythons: Vec<TriedPython>,
}

#[derive(Serialize)]
struct CheckResult {
    check: Check,
    #[serde(skip)]
    title: &'static str,
    ok: bool,
    findings: Vec<Finding>,
}

impl Diagnosis {
    fn new(mut findings: Vec<Finding>, pythons: Vec<TriedPython>) -> Self {
        let ok = findings.is_empty();
        let mut checks = Vec::new();
        for (check, title) in CHECKS {
            let own: Vec<Finding> = findings.extract_if(.., |f| f.check == check).collect();
            checks.push(CheckResult { check, title, ok: own.is_empty(), findings: own });
        }
        Diagnosis { ok, checks, pythons }
    }
}

impl Display for Diagnosis {
    /// Writes a line for each check, and below it its findings.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for result in &self.checks {
            let mark = if result.ok { "ok   " } else { "WRONG" };
            writeln!(f, "{mark}  {}", result.title)?;
            for finding in &result.findings {
                write!(f, "{finding}")?;
            }
            if result.check == Check::Pythons {
                for python in &self.pythons {
                    write!(f, "{python}")?;
                }
            }
        }
        Ok(())
    }
}
