//! Broken and hostile copies: nothing escapes, nothing is dropped in silence, nothing half-written is taken for
//! complete.

mod originals;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use imagenette_data::dataset::Dataset;
use imagenette_data::make::original::tar::TarEnd;
use imagenette_data::make::original::{Content, Visitor, address::Address, parquet, tar as tars};
use imagenette_data::make::spec::{Size, Spec, SplitRule};
use imagenette_data::make::{Form, Made, MakeJob, MergeJob, Summary, make, merge, parts_folder};
use imagenette_data::watch::{Silent, Watch};
use imagenette_data::{Hint, Result};
use originals::{CLASSES, jpeg, parquet_of, photos, tar_of, train_tar, write, write_layout};

/// Wants everything and remembers what it was shown.
#[derive(Default)]
struct Everything {
    photos: Vec<String>,
    troubles: Vec<(String, String)>,
}

impl Visitor for Everything {
    fn wants_class(&self, _wnid: &str) -> bool {
        true
    }

    fn wants(&mut self, _address: &mut Address, _path: &str) -> Result<bool> {
        Ok(true)
    }

    fn photo(&mut self, address: Address, _path: &str, content: Content) -> Result<()> {
        assert!(!address.file_name.contains('/') && matches!(content, Content::Bytes(_)));
        self.photos.push(address.file_name);
        Ok(())
    }

    fn trouble(&mut self, path: &str, reason: &str) -> Result<()> {
        self.troubles.push((path.to_owned(), reason.to_owned()));
        Ok(())
    }

    fn other(&mut self) {}

    fn passed(&mut self, _container: &str, _bytes: u64) -> Result<()> {
        Ok(())
    }
}

/// Reads a tar by seeking and as a stream, which must agree.
fn read(tar: &[u8]) -> (TarEnd, Everything) {
    let (mut seeking, mut streaming) = (Everything::default(), Everything::default());
    let ended = tars::read(&tar, tar.len() as u64, "train.tar", &mut seeking).unwrap();
    let streamed = tars::read_gzip(&mut &tar[..], "train.tar", &mut streaming).unwrap();
    assert_eq!(matches!(ended, TarEnd::Whole), matches!(streamed, TarEnd::Whole), "{ended:?} {streamed:?}");
    assert_eq!(seeking.photos, streaming.photos, "{ended:?} {streamed:?}");
    assert_eq!(seeking.troubles.len(), streaming.troubles.len());
    (ended, seeking)
}

fn entry(name: &[u8], kind: tar::EntryType, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn ended(mut tar: Vec<u8>) -> Vec<u8> {
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}

#[test]
fn links_devices_and_names_that_leave_the_tar_are_reported_and_the_rest_is_read() {
    let good = jpeg(20, 20, 1);
    let mut tar = Vec::new();
    for (name, kind) in [
        (&b"n01440764/link.JPEG"[..], tar::EntryType::Symlink),
        (b"n01440764/hard.JPEG", tar::EntryType::Link),
        (b"n01440764/device.JPEG", tar::EntryType::Char),
        (b"n01440764/pipe.JPEG", tar::EntryType::Fifo),
        (b"/n01440764/absolute.JPEG", tar::EntryType::Regular),
        (b"n01440764/../../up.JPEG", tar::EntryType::Regular),
        (b"n01440764/\xFF\xFE.JPEG", tar::EntryType::Regular),
        (b"n01440764/back\\slash.JPEG", tar::EntryType::Regular),
        (b"n01440764/bell\x07.JPEG", tar::EntryType::Regular),
    ] {
        tar.extend(entry(name, kind, 0));
    }
    tar.extend(entry(b"n01440764/good.JPEG", tar::EntryType::Regular, good.len() as u64));
    tar.extend(&good);
    let (end, seen) = read(&ended(tar));
    assert_eq!(end, TarEnd::Whole);
    assert_eq!(seen.photos, ["good.JPEG"]);
    assert_eq!(seen.troubles.len(), 9, "{:?}", seen.troubles);
    assert!(seen.troubles.iter().all(|(path, _)| !path.contains('\u{7}')), "no control codes reach a terminal");
}

#[test]
fn a_truncated_tar_is_never_taken_for_complete() {
    let photos = photos();
    let tar = train_tar(&photos);
    assert_eq!(read(&tar).0, TarEnd::Whole);
    assert_eq!(read(&tar).1.photos.len(), 24);
    // The end mark has two blocks, and one of them must be there.
    for length in (0..tar.len() - 1023).step_by(509).chain([tar.len() - 1024, tar.len() - 1023]) {
        let (end, seen) = read(&tar[..length]);
        assert!(matches!(end, TarEnd::Broken(_)), "{length} of {}: {end:?}, {} photos", tar.len(), seen.photos.len());
    }
}

#[test]
fn wrong_sizes_and_nested_tars_are_bounded() {
    let good = jpeg(20, 20, 1);
    // A member that claims more bytes than there are, of every size up to the largest number.
    for claimed in [good.len() as u64 + 100_000, 60 << 20, 1 << 33] {
        let mut tar = entry(b"n01440764/a.JPEG", tar::EntryType::Regular, good.len() as u64);
        tar.extend(&good);
        tar.resize(tar.len().next_multiple_of(512), 0);
        tar.extend(entry(b"n01440764/liar.JPEG", tar::EntryType::Regular, claimed));
        tar.extend(&good);
        let (end, seen) = read(&ended(tar));
        assert!(matches!(end, TarEnd::Broken(_)), "{claimed}");
        assert_eq!(seen.photos, ["a.JPEG"]);
    }
    // An inner tar that claims more bytes than are left in the outer one.
    let inner = tar_of([("a.JPEG".to_owned(), &good[..])]);
    let mut deep = inner.clone();
    for _ in 0..4 {
        deep = tar_of([("n01440764.tar".to_owned(), &deep[..])]);
    }
    let (end, seen) = read(&deep);
    assert_eq!((end, seen.photos.len()), (TarEnd::Whole, 0));
    assert!(seen.troubles[0].1.contains("archives"), "{:?}", seen.troubles);
    // A truncated inner tar is reported, and the next one is read.
    let cut = &inner[..inner.len() - 1300];
    let outer = tar_of([("n01440764.tar".to_owned(), cut), ("n02102040.tar".to_owned(), &inner[..])]);
    let (end, seen) = read(&outer);
    assert_eq!((end, seen.photos), (TarEnd::Whole, vec!["a.JPEG".to_owned()]));
    assert!(seen.troubles[0].0.ends_with("n01440764.tar"), "{:?}", seen.troubles);
    // Found by fuzzing: the name of an inner tar must not reach a terminal unescaped either.
    let escaping = tar_of([("bell\u{7}.tar".to_owned(), cut)]);
    assert!(read(&escaping).1.troubles.iter().all(|(path, _)| !path.contains('\u{7}')));
}

#[test]
fn any_bytes_are_read_without_harm() {
    let photos = photos();
    let rows: Vec<_> = photos.iter().take(9).collect();
    let file = parquet_of(&rows);
    let tar = train_tar(&photos[..8]);
    let mut random = imagenette_data::random::Random::new(1, imagenette_data::random::Purpose::Test, 0, 0);
    for _ in 0..150 {
        let mut damaged = tar.clone();
        let mut broken = file.clone();
        for bytes in [&mut damaged, &mut broken] {
            for _ in 0..1 + random.below(6) {
                let at = random.below(bytes.len() as u32) as usize;
                bytes[at] = random.next_u32() as u8;
            }
            if random.chance(0.3) {
                bytes.truncate(random.below(bytes.len() as u32) as usize);
            }
        }
        let _ = tars::read(&&damaged[..], damaged.len() as u64, "a.tar", &mut Everything::default()).unwrap();
        let _ = parquet::read(bytes::Bytes::from(broken), "train-0.parquet", &mut Everything::default()).unwrap();
    }
}

#[test]
fn a_parquet_of_other_columns_types_or_bytes_says_what_it_lacks() {
    use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use ::parquet::file::writer::SerializedFileWriter;
    let schema = |text: &str| std::sync::Arc::new(::parquet::schema::parser::parse_message_type(text).unwrap());
    let refused =
        |file: Vec<u8>| parquet::read(bytes::Bytes::from(file), "train-0.parquet", &mut Everything::default()).unwrap();
    let mut file = Vec::new();
    let wrong = schema("message m { OPTIONAL group image { REQUIRED INT64 bytes; } REQUIRED DOUBLE label; }");
    let mut writer = SerializedFileWriter::new(&mut file, wrong, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[1], Some(&[1]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[0.5], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    assert!(refused(file).unwrap().contains("image.bytes"));

    let mut file = Vec::new();
    let other = schema("message m { REQUIRED BYTE_ARRAY text; }");
    let mut writer = SerializedFileWriter::new(&mut file, other, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&[ByteArray::from("a")], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    assert!(refused(file).unwrap().contains("image.bytes"));
    assert!(refused(b"PAR1 a letter PAR1".to_vec()).is_some());
    assert!(refused(Vec::new()).is_some());
}

fn job(from: &[PathBuf], out: &Path) -> MakeJob {
    let classes = CLASSES.iter().map(|class| (*class).to_owned()).collect();
    let spec = Spec { sizes: vec![Size::Shortest(24)], ..Spec::own("own".into(), classes, SplitRule::V1) };
    MakeJob {
        spec,
        from: from.to_vec(),
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

fn summary(made: Made) -> Summary {
    match made {
        Made::Datasets(_, Some(summary)) => summary,
        other => panic!("a summary is expected: {other:?}"),
    }
}

#[test]
fn repeated_names_and_names_that_differ_only_in_case_are_reported_and_the_first_counts() {
    let place = tempfile::tempdir().unwrap();
    let mut class = Vec::new();
    let photos: Vec<Vec<u8>> = (0..4).map(|salt| jpeg(30, 30, salt)).collect();
    for (name, bytes) in
        ["n01440764_1.JPEG", "n01440764_1.JPEG", "N01440764_1.jpeg", "n01440764_2.JPEG"].iter().zip(&photos)
    {
        class.push(((*name).to_owned(), &bytes[..]));
    }
    class[2].0 = "n01440764_1.jpeg".into();
    let inner = tar_of(class);
    let others =
        train_tar(&originals::photos().into_iter().filter(|photo| photo.wnid != "n01440764").collect::<Vec<_>>());
    write(&place.path().join("ILSVRC2012_img_train.tar"), tar_of([("n01440764.tar".to_owned(), &inner[..])]));
    write(&place.path().join("more/train.tar"), others);
    write_layout(&place.path().join("val"), "kaggle", &originals::photos());
    fs::remove_dir_all(place.path().join("val/ILSVRC/Data/CLS-LOC/train")).unwrap();
    let summary = summary(make(&job(&[place.path().to_owned()], &place.path().join("out")), &Silent).unwrap());
    assert_eq!((summary.photos, summary.skipped), (2 + 18 + 8, 2), "{:?}", summary.files);
    assert!(summary.files.iter().all(|file| file.reason.contains("was there before")), "{:?}", summary.files);
}

#[test]
fn a_copy_without_validation_classes_is_an_error_that_says_how_to_give_them() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("copy");
    write_layout(&from, "tars", &photos());
    fs::remove_file(from.join("val.txt")).unwrap();
    let out = place.path().join("out");
    let error = make(&job(std::slice::from_ref(&from), &out), &Silent).unwrap_err();
    assert!(error.hint().unwrap().contains("--val-list"), "{error}");
    // A list by position that is too short: no one could tell which photo a line is for.
    let list = place.path().join("ground_truth.txt");
    write(&list, "n01440764\n".repeat(49_999));
    let short = MakeJob { val_list: Some(list.clone()), ..job(std::slice::from_ref(&from), &out) };
    assert!(make(&short, &Silent).unwrap_err().to_string().contains("expected 50000 lines"));
    // A list by name that lacks photos: they are reported.
    write(&list, "ILSVRC2012_val_00000293.JPEG n01440764\n");
    let error = make(&short, &Silent).unwrap_err();
    assert!(error.to_string().contains("no photos in val/"), "{error}");
}

#[test]
fn a_truncated_source_is_an_error_and_what_was_made_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let (from, out) = (place.path().join("copy"), place.path().join("out"));
    write_layout(&from, "tars", &photos());
    let tar = from.join("ILSVRC2012_img_train.tar");
    let whole = fs::read(&tar).unwrap();
    fs::write(&tar, &whole[..whole.len() / 2]).unwrap();
    let error = make(&job(std::slice::from_ref(&from), &out), &Silent).unwrap_err();
    assert!(error.to_string().contains("a whole tar") && error.hint().unwrap().contains("kept"), "{error}");
    assert!(!out.join("own-24").exists());
    fs::write(&tar, &whole).unwrap();
    let notices = Notices::default();
    let summary = summary(make(&job(&[from], &out), &notices).unwrap());
    assert_eq!(summary.photos, 32);
    assert!(notices.said.lock().unwrap().iter().any(|notice| notice.contains("are kept")));
}

#[derive(Default)]
struct Notices {
    said: std::sync::Mutex<Vec<String>>,
}

impl Watch for Notices {
    fn notice(&self, message: &str) {
        self.said.lock().unwrap().push(message.to_owned());
    }
}

/// Interrupts once it was asked this many times.
struct After {
    left: AtomicUsize,
}

impl Watch for After {
    fn interrupted(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    }
}

#[test]
fn a_run_that_is_interrupted_again_and_again_ends_in_the_same_bytes() {
    let place = tempfile::tempdir().unwrap();
    let (from, out) = (place.path().join("copy"), place.path().join("out"));
    write_layout(&from, "folders", &photos());
    make(&job(std::slice::from_ref(&from), &place.path().join("whole")), &Silent).unwrap();
    let mut interruptions = 0;
    for patience in (5..).step_by(23) {
        match make(&job(std::slice::from_ref(&from), &out), &After { left: AtomicUsize::new(patience) }) {
            Ok(_) => break,
            Err(error) => {
                assert!(matches!(error, imagenette_data::DataError::Interrupted), "{error}");
                assert!(!out.join("own-24").exists(), "what is unfinished has no name");
                interruptions += 1;
            }
        }
    }
    assert!(interruptions > 3, "{interruptions}");
    let manifest = |folder: &str| fs::read(place.path().join(folder).join("own-24/manifest.jsonl")).unwrap();
    assert_eq!(manifest("out"), manifest("whole"));
}

#[test]
fn two_makers_on_one_output_make_it_once() {
    let place = tempfile::tempdir().unwrap();
    let (from, out) = (place.path().join("copy"), place.path().join("out"));
    write_layout(&from, "folders", &photos());
    let job = job(&[from], &out);
    let made = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..3).map(|_| scope.spawn(|| make(&job, &Silent).unwrap())).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect::<Vec<_>>()
    });
    let fresh = made.iter().filter(|made| matches!(made, Made::Datasets(made, _) if !made[0].was_there)).count();
    assert_eq!(fresh, 1);
}

#[test]
fn makers_of_two_specs_under_one_name_do_not_mix_their_files() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("copy");
    write_layout(&from, "folders", &photos());
    let with_quality = |quality, out: &Path| {
        let job = job(std::slice::from_ref(&from), out);
        MakeJob { spec: Spec { quality, ..job.spec.clone() }, ..job }
    };
    let expected = [50, 90].map(|quality| {
        let out = place.path().join(quality.to_string());
        make(&with_quality(quality, &out), &Silent).unwrap();
        Dataset::open(&out.join("own-24")).unwrap().manifest.identity()
    });
    assert_ne!(expected[0], expected[1]);
    for trial in 0..15 {
        let out = place.path().join(format!("out {trial}"));
        let barrier = std::sync::Barrier::new(4);
        let ended: Vec<Result<Made>> = std::thread::scope(|scope| {
            let start = |number: usize| {
                let (job, barrier) = (with_quality([50, 90][number % 2], &out), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    make(&job, &Silent)
                })
            };
            let threads: Vec<_> = (0..4).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let fresh = ended.iter().filter(|made| matches!(made, Ok(Made::Datasets(made, _)) if !made[0].was_there));
        assert_eq!(fresh.count(), 1, "trial {trial}: {ended:?}");
        for (number, error) in
            ended.iter().enumerate().filter_map(|(number, made)| Some((number, made.as_ref().err()?)))
        {
            assert!(error.hint().is_some_and(|hint| hint.contains("--force")), "{number}: {error}");
        }
        let dataset = Dataset::open(&out.join("own-24")).unwrap();
        assert!(dataset.verify(true, &Silent).unwrap().is_sound(), "trial {trial}");
        assert!(expected.contains(&dataset.manifest.identity()), "trial {trial}");
        let names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["own-24"], "trial {trial}");
    }
}

#[test]
fn makers_that_begin_one_shard_anew_do_not_mix_their_files() {
    let place = tempfile::tempdir().unwrap();
    let (from, out) = (place.path().join("copy"), place.path().join("out"));
    write_layout(&from, "folders", &photos());
    let job = MakeJob { shard: Some((1, 1)), force: true, ..job(&[from], &out) };
    for trial in 0..10 {
        std::thread::scope(|scope| {
            let makers: Vec<_> = (0..3).map(|_| scope.spawn(|| make(&job, &Silent).unwrap())).collect();
            for maker in makers {
                assert!(matches!(maker.join().unwrap(), Made::Shard { photos: 32, .. }), "trial {trial}");
            }
        });
    }
    let merging = MergeJob { members: None, noise_from: None, out: None, form: Form::Folder, force: false };
    merge(&parts_folder(&out, &job.spec), &merging, &Silent).unwrap();
    assert!(Dataset::open(&out.join("own-24")).unwrap().verify(true, &Silent).unwrap().is_sound());
}

#[test]
fn a_place_that_cannot_be_written_to_and_a_missing_copy_are_named() {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("file"), "in the way");
    write_layout(&place.path().join("copy"), "folders", &photos());
    let error = make(&job(&[place.path().join("copy")], &place.path().join("file/out")), &Silent).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    let error = make(&job(&[place.path().join("nowhere")], &place.path().join("out")), &Silent).unwrap_err();
    assert!(error.hint().unwrap().contains("--from"), "{error}");
    fs::create_dir(place.path().join("empty")).unwrap();
    let error = make(&job(&[place.path().join("empty")], &place.path().join("out")), &Silent).unwrap_err();
    assert!(error.hint().unwrap().contains("ILSVRC2012_img_train.tar"), "{error}");
    assert!(!place.path().join("out").join("own-24").exists());
}
