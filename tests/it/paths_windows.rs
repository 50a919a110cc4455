//! Names and paths as Windows has them: without case, with drives and shares, `%VAR%`, `PATHEXT` and `%APPDATA%`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::scene::Runs;
use crate::support::{
    LAUNCHER, Studio, change, explained, failed, interpreter, skip, variables_of, write,
};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn upper(path: &Path) -> String {
    path.to_str().unwrap().to_uppercase()
}

#[test]
fn names_ignore_case_and_a_final_dot() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let settings = "[projects.BigBuck.environment]\nset = { A = '1' }\n";
    write(studio.path("s.toml"), settings);
    let with_table = |words: &[&str]| {
        let mut launcher = studio.launcher(words);
        launcher.env("SGTK_PYTHON_SETTINGS", studio.path("s.toml"));
        explained(&mut launcher)
    };
    let config = upper(&config);
    for words in [
        &["--project", "BIGBUCK"][..],
        &["--config", &config],
        &["--config", &format!("{config}.")],
        &["--path", &format!("{config}\\CONFIG")],
    ] {
        assert_eq!(change(&with_table(words), "A"), Some(&Value::from("1")), "{words:?}");
    }
    let mut doctor = studio.launcher(["--doctor=json"]);
    doctor.env("SGTK_PYTHON_SETTINGS", studio.path("s.toml"));
    assert!(!doctor.run().text().contains("no such project here"));
}

#[test]
fn config_named_by_the_settings_ignores_case() {
    let studio = Studio::new();
    let config = studio.localized("../elsewhere/bigbuck");
    let settings = "[projects.Buck]\nconfig = 'ELSEWHERE/BigBuck'\n";
    write(studio.path("s.toml"), settings);
    let mut launcher = studio.launcher(["--project", "buck"]);
    let plan = explained(launcher.env("SGTK_PYTHON_SETTINGS", studio.path("s.toml")));
    assert_eq!(text(&plan["config"]["path"]).to_lowercase(), config_text(&studio, &config));
}

fn config_text(studio: &Studio, config: &Path) -> String {
    let name = config.file_name().unwrap();
    studio.path("elsewhere").join(name).to_str().unwrap().to_lowercase()
}

#[test]
fn data_paths_ignore_case() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let storage = studio.path("Data");
    let roots = format!("primary: {{windows_path: '{}'}}\n", storage.display());
    write(config.join("config/core/roots.yml"), roots);
    let path = upper(&studio.path("data/bigbuck/shots"));
    for path in [path.clone(), path.replace('\\', "/")] {
        let plan = studio.explain(["--path", &path]);
        assert_eq!(text(&plan["config"]["path"]), config.to_str().unwrap(), "{path}");
    }
}

#[test]
fn variables_ignore_case() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let mut launcher = studio.launcher(["--project", "bigbuck", "--unset", "a_*"]);
    let (scripts, tools) = (studio.path("VENV/scripts"), studio.path("tools"));
    launcher.env("A_1", "x").env("tank_current_pc", "x").env("Virtual_Env", studio.path("venv"));
    launcher.env("Path", std::env::join_paths([&scripts, &tools]).unwrap());
    let plan = explained(&mut launcher);
    let changes = plan["environment"].as_array().unwrap();
    let value = |name: &str| {
        let of_name = |change: &&Value| text(&change["name"]).eq_ignore_ascii_case(name);
        changes.iter().find(of_name).map(|change| &change["value"])
    };
    assert_eq!(value("A_1"), Some(&Value::Null));
    assert_eq!(value("TANK_CURRENT_PC"), Some(&Value::Null));
    assert_eq!(value("PATH"), Some(&Value::from(tools.to_str().unwrap())));
}

#[test]
fn names_that_windows_changes_are_refused() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    for name in ["bigbuck.", "bigbuck ", "bigbuck...", "parent /x", "C:x", "..\\x", "a\\\\b", "\\x"]
    {
        let option = format!("--project={name}");
        studio.failure([&option]).is(125, &["invalid project name"]);
    }
}

#[test]
fn cfg_files_expand_as_ntpath_does() {
    let studio = Studio::new();
    let core = studio.core("v1");
    let python = studio.python();
    for (link, file) in [
        ("%CORES%\\v1", "%Python%"),
        ("${cores}/v1\r\n", "$PYTHON\r\n"),
        ("$CORES\\v1", "${PYTHON}"),
        ("~\\..\\cores\\v1", "%PYTHON%"),
    ] {
        studio.linked("bigbuck", link);
        interpreter(&core, file);
        let mut launcher = studio.launcher(["--project", "bigbuck"]);
        launcher.env("CORES", studio.path("cores")).env("PYTHON", &python);
        let plan = explained(launcher.env("USERPROFILE", studio.path("home")));
        assert_eq!(text(&plan["interpreter"]["path"]), python.to_str().unwrap(), "{file}");
        assert!(text(&plan["core"]["path"]).ends_with("v1\\install\\core"), "{link}: {plan}");
    }
    studio.linked("bigbuck", "'%CORES%'\\v1");
    let mut launcher = studio.launcher(["--project", "bigbuck"]);
    failed(launcher.env("CORES", studio.path("cores"))).is(122, &["'%CORES%'\\v1"]);
}

#[test]
fn paths_of_a_drive_become_absolute() {
    let studio = Studio::new();
    let core = studio.core("v1");
    let core = core.to_str().unwrap();
    let (drive, below) = core.split_at(2);
    assert!(drive.ends_with(':') && below.starts_with('\\'), "{core}");
    for link in [below.to_owned(), format!("{drive}cores\\v1"), below.replace('\\', "/")] {
        studio.linked("bigbuck", &link);
        let plan = studio.explain(["--project", "bigbuck"]);
        let path = text(&plan["core"]["path"]).replace('/', "\\");
        assert_eq!(path, format!("{core}\\install\\core"), "{link}");
        assert!(text(&plan["warnings"][0]).contains("relative path in "), "{plan}");
    }
}

/// Returns a folder on a share: `tests/run-windows` makes it, other machines may have none.
fn share() -> Option<PathBuf> {
    let share = Path::new(r"\\studio\share");
    share.is_dir().then(|| share.to_owned())
}

fn is_launched_from(studio: &Studio, roots: &Path) {
    let mut launcher =
        studio.launcher(["--project", "bigbuck", "variables", "SGTK_PYTHON_CONFIG", "PYTHONPATH"]);
    let config = roots.join("bigbuck");
    let core = config.join("install").join("core").join("python");
    let expected = format!("SGTK_PYTHON_CONFIG={config:?}\nPYTHONPATH={core:?}\n");
    assert_eq!(launcher.env("SHOTGUN_BASE", roots).prints(), expected);
    let scene = config.join("scene.ma");
    let mut launcher = studio.launcher(["--path", scene.to_str().unwrap()]);
    let plan = explained(launcher.env("SHOTGUN_BASE", roots));
    assert_eq!(text(&plan["config"]["path"]), config.to_str().unwrap());
}

#[test]
fn shares_and_long_paths_stay_as_written() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    is_launched_from(&studio, &studio.path("configs"));
    is_launched_from(&studio, &Path::new(r"\\?\").join(studio.path("configs")));
    let Some(share) = share() else { return skip(r"no share \\studio\share") };
    let roots = tempfile::tempdir_in(share).unwrap();
    copy(&studio.path("configs"), roots.path());
    is_launched_from(&studio, roots.path());
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn core_path_with_a_semicolon_is_refused() {
    let studio = Studio::new();
    studio.shared("bigbuck", "a;b");
    studio.failure(["--project", "bigbuck"]).is(122, &["cores\\a;b", "PYTHONPATH", "';'"]);
}

#[test]
fn python_is_searched_with_pathext() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    fs::remove_file(config.join("config/core/interpreter_Windows.cfg")).unwrap();
    for folder in ["one", "two", "WindowsApps"] {
        write(studio.path(folder).join("python.exe"), "");
        write(studio.path(folder).join("tool.bat"), "");
    }
    let found = |words: &[&str], folders: &[&str], endings: Option<&str>| {
        let mut launcher = studio.launcher([&["--project", "bigbuck"], words].concat());
        let folders = folders.iter().map(|folder| studio.path(folder));
        launcher.env("PATH", std::env::join_paths(folders).unwrap());
        endings.map(|endings| launcher.env("PATHEXT", endings));
        let plan = explained(&mut launcher);
        let path = Path::new(text(&plan["interpreter"]["path"])).to_owned();
        path.strip_prefix(studio.path("")).unwrap().to_str().unwrap().to_lowercase()
    };
    assert_eq!(found(&[], &["home", "two", "one"], None), "two\\python.exe");
    assert_eq!(found(&[], &["WindowsApps", "one"], None), "one\\python.exe");
    assert_eq!(found(&["--python", "tool"], &["two"], Some(".EXE;.BAT")), "two\\tool.bat");
    assert_eq!(found(&["--python", "python"], &["two"], Some(".COM;.EXE")), "two\\python.exe");
    assert_eq!(found(&["--python", "python"], &["two"], None), "two\\python.exe");
    studio.failure(["--project", "bigbuck"]).is(127, &["'python.exe'", "PATH"]);
}

#[test]
fn launcher_named_python_is_no_python() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let copy = studio.path("own/python.exe");
    fs::create_dir(studio.path("own")).unwrap();
    fs::copy(LAUNCHER, &copy).unwrap();
    let launcher = studio.launcher(["--explain=json", "--project", "bigbuck"]);
    let mut command = Command::new(&copy);
    command.args(launcher.get_args()).envs(variables_of(&launcher));
    for text in [copy.to_str().unwrap(), &upper(&copy)] {
        interpreter(&config, text);
        failed(&mut command).is(126, &["launcher itself", "interpreter_"]);
    }
    fs::remove_file(config.join("config/core/interpreter_Windows.cfg")).unwrap();
    let python = studio.python();
    let folders = [copy.parent().unwrap(), python.parent().unwrap()];
    command.env("PATH", std::env::join_paths(folders).unwrap());
    assert_eq!(text(&command.succeeds().json()["interpreter"]["path"]), python.to_str().unwrap());
}

#[test]
fn index_lies_in_localappdata() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let mut launcher = studio.launcher(["--project-id", "42"]);
    explained(launcher.env("LOCALAPPDATA", studio.path("home/Local")));
    assert_eq!(fs::read_dir(studio.path("home/Local/sgtk-python")).unwrap().count(), 1);
    explained(launcher.env("SGTK_PYTHON_CACHE", studio.path("cache")));
    assert_eq!(fs::read_dir(studio.path("cache")).unwrap().count(), 1);
}
