//! Starting Python on Windows, with the system's command interpreter in Python's place: only the
//! process matters here.

use crate::support::Studio;

fn run(words: &[&str]) -> std::process::Output {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let command = format!("{}\\system32\\cmd.exe", std::env::var("SYSTEMROOT").unwrap());
    let options = ["--python", &command, "--project", "bigbuck", "/c"];
    studio.launcher([&options, words].concat()).env("TANK_CURRENT_PC", "x").output().unwrap()
}

#[test]
fn windows_exit_code_passes_through() {
    for code in [0, 1, 7, 122] {
        assert_eq!(run(&["exit", &code.to_string()]).status.code(), Some(code));
    }
}

#[test]
fn windows_variables_reach_python() {
    let output = run(&["set"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("SGTK_PYTHON_CONFIG=") && text.contains("bigbuck"), "{text}");
    assert!(text.contains("PYTHONPATH=") && !text.contains("TANK_CURRENT_PC="), "{text}");
}

#[test]
fn windows_shim_names_its_project() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let command = format!("{}\\system32\\cmd.exe", std::env::var("SYSTEMROOT").unwrap());
    crate::support::interpreter(&config, &command);
    let shim = include_bytes!("../../shims/project-python.cmd");
    crate::support::write(studio.path("bigbuck-python.cmd"), shim);
    std::fs::copy(crate::support::LAUNCHER, studio.path("sgtk-python.exe")).unwrap();
    let launcher = studio.launcher([""; 0]);
    let mut shell = std::process::Command::new(&command);
    shell.arg("/c").arg(studio.path("bigbuck-python.cmd")).args(["/c", "exit", "9"]);
    shell.envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert_eq!(shell.status().unwrap().code(), Some(9));
}
