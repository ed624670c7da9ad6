//! What Linux says of a process: the CPU time it took and the memory it held. Descendants count with it.

use std::fs;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Failure;

/// CPU time of a process and its descendants so far, user and system, to the nanosecond (`clock_getcpuclockid(3)`):
/// `stat` counts hundredths of a second, which is a twentieth of a round of slow streams. Threads that ended count.
pub(crate) fn cpu(root: u32) -> Result<Duration, Failure> {
    let mut used = Duration::ZERO;
    for pid in family(root)? {
        match clock_getcpuclockid(Pid::from_raw(pid.cast_signed())).and_then(ClockId::now) {
            Ok(time) => used += Duration::from(time),
            // Ended since it was listed: what it used is lost.
            Err(_) if pid != root => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(used)
}

/// CPU time of the whole machine so far, whoever took it (proc(5), `/proc/stat`): all but idle and waiting.
pub(crate) fn machine_cpu() -> Result<Duration, Failure> {
    let text = fs::read_to_string("/proc/stat")?;
    let fields: Vec<String> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect();
    let mut ticks = 0;
    // After the name: user, nice, system, idle, iowait, irq, softirq, steal.
    for index in [1, 2, 3, 6, 7, 8] {
        ticks += field(&fields, index)?;
    }
    Ok(time(ticks))
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// The most memory held since `forget_peak`, in bytes, summed over a process and its descendants.
pub(crate) fn peak_memory(pid: u32) -> Result<u64, Failure> {
    let mut kilobytes = 0;
    for pid in family(pid)? {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // A process that ended and was not waited for holds nothing, and has no such line.
        if let Some(line) = line {
            kilobytes += line.trim().trim_end_matches(" kB").parse::<u64>()?;
        }
    }
    Ok(kilobytes * 1024)
}

/// Lets the peak start anew from what is held now (proc(5), `clear_refs`, value 5).
pub(crate) fn forget_peak(pid: u32) -> Result<(), Failure> {
    for pid in family(pid)? {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    }
    Ok(())
}

/// Lets this process and those it starts hold as many connections as the machine allows.
pub(crate) fn raise_open_files() -> Result<(), Failure> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    Ok(())
}

/// The process and all that came of it: nginx does its work in workers.
fn family(pid: u32) -> Result<Vec<u32>, Failure> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(other) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may end between the listing and this.
        if let Ok(parent) = stat(other).and_then(|fields| field(&fields, 1)) {
            parents.push((other, parent));
        }
    }
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == u64::from(parent))
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    Ok(found)
}

/// The fields of `stat` after the name, which may itself hold spaces and brackets.
fn stat(pid: u32) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(')').ok_or("no name in stat")?;
    Ok(rest.split_ascii_whitespace().map(str::to_owned).collect())
}

fn field(fields: &[String], index: usize) -> Result<u64, Failure> {
    Ok(fields.get(index).ok_or("stat is too short")?.parse()?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::{Mutex, PoisonError};

    use super::*;

    // The child of one test is a child of the other's process too, and ends in the middle of it.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    #[test]
    fn a_process_counts_with_what_it_started() {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let me = std::process::id();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let found = family(me).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&me) && found.contains(&child.id()));
    }

    #[test]
    fn figures_of_a_process_can_be_read() {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let me = std::process::id();
        forget_peak(me).unwrap();
        assert!(peak_memory(me).unwrap() > 100_000);
        assert!(cpu(me).unwrap() <= machine_cpu().unwrap());
        // More than any pid of Linux.
        assert!(cpu(4_194_305).is_err());
    }
}
