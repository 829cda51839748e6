//! On what machine, and by what code, a result was made.

use serde::{Deserialize, Serialize};

/// The machine and the code behind a result. Names no user, host or path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// This program's version.
    pub program: String,
    /// The commit it was built from, with `-dirty` when files had changed; `None` outside a checkout.
    pub commit: Option<String>,
    /// Operating system and architecture: `linux x86_64`.
    pub platform: String,
    /// The processor as it names itself.
    pub processor: String,
    /// Instruction sets that matter to the kernels, widest last.
    pub instruction_sets: Vec<String>,
    /// Threads that the machine runs at once.
    pub cores: usize,
    /// Memory in bytes; zero where the system does not say.
    pub memory_bytes: u64,
    /// The device trained on, whose operations computed and what maps were stored in: `flex, kernels (avx2), f32`, `cuda:0, stock, f32`.
    pub device: String,
    /// Threads used for computing.
    pub threads: usize,
}

impl Environment {
    /// Looks at this machine.
    pub fn observe(program: &str, commit: Option<&str>, device: &str, threads: usize) -> Self {
        Self {
            program: program.into(),
            commit: commit.map(Into::into),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor(),
            instruction_sets: instruction_sets(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory_bytes(),
            device: device.into(),
            threads,
        }
    }
}

fn proc_field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The processor's name, with family, model and stepping where the name alone says little (virtual machines).
fn processor() -> String {
    let Some(name) = proc_field("/proc/cpuinfo", "model name") else {
        return std::env::consts::ARCH.into();
    };
    match (proc_field("/proc/cpuinfo", "cpu family"), proc_field("/proc/cpuinfo", "model")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}

fn memory_bytes() -> u64 {
    let kilobytes =
        proc_field("/proc/meminfo", "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(target_arch = "x86_64")]
fn instruction_sets() -> Vec<String> {
    [
        ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
    ]
    .into_iter()
    .filter(|(_, present)| *present)
    .map(|(name, _)| name.into())
    .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn instruction_sets() -> Vec<String> {
    if cfg!(target_arch = "aarch64") { vec!["neon".into()] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_processor_and_cores() {
        let environment = Environment::observe("0.1.0", Some("abc"), "flex", 1);
        assert!(!environment.processor.is_empty() && environment.cores >= 1);
        let text = serde_json::to_string(&environment).unwrap();
        assert_eq!(serde_json::from_str::<Environment>(&text).unwrap(), environment);
    }
}
