//! Archives unpack whole or not at all, and an error names the member at fault.

mod photos;

use std::fs;
use std::path::{Path, PathBuf};

use imagenette_data::intake::archive::{ExtractLimits, Extracted, extract, stem};
use imagenette_data::watch::{Silent, Watch};
use imagenette_data::{DataError, FileError, Hint};
use photos::{gzip, jpeg, small_set, tar_of};
use tar::EntryType;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn extract_with(&self, archive: &[u8], limits: &ExtractLimits, watch: &dyn Watch) -> Result<Extracted, DataError> {
        // The name says nothing: only the content counts.
        let path = self.folder.path().join("archive.bin");
        fs::write(&path, archive).expect("written");
        extract(&path, &self.out(), limits, watch)
    }

    fn extract(&self, archive: &[u8]) -> Result<Extracted, DataError> {
        self.extract_with(archive, &ExtractLimits::default(), &Silent)
    }

    /// The text of the error, after checking that nothing was left.
    fn refuses(&self, archive: &[u8]) -> String {
        let error = self.extract(archive).expect_err("it should be refused");
        assert!(!self.out().exists(), "a folder was left after: {error}");
        assert!(error.to_string().contains("archive.bin"), "{error}");
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    }
}

/// A tar with the small set and one more member, whose name is written unchanged.
fn tar_with(name: &[u8], kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &[u8], kind: EntryType, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").expect("a short name");
        }
        header.set_cksum();
        builder.append(&header, content).expect("a member");
    };
    for (path, bytes) in small_set(1) {
        add(path.as_bytes(), EntryType::Regular, &bytes);
    }
    add(name, kind, content);
    builder.into_inner().expect("a tar")
}

#[test]
fn plain_and_compressed_archives_give_the_same_photos() {
    let mut files = small_set(3);
    files.push(("noisy_imagenette.csv".into(), b"path,noisy_labels_0\n".to_vec()));
    files.push(("train/zebra/._0.JPEG".into(), b"clutter".to_vec()));
    let tar = tar_of("set", &files);
    for archive in [tar.clone(), gzip(&tar), tar_of("", &files), tar_of(".", &files)] {
        let bench = Bench::new();
        let extracted = bench.extract(&archive).expect("a good archive");
        assert_eq!(extracted.bytes, archive.len() as u64);
        let out = bench.out();
        for (path, bytes) in &files {
            match path.contains("._") {
                true => assert!(!out.join(path).exists()),
                false => assert_eq!(&fs::read(out.join(path)).expect("unpacked"), bytes, "{path}"),
            }
        }
        let source = imagenette_data::manifest::Source { from: "x".into(), sha256: None, archive: None };
        let manifest = extracted.manifest(Path::new("x"), "small", source.clone(), None).expect("a manifest");
        let scanned = imagenette_data::intake::folder::scan(&out, "small", source, &Silent).expect("a manifest");
        assert_eq!(manifest, scanned);
    }
}

#[test]
fn hostile_members_are_refused_by_name() {
    let photo = jpeg(20, 20, 9);
    let cases: [(&[u8], EntryType, &str); 12] = [
        (b"train/zebra/link.JPEG", EntryType::Symlink, "a link"),
        (b"train/zebra/hard.JPEG", EntryType::Link, "a link"),
        (b"train/zebra/dev.JPEG", EntryType::Char, "neither a file nor a folder"),
        (b"train/zebra/fifo.JPEG", EntryType::Fifo, "neither a file nor a folder"),
        (b"/train/zebra/a.JPEG", EntryType::Regular, "absolute"),
        (b"train/../../a.JPEG", EntryType::Regular, "`..`"),
        (b"train/zebra/../../../../a.JPEG", EntryType::Regular, "`..`"),
        (b"train/zebra/\xFFa.JPEG", EntryType::Regular, "UTF-8"),
        (b"train/zebra/0.JPEG", EntryType::Regular, "occurs twice"),
        (b"train/zebra/0.jpeg", EntryType::Regular, "only in case"),
        (b"train/Zebra/1.JPEG", EntryType::Regular, "only in case"),
        (b"train/zebra/\x1b[2J.JPEG", EntryType::Regular, "not allowed in names"),
    ];
    for (name, kind, reason) in cases {
        let content: &[u8] = if kind == EntryType::Regular { &photo } else { &[] };
        for archive in [tar_with(name, kind, content), gzip(&tar_with(name, kind, content))] {
            let error = Bench::new().refuses(&archive);
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains('\x1b'), "a control code reached the message");
        }
    }
}

#[test]
fn every_truncation_is_noticed() {
    let tar = tar_of("set", &small_set(2));
    let packed = gzip(&tar);
    // Between any two blocks, within headers and within content; the last 512 bytes are a second end mark.
    for end in (1..tar.len() - 1024).step_by(256).chain([tar.len() - 1024]) {
        let error = Bench::new().refuses(&tar[..end]);
        assert!(error.contains("truncated") || error.contains("another kind of file"), "{end}: {error}");
    }
    for end in (2..packed.len()).step_by(97).chain([packed.len() - 1, packed.len() - 8]) {
        let error = Bench::new().refuses(&packed[..end]);
        assert!(error.contains("truncated"), "{end}: {error}");
    }
}

#[test]
fn damage_is_noticed() {
    let mut packed = gzip(&tar_of("set", &small_set(2)));
    let middle = packed.len() / 2;
    packed[middle] ^= 0xFF;
    Bench::new().refuses(&packed);
    let mut packed = gzip(&tar_of("set", &small_set(2)));
    let crc = packed.len() - 8;
    packed[crc] ^= 1;
    assert!(Bench::new().refuses(&packed).contains("damaged"));
    let mut tar = tar_of("set", &small_set(2));
    tar[3] ^= 1;
    assert!(Bench::new().refuses(&tar).contains("damaged"));
}

#[test]
fn a_file_that_is_not_an_archive_is_refused() {
    assert!(Bench::new().refuses(b"").contains("an empty file"));
    assert!(Bench::new().refuses(b"<html><body>Sign in to the network</body></html>").contains("another kind of file"));
    assert!(Bench::new().refuses(&jpeg(64, 64, 1)).contains("expected a whole archive"));
    let nowhere = Bench::new();
    let error = extract(&nowhere.folder.path().join("no"), &nowhere.out(), &ExtractLimits::default(), &Silent);
    assert!(matches!(error, Err(DataError::Missing { .. })));
    let folder = extract(nowhere.folder.path(), &nowhere.out(), &ExtractLimits::default(), &Silent);
    assert!(folder.expect_err("a folder is no archive").to_string().contains("expected a file, found a folder"));
}

#[test]
fn limits_are_kept() {
    let archive = tar_of("set", &small_set(2));
    let limits = ExtractLimits::default();
    for (limits, said) in [
        (ExtractLimits { members: 5, ..limits }, "more than 5 members"),
        (ExtractLimits { member_bytes: 100, ..limits }, "more than 100"),
        (ExtractLimits { total_bytes: 4000, ..limits }, "more than 4000 bytes"),
    ] {
        let bench = Bench::new();
        let error = bench.extract_with(&archive, &limits, &Silent).expect_err("over the limit").to_string();
        assert!(error.contains(said) && !bench.out().exists(), "{error}");
    }
}

#[test]
fn a_compression_bomb_is_stopped_by_its_ratio() {
    // 24 MiB of zeros after the header of a photo: packed they take about a thousandth.
    let mut files = small_set(1);
    let mut photo = jpeg(20, 20, 0);
    photo.resize(24 << 20, 0);
    files.push(("train/zebra/bomb.JPEG".into(), photo));
    let error = Bench::new().refuses(&gzip(&tar_of("set", &files)));
    assert!(error.contains("20 times its size") && error.contains("bomb.JPEG"), "{error}");
}

#[test]
fn text_named_jpeg_leaves_nothing() {
    let mut files = small_set(1);
    files.push(("train/zebra/text.JPEG".into(), b"hello".to_vec()));
    let error = Bench::new().refuses(&tar_of("set", &files));
    assert!(error.contains("train/zebra/text.JPEG (the file holds text; expected a JPEG, PNG or WebP)"), "{error}");
}

#[test]
fn an_interruption_leaves_nothing() {
    struct Stop;
    impl Watch for Stop {
        fn interrupted(&self) -> bool {
            true
        }
    }
    let bench = Bench::new();
    let error = bench.extract_with(&tar_of("set", &small_set(1)), &ExtractLimits::default(), &Stop);
    assert!(matches!(error, Err(DataError::Interrupted)) && !bench.out().exists());
}

#[test]
fn names_of_datasets_come_from_files() {
    for (path, name) in
        [("/a/imagenette2-224sq.tar", "imagenette2-224sq"), ("x.tar.gz", "x"), ("b/y.TGZ", "y"), ("v1.2", "v1.2")]
    {
        assert_eq!(stem(Path::new(path)), name);
    }
}

/// What the child process of [`a_full_disk_is_reported_and_leaves_nothing`] does, with a limit on the size of files.
fn unpack_beyond_the_file_limit(folder: &Path) {
    let result = extract(&folder.join("set.tar"), &folder.join("out"), &ExtractLimits::default(), &Silent);
    let error = result.expect_err("a photo is larger than the limit");
    assert!(matches!(&error, DataError::File(FileError::Io { action: "write", .. })), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("free some disk space")), "{error}");
    assert!(!folder.join("out").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported_and_leaves_nothing() {
    if let Some(folder) = std::env::var_os("IMAGENETTE_TEST_FULL_DISK") {
        return unpack_beyond_the_file_limit(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut photo = jpeg(20, 20, 0);
    photo.resize(200_000, 0);
    let files = [("train/zebra/large.JPEG".to_owned(), photo)];
    fs::write(folder.path().join("set.tar"), tar_of("", &files)).expect("written");
    // 100 blocks of 512 or 1,024 bytes; the write then fails as it does on a full disk, instead of a signal.
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 100; exec \"$0\" --exact a_full_disk_is_reported_and_leaves_nothing --nocapture",
        ])
        .arg(std::env::current_exe().expect("this test's program"))
        .env("IMAGENETTE_TEST_FULL_DISK", folder.path())
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
