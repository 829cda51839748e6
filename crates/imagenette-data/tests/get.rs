//! From a name or a file to an installed dataset, whatever happens on the way.

mod photos;
mod server;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use imagenette_data::archive::{Archive, Generation};
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::{Edition, Split};
use imagenette_data::install::{GetOptions, Installed, get, get_archive, get_from};
use imagenette_data::random::{Purpose, Random};
use imagenette_data::store::Store;
use imagenette_data::watch::{Silent, Watch};
use imagenette_data::{DataError, Hint};
use imagenette_files::hash::sha256;
use photos::{gzip, jpeg, small_set, tar_of, write_files};
use server::{Answer, Server};

fn small_archive() -> Vec<u8> {
    let mut files = small_set(30);
    let mut random = Random::new(4, Purpose::Test, 0, 0);
    for (_, photo) in &mut files {
        // Bytes after the end of a JPEG change nothing, and make the archive large enough to kill a process at it.
        photo.extend((0..20_000).map(|_| random.next_u32() as u8));
    }
    files.push(("noisy_small.csv".into(), b"path\n".to_vec()));
    gzip(&tar_of("small-160", &files))
}

fn known_as_small(bytes: &[u8]) -> Archive {
    let sha256 = Some(sha256(bytes));
    let generations = vec![Generation { label: "now".into(), bytes: bytes.len() as u64, sha256, md5: None }];
    Archive { name: "small-160".into(), edition: Edition::Own, size: "160", generations }
}

fn options(base_url: &str) -> GetOptions {
    let mut options = GetOptions { base_url: base_url.into(), ..GetOptions::default() };
    options.fetch.first_backoff = Duration::from_millis(5);
    options
}

struct Home {
    folder: tempfile::TempDir,
    store: Store,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::at(folder.path().join("home"));
        Self { folder, store }
    }

    /// Writes a file next to the store.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    fn get_from(&self, path: &Path, name: Option<&str>) -> Result<Installed, DataError> {
        get_from(path, &self.store, name, &GetOptions::default(), &Silent)
    }

    /// Everything in the store's datasets and downloads folders.
    fn contents(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for folder in ["datasets", "downloads"] {
            for entry in fs::read_dir(self.store.root().join(folder)).into_iter().flatten() {
                names.insert(format!("{folder}/{}", entry.expect("an entry").file_name().to_string_lossy()));
            }
        }
        names
    }

    fn holds_only(&self, names: &[&str]) {
        assert_eq!(self.contents(), names.iter().map(|name| (*name).to_owned()).collect());
    }
}

fn is_whole(dataset: &Dataset) {
    let report = dataset.verify(true, &Silent).expect("a report");
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(&Dataset::open(&dataset.root).expect("it opens"), dataset);
}

#[test]
fn a_fetched_archive_becomes_a_dataset_that_names_its_source() {
    let (home, bytes) = (Home::new(), small_archive());
    let server = Server::start(bytes.clone(), vec![Answer::DropAfter(bytes.len() / 2), Answer::Good]);
    let archive = known_as_small(&bytes);
    let mut options = options(&server.base_url);
    let installed = get_archive(&archive, &home.store, &options, &Silent).expect("installed");
    assert!(!installed.was_there);
    is_whole(&installed.dataset);
    let manifest = &installed.dataset.manifest;
    assert_eq!((manifest.name.as_str(), manifest.size.as_str(), manifest.images.len()), ("small-160", "160", 93));
    assert_eq!(manifest.source.from, format!("{}small-160.tgz", server.base_url));
    assert_eq!(manifest.source.archive.as_deref(), Some("small-160.tgz (now)"));
    assert_eq!(manifest.source.sha256, archive.generations[0].sha256);
    assert!(installed.dataset.root.join("noisy_small.csv").is_file());
    home.holds_only(&["datasets/small-160"]);

    let again = get_archive(&archive, &home.store, &options, &Silent).expect("installed");
    assert!(again.was_there && again.dataset == installed.dataset);
    assert_eq!(server.asked().len(), 2);

    options.force = true;
    options.keep_archive = true;
    assert!(!get_archive(&archive, &home.store, &options, &Silent).expect("installed").was_there);
    home.holds_only(&["datasets/small-160", "downloads/small-160.tgz"]);
    assert_eq!(home.store.installed().expect("a list"), ["small-160"]);
}

#[test]
fn archives_and_folders_give_the_same_dataset() {
    let home = Home::new();
    let files = small_set(3);
    write_files(&home.folder.path().join("folder"), &files);
    let tar = tar_of("top", &files);
    let sources = [home.file("a.tar", &tar), home.file("b.tgz", &gzip(&tar)), home.folder.path().join("folder")];
    let datasets: Vec<Dataset> =
        sources.iter().map(|path| home.get_from(path, None).expect("installed").dataset).collect();
    for dataset in &datasets {
        is_whole(dataset);
        assert_eq!(dataset.manifest.identity(), datasets[0].manifest.identity());
        assert_eq!(dataset.manifest.source.archive, None);
    }
    assert_eq!(home.store.installed().expect("a list"), ["a", "b", "folder"]);
    assert_eq!(datasets[0].manifest.source.sha256, Some(sha256(&tar)));
    assert!(home.folder.path().join("folder/train").is_dir(), "a folder is copied, not moved");
    // A copy of a dataset keeps what is known about its source.
    let copy = home.get_from(&datasets[0].root, Some("copy")).expect("installed").dataset;
    assert_eq!((copy.manifest.name.as_str(), &copy.manifest.source), ("copy", &datasets[0].manifest.source));
}

#[test]
fn a_failed_installation_leaves_nothing() {
    let home = Home::new();
    let mut files = small_set(2);
    files.push(("train/okapi/a.JPEG".into(), jpeg(20, 20, 0)));
    let one_sided = home.file("one-sided.tar", &tar_of("", &files));
    let truncated = home.file("cut.tgz", &small_archive()[..9000]);
    let empty = home.file("empty.tgz", b"");
    let odd = home.file("odd name.tar", &tar_of("", &small_set(1)));
    fs::create_dir(home.folder.path().join("hollow")).expect("made");
    let hollow = home.folder.path().join("hollow");
    for path in [&one_sided, &truncated, &empty, &odd, &hollow, &home.folder.path().join("nowhere")] {
        let error = home.get_from(path, None).expect_err("it cannot be installed");
        assert!(error.hint().is_some(), "{error}");
        home.holds_only(&[]);
    }
    home.get_from(&odd, Some("odd")).expect("with another name it can");
    assert!(home.get_from(&odd, Some("../odd")).is_err());
    let error = get("imagenete2-160", &home.store, &GetOptions::default(), &Silent).expect_err("a typo");
    assert_eq!(error.hint().as_deref(), Some("did you mean `imagenette2-160`?"));
}

#[test]
fn a_failed_replacement_keeps_the_old_one() {
    let home = Home::new();
    let good = home.file("set.tar", &tar_of("", &small_set(2)));
    let before = home.get_from(&good, None).expect("installed").dataset;
    fs::write(&good, &tar_of("", &small_set(2))[..5000]).expect("written");
    let force = GetOptions { force: true, ..GetOptions::default() };
    get_from(&good, &home.store, None, &force, &Silent).expect_err("it is truncated");
    is_whole(&before);
    home.holds_only(&["datasets/set"]);
}

#[test]
fn a_damaged_dataset_is_never_taken_for_a_complete_one() {
    let home = Home::new();
    let archive = home.file("set.tar", &tar_of("", &small_set(2)));
    let dataset = home.get_from(&archive, None).expect("installed").dataset;
    fs::remove_file(dataset.path_of(0)).expect("removed");
    let error = home.get_from(&archive, None).expect_err("a photo is missing");
    assert!(error.to_string().contains("train/n01440764/0.JPEG: missing"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("--force")));
    fs::remove_file(dataset.root.join("manifest.jsonl")).expect("removed");
    assert!(matches!(home.get_from(&archive, None), Err(DataError::Missing { what: "manifest", .. })));
    let force = GetOptions { force: true, ..GetOptions::default() };
    is_whole(&get_from(&archive, &home.store, None, &force, &Silent).expect("installed").dataset);
}

#[test]
fn the_leftovers_of_a_killed_process_do_no_harm() {
    let home = Home::new();
    let archive = home.file("set.tar", &tar_of("", &small_set(2)));
    let datasets = home.store.datasets_folder();
    // Half unpacked, with the lock file of the killed process.
    write_files(&datasets.join(".installing-set"), &[("train/zebra/0.JPEG".into(), b"half".to_vec())]);
    write_files(&datasets, &[(".set.lock".into(), b"get\n4711\n0\n".to_vec())]);
    let dataset = home.get_from(&archive, None).expect("installed").dataset;
    is_whole(&dataset);
    home.holds_only(&["datasets/set"]);
    // Between the two renames of a replacement: the old one is back, and is enough.
    fs::rename(&dataset.root, datasets.join(".replaced-set")).expect("renamed");
    write_files(&datasets.join(".installing-set"), &[("manifest.jsonl".into(), Vec::new())]);
    let back = home.get_from(&archive, None).expect("installed");
    assert!(back.was_there);
    is_whole(&back.dataset);
    home.holds_only(&["datasets/set"]);
    // After both: the old one is still to be removed.
    write_files(&datasets.join(".replaced-set"), &[("manifest.jsonl".into(), Vec::new())]);
    let force = GetOptions { force: true, ..GetOptions::default() };
    get_from(&archive, &home.store, None, &force, &Silent).expect("installed");
    home.holds_only(&["datasets/set"]);
}

/// What a child process of these tests does: it gets the small dataset. False in the tests' own process.
fn is_child() -> bool {
    let (Some(home), Ok(base_url)) = (std::env::var_os("IMAGENETTE_TEST_HOME"), std::env::var("IMAGENETTE_TEST_URL"))
    else {
        return false;
    };
    /// Takes its time with every photo, so that it can be killed between two.
    struct Slow;
    impl Watch for Slow {
        fn interrupted(&self) -> bool {
            std::thread::sleep(Duration::from_millis(4));
            false
        }
    }
    let archive = known_as_small(&small_archive());
    get_archive(&archive, &Store::at(home.into()), &options(&base_url), &Slow).expect("installed");
    true
}

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

fn start_child(home: &Home, base_url: &str) -> Child {
    Command::new(std::env::current_exe().expect("this test's program"))
        .args(["--exact", "killed_at_any_moment_the_same_command_continues"])
        .env("IMAGENETTE_TEST_HOME", home.store.root())
        .env("IMAGENETTE_TEST_URL", base_url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test's program runs")
}

#[test]
fn killed_at_any_moment_the_same_command_continues() {
    if is_child() {
        return;
    }
    let bytes = small_archive();
    let third = bytes.len() / 3;
    let home = Home::new();
    let server = Server::start(bytes.clone(), vec![Answer::StallAfter(third), Answer::StallAfter(third), Answer::Good]);
    let partial = home.store.downloads_folder().join("small-160.tgz.partial");
    // Killed twice while fetching, each time when the server has sent a third more.
    for arrived in [third, 2 * third] {
        let mut child = start_child(&home, &server.base_url);
        let until = Instant::now() + Duration::from_secs(30);
        while fs::metadata(&partial).map_or(0, |metadata| metadata.len()) < arrived as u64 {
            assert!(Instant::now() < until, "the download makes no progress");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert!(home.store.installed().expect("a list").is_empty());
    }
    // Then while the next process unpacks: as soon as it has written so many files, manifest and all.
    let unfinished = home.store.datasets_folder().join(".installing-small-160");
    for files in [1, 2, 20, 50, 80, 94] {
        let mut child = start_child(&home, &server.base_url);
        let until = Instant::now() + Duration::from_secs(30);
        while files_below(&unfinished) < files && home.store.installed().expect("a list").is_empty() {
            assert!(Instant::now() < until, "the unpacking makes no progress");
            std::thread::yield_now();
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        println!("killed at {files} files, leaving {:?}", home.contents());
        let installed = home.store.installed().expect("a list");
        assert!(files > 50 || installed.is_empty(), "it was too quick to be killed at {files} files");
        for name in installed {
            is_whole(&Dataset::open(&home.store.dataset_folder(&name)).expect("what is installed is whole"));
        }
    }
    let archive = known_as_small(&bytes);
    is_whole(&get_archive(&archive, &home.store, &options(&server.base_url), &Silent).expect("installed").dataset);
    home.holds_only(&["datasets/small-160"]);
    let ranges: Vec<_> = server.asked().into_iter().filter_map(|asked| asked.range).collect();
    assert_eq!(ranges[..2], [format!("bytes={third}-"), format!("bytes={}-", 2 * third)]);
}

#[test]
fn the_second_of_two_processes_waits_and_finds_the_dataset_installed() {
    #[derive(Default)]
    struct Notices(Mutex<Vec<String>>);
    impl Watch for Notices {
        fn notice(&self, message: &str) {
            self.0.lock().expect("no panic").push(message.to_owned());
        }
    }
    let (home, bytes) = (Home::new(), small_archive());
    let half = bytes.len() / 2;
    let server = Server::start(bytes.clone(), vec![Answer::StallAfter(half), Answer::Good]);
    let mut child = start_child(&home, &server.base_url);
    let partial = home.store.downloads_folder().join("small-160.tgz.partial");
    while fs::metadata(&partial).map_or(0, |metadata| metadata.len()) < half as u64 {
        std::thread::sleep(Duration::from_millis(2));
    }
    // The child holds the lock and hangs. Whoever waits can be interrupted …
    struct Impatient(Instant);
    impl Watch for Impatient {
        fn interrupted(&self) -> bool {
            self.0.elapsed() > Duration::from_millis(150)
        }
    }
    let archive = known_as_small(&bytes);
    let stopped = get_archive(&archive, &home.store, &options(&server.base_url), &Impatient(Instant::now()));
    assert!(matches!(stopped, Err(DataError::Interrupted)));
    // … and two that wait both end well when the child is gone, with one download between them.
    let notices = Notices::default();
    let installed: Vec<Installed> = std::thread::scope(|scope| {
        let get = || get_archive(&archive, &home.store, &options(&server.base_url), &notices).expect("installed");
        let threads = [scope.spawn(get), scope.spawn(get)];
        while notices.0.lock().expect("no panic").len() < 2 {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(installed.iter().filter(|installed| installed.was_there).count(), 1);
    assert!(notices.0.lock().expect("no panic")[0].contains("another process is at work on small-160"));
    is_whole(&installed[0].dataset);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn many_installations_under_one_name_install_it_once_and_mix_nothing() {
    let home = Home::new();
    // The two sets have different photos.
    let sets = [small_set(3), small_set(5)];
    let archives = [home.file("a.tar", &tar_of("", &sets[0])), home.file("b.tar", &tar_of("", &sets[1]))];
    for trial in 0..40 {
        let barrier = std::sync::Barrier::new(4);
        let ended: Vec<Result<Installed, DataError>> = std::thread::scope(|scope| {
            let get = |number: usize| {
                let (home, path, barrier) = (&home, &archives[number % 2], &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    home.get_from(path, Some("set"))
                })
            };
            let threads: Vec<_> = (0..4).map(get).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let (installed, refused): (Vec<_>, Vec<_>) = ended.into_iter().partition(|ended| ended.is_ok());
        // Two came with the photos that are there now, and two with the others.
        let installed: Vec<Installed> = installed.into_iter().flatten().collect();
        assert_eq!((installed.len(), refused.len()), (2, 2), "trial {trial}");
        for error in refused.into_iter().filter_map(Result::err) {
            assert!(error.to_string().contains("other photos, installed from"), "trial {trial}: {error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("--force")), "trial {trial}: {error}");
        }
        assert_eq!(installed.iter().filter(|installed| !installed.was_there).count(), 1, "trial {trial}");
        assert!(installed.iter().all(|one| one.dataset == installed[0].dataset), "trial {trial}");
        is_whole(&installed[0].dataset);
        home.holds_only(&["datasets/set"]);
        fs::remove_dir_all(&installed[0].dataset.root).expect("removed");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_store_that_cannot_be_written_says_so() {
    let source = Home::new();
    let archive = source.file("set.tar", &tar_of("", &small_set(1)));
    // No user, not even root, may create folders here.
    let store = Store::at("/sys/imagenette".into());
    let error = get_from(&archive, &store, None, &GetOptions::default(), &Silent).expect_err("read-only");
    assert!(error.hint().is_some_and(|hint| hint.contains("IMAGENETTE_HOME")), "{error:?}");
    // A file where the store's folder should be.
    let store = Store::at(archive.clone());
    let error = get_from(&archive, &store, None, &GetOptions::default(), &Silent).expect_err("not a folder");
    assert!(error.to_string().contains("set.tar"), "{error}");
}

#[test]
fn the_real_photos_are_imagenette2() {
    let path = std::env::var_os("IMAGENETTE_TEST_PHOTOS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/imagenette2-224sq.tar"),
        PathBuf::from,
    );
    if !path.is_file() {
        return println!("skipped: {} is not there; set IMAGENETTE_TEST_PHOTOS", path.display());
    }
    let home = Home::new();
    let start = Instant::now();
    let dataset = home.get_from(&path, None).expect("installed").dataset;
    println!("installed in {:.2} s", start.elapsed().as_secs_f64());
    let manifest = &dataset.manifest;
    assert_eq!(
        (manifest.name.as_str(), manifest.edition, manifest.size.as_str()),
        ("imagenette2-224sq", Edition::ImagenetteV2, "224")
    );
    assert_eq!((manifest.samples(Split::Train).len(), manifest.samples(Split::Val).len()), (9_469, 3_925));
    assert_eq!(Some(&manifest.classes), Edition::ImagenetteV2.classes().as_ref());
    let start = Instant::now();
    assert!(dataset.verify(true, &Silent).expect("a report").is_sound());
    println!("verified in {:.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    assert!(home.get_from(&path, None).expect("installed").was_there);
    println!("found in {:.2} s", start.elapsed().as_secs_f64());
}
