//! Photos that their cameras stored turned: all eight orientations, in each of the formats, become the picture as it
//! was drawn; photos that are to be used as they are stored stay as they are.

use std::fs;
use std::path::Path;

use imagenette_data::image::{Orientation, Pixels, Remark, decode_into, decode_turned};
use imagenette_data::install::{GetOptions, get_from};
use imagenette_data::intake::IntakeOptions;
use imagenette_data::manifest::{Manifest, OrientationRule};
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_data::watch::Silent;

/// The side of a square of one color: JPEG keeps such squares nearly as they are.
const SQUARE: u32 = 16;
/// The drawn picture in squares: three wide, two high, no two alike.
const COLORS: [[[u8; 3]; 3]; 2] =
    [[[250, 10, 10], [10, 250, 10], [10, 10, 250]], [[250, 250, 10], [10, 250, 250], [128, 128, 128]]];

fn drawn() -> Pixels {
    let (width_px, height_px) = (3 * SQUARE, 2 * SQUARE);
    let at = |x: u32, y: u32| COLORS[(y / SQUARE) as usize][(x / SQUARE) as usize];
    let rgb = (0..height_px).flat_map(|y| (0..width_px).flat_map(move |x| at(x, y))).collect();
    Pixels { width_px, height_px, rgb }
}

/// The picture as a camera stores it that notes this orientation. EXIF says which sides of the scene the first row and
/// the first column of what is stored are.
fn stored(picture: &Pixels, orientation: u8) -> Pixels {
    let (row_is, column_is) = match orientation {
        1 => ("top", "left"),
        2 => ("top", "right"),
        3 => ("bottom", "right"),
        4 => ("bottom", "left"),
        5 => ("left", "top"),
        6 => ("right", "top"),
        7 => ("right", "bottom"),
        8 => ("left", "bottom"),
        other => panic!("no orientation {other}"),
    };
    let (wide, high) = (picture.width_px as usize, picture.height_px as usize);
    let (width, height) = if orientation < 5 { (wide, high) } else { (high, wide) };
    let mut rgb = vec![0; wide * high * 3];
    for row in 0..height {
        for column in 0..width {
            let (mut x, mut y) = (0, 0);
            for (side, distance) in [(row_is, row), (column_is, column)] {
                match side {
                    "top" => y = distance,
                    "bottom" => y = high - 1 - distance,
                    "left" => x = distance,
                    _ => x = wide - 1 - distance,
                }
            }
            let (to, from) = ((row * width + column) * 3, (y * wide + x) * 3);
            rgb[to..to + 3].copy_from_slice(&picture.rgb[from..from + 3]);
        }
    }
    Pixels { width_px: width as u32, height_px: height as u32, rgb }
}

/// A TIFF structure with an orientation, after another entry, in either order of bytes.
fn exif(orientation: u8, is_little: bool) -> Vec<u8> {
    let short = |value: u16| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
    let long = |value: u32| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
    let mut exif = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    exif.extend(long(8));
    exif.extend(short(2));
    for (tag, value) in [(0x0100, 77), (0x0112, u16::from(orientation))] {
        exif.extend([short(tag), short(3)].concat());
        exif.extend(long(1));
        exif.extend([short(value), short(0)].concat());
    }
    exif.extend(long(0));
    exif
}

fn jpeg(pixels: &Pixels, exif: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 95);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    let (width, height) = (pixels.width_px as u16, pixels.height_px as u16);
    encoder.encode(&pixels.rgb, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    let content = [b"Exif\0\0", exif].concat();
    let length = (content.len() as u16 + 2).to_be_bytes();
    let segment = [&[0xFF, 0xE1][..], &length, &content].concat();
    [&file[..2], &segment, &file[2..]].concat()
}

/// A PNG with the chunk before its pixels, or after them.
fn png(pixels: &Pixels, exif: &[u8], is_first: bool) -> Vec<u8> {
    const HEADER_BYTES: usize = 8 + 25;
    const END_BYTES: usize = 12;
    let file = imagenette_data::image::encode_png(pixels);
    let content = [b"eXIf", exif].concat();
    let mut sum = flate2::Crc::new();
    sum.update(&content);
    let chunk = [&(exif.len() as u32).to_be_bytes()[..], &content, &sum.sum().to_be_bytes()].concat();
    let at = if is_first { HEADER_BYTES } else { file.len() - END_BYTES };
    [&file[..at], &chunk, &file[at..]].concat()
}

fn webp(pixels: &Pixels, exif: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.set_exif_metadata(exif.to_vec());
    encoder.encode(&pixels.rgb, pixels.width_px, pixels.height_px, image_webp::ColorType::Rgb8).unwrap();
    file
}

/// Every photo: its name, its orientation, its bytes, and how far its pixels may be from what was drawn.
fn photos() -> Vec<(String, u8, Vec<u8>, u8)> {
    let mut photos = Vec::new();
    for orientation in 1..=8 {
        let pixels = stored(&drawn(), orientation);
        let noted = exif(orientation, orientation % 2 == 0);
        let marked = [b"Exif\0\0", &noted[..]].concat();
        let mut add =
            |name: &str, bytes, most| photos.push((format!("{orientation}-{name}"), orientation, bytes, most));
        add("a.jpg", jpeg(&pixels, &noted), 6);
        add("a.png", png(&pixels, &noted, true), 0);
        add("late.png", png(&pixels, &noted, false), 0);
        add("a.webp", webp(&pixels, &noted), 0);
        add("marked.webp", webp(&pixels, &marked), 0);
    }
    photos
}

fn is_near(found: &Pixels, expected: &Pixels, most: u8) -> bool {
    (found.width_px, found.height_px) == (expected.width_px, expected.height_px)
        && found.rgb.iter().zip(&expected.rgb).all(|(a, b)| a.abs_diff(*b) <= most)
}

#[test]
fn every_orientation_is_turned_upright_in_every_format() {
    for (name, number, bytes, most) in photos() {
        let orientation = Orientation::of(&bytes);
        assert_eq!(orientation.map(u8::from), (number > 1).then_some(number), "{name}");
        let mut pixels = Pixels::default();
        let remarks = decode_turned(&bytes, Path::new(&name), orientation, &mut pixels).unwrap();
        assert!(is_near(&pixels, &drawn(), most), "{name}: {}×{}", pixels.width_px, pixels.height_px);
        assert_eq!(remarks.contains(&Remark::Turned), number > 1, "{name}");
        let remarks = decode_into(&bytes, Path::new(&name), &mut pixels).unwrap();
        assert!(is_near(&pixels, &stored(&drawn(), number), most), "{name}");
        assert_eq!(remarks.contains(&Remark::OrientationIgnored), number > 1, "{name}");
    }
}

#[test]
fn damaged_notes_of_an_orientation_are_none() {
    let whole = jpeg(&drawn(), &exif(6, true));
    for end in 0..whole.len() {
        let _ = Orientation::of(&whole[..end]);
    }
    for noted in [0, 9, 255] {
        assert_eq!(Orientation::of(&jpeg(&drawn(), &exif(noted, true))), None, "{noted}");
        assert!(Orientation::try_from(noted).is_err());
    }
    for file in [png(&drawn(), &[0xFF; 30], true), webp(&drawn(), b"II*\0\xFF\xFF\xFF\xFF"), jpeg(&drawn(), b"MM")] {
        assert_eq!(Orientation::of(&file), None);
    }
}

/// Installs every photo in two classes and both splits.
fn install(home: &Path, keep_orientation: bool, name: &str) -> (Manifest, Packed) {
    let folder = home.join("photos");
    for split in ["train", "val"] {
        for class in ["cat", "dog"] {
            fs::create_dir_all(folder.join(split).join(class)).unwrap();
            for (name, _, bytes, _) in photos() {
                fs::write(folder.join(split).join(class).join(name), bytes).unwrap();
            }
        }
    }
    let store = Store::at(home.join("store"));
    let intake = IntakeOptions { keep_orientation, ..IntakeOptions::default() };
    let options = GetOptions { intake, ..GetOptions::default() };
    let dataset = get_from(&folder, &store, Some(name), &options, &Silent).unwrap().dataset;
    assert!(dataset.verify(true, &Silent).unwrap().is_sound());
    assert_eq!(Manifest::read(&dataset.root).unwrap(), dataset.manifest);
    let packed = Packed::open_or_build(&dataset, &store.packed_folder(), 2, &Silent).unwrap();
    (dataset.manifest, packed)
}

#[test]
fn photos_of_ones_own_are_packed_upright_unless_they_are_to_stay_as_they_are() {
    let home = tempfile::tempdir().unwrap();
    let (upright, packed) = install(home.path(), false, "upright");
    let (kept, packed_kept) = install(home.path(), true, "kept");
    assert_eq!((upright.orientation, kept.orientation), (OrientationRule::Upright, OrientationRule::Stored));
    assert_ne!(upright.identity(), kept.identity(), "other pixels are another dataset");
    let known = photos();
    for (sample, image) in (0..).zip(&upright.images) {
        let (name, number, _, most) = known.iter().find(|(name, ..)| *name == image.file_name).unwrap();
        let (turned, as_stored) = (packed.photo(sample), packed_kept.photo(sample));
        let of = |view: imagenette_data::packed::PhotoView<'_>| Pixels {
            width_px: view.width_px,
            height_px: view.height_px,
            rgb: view.rgb.to_vec(),
        };
        assert!(is_near(&of(turned), &drawn(), *most), "{name}");
        assert!(is_near(&of(as_stored), &stored(&drawn(), *number), *most), "{name}");
        assert_eq!((image.width_px, image.height_px), (3 * SQUARE, 2 * SQUARE), "{name}");
        assert_eq!(packed.remarks(sample).contains(&Remark::Turned), *number > 1, "{name}");
        assert_eq!(packed_kept.remarks(sample).contains(&Remark::OrientationIgnored), *number > 1, "{name}");
    }
    let count = |packed: &Packed, remark| packed.remark_counts().iter().find(|(of, _)| *of == remark).map(|of| of.1);
    assert_eq!((count(&packed, Remark::Turned), count(&packed, Remark::OrientationIgnored)), (Some(7 * 20), None));
    assert_eq!(count(&packed_kept, Remark::Turned), None);
}
