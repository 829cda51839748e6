//! Audits of small sets with known faults: every one is found, nothing else is, and the report shows it safely.

mod datasets;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use imagenette_data::audit::{Audit, AuditOptions, NameFault, Sameness, Severity, Subject, audit, report};
use imagenette_data::drawn::draw;
use imagenette_data::edition::Split;
use imagenette_data::image::{Pixels, decode, encode_png};
use imagenette_data::watch::{Silent, Watch};
use imagenette_data::{DataError, Hint};

/// A picture that is unlike every other number's.
fn picture(number: u32) -> Pixels {
    draw((number % 10) as u16, Split::Train, number, 0)
}

fn jpeg_of(pixels: &Pixels, quality: u8) -> Vec<u8> {
    let (width, height) = (pixels.width_px as u16, pixels.height_px as u16);
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, quality)
        .encode(&pixels.rgb, width, height, jpeg_encoder::ColorType::Rgb)
        .expect("memory takes it all");
    bytes
}

fn jpeg(number: u32) -> Vec<u8> {
    jpeg_of(&picture(number), 90)
}

/// Every second pixel of every second row, as bad thumbnails are made.
fn halved(pixels: &Pixels) -> Pixels {
    let row = pixels.width_px as usize * 3;
    let rows = pixels.rgb.chunks_exact(row).step_by(2).take(pixels.height_px as usize / 2);
    let rgb = rows.flat_map(|row| row.chunks_exact(3).step_by(2).take(pixels.width_px as usize / 2).flatten());
    Pixels { width_px: pixels.width_px / 2, height_px: pixels.height_px / 2, rgb: rgb.copied().collect() }
}

fn mirrored(pixels: &Pixels) -> Pixels {
    let rows = pixels.rgb.chunks_exact(pixels.width_px as usize * 3);
    Pixels { rgb: rows.flat_map(|row| row.chunks_exact(3).rev().flatten()).copied().collect(), ..pixels.clone() }
}

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a class folder")).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Two classes, six photos each, all different.
fn clean(root: &Path) {
    for (class, wnid) in ["n01440764", "n02102040"].iter().enumerate() {
        for number in 0..6 {
            let split = if number < 4 { "train" } else { "val" };
            write(root, &format!("{split}/{wnid}/{wnid}_{number}.JPEG"), &jpeg(class as u32 * 6 + number));
        }
    }
}

fn audited(root: &Path) -> Audit {
    let options = AuditOptions { threads: 3, ..AuditOptions::default() };
    audit(&Subject::of_folder(root).unwrap(), &options, &Silent).unwrap()
}

fn paths(group: &[imagenette_data::audit::Member]) -> Vec<&str> {
    group.iter().map(|member| member.path.as_str()).collect()
}

#[test]
fn a_clean_set_has_nothing_that_is_bad() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    let audit = audited(folder.path());
    assert!(audit.is_sound() && audit.duplicates.is_empty() && audit.misplaced.is_empty() && audit.blank.is_empty());
    // That val is of ImageNet's training set, as these names say, is nothing to be calm about: pretrained weights saw it.
    let (known, others): (Vec<_>, Vec<_>) =
        audit.findings.iter().partition(|finding| finding.subject == "ImageNet's split");
    assert!(others.iter().all(|finding| finding.severity == Severity::Fine), "{:#?}", audit.findings);
    let [known] = known[..] else { panic!("{:#?}", audit.findings) };
    assert_eq!(known.severity, Severity::Look);
    assert!(known.text.starts_with("4 of 4 photos of val"), "{}", known.text);
    assert_eq!((audit.photos, audit.splits[0].photos, audit.splits[1].photos), (12, 8, 4));
    assert!(audit.classes.iter().all(|class| (class.train, class.val) == (4, 2)));
    assert_eq!(audit.classes[0].name, "tench");
    assert_eq!((audit.formats.len(), audit.formats[0].format, audit.formats[0].photos), (1, "jpg", 12));
}

#[test]
fn every_kind_of_duplicate_is_found_with_its_splits_and_classes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    clean(root);
    // The same file across splits and classes, the same pixels as a PNG, a smaller and worse copy, a mirrored one.
    write(root, "train/n02102040/same.JPEG", &std::fs::read(root.join("val/n01440764/n01440764_4.JPEG")).unwrap());
    let (pixels, _) = decode(&jpeg(0), Path::new("a")).unwrap();
    write(root, "val/n01440764/pixels.JPEG", &encode_png(&pixels));
    write(root, "train/n01440764/small.JPEG", &jpeg_of(&halved(&picture(1)), 40));
    write(root, "val/n02102040/mirrored.JPEG", &jpeg_of(&mirrored(&picture(6)), 90));
    let audit = audited(root);
    let found: Vec<_> = audit
        .duplicates
        .iter()
        .map(|group| (group.sameness, group.across_splits, group.across_classes, paths(&group.photos)))
        .collect();
    let expected = [
        (Sameness::File, true, true, vec!["train/n02102040/same.JPEG", "val/n01440764/n01440764_4.JPEG"]),
        (Sameness::Pixels, true, false, vec!["train/n01440764/n01440764_0.JPEG", "val/n01440764/pixels.JPEG"]),
        (Sameness::Mirrored, true, false, vec!["train/n02102040/n02102040_0.JPEG", "val/n02102040/mirrored.JPEG"]),
        (Sameness::Near, false, false, vec!["train/n01440764/n01440764_1.JPEG", "train/n01440764/small.JPEG"]),
    ];
    assert_eq!(found, expected, "{:#?}", audit.duplicates);
    assert_eq!(audit.leaks(), 2, "whether near copies are leaks is for a person to decide");
    assert!(!audit.is_sound());
    let near = &audit.duplicates[3];
    assert!(near.distance <= 10 && (0.95..1.0).contains(&near.likeness), "{near:?}");
}

#[test]
fn photos_in_the_wrong_place_are_found_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    clean(root);
    write(root, "val/n01440764/n01440764_1.JPEG", &jpeg(20));
    write(root, "train/n02102040/n01440764_77.JPEG", &jpeg(21));
    write(root, "train/n01440764/ILSVRC2012_val_00000293.JPEG", &jpeg(22));
    write(root, "train/n02102040/ILSVRC2012_val_00000293.JPEG", &jpeg(23));
    write(root, "val/n02102040/ILSVRC2012_val_00000007.JPEG", &jpeg(24));
    let audit = audited(root);
    let found: Vec<_> = audit.misplaced.iter().map(|misplaced| (misplaced.fault, misplaced.id.as_str())).collect();
    assert_eq!(
        found,
        [
            (NameFault::InBothSplits, "n01440764_1"),
            (NameFault::UnderTwoClasses, "ILSVRC2012_val_00000293"),
            (NameFault::UnderAnotherClass, "n01440764_77"),
        ]
    );
    assert_eq!(audit.leaks(), 1);
    let train = audit.provenance.iter().find(|provenance| provenance.split == Split::Train).unwrap();
    assert_eq!((train.imagenet_train, train.imagenet_val, train.unknown), (9, 2, 0));
    let text = |subject: &str| &audit.findings.iter().find(|finding| finding.subject == subject).unwrap().text;
    assert!(text("ImageNet's split").contains("2 photos of ImageNet's validation set in train"));
}

#[test]
fn broken_damaged_blank_and_foreign_files_are_distinguished() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    clean(root);
    write(root, "train/n01440764/text.JPEG", b"<html>404</html>");
    write(root, "train/n01440764/empty.JPEG", b"");
    let cut = jpeg(30);
    write(root, "train/n01440764/cut.JPEG", &cut[..cut.len() * 4 / 5]);
    write(root, "train/n01440764/half.JPEG", &cut[..cut.len() / 5]);
    let plain = Pixels { width_px: 50, height_px: 40, rgb: vec![90; 6000] };
    write(root, "train/n02102040/plain.JPEG", &encode_png(&plain));
    write(root, "train/n02102040/notes.txt", b"not a photo");
    write(root, "train/lonely.JPEG", &jpeg(31));
    write(root, "train/n02102040/.DS_Store", b"");
    let audit = audited(root);
    let broken: Vec<_> = audit.broken.iter().map(|broken| broken.photo.path.as_str()).collect();
    assert_eq!(broken, ["train/n01440764/empty.JPEG", "train/n01440764/half.JPEG", "train/n01440764/text.JPEG"]);
    assert!(audit.broken[2].reason.contains("text") && audit.broken[1].reason.contains("rows"), "{:?}", audit.broken);
    let repaired = audit.remarks.iter().find(|remark| remark.is_repair).unwrap();
    assert_eq!(paths(&repaired.first), ["train/n01440764/cut.JPEG"]);
    assert_eq!(paths(&audit.blank), ["train/n02102040/plain.JPEG"]);
    assert_eq!(audit.strays, ["train/lonely.JPEG", "train/n02102040/notes.txt"]);
    assert!(!audit.is_sound() && audit.leaks() == 0);
    assert_eq!(audit.findings[0].severity, Severity::Bad);
}

#[test]
fn an_installed_dataset_is_compared_with_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let files = (0..8).map(|number| (jpeg(number), None)).collect();
    let dataset = datasets::dataset_of(folder.path(), files);
    let options = AuditOptions::default();
    let sound = audit(&Subject::of_dataset(&dataset).unwrap(), &options, &Silent).unwrap();
    assert!(sound.is_sound() && sound.identity == Some(dataset.manifest.identity()));
    std::fs::write(dataset.path_of(2), jpeg(40)).unwrap();
    std::fs::remove_file(dataset.path_of(5)).unwrap();
    std::fs::write(dataset.path_of(0).with_file_name("extra.JPEG"), jpeg(41)).unwrap();
    let audit = audit(&Subject::of_dataset(&dataset).unwrap(), &options, &Silent).unwrap();
    assert_eq!((audit.changed.len(), audit.broken.len(), audit.strays.len()), (1, 1, 1));
    assert!(audit.changed[0].path.ends_with(dataset.path_of(2).file_name().unwrap().to_str().unwrap()));
}

#[test]
fn the_report_shows_pictures_and_no_file_name_can_break_out_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    clean(root);
    let evil = "train/n01440764/n01440764_9<script>alert('x')&\"<b>.JPEG";
    write(root, evil, &jpeg(4));
    write(root, "train/n02102040/<i>broken.JPEG", b"text");
    let subject = Subject::of_folder(root).unwrap();
    let audit = audit(&subject, &AuditOptions::default(), &Silent).unwrap();
    let page = report::html(&audit, &subject, 2, &Silent).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    for part in ["<script", "<b>", "<i>b", "http://", "https://", "{{", "{%"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;script&gt;alert(&#x27;x&#x27;)&amp;&quot;&lt;b&gt;.JPEG"), "the name is shown");
    assert!(page.contains("same file") && page.contains("across splits") && page.contains("&lt;i&gt;broken.JPEG"));
    assert!(page.matches("src=\"data:image/jpeg;base64,").count() >= 14);
    for tag in ["div", "table", "tr", "td", "figure", "figcaption", "span", "li", "p", "code", "h2", "h3", "ul"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn an_audit_is_the_same_with_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    write(folder.path(), "val/n01440764/copy.JPEG", &jpeg(0));
    let subject = Subject::of_folder(folder.path()).unwrap();
    let with = |threads| audit(&subject, &AuditOptions { threads, distance: 8 }, &Silent).unwrap();
    let one = with(1);
    assert_eq!(one, with(4));
    let page = |threads| report::html(&one, &subject, threads, &Silent).unwrap();
    assert_eq!(page(1), page(3));
}

/// Interrupts after some photos.
struct Impatient(AtomicU64);

impl Watch for Impatient {
    fn advance(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 3
    }
}

#[test]
fn an_audit_can_be_interrupted_and_a_folder_without_photos_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    let subject = Subject::of_folder(folder.path()).unwrap();
    let error = audit(&subject, &AuditOptions::default(), &Impatient(AtomicU64::new(0))).unwrap_err();
    assert!(matches!(error, DataError::Interrupted), "{error}");
    let error = audit(&subject, &AuditOptions { threads: 1, distance: 17 }, &Silent).unwrap_err();
    assert!(matches!(error, DataError::Setting { .. }) && error.hint().is_some());
    let empty = tempfile::tempdir().unwrap();
    let error = Subject::of_folder(empty.path()).unwrap_err();
    assert!(matches!(error, DataError::Missing { .. }) && error.hint().is_some(), "{error}");
}
