//! Settings and (seed, epoch, sample) go in, the box of the photo that fills the square comes out, and whether it is
//! mirrored.

use imagenette_resize::CropBox;

use super::settings::{Augment, Crop, EvaluationGeometry, Flip};
use crate::random::{Purpose, Random, SampleKey};

/// What one sample shows of its photo in one epoch: a box, resized to the square, mirrored or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The part of the photo that fills the square.
    pub crop: CropBox,
    /// Whether the square is mirrored left to right.
    pub flip: bool,
}

/// Alternating flips need a coin toss for each sample that no epoch uses; no run reaches this epoch.
const BEFORE_THE_FIRST_EPOCH: u32 = u32::MAX;

/// The plan of a training sample. The settings must have passed [`Augment::validate`], and the photo have at least one
/// pixel.
///
/// # Example
/// ```
/// use imagenette_data::augment::{Augment, Crop, Flip, plan_train};
/// use imagenette_data::random::SampleKey;
///
/// let augment = Augment { crop: Crop::Light { scale: 1.125 }, flip: Flip::Alternating };
/// let plan = |epoch| plan_train(&augment, 224, 224, 128, SampleKey::new(1, epoch, 7));
/// assert_eq!(plan(3), plan(3));
/// assert_ne!(plan(3).flip, plan(4).flip);
/// ```
pub fn plan_train(augment: &Augment, width_px: u32, height_px: u32, resolution_px: u32, key: SampleKey) -> Plan {
    let mut random = key.random(Purpose::Augment);
    // The coin is tossed before the crop is drawn, so that a change of the crop leaves every flip as it was.
    let coin = random.chance(0.5);
    let flip = match augment.flip {
        Flip::None => false,
        Flip::Random => coin,
        Flip::Alternating => {
            let first = SampleKey { epoch: BEFORE_THE_FIRST_EPOCH, ..key }.random(Purpose::Augment).chance(0.5);
            first ^ (key.epoch % 2 == 1)
        }
    };
    let crop = match augment.crop {
        Crop::RandomResized { area, aspect } => random_resized(width_px, height_px, area, aspect, &mut random),
        Crop::Light { scale } => {
            let resized = Resized::new(width_px, height_px, scale, resolution_px);
            let left = random.below(resized.width_px - resolution_px + 1);
            let top = random.below(resized.height_px - resolution_px + 1);
            resized.square_at(left, top)
        }
    };
    Plan { crop, flip }
}

/// The plan of an evaluated sample. The geometry must have passed [`EvaluationGeometry::validate`].
pub fn plan_evaluation(geometry: EvaluationGeometry, width_px: u32, height_px: u32, resolution_px: u32) -> Plan {
    let crop = match geometry {
        EvaluationGeometry::Whole => {
            CropBox { left: 0.0, top: 0.0, width: f64::from(width_px), height: f64::from(height_px) }
        }
        EvaluationGeometry::Center { ratio } => {
            let resized = Resized::new(width_px, height_px, ratio, resolution_px);
            // Half a pixel goes to the even side, as in torchvision's `CenterCrop`.
            let middle = |side_px: u32| (f64::from(side_px - resolution_px) / 2.0).round_ties_even() as u32;
            resized.square_at(middle(resized.width_px), middle(resized.height_px))
        }
    };
    Plan { crop, flip: false }
}

/// A photo as if it had been resized with its aspect ratio kept. Squares are cut on its grid, so that resizing a box
/// gives the same pixels as resizing the whole photo and cutting afterward.
struct Resized {
    source_width_px: u32,
    source_height_px: u32,
    width_px: u32,
    height_px: u32,
    resolution_px: u32,
}

impl Resized {
    fn new(source_width_px: u32, source_height_px: u32, scale: f64, resolution_px: u32) -> Self {
        let short_px = ((scale * f64::from(resolution_px)).round() as u32).max(resolution_px);
        let source_short_px = source_width_px.min(source_height_px);
        // The long side is rounded down, as in torchvision's `Resize`; it cannot fall below the short one.
        let side = |source_px: u32| {
            let px = u64::from(source_px) * u64::from(short_px) / u64::from(source_short_px);
            u32::try_from(px).unwrap_or(u32::MAX - 1)
        };
        let (width_px, height_px) = (side(source_width_px), side(source_height_px));
        Self { source_width_px, source_height_px, width_px, height_px, resolution_px }
    }

    fn square_at(&self, left_px: u32, top_px: u32) -> CropBox {
        let x = f64::from(self.source_width_px) / f64::from(self.width_px);
        let y = f64::from(self.source_height_px) / f64::from(self.height_px);
        let inside = |start: f64, length: f64, side_px: u32| length.min(f64::from(side_px) - start);
        let (left, top) = (f64::from(left_px) * x, f64::from(top_px) * y);
        CropBox {
            left,
            top,
            width: inside(left, f64::from(self.resolution_px) * x, self.source_width_px),
            height: inside(top, f64::from(self.resolution_px) * y, self.source_height_px),
        }
    }
}

fn random_resized(width_px: u32, height_px: u32, area: [f64; 2], aspect: [f64; 2], random: &mut Random) -> CropBox {
    let (width, height) = (f64::from(width_px), f64::from(height_px));
    // `libm`, so that every platform computes the same bits.
    let log_aspect = aspect.map(libm::log);
    let whole_px = |left: u32, top: u32, width: u32, height: u32| CropBox {
        left: left.into(),
        top: top.into(),
        width: width.into(),
        height: height.into(),
    };
    for _ in 0..10 {
        let target = width * height * random.between(area[0], area[1]);
        let ratio = libm::exp(random.between(log_aspect[0], log_aspect[1]));
        let crop_width = libm::sqrt(target * ratio).round_ties_even();
        let crop_height = libm::sqrt(target / ratio).round_ties_even();
        if (1.0..=width).contains(&crop_width) && (1.0..=height).contains(&crop_height) {
            let (crop_width, crop_height) = (crop_width as u32, crop_height as u32);
            let top = random.below(height_px - crop_height + 1);
            let left = random.below(width_px - crop_width + 1);
            return whole_px(left, top, crop_width, crop_height);
        }
    }
    // No box fitted: the largest one in the center whose aspect ratio is allowed.
    let photo = width / height;
    let (crop_width, crop_height) = if photo < aspect[0] {
        (width_px, ((width / aspect[0]).round_ties_even() as u32).clamp(1, height_px))
    } else if photo > aspect[1] {
        (((height * aspect[1]).round_ties_even() as u32).clamp(1, width_px), height_px)
    } else {
        (width_px, height_px)
    };
    whole_px((width_px - crop_width) / 2, (height_px - crop_height) / 2, crop_width, crop_height)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Crop = Crop::RandomResized { area: [0.35, 1.0], aspect: [0.75, 4.0 / 3.0] };

    fn assert_inside(crop: CropBox, width_px: u32, height_px: u32) {
        let inside = crop.left >= 0.0
            && crop.top >= 0.0
            && crop.width > 0.0
            && crop.height > 0.0
            && crop.left + crop.width <= f64::from(width_px) + 1e-9
            && crop.top + crop.height <= f64::from(height_px) + 1e-9;
        assert!(inside, "{crop:?} in {width_px}×{height_px}");
    }

    #[test]
    fn boxes_are_inside_the_photo_whatever_its_size() {
        let crops = [
            USUAL,
            Crop::RandomResized { area: [1e-9, 1e-6], aspect: [1e-3, 1e3] },
            Crop::RandomResized { area: [1.0, 1.0], aspect: [0.01, 0.02] },
            Crop::RandomResized { area: [1.0, 1.0], aspect: [50.0, 99.0] },
            Crop::Light { scale: 1.0 },
            Crop::Light { scale: 1.125 },
            Crop::Light { scale: 16.0 },
        ];
        let mut random = Random::new(1, Purpose::Test, 0, 0);
        for sample in 0..4000 {
            let side = |random: &mut Random| match random.below(4) {
                0 => 1 + random.below(3),
                1 => 1 + random.below(60_000),
                _ => 1 + random.below(500),
            };
            let (width, height, resolution) = (side(&mut random), side(&mut random), 1 + random.below(300));
            for crop in crops {
                let plan = plan_train(
                    &Augment { crop, flip: Flip::Random },
                    width,
                    height,
                    resolution,
                    SampleKey::new(1, 2, sample),
                );
                assert_inside(plan.crop, width, height);
            }
            for geometry in [EvaluationGeometry::Whole, EvaluationGeometry::Center { ratio: 1.143 }] {
                assert_inside(plan_evaluation(geometry, width, height, resolution).crop, width, height);
            }
        }
    }

    #[test]
    fn random_boxes_have_the_areas_and_aspects_asked_for() {
        let augment = Augment { crop: USUAL, flip: Flip::None };
        let n = 20_000;
        let boxes: Vec<CropBox> =
            (0..n).map(|s| plan_train(&augment, 1000, 1000, 128, SampleKey::new(3, 0, s)).crop).collect();
        let areas: Vec<f64> = boxes.iter().map(|b| b.width * b.height / 1e6).collect();
        let aspects: Vec<f64> = boxes.iter().map(|b| (b.width / b.height).ln()).collect();
        assert!(areas.iter().all(|area| (0.349..=1.0).contains(area)));
        let limit = (4.0f64 / 3.0).ln() + 0.01;
        assert!(aspects.iter().all(|aspect| aspect.abs() < limit));
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        // Boxes near the whole area with an aspect far from the photo's do not fit and are drawn again: a bit under
        // 0.675.
        assert!((0.60..0.675).contains(&mean(&areas)), "{}", mean(&areas));
        assert!(mean(&aspects).abs() < 0.005, "{}", mean(&aspects));
        // Small boxes always fit, so their aspects are uniform in the logarithm: variance limit² / 3.
        let small: Vec<f64> = areas.iter().zip(&aspects).filter(|(a, _)| **a < 0.7).map(|(_, b)| b * b).collect();
        let expected = (4.0f64 / 3.0).ln().powi(2) / 3.0;
        assert!((mean(&small) / expected - 1.0).abs() < 0.05, "{} {expected}", mean(&small));
        // Places are uniform: half the boxes lie left of the middle of what is free, half above it.
        let left = boxes.iter().filter(|b| b.left < (1000.0 - b.width) / 2.0).count() as f64 / f64::from(n);
        let above = boxes.iter().filter(|b| b.top < (1000.0 - b.height) / 2.0).count() as f64 / f64::from(n);
        assert!((left - 0.5).abs() < 0.02 && (above - 0.5).abs() < 0.02, "{left} {above}");
    }

    #[test]
    fn a_box_that_never_fits_becomes_the_center_with_an_allowed_aspect() {
        let crop = Crop::RandomResized { area: [1.0, 1.0], aspect: [0.75, 4.0 / 3.0] };
        let wide = plan_train(&Augment { crop, flip: Flip::None }, 1000, 100, 64, SampleKey::new(0, 0, 0)).crop;
        assert_eq!(wide, CropBox { left: 433.0, top: 0.0, width: 133.0, height: 100.0 });
        let high = plan_train(&Augment { crop, flip: Flip::None }, 90, 1200, 64, SampleKey::new(0, 0, 0)).crop;
        assert_eq!(high, CropBox { left: 0.0, top: 540.0, width: 90.0, height: 120.0 });
    }

    #[test]
    fn light_crops_take_every_place_of_the_resized_photo_equally_often() {
        // 160 high becomes 36, so 320 wide becomes 72: places 0..=40 across and 0..=4 down.
        let augment = Augment { crop: Crop::Light { scale: 1.125 }, flip: Flip::None };
        let mut seen = [[0u32; 41]; 5];
        for sample in 0..20_500 {
            let crop = plan_train(&augment, 320, 160, 32, SampleKey::new(9, 0, sample)).crop;
            assert!(
                (crop.width - 32.0 * 320.0 / 72.0).abs() < 1e-9 && (crop.height - 32.0 * 160.0 / 36.0).abs() < 1e-9
            );
            let (across, down) = (crop.left * 72.0 / 320.0, crop.top * 36.0 / 160.0);
            assert!((across - across.round()).abs() < 1e-9 && (down - down.round()).abs() < 1e-9);
            seen[down.round() as usize][across.round() as usize] += 1;
        }
        // 100 expected at each of 205 places, with a standard deviation of 10.
        assert!(seen.iter().flatten().all(|&count| (50..150).contains(&count)), "{seen:?}");
    }

    #[test]
    fn evaluation_sees_the_whole_photo_or_its_center() {
        let whole = plan_evaluation(EvaluationGeometry::Whole, 300, 200, 128);
        assert_eq!(whole, Plan { crop: CropBox { left: 0.0, top: 0.0, width: 300.0, height: 200.0 }, flip: false });
        let center = plan_evaluation(EvaluationGeometry::Center { ratio: 1.0 }, 300, 200, 100).crop;
        assert_eq!(center, CropBox { left: 50.0, top: 0.0, width: 200.0, height: 200.0 });
        let center = plan_evaluation(EvaluationGeometry::Center { ratio: 1.25 }, 200, 200, 128).crop;
        assert_eq!(center, CropBox { left: 20.0, top: 20.0, width: 160.0, height: 160.0 });
    }

    #[test]
    fn flips_alternate_from_a_coin_toss_or_are_tossed_in_each_epoch() {
        let flips = |flip, epoch| -> Vec<bool> {
            let augment = Augment { crop: Crop::Light { scale: 1.125 }, flip };
            (0..4000).map(|sample| plan_train(&augment, 64, 64, 32, SampleKey::new(5, epoch, sample)).flip).collect()
        };
        let share = |flips: &[bool]| flips.iter().filter(|&&flip| flip).count() as f64 / flips.len() as f64;
        let same = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64;
        assert_eq!(share(&flips(Flip::None, 0)), 0.0);
        for epoch in 0..5 {
            let (now, next) = (flips(Flip::Alternating, epoch), flips(Flip::Alternating, epoch + 1));
            assert!((share(&now) - 0.5).abs() < 0.03);
            assert_eq!(same(&now, &next), 0.0);
            let (now, next) = (flips(Flip::Random, epoch), flips(Flip::Random, epoch + 1));
            assert!((share(&now) - 0.5).abs() < 0.03 && (same(&now, &next) - 0.5).abs() < 0.03);
        }
    }

    #[test]
    fn a_change_of_the_crop_leaves_every_flip_as_it_was() {
        let flip = |crop, sample| {
            plan_train(&Augment { crop, flip: Flip::Random }, 99, 70, 32, SampleKey::new(5, 1, sample)).flip
        };
        assert!((0..200).all(|sample| flip(USUAL, sample) == flip(Crop::Light { scale: 1.125 }, sample)));
    }
}
