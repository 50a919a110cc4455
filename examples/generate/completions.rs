//! Completes the scripts in `shims/completions/` with the options of `src/cli.rs`.

use clap::{Arg, Command, ValueHint};

/// The scripts, each with the name that its shell looks for.
pub const SCRIPTS: [(&str, &str); 4] = [
    ("sgtk-python.bash", include_str!("../../shims/completions/sgtk-python.bash")),
    ("_sgtk-python", include_str!("../../shims/completions/_sgtk-python")),
    ("sgtk-python.fish", include_str!("../../shims/completions/sgtk-python.fish")),
    ("_sgtk-python.ps1", include_str!("../../shims/completions/_sgtk-python.ps1")),
];

/// A script with the options in it.
pub fn script(name: &str, text: &str, command: &Command) -> String {
    let line = match name {
        "sgtk-python.bash" => bash_line,
        "_sgtk-python" => zsh_line,
        "sgtk-python.fish" => fish_line,
        _ => powershell_line,
    };
    let options = options(command);
    let mut lines = Vec::new();
    let (mut names, mut taking) = (Vec::new(), Vec::new());
    for option in &options {
        lines.push(line(option));
        names.push(option.name.as_str());
        if !matches!(option.value, Value::None | Value::Attached(_)) {
            taking.push(option.name.as_str());
        }
    }
    text.replace("@OPTIONS@", &lines.join("\n"))
        .replace("@NAMES@", &names.join(" "))
        .replace("@TAKING@", &taking.join(" "))
}

/// An option of the launcher.
struct CompletedOption {
    /// With its dashes.
    name: String,
    help: String,
    value: Value,
    is_repeatable: bool,
}

/// The value that an option takes.
enum Value {
    None,
    /// One of these words, or none, after `=`.
    Attached(Vec<String>),
    /// A word that completes like this.
    Word(&'static str),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::None => "none",
            Value::Attached(_) => "attached",
            Value::Word(kind) => kind,
        }
    }
}

fn options(command: &Command) -> Vec<CompletedOption> {
    let mut options = Vec::new();
    for arg in command.get_arguments() {
        let Some(name) = arg.get_long() else { continue };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        options.push(CompletedOption {
            name: format!("--{name}"),
            help: first_part(&help).to_owned(),
            value: value(arg),
            is_repeatable: matches!(arg.get_action(), clap::ArgAction::Append),
        });
    }
    options
}

/// The part of an option's help that fits a menu.
fn first_part(help: &str) -> &str {
    let end = help.find(" [variable").into_iter().chain(help.find("; ")).min();
    end.and_then(|end| help.get(..end)).unwrap_or(help)
}

fn value(arg: &Arg) -> Value {
    if !arg.get_action().takes_values() {
        return Value::None;
    }
    if arg.is_require_equals_set() {
        let values = arg.get_possible_values();
        return Value::Attached(values.iter().map(|value| value.get_name().to_owned()).collect());
    }
    Value::Word(match (arg.get_id().as_str(), arg.get_value_hint()) {
        ("project" | "make_shim" | "matching", _) => "names",
        ("project_id", _) => "ids",
        ("pipeline", _) => "configs",
        ("env" | "keep" | "unset", _) => "variables",
        (_, ValueHint::AnyPath) => "files",
        (_, ValueHint::DirPath) => "folders",
        (_, ValueHint::CommandString) => "commands",
        _ => "any",
    })
}

fn bash_line(option: &CompletedOption) -> String {
    let kind = option.value.kind();
    match &option.value {
        Value::Attached(words) => {
            format!("    {}) kind={kind} words=({}) ;;", option.name, words.join(" "))
        }
        _ => format!("    {}) kind={kind} ;;", option.name),
    }
}

fn zsh_line(option: &CompletedOption) -> String {
    let action = match &option.value {
        Value::None => String::new(),
        Value::Attached(words) if words.is_empty() => "::value: ".into(),
        Value::Attached(words) => format!("::value:({})", words.join(" ")),
        Value::Word("names") => ":project:_sgtk_python_names".into(),
        Value::Word("ids") => ":project id:_sgtk_python_ids".into(),
        Value::Word("configs") => ":configuration:_sgtk_python_configs".into(),
        Value::Word("variables") => ":variable:_parameters -g '*export*'".into(),
        Value::Word("files") => ":path:_files".into(),
        Value::Word("folders") => ":folder:_files -/".into(),
        Value::Word("commands") => ":command:_command_names -e".into(),
        Value::Word(_) => ":value: ".into(),
    };
    let form = match &option.value {
        Value::None => "",
        Value::Attached(_) => "=-",
        Value::Word(_) => "=",
    };
    let repeat = if option.is_repeatable { "*" } else { "" };
    let mut help = option.help.clone();
    for special in ['\\', '[', ']', ':'] {
        help = help.replace(special, &format!("\\{special}"));
    }
    let spec = format!("{repeat}{}{form}[{help}]{action}", option.name);
    format!("    '{}' \\", spec.replace('\'', r"'\''"))
}

fn fish_line(option: &CompletedOption) -> String {
    let value = match &option.value {
        Value::None => "",
        Value::Attached(words) => &format!(" -f -a '{}'", words.join(" ")),
        Value::Word(kind @ ("names" | "ids" | "configs")) => {
            &format!(" -x -a '(__sgtk_python_list {kind})'")
        }
        Value::Word("variables") => " -x -a '(set -nx)'",
        Value::Word("files") => " -r -F",
        Value::Word("folders") => " -x -a '(__fish_complete_directories)'",
        Value::Word("commands") => " -x -a '(__fish_complete_command)'",
        Value::Word(_) => " -x",
    };
    let (name, help) = (option.name.trim_start_matches('-'), quoted(&option.help, r"\'"));
    format!("complete -c sgtk-python -n __sgtk_python_at_options -l {name} -d {help}{value}")
}

fn powershell_line(option: &CompletedOption) -> String {
    let mut words = Vec::new();
    if let Value::Attached(values) = &option.value {
        words.extend(values.iter().map(|value| quoted(value, "''")));
    }
    format!(
        "        @{{ Name = '{}'; Kind = '{}'; Words = @({}); Help = {} }}",
        option.name,
        option.value.kind(),
        words.join(", "),
        quoted(&option.help, "''")
    )
}

/// Text in single quotes; those in it as the shell escapes them.
fn quoted(text: &str, quote: &str) -> String {
    format!("'{}'", text.replace('\'', quote))
}
