//! The files that a worker watches: a job that begins a second after a change sees it, and no file server stops a worker.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::write;
use crate::warm_faults::{kill, pid};
use crate::warm_support::{WarmStudio, is_ready, lives, wait_until};

/// The promise: a change is seen by a job that begins so much later.
const SEEN_AFTER: Duration = Duration::from_secs(1);

const PARENT: &str = "$W -c 'import os; print(os.getppid())'";

/// Returns the process that looks at a worker's files. The first job that comes a second after the start needs it.
fn looker(warm: &WarmStudio, worker: i64) -> i64 {
    thread::sleep(SEEN_AFTER);
    assert_eq!(warm.text(PARENT), worker.to_string());
    // For a moment after its fork a spare is in the worker's group too.
    wait_until(|| children_in_group(worker).len() == 1);
    children_in_group(worker)[0]
}

/// Returns the children of a worker that are in its own group.
fn children_in_group(worker: i64) -> Vec<i64> {
    let children = fs::read_to_string(format!("/proc/{worker}/task/{worker}/children")).unwrap();
    let is_in_group = |child: &&str| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        fields.split(' ').nth(2) == Some(&worker.to_string())
    };
    let lookers = children.split_whitespace().filter(is_in_group);
    lookers.map(|child| child.parse().unwrap()).collect()
}

#[test]
fn change_is_seen_by_a_job_a_second_later() {
    let warm = WarmStudio::new();
    let config = warm.studio.path("configs/bigbuck");
    let package = config.join("install/core/python/sgtk");
    write(package.join("part.py"), "x = 1");
    write(package.join("__init__.py"), "import sgtk.part");
    let mut worker = pid(&warm.start());
    // Neither the file's size nor its inode changes.
    let in_place = |file: &str| {
        let content = fs::read(config.join(file)).unwrap();
        let mut file = OpenOptions::new().write(true).open(config.join(file)).unwrap();
        file.write_all(&content).unwrap();
    };
    let changes: [(&str, &dyn Fn()); 5] = [
        ("an imported file", &|| in_place("install/core/python/sgtk/part.py")),
        ("a setting", &|| in_place("config/core/roots.yml")),
        ("a new setting", &|| write(config.join("config/core/new.yml"), "")),
        ("a new module", &|| write(config.join("install/core/python/tank/new.py"), "")),
        ("a lost file", &|| fs::remove_file(package.join("part.py")).unwrap()),
    ];
    for (change, make) in changes {
        // The worker has just looked.
        thread::sleep(SEEN_AFTER);
        assert_eq!(warm.text(PARENT), worker.to_string(), "{change}");
        make();
        thread::sleep(SEEN_AFTER);
        assert_ne!(warm.text(PARENT), worker.to_string(), "{change}");
        if change == "a lost file" {
            return;
        }
        warm.until(|workers| workers.iter().any(|one| is_ready(one) && pid(one) != worker));
        wait_until(|| !lives(worker));
        worker = pid(&warm.worker());
    }
}

#[test]
fn bytecode_retires_no_worker() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    let tank = warm.studio.path("configs/bigbuck/install/core/python/tank");
    fs::create_dir_all(tank.join("__pycache__")).unwrap();
    write(tank.join("__pycache__/x.cpython-311.pyc"), "");
    write(tank.join("y.pyc"), "");
    thread::sleep(SEEN_AFTER);
    assert_eq!(warm.text(PARENT), worker.to_string());
}

#[test]
fn ended_looker_retires_its_worker() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    kill("-KILL", looker(&warm, worker));
    wait_until(|| !lives(worker));
    assert_ne!(warm.text(PARENT), worker.to_string());
}

#[test]
fn looker_leaves_with_its_worker() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    let looker = looker(&warm, worker);
    kill("-KILL", worker);
    wait_until(|| !lives(looker));
}

#[test]
fn silent_file_server_stops_no_worker() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    let looker = looker(&warm, worker);
    // As if a look never ended.
    kill("-STOP", looker);
    thread::sleep(SEEN_AFTER);
    assert_ne!(warm.text(PARENT), worker.to_string());
    wait_until(|| !lives(looker) && !lives(worker));
}
