//! A worker's life: who gets its places, when it leaves, and that it can be seen and stopped until it has.

use std::io::Write;
use std::os::unix::net::UnixStream;

use crate::warm_faults::{at_socket, job, kill, pid, socket};
use crate::warm_support::{WarmStudio, lives, wait_until};

#[test]
fn a_worker_that_retires_while_others_connect_stays_for_its_jobs() {
    let warm = WarmStudio::new();
    let worker = pid(&warm.start());
    let (mut child, _output, _) = job(&warm, "sys.stdin.read(); os._exit(3)");
    let path = socket(&warm);
    // It finds both at once.
    kill("-STOP", worker);
    let _asked = [b"Q", b"S"].map(|word| {
        let mut stream = at_socket(&path, |short| UnixStream::connect(short));
        stream.write_all(word).unwrap();
        stream
    });
    kill("-CONT", worker);
    wait_until(|| !path.exists());
    drop(child.stdin.take());
    // Only the worker can tell how it ended.
    assert_eq!(child.wait().unwrap().code(), Some(3));
    wait_until(|| !lives(worker));
}
