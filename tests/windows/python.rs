//! A program in Python's place for the tests on Windows, where no Python is at hand. It shows what a launch gave it:
//!
//! - `words WORD...` prints each word on a line, quoted, with its odd characters escaped;
//! - `variables NAME...` prints `NAME=VALUE` on a line for each that is set, the same way;
//! - `exit CODE` ends with a code from 0 to 4294967295;
//! - `console` prints `none`, `window` or `no window`;
//! - `wait` prints `runs`, and ends when its standard input does;
//! - `leave FILE HELD` opens HELD for itself alone, starts `outlive FILE`, prints `runs`, and never ends by itself;
//! - `outlive FILE` writes the file when its standard input ends.
//!
//! To `shims/probe.py` it answers as a Python 3.11 would that imports `sgtk` from `PYTHONPATH`. Anything else, such as
//! `-c pass`, ends with success.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "it is a program of its own")]
#![allow(clippy::unnecessary_debug_formatting, reason = "a word may hold a line end")]

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::{env, fs, process, thread};

fn main() {
    if env::var("SGTK_PYTHON_PROGRAM").is_ok_and(|program| program.contains("sgtk-python-probe")) {
        return answer_the_probe();
    }
    let mut arguments = env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let words: Vec<OsString> = arguments.collect();
    match command.to_str().unwrap_or_default() {
        "words" => words.iter().for_each(|word| println!("{word:?}")),
        "variables" => words.iter().for_each(show_variable),
        "exit" => exit_with(&words),
        "console" => println!("{}", console()),
        "wait" => {
            println!("runs");
            wait_for_input();
        }
        "leave" => leave(&words),
        "outlive" => {
            wait_for_input();
            fs::write(words.first().unwrap(), "outlived").unwrap();
        }
        _ => {}
    }
}

fn show_variable(name: &OsString) {
    if let Some(value) = env::var_os(name) {
        println!("{}={value:?}", name.display());
    }
}

fn answer_the_probe() {
    let entries = env::var_os("PYTHONPATH").unwrap_or_default();
    let core = env::split_paths(&entries).find(|entry| entry.join("sgtk/__init__.py").exists());
    let error = if core.is_some() { "" } else { "ModuleNotFoundError: No module named 'sgtk'" };
    let folder = core.unwrap_or_default();
    println!("\nsgtk-python-probe\t3.11.7\t0\t{}\t{error}", folder.display());
}

fn exit_with(words: &[OsString]) {
    let code: u32 = words.first().unwrap().to_str().unwrap().parse().unwrap();
    process::exit(code.cast_signed());
}

fn wait_for_input() {
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
}

fn leave(words: &[OsString]) {
    let _held = open_alone(words.get(1).unwrap());
    let mut child = Command::new(env::current_exe().unwrap());
    child.arg("outlive").arg(words.first().unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    println!("runs");
    loop {
        thread::park();
        let _ = child.try_wait();
    }
}

fn open_alone(path: &OsString) -> File {
    let mut options = File::options();
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0);
    options.write(true).create(true).truncate(true).open(path).unwrap()
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "the console has no safe interface")]
fn console() -> &'static str {
    use windows_sys::Win32::System::Console::{GetConsoleCP, GetConsoleWindow};
    // SAFETY: neither call takes anything.
    match unsafe { (GetConsoleCP(), GetConsoleWindow().is_null()) } {
        (0, _) => "none",
        (_, true) => "no window",
        (_, false) => "window",
    }
}

#[cfg(not(windows))]
fn console() -> &'static str {
    "none"
}
