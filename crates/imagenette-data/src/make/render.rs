//! One photo: the bytes of a file go in, a JPEG of each size comes out, with a remark on everything that was not
//! plain.

use std::borrow::Cow;
use std::path::Path;

use super::budget::Budget;
use super::spec::{Filter, Size, Spec};
use crate::augment::CropBox;
use crate::error::DataError;
use crate::image::{Orientation, Pixels, Remark, Resizer, decode_turned, decoding_bytes, encode_jpeg};

/// A JPEG file of one size.
pub(crate) struct Rendered<'a> {
    pub(crate) size: Size,
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    /// The bytes of the original, where nothing had to be changed.
    pub(crate) file: Cow<'a, [u8]>,
}

/// Renders photos. It keeps its memory between them, so each thread has its own.
pub(crate) struct Renderer<'a> {
    spec: &'a Spec,
    pixels: Pixels,
    small: Pixels,
    resizer: Resizer,
    /// The memory that all threads together may use for decoding.
    budget: &'a Budget,
}

/// Above this, the memory of a photo is freed immediately.
const KEPT_BYTES: usize = 16 << 20;

impl<'a> Renderer<'a> {
    pub(crate) fn new(spec: &'a Spec, budget: &'a Budget) -> Self {
        Self { spec, pixels: Pixels::default(), small: Pixels::default(), resizer: Resizer::new(), budget }
    }

    /// Renders a photo in every size of the spec, turned upright or as it is stored; the error is the reason why it
    /// cannot be used.
    pub(crate) fn render<'b>(
        &mut self,
        bytes: &'b [u8],
        name: &str,
        is_turned: bool,
    ) -> Result<(Vec<Rendered<'b>>, Vec<Remark>), String> {
        let path = Path::new(name);
        let reason = |error: DataError| match error {
            DataError::Photo { reason, .. } => reason,
            other => other.to_string(),
        };
        let _permit = self.budget.take(decoding_bytes(bytes, path).map_err(reason)?);
        let orientation = if is_turned { Orientation::of(bytes) } else { None };
        let remarks = decode_turned(bytes, path, orientation, &mut self.pixels).map_err(reason)?;
        let sizes = self.spec.sizes.iter();
        let rendered: Result<Vec<Rendered<'b>>, String> = sizes
            .map(|size| {
                render_size(self.spec, *size, bytes, &remarks, &self.pixels, &mut self.small, &mut self.resizer)
            })
            .collect();
        if self.pixels.rgb.capacity() > KEPT_BYTES {
            self.pixels = Pixels::default();
        }
        Ok((rendered?, remarks))
    }
}

fn render_size<'b>(
    spec: &Spec,
    size: Size,
    bytes: &'b [u8],
    remarks: &[Remark],
    pixels: &Pixels,
    small: &mut Pixels,
    resizer: &mut Resizer,
) -> Result<Rendered<'b>, String> {
    let (width_px, height_px) = (pixels.width_px, pixels.height_px);
    let is_sound_jpeg = bytes.starts_with(&[0xFF, 0xD8])
        && !remarks.iter().any(|remark| remark.is_repair() || *remark == Remark::Turned);
    let gray = remarks.contains(&Remark::GrayscaleConverted);
    let (width, height) = match size {
        Size::Full => (width_px, height_px),
        Size::Shortest(px) => shrunk((width_px, height_px), px),
    };
    if (width, height) == (width_px, height_px) {
        // Printing colors are kept only in `full`, which is the original; the small sizes are for loaders.
        let is_plain = size == Size::Full || !remarks.contains(&Remark::CmykConverted);
        let file = if is_sound_jpeg && is_plain {
            Cow::Borrowed(bytes)
        } else {
            Cow::Owned(encode_jpeg(pixels, spec.quality, spec.subsampling, gray)?)
        };
        return Ok(Rendered { size, width_px, height_px, file });
    }
    small.rgb.resize(width as usize * height as usize * 3, 0);
    (small.width_px, small.height_px) = (width, height);
    let source_px = (width_px, height_px);
    match spec.filter {
        Filter::Lanczos => resizer.resize_sharply(&pixels.rgb, source_px, &mut small.rgb, (width, height)),
        Filter::Bilinear => {
            let whole = CropBox { left: 0.0, top: 0.0, width: f64::from(width_px), height: f64::from(height_px) };
            resizer.resize(&pixels.rgb, source_px, whole, &mut small.rgb, (width, height));
        }
    }
    let file = Cow::Owned(encode_jpeg(small, spec.quality, spec.subsampling, gray)?);
    Ok(Rendered { size, width_px: width, height_px: height, file })
}

/// The sides after shrinking the shortest to this many pixels, with the aspect ratio kept to the nearest pixel.
fn shrunk((width, height): (u32, u32), shortest: u32) -> (u32, u32) {
    let short = width.min(height);
    if short <= shortest {
        return (width, height);
    }
    let scaled = |side: u32| {
        let side = (u64::from(side) * u64::from(shortest) * 2 + u64::from(short)) / (2 * u64::from(short));
        u32::try_from(side).expect("it is smaller than the side that it was made of").max(1)
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::decode;
    use crate::make::spec::{SplitRule, Subsampling};

    fn spec(sizes: &[Size]) -> Spec {
        Spec { sizes: sizes.to_vec(), ..Spec::own("own".into(), vec!["all".into()], SplitRule::Own) }
    }

    fn photo(width_px: u32, height_px: u32, gray: bool) -> Vec<u8> {
        let value = |x: u32, y: u32, c: u32| ((x * 3 + y * 2) as u8).wrapping_add((c * 50) as u8 * u8::from(!gray));
        let rgb =
            (0..height_px).flat_map(|y| (0..width_px).flat_map(move |x| (0..3).map(move |c| value(x, y, c)))).collect();
        encode_jpeg(&Pixels { width_px, height_px, rgb }, 92, Subsampling::Quarter, gray).unwrap()
    }

    #[test]
    fn the_shortest_side_is_resized_the_ratio_is_kept_and_nothing_is_enlarged() {
        assert_eq!(shrunk((500, 375), 160), (213, 160));
        assert_eq!(shrunk((375, 500), 160), (160, 213));
        assert_eq!(shrunk((320, 320), 160), (160, 160));
        assert_eq!(shrunk((150, 500), 160), (150, 500));
        assert_eq!(shrunk((65_535, 9), 8), (58_253, 8));
        assert_eq!(shrunk((u32::MAX, 1), 160), (u32::MAX, 1));
    }

    #[test]
    fn sound_photos_are_copied_in_full_and_resized_otherwise() {
        let (budget, bytes) = (Budget::new(1 << 30), photo(90, 60, false));
        let spec = spec(&[Size::Full, Size::Shortest(30), Size::Shortest(300)]);
        let (rendered, remarks) = Renderer::new(&spec, &budget).render(&bytes, "a.JPEG", false).unwrap();
        assert_eq!(remarks, []);
        assert!(matches!(rendered[0].file, Cow::Borrowed(_)) && matches!(rendered[2].file, Cow::Borrowed(_)));
        let (pixels, _) = decode(&rendered[1].file, Path::new("a")).unwrap();
        assert_eq!((pixels.width_px, pixels.height_px, rendered[1].width_px), (45, 30, 45));
    }

    #[test]
    fn gray_stays_gray_and_what_is_not_a_whole_jpeg_becomes_one() {
        let (budget, bytes) = (Budget::new(1 << 30), photo(120, 120, true));
        let spec = spec(&[Size::Full, Size::Shortest(30)]);
        let mut renderer = Renderer::new(&spec, &budget);
        let (rendered, _) = renderer.render(&bytes, "a.JPEG", false).unwrap();
        assert_eq!(decode(&rendered[1].file, Path::new("a")).unwrap().1, [Remark::GrayscaleConverted]);
        let (rendered, remarks) = renderer.render(&bytes[..bytes.len() * 4 / 5], "cut.JPEG", false).unwrap();
        assert!(remarks.contains(&Remark::Truncated));
        assert!(!decode(&rendered[0].file, Path::new("a")).unwrap().1.contains(&Remark::Truncated));
        let png = crate::image::encode_png(&decode(&bytes, Path::new("a")).unwrap().0);
        let (rendered, remarks) = renderer.render(&png, "png.JPEG", false).unwrap();
        assert!(remarks.contains(&Remark::PngFile) && rendered[0].file.starts_with(&[0xFF, 0xD8]));
        assert!(renderer.render(b"a letter", "text.JPEG", false).is_err());
    }
}
