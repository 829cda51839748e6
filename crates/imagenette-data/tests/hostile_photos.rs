//! Photos that were made to do harm, or were damaged by accident: each is converted or refused with its path and
//! the reason, within bounded time and memory. Every file is made here, byte by byte.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use imagenette_data::DataError;
use imagenette_data::image::{Pixels, Remark, decode, dimensions};
use jpeg_encoder::{ColorType, Encoder};

/// A gradient with stripes.
fn pattern(width: u16, height: u16) -> Vec<u8> {
    let (width, height) = (u32::from(width), u32::from(height));
    let pixel = |at: u32| [(at % width * 3) as u8, (at / width * 5) as u8, (at * 7 % 97) as u8];
    (0..width * height).flat_map(pixel).collect()
}

fn jpeg_with(width: u16, height: u16, adjust: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    adjust(&mut encoder);
    encoder.encode(&pattern(width, height), width, height, ColorType::Rgb).expect("memory takes it all");
    bytes
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    jpeg_with(width, height, |_| {})
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(content);
    [&(content.len() as u32).to_be_bytes()[..], kind, content, &crc.sum().to_be_bytes()].concat()
}

/// A PNG whose chunks after the header are given; `color` is (bits per channel, color type).
fn png(width: u32, height: u32, color: (u8, u8), chunks: &[Vec<u8>]) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [&sides[..], &[color.0, color.1, 0, 0, 0]].concat();
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(chunk(b"IHDR", &header));
    bytes.extend(chunks.concat());
    bytes.extend(chunk(b"IEND", b""));
    bytes
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("memory takes it all");
    encoder.finish().expect("memory takes it all")
}

fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    image_webp::WebPEncoder::new(&mut bytes)
        .encode(&pattern(width as u16, height as u16), width, height, image_webp::ColorType::Rgb8)
        .expect("memory takes it all");
    bytes
}

fn riff(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let padding = vec![0; content.len() % 2];
    [&kind[..], &(content.len() as u32).to_le_bytes(), content, &padding].concat()
}

fn read(bytes: &[u8]) -> (Pixels, Vec<Remark>) {
    decode(bytes, Path::new("train/x/a.JPEG")).expect("a photo")
}

/// The reason why a file is refused, which must come soon and name the path.
fn refusal(bytes: &[u8]) -> String {
    let began = Instant::now();
    let error = decode(bytes, Path::new("train/x/a.JPEG")).expect_err("it is refused");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let DataError::Photo { path, reason } = error else { panic!("{error}") };
    assert_eq!(path, PathBuf::from("train/x/a.JPEG"));
    assert!(!reason.contains("the decoder failed"), "{reason}");
    reason
}

fn segment_at(jpeg: &[u8], marker: u8) -> usize {
    jpeg.windows(2).position(|pair| pair == [0xFF, marker]).expect("the segment is there")
}

#[test]
fn a_file_cut_anywhere_is_read_in_part_or_refused() {
    let progressive = jpeg_with(40, 30, |encoder| encoder.set_progressive(true));
    let rows: Vec<u8> = (0..20).flat_map(|y| [vec![0], vec![y * 9; 25 * 3]].concat()).collect();
    let png = png(25, 20, (8, 2), &[chunk(b"IDAT", &deflate(&rows))]);
    for whole in [jpeg(40, 30), progressive, png, webp(33, 21)] {
        let (width_px, height_px) = dimensions(&whole, Path::new("a")).unwrap();
        let mut read_whole = 0;
        for end in 0..whole.len() {
            match decode(&whole[..end], Path::new("a")) {
                Ok((pixels, remarks)) => {
                    assert_eq!((pixels.width_px, pixels.height_px), (width_px, height_px));
                    read_whole += usize::from(!remarks.contains(&Remark::Truncated));
                }
                Err(error) => assert!(matches!(error, DataError::Photo { .. }), "{error}"),
            }
        }
        // A PNG's or WebP's last bytes may hold no pixel; a JPEG that lacks any is always said to.
        assert!(read_whole <= 16 && (whole[0] != 0xFF || read_whole == 0), "{read_whole}");
    }
}

#[test]
fn a_jpeg_of_a_thousand_scans_is_refused_and_one_of_many_is_read() {
    let many = jpeg_with(64, 64, |encoder| encoder.set_progressive_scans(32));
    let scans = many.windows(2).filter(|pair| *pair == [0xFF, 0xDA]).count();
    assert!(scans > 20, "{scans}");
    assert_eq!(read(&many).1, []);
    // The last scan again and again: each visits every block of the photo.
    let last = many.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let end = many.len() - 2;
    let mut hostile = many[..end].to_vec();
    for _ in 0..1000 {
        hostile.extend(&many[last..end]);
    }
    hostile.extend([0xFF, 0xD9]);
    assert!(refusal(&hostile).contains("scans"));
    // The same in a file that is not progressive.
    let plain = jpeg(64, 64);
    let scan = segment_at(&plain, 0xDA);
    let body = &plain[scan..plain.len() - 2];
    let hostile = [&plain[..plain.len() - 2], &body.repeat(1000), &[0xFF, 0xD9]].concat();
    assert!(refusal(&hostile).contains("1001 scans"));
}

#[test]
fn many_scans_over_a_huge_photo_are_refused() {
    let mut hostile = jpeg_with(64, 64, |encoder| encoder.set_progressive_scans(32));
    let frame = segment_at(&hostile, 0xC2);
    hostile[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    // Enough bytes that the promised size is possible.
    let end = hostile.len() - 2;
    hostile.splice(end..end, vec![0; 200_000]);
    assert!(refusal(&hostile).contains("scans over 10000×10000 px"));
}

#[test]
fn a_photo_that_needs_too_much_memory_is_refused_before_memory_is_taken() {
    // 81 megapixels are within the limit, but not with a coefficient for each sample as well.
    let mut progressive = jpeg_with(64, 64, |encoder| encoder.set_progressive(true));
    let frame = segment_at(&progressive, 0xC2);
    progressive[frame + 5..frame + 9].copy_from_slice(&[0x23, 0x28, 0x23, 0x28]);
    let end = progressive.len() - 2;
    progressive.splice(end..end, vec![0; 200_000]);
    let reason = refusal(&progressive);
    assert!(reason.contains("9000×9000 px of a JPEG in several scans take 486 MB"), "{reason}");
    let mut lossless = [b"WEBP".to_vec(), riff(b"VP8L", &[0x2F, 0, 0, 0, 0, 0])].concat();
    lossless[13..17].copy_from_slice(&(8_999_u32 | 8_999 << 14).to_le_bytes());
    let reason = refusal(&riff(b"RIFF", &lossless));
    assert!(reason.contains("9000×9000 px of such a WebP take 567 MB"), "{reason}");
}

#[test]
fn an_interlaced_png_gives_the_pixels_of_a_plain_one() {
    // First column, step, first row, step of each pass.
    const PASSES: [(usize, usize, usize, usize); 7] =
        [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)];
    for (width, height) in [(1, 1), (3, 2), (13, 11), (8, 8)] {
        // Bits per channel, color type, bytes per pixel: gray with 16 bits, true color, gray and color with
        // transparency.
        for (bits, kind, size) in [(16, 0, 2), (8, 2, 3), (8, 4, 2), (16, 6, 8)] {
            let pixel = |x: usize, y: usize| (0..size).map(move |at| (x * 31 + y * 17 + at * 59) as u8);
            let rows = |of: Vec<(Vec<usize>, usize)>| -> Vec<u8> {
                of.iter().flat_map(|(xs, y)| [0].into_iter().chain(xs.iter().flat_map(|x| pixel(*x, *y)))).collect()
            };
            let plain = rows((0..height).map(|y| ((0..width).collect(), y)).collect());
            let passes = PASSES.iter().flat_map(|&(x, dx, y, dy)| {
                let xs: Vec<usize> = (x..width).step_by(dx).collect();
                let ys = (y..height).step_by(dy).filter(|_| !xs.is_empty());
                ys.map(|y| (xs.clone(), y)).collect::<Vec<_>>()
            });
            let interlaced = rows(passes.collect());
            let color = (bits, kind);
            let plain = png(width as u32, height as u32, color, &[chunk(b"IDAT", &deflate(&plain))]);
            let mut other = png(width as u32, height as u32, color, &[chunk(b"IDAT", &deflate(&interlaced))]);
            other[28] = 1;
            let header = chunk(b"IHDR", &other[16..29]);
            other[8..8 + header.len()].copy_from_slice(&header);
            assert_eq!(read(&other), read(&plain), "{width}×{height}, {bits} bits, type {kind}");
        }
    }
}

#[test]
fn sizes_that_no_file_can_hold_are_refused_before_memory_is_taken() {
    let mut huge = jpeg(16, 16);
    let frame = segment_at(&huge, 0xC0);
    huge[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    assert!(refusal(&huge).contains("65535×65535"));
    // 100 megapixels are within the limit, but not within 700 bytes.
    huge[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    assert!(refusal(&huge).contains("so few bytes"));
    let empty = [chunk(b"IDAT", &deflate(&[0; 100]))];
    assert!(refusal(&png(u32::MAX >> 1, u32::MAX >> 1, (8, 2), &empty)).contains("limit"));
    assert!(refusal(&png(9_000, 9_000, (1, 0), &empty)).contains("so few bytes"));
    // A WebP whose canvas is small and whose picture is not.
    let picture = [&[0x2F][..], &(16_382_u32 | 16_382 << 14).to_le_bytes(), &[0; 40]].concat();
    let canvas = [0, 0, 0, 0, 15, 0, 0, 15, 0, 0];
    let content = [b"WEBP".to_vec(), riff(b"VP8X", &canvas), riff(b"VP8L", &picture)].concat();
    assert!(refusal(&riff(b"RIFF", &content)).contains("16383×16383"));
    let lossy = [&[0x10, 0, 0, 0x9D, 1, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F][..], &[0; 40]].concat();
    let frame = [&[0; 16][..], &riff(b"VP8 ", &lossy)].concat();
    let moving = [2, 0, 0, 0, 15, 0, 0, 15, 0, 0];
    let parts = [b"WEBP".to_vec(), riff(b"VP8X", &moving), riff(b"ANIM", &[0; 6]), riff(b"ANMF", &frame)];
    assert!(refusal(&riff(b"RIFF", &parts.concat())).contains("16383×16383"));
}

#[test]
fn a_webp_with_a_vast_canvas_around_a_small_picture_is_refused() {
    // Found by fuzzing: 530 bytes that took seconds to fill 84 megapixels.
    let picture = webp(40, 28)[12..].to_vec();
    let frame = [&[0, 0, 0, 0, 0, 0, 39, 0, 0, 27, 0, 0, 0, 0, 0, 2][..], &picture].concat();
    let moving = |canvas: [u8; 6]| {
        let header = [&[2, 0, 0, 0][..], &canvas].concat();
        let parts = [b"WEBP".to_vec(), riff(b"VP8X", &header), riff(b"ANIM", &[0; 6]), riff(b"ANMF", &frame)];
        riff(b"RIFF", &parts.concat())
    };
    let (pixels, remarks) = read(&moving([39, 0, 0, 27, 0, 0]));
    assert_eq!((pixels.width_px, pixels.height_px), (40, 28));
    assert_eq!(remarks, [Remark::WebpFile, Remark::FirstPictureOnly]);
    assert!(refusal(&moving([39, 0, 0, 27, 0, 0x20])).contains("40×2097180 px; a WebP has 16383 at most"));
    assert!(refusal(&moving([0x70, 0x17, 0, 0x70, 0x17, 0])).contains("a canvas far larger than the pictures"));
}

#[test]
fn a_compression_bomb_in_a_png_takes_no_more_memory_than_the_photo() {
    // 250 MB of zeros behind a header of 8×8 px, and the same in a text chunk: neither is unpacked.
    let bomb = deflate(&vec![0; 250_000_000]);
    let honest = chunk(b"IDAT", &deflate(&[0; 8 * 25]));
    let text = chunk(b"zTXt", &[b"Comment\0\0", &bomb[..]].concat());
    let profile = chunk(b"iCCP", &[b"Profile\0\0", &bomb[..]].concat());
    let began = Instant::now();
    for file in [
        png(8, 8, (8, 2), &[chunk(b"IDAT", &bomb)]),
        png(8, 8, (8, 2), &[text, honest.clone()]),
        png(8, 8, (8, 2), &[profile, honest]),
    ] {
        match decode(&file, Path::new("a.JPEG")) {
            Ok((pixels, _)) => assert_eq!((pixels.width_px, pixels.height_px, pixels.rgb.len()), (8, 8, 192)),
            Err(error) => assert!(matches!(error, DataError::Photo { .. }), "{error}"),
        }
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn corrupt_exif_changes_no_pixel_and_an_orientation_is_noted_and_not_applied() {
    let plain = read(&jpeg(24, 16)).0;
    let with_exif = |exif: &[u8]| jpeg_with(24, 16, |encoder| encoder.add_exif_metadata(exif).expect("it fits"));
    let orientation = |value: u8| {
        [b"MM\0*\0\0\0\x08".to_vec(), vec![0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0]].concat()
    };
    assert_eq!(read(&with_exif(&orientation(1))), (plain.clone(), vec![]));
    assert_eq!(read(&with_exif(&orientation(6))), (plain.clone(), vec![Remark::OrientationIgnored]));
    let corrupt: [&[u8]; 8] = [
        b"",
        b"II",
        b"XX*\0\x08\0\0\0",
        // Directories far outside, at the very end, and within themselves.
        b"II*\0\xFF\xFF\xFF\xFF",
        b"MM\0*\0\0\0\x08\xFF\xFF",
        b"II*\0\0\0\0\0",
        b"MM\0*\0\0\0\x08\0\x01\x01\x12",
        &[0xFF; 4000],
    ];
    for exif in corrupt {
        assert_eq!(read(&with_exif(exif)), (plain.clone(), vec![]), "{exif:?}");
    }
    // A segment that says it is longer than the file.
    let mut lying = with_exif(&orientation(6));
    let segment = segment_at(&lying, 0xE1);
    lying[segment + 2..segment + 4].copy_from_slice(&[0xFF, 0xFF]);
    refusal(&lying);
}

#[test]
fn kinds_of_jpeg_that_cannot_be_read_are_refused_with_the_reason() {
    let whole = jpeg(24, 16);
    let frame = segment_at(&whole, 0xC0);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        bytes
    };
    for (what, bytes) in [
        ("arithmetic coding", changed(&|bytes| bytes[frame + 1] = 0xC9)),
        ("lossless", changed(&|bytes| bytes[frame + 1] = 0xC3)),
        ("12 bits", changed(&|bytes| bytes[frame + 4] = 12)),
        ("no components", changed(&|bytes| bytes[frame + 9] = 0)),
        ("sampled 15 times", changed(&|bytes| bytes[frame + 11] = 0xFF)),
        ("no height", changed(&|bytes| bytes[frame + 5..frame + 7].fill(0))),
        ("no frame", [&whole[..frame], &whole[segment_at(&whole, 0xDA)..]].concat()),
    ] {
        println!("{what}: {}", refusal(&bytes));
    }
}

#[test]
fn sixteen_bits_palettes_and_gray_are_converted() {
    let gray = png(2, 1, (16, 0), &[chunk(b"IDAT", &deflate(&[0, 0x12, 0xFF, 0xEE, 0x01]))]);
    let (pixels, remarks) = read(&gray);
    assert_eq!(pixels.rgb, [0x12, 0x12, 0x12, 0xEE, 0xEE, 0xEE]);
    assert_eq!(remarks, [Remark::PngFile, Remark::GrayscaleConverted, Remark::SixteenBitsReduced]);
    let palette = chunk(b"PLTE", &[1, 2, 3, 40, 50, 60]);
    let (pixels, remarks) = read(&png(2, 1, (8, 3), &[palette.clone(), chunk(b"IDAT", &deflate(&[0, 1, 0]))]));
    assert_eq!(pixels.rgb, [40, 50, 60, 1, 2, 3]);
    assert_eq!(remarks, [Remark::PngFile, Remark::PaletteConverted]);
    // An index that the palette does not have: black or an error, never what follows it in memory.
    let beyond = png(2, 1, (8, 3), &[palette, chunk(b"IDAT", &deflate(&[0, 1, 200]))]);
    if let Ok((pixels, _)) = decode(&beyond, Path::new("a")) {
        assert_eq!(pixels.rgb, [40, 50, 60, 0, 0, 0]);
    }
}

#[test]
fn errors_name_the_kind_of_other_files() {
    let moving_gif = [&b"GIF89a\x10\0\x10\0\x80\0\0"[..], &[0; 60], b"\x21\xFF\x0BNETSCAPE2.0"].concat();
    let cases: [(&[u8], &str); 9] = [
        (&moving_gif, "a GIF file"),
        (b"BM\x36\0\0\0", "a BMP file"),
        (b"II*\0\x08\0\0\0", "a TIFF file"),
        (b"\0\0\0\x20ftypheic\0\0\0\0", "HEIC"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"<!DOCTYPE html><html><title>404</title>", "text"),
        (b"  \n", "text"),
        (&[0; 4096], "zeros only"),
        (b"", "empty"),
    ];
    for (bytes, word) in cases {
        let reason = refusal(bytes);
        assert!(reason.contains(word), "{reason}, not {word}");
        let error = dimensions(bytes, Path::new("a")).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}
