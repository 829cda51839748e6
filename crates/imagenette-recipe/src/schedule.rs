//! What changes while a run goes on, as pure functions of its progress in 0..1: the learning rate's factor and the
//! resolution. Progress is the share of steps already taken, so a resumed run meets the same values.

use imagenette_data::augment::Crop;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::defaults::{is_default, ratio};
use crate::own::{OwnPart, PartKind, shipped_or_own};

/// The shape of the learning rate over a run; the optimizer's rate is its peak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Half a cosine up, then half a cosine down.
    ///
    /// # Source
    /// Smith and Topin, "Super-convergence", 2017, with cosines in place of lines, as fastai does.
    OneCycle {
        /// The share of the run that the rate rises for.
        #[serde(default = "ratio::<1, 4>")]
        warm_up: f64,
        /// The factor at the first step.
        #[serde(default = "ratio::<4, 100>")]
        start: f64,
        /// The factor at the end.
        #[serde(default = "ratio::<1, 100_000>")]
        end: f64,
    },
    /// A line up from zero, then a line down to zero.
    Linear {
        /// The share of the run that the rate rises for.
        warm_up: f64,
    },
    /// A line up from zero where a warm-up is asked for, the peak rate, then half a cosine down to zero.
    FlatCosine {
        /// The share of the run that the rate rises for.
        #[serde(default, skip_serializing_if = "is_default")]
        warm_up: f64,
        /// The share of the run after which the rate falls.
        #[serde(default = "ratio::<3, 4>")]
        flat: f64,
    },
    /// From one factor to another, the same ratio from each step to the next: what a range test uses.
    Exponential {
        /// The factor at the beginning, above 0.
        start: f64,
        /// The factor at the end, above 0.
        end: f64,
    },
    /// One that is not shipped.
    #[serde(skip)]
    Own(OwnPart),
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(part) => part.serialize(serializer),
            shipped => Self::serialize(shipped, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shipped_or_own(deserializer, PartKind::Schedule, Self::deserialize, Self::Own)
    }
}

impl Schedule {
    /// The part, where it is not shipped.
    pub fn own(&self) -> Option<&OwnPart> {
        match self {
            Self::Own(part) => Some(part),
            _ => None,
        }
    }

    pub(crate) fn own_mut(&mut self) -> Option<&mut OwnPart> {
        match self {
            Self::Own(part) => Some(part),
            _ => None,
        }
    }

    /// The factor by which the peak rate is multiplied at this progress: in 0..1, unless an exponential schedule says
    /// more. `None` for a schedule that is not shipped: its program knows it.
    pub fn factor(&self, progress: f64) -> Option<f64> {
        let progress = progress.clamp(0.0, 1.0);
        Some(match *self {
            Self::Own(_) => return None,
            Self::OneCycle { warm_up, start, .. } if progress < warm_up => ease(start, 1.0, progress / warm_up),
            Self::OneCycle { warm_up, end, .. } => ease(1.0, end, share(progress, warm_up)),
            Self::Linear { warm_up } if progress < warm_up => progress / warm_up,
            Self::Linear { warm_up } => 1.0 - share(progress, warm_up),
            Self::FlatCosine { warm_up, .. } if progress < warm_up => progress / warm_up,
            Self::FlatCosine { flat, .. } if progress < flat => 1.0,
            Self::Exponential { start, end } => start * libm::pow(end / start, progress),
            Self::FlatCosine { flat, .. } => ease(1.0, 0.0, share(progress, flat)),
        })
    }
}

/// How far `progress` is from `begin` to the end of the run.
fn share(progress: f64, begin: f64) -> f64 {
    if begin < 1.0 { (progress - begin) / (1.0 - begin) } else { 0.0 }
}

/// From `a` to `b` along half a cosine, which is not the system's: rates decide bits.
fn ease(a: f64, b: f64, share: f64) -> f64 {
    b + (a - b) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share))
}

/// The square that the network sees while it trains: one size, or stages by progress.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// The same from the first step to the last, in pixels.
    Fixed(u32),
    /// Stages in ascending order of `from`; the first begins at 0.
    Stages(Vec<Stage>),
}

/// From this progress on, this resolution, and where they are given this batch size and this crop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The progress in 0..1 at which the stage begins.
    pub from: f64,
    /// The resolution in pixels.
    pub px: u32,
    /// Samples a step in this stage; absent means the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u32>,
    /// The crop in this stage; absent means the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
}

impl Resolution {
    /// The stage at this progress, where there are stages.
    fn stage(&self, progress: f64) -> Option<&Stage> {
        match self {
            Self::Fixed(_) => None,
            Self::Stages(stages) => stages.iter().rev().find(|stage| stage.from <= progress).or(stages.first()),
        }
    }

    /// The stage's own batch size at this progress.
    pub fn batch_size(&self, progress: f64) -> Option<u32> {
        self.stage(progress)?.batch_size
    }

    /// The stage's own crop at this progress.
    pub fn crop(&self, progress: f64) -> Option<Crop> {
        self.stage(progress)?.crop
    }

    /// Whether any stage has a batch size of its own.
    pub fn has_batch_sizes(&self) -> bool {
        self.stages().iter().any(|stage| stage.batch_size.is_some())
    }

    /// The stages; none where the resolution is fixed.
    pub fn stages(&self) -> &[Stage] {
        match self {
            Self::Fixed(_) => &[],
            Self::Stages(stages) => stages,
        }
    }

    /// The resolution in pixels at this progress.
    pub fn px(&self, progress: f64) -> u32 {
        match self {
            Self::Fixed(px) => *px,
            Self::Stages(_) => self.stage(progress).map_or(0, |stage| stage.px),
        }
    }

    /// The largest of its resolutions, in pixels.
    pub fn largest_px(&self) -> u32 {
        match self {
            Self::Fixed(px) => *px,
            Self::Stages(stages) => stages.iter().map(|stage| stage.px).max().unwrap_or(0),
        }
    }

    /// The smallest of its resolutions, in pixels.
    pub fn smallest_px(&self) -> u32 {
        match self {
            Self::Fixed(px) => *px,
            Self::Stages(stages) => stages.iter().map(|stage| stage.px).min().unwrap_or(0),
        }
    }
}

impl Serialize for Resolution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(px) => px.serialize(serializer),
            Self::Stages(stages) => stages.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Resolution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand rather than `untagged`, whose errors say only that nothing matched.
        struct NumberOrStages;
        impl<'de> Visitor<'de> for NumberOrStages {
            type Value = Resolution;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of pixels or stages like `[{ from = 0.0, px = 64 }]`")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Resolution, E> {
                let px = u32::try_from(value).map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))?;
                Ok(Resolution::Fixed(px))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Resolution, E> {
                let px = u32::try_from(value).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))?;
                Ok(Resolution::Fixed(px))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Resolution, A::Error> {
                let mut stages = Vec::new();
                while let Some(stage) = seq.next_element()? {
                    stages.push(stage);
                }
                Ok(Resolution::Stages(stages))
            }
        }
        deserializer.deserialize_any(NumberOrStages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn the_linear_schedule_rises_to_one_and_falls_to_zero() {
        let schedule = Schedule::Linear { warm_up: 0.15 };
        assert!(close(schedule.factor(0.0).unwrap(), 0.0));
        assert!(close(schedule.factor(0.075).unwrap(), 0.5));
        assert!(close(schedule.factor(0.15).unwrap(), 1.0));
        assert!(close(schedule.factor(0.575).unwrap(), 0.5));
        assert!(close(schedule.factor(1.0).unwrap(), 0.0));
    }

    #[test]
    fn one_cycle_starts_peaks_and_ends_where_it_says() {
        let schedule = Schedule::OneCycle { warm_up: 0.25, start: 0.04, end: 1e-5 };
        assert!(close(schedule.factor(0.0).unwrap(), 0.04));
        assert!(close(schedule.factor(0.125).unwrap(), 0.52));
        assert!(close(schedule.factor(0.25).unwrap(), 1.0));
        assert!(close(schedule.factor(0.625).unwrap(), (1.0 + 1e-5) / 2.0));
        assert!(close(schedule.factor(1.0).unwrap(), 1e-5));
    }

    #[test]
    fn flat_cosine_stays_at_one_and_then_falls_to_zero() {
        let schedule = Schedule::FlatCosine { warm_up: 0.0, flat: 0.75 };
        assert!(close(schedule.factor(0.0).unwrap(), 1.0));
        assert!(close(schedule.factor(0.74).unwrap(), 1.0));
        assert!(close(schedule.factor(0.875).unwrap(), 0.5));
        assert!(close(schedule.factor(1.0).unwrap(), 0.0));
        let warmed = Schedule::FlatCosine { warm_up: 0.1, flat: 0.75 };
        assert!(
            close(warmed.factor(0.0).unwrap(), 0.0)
                && close(warmed.factor(0.05).unwrap(), 0.5)
                && close(warmed.factor(0.1).unwrap(), 1.0)
        );
        assert!(close(warmed.factor(0.74).unwrap(), 1.0) && close(warmed.factor(0.875).unwrap(), 0.5));
    }

    #[test]
    fn an_exponential_schedule_grows_by_the_same_ratio_everywhere() {
        let schedule = Schedule::Exponential { start: 0.01, end: 100.0 };
        for (progress, factor) in [(0.0, 0.01), (0.25, 0.1), (0.5, 1.0), (0.75, 10.0), (1.0, 100.0)] {
            assert!((schedule.factor(progress).unwrap() / factor - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn every_schedule_stays_within_0_and_1_even_without_a_warm_up_or_a_fall() {
        for warm_up in [0.0, 0.3, 1.0] {
            for schedule in [
                Schedule::Linear { warm_up },
                Schedule::OneCycle { warm_up, start: 0.1, end: 0.0 },
                Schedule::FlatCosine { warm_up: warm_up / 2.0, flat: warm_up },
            ] {
                for i in 0..=100 {
                    let factor = schedule.factor(f64::from(i) / 100.0).unwrap();
                    assert!((0.0..=1.0).contains(&factor), "{schedule:?} at {i}%: {factor}");
                }
            }
        }
    }

    #[test]
    fn stages_change_at_their_progress_and_not_before() {
        let stage = |from, px| Stage { from, px, batch_size: None, crop: None };
        let resolution = Resolution::Stages(vec![stage(0.0, 64), stage(0.4, 96), stage(0.7, 128)]);
        let seen = [0.0, 0.399, 0.4, 0.699, 0.7, 1.0].map(|progress| resolution.px(progress));
        assert_eq!(seen, [64, 64, 96, 96, 128, 128]);
        assert_eq!((resolution.smallest_px(), resolution.largest_px()), (64, 128));
    }
}
