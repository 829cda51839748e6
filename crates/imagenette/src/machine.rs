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
