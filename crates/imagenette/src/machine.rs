//! What this machine computes with: flags go in, a device and a number of threads come out.

use imagenette_train::compute::device::{self, Device};

use crate::cli::{MachineFlags, OpsName};

/// Who computes.
pub(crate) struct Machine {
    pub(crate) device: Device,
    pub(crate) threads: usize,
}

impl Machine {
    /// The machine that the flags ask for; sets the threads of everything that computes, once in a process.
    pub(crate) fn of(flags: &MachineFlags) -> anyhow::Result<Self> {
        let device = Device::named(&flags.device)?;
        let device = if flags.ops == OpsName::Stock { device.with_stock_ops() } else { device };
        let threads = threads(flags.threads);
        device::set_threads(threads)?;
        Ok(Self { device, threads })
    }
}

/// How many threads to use: what was asked for, else one for each core.
pub(crate) fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

/// The most memory that this process has ever held, where the system says.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Seconds since this process began, where the system says; else since `began`.
pub(crate) fn process_seconds(began: std::time::Instant) -> f64 {
    let since = began.elapsed().as_secs_f64();
    // A program takes a moment to load. A system whose clock says more has counted something else.
    seconds_of_process().filter(|seconds| (since..since + 60.0).contains(seconds)).unwrap_or(since)
}

/// The same from what Linux says: when the process began and now, both since the system's start.
fn seconds_of_process() -> Option<f64> {
    /// What Linux counts in for programs, on every machine.
    const TICKS_PER_SECOND: f64 = 100.0;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name is in parentheses, and may hold anything; the start is the twentieth field after it.
    let began: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    Some(uptime.split_whitespace().next()?.parse::<f64>().ok()? - began / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_as_old_as_it_is_or_a_little_older() {
        let began = std::time::Instant::now();
        assert!((0.0..60.0).contains(&process_seconds(began)));
        if cfg!(target_os = "linux") {
            assert!(seconds_of_process().unwrap() >= 0.0);
        }
    }
}
