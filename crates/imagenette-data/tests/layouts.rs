//! The layouts and archives that people have become datasets, or an error with the command that makes them one.

mod photos;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use imagenette_data::edition::Split;
use imagenette_data::install::{GetOptions, Installed, get_from};
use imagenette_data::intake::{IntakeOptions, SplitParts};
use imagenette_data::manifest::Manifest;
use imagenette_data::store::Store;
use imagenette_data::watch::Watch;
use imagenette_data::{DataError, Hint};
use photos::{bzip2, gzip, jpeg, tar_of, write_files, zip_of, zstd};

/// Keeps what is said.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Watch for Heard {
    fn notice(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

struct Home {
    folder: tempfile::TempDir,
    heard: Heard,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), heard: Heard::default() }
    }

    /// A folder of these photos.
    fn with(files: &[(String, Vec<u8>)]) -> Self {
        let home = Self::new();
        write_files(&home.photos(), files);
        home
    }

    fn photos(&self) -> PathBuf {
        self.folder.path().join("photos")
    }

    fn get_with(&self, from: &Path, intake: &IntakeOptions, force: bool) -> Result<Installed, DataError> {
        let store = Store::at(self.folder.path().join("store"));
        let options = GetOptions { intake: intake.clone(), force, ..GetOptions::default() };
        get_from(from, &store, Some("set"), &options, &self.heard)
    }

    fn get(&self, from: &Path) -> Result<Manifest, DataError> {
        self.get_with(from, &IntakeOptions::default(), true).map(|installed| {
            assert!(installed.dataset.verify(true, &self.heard).unwrap().is_sound());
            installed.dataset.manifest
        })
    }

    /// All that was said so far.
    fn said(&self) -> String {
        self.heard.0.lock().unwrap().join("\n")
    }

    /// What is in the store's folder of datasets.
    fn installed(&self) -> usize {
        fs::read_dir(self.folder.path().join("store/datasets")).map_or(0, |entries| {
            entries.filter(|entry| !entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".lock")).count()
        })
    }
}

/// So many photos of each of two classes in a folder (empty: none).
fn class_folders(folder: &str, each: u8) -> Vec<(String, Vec<u8>)> {
    let below = |class: &str, number: u8| match folder {
        "" => format!("{class}/{number}.jpg"),
        folder => format!("{folder}/{class}/{number}.jpg"),
    };
    let of = |label: u8, class: &'static str| {
        (0..each).map(move |number| (class, number, jpeg(20, 20 + u16::from(number), 100 * label + number)))
    };
    of(0, "cat").chain(of(1, "dog")).map(|(class, number, bytes)| (below(class, number), bytes)).collect()
}

fn counts(manifest: &Manifest) -> [usize; 3] {
    [Split::Train, Split::Val, Split::Test].map(|split| manifest.samples(split).len())
}

fn failure(result: Result<Manifest, DataError>) -> String {
    let error = result.expect_err("it should be refused");
    format!("{error}\nhint: {}", error.hint().expect("every error here has a hint"))
}

#[test]
fn the_names_that_people_give_to_splits_are_understood_and_test_stays_apart() {
    for [train, val, test] in
        [["train", "val", "test"], ["Train", "valid", "TEST"], ["training", "Validation", "testing"]]
    {
        let files = [class_folders(train, 4), class_folders(val, 2), class_folders(test, 3)].concat();
        let home = Home::with(&files);
        let archive = home.folder.path().join("set.tar");
        fs::write(&archive, tar_of("top", &files)).unwrap();
        let manifests = [home.photos(), archive].map(|from| home.get(&from).unwrap());
        assert_eq!(manifests[0].identity(), manifests[1].identity());
        assert_eq!(counts(&manifests[0]), [8, 4, 6]);
        // Every test photo has the last sample numbers: those of train and val are what they are without it.
        assert!(manifests[0].images[12..].iter().all(|image| image.split == Split::Test));
        let without = Home::with(&[class_folders(train, 4), class_folders(val, 2)].concat());
        assert_eq!(without.get(&without.photos()).unwrap().images[..], manifests[0].images[..12]);
    }
    let both = Home::with(&[class_folders("train", 2), class_folders("val", 2), class_folders("valid", 2)].concat());
    assert!(failure(both.get(&both.photos())).contains("`val` and `valid` are both val: join them"));
    let other = Home::with(&[class_folders("train", 2), class_folders("val", 2)].concat());
    write_files(&other.photos(), &[("test/okapi/a.jpg".into(), jpeg(20, 20, 7))]);
    assert!(failure(other.get(&other.photos())).contains("test with okapi"));
    // Photos of a competition, without their labels.
    let unlabeled = Home::with(&[class_folders("train", 2), class_folders("val", 2)].concat());
    write_files(&unlabeled.photos(), &[("test/1.jpg".into(), jpeg(20, 20, 7)), ("test/2.jpg".into(), jpeg(9, 9, 7))]);
    assert_eq!(counts(&unlabeled.get(&unlabeled.photos()).unwrap()), [4, 4, 0]);
    assert!(unlabeled.said().contains("left out, since no photos of a class: 1 (test)"), "{}", unlabeled.said());
}

#[test]
fn photos_that_are_not_split_yet_are_split_by_the_command_that_the_error_offers() {
    for (files, said) in
        [(class_folders("", 10), "class folders without them (`cat/0.jpg`)"), (class_folders("train", 10), "no val")]
    {
        let mut identities = Vec::new();
        for is_archive in [false, true] {
            for top in ["", "own"] {
                let home = Home::with(&files);
                let mut from = home.photos();
                if is_archive {
                    from = home.folder.path().join("photos.tgz");
                    fs::write(&from, gzip(&tar_of(top, &files))).unwrap();
                }
                let error = failure(home.get(&from));
                assert!(is_archive || error.contains(said), "{error}");
                let command = format!("`imagenette get --from {} --split 90:10`", from.display());
                assert!(error.contains(&command), "{error}");
                assert_eq!(home.installed(), 0);
                let split = Some("90:10".parse().unwrap());
                let intake = IntakeOptions { split, ..IntakeOptions::default() };
                let dataset = home.get_with(&from, &intake, false).unwrap().dataset;
                assert!(dataset.verify(true, &home.heard).unwrap().is_sound());
                assert_eq!(counts(&dataset.manifest), [18, 2, 0]);
                assert!(home.said().contains("drew a val split from train (90:10): 18 train and 2 val photos"));
                // The same command again finds what it made; other parts are another dataset.
                assert!(home.get_with(&from, &intake, false).unwrap().was_there);
                let other = IntakeOptions { split: Some(SplitParts { train: 1, val: 1 }), ..intake.clone() };
                assert!(home.get_with(&from, &other, false).is_err());
                assert_eq!(counts(&home.get_with(&from, &other, true).unwrap().dataset.manifest), [10, 10, 0]);
                identities.push(dataset.manifest.identity());
            }
        }
        identities.dedup();
        assert_eq!(identities.len(), 1, "the same photos everywhere");
    }
    let whole = Home::with(&[class_folders("train", 4), class_folders("val", 2)].concat());
    let intake = IntakeOptions { split: Some(SplitParts::TENTH), ..IntakeOptions::default() };
    let error = whole.get_with(&whole.photos(), &intake, false).unwrap_err();
    assert!(error.hint().unwrap().contains("leave --split out"), "{error}");
    // Every class is on both sides, or the error names it.
    let mut few = class_folders("", 2);
    let home = Home::with(&few);
    assert_eq!(counts(&home.get_with(&home.photos(), &intake, false).unwrap().dataset.manifest), [2, 2, 0]);
    few.push(("okapi/a.jpg".into(), jpeg(20, 20, 3)));
    let home = Home::with(&few);
    let error = home.get_with(&home.photos(), &intake, false).unwrap_err().to_string();
    assert!(error.contains("one of okapi"), "{error}");
}

#[test]
fn beside_train_and_test_a_val_split_is_drawn_and_said() {
    let home = Home::with(&[class_folders("train", 20), class_folders("test", 3)].concat());
    let manifest = home.get(&home.photos()).unwrap();
    assert_eq!(counts(&manifest), [36, 4, 6]);
    let said = home.said();
    for part in ["no val beside train and test", "36 train and 4 val", "eval --split test", "--split 80:20"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(home.get_with(&home.photos(), &IntakeOptions::default(), false).unwrap().was_there);
}

#[test]
fn what_is_no_photo_is_left_out_by_name_or_refused() {
    let mut files = [class_folders("train", 3), class_folders("val", 1)].concat();
    files.push(("train/cat/fun.gif".into(), b"GIF89a".to_vec()));
    files.push(("train/cat/notes.txt".into(), b"notes".to_vec()));
    files.push(("val/dog/deep/a.jpg".into(), jpeg(20, 20, 1)));
    files.push(("val/dog/deep/b.jpg".into(), jpeg(20, 20, 2)));
    for split in ["train", "val"] {
        files.push((format!("{split}/.ipynb_checkpoints/a.jpg"), jpeg(20, 20, 1)));
        files.push((format!("{split}/cat/.DS_Store"), vec![1]));
    }
    files.push(("__MACOSX/train/cat/0.jpg".into(), vec![1]));
    let home = Home::with(&files);
    let archive = home.folder.path().join("set.tar");
    fs::write(&archive, tar_of("", &files)).unwrap();
    let strict = IntakeOptions { strict: true, ..IntakeOptions::default() };
    let listed = "(train/cat/fun.gif, train/cat/notes.txt, val/dog/deep)";
    for from in [&home.photos(), &archive] {
        let error = home.get_with(from, &strict, false).unwrap_err().to_string();
        assert!(error.contains("3 more: train/cat/fun.gif, train/cat/notes.txt, val/dog/deep"), "{error}");
        assert_eq!(home.installed(), 0);
        let manifest = home.get(from).unwrap();
        assert_eq!(counts(&manifest), [6, 2, 0]);
        assert_eq!(manifest.classes.iter().map(|class| &class.wnid[..]).collect::<Vec<_>>(), ["cat", "dog"]);
        let said = home.said();
        assert!(said.contains(&format!("left out, since no photos of a class: 3 {listed}")), "{said}");
        assert!(said.contains("left out, since hidden or a file manager's: "), "{said}");
        fs::remove_dir_all(home.folder.path().join("store")).unwrap();
        home.heard.0.lock().unwrap().clear();
    }
    // Hidden files alone are nothing that anybody must be strict about.
    let hidden = Home::with(&[class_folders("train", 2), class_folders("val", 1)].concat());
    write_files(&hidden.photos(), &[("train/cat/.DS_Store".into(), vec![1])]);
    hidden.get_with(&hidden.photos(), &strict, false).unwrap();
}

#[test]
fn names_that_not_every_system_takes_are_named_at_once() {
    let mut files = [class_folders("train", 2), class_folders("val", 1)].concat();
    for name in
        ["train/cat/12:30.jpg", "train/dog/what?.jpg", "val/cat/a\"b.jpg", "val/dog/dot..jpg", "train/cat/end. /x"]
    {
        files.push((name.into(), jpeg(20, 20, 9)));
    }
    let home = Home::new();
    let archive = home.folder.path().join("set.tar");
    fs::write(&archive, tar_of("", &files)).unwrap();
    let error = failure(home.get(&archive));
    for part in ["3 that not every system takes", "`train/cat/12:30.jpg`", "`train/dog/what?.jpg`", "hint: rename"] {
        assert!(error.contains(part), "{error}");
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        write_files(&home.photos(), &files);
        let odd = std::ffi::OsStr::from_bytes(b"\xFFphoto.jpg");
        fs::write(home.photos().join("train/cat").join(odd), jpeg(20, 20, 5)).unwrap();
        let odd = std::ffi::OsStr::from_bytes(b"\xFFnotes.txt");
        fs::write(home.photos().join("train/cat").join(odd), "notes").unwrap();
        let error = failure(home.get(&home.photos()));
        for part in ["4 that not every system takes", "12:30.jpg", "photo.jpg` (it is not UTF-8)", "hint: rename"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("notes.txt"), "{error}");
    }
}

fn set() -> Vec<(String, Vec<u8>)> {
    let mut files = [class_folders("train", 3), class_folders("val", 2)].concat();
    files.push(("__MACOSX/train/cat/._0.jpg".into(), vec![0; 9]));
    files
}

#[test]
fn every_kind_of_archive_gives_the_same_dataset() {
    let tar = tar_of("set", &set());
    let kinds = [
        ("own.tar", tar.clone()),
        ("own.zip", zip_of("set", &set(), true)),
        ("stored.zip", zip_of("set", &set(), false)),
        ("own.tar.bz2", bzip2(&tar)),
        ("two.tar.bz2", [bzip2(&tar[..3000]), bzip2(&tar[3000..])].concat()),
        ("own.tar.zst", zstd(&tar)),
        ("two.tar.zst", [zstd(&tar[..3000]), zstd(&tar[3000..])].concat()),
    ];
    let mut identities = Vec::new();
    for (name, bytes) in &kinds {
        let home = Home::new();
        let archive = home.folder.path().join(name);
        fs::write(&archive, bytes).unwrap();
        let manifest = home.get(&archive).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(counts(&manifest), [6, 4, 0], "{name}");
        assert_eq!(manifest.source.sha256.as_deref(), Some(&*imagenette_files::hash::sha256(bytes)), "{name}");
        assert!(home.get_with(&archive, &IntakeOptions::default(), false).unwrap().was_there, "{name}");
        identities.push(manifest.identity());
    }
    identities.dedup();
    assert_eq!(identities.len(), 1);
    let home = Home::new();
    let xz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small.tar.xz");
    assert_eq!(counts(&home.get(&xz).unwrap()), [6, 2, 0]);
}

#[test]
fn truncated_and_damaged_archives_of_every_kind_are_refused_and_leave_nothing() {
    let tar = tar_of("set", &set());
    let xz = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small.tar.xz")).unwrap();
    for (name, bytes) in [
        ("a.zip", zip_of("set", &set(), true)),
        ("a.tar.bz2", bzip2(&tar)),
        ("a.tar.zst", zstd(&tar)),
        ("a.tar.xz", xz),
    ] {
        let home = Home::new();
        let archive = home.folder.path().join(name);
        for end in (1..bytes.len()).step_by(bytes.len() / 40 + 1).chain([bytes.len() - 1]) {
            fs::write(&archive, &bytes[..end]).unwrap();
            let error = failure(home.get(&archive));
            assert!(error.contains(name) && !error.contains("panicked"), "{end}: {error}");
            assert_eq!(home.installed(), 0, "{name} {end}");
        }
        let mut refused = 0;
        for at in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            fs::write(&archive, &damaged).unwrap();
            // A flipped bit may be in a date or a name: then the photos are whole, as `get` verified.
            refused += usize::from(home.get(&archive).is_err());
            let _ = fs::remove_dir_all(home.folder.path().join("store"));
        }
        assert!(refused > 30, "{name}: {refused}");
    }
}

#[test]
fn hostile_zips_are_refused() {
    let refused = |files: &[(String, Vec<u8>)]| {
        let home = Home::new();
        let archive = home.folder.path().join("set.zip");
        fs::write(&archive, zip_of("set", files, true)).unwrap();
        failure(home.get(&archive))
    };
    let with = |path: &str, bytes: Vec<u8>| [set(), vec![(path.to_owned(), bytes)]].concat();
    assert!(refused(&with("train/cat/0.jpg", jpeg(20, 20, 0))).contains("occurs twice"));
    let mut bomb = jpeg(20, 20, 0);
    bomb.resize(30 << 20, 0);
    assert!(refused(&with("train/cat/bomb.jpg", bomb.clone())).contains("20 times its size"));
    bomb.resize(33 << 20, 0);
    assert!(refused(&with("train/cat/bomb.jpg", bomb)).contains("more than 33554432"));
    // The writer refuses to write such a name, so it is put in afterward.
    let home = Home::new();
    let archive = home.folder.path().join("set.zip");
    let mut changed = zip_of("set", &with("train/cat/evilevil.jpg", jpeg(20, 20, 0)), false);
    let name = b"set/train/cat/evilevil.jpg";
    let places: Vec<usize> = (0..changed.len() - name.len()).filter(|at| changed[*at..].starts_with(name)).collect();
    for at in places {
        changed[at..at + name.len()].copy_from_slice(b"set/../../../../../evil.jp");
    }
    fs::write(&archive, changed).unwrap();
    assert!(failure(home.get(&archive)).contains("`..` leaves the folder"));
}

#[test]
fn archives_that_are_not_read_are_called_by_their_names() {
    for (begin, name) in [
        (&b"Rar!\x1A\x07\x01\0"[..], "a RAR archive"),
        (b"7z\xBC\xAF\x27\x1C\0\x04", "a 7z archive"),
        (b"\x04\x22\x4D\x18", "an lz4 file"),
    ] {
        let home = Home::new();
        let archive = home.folder.path().join("set.tar");
        fs::write(&archive, [begin, &[7; 900]].concat()).unwrap();
        let error = failure(home.get(&archive));
        assert!(error.contains(name) && error.contains("hint: unpack it"), "{error}");
    }
}
