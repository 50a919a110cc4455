//! The last jobs of each configuration that were to run in a worker, and why some ran plainly. A file in the workers'
//! folder holds a line for each: the time, and of a plain run the project, its configuration and the reason.

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::fcntl::OFlag;

use super::cold_reason::ColdReason;
use super::folder::Folder;
use super::worker_status::{PlainReason, RecentJobs};
use crate::disk;
use crate::plan::LaunchPlan;

/// Jobs that count.
const JOBS: usize = 100;

/// Size in bytes from which a file is cut to the jobs that count.
const MAX_SIZE: u64 = 64 << 10;

/// Age from which the history of a configuration that has no more jobs is removed.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Adds a job that has begun in a worker or, for a reason, runs plainly. A file that cannot be written costs the count,
/// not the job; so does a job that is added while another launch cuts the file.
pub fn add(folder: &Folder, plan: &LaunchPlan, cold: Option<&ColdReason>) {
    let config = &plan.selection.config.path;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let line = match cold {
        None => format!("{now}\n"),
        Some(reason) => {
            let fields =
                [plan.project_name(), config.to_string_lossy().into_owned(), reason.to_string()];
            let fields = fields.map(|field| field.replace(char::is_control, " "));
            format!("{now}\t{}\n", fields.join("\t"))
        }
    };
    let _ = append(&folder.history_file(config), &line);
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut options = File::options();
    options.append(true).create(true).mode(0o600).custom_flags(flags.bits());
    let mut file = options.open(path)?;
    disk::write_all(&mut file, line.as_bytes())?;
    if file.metadata()?.len() > MAX_SIZE {
        // A history that is no text, or far too long, is dropped.
        let text = disk::read(path).ok().flatten().unwrap_or_else(|| line.to_owned());
        disk::replace(path, (last_lines(&text).join("\n") + "\n").as_bytes())?;
    }
    Ok(())
}

fn last_lines(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(JOBS)..).unwrap_or_default().to_vec()
}

/// Returns the jobs of each configuration of which some ran plainly. Removes histories that are a week old.
pub fn read(folder: &Folder) -> Vec<RecentJobs> {
    let mut histories = Vec::new();
    for path in folder.history_files() {
        if disk::age(&path).is_some_and(|age| age > FORGOTTEN_AFTER) {
            let _ = fs::remove_file(path);
        } else if let Ok(Some(text)) = disk::read(&path) {
            histories.extend(recent_jobs(&text));
        }
    }
    histories
        .sort_by(|one, other| (&one.project, &one.config).cmp(&(&other.project, &other.config)));
    histories
}

/// Returns the jobs of a history; `None` if none ran plainly.
pub fn recent_jobs(text: &str) -> Option<RecentJobs> {
    let lines = last_lines(text);
    let mut jobs = RecentJobs { jobs: lines.len(), ..RecentJobs::default() };
    for line in &lines {
        let mut fields = line.split('\t').skip(1);
        let (Some(project), Some(config), Some(why)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        (jobs.project, jobs.config) = (project.to_owned(), config.to_owned());
        jobs.plain += 1;
        match jobs.reasons.iter_mut().find(|reason| reason.why == why) {
            Some(reason) => reason.jobs += 1,
            None => jobs.reasons.push(PlainReason { jobs: 1, why: why.to_owned() }),
        }
    }
    jobs.reasons.sort_by_key(|reason| Reverse(reason.jobs));
    (jobs.plain > 0).then_some(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_hundred_jobs_count_by_reason() {
        let mut text = "1\tsintel\t/c/sintel\tlong ago\n".to_owned();
        text.push_str(&"2\n".repeat(97));
        text.push_str("3\tsintel\t/c/sintel\tseldom\n");
        text.push_str(&"4\tsintel\t/c/sintel\toften\n".repeat(2));
        let jobs = recent_jobs(&text).unwrap();
        assert_eq!((jobs.jobs, jobs.plain), (100, 3));
        let reasons: Vec<_> = jobs.reasons.iter().map(|one| (one.jobs, &*one.why)).collect();
        assert_eq!(reasons, [(2, "often"), (1, "seldom")]);
    }

    #[test]
    fn jobs_in_workers_are_no_news() {
        assert!(recent_jobs("1\n2\n").is_none());
        assert!(recent_jobs("").is_none());
    }
}
