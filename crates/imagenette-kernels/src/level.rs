//! Which instruction set the kernels run on: the best that is detected, or the one that `IMAGENETTE_SIMD` names. A
//! `Level` can only be made for instructions that this processor has, which is what makes the kernels sound.

use crate::number::{Number, is_bf16};
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512, Avx512Bf16};
use crate::simd::{Portable, Simd};

/// An instruction set that this processor has; every kernel takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
}

/// Why a level cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// No level has this name.
    #[error("unknown SIMD level `{name}`: expected one of portable, avx2, avx512, avx512bf16")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The level exists, but this processor lacks its instructions.
    #[error("the SIMD level `{name}` needs instructions that this processor lacks; it has: {available}")]
    Missing {
        /// What was asked for.
        name: String,
        /// The levels that could be used instead.
        available: String,
    },
}

/// The environment variable that forces a level.
pub const LEVEL_VARIABLE: &str = "IMAGENETTE_SIMD";

impl Level {
    /// Plain vectors of four numbers, which every processor and WebAssembly can run.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// The level to use: the one named by `IMAGENETTE_SIMD`, else the best that the processor has.
    ///
    /// # Errors
    /// The variable names no level, or one that the processor lacks.
    pub fn detect() -> Result<Self, LevelError> {
        match std::env::var(LEVEL_VARIABLE) {
            Ok(name) if !name.is_empty() => Self::named(&name),
            _ => Ok(Self::best()),
        }
    }

    /// The best level of this processor.
    #[must_use]
    pub fn best() -> Self {
        Self::available().pop().expect("the portable level is always there")
    }

    /// Every level that this processor has, the plainest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Kind::with(Features::of_this_processor()).into_iter().map(Self).collect()
    }

    /// The level with this name, if this processor has it.
    ///
    /// # Errors
    /// The name is unknown, or the processor lacks the instructions.
    pub fn named(name: &str) -> Result<Self, LevelError> {
        Kind::named(name, &Kind::with(Features::of_this_processor())).map(Self)
    }

    /// The name by which `IMAGENETTE_SIMD` asks for this level.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether the level has an instruction that multiplies pairs of `Bf16`, which makes them faster than f32.
    #[must_use]
    pub fn has_bf16_products(self) -> bool {
        match self.0 {
            Kind::Portable => false,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 => false,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => true,
        }
    }

    /// Whether convolutions of `Bf16` multiply pairs rather than widen what they read.
    pub(crate) fn multiplies_pairs(self) -> bool {
        self.sizes().2
    }

    /// Numbers in a vector.
    pub(crate) fn lanes(self) -> usize {
        self.sizes().0
    }

    /// Output channels of one register tile, the width of a panel of packed weights.
    pub(crate) fn panel_channels(self) -> usize {
        self.sizes().0 * self.sizes().1
    }

    /// Lanes, vectors of a panel, and whether pairs are multiplied.
    fn sizes(self) -> (usize, usize, bool) {
        fn of<S: Simd>() -> (usize, usize, bool) {
            (S::LANES, S::PANEL_VECTORS, S::MULTIPLIES_PAIRS)
        }
        match self.0 {
            Kind::Portable => of::<Portable>(),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => of::<Avx2>(),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => of::<Avx512>(),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => of::<Avx512Bf16>(),
        }
    }

    /// Runs `work` compiled for this level's instructions.
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        // Conditions of constants: of what is behind a false one, nothing is compiled.
        match self.0 {
            Kind::Portable => {
                if const { W::LEVELS.include::<Portable>() } {
                    return work.run(Portable);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => {
                if const { W::LEVELS.include::<Avx2>() } {
                    return x86::run_avx2(work);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => {
                if const { W::LEVELS.include::<Avx512>() } {
                    return x86::run_avx512(work);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => {
                if const { matches!(W::LEVELS, Levels::Plain) } {
                    return x86::run_avx512(work);
                }
                if const { W::LEVELS.include::<Avx512Bf16>() } {
                    return x86::run_avx512bf16(work);
                }
            }
        }
        unreachable!("work that is not compiled for {self}")
    }
}

/// The instructions of a processor that levels need.
#[derive(Clone, Copy, Debug, Default)]
struct Features {
    /// AVX2 and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    avx2: bool,
    /// AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    avx512: bool,
    #[cfg(target_arch = "x86_64")]
    avx512bf16: bool,
}

impl Features {
    #[cfg(target_arch = "x86_64")]
    fn of_this_processor() -> Self {
        Self {
            avx2: is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            avx512: is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl"),
            avx512bf16: is_x86_feature_detected!("avx512bf16"),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of_this_processor() -> Self {
        Self {}
    }

    /// Whether they are enough for a level. Each level needs what those before it need.
    fn suffice_for(&self, kind: Kind) -> bool {
        match kind {
            Kind::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => self.avx2,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => self.avx2 && self.avx512,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => self.avx2 && self.avx512 && self.avx512bf16,
        }
    }
}

impl Kind {
    /// Every level, the plainest first.
    const ALL: &[Self] = &[
        Self::Portable,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx512Bf16,
    ];

    /// The levels of a processor with these features, the plainest first.
    fn with(features: Features) -> Vec<Self> {
        Self::ALL.iter().copied().filter(|&kind| features.suffice_for(kind)).collect()
    }

    /// The level with this name, if it is one of the available ones.
    fn named(name: &str, available: &[Self]) -> Result<Self, LevelError> {
        if !["portable", "avx2", "avx512", "avx512bf16"].contains(&name) {
            return Err(LevelError::Unknown { name: name.into() });
        }
        available.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| LevelError::Missing {
            name: name.into(),
            available: available.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => "avx512bf16",
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

/// A piece of single-threaded work written once for all levels. `run` must be `#[inline(always)]` and free of closures
/// that touch vectors: only what is inlined into the level's own function is compiled for its instructions.
pub(crate) trait Work {
    type Output;
    /// The levels that it is compiled for; on the others it never runs.
    const LEVELS: Levels;
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Levels that a piece of work is compiled for, as few as are enough: the kernels take long to compile.
#[derive(Clone, Copy)]
pub(crate) enum Levels {
    /// All, with nothing that AVX-512 BF16 adds (rounding vectors to `Bf16`, or products of pairs): its level runs the
    /// code of AVX-512, which computes the same.
    Plain,
    /// All, with what AVX-512 BF16 adds.
    WithBf16,
    /// Those that multiply pairs of `Bf16`.
    OfPairs,
    /// Those that widen `Bf16` instead.
    Widening,
}

impl Levels {
    /// For work that writes vectors as `T`.
    pub(crate) const fn writing<T: Number>() -> Self {
        if is_bf16::<T>() { Self::WithBf16 } else { Self::Plain }
    }

    /// For work on maps of `T` whose numbers are multiplied in words of `W`.
    pub(crate) const fn multiplying<W: Number, T: Number>() -> Self {
        match (is_bf16::<W>(), is_bf16::<T>()) {
            (false, false) => Self::Plain,
            (false, true) => Self::Widening,
            (true, _) => Self::OfPairs,
        }
    }

    const fn include<S: Simd>(self) -> bool {
        match self {
            Self::Plain | Self::WithBf16 => true,
            Self::OfPairs => S::MULTIPLIES_PAIRS,
            Self::Widening => !S::MULTIPLIES_PAIRS,
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "entering code compiled for instructions that were detected at run time")]
mod x86 {
    use super::{Avx2, Avx512, Avx512Bf16, Work};

    /// Only for a `Level` of AVX2 and better, which exists only where the processor has the instructions.
    pub(super) fn run_avx2<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<W: Work>(work: W) -> W::Output {
            // SAFETY: this function is compiled for, and only reached with, AVX2 and FMA.
            work.run(unsafe { Avx2::new() })
        }
        // SAFETY: the caller holds a `Level`, and `Level::available` made it after detecting both features.
        unsafe { compiled(work) }
    }

    /// Only for a `Level` of AVX-512, which exists only where the processor has the instructions.
    pub(super) fn run_avx512<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn compiled<W: Work>(work: W) -> W::Output {
            // SAFETY: this function is compiled for, and only reached with, these AVX-512 features.
            work.run(unsafe { Avx512::new() })
        }
        // SAFETY: the caller holds a `Level`, and `Level::available` made it after detecting all of them.
        unsafe { compiled(work) }
    }

    /// Only for a `Level` of AVX-512 with BF16, which exists only where the processor has the instructions.
    pub(super) fn run_avx512bf16<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
        fn compiled<W: Work>(work: W) -> W::Output {
            // SAFETY: this function is compiled for, and only reached with, these AVX-512 features.
            work.run(unsafe { Avx512Bf16::new() })
        }
        // SAFETY: the caller holds a `Level`, and `Level::available` made it after detecting all of them.
        unsafe { compiled(work) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_available_level_is_found_by_its_name() {
        for level in Level::available() {
            assert_eq!(Level::named(level.name()), Ok(level));
        }
    }

    #[test]
    fn an_unknown_level_is_refused_with_the_names_there_are() {
        let message = Level::named("sse9").unwrap_err().to_string();
        assert!(message.contains("sse9") && message.contains("avx512bf16"), "{message}");
    }

    #[test]
    fn a_level_that_the_processor_lacks_is_refused_with_those_that_it_has() {
        let available = Kind::with(Features::default());
        assert_eq!(available, [Kind::Portable]);
        assert_eq!(Kind::named("portable", &available), Ok(Kind::Portable));
        for name in ["avx2", "avx512", "avx512bf16"] {
            let expected = LevelError::Missing { name: name.into(), available: "portable".into() };
            assert_eq!(Kind::named(name, &available), Err(expected));
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn each_level_needs_what_the_levels_below_it_need() {
        let names = |[avx2, avx512, avx512bf16]: [bool; 3]| {
            Kind::with(Features { avx2, avx512, avx512bf16 }).into_iter().map(Kind::name).collect::<Vec<_>>()
        };
        assert_eq!(names([true, false, false]), ["portable", "avx2"]);
        assert_eq!(names([true, true, false]), ["portable", "avx2", "avx512"]);
        assert_eq!(names([true, true, true]), ["portable", "avx2", "avx512", "avx512bf16"]);
        // Not on any processor, but perhaps in an emulator.
        assert_eq!(names([true, false, true]), ["portable", "avx2"]);
        assert_eq!(names([false, true, true]), ["portable"]);
    }
}
