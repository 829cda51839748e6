//! Which operations change a sample: (settings, side, key of the sample) go in, a list of operations comes out.

use super::operation::{Operation, Scratch};
use super::operations::Operations;
use super::settings::{LARGEST_MAGNITUDE, RandAugment, Resampling, SimClr, Strong, TrivialAugment};
use crate::random::{Purpose, Random, SampleKey};

/// How many kinds of operations RandAugment and TrivialAugment choose from.
const KINDS: u32 = 14;
/// The share of the side by which RandAugment moves a square at the most.
const WIDEST_TRANSLATION: f64 = 150.0 / 331.0;

impl Strong {
    /// The operations on this sample, in their order. The settings must have passed [`Strong::validate`].
    ///
    /// # Example
    /// ```
    /// use imagenette_data::augment::{RandAugment, Strong};
    /// use imagenette_data::random::SampleKey;
    ///
    /// let strong = Strong::RandAugment(RandAugment::default());
    /// let key = SampleKey::new(1, 0, 7);
    /// assert_eq!(strong.plan(64, key).len(), 2);
    /// assert_eq!(strong.plan(64, key), strong.plan(64, key));
    /// ```
    pub fn plan(&self, side_px: usize, key: SampleKey) -> Operations {
        match self {
            Self::RandAugment(settings) => settings.plan(side_px, &mut key.random(Purpose::Strong)),
            Self::TrivialAugment(settings) => settings.plan(&mut key.random(Purpose::Strong)),
            Self::SimClr(settings) => settings.plan(&mut key.random(Purpose::SimClr)),
        }
    }

    /// Changes one sample as planned: uint8 `[side, side, 3]`, with at least one pixel.
    pub fn photo(&self, pixels: &mut [u8], side_px: usize, key: SampleKey, scratch: &mut Scratch) {
        self.plan(side_px, key).iter().for_each(|operation| operation.apply(pixels, side_px, scratch));
    }
}

impl RandAugment {
    fn plan(&self, side_px: usize, random: &mut Random) -> Operations {
        let reaches = Reaches {
            share: 0.3,
            px: WIDEST_TRANSLATION * side_px as f64,
            degrees: 30.0,
            factor: 0.9,
            bits: 4.0,
            resampling: self.resampling,
        };
        let mut operations = Operations::none();
        for _ in 0..self.operations {
            operations.push(reaches.draw(self.magnitude, random));
        }
        operations
    }
}

impl TrivialAugment {
    fn plan(&self, random: &mut Random) -> Operations {
        let reaches =
            Reaches { share: 0.99, px: 32.0, degrees: 135.0, factor: 0.99, bits: 6.0, resampling: self.resampling };
        let magnitude = random.below(LARGEST_MAGNITUDE + 1);
        let mut operations = Operations::none();
        operations.push(reaches.draw(magnitude, random));
        operations
    }
}

/// How far each kind of operation goes at the largest magnitude.
struct Reaches {
    share: f64,
    px: f64,
    degrees: f64,
    /// How far a factor is from 1.
    factor: f64,
    /// How many bits are lost.
    bits: f64,
    resampling: Resampling,
}

impl Reaches {
    /// Any kind of operation, in any direction.
    fn draw(&self, magnitude: u32, random: &mut Random) -> Operation {
        let (kind, is_reversed) = (random.below(KINDS), random.chance(0.5));
        let part = f64::from(magnitude) / f64::from(LARGEST_MAGNITUDE);
        let signed = |reach: f64| if is_reversed { -reach * part } else { reach * part };
        let factor = (1.0 + signed(self.factor)) as f32;
        let resampling = self.resampling;
        match kind {
            0 => Operation::Identity,
            1 => Operation::ShearX { share: signed(self.share), resampling },
            2 => Operation::ShearY { share: signed(self.share), resampling },
            3 => Operation::TranslateX { px: signed(self.px) as i32 },
            4 => Operation::TranslateY { px: signed(self.px) as i32 },
            5 => Operation::Rotate { degrees: signed(self.degrees), resampling },
            6 => Operation::Brightness(factor),
            7 => Operation::Color(factor),
            8 => Operation::Contrast(factor),
            9 => Operation::Sharpness(factor),
            10 => Operation::Posterize { bits: 8 - (self.bits * part).round_ties_even() as u32 },
            11 => {
                Operation::Solarize { threshold: (255 * (LARGEST_MAGNITUDE - magnitude)).div_ceil(LARGEST_MAGNITUDE) }
            }
            12 => Operation::AutoContrast,
            _ => Operation::Equalize,
        }
    }
}

impl SimClr {
    fn plan(&self, random: &mut Random) -> Operations {
        let mut operations = Operations::none();
        if random.chance(self.jitter) {
            let reach = 0.8 * self.strength;
            let mut factor = || random.between((1.0 - reach).max(0.0), 1.0 + reach) as f32;
            let (brightness, contrast, color) = (factor(), factor(), factor());
            let turns = random.between(-0.2 * self.strength, 0.2 * self.strength);
            let mut jitter = [
                Operation::Brightness(brightness),
                Operation::Contrast(contrast),
                Operation::Color(color),
                // Cut off, and taken modulo 256, as torchvision's `adjust_hue` does.
                Operation::Hue { shift: (turns * 255.0) as i32 as u8 },
            ];
            random.shuffle(&mut jitter);
            jitter.into_iter().for_each(|operation| operations.push(operation));
        }
        if random.chance(self.grayscale) {
            operations.push(Operation::Grayscale);
        }
        if random.chance(self.blur) {
            let [smallest, largest] = self.blur_sigma_px;
            operations.push(Operation::Blur { sigma_px: random.between(smallest, largest) as f32 });
        }
        if random.chance(self.solarize) {
            operations.push(Operation::Solarize { threshold: 128 });
        }
        operations
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// How often each kind of operation is planned.
    fn counts(strong: Strong, samples: u32) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        for sample in 0..samples {
            for operation in strong.plan(64, SampleKey::new(4, 1, sample)).iter() {
                let text = format!("{operation:?}");
                let kind = text.split([' ', '(']).next().unwrap_or_default().to_owned();
                *counts.entry(kind).or_default() += 1;
            }
        }
        counts
    }

    #[test]
    fn rand_augment_and_trivial_augment_choose_every_kind_equally_often() {
        let rand_augment = Strong::RandAugment(RandAugment { operations: 2, ..RandAugment::default() });
        for (strong, total) in [(rand_augment, 28_000), (Strong::TrivialAugment(TrivialAugment::default()), 14_000)] {
            let counts = counts(strong, 14_000);
            let kinds = "AutoContrast Brightness Color Contrast Equalize Identity Posterize Rotate Sharpness ShearX ShearY \
                         Solarize TranslateX TranslateY";
            assert_eq!(counts.keys().map(String::as_str).collect::<Vec<_>>().join(" "), kinds);
            assert_eq!(counts.values().sum::<u32>(), total);
            let expected = total / 14;
            // Four standard deviations of a binomial count.
            let most = 4.0 * (f64::from(expected) * 13.0 / 14.0).sqrt();
            for (kind, count) in counts {
                assert!((f64::from(count) - f64::from(expected)).abs() < most, "{kind}: {count}");
            }
        }
    }

    #[test]
    fn rand_augment_goes_as_far_as_its_magnitude_says_in_both_directions() {
        let plans = |magnitude, side: usize| -> Vec<Operation> {
            let strong = Strong::RandAugment(RandAugment { operations: 1, magnitude, ..RandAugment::default() });
            (0..2000).map(|sample| strong.plan(side, SampleKey::new(1, 0, sample))[0]).collect()
        };
        let resampling = Resampling::Nearest;
        for expected in [
            Operation::ShearX { share: 0.3, resampling },
            Operation::ShearY { share: -0.3, resampling },
            Operation::TranslateX { px: 29 },
            Operation::TranslateY { px: -29 },
            Operation::Rotate { degrees: -30.0, resampling },
            Operation::Rotate { degrees: 30.0, resampling },
            Operation::Brightness(1.9),
            Operation::Contrast((1.0 - 0.9) as f32),
            Operation::Posterize { bits: 4 },
            Operation::Solarize { threshold: 0 },
        ] {
            assert!(plans(30, 64).contains(&expected), "{expected:?}");
        }
        for expected in [
            Operation::Rotate { degrees: 10.0, resampling },
            Operation::TranslateX { px: 19 },
            Operation::Color((1.0 - 0.3) as f32),
            Operation::Posterize { bits: 7 },
            Operation::Solarize { threshold: 170 },
        ] {
            assert!(plans(10, 128).contains(&expected), "{expected:?}");
        }
        assert!(plans(0, 64).contains(&Operation::Solarize { threshold: 255 }));
    }

    #[test]
    fn trivial_augment_takes_every_magnitude_of_the_wide_ranges() {
        let strong = Strong::TrivialAugment(TrivialAugment { resampling: Resampling::Bilinear });
        let mut degrees: Vec<i64> = (0..60_000)
            .flat_map(|sample| strong.plan(64, SampleKey::new(2, 0, sample)).to_vec())
            .filter_map(|operation| match operation {
                Operation::Rotate { degrees, resampling: Resampling::Bilinear } => {
                    Some((degrees * 10.0).round() as i64)
                }
                _ => None,
            })
            .collect();
        let total = degrees.len();
        let mean = degrees.iter().sum::<i64>() as f64 / total as f64;
        assert!(mean.abs() < 50.0, "{mean}");
        degrees.sort_unstable();
        degrees.dedup();
        // Thirty magnitudes in two directions, and none.
        assert_eq!(degrees, (-30..=30).map(|part| part * 45).collect::<Vec<i64>>());
        assert!((3900..4700).contains(&total), "{total}");
    }

    #[test]
    fn sim_clr_changes_colors_blurs_and_grays_as_often_as_it_says() {
        let settings = SimClr { solarize: 0.2, ..SimClr::default() };
        let counts = counts(Strong::SimClr(settings), 10_000);
        for (kind, expected) in [
            ("Brightness", 8000),
            ("Contrast", 8000),
            ("Color", 8000),
            ("Hue", 8000),
            ("Grayscale", 2000),
            ("Blur", 5000),
            ("Solarize", 2000),
        ] {
            assert!(counts[kind].abs_diff(expected) < 200, "{kind}: {}", counts[kind]);
        }
        assert_eq!(counts.len(), 7);
    }

    #[test]
    fn sim_clr_draws_factors_from_its_ranges_in_every_order() {
        let settings = SimClr { strength: 0.5, jitter: 1.0, grayscale: 0.0, blur: 1.0, ..SimClr::default() };
        let (mut orders, mut hues, mut sigmas) = (BTreeMap::new(), [0u32; 2], Vec::new());
        for sample in 0..4800 {
            let plan = Strong::SimClr(settings).plan(64, SampleKey::new(7, 0, sample));
            let mut order = String::new();
            for operation in plan.iter() {
                match *operation {
                    Operation::Brightness(factor) | Operation::Contrast(factor) | Operation::Color(factor) => {
                        assert!((0.6..=1.4).contains(&factor), "{factor}");
                        order.push_str(&format!("{operation:?}")[..3]);
                    }
                    Operation::Hue { shift } => {
                        order.push_str("Hue");
                        assert!(shift <= 25 || shift >= 231, "{shift}");
                        hues[usize::from(shift >= 231)] += 1;
                    }
                    Operation::Blur { sigma_px } => sigmas.push(f64::from(sigma_px)),
                    other => panic!("{other:?}"),
                }
            }
            *orders.entry(order).or_insert(0u32) += 1;
        }
        assert_eq!(orders.len(), 24);
        assert!(orders.values().all(|&count| (130..270).contains(&count)), "{orders:?}");
        assert!(hues.iter().all(|&count| count > 2100), "{hues:?}");
        let mean = sigmas.iter().sum::<f64>() / sigmas.len() as f64;
        assert!((mean - 1.05).abs() < 0.05 && sigmas.iter().all(|sigma| (0.0999..=2.0).contains(sigma)), "{mean}");
    }

    #[test]
    fn views_epochs_samples_and_seeds_are_changed_in_ways_of_their_own() {
        let strong = Strong::SimClr(SimClr { jitter: 1.0, ..SimClr::default() });
        let key = SampleKey::new(1, 2, 3);
        let plan = strong.plan(64, key);
        for other in [
            SampleKey { seed: 2, ..key },
            SampleKey { epoch: 3, ..key },
            SampleKey { sample: 4, ..key },
            SampleKey { view: 1, ..key },
        ] {
            assert_ne!(strong.plan(64, other), plan, "{other:?}");
        }
        assert_eq!(strong.plan(64, key), plan);
    }
}
