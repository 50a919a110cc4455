//! The launcher and the real core read the same random configs and agree on the core's folder, the interpreter
//! and on failure.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::real_core::{PYTHON, real_core};
use crate::scene::Runs;
use crate::support::{OS, Studio, make_executable, write};

/// The real core, in a Python that answers a question a line.
struct Reference {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reference {
    fn start(studio: &Studio) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/reference.py");
        let mut child = Command::new(&*PYTHON)
            .args(["-X", "utf8"])
            .arg(script)
            .env_clear()
            .env("PYTHONPATH", real_core())
            .env("HOME", studio.path("home"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Reference { child, questions, answers }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("an answer of the real core")
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Content of a `.cfg` file. In texts, `@` is the studio's folder.
#[derive(Clone, Debug)]
enum Content {
    Missing,
    Folder,
    Text(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Case {
    localized: bool,
    is_config: bool,
    core_link: Content,
    interpreter: Content,
    environment: BTreeMap<String, String>,
}

fn space() -> impl Strategy<Value = &'static str> {
    select(vec![
        "", "", "", " ", "\n", "\r\n", "\t", "\u{1c}", "\u{1f}", "\u{85}", "\u{a0}", "\u{2003}",
        "\u{3000}", "\u{200b}", "\u{feff}", "\r", "\n\n \n",
    ])
}

/// Paths as people write them, in three of four cases a right one, else one that may be nearly right.
fn path(ends: &'static [&'static str]) -> impl Strategy<Value = String> {
    let right = (select(&RIGHT_STARTS[..]), select(&ends[..2]), select(vec!["", "", "/", "//"]));
    let any = (select(&STARTS[..]), select(ends), select(vec!["", "", "", "/", "/.", " x"]));
    prop_oneof![
        3 => right.prop_map(|(start, end, tail)| format!("{start}{end}{tail}")),
        1 => any.prop_map(|(start, end, tail)| format!("{start}{end}{tail}")),
    ]
}

const RIGHT_STARTS: [&str; 8] =
    ["@", "@", "$ROOT", "${ROOT}", "~/..", "$TILDE/..", "${odd name}", "$ROOT/"];

const STARTS: [&str; 22] = [
    "$UNSET",
    "${UNSET}",
    "~",
    "~root",
    "~nobody",
    "~no_such_user",
    "${ROOT",
    "$",
    "'@'",
    "\"@\"",
    "$NESTED",
    "$ROOTé",
    "",
    ".",
    "%ROOT%",
    "$$ROOT",
    "None",
    "undefined",
    "$NONE",
    "$EMPTY",
    "$EMPTY@",
    "../@",
];

fn content(ends: &'static [&'static str]) -> impl Strategy<Value = Content> {
    let written = (space(), path(ends), space(), prop::option::weighted(0.1, path(ends))).prop_map(
        |(before, path, after, more)| {
            let more = more.map(|more| format!("\r\n{more}")).unwrap_or_default();
            Content::Text(format!("{before}{path}{more}{after}").into_bytes())
        },
    );
    prop_oneof![
        20 => written,
        2 => "[ -~\u{e9}\u{3b1}$@{}~/\n\r]{0,30}".prop_map(|text| Content::Text(text.into_bytes())),
        1 => prop::collection::vec(any::<u8>(), 0..8).prop_map(Content::Text),
        1 => Just(Content::Missing),
        1 => Just(Content::Folder),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let home = prop::option::weighted(0.8, select(vec!["@/home", "@/home/", "", "/", "relative"]));
    (
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.95),
        content(&["/cores/v1", "/cores/a core", "/cores/cör", "/cores/none", "/cores", ""]),
        content(&["/bin/python", "/bin/py thon", "/bin/pythön", "/bin/no", "/bin"]),
        home,
    )
        .prop_map(|(localized, is_config, core_link, interpreter, home)| {
            let fixed = [
                ("ROOT", "@"),
                ("TILDE", "~"),
                ("NESTED", "$ROOT"),
                ("odd name", "@"),
                ("NONE", "None"),
                ("EMPTY", ""),
            ];
            let mut environment: BTreeMap<String, String> =
                fixed.map(|(name, value)| (name.into(), value.into())).into();
            environment.extend(home.map(|home| ("HOME".into(), home.into())));
            Case { localized, is_config, core_link, interpreter, environment }
        })
}

fn place(studio: &Studio, file: &Path, content: &Content) {
    match content {
        Content::Missing => {}
        Content::Folder => fs::create_dir_all(file).unwrap(),
        Content::Text(bytes) => {
            let root = studio.path("");
            let root = root.to_str().unwrap().trim_end_matches('/').as_bytes();
            let parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'@').collect();
            write(file, parts.join(root));
        }
    }
}

/// The launcher's answer for a config: the core's folder and the interpreter, `None` for a failure.
/// The real core knows neither the studio core nor the `python3` on `PATH`: they count as failures.
fn launchers_answer(launcher: &mut Command) -> Result<Option<[String; 2]>, TestCaseError> {
    let run = launcher.run();
    if !run.status.success() {
        let failure = run.failure();
        prop_assert!(matches!(failure.code, 122 | 126 | 127), "{failure:?}");
        return Ok(None);
    }
    let plan = run.json();
    let text = |part: &Value| part.as_str().unwrap().to_owned();
    let is_ours_alone = plan["core"]["kind"] == "studio"
        || text(&plan["interpreter"]["origin"]).starts_with("the default");
    let found = [text(&plan["core"]["python_path"]), text(&plan["interpreter"]["path"])];
    Ok((!is_ours_alone).then_some(found))
}

/// The real core's answers that the launcher accepts too. The launcher is stricter, so that a launch fails early:
/// a config must hold `roots.yml` even if it shares its core, the core's folder must hold a core, and the
/// interpreter must be a file. Relative paths are joined to the working directory.
fn theirs_as_ours(theirs: &Value, case: &Case, directory: &str) -> [Option<String>; 2] {
    let absolute = |path: &str| match path.strip_prefix('/') {
        Some(_) => path.to_owned(),
        None => Path::new(directory).join(path).to_str().unwrap().to_owned(),
    };
    let accepted = |answer: &Value, fits: fn(&Path) -> bool| {
        let path = absolute(answer.as_str()?);
        (case.is_config && fits(Path::new(&path))).then_some(path)
    };
    let core = accepted(&theirs["core"], |path| path.join("tank").exists());
    let interpreter = accepted(&theirs["interpreter"], Path::is_file);
    [core, interpreter]
}

#[test]
#[ignore = "needs the real core: run tests/run"]
fn launcher_agrees_with_the_real_core() {
    let studio = Studio::new();
    for name in ["v1", "a core", "cör"] {
        studio.core(name);
    }
    for name in ["py thon", "pythön"] {
        write(studio.path("bin").join(name), "#!/bin/sh\n");
        make_executable(&studio.path("bin").join(name));
    }
    let root = studio.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let reference = RefCell::new(Reference::start(&studio));
    let counts = [const { Cell::new(0) }; 3];
    let number = Cell::new(0);
    let mut runner =
        TestRunner::new(Config { cases: 1000, failure_persistence: None, ..Config::default() });
    let result = runner.run(&case(), |case| {
        number.set(number.get() + 1);
        let name = format!("case{}", number.get());
        let config = studio.path("configs").join(&name);
        let core = if case.localized { config.clone() } else { studio.path("cores/v1") };
        let _ = fs::remove_dir_all(&config);
        fs::create_dir_all(config.join("install/core")).unwrap();
        if case.is_config {
            write(config.join("config/core/roots.yml"), "{}");
        }
        if case.localized {
            studio.core_at(&config);
            write(config.join("install/core/_core_upgrader.py"), "");
        }
        place(&studio, &config.join(format!("install/core/core_{OS}.cfg")), &case.core_link);
        for core in [&core, &studio.path("cores/a core"), &studio.path("cores/cör")] {
            let file = core.join(format!("config/core/interpreter_{OS}.cfg"));
            let _ = fs::remove_file(&file);
            let _ = fs::remove_dir_all(&file);
            place(&studio, &file, &case.interpreter);
        }
        let environment: BTreeMap<&String, String> = case
            .environment
            .iter()
            .map(|(name, value)| (name, value.replace('@', &root)))
            .collect();
        let theirs = reference.borrow_mut().ask(&json!({
            "config": config, "environment": environment, "directory": root,
        }));
        let [core, interpreter] = theirs_as_ours(&theirs, &case, &root);
        let ours = |more: &[&OsStr]| {
            let mut launcher = studio.launcher(["--explain=json"]);
            launcher.arg("--config").arg(&config).args(more).env_remove("HOME").envs(&environment);
            launchers_answer(&mut launcher)
        };
        let python = studio.python();
        let our_core = ours(&["--python".as_ref(), python.as_os_str()])?.map(|[core, _]| core);
        prop_assert_eq!(&our_core, &core);
        let both = core.and_then(|core| Some([core, interpreter?]));
        prop_assert_eq!(&ours(&[])?, &both);
        fs::remove_dir_all(&config).unwrap();
        for (count, found) in counts.iter().zip([true, our_core.is_some(), both.is_some()]) {
            count.set(count.get() + u32::from(found));
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let [agreed, cores, both] = counts.map(|count| count.get());
    println!("agreed on {agreed} configs: {cores} have a core, {both} an interpreter too");
    assert!(cores > 100 && both > 30, "too few are right: {cores} and {both} of {agreed}");
}
