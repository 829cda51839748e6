//! Datasets made from a synthetic ImageNet in every layout: the same bytes from every copy, with any number of
//! threads, in one run or in shards.

mod originals;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use imagenette_data::Hint;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::{Edition, Split};
use imagenette_data::make::spec::{Family, Size, Spec, SplitRule};
use imagenette_data::make::{Form, Made, MakeJob, MergeJob, SUMMARY_FILE, Status, Summary, make, merge, parts_folder};
use imagenette_data::watch::Silent;
use originals::{LAYOUTS, photos, write, write_layout};

fn job(spec: Spec, from: &Path, out: &Path) -> MakeJob {
    MakeJob {
        spec,
        from: vec![from.to_owned()],
        val_list: None,
        members: None,
        noise_from: None,
        out: out.to_owned(),
        form: Form::Folder,
        shard: None,
        strict: false,
        force: false,
        threads: 2,
    }
}

fn sizes(spec: Spec, sizes: &[Size]) -> Spec {
    Spec { sizes: sizes.to_vec(), ..spec }
}

/// Two classes, ImageNet's own split, two sizes.
fn two_classes() -> Spec {
    let classes = vec!["n01440764".into(), "n02979186".into()];
    sizes(Spec::own("two".into(), classes, SplitRule::V1), &[Size::Full, Size::Shortest(32)])
}

fn datasets(made: Made) -> (Vec<PathBuf>, Option<Summary>) {
    match made {
        Made::Datasets(made, summary) => (made.into_iter().map(|made| made.path).collect(), summary),
        Made::Shard { .. } => panic!("datasets are expected"),
    }
}

/// Every file below a folder; the manifest without where it came from.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn below(folder: &Path, name: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{name}/{}", path.file_name().unwrap().to_string_lossy());
            if path.is_dir() {
                below(&path, &name, found);
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    below(folder, "", &mut found);
    found
}

/// The photos alone.
fn photos_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    contents(folder).into_iter().filter(|(name, _)| name.ends_with(".JPEG")).collect()
}

#[test]
fn every_layout_gives_the_same_dataset() {
    let place = tempfile::tempdir().unwrap();
    let photos = photos();
    let mut first: Option<BTreeMap<String, Vec<u8>>> = None;
    for layout in LAYOUTS {
        let (from, out) = (place.path().join(layout), place.path().join(format!("out-{layout}")));
        write_layout(&from, layout, &photos);
        let (paths, summary) = datasets(make(&job(two_classes(), &from, &out), &Silent).unwrap());
        assert_eq!(paths, [out.join("two"), out.join("two-32")], "{layout}");
        let summary = summary.unwrap();
        assert_eq!((summary.photos, summary.skipped, summary.files.len()), (16, 0, 0), "{layout}: {summary:?}");
        let dataset = Dataset::open(&paths[1]).unwrap();
        assert!(dataset.verify(true, &Silent).unwrap().is_sound());
        assert_eq!((dataset.manifest.size.as_str(), dataset.manifest.edition), ("32", Edition::Own));
        assert_eq!((dataset.manifest.samples(Split::Train).len(), dataset.manifest.samples(Split::Val).len()), (12, 4));
        assert!(dataset.manifest.images.iter().all(|image| image.width_px.min(image.height_px) == 32));
        // `full` holds the originals, byte for byte.
        for photo in photos.iter().filter(|photo| ["n01440764", "n02979186"].contains(&photo.wnid)) {
            let split = if photo.is_val { "val" } else { "train" };
            let made = fs::read(paths[0].join(split).join(photo.wnid).join(&photo.name)).unwrap();
            assert!(made == photo.bytes, "{layout}: {}", photo.name);
        }
        let found = photos_in(&paths[1]);
        match &first {
            None => first = Some(found),
            Some(first) => assert!(*first == found, "{layout}"),
        }
        assert!(!out.join(".making-two").exists(), "nothing unfinished stays");
    }
}

/// A process that is killed while it removes what it worked with leaves a part of it.
#[test]
fn leftovers_of_an_earlier_run_are_removed_and_what_another_run_needs_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let (from, out) = (place.path().join("copy"), place.path().join("out"));
    write_layout(&from, "tars", &photos());
    make(&job(two_classes(), &from, &out), &Silent).unwrap();
    let before = contents(&out.join("two"));
    let (remains, unfinished) = (out.join(".made-two"), out.join(".making-two/part"));
    fs::create_dir_all(remains.join("part/train")).unwrap();
    fs::create_dir_all(&unfinished).unwrap();
    let Made::Datasets(made, None) = make(&job(two_classes(), &from, &out), &Silent).unwrap() else {
        panic!("everything was there")
    };
    assert!(made.iter().all(|made| made.was_there));
    assert!(!remains.exists(), "nobody needs it");
    assert!(unfinished.exists(), "it may be of a making in another form");
    assert!(before == contents(&out.join("two")));
}

#[test]
fn one_thread_and_four_make_the_same_bytes_in_folders_and_archives() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("copy");
    write_layout(&from, "tars", &photos());
    let mut made = Vec::new();
    for threads in [1, 4] {
        let out = place.path().join(threads.to_string());
        let spec = Spec { noise: vec![25], ..two_classes() };
        let folder = MakeJob { threads, ..job(spec.clone(), &from, &out) };
        let (paths, _) = datasets(make(&folder, &Silent).unwrap());
        let archive = MakeJob { threads, form: Form::Tgz, ..job(spec, &from, &out) };
        let (archives, _) = datasets(make(&archive, &Silent).unwrap());
        made.push((contents(&paths[1]), fs::read(&archives[1]).unwrap()));
        assert!(made[0].0.contains_key("/noisy_two.csv"));
    }
    assert!(made[0] == made[1]);
    // Our own archives can be installed like any other.
    let store = imagenette_data::store::Store::at(place.path().join("store"));
    let options = imagenette_data::install::GetOptions::default();
    let archive = place.path().join("1/two-32.tgz");
    let installed = imagenette_data::install::get_from(&archive, &store, None, &options, &Silent).unwrap();
    let original = Dataset::open(&place.path().join("1/two-32")).unwrap();
    assert_eq!(installed.dataset.manifest.identity(), original.manifest.identity());
}

#[test]
fn shards_are_disjoint_and_merge_to_what_one_process_makes() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("copy");
    write_layout(&from, "kaggle", &photos());
    let spec = Spec { split: SplitRule::Ratio(70, 30), ..two_classes() };
    let (whole, _) = datasets(make(&job(spec.clone(), &from, &place.path().join("whole")), &Silent).unwrap());
    let out = place.path().join("sharded");
    let merging = MergeJob { members: None, noise_from: None, out: None, form: Form::Folder, force: false };
    let parts = parts_folder(&out, &spec);
    let mut total = 0;
    for number in [3, 1, 2] {
        if number == 2 {
            let error = merge(&parts, &merging, &Silent).unwrap_err();
            assert!(error.to_string().contains("no 2/3"), "{error}");
        }
        let shard = MakeJob { shard: Some((number, 3)), ..job(spec.clone(), &from, &out) };
        let Made::Shard { photos, .. } = make(&shard, &Silent).unwrap() else { panic!("a shard") };
        total += photos;
    }
    assert_eq!(total, 16);
    let (merged, summary) = datasets(merge(&parts, &merging, &Silent).unwrap());
    assert_eq!(summary.unwrap().photos, 16);
    assert!(contents(&merged[0]) == contents(&whole[0]) && contents(&merged[1]) == contents(&whole[1]));
    // A shard that was changed afterward is found, and made again by its own command. The dataset does not share its
    // files with the shards and stays as it is.
    fs::remove_dir_all(&merged[0]).unwrap();
    let victim = walk_to_photo(&parts.join("1-of-3/photos/32"));
    fs::write(&victim, "damaged").unwrap();
    let error = merge(&parts, &merging, &Silent).unwrap_err();
    assert!(error.hint().unwrap().contains("--shard 1/3"), "{error} {:?}", error.hint());
    make(&MakeJob { shard: Some((1, 3)), ..job(spec, &from, &out) }, &Silent).unwrap();
    merge(&parts, &merging, &Silent).unwrap();
}

fn walk_to_photo(folder: &Path) -> PathBuf {
    let mut path = folder.to_owned();
    while path.is_dir() {
        path = fs::read_dir(&path).unwrap().next().expect("something in it").unwrap().path();
    }
    path
}

#[test]
fn an_official_edition_takes_its_members_and_names_what_the_copy_lacks() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("copy");
    write_layout(&from, "tars", &photos());
    // No list of validation classes is needed: the list of members knows them.
    fs::remove_file(from.join("val.txt")).unwrap();
    let classes = ["n03000684", "n03028079", "n03394916", "n03417042", "n03425413", "n03445777", "n03888257"];
    let error =
        make(&job(Spec::of(Family::Imagenette, SplitRule::V2), &from, &place.path().join("x")), &Silent).unwrap_err();
    assert!(error.to_string().contains("n03000684"), "a class without a photo is an error: {error}");
    for (number, wnid) in classes.into_iter().enumerate() {
        for split in ["train", "val"] {
            let path = from.join(split).join(wnid);
            // The first photos of the class in the list.
            let list = first_of(wnid, split);
            write(&path.join(list), originals::jpeg(50, 40, number as u32));
        }
    }
    let spec = sizes(Spec::of(Family::Imagenette, SplitRule::V2), &[Size::Shortest(32)]);
    let (paths, summary) = datasets(make(&job(spec, &from, &place.path().join("out")), &Silent).unwrap());
    let (dataset, summary) = (Dataset::open(&paths[0]).unwrap(), summary.unwrap());
    assert_eq!((dataset.manifest.name.as_str(), dataset.manifest.edition), ("imagenette2-32", Edition::Own));
    assert_eq!(summary.photos + summary.missing, 13_394, "photos of the fourth class are not Imagenette's");
    assert_eq!(summary.photos, dataset.manifest.images.len());
    assert_eq!(summary.files.iter().filter(|file| file.status == Status::Missing).count(), summary.missing);
    // Three classes have eight photos; of ImageNet's val photos v2 has most in train.
    assert_eq!(summary.photos, 3 * 8 + 7 * 2);
    assert!(paths[0].join("train/n01440764/ILSVRC2012_val_00000293.JPEG").is_file());
}

/// A photo of a class that v2 puts into this split.
fn first_of(wnid: &str, split: &str) -> String {
    let text = include_str!("../src/make/members/imagenette2.txt");
    let line = text.lines().find(|line| line.starts_with(&format!("{wnid} {split} train "))).unwrap();
    format!("{wnid}_{}.JPEG", line.split(' ').nth(3).unwrap())
}

#[test]
fn bad_photos_are_reported_and_stop_only_a_strict_run() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("pets");
    for (class, number) in [("cats", 1), ("cats", 2), ("cats", 3), ("cats", 4), ("dogs", 1), ("dogs", 2), ("dogs", 3)] {
        write(&from.join(class).join(format!("{number}.jpg")), originals::jpeg(50, 40, number));
    }
    let sound = originals::jpeg(60, 60, 9);
    write(&from.join("cats/text.JPEG"), "not a photo");
    write(&from.join("cats/empty.JPEG"), "");
    write(&from.join("dogs/cut.JPEG"), &sound[..sound.len() * 3 / 4]);
    let (pixels, _) = imagenette_data::image::decode(&sound, Path::new("x")).unwrap();
    write(&from.join("dogs/png.JPEG"), imagenette_data::image::encode_png(&pixels));
    write(&from.join("dogs/real.png"), imagenette_data::image::encode_png(&pixels));
    write(&from.join("dogs/notes.txt"), "a note");
    let spec = sizes(Spec::own("pets".into(), vec!["all".into()], SplitRule::Ratio(70, 30)), &[Size::Shortest(24)]);
    let strict = MakeJob { strict: true, ..job(spec.clone(), &from, &place.path().join("strict")) };
    assert!(make(&strict, &Silent).unwrap_err().is_malformed());
    let (paths, summary) = datasets(make(&job(spec, &from, &place.path().join("out")), &Silent).unwrap());
    let summary = summary.unwrap();
    let told = |status| -> Vec<&str> {
        summary.files.iter().filter(|file| file.status == status).map(|file| file.source.as_str()).collect()
    };
    assert_eq!(told(Status::Skipped), ["cats/empty.JPEG", "cats/text.JPEG"]);
    assert_eq!(told(Status::Repaired), ["dogs/cut.JPEG"]);
    assert_eq!(told(Status::Converted), ["dogs/png.JPEG", "dogs/real.png"]);
    assert_eq!((summary.photos, summary.skipped, summary.others), (10, 2, 1));
    let lines = fs::read_to_string(paths[0].join(SUMMARY_FILE)).unwrap();
    assert_eq!(lines.lines().count(), 6, "{lines}");
    assert!(lines.contains("\"status\":\"skipped\"") && lines.contains("holds text"), "{lines}");
    assert!(Dataset::open(&paths[0]).unwrap().verify(true, &Silent).unwrap().is_sound());
}

#[test]
fn a_copy_without_usable_photos_is_explained_and_read_again_next_time() {
    let place = tempfile::tempdir().unwrap();
    let (from, out) = (place.path().join("pets"), place.path().join("out"));
    write(&from.join("cats/1.jpg"), "not a photo");
    let spec = sizes(Spec::own("pets".into(), vec!["all".into()], SplitRule::Ratio(70, 30)), &[Size::Shortest(24)]);
    let error = make(&job(spec.clone(), &from, &out), &Silent).unwrap_err().to_string();
    assert!(error.contains("found 0 and 0; left out: cats/1.jpg (the file holds text"), "{error}");
    write(&from.join("cats/1.jpg"), originals::jpeg(50, 40, 1));
    let error = make(&job(spec.clone(), &from, &out), &Silent).unwrap_err();
    assert!(error.to_string().contains("found 1 and 0") && error.hint().is_some(), "{error}");
    for number in 2..5 {
        write(&from.join("cats").join(format!("{number}.jpg")), originals::jpeg(50, 40, number));
    }
    let (_, summary) = datasets(make(&job(spec, &from, &out), &Silent).unwrap());
    assert_eq!(summary.unwrap().photos, 4);
    let classes = vec!["cats".into(), "dgos".into()];
    let misspelled = sizes(Spec::own("two".into(), classes, SplitRule::Ratio(70, 30)), &[Size::Shortest(24)]);
    let error = make(&job(misspelled, &from, &out), &Silent).unwrap_err();
    assert!(error.to_string().contains("none of dgos") && error.hint().is_some(), "{error}");
}

#[test]
fn the_same_command_again_does_nothing_and_another_spec_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (from, out) = (place.path().join("copy"), place.path().join("out"));
    write_layout(&from, "folders", &photos());
    let first = job(two_classes(), &from, &out);
    make(&first, &Silent).unwrap();
    fs::remove_dir_all(&from).unwrap();
    let Made::Datasets(again, None) = make(&first, &Silent).unwrap() else { panic!("all was there") };
    assert!(again.iter().all(|made| made.was_there));
    write_layout(&from, "folders", &photos());
    let other = job(Spec { quality: 50, ..two_classes() }, &from, &out);
    assert!(make(&other, &Silent).unwrap_err().hint().unwrap().contains("--force"));
    let before = photos_in(&out.join("two-32"));
    make(&MakeJob { force: true, ..other }, &Silent).unwrap();
    assert!(before != photos_in(&out.join("two-32")));
    // One size that is gone is made again; the other stays.
    fs::remove_dir_all(out.join("two")).unwrap();
    let (paths, _) = datasets(make(&job(Spec { quality: 50, ..two_classes() }, &from, &out), &Silent).unwrap());
    assert!(paths[0].is_dir());
}
