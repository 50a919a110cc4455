//! Prints a plan, as text or JSON (format 1): the choices, what decided them, and each change to the
//! environment with its reason. Reads the names and versions that no launch needs.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::choose::choose;
use crate::bootstrap::Refresh;
use crate::cli::Format;
use crate::console;
use crate::context::Context;
use crate::display::{HIDDEN, Printable, is_plain, without_passwords};
use crate::environment::{Change, holds_secret, is_proxy_with_password};
use crate::error::Error;
use crate::fast_import::ImageFolder;
use crate::origin::Decided;
use crate::plan::{Images, LaunchPlan, plan};
use crate::toolkit::expand;
use crate::toolkit::metadata::{self, Metadata};
use crate::toolkit::realised;
use crate::worker;

/// Characters in a line of the command line that `--explain` prints, unless one word is longer.
const LINE: usize = 72;

/// A plan, and the facts of the explanation that no launch needs.
struct Explanation<'a> {
    plan: &'a LaunchPlan,
    metadata: Metadata,
    core_version: Option<String>,
    /// The reason why the plan would not run in a worker, and what to do about it.
    cold: Option<(String, &'static str)>,
    /// The plan's warnings, and an error for each file that cannot be read.
    warnings: Vec<String>,
}

/// Prints the plan of a launch. Starts nothing; asks the site only with `--refresh`.
#[cold]
pub fn run(format: Format, context: &Context) -> Result<ExitCode> {
    let refresh = if context.request.refresh { Refresh::Always } else { Refresh::Never };
    let plan = plan(choose(context, refresh)?.selection, context)?;
    let explanation = Explanation::new(&plan, context)?;
    console::print_answer(format, &explanation.json(), || explanation.to_string())
}

impl<'a> Explanation<'a> {
    fn new(plan: &'a LaunchPlan, context: &Context) -> Result<Self, Error> {
        let credentials = plan.credentials(context)?;
        let mut warnings = plan.warnings.clone();
        let metadata = metadata::read(&plan.selection.config, |text| expanded(plan, &text));
        let metadata = value_or_warning(metadata, &mut warnings);
        let core_version = value_or_warning(metadata::version(&plan.core), &mut warnings);
        let warm = plan.warm.as_ref();
        let cold = warm.and_then(|w| worker::why_cold(plan, &w.value, credentials.as_ref()));
        let cold = cold.map(|reason| (reason.to_string(), reason.hint()));
        Ok(Explanation { plan, metadata, core_version, cold, warnings })
    }

    /// Returns the project's name. The `tank_name` in a realised configuration may be Toolkit's default.
    fn project_name(&self) -> String {
        let selection = &self.plan.selection;
        let name = match selection.realised {
            Some(_) => &selection.known_as,
            None => &self.metadata.tank_name,
        };
        name.clone().unwrap_or_else(|| lossy(&selection.project.value))
    }

    /// Returns the entity that the session is for; `None` if it is the project.
    fn entity(&self) -> Option<String> {
        let entity = self.plan.session.as_ref()?.entity.as_ref()?;
        Some(format!("{}:{}", entity.kind, entity.id))
    }

    fn json(&self) -> JsonTree {
        let LaunchPlan { selection, core, interpreter, .. } = self.plan;
        let mut config = vec![
            ("path", lossy(&selection.config.path).into()),
            ("name", self.metadata.config_name.clone().into()),
            ("origin", selection.origin.to_string().into()),
        ];
        if let Some(age) = selection.realised {
            let descriptor = realised::descriptor(&selection.config);
            let descriptor = descriptor.map(|text| without_passwords(text.into()).into_owned());
            let realised = vec![("descriptor", descriptor.into()), ("age", age.as_secs().into())];
            config.push(("realised", JsonTree::Object(realised)));
        }
        let project = vec![
            ("name", self.project_name().into()),
            ("id", self.metadata.project_id.into()),
            ("origin", selection.project.origin.to_string().into()),
        ];
        let core = vec![
            ("kind", core.kind.to_string().into()),
            ("path", lossy(core.path()).into()),
            ("python_path", lossy(core.python_path()).into()),
            ("version", self.core_version.clone().into()),
            ("origin", core.origin.to_string().into()),
        ];
        let interpreter = vec![
            ("path", lossy(&interpreter.path).into()),
            ("args", lossy_list(&interpreter.args).into()),
            ("origin", interpreter.origin.to_string().into()),
        ];
        let mut fields = vec![
            ("project", JsonTree::Object(project)),
            ("config", JsonTree::Object(config)),
            ("core", JsonTree::Object(core)),
            ("interpreter", JsonTree::Object(interpreter)),
        ];
        if let Some(session) = &self.plan.session {
            let engine = session.engine.clone().into();
            let session = vec![("engine", engine), ("entity", self.entity().into())];
            fields.push(("session", JsonTree::Object(session)));
        }
        let environment = self.plan.environment.changes().into_iter().map(change_json);
        fields.push(("environment", JsonTree::List(environment.collect())));
        fields.push(("argv", lossy_list(&self.plan.argv).into()));
        if let Some(images) = &self.plan.images {
            fields.push(("fast_import", images_json(images)));
        }
        if let Some(warm) = &self.plan.warm {
            let preload = warm.value.settings.preload.clone();
            let warm = vec![
                ("origin", warm.origin.to_string().into()),
                ("preload", preload.into()),
                ("cold", self.cold.as_ref().map(|(why, _)| why.clone()).into()),
            ];
            fields.push(("warm", JsonTree::Object(warm)));
        }
        fields.push(("cwd", self.plan.location.directory().map(lossy).into()));
        fields.push(("warnings", self.warnings.clone().into()));
        JsonTree::Object(fields)
    }

    fn write_choices(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LaunchPlan { selection, core, interpreter, .. } = self.plan;
        let (name, chosen) = (self.project_name(), lossy(&selection.project.value));
        let id = in_brackets(self.metadata.project_id.map(|id| format!("id {id}")).as_deref());
        let mut origin = selection.project.origin.to_string();
        if chosen != name {
            origin = format!("{origin} ('{}')", Printable::new(&chosen));
        }
        entry(f, "project", &format!("{}{id}", Printable::new(&name)), &origin)?;

        let name = in_brackets(self.metadata.config_name.as_deref());
        let config = format!("{}{name}", Printable::new(&selection.config.path));
        entry(f, "config", &config, &selection.origin)?;
        if let Some(age) = selection.realised {
            let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
            let descriptor = realised::descriptor(&selection.config);
            let from = descriptor.as_deref().unwrap_or("an unknown descriptor");
            writeln!(f, "         realised {age} ago from {}", Printable::new(from))?;
        }

        let version = self.core_version.as_deref().unwrap_or_default();
        let kind = format!("{} {}", core.kind, Printable::new(version));
        let path = core.path();
        let value = format!("{} ({})", Printable::new(&path), kind.trim_end());
        entry(f, "core", &value, &core.origin)?;

        let mut words = vec![Printable::new(&interpreter.path).to_string()];
        words.extend(interpreter.args.iter().map(|word| quoted(&lossy(word))));
        entry(f, "python", &words.join(" "), &interpreter.origin)?;

        if let Some(session) = &self.plan.session {
            let engine = Printable::new(session.engine.as_deref().unwrap_or("none")).to_string();
            let entity = self.entity().unwrap_or_else(|| "the project".into());
            let purpose = format!("for {}, as an authenticated user", Printable::new(&entity));
            entry(f, "engine", &engine, &purpose)?;
        }
        if let Some(Decided { value: images, origin }) = &self.plan.images {
            entry(f, "fast", &images_text(images), origin)?;
        }
        if let Some(warm) = &self.plan.warm {
            let value = match &self.cold {
                None => "in the project's worker".into(),
                Some((why, _)) => format!("no: {why}"),
            };
            entry(f, "warm", &value, &warm.origin)?;
            if let Some((_, hint)) = &self.cold {
                writeln!(f, "         {hint}")?;
            }
        }
        Ok(())
    }

    /// Writes the variables that are set, then those that are unset, by reason.
    fn write_environment(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut unset: Vec<(&str, Vec<String>)> = Vec::new();
        for change in self.plan.environment.changes() {
            let name = Printable::new(&change.name).to_string();
            if let Some(value) = value(change) {
                writeln!(f, "  set    {name}={}", Printable::new(&value))?;
                writeln!(f, "         {}", change.reason)?;
            } else if let Some(group) = unset.iter_mut().find(|(why, _)| *why == change.reason) {
                group.1.push(name);
            } else {
                unset.push((&change.reason, vec![name]));
            }
        }
        for (reason, names) in unset {
            writeln!(f, "  unset  {}\n         {reason}", names.join(", "))?;
        }
        Ok(())
    }

    /// Writes a POSIX shell's command line that does the same from any environment like the caller's, in lines that end
    /// with `\`.
    fn write_command_line(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(directory) = self.plan.location.directory() {
            write!(f, "cd {} && \\\n  ", quoted(&lossy(directory)))?;
        }
        let mut lines = vec![String::from("env")];
        let mut assignments = Vec::new();
        for change in self.plan.environment.changes() {
            let name = lossy(&change.name);
            match value(change) {
                Some(value) => assignments.push(quoted(&format!("{name}={value}"))),
                None => add_word(&mut lines, &format!("-u {}", quoted(&name))),
            }
        }
        lines.extend(assignments);
        lines.push(String::new());
        for word in lossy_list(&self.plan.argv) {
            add_word(&mut lines, &quoted(&word));
        }
        f.write_str(&lines.join(" \\\n    "))
    }
}

/// Adds a word to the last line, or begins a new one if it does not fit.
fn add_word(lines: &mut Vec<String>, word: &str) {
    match lines.last_mut() {
        Some(line) if line.is_empty() => line.push_str(word),
        Some(line) if line.len() + word.len() < LINE => {
            line.push(' ');
            line.push_str(word);
        }
        _ => lines.push(word.to_owned()),
    }
}

impl Display for Explanation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_choices(f)?;
        f.write_str("\nenvironment\n")?;
        self.write_environment(f)?;
        f.write_str("\nrun\n  ")?;
        self.write_command_line(f)?;
        f.write_char('\n')?;
        if self.plan.environment.changes().into_iter().any(is_hidden) {
            f.write_str("  (fill in the secrets, which are not shown)\n")?;
        }
        if !self.warnings.is_empty() {
            write!(f, "\nwarnings\n  {}\n", self.warnings.join("\n  "))?;
        }
        Ok(())
    }
}

/// Writes a line with a choice, and one with what decided it.
fn entry(f: &mut Formatter, name: &str, value: &str, origin: &impl Display) -> fmt::Result {
    writeln!(f, "{name:<8} {value}\n         {origin}")
}

/// Describes the images of the core: those of each Python, and why there are none.
fn images_text(images: &Images) -> String {
    let folder = match &images.folder {
        Ok(folder) => folder,
        Err(why) => return format!("no: {why}"),
    };
    let mut lines = Vec::new();
    for image in folder.images() {
        lines.push(format!("{}, {}", Printable::new(&image.python), image.state));
    }
    if lines.is_empty() {
        lines.push("no image yet: the next launch has one built".into());
    }
    lines.push(Printable::new(&folder.path).to_string());
    lines.join("\n         ")
}

fn images_json(images: &Decided<Images>) -> JsonTree {
    let Images { used, folder } = &images.value;
    let mut list = Vec::new();
    for image in folder.iter().flat_map(ImageFolder::images) {
        list.push(JsonTree::Object(vec![
            ("python", image.python.into()),
            ("state", image.state.name().into()),
            ("bytes", image.bytes.into()),
            ("age_s", image.age.as_secs().into()),
        ]));
    }
    JsonTree::Object(vec![
        ("use", used.name().into()),
        ("origin", images.origin.to_string().into()),
        ("path", folder.as_ref().ok().map(|folder| lossy(&folder.path)).into()),
        ("images", JsonTree::List(list)),
        ("problem", folder.as_ref().err().map(ToString::to_string).into()),
    ])
}

fn in_brackets(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!(" ({})", Printable::new(text)))
}

/// JSON with the fields of its objects in their order, for people who read it.
#[derive(Serialize)]
#[serde(untagged)]
enum JsonTree {
    Value(Value),
    List(Vec<JsonTree>),
    #[serde(serialize_with = "in_order")]
    Object(Vec<(&'static str, JsonTree)>),
}

impl<T: Into<Value>> From<T> for JsonTree {
    fn from(value: T) -> Self {
        JsonTree::Value(value.into())
    }
}

fn in_order<S: Serializer>(fields: &[(&str, JsonTree)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(fields.iter().map(|(name, value)| (name, value)))
}

fn change_json(change: &Change) -> JsonTree {
    JsonTree::Object(vec![
        ("name", lossy(&change.name).into()),
        ("value", value(change).into()),
        ("reason", change.reason.clone().into()),
    ])
}

/// Returns a variable's new value as it may be shown; `None` if the variable is unset.
fn value(change: &Change) -> Option<String> {
    let value = change.value.as_ref()?.to_string_lossy();
    if holds_secret(&change.name) || is_proxy_with_password(&change.name, &value) {
        return Some(HIDDEN.into());
    }
    Some(without_passwords(value).into_owned())
}

/// Returns true if a part of a variable's new value is not shown.
fn is_hidden(change: &Change) -> bool {
    value(change) != change.value.as_ref().map(lossy)
}

fn value_or_warning<T: Default>(result: Result<T, Error>, warnings: &mut Vec<String>) -> T {
    result.unwrap_or_else(|error| {
        warnings.push(error.to_string());
        T::default()
    })
}

/// Expands the variables in a text as Toolkit does, with the values that Python will have.
fn expanded(plan: &LaunchPlan, text: &str) -> String {
    let mut lookup = |name: &str| plan.environment.get(name).map(OsStr::to_owned);
    lossy(expand::variables(text, &mut lookup))
}

/// Returns a value as text, with U+FFFD for bytes that are not UTF-8.
fn lossy(value: impl AsRef<OsStr>) -> String {
    value.as_ref().to_string_lossy().into_owned()
}

fn lossy_list(words: &[OsString]) -> Vec<String> {
    words.iter().map(lossy).collect()
}

/// Quotes a word for a shell. Characters that could change the terminal are escaped as bash and zsh know it.
fn quoted(word: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_safe) {
        return word.to_owned();
    }
    if word.chars().all(is_plain) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut text = String::from("$'");
    for character in word.chars() {
        match character {
            '\\' | '\'' => text.extend(['\\', character]),
            plain if is_plain(plain) => text.push(plain),
            other => {
                for byte in other.to_string().bytes() {
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
        }
    }
    text + "'"
}
