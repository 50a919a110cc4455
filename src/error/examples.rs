//! One example of each error, and what is true of all of them.

use std::collections::HashMap;
use std::io;

use super::{Candidate, Code, Error, SiteError, SiteFailure, SiteFailureKind};
use crate::disk::{Distrust, FileProblem};
use crate::origin::{Decided, Origin};

/// The examples of a match: a new variant does not compile until it has one.
macro_rules! examples {
    ($type:ident: $($pattern:pat => $example:expr,)+) => {{
        let examples: Vec<$type> = vec![$($example),+];
        for example in &examples {
            match example { $($pattern => {})+ }
        }
        examples
    }};
}

const OPTION: Origin = Origin::Option("--project");

fn roots() -> Vec<Decided<std::path::PathBuf>> {
    vec![Decided::new("/configs".into(), Origin::Variable("SHOTGUN_BASE"))]
}

fn denied() -> io::Error {
    io::Error::from_raw_os_error(13)
}

fn unknown_id() -> Error {
    Error::UnknownId { id: 7, origin: OPTION, roots: roots() }
}

fn configs() -> Vec<Candidate> {
    vec![Candidate { path: "/configs/a".into(), pipeline: "Primary".into() }]
}

fn of_site(kind: SiteFailureKind) -> Error {
    let failure = SiteFailure::of(kind, "the site has no such project");
    let (host, log) = ("https://studio".into(), "/log".into());
    Error::Site(Box::new(SiteError { project: "a".into(), host, failure, log }))
}

#[rustfmt::skip]
fn problems() -> Vec<FileProblem> {
    examples! { FileProblem:
        FileProblem::Io(_) => FileProblem::Io(denied()),
        FileProblem::Missing => FileProblem::Missing,
        FileProblem::DanglingLink => FileProblem::DanglingLink,
        FileProblem::Folder => FileProblem::Folder,
        FileProblem::TooLarge(_) => FileProblem::TooLarge(1024),
        FileProblem::Special => FileProblem::Special,
        FileProblem::NotUtf8(_) => FileProblem::NotUtf8(3),
        FileProblem::OpenToOthers => FileProblem::OpenToOthers,
        FileProblem::ByteOrderMark => FileProblem::ByteOrderMark,
        FileProblem::Empty => FileProblem::Empty,
        FileProblem::Nul => FileProblem::Nul,
        FileProblem::Lacks(_) => FileProblem::Lacks("'script-name'"),
        FileProblem::NotYaml(_) => FileProblem::NotYaml("line 1".into()),
        FileProblem::Untrusted(_) => FileProblem::Untrusted(Distrust::File),
    }
}

#[rustfmt::skip]
fn site_failures() -> Vec<SiteFailureKind> {
    use SiteFailureKind as Kind;
    examples! { SiteFailureKind:
        Kind::NoCredentials => Kind::NoCredentials,
        Kind::LoginRefused => Kind::LoginRefused,
        Kind::NoProject => Kind::NoProject,
        Kind::NoConfig => Kind::NoConfig,
        Kind::NoPipeline => Kind::NoPipeline,
        Kind::Unreachable => Kind::Unreachable,
        Kind::NoDescriptor => Kind::NoDescriptor,
        Kind::CoreTooOld => Kind::CoreTooOld,
        Kind::NoCore => Kind::NoCore,
        Kind::Other => Kind::Other,
    }
}

#[rustfmt::skip]
fn errors() -> Vec<Error> {
    examples! { Error:
        Error::CommandLine { .. } => Error::CommandLine { message: "--match needs --each".into(), hint: None },
        Error::UnknownOption { .. } => Error::UnknownOption { word: "--x".into(), near: Some("--y".into()) },
        Error::Isolated { .. } => Error::Isolated { word: "-I".into() },
        Error::BadVariable { .. } => Error::BadVariable { option: "--env", word: "x".into() },
        Error::HostileName { .. } => Error::HostileName { name: "../x".into(), origin: OPTION },
        Error::PipelineOfConfig { .. } => Error::PipelineOfConfig { config: OPTION, pipeline: OPTION },
        Error::BadProjectId { .. } => Error::BadProjectId { value: "x".into() },
        Error::BadSwitch { .. } => Error::BadSwitch { name: "SGTK_PYTHON_WARM", allowed: "1 or 0", value: "x".into() },
        Error::Conflict(_) => Error::Conflict(Box::new([roots().remove(0), roots().remove(0)])),
        Error::BadPython { .. } => Error::BadPython { value: "".into(), why: "it is empty", origin: OPTION },
        Error::NoWorkingDirectory { .. } => Error::NoWorkingDirectory { path: "x".into() },
        Error::NoProject { .. } => Error::NoProject { misplaced: None, inside_launch: false },
        Error::UnknownProject { .. } => Error::UnknownProject {
            name: std::ffi::OsString::from("a").into(), origin: OPTION, roots: roots().into(), near: Box::new([]) },
        Error::PartlySearched { .. } => Error::PartlySearched { here: unknown_id().into(), files: Box::new(["/x".into()]), roots: Box::new([]) },
        Error::UnknownId { .. } => unknown_id(),
        Error::NoRoot { .. } => Error::NoRoot { roots: roots(), reason: None },
        Error::NothingAbove { .. } => Error::NothingAbove { path: "/x".into(), origin: OPTION },
        Error::UnknownConfig { .. } => Error::UnknownConfig { wanted: "Dev".into(), project: "'a'".into(), configs: configs() },
        Error::Ambiguous { .. } => Error::Ambiguous { wanted: "Dev".into(), project: "'a'".into(), configs: configs() },
        Error::BadSite(_) => Error::BadSite(Decided::new("https://".into(), OPTION)),
        Error::NotOnSite { .. } => Error::NotOnSite { here: unknown_id().into(), host: "https://studio".into() },
        Error::NotAsked { .. } => Error::NotAsked { here: unknown_id().into(), host: "https://studio".into() },
        Error::NotRealised { .. } => Error::NotRealised { project: "a".into(), host: "https://studio".into() },
        Error::Cache { .. } => Error::Cache { path: "/x".into(), source: denied() },
        Error::Incomplete { .. } => Error::Incomplete { path: "/x".into() },
        Error::OtherProject { .. } => Error::OtherProject { path: "/x".into(), wanted: 1, found: 2 },
        Error::Site(_) => of_site(SiteFailureKind::Other),
        Error::File { .. } => Error::of_file("/x", FileProblem::Missing),
        Error::Settings { .. } => Error::Settings { path: "/x".into(), line: 3, key: Some("roots".into()), message: "unknown key".into(), near: Some("root".into()) },
        Error::NotAConfig { .. } => Error::NotAConfig { path: "/x".into(), exists: true, origin: OPTION },
        Error::NoCore { .. } => Error::NoCore { config: "/x".into(), link: "/y".into(), studio: Some("/z".into()) },
        Error::CoreNotSetUp { .. } => Error::CoreNotSetUp { file: "/x".into(), text: "None".into() },
        Error::CoreMissing { .. } => Error::CoreMissing { core: "/x".into(), written: "$X/y".into(), file: "/y".into() },
        Error::CoreWithoutTank { .. } => Error::CoreWithoutTank { python_path: "/x".into(), origin: OPTION },
        Error::CoreUnlistable { .. } => Error::CoreUnlistable { python_path: "/x:y".into(), separator: ':' },
        Error::CoreLacksPython { .. } => Error::CoreLacksPython {
            python: "/python".into(), version: "3.12".into(), core: "/core".into(), supported: vec!["3.11".into()] },
        Error::NotExecutable { .. } => Error::NotExecutable { path: "/x".into(), why: "it is a folder".into(), origin: OPTION },
        Error::PythonIsLauncher { .. } => Error::PythonIsLauncher { path: "/x".into(), origin: OPTION },
        Error::Exec { .. } => Error::Exec { path: "/x".into(), source: denied(), longest: Some("PATH".into()) },
        Error::Handover(_) => Error::Handover(denied()),
        Error::Workers(_) => Error::Workers("folder of workers is not a folder: /x".into()),
        Error::PythonMissing { .. } => Error::PythonMissing { path: "/x".into(), written: "/x".into(), origin: OPTION },
        Error::JobNotBegun { .. } => Error::JobNotBegun { worker: 7, why: "lost the job's process, which signal 9 killed".into() },
        Error::WorkerLost { .. } => Error::WorkerLost { worker: 7, why: "sent an invalid reply" },
        Error::WorkerNotStopped { .. } => Error::WorkerNotStopped { worker: 7, project: "a".into() },
        Error::PythonNotOnPath { .. } => Error::PythonNotOnPath { name: "python3".into(), origin: OPTION },
        Error::Busy { .. } => Error::Busy { what: "x.py".into(), config: "/x".into(), holder: Some(7) },
        Error::NoLockFolder => Error::NoLockFolder,
        Error::Lock { .. } => Error::Lock { path: "/x".into(), source: denied() },
        Error::NoneMatches { .. } => Error::NoneMatches { pattern: Some("b*".into()), pipeline: Some("Dev".into()), roots: roots() },
        Error::NoLauncher => Error::NoLauncher,
        Error::StatusDescriptor { .. } => Error::StatusDescriptor { number: 9, source: denied() },
        Error::Shim { .. } => Error::Shim { path: "/x".into(), why: "the folder does not exist".into() },
        Error::VenvWithoutProject { .. } => Error::VenvWithoutProject { python: "/x".into() },
        Error::VenvOutdated { .. } => Error::VenvOutdated {
            venv: "/x".into(), python: "/python".into(), origin: OPTION, again: "sgtk-python --make-venv a /x".into() },
    }
}

/// All examples, and further ones of the variants that have several rows.
fn all() -> Vec<Error> {
    let mut all = errors();
    all.extend(problems().into_iter().map(|problem| Error::of_file("/x", problem)));
    all.extend(site_failures().into_iter().map(of_site));
    all.push(Error::BadVariable { option: "--keep", word: "A=B".into() });
    all.push(Error::NoProject { misplaced: Some("--project".into()), inside_launch: false });
    all.push(Error::NoProject { misplaced: None, inside_launch: true });
    all.push(Error::NotAConfig { path: "/x".into(), exists: false, origin: OPTION });
    all.push(Error::NoneMatches { pattern: None, pipeline: None, roots: Vec::new() });
    all
}

fn is_sentence(text: &str) -> bool {
    let forbidden =
        "tell told tells whoever somebody nobody anybody everybody whom anew besides likewise";
    let starts_low = text.starts_with(|c: char| c.is_lowercase() || "-'".contains(c))
        || text.starts_with("Python ")
        || text.starts_with("SGTK_");
    let words = text.split(|c: char| !c.is_alphanumeric());
    starts_low
        && !text.contains('\n')
        && !text.ends_with('.')
        && words.into_iter().all(|word| !forbidden.split(' ').any(|other| other == word))
}

#[test]
fn sentences_follow_the_rules() {
    for error in all() {
        let report = error.report();
        assert!(is_sentence(&report.message), "{report:?}");
        assert!(report.hint.as_deref().is_none_or(is_sentence), "{report:?}");
    }
}

#[test]
fn kinds_are_unique_words() {
    let mut variants = HashMap::new();
    for error in all() {
        let kind = error.kind();
        assert!(kind.split('-').all(|part| !part.is_empty()), "{kind}");
        assert!(kind.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()), "{kind}");
        let variant = std::mem::discriminant(&error);
        assert_eq!(*variants.entry(kind).or_insert(variant), variant, "{kind}");
    }
    assert_eq!(variants.len(), errors().len() + site_failures().len() - 1);
}

#[test]
fn codes_are_fixed() {
    for error in all() {
        assert!([75, 121, 122, 125, 126, 127].contains(&(error.code() as u8)), "{error}");
    }
    for (error, code) in [
        (Error::NoLauncher, Code::Usage),
        (unknown_id(), Code::NoProject),
        (of_site(SiteFailureKind::NoConfig), Code::NoProject),
        (of_site(SiteFailureKind::Unreachable), Code::Broken),
        (Error::NotAsked { here: unknown_id().into(), host: String::new() }, Code::NoProject),
    ] {
        assert_eq!(error.code(), code, "{error}");
    }
    for kind in site_failures() {
        assert_eq!(of_site(kind).code() == Code::NoProject, kind.is_not_found(), "{kind:?}");
    }
}
