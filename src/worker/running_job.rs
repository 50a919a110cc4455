//! A job in a worker's child, as the launcher sees it: passes signals and a terminal's bytes on, waits for the end.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::pidfd::ProcessHandle;
use super::protocol::{WorkerReply, read_reply};
use super::relay::Relay;
use super::signals::{SignalForwarder, die_like, stop_group, stop_launcher};
use crate::disk::IoMessage;
use crate::error::Error;
use crate::interrupt::retried;
use crate::status::{How, Status};

/// A worker that is silent for this long is set aside; two messages name it.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Time between two looks whether the launcher has come into the foreground; a shell sends no signal then.
const LOOK: Duration = Duration::from_millis(200);

/// A job that a child has received.
pub struct RunningJob {
    pub stream: UnixStream,
    /// The worker's process number.
    pub worker: i32,
    /// The child, whose exit is noticed even if the worker is gone.
    pub process: ProcessHandle,
    pub signals: SignalForwarder,
    /// Between the launcher's terminal and the job's.
    pub relay: Option<Relay>,
    /// The child has confirmed that it begins the job. It sends that before it runs any of it.
    pub has_begun: bool,
}

impl RunningJob {
    /// Waits for the end of the job and returns its exit code. If a signal killed the job, the same signal ends the
    /// launcher. Fails if the child ends before it has begun the job, with whatever code.
    pub fn wait(mut self) -> Result<u8, Error> {
        let end = self.wait_for_end();
        if let Some(mut relay) = self.relay.take() {
            match end {
                Ok(JobEnd::Exited(_)) => relay.release_as_left(),
                _ => relay.release(),
            }
        }
        match end? {
            JobEnd::Exited(code) => {
                Status::of_exit(i32::from(code) << 8).write();
                Ok(code)
            }
            JobEnd::Died(status) => {
                Status::of_exit(status).write();
                Ok(die_like(status))
            }
        }
    }

    fn wait_for_end(&mut self) -> Result<JobEnd, Error> {
        // An exit is reported at once; after PATIENCE without a report none will come.
        let mut deadline: Option<Instant> = None;
        loop {
            let events = self.wait_for_events(deadline);
            let events = events.map_err(|_| self.lost("cannot be waited for"))?;
            // At a terminal what was typed after a signal's key may be there before its signal is reported.
            if events.signal || self.relay.is_some() {
                self.signals.forward(&self.process, &self.stream, self.relay.as_mut());
            }
            if let Some(relay) = &mut self.relay {
                relay.pass_on(events.terminal);
            }
            if events.reply {
                match read_reply(&mut self.stream) {
                    Ok(Some(WorkerReply::Begun)) => {
                        self.has_begun = true;
                        Status::Started(How::Worker { pid: self.process.pid() }).write();
                    }
                    Ok(Some(WorkerReply::NotBegun(number))) => {
                        return Err(self.not_begun(why_not_begun(number)));
                    }
                    Ok(Some(WorkerReply::Ended(code))) => return Ok(JobEnd::Exited(code)),
                    Ok(Some(WorkerReply::Died(status))) if !self.has_begun => {
                        return Err(self.not_begun(why_ended_early(status)));
                    }
                    Ok(Some(WorkerReply::Died(status))) => return Ok(JobEnd::Died(status)),
                    Ok(Some(WorkerReply::Stopped(signal))) => self.stop(signal),
                    Ok(Some(_)) => (),
                    Ok(None) => {
                        return Err(self.unreported("ended before it reported the exit status"));
                    }
                    Err(_) => return Err(self.lost("sent an invalid reply")),
                }
            } else if events.exit {
                deadline = Some(Instant::now() + PATIENCE);
            } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(self.unreported(
                    "did not report the exit status within 2 seconds of the end of the job's process",
                ));
            }
        }
    }

    /// Stops the launcher as its job was stopped by a signal, until a SIGCONT. Does nothing if the job has been continued
    /// since: a shell that saw other processes of its job stop may continue them before this one stops.
    fn stop(&mut self, signal: i32) {
        if let Some(relay) = &mut self.relay {
            relay.release();
        }
        let is_stopped = self.process.is_stopped();
        // The last look before the stop, which discards a SIGCONT that has come meanwhile (signal(7)).
        let continues = self.signals.forward(&self.process, &self.stream, self.relay.as_mut());
        if continues || !is_stopped {
            return;
        }
        match Signal::try_from(signal) {
            Ok(signal) if self.relay.is_some() && signal != Signal::SIGSTOP => stop_group(signal),
            _ => stop_launcher(),
        }
    }

    /// Returns the error of a job whose process has ended without a report.
    fn unreported(&self, why: &'static str) -> Error {
        if self.has_begun { self.lost(why) } else { self.not_begun(why.to_owned()) }
    }

    fn not_begun(&self, why: String) -> Error {
        Error::JobNotBegun { worker: self.worker, why }
    }

    /// Reports the job as lost, and returns the error that says so.
    fn lost(&self, why: &'static str) -> Error {
        Status::Lost { why: &format!("worker process {} {why}", self.worker) }.write();
        Error::WorkerLost { worker: self.worker, why }
    }

    /// Waits for a reply, a signal, the exit or the terminals. A deadline ends the wait in place of the exit.
    fn wait_for_events(&self, deadline: Option<Instant>) -> io::Result<Events> {
        let mut polled = vec![
            PollFd::new(self.stream.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.descriptor(), PollFlags::POLLIN),
        ];
        let mut timeout = PollTimeout::NONE;
        let mut exit = None;
        if let Some(deadline) = deadline {
            timeout = poll_timeout(deadline.saturating_duration_since(Instant::now()));
        } else if let Some(descriptor) = self.process.exit_descriptor() {
            exit = Some(polled.len());
            polled.push(PollFd::new(descriptor, PollFlags::POLLIN));
        }
        let mut terminal = None;
        if let Some(relay) = &self.relay {
            terminal = relay.add_events(&mut polled);
            if relay.is_in_background() && timeout.is_none() {
                timeout = poll_timeout(LOOK);
            }
        }
        retried(|| Ok(poll(&mut polled, timeout)?))?;
        let found = |place: Option<usize>| place.and_then(|place| polled.get(place)?.revents());
        let has = |place| found(place).is_some_and(|events| !events.is_empty());
        Ok(Events {
            reply: has(Some(0)),
            signal: has(Some(1)),
            exit: has(exit),
            terminal: found(terminal).unwrap_or(PollFlags::empty()),
        })
    }
}

/// The end of a job.
enum JobEnd {
    /// It has left with this code.
    Exited(u8),
    /// It has not reported its end, and has this status of `waitpid(2)`.
    Died(i32),
}

/// The events that end a wait.
struct Events {
    reply: bool,
    signal: bool,
    exit: bool,
    terminal: PollFlags,
}

pub fn poll_timeout(timeout: Duration) -> PollTimeout {
    PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX)
}

/// Describes the number of a reply `NotBegun`.
fn why_not_begun(number: i32) -> String {
    if number == 0 {
        return "lost a descriptor on its way from the launcher".to_owned();
    }
    let source = io::Error::from_raw_os_error(number);
    format!("cannot pass the launcher's streams and working directory: {}", IoMessage(&source))
}

/// Describes the end, a status of `waitpid(2)`, of a child that has not begun its job.
fn why_ended_early(status: i32) -> String {
    match status & 0x7f {
        0 => format!("lost the job's process, which left with code {}", (status >> 8) & 0xff),
        signal => format!("lost the job's process, which signal {signal} killed"),
    }
}
