//! The README and the pages under `docs/`: their commands run, their transcripts are true, their links lead somewhere.
//! A block that is not run has a comment `<!-- not run: why -->` before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use sgtk_python::cli::Cli;

use crate::doctor::describe;
use crate::scene::Runs;
use crate::support::{LAUNCHER, PYTHON, Studio, interpreter, skip, write};
use crate::terminal::terminal;
use crate::warm_support::{PRELUDE, wait_until};

/// The languages of blocks that a test checks; `text` holds no commands.
const CHECKED: [&str; 6] = ["sh", "console", "python", "toml", "json", "text"];

/// A fenced block of a page.
struct Block {
    /// Page and line, for messages.
    place: String,
    language: String,
    text: String,
    is_run: bool,
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the pages in a folder: those beside the README, and those in `docs` and `packaging`.
fn pages(root: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in [root.to_owned(), root.join("docs"), root.join("packaging")] {
        for entry in fs::read_dir(folder).unwrap() {
            pages.extend(
                Some(entry.unwrap().path()).filter(|p| p.extension() == Some("md".as_ref())),
            );
        }
    }
    assert!(pages.len() > 15, "{pages:?}");
    pages.sort();
    pages
}

fn blocks(languages: &[&str]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for page in pages(&repository()) {
        let (mut is_open, mut before) = (false, String::new());
        for (number, line) in fs::read_to_string(&page).unwrap().lines().enumerate() {
            let fence = line.strip_prefix("```");
            match fence {
                Some(_) if is_open => is_open = false,
                Some(language) => {
                    is_open = true;
                    blocks.push(Block {
                        place: format!("{}:{}", page.display(), number + 1),
                        language: language.into(),
                        text: String::new(),
                        is_run: !before.starts_with("<!-- not run: "),
                    });
                }
                None if is_open => blocks.last_mut().unwrap().text += &[line, "\n"].concat(),
                None => {
                    let is_hidden = line.starts_with("    ") && line.contains("sgtk-python ");
                    assert!(!is_hidden, "{}: fence the command: {line}", page.display());
                    before = line.into();
                }
            }
        }
        assert!(!is_open, "a block stays open: {}", page.display());
    }
    blocks.retain(|block| block.is_run);
    for Block { place, language, .. } in &blocks {
        let is_checked = CHECKED.contains(&&**language);
        assert!(is_checked, "{place}: nothing checks '{language}', say why it is not run");
    }
    blocks.retain(|block| languages.contains(&&*block.language));
    assert!(!blocks.is_empty(), "no blocks of {languages:?}");
    blocks
}

/// The studio of the pages: bigbuck with data and a sandbox, sintel, and the scripts that the pages run.
fn studio() -> Option<Studio> {
    let Some(studio) = Studio::closed() else {
        skip("every user can write to the target folder or one above, and to HOME");
        return None;
    };
    let python = PYTHON.to_str().unwrap();
    for (name, id) in [("bigbuck", 176), ("sintel", 177)] {
        let config = studio.localized(name);
        interpreter(&config, python);
        describe(&config, id, "Primary", name);
    }
    let storage = format!("primary: {{linux_path: '{}'}}\n", studio.path("projects").display());
    write(studio.path("configs/bigbuck/config/core/roots.yml"), storage);
    let dev = studio.localized("bigbuck_dev");
    interpreter(&dev, python);
    describe(&dev, 176, "Dev", "bigbuck");
    for script in ["x.py", "publish.py", "sync.py"] {
        write(studio.path("home").join(script), "");
    }
    let nightly = "import os\nif 'sintel' in os.environ['SGTK_PYTHON_CONFIG']: raise OSError('full')\nprint('12 versions checked')\n";
    write(studio.path("home/nightly.py"), nightly);
    fs::create_dir(studio.path("home/bin")).unwrap();
    fs::create_dir(studio.path("run")).unwrap();
    std::os::unix::fs::symlink(LAUNCHER, studio.path("bin/sgtk-python")).unwrap();
    Some(studio)
}

/// A line of a page, as a shell runs it in the studio.
fn shell(line: &str, studio: &Studio) -> Command {
    let line = line.replace("/mnt/projects", studio.path("projects").to_str().unwrap());
    let line = line.replace("/mnt/bin/", &format!("{}/", studio.path("bin").display()));
    let mut launcher = studio.launcher::<&str>([]);
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{PRELUDE}{line}\n")]).current_dir(studio.path("home")).env_clear();
    for (name, value) in launcher.env("HOME", studio.path("home")).get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.env("PATH", format!("{}:/usr/bin:/bin", studio.path("bin").display()));
    // Bytecode that the first job writes would change the core, and so the worker.
    shell.env("XDG_RUNTIME_DIR", studio.path("run")).env("PYTHONDONTWRITEBYTECODE", "1");
    shell
}

#[test]
fn commands_on_pages_succeed() {
    for block in blocks(&["sh"]) {
        let Some(studio) = studio() else { return };
        for line in block.text.lines() {
            let mut command = shell(line, &studio);
            let is_known = line.contains("sgtk-python");
            assert!(is_known, "{}: run it, or say why not: {line}", block.place);
            // A script of the page may fail; the launcher may not.
            let code = command.run().status.code();
            let is_expected = code == Some(0) || (code == Some(1) && line.contains("nightly.py"));
            assert!(is_expected, "{}: {code:?} of {line}", block.place);
        }
    }
}

#[test]
fn transcripts_on_pages_are_true() {
    for block in blocks(&["console"]) {
        let Some(studio) = studio() else { return };
        fs::remove_dir_all(studio.path("configs/bigbuck_dev")).unwrap();
        if block.text.contains("durian") {
            let link = studio.path("cores/v0.18");
            describe(&studio.linked("durian", link.to_str().unwrap()), 178, "Primary", "durian");
        }
        if block.text.contains("sintel_copy") {
            let copy = studio.localized("sintel_copy");
            interpreter(&copy, PYTHON.to_str().unwrap());
            describe(&copy, 179, "Primary", "sintel_copy");
            let place = studio.path("configs/sintel/config/core/install_location.yml");
            fs::copy(place, copy.join("config/core/install_location.yml")).unwrap();
        }
        let mut printed = String::new();
        for line in block.text.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let mut command = shell(&format!("{{ {line}\n}} 2>&1"), &studio);
            command.env("TANK_CURRENT_PC", "/x");
            // In a pipe it shows less; jobs in a worker run as typed.
            if line.contains("--each") || line.contains("--warm ") {
                command = terminal(&command, 200);
                command.current_dir(studio.path("home"));
            }
            let text = command.run().text();
            printed += &["$ ", line, "\n", &text].concat();
            if line.contains("--warm ") {
                let is_ready =
                    || shell("sgtk-python --workers", &studio).prints().contains("ready");
                wait_until(is_ready);
            }
        }
        let printed = comparable(&printed, &studio);
        let mut rest = &*printed;
        for part in comparable(&block.text, &studio).split(" … ") {
            let Some((_, after)) = rest.split_once(part) else {
                panic!("{}:\n{part}\nis not in\n{printed}", block.place)
            };
            rest = after;
        }
        assert!(rest.trim().is_empty(), "{} lacks\n{rest}", block.place);
    }
}

/// Returns a transcript in the paths of the pages, with N for each number and one space for each gap.
fn comparable(text: &str, studio: &Studio) -> String {
    let root = studio.path("");
    let root = root.to_str().unwrap().trim_end_matches('/');
    let text = text.replace(PYTHON.to_str().unwrap(), "/usr/bin/python3.11");
    let text = text.replace(&format!("{root}/home"), "/home/me").replace(root, "/mnt/sgtk");
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            '0'..='9' | '.' if plain.ends_with('N') => {}
            '0'..='9' => plain.push('N'),
            _ => plain.push(character),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn programs_and_files_on_pages_are_valid() {
    let studio = Studio::new();
    for block in blocks(&["python", "toml", "json"]) {
        let file = studio.path("block");
        write(&file, &block.text);
        let module = match &*block.language {
            "python" => "import ast; ast.parse(open('block').read())",
            "json" => "import json; json.load(open('block'))",
            _ if block.place.contains("events.md") => {
                "import tomllib; tomllib.load(open('block', 'rb'))"
            }
            _ => {
                let mut launcher = studio.launcher(["--list=names"]);
                let error = launcher.env("SGTK_PYTHON_SETTINGS", &file).run().error();
                assert!(!error.contains("block"), "{}: {error}", block.place);
                continue;
            }
        };
        let mut python = Command::new(&*PYTHON);
        let run = python.args(["-c", module]).current_dir(studio.path("")).run();
        assert!(run.status.success(), "{}\n{run}", block.place);
    }
}

/// Reads the options in the code of the prose; those in blocks run.
#[test]
fn options_in_prose_exist() {
    let cli = Cli::command();
    let exists = |option: &str| cli.get_arguments().any(|known| known.get_long() == Some(option));
    let mut checked = 0;
    for page in pages(&repository()) {
        let text = fs::read_to_string(&page).unwrap();
        let prose: String = text.split("```").step_by(2).collect();
        for code in prose.split('`').skip(1).step_by(2) {
            if !code.starts_with("--") && !code.starts_with("sgtk-python") {
                continue;
            }
            for word in code.split_whitespace().filter_map(|word| word.strip_prefix("--")) {
                let option = word.split(['=', '[']).next().unwrap();
                assert!(exists(option), "{}: no option --{option}", page.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "only {checked} options were found");
}

#[test]
fn links_lead_somewhere() {
    let studio = Studio::new();
    let documents = studio.path("share/doc/sgtk-python");
    fs::create_dir_all(studio.path("share/sgtk-python")).unwrap();
    let shims = studio.path("share/sgtk-python");
    Command::new("cp").arg("-r").arg(repository().join("shims/.")).arg(&shims).succeeds();
    Command::new(repository().join("packaging/documents")).arg(&documents).succeeds();
    for root in [repository(), documents] {
        for page in pages(&root) {
            let text = fs::read_to_string(&page).unwrap();
            for (_, link) in text.match_indices("](").map(|(at, _)| text.split_at(at + 2)) {
                let link = link.split(')').next().unwrap();
                let (path, heading) = link.split_once('#').unwrap_or((link, ""));
                if path.starts_with("http") {
                    continue;
                }
                let target = if path.is_empty() { page.clone() } else { page.with_file_name(path) };
                assert!(target.exists(), "{}: {link}", page.display());
                let is_there = heading.is_empty() || headings(&target).contains(&heading.into());
                assert!(is_there, "{}: no heading for {link}", page.display());
            }
        }
    }
}

/// Returns the names of a page's headings in links.
fn headings(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let titles = text.lines().filter_map(|line| line.strip_prefix('#'));
    let mut names = Vec::new();
    for title in titles {
        let title = title.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        names.push(kept.collect::<String>().replace(' ', "-"));
    }
    names
}

#[test]
fn tests_named_by_pages_exist() {
    let mut count = 0;
    for page in pages(&repository()) {
        for line in fs::read_to_string(&page).unwrap().lines() {
            let Some(names) = line.strip_prefix("<!-- tests: ") else { continue };
            for name in names.trim_end_matches(" -->").split(' ') {
                let (file, function) = name.split_once("::").unwrap();
                let file = repository().join("tests/it").join(file).with_extension("rs");
                let tests = fs::read_to_string(&file).unwrap();
                let exists = tests.contains(&format!("]\nfn {function}()"));
                assert!(exists, "{}: there is no test {name}", page.display());
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
}
