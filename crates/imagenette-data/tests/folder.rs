//! A folder of photos becomes a manifest, or an error that says what is wrong with it; checking a dataset finds all
//! damage.

mod photos;

use std::fs;
use std::path::Path;

use imagenette_data::dataset::{Dataset, Fault, UNLABELED};
use imagenette_data::edition::{Edition, Split};
use imagenette_data::intake::folder;
use imagenette_data::manifest::{Manifest, Source};
use imagenette_data::watch::Silent;
use imagenette_data::{DataError, Hint};
use photos::{jpeg, small_set, write_files};

fn scan(folder: &Path) -> Result<Manifest, DataError> {
    let source = Source { from: folder.display().to_string(), sha256: None, archive: None };
    folder::scan(folder, "small", source, &Silent)
}

fn small_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_files(folder.path(), &small_set(4));
    folder
}

fn installed() -> (tempfile::TempDir, Dataset) {
    let folder = small_folder();
    scan(folder.path()).expect("a manifest").write(folder.path()).expect("written");
    let dataset = Dataset::open(folder.path()).expect("a dataset");
    (folder, dataset)
}

#[test]
fn a_folder_becomes_a_manifest() {
    let folder = small_folder();
    write_files(folder.path(), &[("train/zebra/._0.JPEG".into(), vec![1]), ("notes.txt".into(), vec![2])]);
    let manifest = scan(folder.path()).expect("a manifest");
    assert_eq!(manifest.edition, Edition::Own);
    assert_eq!(manifest.size, "20");
    assert_eq!(
        manifest.classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["tench", "English springer", "zebra"]
    );
    assert_eq!((manifest.samples(Split::Train).len(), manifest.samples(Split::Val).len()), (12, 3));
    let first = &manifest.images[0];
    assert_eq!(manifest.relative_path(first), "train/n01440764/0.JPEG");
    assert_eq!((first.width_px, first.height_px, first.bytes), (24, 20, jpeg(24, 20, 0).len() as u64));
}

#[test]
fn photos_of_many_sizes_are_full_size() {
    let folder = small_folder();
    write_files(folder.path(), &[("train/zebra/large.JPEG".into(), jpeg(64, 48, 1))]);
    assert_eq!(scan(folder.path()).expect("a manifest").size, "full");
}

#[test]
fn a_png_named_jpeg_is_a_photo() {
    let folder = small_folder();
    let mut png = Vec::new();
    image::RgbImage::new(40, 20).write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).expect("a PNG");
    write_files(folder.path(), &[("train/zebra/p.JPEG".into(), png)]);
    let manifest = scan(folder.path()).expect("a manifest");
    let entry = manifest.images.iter().find(|image| image.file_name == "p.JPEG").expect("listed");
    assert_eq!((entry.width_px, entry.height_px), (40, 20));
}

#[test]
fn text_files_named_jpeg_are_named_in_the_error() {
    let folder = small_folder();
    for i in 0..7 {
        write_files(folder.path(), &[(format!("train/zebra/text{i}.JPEG"), b"hello".to_vec())]);
    }
    let error = scan(folder.path()).expect_err("not photos").to_string();
    assert!(error.contains("7 files that are not") && error.contains("train/zebra/text0.JPEG"), "{error}");
    assert!(error.contains("text4") && !error.contains("text5"), "{error}");
}

#[test]
fn a_class_in_one_split_only_is_an_error() {
    for (path, said) in
        [("val/n02086240/a.JPEG", "train without n02086240 (Shih-Tzu)"), ("train/okapi/a.JPEG", "val without okapi")]
    {
        let folder = small_folder();
        write_files(folder.path(), &[(path.into(), jpeg(20, 20, 0))]);
        let error = scan(folder.path()).expect_err("the splits differ");
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn an_empty_class_is_an_error() {
    let folder = small_folder();
    for split in ["train", "val"] {
        fs::create_dir(folder.path().join(split).join("okapi")).expect("a folder");
    }
    let error = scan(folder.path()).expect_err("a class is empty").to_string();
    assert!(error.contains("no photos in train/okapi, val/okapi"), "{error}");
}

#[test]
fn folders_without_the_layout_are_errors() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    assert!(scan(empty.path()).expect_err("empty").to_string().contains("an empty folder"));
    assert!(matches!(scan(&empty.path().join("nowhere")), Err(DataError::Missing { .. })));
    write_files(empty.path(), &[("cats/a.JPEG".into(), jpeg(9, 9, 0))]);
    assert!(scan(empty.path()).expect_err("no splits").to_string().contains("cats"));
    let loose = small_folder();
    write_files(loose.path(), &[("train/a.JPEG".into(), jpeg(9, 9, 0))]);
    assert!(scan(loose.path()).expect_err("a photo outside of a class").to_string().contains("a.JPEG"));
    let no_val = small_folder();
    fs::remove_dir_all(no_val.path().join("val")).expect("removed");
    assert!(scan(no_val.path()).expect_err("no val").to_string().contains("no classes in val"));
}

#[test]
fn unlabeled_photos_are_directly_in_their_folder() {
    let folder = small_folder();
    write_files(folder.path(), &[("unsup/a.JPEG".into(), jpeg(20, 20, 0))]);
    let manifest = scan(folder.path()).expect("a manifest");
    manifest.write(folder.path()).expect("written");
    let dataset = Dataset::open(folder.path()).expect("a dataset");
    let sample = manifest.samples(Split::Unsup)[0];
    assert_eq!(dataset.path_of(sample), folder.path().join("unsup/a.JPEG"));
    assert_eq!(dataset.labels()[sample as usize], UNLABELED);
    assert!(dataset.verify(true, &Silent).expect("a report").is_sound());
}

#[test]
fn verify_lists_every_problem() {
    let (folder, dataset) = installed();
    let report = dataset.verify(true, &Silent).expect("a report");
    assert!(report.is_sound() && report.photos == 15, "{report:?}");

    let at = |path: &str| folder.path().join(path);
    fs::remove_file(at("train/n01440764/1.JPEG")).expect("removed");
    let mut bytes = fs::read(at("train/n01440764/2.JPEG")).expect("read");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(at("train/n01440764/2.JPEG"), &bytes).expect("written");
    fs::write(at("train/zebra/0.JPEG"), b"short").expect("written");
    fs::write(at("val/zebra/extra.JPEG"), b"x").expect("written");
    fs::write(at("val/zebra/.DS_Store"), b"x").expect("written");
    fs::create_dir(at("train/okapi")).expect("made");

    let shallow = dataset.verify(false, &Silent).expect("a report").problems;
    let seen: Vec<&str> = shallow.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(seen, ["train/n01440764/1.JPEG", "train/okapi", "train/zebra/0.JPEG", "val/zebra/extra.JPEG"]);
    let deep = dataset.verify(true, &Silent).expect("a report").problems;
    assert_eq!(deep.len(), 5);
    let content = deep.iter().find(|problem| problem.path == "train/n01440764/2.JPEG").expect("found");
    assert!(matches!(content.fault, Fault::Content { .. }), "{content}");
}

#[test]
fn a_folder_without_a_manifest_is_not_a_dataset() {
    let folder = small_folder();
    let error = Dataset::open(folder.path()).expect_err("it was never finished");
    assert!(matches!(error, DataError::Missing { what: "manifest", .. }), "{error}");
    let error = Dataset::open(&folder.path().join("nowhere")).expect_err("nothing there");
    assert!(matches!(error, DataError::Missing { what: "dataset", .. }), "{error}");
}
