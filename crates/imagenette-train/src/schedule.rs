//! What changes while a run goes on, as pure functions of its progress in 0..1: the learning rate's factor and the
//! resolution. Progress is the share of steps already taken, so a resumed run meets the same values.

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The shape of the learning rate over a run; the optimizer's rate is its peak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Half a cosine up, then half a cosine down.
    ///
    /// # Source
    /// Smith and Topin, "Super-convergence", 2017, with cosines for lines as fastai does.
    OneCycle {
        /// The share of the run that the rate rises for.
        #[serde(default = "quarter")]
        warm_up: f64,
        /// The factor at the first step.
        #[serde(default = "one_twenty_fifth")]
        start: f64,
        /// The factor at the end.
        #[serde(default = "tiny")]
        end: f64,
    },
    /// A line up from zero, then a line down to zero.
    Linear {
        /// The share of the run that the rate rises for.
        warm_up: f64,
    },
    /// The peak rate, then half a cosine down to zero.
    FlatCosine {
        /// The share of the run after which the rate falls.
        #[serde(default = "three_quarters")]
        flat: f64,
    },
}

fn quarter() -> f64 {
    0.25
}

fn three_quarters() -> f64 {
    0.75
}

fn one_twenty_fifth() -> f64 {
    0.04
}

fn tiny() -> f64 {
    1e-5
}

impl Schedule {
    /// The factor in 0..1 by which the peak rate is multiplied at this progress.
    pub fn factor(&self, progress: f64) -> f64 {
        let progress = progress.clamp(0.0, 1.0);
        match *self {
            Self::OneCycle { warm_up, start, end } if progress < warm_up => {
                let _ = end;
                ease(start, 1.0, progress / warm_up)
            }
            Self::OneCycle { warm_up, end, .. } => ease(1.0, end, share(progress, warm_up)),
            Self::Linear { warm_up } if progress < warm_up => progress / warm_up,
            Self::Linear { warm_up } => 1.0 - share(progress, warm_up),
            Self::FlatCosine { flat } if progress < flat => 1.0,
            Self::FlatCosine { flat } => ease(1.0, 0.0, share(progress, flat)),
        }
    }
}

/// How far `progress` is from `begin` to the end of the run.
fn share(progress: f64, begin: f64) -> f64 {
    if begin < 1.0 { (progress - begin) / (1.0 - begin) } else { 0.0 }
}

/// From `a` to `b` along half a cosine.
fn ease(a: f64, b: f64, share: f64) -> f64 {
    b + (a - b) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

/// The square that the network sees while it trains: one size, or stages by progress.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// The same from the first step to the last, in pixels.
    Fixed(u32),
    /// Stages in ascending order of `from`; the first begins at 0.
    Stages(Vec<Stage>),
}

/// From this progress on, this resolution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The progress in 0..1 at which the stage begins.
    pub from: f64,
    /// The resolution in pixels.
    pub px: u32,
}

impl Resolution {
    /// The resolution in pixels at this progress.
    pub fn px(&self, progress: f64) -> u32 {
        match self {
            Self::Fixed(px) => *px,
            Self::Stages(stages) => {
                stages.iter().rev().find(|stage| stage.from <= progress).or(stages.first()).map_or(0, |stage| stage.px)
            }
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
        assert!(close(schedule.factor(0.0), 0.0));
        assert!(close(schedule.factor(0.075), 0.5));
        assert!(close(schedule.factor(0.15), 1.0));
        assert!(close(schedule.factor(0.575), 0.5));
        assert!(close(schedule.factor(1.0), 0.0));
    }

    #[test]
    fn one_cycle_starts_peaks_and_ends_where_it_says() {
        let schedule = Schedule::OneCycle { warm_up: 0.25, start: 0.04, end: 1e-5 };
        assert!(close(schedule.factor(0.0), 0.04));
        assert!(close(schedule.factor(0.125), 0.52));
        assert!(close(schedule.factor(0.25), 1.0));
        assert!(close(schedule.factor(0.625), (1.0 + 1e-5) / 2.0));
        assert!(close(schedule.factor(1.0), 1e-5));
    }

    #[test]
    fn flat_cosine_stays_at_one_and_then_falls_to_zero() {
        let schedule = Schedule::FlatCosine { flat: 0.75 };
        assert!(close(schedule.factor(0.0), 1.0));
        assert!(close(schedule.factor(0.74), 1.0));
        assert!(close(schedule.factor(0.875), 0.5));
        assert!(close(schedule.factor(1.0), 0.0));
    }

    #[test]
    fn every_schedule_stays_within_0_and_1_even_without_a_warm_up_or_a_fall() {
        for warm_up in [0.0, 0.3, 1.0] {
            for schedule in [
                Schedule::Linear { warm_up },
                Schedule::OneCycle { warm_up, start: 0.1, end: 0.0 },
                Schedule::FlatCosine { flat: warm_up },
            ] {
                for i in 0..=100 {
                    let factor = schedule.factor(f64::from(i) / 100.0);
                    assert!((0.0..=1.0).contains(&factor), "{schedule:?} at {i}%: {factor}");
                }
            }
        }
    }

    #[test]
    fn stages_change_at_their_progress_and_not_before() {
        let stage = |from, px| Stage { from, px };
        let resolution = Resolution::Stages(vec![stage(0.0, 64), stage(0.4, 96), stage(0.7, 128)]);
        let seen = [0.0, 0.399, 0.4, 0.699, 0.7, 1.0].map(|progress| resolution.px(progress));
        assert_eq!(seen, [64, 64, 96, 96, 128, 128]);
        assert_eq!((resolution.smallest_px(), resolution.largest_px()), (64, 128));
    }
}
