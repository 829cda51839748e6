//! From settings and (seed, epoch, sample) to the one box of the photo that fills the square, and whether it is mirrored.

use super::settings::{Augment, Crop, EvaluationGeometry, Flip};
use crate::random::{Purpose, Random};

/// A part of a photo, in source pixels; edges may lie between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CropBox {
    /// Distance of the left edge from the photo's left edge.
    pub left: f64,
    /// Distance of the top edge from the photo's top edge.
    pub top: f64,
    /// Width, above 0.
    pub width: f64,
    /// Height, above 0.
    pub height: f64,
}

/// What one sample shows of its photo in one epoch: this box, resized to the square, then mirrored or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The part of the photo that fills the square.
    pub crop: CropBox,
    /// Whether the square is mirrored left to right.
    pub flip: bool,
}

/// Alternating flips need one coin toss a sample that no epoch shares; this epoch is out of any run's reach.
const BEFORE_THE_FIRST_EPOCH: u32 = u32::MAX;

/// The plan of a training sample. The settings must have passed [`Augment::validate`]; the photo has at least one pixel.
///
/// # Example
/// ```
/// use imagenette_data::augment::{Augment, Crop, Flip, plan_train};
///
/// let augment = Augment { crop: Crop::Light { scale: 1.125 }, flip: Flip::Alternating };
/// let plan = |epoch| plan_train(&augment, 224, 224, 128, 1, epoch, 7);
/// assert_eq!(plan(3), plan(3));
/// assert_ne!(plan(3).flip, plan(4).flip);
/// ```
pub fn plan_train(
    augment: &Augment,
    width_px: u32,
    height_px: u32,
    resolution_px: u32,
    seed: u64,
    epoch: u32,
    sample: u32,
) -> Plan {
    let mut random = Random::new(seed, Purpose::Augment, epoch, sample);
    // The coin is tossed before the crop is drawn, so that a change of the crop leaves every flip as it was.
    let coin = random.chance(0.5);
    let flip = match augment.flip {
        Flip::None => false,
        Flip::Random => coin,
        Flip::Alternating => {
            let first = Random::new(seed, Purpose::Augment, BEFORE_THE_FIRST_EPOCH, sample).chance(0.5);
            first ^ (epoch % 2 == 1)
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
        EvaluationGeometry::Centre { ratio } => {
            let resized = Resized::new(width_px, height_px, ratio, resolution_px);
            // Half a pixel goes to the even side, as in torchvision's `CenterCrop`.
            let middle = |side_px: u32| (f64::from(side_px - resolution_px) / 2.0).round_ties_even() as u32;
            resized.square_at(middle(resized.width_px), middle(resized.height_px))
        }
    };
    Plan { crop, flip: false }
}

/// A photo as if it had been resized with its aspect kept; squares are cut from that grid, so that one resize of a box
/// gives the same pixels as resizing the whole photo and cutting afterwards.
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
    // No box fitted: the largest one in the centre whose aspect ratio is allowed.
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
