//! Checks a studio, and prints the findings: the project, the file, the problem, and the mend. A file a noun; to
//! add a check, add it to `finding.rs`, to `examine` and to docs/doctor.md.

mod caller;
mod configs;
mod data;
mod diagnosis;
mod finding;
mod images;
mod install_locations;
mod names;
mod permissions;
mod pythons;
mod roots;
mod scope;
mod settings;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{DoctorFormat, Format};
use crate::console;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::plan::plan_all;
use diagnosis::{Diagnosis, Extent};
use finding::{Check, Finding};
use pythons::{Timing, TriedPython};
use scope::Scope;

/// The columns of the text where standard output is no terminal.
const WIDTH: usize = 80;

/// Examines all configurations, or the chosen one, and prints the findings. Exits with 122 if something is
/// wrong.
#[cold]
pub fn run(format: DoctorFormat, context: &Context) -> Result<ExitCode> {
    let (format, extent, timing) = match format {
        DoctorFormat::Text => (Format::Text, Extent::Findings, Timing::Skipped),
        DoctorFormat::All => (Format::Text, Extent::All, Timing::Measured),
        DoctorFormat::Json => (Format::Json, Extent::All, Timing::Measured),
    };
    let diagnosis = examine(&Scope::new(context)?, timing, context);
    console::print_answer(format, &diagnosis, || {
        let width = console::terminal_width().unwrap_or(WIDTH);
        diagnosis.text(extent, width, context.colour())
    })?;
    Ok(if diagnosis.ok { ExitCode::SUCCESS } else { ExitCode::from(Code::Broken as u8) })
}

fn examine(scope: &Scope, timing: Timing, context: &Context) -> Diagnosis {
    let Context { request, roots, inputs, .. } = context;
    let all = context.scan_all();
    let alone = scope.scan(context);
    let scan = alone.as_ref().unwrap_or(&all);
    let plans = plan_all(scan, context);
    let mut findings = roots::unreadable(context);
    if matches!(scope, Scope::All) {
        findings.extend(roots::nothing_checked(&all, context));
        findings.extend(configs::without_roots_file(&all, roots));
    }
    findings.extend(configs::unreadable(scan, roots));
    match scope {
        Scope::All => findings.extend(names::names(&all, None, context)),
        Scope::Config(config) => findings.extend(names::names(&all, Some(config), context)),
        Scope::NotHere(reason) => findings.push(not_realised(reason)),
    }
    findings.extend(settings::site(context));
    findings.extend(data::claims(scan, &all, context));
    for record in &scan.records {
        findings.extend(install_locations::elsewhere(record, context));
    }
    for (record, plan) in scan.records.iter().zip(&plans) {
        findings.extend(configs::config(record, plan, roots));
    }
    findings.extend(images::images(&plans));
    let open = permissions::open_to_all(scan, &plans, context);
    let plans = plans.into_iter().flatten();
    let (open_plans, plans): (Vec<_>, Vec<_>) = plans.partition(|plan| open.has_code_of(plan));
    findings.extend(open.findings);
    findings.extend(pythons::not_started(&open_plans));
    let pythons = pythons::try_all(plans, timing);
    findings.extend(pythons.iter().filter_map(TriedPython::finding));
    if matches!(scope, Scope::All) {
        findings.extend(settings::unused_tables(context, scan));
        findings.extend(settings::unused_roots(context));
        findings.extend(settings::hidden(context));
    }
    findings.extend(caller::proxies(inputs));
    findings.extend(caller::missing_script(request, inputs));
    findings.extend(caller::hidden_core(request, inputs));
    Diagnosis::new(findings, pythons)
}

fn not_realised(reason: &Error) -> Finding {
    let advice = "launch the project once, or use --refresh";
    Finding::warning(Check::Configs, reason.to_string(), advice)
}
