//! `--explain`: the format, and that it gives no secret away.

use serde_json::json;

use crate::support::{Studio, explained, write};

#[test]
fn json_format_is_fixed() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let python = studio.python();
    let mut launcher = studio.launcher(["--project", "bigbuck", "x.py", "a b"]);
    launcher.env("TANK_CURRENT_PC", "/x");
    let plan = explained(&mut launcher);
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
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
                "reason": "tells the script its configuration",
            },
            {
                "name": "TANK_CURRENT_PC",
                "value": null,
                "reason": "carries another project into this one",
            },
        ],
        "argv": [path(python), "x.py", "a b"],
        "cwd": path(studio.path("")).trim_end_matches('/'),
        "warnings": [],
    });
    if !cfg!(windows) {
        assert_eq!(plan, expected);
    }
    assert_eq!(plan["environment"].as_array().unwrap().len(), 3);
}

#[test]
fn text_names_every_choice() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let mut launcher =
        studio.launcher(["--explain", "--project", "bigbuck", "x.py", "a b", "it's"]);
    launcher.env("TANK_CURRENT_PC", "/x").env("SGTK_CONTEXT", "x").env("PYTHONHOME", "/usr");
    let output = launcher.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
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
    let plain = studio.launcher(words).env("TANK_CURRENT_PC", "/x").output().unwrap().stdout;
    let explained =
        studio.launcher(["--explain"].iter().chain(&words)).env("TANK_CURRENT_PC", "/x").output();
    let explained = String::from_utf8(explained.unwrap().stdout).unwrap();
    let line = explained.split("\nrun\n").nth(1).unwrap();
    assert!(!line.contains('\u{7}'), "nothing that plays with the terminal");
    let mut shell = studio.launcher([""; 0]);
    let variables: Vec<_> =
        shell.get_envs().filter_map(|(n, v)| Some((n.to_owned(), v?.to_owned()))).collect();
    shell = std::process::Command::new("bash");
    let pasted =
        shell.args(["-c", line]).env_clear().envs(variables).env("TANK_CURRENT_PC", "/x").output();
    assert_eq!(
        String::from_utf8(pasted.unwrap().stdout).unwrap(),
        String::from_utf8(plain).unwrap()
    );
}

#[test]
fn secret_values_are_hidden() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    for name in ["API_KEY", "MyToken", "A_SECRET_B", "db_password"] {
        for format in ["--explain", "--explain=json"] {
            let set = format!("{name}=hush-hush");
            let output =
                studio.launcher([format, "--project", "bigbuck", "--env", &set]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(
                text.contains(name) && text.contains("***") && !text.contains("hush"),
                "{text}"
            );
        }
    }
}

#[test]
fn other_name_is_shown_beside_the_project() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck_dev");
    write(config.join("config/core/pipeline_configuration.yml"), "project_name: bigbuck\n");
    let output = studio.launcher(["--explain", "--project", "bigbuck_dev"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
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
    let mut child = studio
        .launcher(["--explain", "--project", "bigbuck"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty() && output.status.success(), "{output:?}");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = studio.launcher(["--help"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(output.stderr.starts_with(b"sgtk-python: error: cannot write to standard output"));
}
