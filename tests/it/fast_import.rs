//! Fast import: a second start takes the core's code from an image, and what it imports is always right.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::pythons::{PYTHONS, on_each_python, tests_on_pythons};
use crate::real_core::real_core;
use crate::scene::Runs;
use crate::support::{PYTHON, Studio, change, explained, interpreter, skip, write};
use crate::warm_support::{WarmStudio, is_ready, wait_until};

/// Prints the core's value, and the kind of its loader.
const SHOW: &str = "import sgtk, sys; print(sgtk.origin, type(sgtk.__spec__.loader).__name__)";

/// A studio with a project on a real Python, and a core that has not changed for an hour.
struct FastStudio {
    studio: Studio,
    core: PathBuf,
}

impl FastStudio {
    fn new() -> Self {
        let studio = Studio::new();
        let config = studio.localized("bigbuck");
        interpreter(&config, PYTHON.to_str().unwrap());
        let fast = FastStudio { core: config.join("install/core/python"), studio };
        fast.edit("first");
        fast
    }

    /// Writes another core of the same size, as old as the first.
    fn edit(&self, origin: &str) {
        write(self.core.join("sgtk/__init__.py"), format!("origin = '{origin}'\n"));
        age(&self.core, Duration::from_secs(3600));
    }

    fn launcher(&self, words: &[&str]) -> Command {
        let mut launcher = self.studio.launcher(["--project", "bigbuck"].iter().chain(words));
        launcher.env("SGTK_PYTHON_FAST_IMPORT", "1");
        launcher
    }

    #[track_caller]
    fn shows(&self, expected: &str) {
        let shown = self.launcher(&["-c", SHOW]).succeeds().silently().text();
        assert_eq!(shown.trim_end(), expected);
    }

    /// Launches until there is an image that is true.
    #[track_caller]
    fn build(&self) -> PathBuf {
        self.launcher(&["-c", "pass"]).prints();
        wait_until(|| !self.has_mark() && self.image().is_some());
        self.image().unwrap()
    }

    fn images(&self) -> PathBuf {
        let plan = explained(&mut self.launcher(&[]));
        PathBuf::from(plan["fast_import"]["path"].as_str().unwrap())
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.images()).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    fn image(&self) -> Option<PathBuf> {
        self.files().into_iter().find(|path| path.extension() == Some("image".as_ref()))
    }

    fn has_mark(&self) -> bool {
        self.files().iter().any(|path| path.extension() == Some("build".as_ref()))
    }
}

/// Makes all that lies in a folder older.
fn age(path: &Path, by: Duration) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap().flatten() {
            age(&entry.path(), by);
        }
    }
    File::open(path).unwrap().set_modified(SystemTime::now() - by).unwrap();
}

#[test]
fn second_start_imports_from_the_image() {
    let fast = FastStudio::new();
    // Python names each file from which it reads code.
    let reads_source = || {
        let narrated = fast.launcher(&["-v", "-c", "import sgtk"]).succeeds().error();
        narrated.lines().any(|line| line.contains("code object from") && line.contains("/sgtk/"))
    };
    assert!(reads_source());
    fast.build();
    fs::remove_dir_all(fast.core.join("sgtk/__pycache__")).unwrap();
    let image = fast.build();
    assert!(!reads_source());
    fast.shows("first ImageLoader");
    let folder = fs::metadata(fast.images()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(image).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn switch_comes_from_variable_or_settings() {
    let fast = FastStudio::new();
    let state = |settings: &str, variable: Option<&str>| {
        let file = fast.studio.path("settings/s.toml");
        write(&file, settings);
        let mut launcher = fast.launcher(&[]);
        launcher.env("SGTK_PYTHON_SETTINGS", file).env_remove("SGTK_PYTHON_FAST_IMPORT");
        launcher.envs(variable.map(|value| ("SGTK_PYTHON_FAST_IMPORT", value)));
        let plan = explained(&mut launcher);
        let path = change(&plan, "PYTHONPATH").unwrap().as_str().unwrap().to_owned();
        assert_eq!(path.contains("/fast-import/"), !plan["fast_import"].is_null(), "{plan}");
        plan["fast_import"]["use"].as_str().unwrap_or("off").to_owned()
    };
    assert_eq!(state("", None), "off");
    assert_eq!(state("fast_import = true", None), "on");
    assert_eq!(
        state("fast_import = true\n[projects.bigbuck]\nfast_import = 'release'", None),
        "release"
    );
    assert_eq!(state("fast_import = false", Some("1")), "on");
    assert_eq!(state("fast_import = true", Some("0")), "off");
    assert_eq!(state("", Some("release")), "release");
    fast.launcher(&[]).env("SGTK_PYTHON_FAST_IMPORT", "x").fails_with(125);
    let file = fast.studio.path("settings/s.toml");
    write(&file, "fast_import = 'fast'");
    let mut launcher = fast.launcher(&["-V"]);
    launcher.env("SGTK_PYTHON_SETTINGS", &file).fails_with(122);
}

#[test]
fn plan_shows_the_images() {
    let fast = FastStudio::new();
    let explain = || fast.launcher(&["--explain"]).succeeds().silently();
    explain().shows(&["\nfast     no image yet: the next launch has one built\n"]);
    let image = fast.build();
    let python = image.file_stem().unwrap().to_str().unwrap();
    explain()
        .shows(&[&format!("\nfast     {python}, ready\n"), "variable SGTK_PYTHON_FAST_IMPORT"]);
    let plan = explained(&mut fast.launcher(&[]));
    let images = &plan["fast_import"]["images"];
    assert_eq!(images[0]["python"], python);
    assert_eq!(images[0]["bytes"], fs::metadata(image).unwrap().len());
}

#[test]
fn entry_of_another_launch_leaves_python_path() {
    let fast = FastStudio::new();
    let entry = fast.images().to_str().unwrap().replace('7', "8");
    let mut launcher = fast.launcher(&[]);
    launcher.env("PYTHONPATH", format!("/a:{entry}:/b")).env("SGTK_PYTHON_FAST_IMPORT", "0");
    let path = format!("{}:/a:/b", fast.core.display());
    assert_eq!(change(&explained(&mut launcher), "PYTHONPATH").unwrap(), path.as_str());
}

#[test]
fn edited_module_is_imported_from_its_source() {
    let fast = FastStudio::new();
    fast.build();
    write(fast.core.join("sgtk/__init__.py"), "origin = 'other'\n");
    fast.shows("other ImageLoader");
    let is_marked = |image: &Path| fs::metadata(image).unwrap().mtime() == 0;
    assert!(is_marked(&fast.image().unwrap()), "the next start has another image built");
    assert!(!is_marked(&fast.build()));
    fast.shows("other ImageLoader");
}

#[test]
fn copy_with_the_old_times_is_imported_from_its_source() {
    let fast = FastStudio::new();
    fast.build();
    let (source, folder) = (fast.core.join("sgtk/__init__.py"), fast.core.join("sgtk"));
    let times = [&source, &folder].map(|path| fs::metadata(path).unwrap().modified().unwrap());
    write(&source, "from .named import origin\n");
    write(folder.join("named.py"), "origin = 'other'\n");
    File::open(&source).unwrap().set_modified(times[0]).unwrap();
    File::open(&folder).unwrap().set_modified(times[1]).unwrap();
    // The folder has another name in it, so Python's own finder looks.
    fast.shows("other SourceFileLoader");
}

#[test]
fn release_looks_at_folders_and_manifest_alone() {
    let fast = FastStudio::new();
    let release = |expected: &str| {
        let mut launcher = fast.launcher(&["-c", SHOW]);
        let shown = launcher.env("SGTK_PYTHON_FAST_IMPORT", "release").prints();
        assert_eq!(shown.trim_end(), expected);
    };
    release("first SourceFileLoader");
    let folder = fast.images().parent().unwrap().to_owned();
    let is_built = || {
        let found = Command::new("find").arg(&folder).args(["-name", "*.image"]).prints();
        found.contains("/release-")
    };
    wait_until(is_built);
    fast.edit("other");
    release("first ImageLoader");
    write(fast.core.with_file_name("info.yml"), "version: \"v0.99.2\"\n");
    release("other SourceFileLoader");
}

#[test]
fn new_names_in_a_folder_are_found() {
    let fast = FastStudio::new();
    fast.build();
    write(fast.core.join("added.py"), "");
    write(fast.core.join("sgtk/added.py"), "");
    let program = "import added, sgtk.added; print(sgtk.origin)";
    assert_eq!(fast.launcher(&["-c", program]).prints(), "first\n");
    // A package hides a module of its name.
    write(fast.core.join("added/__init__.py"), "");
    fast.build();
    let program = "import added; print(added.__file__.endswith('added/__init__.py'))";
    assert_eq!(fast.launcher(&["-c", program]).prints(), "True\n");
    fs::remove_dir_all(fast.core.join("added")).unwrap();
    fs::remove_file(fast.core.join("added.py")).unwrap();
    fast.launcher(&["-c", "import added"]).fails_with(1);
}

#[test]
fn damaged_image_is_passed_over() {
    let fast = FastStudio::new();
    let image = fast.build();
    let whole = fs::read(&image).unwrap();
    let mark = PathBuf::from(format!("{}.build", image.display()));
    for turn in 0..40 {
        // Spread over the whole file, the head included.
        let at = (turn * turn * 7919) % whole.len();
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (turn % 8);
        for damaged in [&flipped[..], &whole[..at]] {
            // No builder replaces it meanwhile.
            write(&mark, "");
            write(&image, damaged);
            let shown = fast.launcher(&["-c", SHOW]).succeeds().silently().text();
            assert!(shown.starts_with("first "), "{shown} at {at} of {}", whole.len());
        }
    }
    fs::remove_file(&mark).unwrap();
    write(&image, &whole[..whole.len() / 2]);
    let plan = explained(&mut fast.launcher(&[]));
    assert_eq!(plan["fast_import"]["images"][0]["state"], "damaged");
}

#[test]
fn image_of_another_user_is_passed_over() {
    if !nix::unistd::geteuid().is_root() {
        return skip("only root can give files to another user");
    }
    let fast = FastStudio::new();
    let image = fast.build();
    fast.shows("first ImageLoader");
    write(format!("{}.build", image.display()), "");
    lchown(&image, Some(12345), None).unwrap();
    fast.shows("first SourceFileLoader");
    lchown(&image, Some(0), None).unwrap();
    fs::set_permissions(&image, fs::Permissions::from_mode(0o620)).unwrap();
    fast.shows("first SourceFileLoader");
    fs::set_permissions(&image, fs::Permissions::from_mode(0o600)).unwrap();
    fast.shows("first ImageLoader");
    // Nor does Python run anything in a folder of another user.
    for folder in [fast.images(), fast.images().parent().unwrap().to_owned()] {
        lchown(&folder, Some(12345), None).unwrap();
        let run = fast.launcher(&["-c", SHOW]).succeeds();
        let warning = "warning: fast import is off: ";
        run.warns(&[warning, "it belongs to another user (12345)"]);
        lchown(&folder, Some(0), None).unwrap();
    }
}

#[test]
fn folder_that_others_can_replace_is_not_used() {
    let fast = FastStudio::new();
    let open = fast.studio.path("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let mut launcher = fast.launcher(&["-c", SHOW]);
    launcher.env("SGTK_PYTHON_CACHE", open.join("cache"));
    launcher.succeeds().warns(&["fast import is off: ", "every user can write to"]);
    // Only the owner of an entry can replace it.
    fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).unwrap();
    launcher.prints();
}

#[test]
fn odd_cache_and_damaged_zip_stop_no_launch() {
    let fast = FastStudio::new();
    let mut launcher = fast.launcher(&["-c", SHOW]);
    launcher.env("SGTK_PYTHON_CACHE", fast.studio.path("a:b"));
    assert_eq!(launcher.prints(), "first SourceFileLoader\n");
    write(fast.core.parent().unwrap().join("requirements/any/bad.zip"), "no zip");
    age(&fast.core, Duration::from_secs(3600));
    fast.build();
    fast.shows("first ImageLoader");
}

#[test]
fn first_starts_at_once_build_one_image() {
    let fast = FastStudio::new();
    let mut launchers: Vec<Command> = (0..20).map(|_| fast.launcher(&["-c", SHOW])).collect();
    let running: Vec<_> = launchers.iter_mut().map(Command::spawn).collect();
    let inode = || fast.image().and_then(|image| Some(fs::metadata(image).ok()?.ino()));
    wait_until(|| inode().is_some());
    let first = inode();
    for process in running {
        assert!(process.unwrap().wait().unwrap().success());
    }
    wait_until(|| !fast.has_mark());
    assert_eq!(inode(), first);
}

#[test]
fn own_customizations_run_as_ever() {
    let fast = FastStudio::new();
    fast.build();
    let own = fast.studio.path("own");
    let loud = |name: &str| format!("print('{name}', __name__, __file__)\n");
    write(own.join("sitecustomize.py"), loud("site"));
    write(own.join("usercustomize.py"), loud("user"));
    let program = "import sys, sitecustomize; print(sitecustomize.__spec__.origin, sys.path)";
    let show = |switch: &str| {
        let mut launcher = fast.launcher(&["-c", program]);
        launcher.env("SGTK_PYTHON_FAST_IMPORT", switch).env("PYTHONPATH", &own).prints()
    };
    assert_eq!(show("1"), show("0"));
    write(own.join("sitecustomize.py"), "import no_such_module\n");
    let failing = |switch: &str| {
        let mut launcher = fast.launcher(&["-c", "pass"]);
        let run =
            launcher.env("SGTK_PYTHON_FAST_IMPORT", switch).env("PYTHONPATH", &own).succeeds();
        run.error()
    };
    assert_eq!(failing("1"), failing("0"));
    assert!(failing("1").contains("no_such_module"));
}

#[test]
fn failing_modules_fail_as_ever() {
    let fast = FastStudio::new();
    fast.build();
    for text in ["print 'Python 2'\n", "import no_such_module\n", "1 / 0\n"] {
        write(fast.core.join("sgtk/__init__.py"), text);
        let failing = |switch: &str| {
            let mut launcher = fast.launcher(&["-c", "import sgtk"]);
            launcher.env("SGTK_PYTHON_FAST_IMPORT", switch).fails_with(1).error()
        };
        assert_eq!(failing("1"), failing("0"));
        fast.build();
        assert_eq!(failing("1"), failing("0"));
    }
}

#[test]
fn any_python_passes_over_the_entry() {
    let fast = FastStudio::new();
    fast.build();
    for (version, python) in &*PYTHONS {
        let program = "import sys; print(len([p for p in sys.path if 'fast-import' in p]))";
        let mut launcher = fast.launcher(&["--python", python.to_str().unwrap(), "-c", program]);
        let shown = launcher.succeeds().silently().text();
        assert_eq!(shown, "0\n", "{version:?}");
    }
}

#[test]
fn worker_imports_from_the_image() {
    let warm = WarmStudio::new();
    let shell = |script: &str| {
        let mut shell = warm.shell(script);
        shell.env("SGTK_PYTHON_FAST_IMPORT", "1").prints()
    };
    shell("$L -c pass");
    wait_until(|| {
        let files = shell("find $HOME -name '*.image*'");
        files.lines().count() == 1 && !files.contains(".build")
    });
    shell("$W -c pass");
    warm.until(|workers| workers.iter().any(is_ready));
    assert_eq!(
        shell("$W -c 'import sgtk; print(sgtk.__loader__.__class__.__name__)'"),
        "ImageLoader\n"
    );
    assert_eq!(warm.worker()["done"], 1);
}

#[test]
fn oldest_images_go() {
    let fast = FastStudio::new();
    fast.launcher(&["-V"]).prints();
    let cache = fast.images().parent().unwrap().to_owned();
    let others: Vec<PathBuf> = (0..20).map(|n| cache.join(n.to_string()).join("x.image")).collect();
    let left_over = cache.join("0/y.image.new");
    write(&left_over, "");
    for (hours, image) in (1..).zip(&others) {
        write(image, "");
        age(image, Duration::from_secs(hours * 3600));
        let times =
            fs::FileTimes::new().set_accessed(fs::metadata(image).unwrap().modified().unwrap());
        File::open(image).unwrap().set_times(times).unwrap();
    }
    let unused = Duration::from_secs(31 * 24 * 3600);
    for path in [&others[0], others[0].parent().unwrap()] {
        let times = fs::FileTimes::new().set_accessed(SystemTime::now() - unused);
        File::open(path)
            .unwrap()
            .set_times(times.set_modified(SystemTime::now() - unused))
            .unwrap();
    }
    fast.build();
    wait_until(|| !others[0].exists());
    assert!(!left_over.exists(), "a builder was killed");
    let left: Vec<bool> = others.iter().map(|image| image.exists()).collect();
    let expected: Vec<bool> = (0..20).map(|n| (1..16).contains(&n)).collect();
    assert_eq!(left, expected, "16 with the new one, and none that was not used for long");
}

#[test]
fn doctor_tells_of_images() {
    let fast = FastStudio::new();
    let image = fast.build();
    let doctor = |words: &[&str]| fast.launcher(words).succeeds().silently();
    let python = doctor(&["--doctor=json"]).json()["pythons"][0].clone();
    assert_eq!(python["image"]["state"], "ready", "{python}");
    assert_eq!(python["image"]["bytes"], fs::metadata(&image).unwrap().len());
    assert!(python["image"]["import_ms_without"].is_u64(), "{python}");
    doctor(&["--doctor=all"]).shows(&[" with an image of 0.0 MiB ("]);
    write(format!("{}.build", image.display()), "No space left on device\n");
    doctor(&["--doctor"]).shows(&["warning", "cannot be built: No space left on"]);
    let mut launcher = fast.launcher(&["--doctor"]);
    let run = launcher.env_remove("HOME").succeeds().silently();
    run.shows(&["fast import is off: there is no cache"]);
}

/// Prints what a program can observe.
const OBSERVATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/observations.py");

/// Adds to the core what an import meets: packages, data, a source of no use, a folder without a package, a zip.
fn enrich(core: &Path) {
    for (file, text) in [
        (
            "tank/api.py",
            "class TankError(Exception):\n    pass\n\n\ndef fail(text):\n    raise TankError(text)\n",
        ),
        ("tank/__init__.py", "from .api import TankError\n"),
        ("tank/deep/__init__.py", "from . import inner\n"),
        ("tank/deep/inner.py", "NAME = '\u{e4}\\N{BULLET}'\n\n\ndef deepest(x=1):\n    return x\n"),
        ("tank/deep/data.txt", "data\n"),
        ("tank/plain/part.py", "import sys\nassert sys\n"),
        ("tank/wrong.py", "print 'Python 2'\n"),
        (
            "sgtk/__init__.py",
            "from tank import *\nfrom tank.api import TankError, fail\n\n\ndef sgtk_from_path(path):\n    fail(path)\n",
        ),
        (
            "tank_vendor/__init__.py",
            "import os, sys\n\nfolder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))\n\
            sys.path.insert(0, os.path.join(folder, 'requirements', '%d.%d' % sys.version_info[:2], 'pkgs.zip'))\nimport zipped\n",
        ),
    ] {
        write(core.join(file), text);
    }
    let program = "import os, sys, zipfile\n\
        for minor in range(7, 15):\n\
        \x20   folder = os.path.join(sys.argv[1], 'requirements', '3.%d' % minor)\n\
        \x20   os.makedirs(folder)\n\
        \x20   with zipfile.ZipFile(os.path.join(folder, 'pkgs.zip'), 'w') as zip:\n\
        \x20       zip.writestr('zipped/__init__.py', 'from . import part\\nfrom .deep import end\\n')\n\
        \x20       zip.writestr('zipped/part.py', 'def where():\\n    return __file__\\n')\n\
        \x20       zip.writestr('zipped/deep/__init__.py', '')\n\
        \x20       zip.writestr('zipped/deep/end.py', 'END = 1\\n')\n\
        \x20       zip.writestr('zipped/wrong.py', 'print 1\\n')\n";
    Command::new(&*PYTHON).args(["-c", program]).arg(core.parent().unwrap()).prints();
    age(core.parent().unwrap(), Duration::from_secs(3600));
}

/// Ways to start a program.
const WAYS: [&[&str]; 5] = [
    &["observations.py"],
    &["-OO", "-X", "dev", "observations.py"],
    &["-m", "observations"],
    &["-c", "exec(open('observations.py').read())"],
    &["-s", "-O", "observations.py"],
];

/// Compares what a program observes with an image and without one.
#[track_caller]
fn compare(fast: &FastStudio, python: &Path, ways: &[&[&str]], modules: &[&str]) {
    interpreter(&fast.studio.path("configs/bigbuck"), python.to_str().unwrap());
    fs::copy(OBSERVATIONS, fast.studio.path("observations.py")).unwrap();
    for words in ways {
        let observe = |switch: &str| {
            let mut launcher = fast.launcher(words);
            launcher.args(modules).env("SGTK_PYTHON_FAST_IMPORT", switch);
            launcher.envs([("PYTHONHASHSEED", "0"), ("PYTHONDONTWRITEBYTECODE", "1")]);
            launcher.env("PYTHONWARNINGS", "ignore").succeeds().text()
        };
        let ordinary = observe("0");
        observe("1");
        wait_until(|| !fast.has_mark());
        let with_image = observe("1");
        for (one, other) in ordinary.lines().zip(with_image.lines()) {
            assert_eq!(one, other, "{words:?}");
        }
        assert_eq!(ordinary.lines().count(), with_image.lines().count());
        assert!(
            ordinary.lines().count() > 100 && ordinary.contains("'import' 'tank' 'tank'"),
            "{ordinary}"
        );
    }
}

fn check_on(python: &Path, _minor: u32) {
    let fast = FastStudio::new();
    enrich(&fast.core);
    compare(
        &fast,
        python,
        &WAYS,
        &["sgtk", "tank", "tank_vendor", "tank.deep.inner", "tank.plain.part", "tank.wrong"],
    );
}

on_each_python!(check_on);

mod on_real_core {
    use super::*;

    fn check_on(python: &Path, _minor: u32) {
        let fast = FastStudio::new();
        fs::remove_dir_all(&fast.core).unwrap();
        // Without the compiled files of the copy, which do not depend on their sources.
        let copy = "cp -rp \"$0\" \"$1\" && find \"$1\" -name __pycache__ -exec rm -rf {} +";
        Command::new("sh").args(["-c", copy]).arg(real_core()).arg(&fast.core).prints();
        age(&fast.core, Duration::from_secs(3600));
        compare(&fast, python, &WAYS[..1], &["sgtk", "tank", "tank_vendor"]);
    }

    // The stand-in core is compared on each Python; this one takes half a minute of processor time.
    tests_on_pythons!(check_on, [ignore = "needs the real core: run tests/run"],
        python_3_07 7, python_3_11 11);

    #[test]
    #[ignore = "needs another core: its install/core in SGTK_PYTHON_TEST_NEW_CORE"]
    fn newer_core_is_as_ever() {
        let Some(new) = std::env::var_os("SGTK_PYTHON_TEST_NEW_CORE") else {
            return skip("SGTK_PYTHON_TEST_NEW_CORE names no core");
        };
        let fast = FastStudio::new();
        let core = fast.core.parent().unwrap();
        fs::remove_dir_all(core).unwrap();
        Command::new("cp").arg("-rp").args([Path::new(&new), core]).prints();
        write(core.join("_core_upgrader.py"), "");
        compare(&fast, &PYTHON, &WAYS[..2], &["sgtk", "tank", "tank_vendor"]);
    }
}
