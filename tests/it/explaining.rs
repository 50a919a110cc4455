//! `--explain`: its formats, and the secrets that it hides.

use serde_json::json;

use crate::scene::Runs;
#[cfg(unix)]
use crate::support::variables_of;
use crate::support::{Studio, explained, write};

#[test]
fn json_format_is_fixed() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let python = studio.python();
    let mut launcher = studio.launcher(["--project", "bigbuck", "x.py", "a b"]);
    launcher.env("TANK_CURRENT_PC", "/x");
    let plan = explained(&mut launcher);
    let path = |path: std::path::PathBuf| {
        path.to_str().unwrap().replace('/', std::path::MAIN_SEPARATOR_STR)
    };
    let interpreter = config.join(format!("config/core/interpreter_{}.cfg", crate::support::OS));
    let core = config.join("install/core");
    let below = format!("folder below {} (variable SHOTGUN_BASE)", path(studio.path("configs")));
    let expected = json!({
        "format": 1,
        "project": { "name": "bigbuck", "id": 42, "origin": "option --project" },
        "config": { "path": path(config.clone()), "name": "Primary", "origin": below },
        "core": {
            "kind": "localized",
            "path": path(core.clone()),
            "python_path": path(core.join("python")),
            "version": "v0.99.1",
            "origin": path(core.join("_core_upgrader.py")),
        },
        "interpreter": { "path": path(python.clone()), "args": [], "origin": path(interpreter) },
        "environment": [
            {
                "name": "PYTHONPATH",
                "value": path(core.join("python")),
                "reason": "the project's core first; no other core, no empty entry",
            },
            {
                "name": "SGTK_PYTHON_CONFIG",
                "value": path(config),
                "reason": "names the configuration to the script",
            },
            {
                "name": "TANK_CURRENT_PC",
                "value": null,
                "reason": "carries another project into this one",
            },
        ],
        "argv": [path(python), "x.py", "a b"],
        "cwd": path(studio.path("")).trim_end_matches(std::path::MAIN_SEPARATOR),
        "warnings": [],
    });
    assert_eq!(plan, expected);
    assert_eq!(plan["environment"].as_array().unwrap().len(), 3);
}

#[test]
fn text_names_every_choice() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let mut launcher =
        studio.launcher(["--explain", "--project", "bigbuck", "x.py", "a b", "it's"]);
    launcher.env("TANK_CURRENT_PC", "/x").env("SGTK_CONTEXT", "x").env("PYTHONHOME", "/usr");
    let text = launcher.prints();
    for part in [
        "project  bigbuck (id 42)\n         option --project\n",
        "(localized v0.99.1)",
        "  unset  SGTK_CONTEXT, TANK_CURRENT_PC\n",
        "env -u PYTHONHOME -u SGTK_CONTEXT -u TANK_CURRENT_PC ",
        "x.py 'a b' 'it'\\''s'",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

#[cfg(unix)]
#[test]
fn printed_command_line_can_be_pasted() {
    let studio = Studio::new();
    let config = studio.localized("big $buck's");
    crate::support::interpreter(&config, "/bin/sh");
    let script = studio.path("show.sh");
    write(
        &script,
        "printf '%s|' \"$@\"; printf '%s' \"$A|$SGTK_PYTHON_CONFIG|${TANK_CURRENT_PC-unset}\"\n",
    );
    let words = [
        "--project",
        "big $buck's",
        "--env",
        "A=1\n2",
        script.to_str().unwrap(),
        "a'b",
        "\u{7}\n'x'",
    ];
    let plain = studio.launcher(words).env("TANK_CURRENT_PC", "/x").prints();
    let mut explaining = studio.launcher(["--explain"].iter().chain(&words));
    let explained = explaining.env("TANK_CURRENT_PC", "/x").prints();
    let line = explained.split("\nrun\n").nth(1).unwrap();
    assert!(!line.contains('\u{7}'), "nothing that plays with the terminal");
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", line]).env_clear().envs(variables_of(&studio.launcher([""; 0])));
    assert_eq!(shell.env("TANK_CURRENT_PC", "/x").prints(), plain);
}

#[test]
fn secret_values_are_hidden() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    for name in ["API_KEY", "MyToken", "A_SECRET_B", "db_password"] {
        for format in ["--explain", "--explain=json"] {
            let set = format!("{name}=hush-hush");
            let text = studio.launcher([format, "--project", "bigbuck", "--env", &set]).prints();
            assert!(
                text.contains(name) && text.contains("***") && !text.contains("hush"),
                "{text}"
            );
        }
    }
}

/// Names of variables, and whether they mark a secret.
const NAMES: [(&str, bool); 22] = [
    ("API_KEY", true),
    ("MyToken", true),
    ("A_SECRET_B", true),
    ("db_password", true),
    ("PASSWD", true),
    ("GPG_PASSPHRASE", true),
    ("SG_CREDENTIALS", true),
    ("PASS", true),
    ("MY_PASS", true),
    ("smtp_pass_2", true),
    ("DB.PASS", true),
    ("SSHPASS", true),
    ("MYSQL_PWD", true),
    ("PROXY_AUTH", true),
    ("COMPASS_PATH", false),
    ("BYPASS", false),
    ("PASSAGE", false),
    ("SSH_AUTH_SOCK", false),
    ("XAUTHORITY", false),
    ("AUTHOR", false),
    ("OLDPWD", false),
    ("PATH", false),
];

#[cfg(unix)]
#[test]
fn names_mark_secrets_as_in_sgtk_python() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let mut words = vec!["--project".to_owned(), "bigbuck".to_owned()];
    words.extend(NAMES.map(|(name, _)| format!("--env={name}=value of {name}")));
    let plan = studio.explain(&words);
    let program = "import sys; from sgtk_python.masking import secret_names; \
        print(sorted(secret_names({name: 'value of ' + name for name in sys.argv[1:]}, ())))";
    let mut python = std::process::Command::new(&*crate::support::PYTHON);
    python.args(["-B", "-c", program]).args(NAMES.map(|(name, _)| name));
    python.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/shims"));
    let found = python.prints();
    for (name, is_secret) in NAMES {
        let value = crate::support::change(&plan, name).unwrap();
        assert_eq!(value == "***", is_secret, "{name}: {value}");
        assert_eq!(found.contains(&format!("'{name}'")), is_secret, "{name}: {found}");
    }
}

#[test]
fn password_in_an_address_is_hidden() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let set = "http_proxy=http://me:hush-hush@proxy:80";
    for format in ["--explain", "--explain=json"] {
        let text = studio.launcher([format, "--project", "bigbuck", "--env", set]).prints();
        assert!(text.contains("http://me:***@proxy:80") && !text.contains("hush"), "{text}");
        assert!(format.ends_with("json") || text.contains("(fill in the secrets"), "{text}");
    }
    let words = ["--explain", "--project", "bigbuck", "--env", "HTTPS_PROXY=me:hush@proxy:80"];
    assert!(!studio.launcher(words).prints().contains("hush"));
    // The site's address, in each place where it could be shown.
    write(studio.path("settings.toml"), "[site]\nhost = 'me:hush-hush@studio'\n");
    let project = "--project=bigbuck";
    for words in [&[project, "-V"][..], &["--explain", project], &["--list"], &["--doctor"]] {
        for (name, value) in [
            ("SGTK_SITE", "https://me:hush-hush@studio".into()),
            ("SGTK_PYTHON_SETTINGS", studio.path("settings.toml")),
        ] {
            let mut launcher = studio.launcher(words);
            let run = launcher.env(name, value).env("SGTK_PYTHON_DEBUG", "1").run();
            let said = run.error();
            assert!(said.contains("address: 'https://me:***@studio'"), "{run}");
            assert!(said.contains("\nhint: leave out the user name"), "{run}");
            assert!(!said.contains("hush") && !run.text().contains("hush"), "{run}");
        }
    }
}

#[test]
fn other_name_is_shown_beside_the_project() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck_dev");
    write(config.join("config/core/pipeline_configuration.yml"), "project_name: bigbuck\n");
    let text = studio.launcher(["--explain", "--project", "bigbuck_dev"]).prints();
    assert!(
        text.starts_with("project  bigbuck\n         option --project ('bigbuck_dev')\n"),
        "{text}"
    );
}

#[test]
fn unreadable_metadata_is_no_failure() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let metadata = config.join("config/core/pipeline_configuration.yml");
    for text in [&b"\xff\xfe"[..], b"{", b"", b"[1, 2]", b"a: &a [*a]", b"- pc_name", b"\0"] {
        write(&metadata, text);
        let plan = studio.explain(["--project", "bigbuck"]);
        assert!(plan["project"]["id"].is_null(), "{plan}");
        assert_eq!(plan["project"]["name"], "bigbuck");
    }
    write(&metadata, "pc_name: 2019\nproject_id: '$ID'\nproject_name: ${NAME}x\nother: {a: [b]}\n");
    let plan = studio.explain(["--project", "bigbuck", "--env", "ID=7", "--env", "NAME=n"]);
    assert_eq!(plan["project"], json!({ "name": "nx", "id": 7, "origin": "option --project" }));
    assert_eq!(plan["config"]["name"], "2019");
    std::fs::remove_file(&metadata).unwrap();
    let plan = studio.explain(["--project", "bigbuck"]);
    assert!(plan["warnings"][0].as_str().unwrap().contains("pipeline_configuration.yml"));
}

#[cfg(unix)]
#[test]
fn closed_pipe_is_no_failure() {
    use std::process::Stdio;
    let studio = Studio::new();
    studio.localized("bigbuck");
    let mut launcher = studio.launcher(["--explain", "--project", "bigbuck"]);
    let mut running = launcher.stdout(Stdio::piped()).stderr(Stdio::piped()).start();
    drop(running.stdout.take());
    running.ends().succeeds().silently();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let run = studio.launcher(["--help"]).stdout(full).fails_with(125);
    assert!(run.stderr.starts_with(b"sgtk-python: error: cannot write to standard output"));
}
