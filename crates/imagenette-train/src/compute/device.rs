//! Where tensors live and what computes them: the only place that knows which backends this program was built with.

use burn::tensor::DeviceType;

use imagenette_kernels::Level;
use imagenette_recipe::RecipeError;

use crate::compute::precision::{Precision, PrecisionChoice};
use crate::error::{Result, TrainError};

/// Whose operations compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ops {
    /// Our kernels, on this instruction set: only for numbers in the host's memory.
    Kernels(Level),
    /// Burn's own operations, on any device.
    Stock,
}

impl std::fmt::Display for Ops {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kernels(level) => write!(out, "kernels ({level})"),
            Self::Stock => write!(out, "stock"),
        }
    }
}

/// A device to train on, in its plain form and in the form that records gradients.
#[derive(Debug, Clone)]
pub struct Device {
    name: String,
    plain: burn::tensor::Device,
    ops: Ops,
    precision: Precision,
}

/// The kinds of devices, by the names that people give them.
fn kinds() -> Vec<(&'static str, DeviceType)> {
    vec![
        ("flex", DeviceType::Flex),
        #[cfg(feature = "vulkan")]
        ("vulkan", DeviceType::Vulkan),
        #[cfg(feature = "metal")]
        ("metal", DeviceType::Metal),
        #[cfg(feature = "webgpu")]
        ("webgpu", DeviceType::WebGpu),
        #[cfg(feature = "cuda")]
        ("cuda", DeviceType::Cuda),
    ]
}

impl Device {
    /// The processor with our kernels, on the instruction set that `IMAGENETTE_SIMD` names or else the best it has.
    pub fn cpu() -> Self {
        Self::cpu_at(Level::detect().unwrap_or_else(|_| Level::best()))
    }

    fn cpu_at(level: Level) -> Self {
        let plain = burn::tensor::Device::flex();
        Self { name: "flex".into(), plain, ops: Ops::Kernels(level), precision: Precision::F32 }
    }

    /// The same device with Burn's own operations instead of our kernels.
    #[must_use]
    pub fn with_stock_ops(self) -> Self {
        Self { ops: Ops::Stock, precision: Precision::F32, ..self }
    }

    /// The same device with maps stored as the recipe asks; on a device that was never told they are f32.
    ///
    /// # Errors
    /// When bf16 is asked for, but Burn's own operations compute: they would convert it to f32 and back each time.
    pub fn with_precision(self, choice: PrecisionChoice) -> Result<Self> {
        let precision = match (choice, self.ops) {
            (PrecisionChoice::F32, _) | (PrecisionChoice::Auto, Ops::Stock) => Precision::F32,
            (PrecisionChoice::Auto, Ops::Kernels(level)) if level.has_bf16_products() => Precision::Bf16,
            (PrecisionChoice::Auto, Ops::Kernels(_)) => Precision::F32,
            (PrecisionChoice::Bf16, Ops::Kernels(_)) => Precision::Bf16,
            (PrecisionChoice::Bf16, Ops::Stock) => {
                let refused = RecipeError::Setting {
                    key: "precision".into(),
                    expected: "f32 or auto where Burn's own operations compute".into(),
                    found: format!("bf16 on {}", self.description()),
                    hint: "use `--precision f32`; bf16 needs our kernels: `--device flex --ops kernels`".into(),
                };
                return Err(refused.into());
            }
        };
        Ok(Self { precision, ..self })
    }

    /// A device by its name: `flex`, or where the program was built with it `vulkan`, `metal`, `webgpu`, `cuda`; a
    /// second one of a kind is `cuda:1`.
    ///
    /// # Errors
    /// When the program or the machine does not have it, or lacks the instruction set that `IMAGENETTE_SIMD` names.
    pub fn named(name: &str) -> Result<Self> {
        let (kind, index) = name.split_once(':').unwrap_or((name, "0"));
        let kinds = kinds();
        let refuse = |reason: String, hint: String| TrainError::Device { name: name.into(), reason, hint };
        let names = || kinds.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Some((_, device_type)) = kinds.iter().find(|(known, _)| *known == kind) else {
            let built = ["vulkan", "metal", "webgpu", "cuda"].contains(&kind);
            let hint = if built {
                format!("build with `cargo build --release --features {kind}`")
            } else {
                format!("this program has: {}", names())
            };
            return Err(refuse("this program was built without it".into(), hint));
        };
        let index: usize = index
            .parse()
            .map_err(|_| refuse(format!("`{index}` is not a number"), format!("write `{kind}` or `{kind}:0`")))?;
        // The processor is always there; asking other kinds opens their drivers.
        if kind == "flex" {
            return if index == 0 {
                let missing = |error: imagenette_kernels::LevelError| {
                    let variable = imagenette_kernels::level::LEVEL_VARIABLE;
                    refuse(error.to_string(), format!("leave {variable} out to use the best there is"))
                };
                Ok(Self::cpu_at(Level::detect().map_err(missing)?))
            } else {
                Err(refuse("there is only one".into(), "write `flex`".into()))
            };
        }
        let found = burn::tensor::Device::enumerate(device_type.clone()).into_vec();
        let count = found.len();
        match found.into_iter().nth(index) {
            Some(plain) => Ok(Self { name: name.into(), plain, ops: Ops::Stock, precision: Precision::F32 }),
            None => Err(refuse(format!("this machine has {count} of them"), "use `--device flex`".into())),
        }
    }

    /// The devices that this program finds on this machine, by the names that [`Device::named`] takes.
    pub fn enumerate() -> Vec<String> {
        let mut names = Vec::new();
        for (kind, device_type) in kinds() {
            if kind == "flex" {
                names.push(kind.to_owned());
                continue;
            }
            let count = burn::tensor::Device::enumerate(device_type).into_vec().len();
            names.extend((0..count).map(|index| if index == 0 { kind.to_owned() } else { format!("{kind}:{index}") }));
        }
        names
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the processor, whose memory is the machine's.
    pub fn is_processor(&self) -> bool {
        self.name == "flex"
    }

    /// Its name, whose operations compute on it, and what maps are stored in, for records: `flex, kernels (avx2), f32`.
    pub fn description(&self) -> String {
        format!("{}, {}, {}", self.name, self.ops, self.precision)
    }

    /// What maps are stored in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The form without gradients.
    pub(crate) fn plain(&self) -> &burn::tensor::Device {
        &self.plain
    }

    /// Whose operations compute on it.
    pub fn ops(&self) -> Ops {
        self.ops
    }
}

/// Sets how many threads compute; once in a process, before the first tensor.
///
/// # Errors
/// When the number is zero, or when it was already set to another number.
pub fn set_threads(threads: usize) -> Result<()> {
    let refuse = |found: String, hint: &str| RecipeError::Setting {
        key: "threads".into(),
        expected: "1 or more, set once".into(),
        found,
        hint: hint.into(),
    };
    if threads == 0 {
        return Err(refuse("0".into(), "leave it out to use every core").into());
    }
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
        // The system gives no threads: to ask how many there are would start them, and panic.
        Err(error) if std::error::Error::source(&error).is_some() => {
            let found = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Err(TrainError::Threads { threads, found })
        }
        Err(_) if rayon::current_num_threads() != threads => {
            let found = format!("{threads} after {}", rayon::current_num_threads());
            Err(refuse(found, "set it before the first run").into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use imagenette_files::Hint;

    use super::*;

    #[test]
    fn the_processor_is_always_there_and_unknown_names_are_refused() {
        assert_eq!(Device::named("flex").unwrap().name(), "flex");
        assert_eq!(Device::enumerate()[0], "flex");
        for name in ["gpu", "flex:1", "flex:x", ""] {
            let error = Device::named(name).unwrap_err();
            assert!(error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn bf16_is_stored_by_our_kernels_only_and_auto_takes_it_where_the_processor_multiplies_it() {
        let precision = |device: Device, choice| device.with_precision(choice).map(|device| device.precision());
        let Ops::Kernels(level) = Device::cpu().ops() else { panic!("the processor runs our kernels") };
        let best = if level.has_bf16_products() { Precision::Bf16 } else { Precision::F32 };
        assert_eq!(precision(Device::cpu(), PrecisionChoice::Auto).unwrap(), best);
        assert_eq!(precision(Device::cpu(), PrecisionChoice::F32).unwrap(), Precision::F32);
        assert_eq!(precision(Device::cpu(), PrecisionChoice::Bf16).unwrap(), Precision::Bf16);
        let stock = || Device::cpu().with_stock_ops();
        assert_eq!(precision(stock(), PrecisionChoice::Auto).unwrap(), Precision::F32);
        let error = precision(stock(), PrecisionChoice::Bf16).unwrap_err();
        assert!(error.to_string().contains("precision") && error.hint().is_some(), "{error}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_was_not_built_in_says_how_to_build_it() {
        let error = Device::named("cuda").unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("--features cuda")), "{error}");
    }
}
