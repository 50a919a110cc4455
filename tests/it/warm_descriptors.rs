//! Descriptors that Python inherits from the launcher's caller, in a worker.

use crate::support::{PYTHON, write};
use crate::warm::{jobs_match_plain_launches, studio};
use crate::warm_support::WarmStudio;

/// Opens files with the numbers from 3 to the first word, and becomes the other words.
const OPENS: &str = r"
import fcntl, os, sys, tempfile
last, files = int(sys.argv[1]), []
for number in range(3, last + 1):
    with tempfile.TemporaryFile() as file:
        file.write(b'%d' % number)
        files.append(fcntl.fcntl(file, fcntl.F_DUPFD, 500))
for number, file in enumerate(files, 3):
    os.lseek(file, 0, 0)
    os.dup2(file, number)
    os.close(file)
os.execv(sys.argv[2], sys.argv[2:])
";

/// Reads what `OPENS` has written, and counts the descriptors of a child.
const USES: &str = r#"
import os, subprocess, sys
numbers = range(3, int(sys.argv[1]) + 1)
print([os.read(number, 9) for number in numbers], all(map(os.get_inheritable, numbers)))
print(subprocess.run("echo /proc/self/fd/*", shell=True, close_fds=False, stdout=-1).stdout)
"#;

/// Waits until a job has closed its end of a pipe, while the job waits for its input.
const WAITS: &str = r"
import os, subprocess, sys
reader, writer = os.pipe()
text = f'import os, sys; os.write({writer}, b`text`); os.close({writer}); print(sys.stdin.read())'
words = sys.argv[1:] + ['-c', text.replace('`', chr(39))]
job = subprocess.Popen(words, pass_fds=[writer], stdin=subprocess.PIPE)
os.close(writer)
print(os.fdopen(reader).read(), flush=True)
job.communicate(b'input')
";

const SCRIPTS: &[&str] = &[
    "$P opens.py 250 $L uses.py 250; echo $?",
    "$P opens.py 9 $L -c 'import os; print(os.read(9, 9)); os.close(9); print(open(\"uses.py\").fileno())'",
    "$P waits.py $L",
    "exec 9>lock; flock 9; $L -c 'import os; print(os.fstat(9).st_nlink)'; flock -n lock true || echo held; exec 9>&-; flock -n lock echo free",
    "exec 7> >(cat); $L -c 'import os; os.write(7, b\"to a pipe\\n\")'; exec 7>&-; wait $!",
    "$L --exclusive -c 'import os; print(os.read(3, 9))' 3<uses.py",
];

#[test]
fn inherited_descriptors_match_plain_python() {
    let warm = studio();
    for (name, text) in [("opens.py", OPENS), ("uses.py", USES), ("waits.py", WAITS)] {
        write(warm.studio.path("work").join(name), text);
    }
    let python = PYTHON.to_str().unwrap();
    let scripts: Vec<String> = SCRIPTS.iter().map(|script| script.replace("$P", python)).collect();
    jobs_match_plain_launches(&warm, &scripts);
}

#[test]
fn too_many_descriptors_run_plainly() {
    let warm = WarmStudio::new();
    write(warm.studio.path("work/opens.py"), OPENS);
    warm.start();
    let python = PYTHON.to_str().unwrap();
    let launch = |words| warm.text(&format!("{python} opens.py 252 $W {words} -c 'print(1)'"));
    assert_eq!(launch(""), "1");
    assert_eq!(warm.worker()["done"], 0);
    let explained = launch("--explain");
    assert!(explained.contains("would inherit 250 open descriptors"), "{explained}");
}

#[test]
fn number_that_the_worker_uses_runs_plainly() {
    let warm = WarmStudio::new();
    let core = warm.studio.path("configs/bigbuck/install/core/python/sgtk/__init__.py");
    write(core, "kept = open(__file__)\n");
    warm.start();
    let number = warm.text("$W -c 'import sgtk; print(sgtk.kept.fileno())'");
    warm.until(|workers| workers[0]["done"] == 1);
    let script = format!("$W --status-fd 3 -c 'import os; os.fstat({number})' {number}</dev/null");
    let lines = warm.text(&format!("{script} 3>&1"));
    assert!(lines.contains("cannot give a job the descriptors"), "{lines}");
    assert_eq!(warm.worker()["done"], 1);
}

#[test]
fn starting_worker_inherits_nothing() {
    let warm = WarmStudio::new();
    let script = "exec 9>lock; flock 9; $W -c pass; exec 9>&-; flock -n lock echo free";
    assert_eq!(warm.text(script), "free");
    // The C library cannot close a descriptor above the limit.
    let script = "exec 9>high; flock 9; exec 200>&9 9>&-; ulimit -S -n 100; FOO=1 TZ=UTC $W -c pass; exec 200>&-";
    warm.run(script);
    warm.until(|workers| workers.iter().filter(|worker| worker["state"] == "ready").count() == 2);
    assert_eq!(warm.text("flock -n high echo free"), "free");
}
