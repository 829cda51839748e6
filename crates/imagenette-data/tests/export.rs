//! Exports: what other tools read is what the dataset holds, byte by byte, and an export is complete or absent.

mod datasets;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::export::{EXPORT_FILE, ExportOptions, Exported, Target, export};
use imagenette_data::watch::{Silent, Watch};
use imagenette_data::{DataError, FileError, Hint};
use imagenette_files::hash::sha256;
use imagenette_files::lock::FolderLock;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

const PHOTOS: u32 = 40;

struct Place {
    folder: tempfile::TempDir,
    dataset: Dataset,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dataset = datasets::dataset(&folder.path().join("set"), PHOTOS);
        Self { folder, dataset }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Small shards, so that there are several.
    fn export(&self, target: Target, name: &str) -> Result<Exported, DataError> {
        let options = ExportOptions { shard_bytes: 30_000, ..ExportOptions::new(target) };
        export(&self.dataset, &self.path(name), &options, &Silent)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}

#[test]
fn webdataset_shards_hold_every_photo_once_with_its_label() {
    let place = Place::new();
    let exported = place.export(Target::Webdataset, "out").unwrap();
    assert!(exported.files.len() > 4 && exported.photos == PHOTOS as usize);
    let mut seen = Vec::new();
    for file in &exported.files {
        let path = place.path("out").join(&file.path);
        assert_eq!(fs::metadata(&path).unwrap().len(), file.bytes);
        assert!(file.bytes <= 60_000, "{} bytes", file.bytes);
        let mut members: Vec<(String, Vec<u8>)> = Vec::new();
        for entry in tar::Archive::new(File::open(&path).unwrap()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            members.push((entry.path().unwrap().to_str().unwrap().to_owned(), bytes));
        }
        assert_eq!(members.len(), file.photos * 3);
        for sample in members.chunks(3) {
            let names: Vec<(&str, &str)> = sample.iter().map(|(name, _)| name.split_once('.').unwrap()).collect();
            let (number, extensions): (&str, Vec<&str>) = (names[0].0, names.iter().map(|name| name.1).collect());
            assert!(names.iter().all(|name| name.0 == number) && extensions == ["cls", "jpg", "json"]);
            let number: u32 = number.parse().unwrap();
            let image = &place.dataset.manifest.images[number as usize];
            assert_eq!(image.split, file.split);
            assert_eq!(sample[0].1, image.label.unwrap().to_string().as_bytes());
            assert_eq!(sample[1].1, fs::read(place.dataset.path_of(number)).unwrap());
            let description: serde_json::Value = serde_json::from_slice(&sample[2].1).unwrap();
            assert_eq!(description["path"], place.dataset.manifest.relative_path(image));
            assert_eq!(description["sha256"], image.sha256.as_str());
            seen.push(number);
        }
    }
    assert!(!seen.is_sorted(), "train is shuffled");
    seen.sort();
    assert_eq!(seen, (0..PHOTOS).collect::<Vec<_>>());
    assert_eq!(exported.files[0].path, "train-000000.tar");
    assert!(exported.files.last().unwrap().path.starts_with("val-"));
}

#[test]
fn parquet_files_hold_every_photo_once_with_its_label_and_the_classes_names() {
    let place = Place::new();
    let exported = place.export(Target::Parquet, "out").unwrap();
    let (mut photos, mut names) = (BTreeMap::new(), Vec::new());
    for file in &exported.files {
        names.push(file.path.clone());
        let reader = SerializedFileReader::new(File::open(place.path("out").join(&file.path)).unwrap()).unwrap();
        let metadata = reader.metadata().file_metadata();
        let features = metadata.key_value_metadata().unwrap().iter().find(|pair| pair.key == "huggingface").unwrap();
        let features: serde_json::Value = serde_json::from_str(features.value.as_ref().unwrap()).unwrap();
        assert_eq!(features["info"]["features"]["image"]["_type"], "Image");
        assert_eq!(features["info"]["features"]["label"]["names"][0], "tench");
        assert_eq!(metadata.num_rows(), file.photos as i64);
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let image = row.get_group(0).unwrap();
            let name = image.get_string(1).unwrap().clone();
            photos.insert(name, (image.get_bytes(0).unwrap().data().to_vec(), row.get_long(1).unwrap()));
        }
    }
    for (sample, image) in (0..).zip(&place.dataset.manifest.images) {
        let (bytes, label) = &photos[&image.file_name];
        assert_eq!(bytes, &fs::read(place.dataset.path_of(sample)).unwrap());
        assert_eq!(*label, i64::from(image.label.unwrap()));
    }
    assert_eq!(photos.len(), PHOTOS as usize);
    let train = names.iter().filter(|name| name.contains("train")).count();
    assert_eq!(names[0], format!("data/train-00000-of-{train:05}.parquet"));
    assert!(train > 2 && names.iter().any(|name| name.starts_with("data/validation-00000-of-")), "{names:?}");
}

#[test]
fn an_export_is_the_same_bytes_every_time_and_another_seed_is_another_order() {
    let place = Place::new();
    for target in [Target::Webdataset, Target::Parquet] {
        let of = |name: &str| -> Vec<Vec<u8>> { contents(&place.path(name)).into_values().collect() };
        let (one, two) = (format!("{target:?}-1"), format!("{target:?}-2"));
        let first = place.export(target, &one).unwrap();
        let second = place.export(target, &two).unwrap();
        assert_eq!(of(&one), of(&two));
        assert_eq!(first.files, second.files);
        let options = ExportOptions { shuffle_seed: Some(1), ..ExportOptions::new(target) };
        let other = export(&place.dataset, &place.path(&format!("{target:?}-3")), &options, &Silent).unwrap();
        assert_ne!(other.files[0].sha256, first.files[0].sha256);
        let account: serde_json::Value =
            serde_json::from_slice(&fs::read(place.path(&one).join(EXPORT_FILE)).unwrap()).unwrap();
        assert_eq!(account["identity"], place.dataset.manifest.identity());
        assert_eq!(account["files"].as_array().unwrap().len(), first.files.len());
    }
}

/// Interrupts after some photos.
struct Impatient(AtomicU64);

impl Watch for Impatient {
    fn advance(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 5
    }
}

#[test]
fn an_export_that_fails_or_is_interrupted_leaves_nothing() {
    let place = Place::new();
    let before = place.names();
    for target in [Target::Webdataset, Target::Parquet] {
        let options = ExportOptions::new(target);
        let error = export(&place.dataset, &place.path("out"), &options, &Impatient(AtomicU64::new(0))).unwrap_err();
        assert!(matches!(error, DataError::Interrupted), "{error}");
        assert_eq!(place.names(), before);
    }
    let path = place.dataset.path_of(7);
    let good = fs::read(&path).unwrap();
    fs::write(&path, datasets::jpeg(20, 20, 99)).unwrap();
    for target in [Target::Webdataset, Target::Parquet] {
        let error = place.export(target, "out").unwrap_err();
        assert!(matches!(&error, DataError::Checksum { path: found, .. } if *found == path), "{error}");
        assert_eq!(place.names(), before);
    }
    fs::write(&path, good).unwrap();
    // The leftovers of a killed process are removed by the next.
    fs::create_dir_all(place.path(".exporting-out/data")).unwrap();
    fs::write(place.path(".exporting-out/data/half.parquet"), "half").unwrap();
    place.export(Target::Parquet, "out").unwrap();
    assert_eq!(place.names(), ["out", "set"]);
    assert!(!contents(&place.path("out")).keys().any(|path| path.ends_with("half.parquet") || path.ends_with(".lock")));
    let error = place.export(Target::Parquet, "out").unwrap_err();
    assert!(error.is_malformed() && error.hint().is_some(), "{error}");
}

#[test]
fn a_second_export_into_a_folder_is_told_which_process_works_there() {
    let place = Place::new();
    let lock = FolderLock::acquire_beside(&place.path("out"), "export").unwrap();
    let error = place.export(Target::Webdataset, "out").unwrap_err();
    assert!(matches!(error, DataError::File(FileError::InUse { .. })), "{error}");
    assert!(error.to_string().contains(&format!("(export, process {}", std::process::id())), "{error}");
    assert_eq!(place.names(), [".out.lock", "set"]);
    drop(lock);
    place.export(Target::Webdataset, "out").unwrap();
}

#[test]
fn of_many_exports_into_one_folder_one_wins_and_no_files_are_mixed() {
    let place = Place::new();
    for trial in 0..50 {
        let barrier = Barrier::new(4);
        let ended: Vec<Result<Exported, DataError>> = std::thread::scope(|scope| {
            let start = |number: u64| {
                let (place, barrier) = (&place, &barrier);
                let target = if number.is_multiple_of(2) { Target::Webdataset } else { Target::Parquet };
                let options = ExportOptions { shuffle_seed: Some(number), ..ExportOptions::new(target) };
                scope.spawn(move || {
                    barrier.wait();
                    export(&place.dataset, &place.path("out"), &options, &Silent)
                })
            };
            let threads: Vec<_> = (0..4).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<&Exported> = ended.iter().filter_map(|ended| ended.as_ref().ok()).collect();
        assert_eq!(won.len(), 1, "trial {trial}: {ended:?}");
        for error in ended.iter().filter_map(|ended| ended.as_ref().err()) {
            assert!(matches!(error, DataError::File(FileError::InUse { .. })) || error.is_malformed(), "{error}");
            assert!(error.hint().is_some(), "{error}");
        }
        let found = contents(&place.path("out"));
        assert_eq!(found.len(), won[0].files.len() + 1, "trial {trial}");
        for file in &won[0].files {
            assert_eq!(sha256(&found[&place.path("out").join(&file.path)]), file.sha256, "trial {trial}");
        }
        fs::remove_dir_all(place.path("out")).unwrap();
        assert_eq!(place.names(), ["set"], "trial {trial}");
    }
}

#[test]
fn the_tools_own_libraries_read_what_was_exported() {
    // Needs Python and a package index, which a test run must not depend on.
    let Some(python) = std::env::var_os("IMAGENETTE_TEST_PYTHON") else {
        println!("skipped: set IMAGENETTE_TEST_PYTHON=python3 to read exports back with webdataset and datasets");
        return;
    };
    let place = Place::new();
    let webdataset = place.export(Target::Webdataset, "webdataset").unwrap();
    place.export(Target::Parquet, "parquet").unwrap();
    let train = webdataset.files.iter().filter(|file| file.split == Split::Train).count();
    let mut listed = String::new();
    for (sample, image) in (0..).zip(&place.dataset.manifest.images) {
        let path = place.dataset.path_of(sample);
        listed += &format!("{}\t{}\t{}\n", image.split.name(), image.label.unwrap(), path.display());
    }
    fs::write(place.path("photos.tsv"), listed).unwrap();
    let ended = Command::new("sh")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_back/run"))
        .arg(&python)
        .args([Path::new(env!("CARGO_TARGET_TMPDIR")), place.folder.path()])
        .arg(train.to_string())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    println!("{out}");
    assert!(ended.status.success(), "{out}\n{err}");
    assert!(
        out.contains("skipped: ") || out.contains("webdataset read 40") && out.contains("datasets read 40"),
        "{out}"
    );
}
