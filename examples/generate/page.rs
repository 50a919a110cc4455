//! The page `docs/cli.md`.

use std::fmt::Write;

use clap::{Arg, CommandFactory};
use sgtk_python::cli::{Cli, EXAMPLES, EXIT_CODES, FILES, VARIABLES};

pub fn page() -> String {
    let command = Cli::command();
    let mut page = String::from("# The command line\n\n");
    page += "<!-- Made from src/cli.rs by `cargo run --example generate -- --docs`; do not edit. -->\n\n";
    page += "```text\nsgtk-python [OPTIONS] [--] [PYTHON'S ARGUMENTS]...\n```\n\n";
    if let Some(about) = command.get_long_about() {
        let _ = writeln!(page, "{about}");
    }
    let mut heading = None;
    for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
        if option.get_help_heading() != heading {
            heading = option.get_help_heading();
            let _ = writeln!(page, "\n## {}\n", heading.unwrap_or("Options"));
            page += "| option | meaning |\n|---|---|\n";
        }
        let help = option.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.replace('*', "\\*");
        let _ = writeln!(page, "| `{}` | {help} |", usage(option).replace('|', "\\|"));
    }
    let _ = writeln!(page, "\n## Examples\n\n```text\n{EXAMPLES}\n```\n");
    let _ = writeln!(page, "## Where it looks\n\n{FILES}\n");
    let _ = writeln!(page, "## Variables\n\n| variable | meaning |\n|---|---|");
    for (name, meaning) in VARIABLES {
        let _ = writeln!(page, "| `{}` | {meaning} |", name.replace(", ", "`, `"));
    }
    page += "\n## Exit codes\n\nAll others are Python's.\n\n| code | meaning |\n|---|---|\n";
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(page, "| {code} | {meaning} |");
    }
    page
}

/// Returns an option as it is typed: `--explain[=FORMAT]`.
fn usage(option: &Arg) -> String {
    let name = option.get_long().unwrap_or_default();
    let values = option.get_value_names().unwrap_or_default();
    let takes_value = option.get_action().takes_values();
    match values.first().filter(|_| takes_value) {
        Some(value) if option.is_require_equals_set() => format!("--{name}[={value}]"),
        Some(value) => format!("--{name} {value}"),
        None => format!("--{name}"),
    }
}
