//! The first bytes of a photo go in, its width and height come out. Nothing is decoded: a scan of thousands of photos
//! only needs to know that each is one, and how large. JPEG and PNG are told apart by content, never by name.

/// Reads width and height from a photo's header; the error is the reason why it is not a photo.
pub(crate) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    let found = if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        jpeg(bytes)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        png(bytes)
    } else if bytes.is_empty() {
        Err("the file is empty".into())
    } else {
        Err("neither JPEG nor PNG".into())
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

/// Walks the marker segments up to the frame header (SOF).
fn jpeg(bytes: &[u8]) -> Result<(u32, u32), String> {
    let truncated = || "a JPEG that ends before its frame header".to_owned();
    let short = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let mut at = 2;
    loop {
        if *bytes.get(at).ok_or_else(truncated)? != 0xFF {
            return Err("a JPEG with a damaged header".into());
        }
        // Any number of fill bytes may stand before a marker.
        while bytes.get(at) == Some(&0xFF) {
            at += 1;
        }
        let marker = *bytes.get(at).ok_or_else(truncated)?;
        at += 1;
        match marker {
            // Markers without a segment.
            0x01 | 0xD0..=0xD8 => {}
            // SOF0 to SOF15, but for the tables DHT, JPG and DAC that share the range.
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
    fn jpeg_and_png_say_their_size() {
        let mut jpeg = Vec::new();
        jpeg_encoder::Encoder::new(&mut jpeg, 80)
            .encode(&[128; 31 * 17 * 3], 31, 17, jpeg_encoder::ColorType::Rgb)
            .expect("a small JPEG");
        assert_eq!(dimensions(&jpeg), Ok((31, 17)));
        for end in 0..jpeg.len() {
            // Cut anywhere it is an answer or an error, never a panic.
            assert!(matches!(dimensions(&jpeg[..end]), Ok((31, 17)) | Err(_)));
        }
        let mut png = Vec::new();
        let pixels = image::RgbImage::new(5, 9);
        pixels.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).expect("a small PNG");
        assert_eq!(dimensions(&png), Ok((5, 9)));
    }

    #[test]
    fn what_is_no_photo_is_said() {
        assert_eq!(dimensions(b""), Err("the file is empty".into()));
        assert_eq!(dimensions(b"<html>Not found</html>"), Err("neither JPEG nor PNG".into()));
        assert!(dimensions(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 0]).is_err());
        assert!(dimensions(&[0xFF, 0xD8, 0xFF, 0xD9]).is_err());
    }
}
