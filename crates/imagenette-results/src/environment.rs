//! On what machine, and by what code, a result was made.

use serde::{Deserialize, Serialize};

/// The machine, the program and the device behind a result, in short. Names no user, host or path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The program's version.
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
    /// The device, whose operations computed and what feature maps were stored in: `flex, kernels (avx2), f32`.
    pub device: String,
    /// Threads used for computing.
    pub threads: usize,
}

impl Environment {
    /// Looks at this machine.
    pub fn observe(program: &str, commit: Option<&str>, device: &str, threads: usize) -> Self {
        let Machine { platform, processor, instruction_sets, cores, memory_bytes } = Machine::observe();
        Self {
            program: program.into(),
            commit: commit.map(Into::into),
            platform,
            processor,
            instruction_sets,
            cores,
            memory_bytes,
            device: device.into(),
            threads,
        }
    }
}

/// A machine. Names no user, host or path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
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
}

impl Machine {
    /// Looks at this machine.
    pub fn observe() -> Self {
        // Systems other than Linux have no such files: then the text is empty and says nothing.
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor(&read("/proc/cpuinfo")).unwrap_or_else(|| std::env::consts::ARCH.into()),
            instruction_sets: instruction_sets(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory_bytes(&read("/proc/meminfo")),
        }
    }
}

/// What decides the bits of a run, apart from its recipe, its dataset and its seed. The number of threads does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arithmetic {
    /// Hash of the sources that decide bits, and of the versions of what they depend on.
    pub engine: String,
    /// The device: `flex` is the processor.
    pub device: String,
    /// Whose operations compute: `kernels` are this program's own, `stock` are Burn's.
    pub ops: String,
    /// The instruction set that the kernels use; `None` where others compute.
    pub level: Option<String>,
    /// What feature maps are stored in: `f32` or `bf16`.
    pub precision: String,
}

impl Arithmetic {
    /// What is different in another one, each as `what: here → there`. Empty when both give the same bits.
    pub fn changes(&self, other: &Self) -> Vec<String> {
        let level = |arithmetic: &Self| arithmetic.level.clone().unwrap_or_else(|| "none".into());
        let short = |hash: &str| imagenette_files::hash::short(hash).to_owned();
        let pairs = [
            ("engine", self.engine == other.engine, short(&self.engine), short(&other.engine)),
            ("device", self.device == other.device, self.device.clone(), other.device.clone()),
            ("operations", self.ops == other.ops, self.ops.clone(), other.ops.clone()),
            ("kernel level", self.level == other.level, level(self), level(other)),
            ("precision", self.precision == other.precision, self.precision.clone(), other.precision.clone()),
        ];
        let differing = pairs.into_iter().filter(|(_, is_same, _, _)| !is_same);
        differing.map(|(what, _, here, there)| format!("{what}: {here} → {there}")).collect()
    }
}

/// The device in short, as [`Environment::device`] has it: `flex, kernels (avx2), f32`.
impl std::fmt::Display for Arithmetic {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { device, ops, level, precision, .. } = self;
        match level {
            Some(level) => write!(out, "{device}, {ops} ({level}), {precision}"),
            None => write!(out, "{device}, {ops}, {precision}"),
        }
    }
}

/// The value of the first line `name : value` in a text of the proc file system.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.split_once(':').filter(|(key, _)| key.trim() == name))
        .map(|(_, value)| value.trim())
}

/// The processor's name in `/proc/cpuinfo`, with family and model, since a virtual machine's name alone says little.
fn processor(cpuinfo: &str) -> Option<String> {
    let name = field(cpuinfo, "model name")?;
    Some(match (field(cpuinfo, "cpu family"), field(cpuinfo, "model")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name.into(),
    })
}

/// The memory in `/proc/meminfo`; zero where it does not say.
fn memory_bytes(meminfo: &str) -> u64 {
    let kilobytes = field(meminfo, "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0).saturating_mul(1024)
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
    fn a_processor_is_named_with_its_family_and_model_where_they_are_known() {
        let virtual_machine = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\n\
            model name\t: AMD EPYC\nstepping\t: 1\n\nprocessor\t: 1\nmodel name\t: another\n";
        assert_eq!(processor(virtual_machine).unwrap(), "AMD EPYC (family 25, model 1)");
        assert_eq!(processor("model name : Neoverse: N1\n").unwrap(), "Neoverse: N1");
        assert_eq!(processor("processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\n"), None);
        assert_eq!(processor(""), None);
    }

    #[test]
    fn memory_is_counted_in_bytes_and_unknown_memory_is_zero() {
        assert_eq!(memory_bytes("MemFree: 1 kB\nMemTotal:       24684096 kB\n"), 24_684_096 * 1024);
        for text in ["", "MemTotal:\n", "MemTotal: much kB\n", "MemTotal: -5 kB\n"] {
            assert_eq!(memory_bytes(text), 0, "{text:?}");
        }
        assert_eq!(memory_bytes(&format!("MemTotal: {} kB", u64::MAX)), u64::MAX);
    }

    #[test]
    fn this_machine_says_what_its_system_says() {
        let machine = Machine::observe();
        assert_eq!(machine.cores, std::thread::available_parallelism().unwrap().get());
        if cfg!(target_os = "linux") {
            assert!(machine.memory_bytes > 1 << 26, "{machine:?}");
        }
        assert!(machine.platform.ends_with(std::env::consts::ARCH), "{machine:?}");
        let environment = Environment::observe("0.1.0", Some("abc"), "flex", 1);
        assert_eq!((&environment.processor, environment.memory_bytes), (&machine.processor, machine.memory_bytes));
    }

    #[test]
    fn what_changes_the_bits_is_named_with_both_values() {
        let here = Arithmetic {
            engine: "ab".repeat(32),
            device: "flex".into(),
            ops: "kernels".into(),
            level: Some("avx2".into()),
            precision: "f32".into(),
        };
        assert_eq!(here.to_string(), "flex, kernels (avx2), f32");
        assert_eq!(here.changes(&here), Vec::<String>::new());
        let there = Arithmetic { ops: "stock".into(), level: None, engine: "cd".repeat(32), ..here.clone() };
        assert_eq!(there.to_string(), "flex, stock, f32");
        let expected =
            ["engine: abababababab → cdcdcdcdcdcd", "operations: kernels → stock", "kernel level: avx2 → none"];
        assert_eq!(here.changes(&there), expected);
    }
}
