//! Packing: the file holds what decoding gives, is complete or absent, and is made again when it is unusable.

mod datasets;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use imagenette_data::image::{Remark, decode};
use imagenette_data::packed::Packed;
use imagenette_data::watch::{Silent, Watch};
use imagenette_data::{DataError, Hint};

/// Remembers what it was told, and interrupts after some photos.
#[derive(Default)]
struct Diary {
    notices: Mutex<Vec<String>>,
    photos: AtomicU64,
    interrupt_after: Option<u64>,
}

impl Watch for Diary {
    fn advance(&self, amount: u64) {
        self.photos.fetch_add(amount, Ordering::Relaxed);
    }
    fn notice(&self, message: &str) {
        self.notices.lock().unwrap().push(message.into());
    }
    fn interrupted(&self) -> bool {
        self.interrupt_after.is_some_and(|limit| self.photos.load(Ordering::Relaxed) >= limit)
    }
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn packed_files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_packed_file_holds_what_decoding_gives_for_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 25);
    let mut files = Vec::new();
    for threads in [1, 2, 7] {
        let cache = folder.path().join(format!("cache {threads}"));
        let packed = Packed::open_or_build(&dataset, &cache, threads, &Silent).unwrap();
        assert_eq!(packed.len(), 25);
        for sample in 0..25 {
            let path = dataset.path_of(sample);
            let (pixels, _) = decode(&fs::read(&path).unwrap(), &path).unwrap();
            let photo = packed.photo(sample);
            assert_eq!((photo.width_px, photo.height_px), (pixels.width_px, pixels.height_px));
            assert!(photo.rgb == pixels.rgb, "sample {sample}");
        }
        files.push(fs::read(packed.path()).unwrap());
    }
    assert!(files[0] == files[1] && files[0] == files[2]);
}

#[test]
fn a_packed_file_is_opened_again_without_decoding() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 6);
    let cache = folder.path().join("cache");
    let first = Packed::open_or_build(&dataset, &cache, 2, &Silent).unwrap();
    let diary = Diary::default();
    let again = Packed::open_or_build(&dataset, &cache, 2, &diary).unwrap();
    assert_eq!(diary.photos.load(Ordering::Relaxed), 0);
    assert_eq!((again.path(), again.photo(3)), (first.path(), first.photo(3)));
    assert_eq!(packed_files(&cache).len(), 1, "{:?}", names(&cache));
}

#[test]
fn pixels_that_were_changed_are_found_when_they_are_asked_for_and_by_looking_at_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 6);
    let cache = folder.path().join("cache");
    let packed = Packed::open_or_build(&dataset, &cache, 2, &Silent).unwrap();
    assert_eq!(packed.damaged(&Silent).unwrap(), [0; 0]);
    let (path, photo) = (packed.path().to_owned(), packed.photo(3).rgb.to_vec());
    drop(packed);
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(photo.len()).position(|bytes| bytes == photo).unwrap();
    // One bit.
    bytes[place + photo.len() / 2] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let packed = Packed::open(&path, &dataset.manifest).expect("opening looks at the header alone");
    assert!(packed.checked_photo(2).is_ok());
    let error = packed.checked_photo(3).unwrap_err();
    assert!(error.to_string().contains("pixels of photo 3 with the checksum") && error.hint().is_some(), "{error}");
    assert_eq!(packed.damaged(&Silent).unwrap(), [3]);
}

#[test]
fn a_packed_file_of_version_1_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 3);
    let cache = folder.path().join("cache");
    let path = Packed::open_or_build(&dataset, &cache, 1, &Silent).unwrap().path().to_owned();
    let whole = fs::read(&path).unwrap();
    let mut old = whole.clone();
    old[8] = 1;
    fs::write(&path, old).unwrap();
    let diary = Diary::default();
    Packed::open_or_build(&dataset, &cache, 1, &diary).unwrap();
    assert!(diary.notices.lock().unwrap()[0].contains("expected packed format version 2, found version 1"));
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn conversions_and_repairs_are_kept_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut gray = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut gray, 80);
    encoder.encode(&[77; 16 * 16], 16, 16, jpeg_encoder::ColorType::Luma).unwrap();
    let whole = datasets::jpeg(40, 40, 1);
    let cut = whole[..whole.len() * 4 / 5].to_vec();
    let dataset = datasets::dataset_of(&folder.path().join("set"), vec![(gray, None), (cut, None), (whole, None)]);
    let diary = Diary::default();
    let cache = folder.path().join("cache");
    let packed = Packed::open_or_build(&dataset, &cache, 1, &diary).unwrap();
    assert_eq!(packed.remark_counts(), [(Remark::GrayscaleConverted, 1), (Remark::Truncated, 1)]);
    assert_eq!(packed.repairs(), [1]);
    assert_eq!(packed.remarks(1), [Remark::Truncated]);
    assert_eq!(packed.remarks(2), []);
    let notices = diary.notices.lock().unwrap();
    assert!(notices.len() == 1 && notices[0].contains("_00001.JPEG"), "{notices:?}");
}

#[test]
fn an_unusable_file_is_refused_by_open_and_made_again_by_open_or_build() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 5);
    let cache = folder.path().join("cache");
    let path = Packed::open_or_build(&dataset, &cache, 1, &Silent).unwrap().path().to_owned();
    let good = fs::read(&path).unwrap();
    let spoilt = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    let cases = [
        ("begins with", spoilt(&|bytes| bytes[0] ^= 1)),
        ("version 3", spoilt(&|bytes| bytes[8] = 3)),
        ("those of", spoilt(&|bytes| bytes[20] ^= 1)),
        ("damaged", spoilt(&|bytes| bytes[70] ^= 1)),
        ("damaged", spoilt(&|bytes| bytes[110] ^= 1)),
        ("found", spoilt(&|bytes| bytes.truncate(bytes.len() - 1))),
        ("found", spoilt(&|bytes| bytes.push(0))),
        ("bytes", spoilt(&|bytes| bytes.truncate(100))),
        ("begins with", spoilt(&Vec::clear)),
        ("ending", spoilt(&|bytes| bytes.last_mut().map_or((), |byte| *byte ^= 1))),
    ];
    for (word, bytes) in cases {
        // A new file: the old one may be mapped, and a mapped file must not change.
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes).unwrap();
        let error = Packed::open(&path, &dataset.manifest).unwrap_err();
        assert!(error.is_malformed(), "{error}");
        assert!(error.to_string().contains(word), "{error}, not {word}");
        assert!(error.hint().is_some());
        let diary = Diary::default();
        Packed::open_or_build(&dataset, &cache, 2, &diary).unwrap();
        assert!(diary.notices.lock().unwrap()[0].contains(word));
        assert!(fs::read(&path).unwrap() == good, "{word}");
    }
}

#[test]
fn a_missing_file_and_the_file_of_another_dataset_are_distinguished() {
    let folder = tempfile::tempdir().unwrap();
    let one = datasets::dataset(&folder.path().join("one"), 4);
    let two = datasets::dataset(&folder.path().join("two"), 5);
    let cache = folder.path().join("cache");
    let missing = Packed::open(&Packed::path_in(&cache, &one.manifest), &one.manifest).unwrap_err();
    assert!(matches!(missing, DataError::Missing { .. }), "{missing}");
    let packed = Packed::open_or_build(&one, &cache, 1, &Silent).unwrap();
    let other = Packed::open(packed.path(), &two.manifest).unwrap_err();
    assert!(other.to_string().contains("those of"), "{other}");
    // The same photos, but a manifest that was edited to say other sizes.
    let mut edited = one.manifest.clone();
    edited.images[2].width_px += 1;
    let moved = Packed::open(packed.path(), &edited).unwrap_err();
    assert!(moved.to_string().contains("photo 2"), "{moved}");
}

#[test]
fn every_unreadable_photo_is_counted_and_five_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = vec![(datasets::jpeg(20, 20, 0), None)];
    files.extend((0..5).map(|_| (b"a text file named .JPEG".to_vec(), Some((20, 20)))));
    files.push((datasets::jpeg(20, 20, 1), Some((20, 21))));
    files.push((datasets::jpeg(20, 20, 2), None));
    let dataset = datasets::dataset_of(&folder.path().join("set"), files);
    let gone = (0..8).map(|sample| dataset.path_of(sample)).find(|path| path.ends_with("n03417042_00006.JPEG"));
    assert!(gone.is_none_or(|path| path.exists()));
    let cache = folder.path().join("cache");
    let error = Packed::open_or_build(&dataset, &cache, 2, &Silent).unwrap_err();
    let text = error.to_string();
    assert!(error.is_malformed() && error.hint().is_some());
    assert!(text.contains("6 that cannot be packed") && text.contains("and 1 more"), "{text}");
    assert_eq!(text.matches(".JPEG (").count(), 5, "{text}");
    assert!(text.contains("the file holds text"), "{text}");
    assert!(packed_files(&cache).is_empty(), "{:?}", names(&cache));
}

#[test]
fn a_photo_that_is_gone_or_has_another_size_than_in_the_manifest_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let files = vec![(datasets::jpeg(20, 20, 0), None), (datasets::jpeg(20, 20, 1), Some((20, 21)))];
    let dataset = datasets::dataset_of(&folder.path().join("set"), files);
    fs::remove_file(dataset.path_of(0)).unwrap();
    let text = Packed::open_or_build(&dataset, folder.path(), 1, &Silent).unwrap_err().to_string();
    assert!(text.contains("2 that cannot be packed") && text.contains("20×20 px, the manifest says 20×21"), "{text}");
}

#[test]
fn the_leftovers_of_a_killed_process_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 4);
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    let identity = dataset.manifest.identity();
    fs::write(cache.join(format!(".packing-{identity}-abc123")), "half a file").unwrap();
    fs::write(cache.join(".packing-another-dataset-abc123"), "someone else is at work").unwrap();
    Packed::open_or_build(&dataset, &cache, 1, &Silent).unwrap();
    let mut left = names(&cache);
    left.sort();
    assert_eq!(left, [".packing-another-dataset-abc123".into(), format!("{identity}.packed")]);
}

#[test]
fn an_interrupted_packing_leaves_nothing_and_can_be_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 20);
    let cache = folder.path().join("cache");
    let diary = Diary { interrupt_after: Some(3), ..Diary::default() };
    let error = Packed::open_or_build(&dataset, &cache, 2, &diary).unwrap_err();
    assert!(matches!(error, DataError::Interrupted), "{error}");
    assert!(diary.photos.load(Ordering::Relaxed) < 20);
    assert!(packed_files(&cache).is_empty(), "{:?}", names(&cache));
    assert_eq!(Packed::open_or_build(&dataset, &cache, 2, &Silent).unwrap().len(), 20);
}

#[test]
fn two_that_pack_at_once_both_get_a_complete_file() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 40);
    for trial in 0..20 {
        let cache = folder.path().join(format!("cache {trial}"));
        let diaries = [Diary::default(), Diary::default(), Diary::default()];
        std::thread::scope(|scope| {
            for diary in &diaries {
                scope.spawn(|| assert_eq!(Packed::open_or_build(&dataset, &cache, 2, diary).unwrap().len(), 40));
            }
        });
        let packed: u64 = diaries.iter().map(|diary| diary.photos.load(Ordering::Relaxed)).sum();
        assert_eq!(packed, 40, "one packs, the others wait");
        assert_eq!(names(&cache).len(), 1, "{:?}", names(&cache));
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_noticed_before_the_work_begins() {
    let folder = tempfile::tempdir().unwrap();
    let mut dataset = datasets::dataset(&folder.path().join("set"), 4);
    for image in &mut dataset.manifest.images {
        (image.width_px, image.height_px) = (u32::MAX, u32::MAX);
    }
    let diary = Diary::default();
    let error = Packed::open_or_build(&dataset, folder.path(), 1, &diary).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the packed file needs") && text.contains("bytes are free"), "{text}");
    assert!(error.hint().is_some_and(|hint| hint.contains("free some disk space")));
    assert_eq!(diary.photos.load(Ordering::Relaxed), 0);
}

#[cfg(unix)]
#[test]
fn a_read_only_cache_folder_is_an_error_with_a_hint() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 2);
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o555)).unwrap();
    // Permissions do not bind root; the kernel's own file system does.
    let place = if fs::write(cache.join("probe"), "").is_err() {
        cache
    } else if Path::new("/sys/kernel").is_dir() {
        "/sys/kernel/imagenette".into()
    } else {
        println!("skipped: nothing here is read-only for this user");
        return;
    };
    let error = Packed::open_or_build(&dataset, &place, 1, &Silent).unwrap_err();
    assert!(error.to_string().contains(&*place.to_string_lossy()), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("IMAGENETTE_HOME")), "{error:?}");
}

#[test]
fn an_empty_dataset_and_no_threads_are_handled() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = datasets::dataset(&folder.path().join("set"), 0);
    assert!(Packed::open_or_build(&dataset, folder.path(), 3, &Silent).unwrap().is_empty());
    let error = Packed::open_or_build(&dataset, folder.path(), 0, &Silent).unwrap_err();
    assert!(matches!(error, DataError::Setting { .. }), "{error}");
}
