//! Bad files and bad words: each gives one clear line and the right exit code.

use std::fs;
use std::path::PathBuf;

#[cfg(unix)]
use crate::scene::{Run, Runs};
#[cfg(unix)]
use crate::support::{LAUNCHER, copy_program, variables_of};
use crate::support::{OS, Studio, failed, write};

/// Files that a launch reads, each with a name for the launch that reads it.
fn files(studio: &Studio) -> [(&'static str, PathBuf); 3] {
    let shared = studio.shared("shared", "v1");
    let localized = studio.localized("localized");
    [
        ("shared", shared.join(format!("install/core/core_{OS}.cfg"))),
        ("localized", localized.join(format!("config/core/interpreter_{OS}.cfg"))),
        ("settings", studio.path("settings.toml")),
    ]
}

fn launch(studio: &Studio, which: &str) -> std::process::Command {
    let project = if which == "settings" { "localized" } else { which };
    let mut launcher = studio.launcher(["--project", project, "x.py"]);
    if which == "settings" {
        launcher.env("SGTK_PYTHON_SETTINGS", studio.path("settings.toml"));
    }
    launcher
}

#[test]
fn unreadable_text_is_refused() {
    let studio = Studio::new();
    for (which, file) in files(&studio) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let too_large =
            if which == "settings" { "larger than 1024 KiB" } else { "larger than 64 KiB" };
        let mut cases = vec![
            (b"\xff\xfe/\0x".to_vec(), "not UTF-8"),
            (b"/caf\xe9".to_vec(), "not UTF-8 text (byte 5)"),
            (vec![b'x'; 10 * 1024 * 1024], too_large),
        ];
        if which != "settings" {
            cases.extend([
                (b"".to_vec(), "is empty"),
                (b" \r\n\t".to_vec(), "is empty"),
                (b"\xef\xbb\xbf/x".to_vec(), "byte order mark"),
                (b"/x\0y".to_vec(), "NUL"),
            ]);
        }
        for (content, what) in cases {
            write(&file, content);
            failed(&mut launch(&studio, which)).is(122, &[name, what]);
        }
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        failed(&mut launch(&studio, which)).is(122, &[name]);
    }
}

#[test]
fn long_text_is_cut_in_the_message() {
    let studio = Studio::new();
    studio.linked("long", format!("/{}", "x".repeat(50_000)));
    let failure = studio.failure(["--project", "long"]);
    failure.is(122, &["/xxxx", "…", "core_"]);
    assert!(failure.message.len() < 2000);
    studio.linked("lines", "/first\n/second\u{1b}[2J");
    studio.failure(["--project", "lines"]).is(122, &["/first\\n/second\\u{1b}[2J"]);
}

#[cfg(unix)]
#[test]
fn broken_links_and_pipes_are_refused() {
    use std::os::unix::fs::symlink;
    let studio = Studio::new();
    for (which, file) in files(&studio) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let _ = fs::remove_file(&file);
        symlink("nowhere", &file).unwrap();
        failed(&mut launch(&studio, which)).is(122, &[name, "link to a file that does not exist"]);
        fs::remove_file(&file).unwrap();
        symlink(name, &file).unwrap();
        failed(&mut launch(&studio, which)).is(122, &[name]);
        fs::remove_file(&file).unwrap();
        if which != "settings" {
            std::process::Command::new("mkfifo").arg(&file).succeeds();
            failed(&mut launch(&studio, which)).is(122, &[name, "not a regular file"]);
        }
    }
    symlink("b", studio.path("configs/a")).unwrap();
    symlink("a", studio.path("configs/b")).unwrap();
    studio.failure(["--project", "a"]).is(122, &["configs/a"]);
    studio.failure(["--config", "configs/a"]).is(122, &["configs/a"]);
    symlink("nowhere", studio.path("configs/c")).unwrap();
    // The loop may be the configuration that is meant.
    studio.failure(["--project", "c"]).is(122, &["'c'", "cannot read: ", "configs/a"]);
}

#[test]
fn file_in_place_of_a_folder_is_refused() {
    let studio = Studio::new();
    write(studio.path("configs/file"), "");
    studio.failure(["--project", "file"]).is(122, &["file", "not a pipeline configuration"]);
    studio.failure(["--config", "configs/file"]).is(122, &["file"]);
    write(studio.path("configs/bigbuck/config/core"), "");
    studio.failure(["--project", "bigbuck"]).is(122, &["bigbuck"]);
    for (roots, shown) in [("configs/file", "file"), ("nowhere", "nowhere")] {
        let roots = studio.path(roots);
        for words in [
            ["--project=x", "-V"],
            ["--project-id=9", "-V"],
            ["--path=x", "-V"],
            ["--each", "x.py"],
        ] {
            let mut launcher = studio.launcher(words);
            failed(launcher.env("SHOTGUN_BASE", &roots))
                .is(122, &[shown, "variable SHOTGUN_BASE"])
                .hints("mounted");
        }
        // Another root that exists is searched.
        let roots = std::env::join_paths([roots, studio.path("configs")]).unwrap();
        let mut launcher = studio.launcher(["--project", "x"]);
        failed(launcher.env("SHOTGUN_BASE", roots)).is(121, &["'x'", shown]);
    }
    studio.linked("to-a-file", studio.path("configs/file").to_str().unwrap());
    studio.failure(["--project", "to-a-file"]).is(122, &["'tank'"]);
}

#[test]
fn missing_root_is_named_in_the_hint() {
    let studio = Studio::new();
    let config = studio.localized("bigbuck");
    let (configs, share) = (studio.path("configs"), studio.path("share"));
    let roots = std::env::join_paths([&configs, &share]).unwrap();
    let missing = format!("root does not exist: {} (variable SHOTGUN_BASE)", share.display());
    for (words, hint) in [
        (&["--project-id=999"][..], "; sgtk-python --list"),
        (&["--project=sintel"], "; use the name"),
        (&["--path=/no/such/path"], ""),
        (&["--project=bigbuck", "--pipeline=Dev"], "; use --pipeline Primary"),
    ] {
        let mut launcher = studio.launcher([words, &["-V"]].concat());
        failed(&mut launcher).is(121, &[]);
        let failure = failed(launcher.env("SHOTGUN_BASE", &roots));
        failure.is(121, &[]).hints(&format!("{missing}{hint}"));
    }
    // Beside a configuration that cannot be read.
    write(config.join("config/core/pipeline_configuration.yml"), "{");
    let mut launcher = studio.launcher(["--project-id=999", "-V"]);
    failed(launcher.env("SHOTGUN_BASE", &roots)).is(122, &["cannot read"]).hints(&missing);
}

#[test]
fn overlong_names_are_refused() {
    let studio = Studio::new();
    studio.failure(["--project", &"x".repeat(300)]).is(121, &["xxx"]);
    studio.failure(["--config", &"x/".repeat(5000)]).is(122, &["x/x/x"]);
}

/// Root may read everything: where the tests run as root, these launches run as another user.
#[cfg(unix)]
#[test]
fn missing_permission_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let studio = Studio::new();
    let copy = studio.path("bin/launcher");
    copy_program(LAUNCHER, &copy);
    let set = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&studio.path(""), 0o755);
    let run = |which: &str| {
        let launcher = launch(&studio, which);
        let mut command = std::process::Command::new(&copy);
        command.args(launcher.get_args()).env_clear().envs(variables_of(&launcher));
        if nix::unistd::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        failed(&mut command)
    };
    for (which, file) in files(&studio) {
        let name = file.file_name().unwrap().to_str().unwrap();
        write(&file, "");
        set(&file, 0o000);
        run(which).is(122, &[name, "Permission denied"]);
        set(&file, 0o644);
    }
    let config = studio.path("configs/localized");
    write(config.join(format!("config/core/interpreter_{OS}.cfg")), "/root-only");
    set(&config.join("config"), 0o000);
    run("localized").is(122, &["localized/config/core/roots.yml", "Permission denied"]);
    set(&config.join("config"), 0o755);
    set(&config.join("install"), 0o000);
    run("localized").is(122, &["_core_upgrader.py", "Permission denied"]);
    set(&config.join("install"), 0o755);

    // Another user's home, as `su` and `cron` leave it, and a closed root do no harm.
    let copy_of = |name: &str| studio.path("configs").join(name);
    fs::create_dir_all(studio.path("home/.config/sgtk-python")).unwrap();
    set(&studio.path("home"), 0o000);
    fs::create_dir_all(studio.path("closed")).unwrap();
    set(&studio.path("closed"), 0o000);
    let roots = [studio.path("closed"), studio.path("configs")];
    write(copy_of("localized").join(format!("config/core/interpreter_{OS}.cfg")), "/bin/true");
    let mut command = std::process::Command::new(&copy);
    command.args(["--project", "localized"]).env_clear().env("HOME", studio.path("home"));
    command.env("SHOTGUN_BASE", std::env::join_paths(roots).unwrap());
    if nix::unistd::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    command.succeeds();
    set(&studio.path("home"), 0o755);
    set(&studio.path("closed"), 0o755);
}

#[cfg(target_os = "linux")]
#[test]
fn non_unicode_names_are_shown_escaped() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let studio = Studio::new();
    let name = OsStr::from_bytes(b"caf\xe9");
    let config = studio.localized("cafe");
    fs::rename(config, studio.path("configs").join(name)).unwrap();
    let plan = studio.explain([OsStr::new("--project"), name, OsStr::from_bytes(b"\xff.py")]);
    assert_eq!(plan["argv"][1], "\u{fffd}.py");
    assert!(plan["config"]["path"].as_str().unwrap().ends_with("caf\u{fffd}"));
    let unknown = OsString::from_vec(b"--project=\xffx".to_vec());
    studio.failure([unknown]).is(121, &["\u{fffd}x"]);
    studio.failure([OsStr::from_bytes(b"--pr\xff")]).is(125, &["--pr\u{fffd}"]);
    studio.failure([OsStr::from_bytes(b"--explain=\xff")]).is(125, &[]);
    let mut launcher = studio.launcher([OsStr::new("--project"), name]);
    failed(launcher.env("SGTK_PYTHON", OsStr::from_bytes(b"\xfe"))).is(127, &["\u{fffd}"]);
}

#[cfg(unix)]
#[test]
fn deleted_working_directory_is_allowed() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    studio.core("v1");
    studio.linked("relative", "cores/v1");
    let run = |arguments: &[&str]| -> Run {
        let gone = studio.path("gone");
        fs::create_dir_all(&gone).unwrap();
        let script = "rmdir \"$PWD\" && exec \"$0\" \"$@\"";
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", script, LAUNCHER]).args(arguments).env_clear().current_dir(&gone);
        shell.envs(variables_of(&studio.launcher([""; 0]))).run()
    };
    run(&["--project", "bigbuck"]).succeeds();
    let plan = run(&["--explain=json", "--project", "bigbuck"]).succeeds().json();
    assert!(plan["cwd"].is_null());
    run(&["--config", "x"]).failure().is(125, &["no working directory", "x"]);
    run(&["--project", "relative"]).failure().is(125, &["cores/v1"]);
}

/// Expansion without a bound would take minutes or gigabytes here.
#[test]
fn endless_expansion_is_bounded() {
    let studio = Studio::new();
    let config = studio.linked("bomb", "$B".repeat(30_000));
    let mut launcher = studio.launcher(["--project", "bomb"]);
    failed(launcher.env("B", "b".repeat(100_000))).is(122, &["core_"]);
    write(config.join(format!("install/core/core_{OS}.cfg")), "${".repeat(30_000));
    studio.failure(["--project", "bomb"]).is(122, &["core_"]);
    studio.shared("shared", "v1");
    let metadata = studio.path("configs/shared/config/core/pipeline_configuration.yml");
    write(metadata, format!("pc_name: '{}'\n", "${".repeat(400_000)));
    studio.explain(["--project", "shared"]);
    for number in 0..50 {
        studio.config(&format!("{number}{}", "b".repeat(200)));
    }
    studio.failure(["--project", &"b".repeat(100_000)]).is(121, &["bbb"]);
}

#[test]
fn forged_lines_are_escaped() {
    let studio = Studio::new();
    let config = studio.shared("dev", "v1");
    let metadata = config.join("config/core/pipeline_configuration.yml");
    write(metadata, "pc_name: \"a\\e[31m\\nsgtk-python: forged\\u202e\"\n");
    let plan = studio.explain(["--project", "dev"]);
    let warning = plan["warnings"][0].as_str().unwrap();
    assert!(warning.contains(": 'a\\u{1b}[31m\\nsgtk-python: forged\\u{202e}';"), "{warning}");
    studio.failure(["--explain=x\n  tip: \u{1b}[31m"]).is(125, &[]);
}

/// Checks that strace can interrupt calls here; says so if a test is left out.
#[cfg(target_os = "linux")]
fn can_trace() -> bool {
    let trial = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let works = trial.is_ok_and(|run| run.status.success());
    if !works {
        crate::support::skip("strace is missing, or may not trace");
    }
    works
}

/// The system interrupts each call, as a broken file server may.
#[cfg(target_os = "linux")]
#[test]
fn interrupted_reading_ends() {
    if !can_trace() {
        return;
    }
    let studio = Studio::new();
    for (which, file) in files(&studio) {
        write(&file, "");
        // musl opens files with the older call, which other processors lack.
        for call in ["openat,?open", "read"] {
            let launcher = launch(&studio, which);
            let mut traced = std::process::Command::new("timeout");
            traced.args(["60", "strace", "-f", "-o", "/dev/null", "-P"]).arg(&file);
            traced.arg(format!("-einject={call}:error=EINTR"));
            traced.arg(launcher.get_program()).args(launcher.get_args());
            traced.env_clear().envs(variables_of(&launcher)).env("PATH", "/usr/bin:/bin");
            let name = file.file_name().unwrap().to_str().unwrap();
            failed(&mut traced).is(122, &["interrupted 100 times", name]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn interrupted_talk_with_a_worker_ends() {
    if !can_trace() {
        return;
    }
    let warm = crate::warm_support::WarmStudio::new();
    warm.start();
    let run = |call: &str, command: &str| -> Run {
        let strace = "exec timeout 60 strace -o /dev/null";
        warm.shell(&format!("{strace} -einject={call}:error=EINTR{command}")).run()
    };
    // The first `poll` is that of Rust's runtime, which repeats it.
    assert_eq!(run("poll", ":when=2+ $W -c 'print(1)'").prints(), "1\n");
    assert_eq!(run("recvfrom", " $W -c 'print(1)'").prints(), "1\n");
    // The second reply is the job's end.
    let lost = run("recvfrom", ":when=2+ $W -c pass");
    lost.failure().is(125, &["the job's exit status is unknown"]);
    run("recvfrom", " $S --workers").succeeds().shows(&["bigbuck", "stuck"]);
}
