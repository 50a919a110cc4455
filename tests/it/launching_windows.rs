//! Starting Python on Windows, with the system's command interpreter in Python's place: these tests look at the
//! process alone.

use crate::scene::{Run, Runs};
use crate::support::{Studio, variables_of};

fn run(words: &[&str]) -> Run {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let command = format!("{}\\system32\\cmd.exe", std::env::var("SYSTEMROOT").unwrap());
    let options = ["--python", &command, "--project", "bigbuck", "/c"];
    studio.launcher([&options, words].concat()).env("TANK_CURRENT_PC", "x").run()
}

#[test]
fn windows_exit_code_passes_through() {
    for code in [0, 1, 7, 122] {
        run(&["exit", &code.to_string()]).fails_with(code);
    }
}

#[test]
fn windows_variables_reach_python() {
    let text = run(&["set"]).succeeds().text();
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
    let mut shell = std::process::Command::new(&command);
    shell.arg("/c").arg(studio.path("bigbuck-python.cmd")).args(["/c", "exit", "9"]);
    shell.envs(variables_of(&studio.launcher([""; 0]))).fails_with(9);
}
