//! A studio whose projects a site describes, with the core, the engine and the site that this needs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::real_core::{PYTHON, real_core};
use crate::scene::Runs;
use crate::standin::{SCRIPT, Site};
use crate::support::{Studio, write};

/// Hooks of a core that the package on `PyPI` lacks, and their methods.
const HOOKS: [(&str, &str); 7] = [
    ("bootstrap", "init can_cache_bundle populate_bundle_cache_entry"),
    ("pipeline_configuration_init", "execute"),
    ("tank_init", "execute"),
    ("context_change", "pre_context_change post_context_change"),
    ("bundle_init", "execute"),
    ("engine_init", "execute"),
    ("get_current_login", "execute"),
];

fn hook(methods: &str) -> String {
    let methods = methods.split_whitespace();
    let methods = methods.map(|m| format!("    def {m}(self, *args, **kwargs):\n        pass\n"));
    format!(
        "import sgtk\n\n\nclass Own(sgtk.get_hook_baseclass()):\n{}",
        methods.collect::<String>()
    )
}

/// A studio without configurations of its own, and the site that describes three projects: alpha (101)
/// and beta (102) are distributed, with cores of two versions; gamma (103) is centralized.
pub struct Distributed {
    pub studio: Studio,
    pub site: Site,
}

impl Distributed {
    pub fn new() -> Self {
        let studio = Studio::new();
        let site = Site::new();
        for (id, name, version) in [(101, "alpha", "v0.21.7"), (102, "beta", "v0.21.8")] {
            let core = core(&studio, version);
            let config = studio.path(format!("descriptors/{name}"));
            let location = json!({"location": {"type": "path", "path": core}});
            write(config.join("core/core_api.yml"), location.to_string());
            write(config.join("core/roots.yml"), "{}\n");
            write(config.join("core/hooks/pick_environment.py"), pick_environment());
            write(config.join("env/project.yml"), environment(&studio));
            site.know(json!({"type": "Project", "id": id, "name": format!("The {name}"), "tank_name": name}));
            site.know(json!({"type": "PipelineConfiguration", "id": id - 90, "code": "Primary",
                "project": {"type": "Project", "id": id}, "users": [], "plugin_ids": "basic.*",
                "descriptor": format!("sgtk:descriptor:path?path={}", config.display())}));
        }
        let gamma = studio.path("elsewhere/gamma");
        fs::create_dir_all(studio.path("elsewhere")).unwrap();
        fs::rename(studio.localized("gamma"), &gamma).unwrap();
        write(gamma.join("config/core/pipeline_configuration.yml"), GAMMA);
        site.know(json!({"type": "Project", "id": 103, "name": "gamma", "tank_name": "gamma"}));
        site.know(json!({"type": "PipelineConfiguration", "id": 13, "code": "Primary",
            "project": {"type": "Project", "id": 103}, "users": [],
            "linux_path": gamma, "mac_path": gamma, "windows_path": gamma}));
        write(studio.path("engine/info.yml"), "display_name: Test\n");
        write(studio.path("engine/engine.py"), ENGINE);
        let distributed = Distributed { studio, site };
        distributed.settings("");
        distributed
    }

    /// Writes the settings, with these lines in `[site]`.
    pub fn settings(&self, lines: &str) {
        let text = format!(
            "[site]\nhost = '{}'\ncore = '{}'\npython = '{}'\nengine = 'tk-test'\n{lines}\n",
            self.site.address,
            self.studio.path("cores/v0.21.8/python").display(),
            PYTHON.display(),
        );
        write(self.studio.path("site.toml"), text);
    }

    /// Sets one key of `[site]` to another value.
    pub fn set(&self, key: &str, value: &str) {
        let file = self.studio.path("site.toml");
        let text = fs::read_to_string(&file).unwrap();
        let others = text.lines().filter(|line| !line.starts_with(&format!("{key} =")));
        let text = others.chain([&format!("{key} = '{value}'")[..]]).collect::<Vec<_>>().join("\n");
        write(file, text);
    }

    /// The launcher without credentials for the site.
    pub fn stranger(&self, arguments: &[&str]) -> Command {
        let mut launcher = self.studio.launcher(arguments);
        launcher
            .env("SGTK_PYTHON_SETTINGS", self.studio.path("site.toml"))
            .env("SHOTGUN_HOME", self.studio.path("home/toolkit"))
            .env("SHOTGUN_API_RETRY_INTERVAL", "0");
        launcher
    }

    /// The launcher with the name and key of the site's script.
    pub fn launcher(&self, arguments: &[&str]) -> Command {
        let mut launcher = self.stranger(arguments);
        launcher.env("SHOTGUN_FARM_SCRIPT_USER", SCRIPT.0).env("SHOTGUN_FARM_SCRIPT_KEY", SCRIPT.1);
        launcher
    }

    /// Returns the output of a launch that has to succeed without a word on standard error.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        self.launcher(arguments).prints().trim_end().to_owned()
    }

    /// The folder in which alpha is realised.
    pub fn alpha(&self) -> PathBuf {
        self.studio.path("home/toolkit/127.0.0.1/p101c11.basic./cfg")
    }
}

/// The metadata of the centralized configuration.
const GAMMA: &str = "pc_id: 13\npc_name: Primary\nproject_id: 103\nproject_name: gamma\n";

const ENGINE: &str = "import sgtk


class TestEngine(sgtk.platform.Engine):
    def init_engine(self):
        print('up', self.context.project, self.context.entity, flush=True)

    def destroy_engine(self):
        print('down', flush=True)

    def _emit_log_message(self, handler, record):
        pass
";

fn pick_environment() -> String {
    hook("execute").replace("pass", "return 'project'")
}

fn environment(studio: &Studio) -> String {
    let location = json!({"type": "dev", "path": studio.path("engine")});
    json!({"engines": {"tk-test": {"apps": {}, "location": location}}, "frameworks": {}})
        .to_string()
}

fn core(studio: &Studio, version: &str) -> PathBuf {
    let core = studio.path("cores").join(version);
    fs::create_dir_all(&core).unwrap();
    std::os::unix::fs::symlink(real_core(), core.join("python")).unwrap();
    write(core.join("info.yml"), format!("version: \"{version}\"\n"));
    write(core.join("_core_upgrader.py"), "");
    write(core.join("setup/root_binaries/tank"), "");
    for (name, methods) in HOOKS {
        write(core.join("hooks").join(name).with_extension("py"), hook(methods));
    }
    core
}

/// Imports the core and prints its root.
pub const IMPORT: &str = "import sgtk; print(sgtk.__file__.split('/install/')[0])";

/// Prints the root of the core that an import would find. The import itself takes half a second.
pub const WHERE: &str =
    "from importlib.util import find_spec; print(find_spec('sgtk').origin.split('/install/')[0])";

/// Waits until something holds.
#[track_caller]
pub fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let latest = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < latest, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
