//! The first bytes of a photo go in, its width and height come out. Nothing is decoded: whoever lists thousands of
//! photos only needs to know that they are photos, and how large. The content tells JPEG, PNG and WebP apart, never
//! the name.

use crate::image::Format;

/// Reads width and height from a photo's header; the error is the reason why it is not a photo.
pub(crate) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    let found = match Format::of(bytes)? {
        Format::Jpeg => jpeg(bytes),
        Format::Png => png(bytes),
        Format::Webp => webp(bytes),
    };
    match found {
        Ok((0, _) | (_, 0)) => Err("width or height is zero".into()),
        found => found,
    }
}

fn png(bytes: &[u8]) -> Result<(u32, u32), String> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    match (bytes.get(12..16), number(16), number(20)) {
        (Some(b"IHDR"), Some(width_px), Some(height_px)) => Ok((width_px, height_px)),
        _ => Err("a PNG without its header".into()),
    }
}

/// The first chunk has them: the canvas of an extended file, or else the header of the picture.
fn webp(bytes: &[u8]) -> Result<(u32, u32), String> {
    let u16_at = |at: usize| Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let u24_at = |at: usize| Some(u16_at(at)? | u32::from(*bytes.get(at + 2)?) << 16);
    let sides = match bytes.get(12..16) {
        Some(b"VP8 ") => u16_at(26).zip(u16_at(28)).map(|(width, height)| (width & 0x3FFF, height & 0x3FFF)),
        Some(b"VP8L") => u16_at(21).zip(u16_at(23)).map(|(low, high)| {
            let bits = low | high << 16;
            ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        }),
        Some(b"VP8X") => u24_at(24).zip(u24_at(27)).map(|(width, height)| (width + 1, height + 1)),
        _ => None,
    };
    sides.ok_or_else(|| "a WebP without its header".into())
}

/// Walks the marker segments up to the frame header (SOF).
fn jpeg(bytes: &[u8]) -> Result<(u32, u32), String> {
    let truncated = || "a JPEG that ends before its frame header".to_owned();
    let short = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let mut at = 2;
    loop {
        if *bytes.get(at).ok_or_else(truncated)? != 0xFF {
            return Err("a JPEG with a damaged header".into());
        }
        // There may be any number of fill bytes before a marker.
        while bytes.get(at) == Some(&0xFF) {
            at += 1;
        }
        let marker = *bytes.get(at).ok_or_else(truncated)?;
        at += 1;
        match marker {
            // Markers without a segment.
            0x01 | 0xD0..=0xD8 => {}
            // SOF0 to SOF15, except for DHT, JPG and DAC, which are in the same range.
            0xC0..=0xCF if ![0xC4, 0xC8, 0xCC].contains(&marker) => {
                let (height, width) = short(at + 3).zip(short(at + 5)).ok_or_else(truncated)?;
                return Ok((width.into(), height.into()));
            }
            0xDA | 0xD9 => return Err("a JPEG without a frame header".into()),
            _ => match short(at).ok_or_else(truncated)? {
                0 | 1 => return Err("a JPEG with a damaged header".into()),
                length => at += usize::from(length),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_headers() {
        let mut jpeg = Vec::new();
        jpeg_encoder::Encoder::new(&mut jpeg, 80)
            .encode(&[128; 31 * 17 * 3], 31, 17, jpeg_encoder::ColorType::Rgb)
            .expect("a small JPEG");
        assert_eq!(dimensions(&jpeg), Ok((31, 17)));
        for end in 0..jpeg.len() {
            // Wherever it is cut, there is an answer or an error, never a panic.
            assert!(matches!(dimensions(&jpeg[..end]), Ok((31, 17)) | Err(_)));
        }
        let mut png = Vec::new();
        let pixels = image::RgbImage::new(5, 9);
        pixels.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).expect("a small PNG");
        assert_eq!(dimensions(&png), Ok((5, 9)));
        let mut webp = Vec::new();
        image_webp::WebPEncoder::new(&mut webp)
            .encode(&[9; 300 * 7 * 3], 300, 7, image_webp::ColorType::Rgb8)
            .expect("a small WebP");
        assert_eq!(dimensions(&webp), Ok((300, 7)));
    }

    #[test]
    fn a_file_that_is_not_a_photo_is_refused_with_the_reason() {
        assert_eq!(dimensions(b""), Err("the file is empty".into()));
        assert!(dimensions(b"<html>Not found</html>").is_err_and(|reason| reason.contains("text")));
        assert!(dimensions(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 0]).is_err());
        assert!(dimensions(&[0xFF, 0xD8, 0xFF, 0xD9]).is_err());
    }
}
