//! Finding a project by its id, its `tank_name`, a path or the working directory; the index.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scene::Runs;
#[cfg(unix)]
use crate::support::variables_of;
use crate::support::{Studio, explained, failed, write};

/// Writes a config's metadata, and its storage: `data` in the studio.
fn describe(studio: &Studio, config: &Path, id: i64, pipeline: &str, project: &str) {
    write(
        config.join("config/core/pipeline_configuration.yml"),
        format!("pc_id: 1{id}\npc_name: {pipeline}\nproject_id: {id}\nproject_name: {project}\n"),
    );
    let storage = studio.path("data");
    let storage = storage.display();
    write(
        config.join("config/core/roots.yml"),
        format!(
            "primary: {{linux_path: '{storage}', mac_path: '{storage}', windows_path: '{storage}'}}\n"
        ),
    );
}

fn project(studio: &Studio, folder: &str, id: i64, pipeline: &str, project: &str) -> PathBuf {
    let config = studio.localized(folder);
    describe(studio, &config, id, pipeline, project);
    config
}

/// bigbuck (176) with a sandbox, sintel (177), and parent/child (178) two levels deep.
fn studio() -> Studio {
    let studio = Studio::new();
    project(&studio, "bigbuck", 176, "Primary", "bb");
    project(&studio, "bigbuck_dev", 176, "Dev", "bb");
    project(&studio, "sintel", 177, "Primary", "sintel");
    project(&studio, "parent/child", 178, "Primary", "parent/child");
    studio
}

fn config_of(plan: &Value) -> &str {
    plan["config"]["path"].as_str().unwrap()
}

#[track_caller]
fn finds(studio: &Studio, arguments: &[&str], config: &str) {
    let plan = studio.explain(arguments);
    let config = studio.path(Path::new("configs").join(config));
    assert_eq!(config_of(&plan), config.to_str().unwrap(), "{arguments:?}");
}

#[test]
fn project_id_finds_the_config() {
    let studio = studio();
    for _ in 0..2 {
        finds(&studio, &["--project-id", "176"], "bigbuck");
        finds(&studio, &["--project-id=178"], "parent/child");
    }
    let plan = studio.explain(["--project-id", "176"]);
    assert_eq!(plan["project"]["origin"], "option --project-id");
    assert!(plan["config"]["origin"].as_str().unwrap().ends_with("pipeline_configuration.yml"));
    let plan = explained(studio.launcher(["x.py"]).env("SGTK_PROJECT_ID", "177"));
    assert_eq!(plan["project"]["origin"], "variable SGTK_PROJECT_ID");
    studio.failure(["--project-id", "999"]).is(121, &["id: 999", "--project-id", "SHOTGUN_BASE"]);
    studio.failure(["--project-id", "-1"]).is(121, &["id: -1"]);
    studio.failure(["--project-id", "1x"]).is(125, &["1x"]);
    failed(studio.launcher(["x"]).env("SGTK_PROJECT_ID", "x")).is(125, &["SGTK_PROJECT_ID", "'x'"]);
    studio.failure(["--project-id", "176", "--project", "sintel"]).is(125, &["two different"]);
    studio.explain(["--project-id", "177", "--project", "sintel"]);
}

#[test]
fn tank_name_finds_the_config() {
    let studio = studio();
    finds(&studio, &["--project", "bb"], "bigbuck");
    finds(&studio, &["--project", "parent/child"], "parent/child");
    project(&studio, "odd", 180, "Primary", "a/b");
    finds(&studio, &["--project", "a/b"], "odd");
    // A folder's name comes first.
    project(&studio, "bb", 181, "Primary", "else");
    finds(&studio, &["--project", "bb"], "bb");
    studio.failure(["--project", "bbb"]).is(121, &["'bbb'"]);
}

#[test]
fn pipeline_option_picks_the_config() {
    let studio = studio();
    finds(&studio, &["--project-id", "176", "--pipeline", "Dev"], "bigbuck_dev");
    finds(&studio, &["--project", "bigbuck", "--pipeline", "Dev"], "bigbuck_dev");
    finds(&studio, &["--project", "bigbuck_dev"], "bigbuck_dev");
    finds(&studio, &["--project", "bigbuck_dev", "--pipeline", "Primary"], "bigbuck");
    finds(&studio, &["--project", "bb", "--pipeline", "Dev"], "bigbuck_dev");
    finds(&studio, &["--project", "sintel", "--pipeline", "1177"], "sintel");
    let failure = studio.failure(["--project-id", "176", "--pipeline", "Test"]);
    failure
        .is(121, &["project id 176 has", "'Test'"])
        .hints("--pipeline Primary or --pipeline Dev");
    studio.failure(["--project", "sintel", "--pipeline", "Dev"]).is(121, &["'Dev'"]);
    studio.failure(["--config", "configs/sintel", "--pipeline", "Dev"]).is(125, &["--pipeline"]);
    let mut launcher = studio.launcher(["x.py"]);
    launcher.env("SGTK_CONFIG", studio.path("configs/sintel")).env("SGTK_PIPELINE", "Dev");
    failed(&mut launcher).is(125, &["SGTK_CONFIG", "SGTK_PIPELINE"]);
    let nameless = studio.localized("nameless");
    write(nameless.join("config/core/pipeline_configuration.yml"), "pc_name: Primary\n");
    let other = studio.localized("other");
    write(other.join("config/core/pipeline_configuration.yml"), "pc_name: Dev\nproject_name: ''\n");
    studio.failure(["--project", "nameless", "--pipeline", "Dev"]).is(121, &["'Dev'"]);

    let mut launcher = studio.launcher(["x.py"]);
    launcher.env("SGTK_PROJECT_ID", "176").env("SGTK_PIPELINE", "Dev");
    assert!(config_of(&explained(&mut launcher)).ends_with("bigbuck_dev"));
    let mut launcher = studio.launcher(["--project", "bigbuck"]);
    assert!(config_of(&explained(launcher.env("SGTK_PIPELINE", "Dev"))).ends_with("bigbuck"));
}

#[test]
fn several_matches_are_listed() {
    let studio = studio();
    project(&studio, "bigbuck2", 176, "Primary", "bb");
    for choice in [["--project-id", "176"], ["--project", "bb"]] {
        let failure = studio.failure(choice);
        failure.is(122, &["several configurations 'Primary'", "bigbuck, ", "bigbuck2"]);
        failure.hints("--config ").hints("bigbuck2");
    }
    for (choice, project) in [
        (["--project-id", "176"], "project id 176 has"),
        (["--project", "bb"], "project 'bb' has"),
        (["--path", "data/bb/x"], "project with the data "),
    ] {
        studio.failure(choice).is(122, &[project]);
    }
    project(&studio, "only_dev", 190, "Dev", "only");
    studio.failure(["--project-id", "190"]).is(121, &["'Primary'"]).hints("--pipeline Dev");
}

#[test]
fn path_in_config_or_data_finds_the_project() {
    let studio = studio();
    let path = |below: &str| studio.path(below).to_str().unwrap().to_owned();
    finds(&studio, &["--path", &path("configs/sintel/config/env")], "sintel");
    finds(&studio, &["--path", &path("configs/parent/child")], "parent/child");
    for _ in 0..2 {
        finds(&studio, &["--path", &path("data/bb/seq/not/there")], "bigbuck");
        finds(&studio, &["--path", &path("data/parent/child/x")], "parent/child");
        finds(&studio, &["--path", "data/sintel"], "sintel");
    }
    finds(&studio, &["--path", &path("data/bb"), "--pipeline", "Dev"], "bigbuck_dev");
    finds(&studio, &["--path", &path("data/bb/../sintel/x")], "sintel");
    for outside in ["data", "data/bbb", "data/bb/../x", "home", "configs"] {
        studio
            .failure(["--path", &path(outside)])
            .is(121, &["in no project's configuration or data"]);
    }
    // A change of one config shows in what another one held.
    describe(&studio, &studio.path("configs/sintel"), 177, "Primary", "bb/inner");
    finds(&studio, &["--path", &path("data/bb/inner/x")], "sintel");
    // With storages that are spelled in other ways, and with other names that are wrong.
    let doubled = format!("s: {{linux_path: '{0}//data/', mac_path: '{0}//data/'}}\n", path(""));
    if cfg!(unix) {
        write(studio.path("configs/sintel/config/core/roots.yml"), doubled);
        finds(&studio, &["--path", &path("data/bb/inner/x")], "sintel");
    }
    for name in ["/", ".", "..", "../data", "''"] {
        project(&studio, "everything", 192, "Primary", name);
        studio.failure(["--path", &path("data/nothing/here")]).is(121, &[]);
    }
    // The longest match wins, also when it comes later.
    project(&studio, "deep", 191, "Primary", "bb/deep");
    finds(&studio, &["--path", &path("data/bb/deep/x")], "deep");
    finds(&studio, &["--path", &path("data/bb/deeper/x")], "bigbuck");
}

#[test]
fn working_directory_chooses_last() {
    let studio = studio();
    fs::create_dir_all(studio.path("data/bb/shots")).unwrap();
    let run = |below: &str| {
        let mut launcher = studio.launcher(["x.py"]);
        launcher.current_dir(studio.path(below));
        launcher
    };
    let plan = explained(&mut run("data/bb/shots"));
    assert!(config_of(&plan).ends_with("bigbuck"));
    assert_eq!(plan["project"]["origin"], "the working directory");
    let plan = explained(&mut run("configs/sintel/config"));
    assert!(config_of(&plan).ends_with("sintel"));
    failed(&mut run("home")).is(121, &["no project was named"]);
    // A config planted above a folder chooses nothing.
    studio.localized("../planted");
    failed(&mut run("planted/config")).is(121, &["no project was named"]);
    let plan = explained(run("data/bb").env("SGTK_PROJECT", "sintel"));
    assert!(config_of(&plan).ends_with("sintel"));
}

#[test]
fn next_launch_sees_every_change() {
    let studio = studio();
    finds(&studio, &["--project-id", "177"], "sintel");
    let config = studio.path("configs/sintel");
    // Renumbered, in a file of the same size.
    describe(&studio, &config, 277, "Primary", "sintel");
    finds(&studio, &["--project-id", "277"], "sintel");
    studio.failure(["--project-id", "177"]).is(121, &[]);
    // Renamed on disk and on the site, moved, added, deleted.
    describe(&studio, &config, 277, "Primary", "durian");
    finds(&studio, &["--project", "durian"], "sintel");
    fs::rename(&config, studio.path("configs/parent/durian")).unwrap();
    finds(&studio, &["--project-id", "277"], "parent/durian");
    project(&studio, "new", 300, "Primary", "new");
    finds(&studio, &["--project-id", "300"], "new");
    fs::remove_dir_all(studio.path("configs/new")).unwrap();
    studio.failure(["--project-id", "300"]).is(121, &[]);
    // No config any more.
    finds(&studio, &["--project-id", "178"], "parent/child");
    let roots_file = studio.path("configs/parent/child/config/core/roots.yml");
    fs::remove_file(&roots_file).unwrap();
    studio.failure(["--project-id", "178"]).is(122, &["178", "roots.yml"]);
    write(roots_file, "{}\n");
    // Another pipeline of the project.
    describe(&studio, &studio.path("configs/bigbuck_dev"), 176, "Test", "bb");
    finds(&studio, &["--project-id", "176", "--pipeline", "Test"], "bigbuck_dev");
    studio.failure(["--project-id", "176", "--pipeline", "Dev"]).is(121, &[]);
}

#[test]
fn metadata_expands_the_callers_variables() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let metadata = "pc_name: Primary\nproject_id: $ID\nproject_name: ${NAME}\n";
    write(config.join("config/core/pipeline_configuration.yml"), metadata);
    let find = |id: &str| {
        let mut launcher = studio.launcher(["--project-id", id]);
        launcher.env("ID", id).env("NAME", "x");
        config_of(&explained(&mut launcher)).to_owned()
    };
    assert_eq!(find("5"), find("6"));
    studio.failure(["--project-id", "5"]).is(121, &[]);
}

fn index_folder(studio: &Studio) -> PathBuf {
    studio.path(if cfg!(windows) { "home/cache" } else { "home/.cache/sgtk-python" })
}

fn index_files(studio: &Studio) -> Vec<PathBuf> {
    let entries = fs::read_dir(index_folder(studio)).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[test]
fn name_like_its_config_id_is_found_again() {
    let studio = studio();
    project(&studio, "numbered", 179, "Primary", "1179");
    for _ in 0..2 {
        finds(&studio, &["--project", "1179"], "numbered");
    }
}

#[cfg(unix)]
#[test]
fn wrong_index_is_corrected() {
    use std::os::unix::fs::PermissionsExt;
    let studio = studio();
    finds(&studio, &["--project-id", "177"], "sintel");
    let [file] = &index_files(&studio)[..] else { panic!("one index") };
    let good = fs::read(file).unwrap();
    // Cut off, empty, rubbish, of another version, and one that leads out of the roots.
    let planted = project(&studio, "../planted", 177, "Primary", "x");
    let forged = format!("\n177\t1\tPrimary\tx\t{}\n.\n", planted.display());
    let swapped = String::from_utf8(good.clone()).unwrap().replace("sintel", "bigbuck");
    let lies = [
        &good[..good.len() / 2],
        b"",
        b"\xff\0\n177\t\n.\n",
        forged.as_bytes(),
        swapped.as_bytes(),
    ];
    for text in lies {
        fs::write(file, text).unwrap();
        finds(&studio, &["--project-id", "177"], "sintel");
        assert_eq!(index_files(&studio).len(), 1, "nothing is left behind");
        assert_eq!(fs::read(file).unwrap(), good, "a lie is written over");
    }
    // A right index is used and left alone, even if it has few entries or a wrong field that is not asked for.
    let line = String::from_utf8(good.clone()).unwrap();
    let line = line.lines().find(|line| line.starts_with("177\t")).unwrap().to_owned();
    let short = format!("\n{}\n.\n", line.replace("\tsintel\t", "\tother\t"));
    fs::write(file, &short).unwrap();
    let plan = studio.launcher(["--explain", "--project-id", "177"]).prints();
    assert!(plan.starts_with("project  sintel (id 177)\n         option --project-id\n"), "{plan}");
    assert_eq!(fs::read_to_string(file).unwrap(), short);
    // A pipe, an endless file, and a umask of 0.
    for make in ["mkfifo \"$0\"", "ln -s /dev/zero \"$0\""] {
        fs::remove_file(file).unwrap();
        std::process::Command::new("sh").args(["-c", make]).arg(file).succeeds();
        finds(&studio, &["--project-id", "177"], "sintel");
    }
    fs::remove_dir_all(index_folder(&studio)).unwrap();
    let mut shell = std::process::Command::new("sh");
    let script = "umask 0; exec \"$0\" --explain --project-id 177";
    shell.args(["-c", script, crate::support::LAUNCHER]).env_clear();
    shell.envs(variables_of(&studio.launcher([""; 0]))).succeeds();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(&index_folder(&studio))), (0o600, 0o700));
    // An index that cannot be read, written or made.
    fs::remove_file(file).unwrap();
    fs::create_dir(file).unwrap();
    finds(&studio, &["--project-id", "177"], "sintel");
    fs::remove_dir_all(index_folder(&studio)).unwrap();
    write(index_folder(&studio), "a file");
    finds(&studio, &["--project-id", "177"], "sintel");
    let mut launcher = studio.launcher(["--project-id", "177"]);
    explained(launcher.env_remove("HOME"));
    explained(launcher.env("HOME", "/dev/full"));
    explained(launcher.env("SGTK_PYTHON_CACHE", studio.path("cache")));
    assert_eq!(fs::read_dir(studio.path("cache")).unwrap().count(), 1);
    explained(launcher.env_remove("SGTK_PYTHON_CACHE").env("XDG_CACHE_HOME", studio.path("xdg")));
    assert_eq!(fs::read_dir(studio.path("xdg/sgtk-python")).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn index_removes_what_a_killed_launcher_left() {
    use std::time::{Duration, SystemTime};
    let studio = studio();
    finds(&studio, &["--project-id", "177"], "sintel");
    let file = index_files(&studio).remove(0);
    let beside = |end: &str| PathBuf::from(format!("{}{end}", file.display()));
    let [old, new, other] = [".17-000000001.new", ".18-000000001.new", ".17"].map(beside);
    let two_hours = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    for file in [&old, &new, &other] {
        write(file, "");
        let is_new = file == &new;
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_modified(if is_new { SystemTime::now() } else { two_hours }).unwrap();
    }
    // The index is written again.
    fs::write(&file, "").unwrap();
    finds(&studio, &["--project-id", "177"], "sintel");
    assert_eq!([&old, &new, &other].map(|file| file.exists()), [false, true, true]);
}

#[cfg(unix)]
#[test]
fn launch_by_name_touches_no_index() {
    let studio = studio();
    finds(&studio, &["--project", "sintel"], "sintel");
    assert!(index_files(&studio).is_empty());
}

#[cfg(unix)]
#[test]
fn scan_skips_snapshots_and_loops() {
    use std::os::unix::fs::symlink;
    let studio = studio();
    // Old states of the file server, a loop, a second way to a config, a config that cannot be read.
    project(&studio, ".snapshot/sintel", 177, "Primary", "sintel");
    symlink(".", studio.path("configs/loop")).unwrap();
    symlink("sintel", studio.path("configs/again")).unwrap();
    let broken = studio.localized("broken");
    write(broken.join("config/core/pipeline_configuration.yml"), "{");
    finds(&studio, &["--project-id", "177"], "sintel");
    finds(&studio, &["--project", "broken"], "broken");
    studio.localized("lost+found");
    assert!(!studio.launcher(["--list"]).prints().contains("lost+found"));
}

#[test]
fn unreadable_config_may_be_the_one_meant() {
    let studio = studio();
    let broken = project(&studio, "broken", 179, "Primary", "pl");
    let metadata = studio.path("configs/broken/config/core/pipeline_configuration.yml");
    let roots = studio.path("configs/broken/config/core/roots.yml");
    let path = studio.path("data/pl/x.ma");
    let path = path.to_str().unwrap();
    let cannot_read = |words: &[&str], part: &str, file: &Path| {
        let failure = studio.failure(words);
        let file = format!("; cannot read: {}", file.display());
        failure.is(122, &[part, &file]).hints("--doctor says why");
    };
    for is_folder in [false, true] {
        fs::remove_file(&metadata).unwrap();
        if is_folder {
            fs::create_dir(&metadata).unwrap();
        } else {
            write(&metadata, "{");
        }
        cannot_read(&["--project-id", "179"], "unknown project id: 179", &metadata);
        cannot_read(&["--path", path], "path is in no project's configuration or data", &metadata);
        cannot_read(&["--project-id", "176", "--pipeline", "New"], "'New'", &metadata);
        // A mistyped name is still corrected.
        cannot_read(&["--project", "sintl"], "'sintl'", &metadata);
        studio.failure(["--project", "sintl"]).is(122, &[]).hints("did you mean 'sintel'?");
        finds(&studio, &["--project-id", "176"], "bigbuck");
        studio.failure(["x.py"]).is(121, &["no project was named"]);
    }
    fs::remove_dir(&metadata).unwrap();
    describe(&studio, &broken, 179, "Primary", "pl");
    write(&roots, "{");
    cannot_read(&["--path", path], path, &roots);
    // Its id and names are known: it is not the one that is meant.
    studio.failure(["--project-id", "999"]).is(121, &["id: 999"]);
    studio.failure(["--project", "zzz"]).is(121, &["'zzz'"]);
    finds(&studio, &["--project-id", "179"], "broken");
}

#[test]
fn parallel_launches_share_the_index() {
    let studio = studio();
    // On a busy machine wine fails to start 50 at once.
    let count = if cfg!(windows) { 10 } else { 50 };
    for _ in 0..3 {
        let launchers = (0..count).map(|number| {
            // Each third one finds no index, and so writes one.
            let id = ["176", "177", "178"][number % 3];
            if number % 3 == 0 {
                let _ = fs::remove_dir_all(index_folder(&studio));
            }
            let mut launcher = studio.launcher(["--explain=json", "--project-id", id]);
            launcher.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            launcher.start()
        });
        for launcher in launchers.collect::<Vec<_>>() {
            launcher.ends().succeeds();
        }
    }
    assert!(index_files(&studio).len() <= 1);
}
