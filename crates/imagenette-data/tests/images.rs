//! Decoding: every kind of file that a dataset may hold comes out as Pillow reads it, and anything else is an
//! error with its path, never a panic.

use std::path::{Path, PathBuf};

use imagenette_data::DataError;
use imagenette_data::image::{Pixels, Remark, decode, decode_into, dimensions};
use imagenette_data::random::{Purpose, Random};

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Decodes a golden file and compares it with what Pillow made of it.
fn agrees(name: &str, most: u8, expected: &[Remark]) {
    let bytes = golden(name);
    let (pixels, remarks) = decode(&bytes, Path::new(name)).unwrap();
    let pillow = golden(&format!("{}.rgb", name.split('.').next().unwrap()));
    assert_eq!(remarks, expected, "{name}");
    assert_eq!((pixels.width_px, pixels.height_px), dimensions(&bytes, Path::new(name)).unwrap(), "{name}");
    assert_eq!(pixels.rgb.len(), pillow.len(), "{name}");
    let differences = pixels.rgb.iter().zip(&pillow).map(|(a, b)| a.abs_diff(*b));
    let largest = differences.clone().max().unwrap();
    let mean = differences.map(f64::from).sum::<f64>() / pillow.len() as f64;
    println!("{name}: differs from Pillow by {mean:.3} levels on average, {largest} at most");
    assert!(largest <= most && mean < 1.0, "{name}: {largest} {mean}");
}

#[test]
fn jpegs_of_every_kind_are_read_as_pillow_reads_them() {
    // Two decoders may round the transform and the colors differently, of 255 levels.
    agrees("baseline.jpg", 3, &[]);
    agrees("direct_rgb.jpg", 3, &[]);
    agrees("gray.jpg", 1, &[Remark::GrayscaleConverted]);
    agrees("cmyk.jpg", 3, &[Remark::CmykConverted]);
    agrees("ycck.jpg", 4, &[Remark::CmykConverted]);
}

#[test]
fn jpegs_with_halved_colors_are_read_as_pillow_reads_them() {
    // The colors between two stored ones are up to the decoder; next to an edge the difference shows.
    agrees("subsampled.jpg", 8, &[]);
    agrees("progressive.jpg", 8, &[]);
    agrees("turned.jpg", 8, &[Remark::OrientationIgnored]);
}

#[test]
fn pngs_of_every_kind_are_read_as_pillow_reads_them() {
    use Remark::{GrayscaleConverted, PaletteConverted, PngFile, SixteenBitsReduced, TransparencyDropped};
    agrees("true_color.png", 0, &[PngFile]);
    agrees("palette.png", 0, &[PngFile, PaletteConverted]);
    agrees("one_bit.png", 0, &[PngFile, GrayscaleConverted]);
    agrees("gray_alpha.png", 0, &[PngFile, GrayscaleConverted, TransparencyDropped]);
    agrees("alpha.png", 0, &[PngFile, TransparencyDropped]);
    agrees("sixteen_bits.png", 0, &[PngFile, SixteenBitsReduced]);
}

#[test]
fn webps_of_every_kind_are_read_as_pillow_reads_them() {
    use Remark::{TransparencyDropped, WebpFile};
    agrees("lossless.webp", 0, &[WebpFile]);
    // Pillow's library interpolates the halved colors a little differently.
    agrees("lossy.webp", 4, &[WebpFile]);
    agrees("veiled.webp", 4, &[TransparencyDropped, WebpFile]);
}

#[test]
fn the_first_picture_of_an_animation_is_read() {
    use Remark::{FirstPictureOnly, PngFile, WebpFile};
    agrees("moving.webp", 0, &[WebpFile, FirstPictureOnly]);
    agrees("moving.png", 0, &[PngFile, FirstPictureOnly]);
}

#[test]
fn a_png_or_webp_that_is_called_jpeg_is_read() {
    for (name, remark) in [("true_color.png", Remark::PngFile), ("lossy.webp", Remark::WebpFile)] {
        let (_, remarks) = decode(&golden(name), Path::new("n02105855_2933.JPEG")).unwrap();
        assert_eq!(remarks, [remark]);
    }
}

/// Noise, so that every row of the file holds about as many bytes as every other.
fn noisy_jpeg(side: u16) -> Vec<u8> {
    let mut random = Random::new(1, Purpose::Test, 0, u32::from(side));
    let rgb: Vec<u8> = (0..usize::from(side) * usize::from(side) * 3).map(|_| random.next_u32() as u8).collect();
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 90).encode(&rgb, side, side, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

#[test]
fn a_truncated_photo_is_kept_when_half_of_it_is_there() {
    let bytes = noisy_jpeg(64);
    let (whole, remarks) = decode(&bytes, Path::new("a.JPEG")).unwrap();
    assert_eq!(remarks, []);
    let (cut, remarks) = decode(&bytes[..bytes.len() * 3 / 4], Path::new("a.JPEG")).unwrap();
    assert_eq!(remarks, [Remark::Truncated]);
    assert!(remarks[0].is_repair());
    assert_eq!(cut.rgb[..64 * 24 * 3], whole.rgb[..64 * 24 * 3]);
    assert_ne!(cut.rgb, whole.rgb);
    assert!(cut.rgb.ends_with(&[128; 64 * 3]));
}

#[test]
fn a_photo_without_its_last_bytes_is_remarked_on() {
    let bytes = noisy_jpeg(64);
    for missing in [1, 2, 3, 10] {
        let (_, remarks) = decode(&bytes[..bytes.len() - missing], Path::new("a.JPEG")).unwrap();
        assert_eq!(remarks, [Remark::Truncated], "{missing} bytes missing");
    }
    // Bytes after the end are not damage.
    let (_, remarks) = decode(&[&bytes[..], b"trailing"].concat(), Path::new("a.JPEG")).unwrap();
    assert_eq!(remarks, []);
}

#[test]
fn a_photo_cut_too_short_is_an_error_that_says_how_much_is_left() {
    let bytes = noisy_jpeg(64);
    let error = decode(&bytes[..bytes.len() / 4], Path::new("train/a.JPEG")).unwrap_err();
    let DataError::Photo { path, reason } = error else { panic!("{error}") };
    assert_eq!(path, PathBuf::from("train/a.JPEG"));
    assert!(reason.contains("of 64 rows"), "{reason}");
}

#[test]
fn what_is_no_photo_is_an_error_with_its_path() {
    let png = golden("true_color.png");
    let cases: [(&[u8], &str); 7] = [
        (b"", "empty"),
        (b"this is not a photo\n", "text"),
        (&[0, 1, 2, 3, 4], "00 01 02 03"),
        (b"GIF89a\x01\x00\x01\x00\x80", "a GIF file"),
        (&[0xFF, 0xD8], ""),
        (&png[..8], ""),
        (&png[..png.len() / 2], ""),
    ];
    for (bytes, word) in cases {
        let error = decode(bytes, Path::new("val/x/b.JPEG")).unwrap_err();
        assert!(matches!(&error, DataError::Photo { .. }), "{error}");
        assert!(error.to_string().starts_with("val/x/b.JPEG: "), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_header_that_promises_a_huge_photo_is_refused_before_memory_is_taken() {
    let mut jpeg = noisy_jpeg(16);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    let mut png = golden("true_color.png");
    png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    for bytes in [jpeg, png] {
        let error = decode(&bytes, Path::new("c.JPEG")).unwrap_err();
        assert!(matches!(error, DataError::Photo { .. }), "{error}");
    }
}

#[test]
fn memory_that_is_used_again_shows_nothing_of_the_photo_before() {
    let bytes = noisy_jpeg(64);
    let cut = &bytes[..bytes.len() * 3 / 4];
    let (fresh, _) = decode(cut, Path::new("a")).unwrap();
    let mut pixels = Pixels::default();
    decode_into(&noisy_jpeg(96), Path::new("b"), &mut pixels).unwrap();
    decode_into(cut, Path::new("a"), &mut pixels).unwrap();
    assert_eq!(pixels, fresh);
}

#[test]
fn thousands_of_damaged_files_never_panic_and_never_lie_about_their_size() {
    let names =
        ["baseline.jpg", "subsampled.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "turned.jpg", "palette.png"];
    let mut pixels = Pixels::default();
    let (mut read, mut refused) = (0, 0);
    for (number, name) in (0..).zip(names) {
        let whole = golden(name);
        for round in 0..600 {
            let mut random = Random::new(3, Purpose::Test, number, round);
            let mut bytes = whole.clone();
            for _ in 0..random.below(6) {
                let at = random.below(bytes.len() as u32) as usize;
                bytes[at] = random.next_u32() as u8;
            }
            if random.chance(0.5) {
                bytes.truncate(random.below(bytes.len() as u32 + 1) as usize);
            }
            match decode_into(&bytes, Path::new(name), &mut pixels) {
                Ok(_) => {
                    read += 1;
                    assert_eq!(pixels.rgb.len(), pixels.width_px as usize * pixels.height_px as usize * 3);
                }
                Err(DataError::Photo { reason, .. }) => {
                    refused += 1;
                    assert!(!reason.is_empty());
                    // A panic inside the codec is caught, but should stay something that we have never seen.
                    assert!(!reason.contains("the decoder failed"), "{name} {round}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(read > 500 && refused > 500, "{read} read, {refused} refused");
}
