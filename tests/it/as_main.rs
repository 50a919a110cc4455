//! `shims/as_main.py` against plain Python: both run the same programs, on each Python of this machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::pythons::on_each_python;
use crate::scene::{Run, Runs};
use crate::support::{PYTHON, write};

const AS_MAIN: &str = include_str!("../../shims/as_main.py");

/// Runs the program that the words name.
const RUNNER: &str = "
forget_runner()
kind, program, *arguments = sys.argv[1:]
exit_as(exit_code_of(kind, program, arguments))
";

/// Prints what a program can see of itself.
const SHOW: &str = "
import sys, os
main = sys.modules['__main__']
here = os.getcwd()
names = {name: value for name, value in vars(main).items() if name[:2] == '__'}
names['__builtins__'] = type(names['__builtins__']).__name__
names['__loader__'] = getattr(names['__loader__'], '__name__', type(names['__loader__']).__name__)
names['__spec__'] = getattr(names['__spec__'], 'name', None)
print(__name__, sorted((name, str(value)) for name, value in names.items()))
print(main is sys.modules[__name__], main.__dict__ is globals(), sys.argv, sys.path)
";

/// Writes both streams into one pipe: their order shows when Python flushes.
const BOTH: &str = "import os\nos.dup2(1, 2)\nprint('out')\n1/0\n";

/// Words for Python, and its standard input.
const PROGRAMS: [(&[&str], &str); 77] = [
    (&["-c", SHOW], ""),
    (&["-c", SHOW, "a", "-c", "", "--", "ä"], ""),
    (&["-m", "shows", "-m", "b"], ""),
    (&["-m", "package"], ""),
    (&["-m", "package.inner", "x"], ""),
    (&["shows.py", "a b"], ""),
    (&["./shows.py"], ""),
    (&["sub/../shows.py"], ""),
    (&["link.py"], ""),
    (&["sub/link.py"], ""),
    (&["folder", "a"], ""),
    (&["./folder"], ""),
    (&["."], ""),
    (&["./", "a"], ""),
    (&["folder/.."], ""),
    (&["zipped.zip", "z"], ""),
    (&["shows.pyc", "a"], ""),
    (&["-", "a"], SHOW),
    (&[], SHOW),
    (&["/dev/stdin", "b"], SHOW),
    (&["-"], "raise ValueError(1)\n"),
    (&["-"], "x = = 1\n"),
    (&["-c", "import sys; print(repr(sys.stdin.read()))"], "abc"),
    (&["-"], "import sys; print(repr(sys.stdin.read()))"),
    (&["sub/imports.py"], ""),
    // Failures.
    (&["missing.py"], ""),
    (&["sub/missing.py"], ""),
    (&["empty"], ""),
    (&["secret.py"], ""),
    (&["-m", "missing"], ""),
    (&["-m", "package.missing"], ""),
    (&["-m", "wrong"], ""),
    (&["-m", "raises"], ""),
    (&["-c", "1/0"], ""),
    (&["-c", "def f():\n  1/0\nf()"], ""),
    (&["-c", "x = ("], ""),
    (&["-c", "import wrong"], ""),
    (&["-c", "import raises"], ""),
    (&["raises.py"], ""),
    (&["wrong.py"], ""),
    (&["latin.py"], ""),
    (&["chained.py"], ""),
    (&["folder_that_raises"], ""),
    (&["-c", "raise KeyboardInterrupt"], ""),
    (&["-m", "interrupted"], ""),
    (&["-c", "class K(KeyboardInterrupt): pass\nraise K"], ""),
    (&["-c", "import atexit\natexit.register(print, 'left')\nraise KeyboardInterrupt"], ""),
    (
        &[
            "-c",
            "import sys\nsys.excepthook = lambda k, v, t: print(k, v, t.tb_frame.f_code.co_name, sys.exc_info())\n1/0",
        ],
        "",
    ),
    (&["-c", "import sys\ndef hook(*a): raise KeyError(a[0])\nsys.excepthook = hook\n1/0"], ""),
    (&["-c", "import sys\ndef hook(*a): sys.exit(7)\nsys.excepthook = hook\n1/0"], ""),
    (&["-c", "import sys\ndel sys.excepthook\n1/0"], ""),
    (&["-c", "import sys\nsys.stderr = None\n1/0"], ""),
    (
        &[
            "-c",
            "import atexit, sys\natexit.register(lambda: print(sys.last_type, sys.last_value))\n1/0",
        ],
        "",
    ),
    // Exit codes.
    (&["-c", "import sys; sys.exit()"], ""),
    (&["-c", "import sys; sys.exit(0)"], ""),
    (&["-c", "import sys; sys.exit(3)"], ""),
    (&["-c", "import sys; sys.exit(True)"], ""),
    (&["-c", "import sys; sys.exit(-1)"], ""),
    (&["-c", "import sys; sys.exit(-300)"], ""),
    (&["-c", "import sys; sys.exit(256 + 7)"], ""),
    (&["-c", "import sys; sys.exit(2 ** 40 + 9)"], ""),
    (&["-c", "import sys; print(1); sys.exit('why: \\u00e4')"], ""),
    (&["-c", "import sys; sys.exit((1, 'two'))"], ""),
    (&["-c", "import sys; sys.exit(2.5)"], ""),
    (&["-c", "raise SystemExit(1, 2)"], ""),
    (&["-c", "import sys; sys.exit(ValueError(3))"], ""),
    (&["-c", "import sys; sys.stderr = None; sys.exit('told')"], ""),
    (&["-m", "leaves"], ""),
    (&["both.py"], ""),
    (&["-m", "both"], ""),
    (&["-"], BOTH),
    (&["-c", BOTH], ""),
    (&["-c", "import os; os._exit(9)"], ""),
    (&["-c", "import os; os.kill(os.getpid(), 15)"], ""),
    // Programs that need `__main__`.
    (&["pickles.py"], ""),
    (&["spawns.py"], ""),
    (&["-m", "spawns"], ""),
];

fn studio(folder: &Path) {
    let file = |name: &str, text: &str| write(folder.join(name), text);
    file("shows.py", SHOW);
    file("sub/beside.py", "print('beside')");
    file("sub/imports.py", "import beside\nprint(beside.__file__)");
    file("package/__init__.py", "print('package', __name__)");
    file("package/__main__.py", SHOW);
    file("package/inner.py", SHOW);
    file("__main__.py", SHOW);
    file("folder/__main__.py", SHOW);
    file("folder_that_raises/__main__.py", "def f():\n    1/0\nprint(1)\nf()");
    file("empty/x.txt", "");
    file("wrong.py", "a = 1\nb = = 2\n");
    file("raises.py", "import sys\nprint('out')\ndef f():\n    raise ValueError('x')\nf()\n");
    file("chained.py", "try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e\n");
    file("interrupted.py", "raise KeyboardInterrupt");
    file("leaves.py", "import sys; sys.exit(5)");
    file("secret.py", "print(1)");
    file("both.py", BOTH);
    write(folder.join("latin.py"), b"# coding: latin-1\nprint(ascii('\xe4'))\nraise Exception\n");
    file(
        "pickles.py",
        "import pickle, inspect\nclass C: pass\nprint(type(pickle.loads(pickle.dumps(C()))) is C)\nprint(inspect.getsource(C))",
    );
    file(
        "spawns.py",
        "import multiprocessing\ndef twice(x): return 2 * x\nif __name__ == '__main__':\n    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(twice, [1, 2]))\n",
    );
    symlink("sub/imports.py", folder.join("link.py")).unwrap();
    symlink("../shows.py", folder.join("sub/link.py")).unwrap();
    let prepare = "
import zipfile, py_compile
zipfile.ZipFile('zipped.zip', 'w').write('shows.py', '__main__.py')
py_compile.compile('shows.py', 'shows.pyc')";
    run(Command::new(&*PYTHON).args(["-c", prepare]), folder, "").succeeds();
}

fn run(command: &mut Command, folder: &Path, input: &str) -> Run {
    let stdin = folder.join("../stdin");
    let stdin = if input.is_empty() {
        Stdio::null()
    } else {
        fs::write(&stdin, input).unwrap();
        fs::File::open(&stdin).unwrap().into()
    };
    // Without variables that change what Python prints.
    command.env_clear().env("LANG", "C.UTF-8").env("PYTHONDONTWRITEBYTECODE", "1");
    command.current_dir(folder).stdin(stdin).run()
}

fn compare(
    python: &Path,
    options: &[&str],
    words: &[&str],
    input: &str,
    folder: &Path,
) -> Option<String> {
    let mut plain = Command::new(python);
    let plain = run(plain.args(["-S"]).args(options).args(words), folder, input);
    let mut ours = Command::new(python);
    ours.args(["-S"]).args(options).args(["-c", &format!("{AS_MAIN}{RUNNER}")]);
    let ours = match words {
        ["-c", rest @ ..] => ours.arg("code").args(rest),
        ["-m", rest @ ..] => ours.arg("module").args(rest),
        ["-", ..] => ours.arg("input").args(words),
        [] => ours.args(["input", ""]),
        _ => ours.arg("script").args(words),
    };
    let ours = run(ours, folder, input);
    let result = |run: &Run| format!("{}\n{}\n{}", run.status, run.text(), run.error());
    let (ours, plain) = (result(&ours), result(&plain));
    let python = python.display();
    (ours != plain).then(|| format!("{python} {options:?} {words:?}:\n{ours}\nplain:\n{plain}"))
}

fn python_runs_the_same(python: &Path, minor: u32) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("work");
    studio(&folder);
    let of_this = "import py_compile; py_compile.compile('shows.py', 'shows.pyc')";
    run(Command::new(python).args(["-S", "-c", of_this]), &folder, "").succeeds();
    let mut cases: Vec<(&[&str], &[&str], &str)> =
        PROGRAMS.iter().map(|(words, input)| (&[] as &[&str], *words, *input)).collect();
    if minor >= 11 {
        cases.extend([
            (&["-P"] as &[&str], &["-c", SHOW] as &[&str], ""),
            (&["-P"], &["-m", "json.tool", "-h"], ""),
            (&["-P"], &["shows.py"], ""),
            (&["-P"], &["folder"], ""),
        ]);
    }
    // From 3.12 on Python prints more for these, in words that differ.
    if minor < 12 {
        cases.extend([
            (&[] as &[&str], &["-c", "import sys; sys.exit(2 ** 70)"] as &[&str], ""),
            (&[], &["-c", "class C:\n  def __str__(self): 1/0\nraise SystemExit(C())"], ""),
        ]);
    }
    let differences: Vec<String> = cases
        .iter()
        .filter_map(|(options, words, input)| compare(python, options, words, input, &folder))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

on_each_python!(python_runs_the_same);
