//! What Python receives.

use serde_json::Value;

use crate::support::{Studio, change, explained, write};

const CARRIED: [&str; 28] = [
    "SGTK_CONFIG",
    "SGTK_CONTEXT",
    "SGTK_ENGINE",
    "SGTK_EXT_CONFIG_DATA",
    "SGTK_FILE_TO_OPEN",
    "SGTK_PIPELINE",
    "SGTK_PROJECT",
    "SGTK_PROJECT_ID",
    "SGTK_PYTHON",
    "SHOTGUN_CONFIG_URI",
    "SHOTGUN_DESKTOP_CURRENT_USER",
    "SHOTGUN_ENTITY_ID",
    "SHOTGUN_ENTITY_TYPE",
    "SHOTGUN_PIPELINE_CONFIGURATION_ID",
    "SHOTGUN_SGTK_MODULE_PATH",
    "SHOTGUN_SITE",
    "TANK_CONTEXT",
    "TANK_CURRENT_PC",
    "TANK_ENGINE",
    "TANK_FILE_TO_OPEN",
    "TK_BOOTSTRAP_CONFIG_OVERRIDE",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPLATLIBDIR",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
];

const KEPT: [&str; 6] = [
    "SHOTGUN_HOME",
    "SHOTGUN_API_CACERTS",
    "SHOTGUN_PATH_LINUX",
    "SHOTGUN_FARM_SCRIPT_KEY",
    "TK_DEBUG",
    "https_proxy",
];

fn list(paths: &[&str]) -> String {
    let paths = paths.iter().map(|path| path.replace('/', std::path::MAIN_SEPARATOR_STR));
    std::env::join_paths(paths).unwrap().into_string().unwrap()
}

/// The plan for `bigbuck` with these variables and options.
fn plan(studio: &Studio, variables: &[(&str, &str)], options: &[&str]) -> Value {
    let config = studio.path("configs/bigbuck");
    let mut launcher = studio.launcher(["--config", config.to_str().unwrap()]);
    launcher.args(options).envs(variables.iter().copied());
    explained(&mut launcher)
}

fn studio() -> Studio {
    let studio = Studio::new();
    studio.localized("bigbuck");
    studio
}

#[test]
fn other_projects_and_pythons_are_unset() {
    let studio = studio();
    let variables: Vec<_> = CARRIED.iter().chain(&KEPT).map(|name| (*name, "x")).collect();
    let plan = plan(&studio, &variables, &["--python", studio.python().to_str().unwrap()]);
    for name in CARRIED {
        assert_eq!(change(&plan, name), Some(&Value::Null), "{name}");
    }
    for name in KEPT {
        assert_eq!(change(&plan, name), None, "{name}");
    }
    let config = studio.path("configs/bigbuck");
    assert_eq!(change(&plan, "SGTK_PYTHON_CONFIG").unwrap(), config.to_str().unwrap());
    assert_eq!(plan["environment"].as_array().unwrap().len(), CARRIED.len() + 2);
}

#[test]
fn clean_environment_stays_unchanged() {
    let studio = studio();
    let names: Vec<Value> = plan(&studio, &[], &[])["environment"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].clone())
        .collect();
    assert_eq!(names, ["PYTHONPATH", "SGTK_PYTHON_CONFIG"]);
}

#[test]
fn core_comes_first_on_pythonpath() {
    let studio = studio();
    let core = studio.path("configs/bigbuck/install/core/python");
    let core = core.to_str().unwrap().replace('/', std::path::MAIN_SEPARATOR_STR);
    write(studio.path("cache/tk-core/v1/python/tank/__init__.py"), "");
    write(studio.path("site/python/mine.py"), "");
    write(studio.path("bare/tank/__init__.py"), "");
    write(studio.path("lib/site-packages/tank/__init__.py"), "");
    let (bare, pip) = (studio.path("bare"), studio.path("lib/site-packages"));
    let (bare, pip) = (bare.to_str().unwrap(), pip.to_str().unwrap());
    let cached = studio.path("cache/tk-core/v1/python");
    let other = studio.path("configs/other/install/core/python");
    let site = studio.path("site/python");
    let (cached, other, site) =
        (cached.to_str().unwrap(), other.to_str().unwrap(), site.to_str().unwrap());
    let zip = "/x/install/core/requirements/3.11/pkgs.zip";
    let before = list(&["", other, "/mine", cached, zip, "", site, &core, "relative", bare, pip]);
    let after = |options: &[&str]| {
        let plan = plan(&studio, &[("PYTHONPATH", &before)], options);
        let value = change(&plan, "PYTHONPATH").unwrap().as_str().unwrap();
        value.replace('/', std::path::MAIN_SEPARATOR_STR)
    };
    assert_eq!(after(&[]), list(&[&core, "/mine", site, "relative", pip]));
    assert_eq!(after(&["--unset", "PYTHONPATH"]), core);
    assert_eq!(after(&["--clean"]), core);
    assert_eq!(
        after(&["--keep", "PYTHONPATH"]),
        list(&[&core, other, "/mine", cached, zip, site, &core, "relative", bare, pip])
    );
    assert_eq!(after(&["--env", "PYTHONPATH=/mine"]), list(&[&core, "/mine"]));
}

#[cfg(unix)]
#[test]
fn folders_of_a_python_host_leave_lists() {
    let studio = studio();
    let plan_in = |home: &str, options: &[&str]| {
        let variables = [
            ("PYTHONHOME", home),
            ("PYTHONPATH", "/opt/dcc/scripts:/mine:/opt/dcc-tools"),
            ("LD_LIBRARY_PATH", "/opt/dcc/lib"),
            ("DYLD_FRAMEWORK_PATH", "/opt/dcc/x:/y"),
            ("PATH", "/opt/dcc/bin:/bin"),
        ];
        plan(&studio, &variables, options)
    };
    for home in ["/opt/dcc", "/opt/dcc/python", "/opt/dcc/Python310", "/opt/dcc/python:/x"] {
        let plan = plan_in(home, &[]);
        let path = change(&plan, "PYTHONPATH").unwrap().as_str().unwrap();
        assert!(path.ends_with("/install/core/python:/mine:/opt/dcc-tools"), "{home}: {path}");
        assert_eq!(change(&plan, "LD_LIBRARY_PATH"), Some(&Value::Null));
        assert_eq!(change(&plan, "DYLD_FRAMEWORK_PATH").unwrap(), "/y");
        assert_eq!(change(&plan, "PATH"), None);
    }
    for home in ["/usr", "/usr/local", "/", "/opt", "/opt/python3", "/mnt", "/usr/lib/python3"] {
        let plan = plan_in(home, &[]);
        assert_eq!(change(&plan, "LD_LIBRARY_PATH"), None, "{home}");
    }
    assert_eq!(change(&plan_in("/opt/dcc", &["--keep", "LD_*"]), "LD_LIBRARY_PATH"), None);
    assert_eq!(change(&plan_in("/opt/dcc", &["--keep", "PYTHONHOME"]), "LD_LIBRARY_PATH"), None);
}

#[cfg(unix)]
#[test]
fn virtual_environment_leaves_path() {
    let studio = studio();
    let variables = [("VIRTUAL_ENV", "/venv"), ("PATH", "/venv/bin:/bin:/venv/bin/x:/venv/bin/")];
    let path = change(&plan(&studio, &variables, &[]), "PATH").unwrap().clone();
    assert_eq!(path, "/bin:/venv/bin/x");
    let kept = plan(&studio, &variables, &["--keep", "VIRTUAL_ENV"]);
    assert_eq!((change(&kept, "PATH"), change(&kept, "VIRTUAL_ENV")), (None, None));
}

#[test]
fn options_change_single_variables() {
    let studio = studio();
    let variables = [("A", "1"), ("LC_A", "1"), ("LC_B", "1"), ("TANK_CURRENT_PC", "/x")];
    let options = ["--env", "A=2", "--env", "B=x=y", "--env", "C=", "--unset", "LC_*"];
    let plan = plan(&studio, &variables, &[&options[..], &["--keep", "TANK_*"]].concat());
    assert_eq!(change(&plan, "A").unwrap(), "2");
    assert_eq!(change(&plan, "B").unwrap(), "x=y");
    assert_eq!(change(&plan, "C").unwrap(), "");
    assert_eq!(change(&plan, "LC_A"), Some(&Value::Null));
    assert_eq!(change(&plan, "LC_B"), Some(&Value::Null));
    assert_eq!(change(&plan, "TANK_CURRENT_PC"), None);
}

#[test]
fn clean_option_keeps_the_allow_list() {
    let studio = studio();
    let variables = [
        ("LC_ALL", "C"),
        ("TK_DEBUG", "1"),
        ("MAYA_APP_DIR", "/x"),
        ("PYTHONUNBUFFERED", "1"),
        ("Q", "1"),
    ];
    let plan = plan(&studio, &variables, &["--clean", "--keep", "Q"]);
    for name in ["LC_ALL", "TK_DEBUG", "HOME", "SHOTGUN_BASE", "Q"] {
        assert_eq!(change(&plan, name), None, "{name}");
    }
    for name in ["MAYA_APP_DIR", "PYTHONUNBUFFERED"] {
        assert_eq!(change(&plan, name), Some(&Value::Null), "{name}");
    }
}

#[test]
fn clean_option_keeps_a_batch_jobs_variables() {
    let studio = studio();
    let kept = ["SLURM_JOB_ID", "PBS_NODEFILE", "LSB_HOSTS", "NSLOTS", "_CONDOR_SCRATCH_DIR"];
    let secret = ["SLURM_JWT", "PBS_JOBCOOKIE", "LSB_A_TOKEN"];
    let variables: Vec<_> = kept.iter().chain(&secret).map(|name| (*name, "x")).collect();
    let plan = plan(&studio, &variables, &["--clean"]);
    for name in kept {
        assert_eq!(change(&plan, name), None, "{name}");
    }
    for name in secret {
        assert_eq!(change(&plan, name), Some(&Value::Null), "{name}");
    }
}

#[test]
fn variables_of_a_run_always_reach_the_job() {
    let studio = studio();
    let variables = [("SGTK_PYTHON_RUN", "0123456789abcdef"), ("SGTK_PYTHON_AGAIN", "1")];
    for options in [&["--clean"][..], &["--unset=SGTK_*"], &[]] {
        let plan = plan(&studio, &variables, options);
        for (name, _) in variables {
            assert_eq!(change(&plan, name), None, "{name} with {options:?}");
        }
    }
    let plan = plan(&studio, &[("SGTK_PYTHON_PARENT", "1")], &["--keep=SGTK_*"]);
    assert_eq!(change(&plan, "SGTK_PYTHON_PARENT"), None);
}

#[test]
fn pin_config_sets_tank_current_pc() {
    let studio = studio();
    let plan = plan(&studio, &[("TANK_CURRENT_PC", "/other")], &["--pin-config"]);
    let config = studio.path("configs/bigbuck");
    assert_eq!(change(&plan, "TANK_CURRENT_PC").unwrap(), config.to_str().unwrap());
}
