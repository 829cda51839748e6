//! A download ends with the right file or with an error, whatever the server does.

mod server;

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use imagenette_data::archive::Generation;
use imagenette_data::fetch::{FetchOptions, Fetched, fetch};
use imagenette_data::random::{Purpose, Random};
use imagenette_data::watch::{Silent, Unit, Watch};
use imagenette_data::{DataError, FileError, Hint};
use imagenette_files::hash::sha256;
use server::{Answer, Asked, ETAG, Server};

const BYTES: usize = 300_000;

fn content(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed, Purpose::Test, 0, 0);
    (0..BYTES).map(|_| random.next_u32() as u8).collect()
}

fn generation(label: &str, bytes: &[u8]) -> Generation {
    let sha256 = Some(sha256(bytes));
    Generation { label: label.to_owned(), bytes: bytes.len() as u64, sha256, md5: None }
}

fn quick() -> FetchOptions {
    FetchOptions {
        attempts: 3,
        first_backoff: Duration::from_millis(5),
        stall_timeout: Duration::from_millis(400),
        least_bytes: 1,
        connect_timeout: Duration::from_millis(400),
    }
}

/// A server with its file, and a folder to fetch into.
struct Bench {
    server: Server,
    options: FetchOptions,
    folder: tempfile::TempDir,
    file: Vec<u8>,
}

impl Bench {
    fn new(answers: Vec<Answer>) -> Self {
        let file = content(1);
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Only a server that stalls is given up soon: on a busy machine any other may take a while to answer.
        let stalls = answers.iter().any(|answer| matches!(answer, Answer::Nothing | Answer::StallAfter(_)));
        let patience = if stalls { quick().stall_timeout } else { Duration::from_secs(20) };
        let options = FetchOptions { stall_timeout: patience, ..quick() };
        Self { server: Server::start(file.clone(), answers), options, folder, file }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("set.tgz")
    }

    fn partial(&self) -> PathBuf {
        self.folder.path().join("set.tgz.partial")
    }

    fn fetch_with(&self, generations: &[Generation], watch: &dyn Watch) -> Result<Fetched, DataError> {
        let url = format!("{}set.tgz", self.server.base_url);
        fetch(&url, &self.path(), generations, &self.options, watch)
    }

    fn fetch(&self) -> Result<Fetched, DataError> {
        self.fetch_with(&[generation("now", &self.file)], &Silent)
    }

    /// Fetches, and checks that nothing but the whole file is there.
    fn succeeds(&self) -> Vec<Asked> {
        let fetched = self.fetch().expect("it arrives");
        assert_eq!(fs::read(self.path()).expect("the file"), self.file);
        assert_eq!(fetched.sha256, sha256(&self.file));
        let left: Vec<_> =
            fs::read_dir(self.folder.path()).expect("a folder").map(|entry| entry.expect("one").path()).collect();
        assert_eq!(left, [self.path()]);
        self.server.asked()
    }

    /// Fetches, expects an error, and checks that no file has the name.
    fn fails(&self) -> String {
        let error = self.fetch().expect_err("it cannot arrive");
        assert!(!self.path().exists(), "{error}");
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    }
}

#[derive(Default)]
struct Log {
    notices: Mutex<Vec<String>>,
    total: AtomicU64,
    done: AtomicU64,
    stop_after: Option<u64>,
    stop: AtomicBool,
}

impl Watch for Log {
    fn begin(&self, _: &str, total: Option<u64>, _: Unit) {
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
    }

    fn advance(&self, amount: u64) {
        let done = self.done.fetch_add(amount, Ordering::Relaxed) + amount;
        if self.stop_after.is_some_and(|stop| done >= stop) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn notice(&self, message: &str) {
        self.notices.lock().expect("no panic").push(message.to_owned());
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn range(from: usize) -> Option<String> {
    Some(format!("bytes={from}-"))
}

#[test]
fn a_good_server_is_asked_once() {
    let bench = Bench::new(vec![Answer::Good]);
    assert_eq!(bench.succeeds(), [Asked { path: "/set.tgz".into(), range: None, if_range: None }]);
    // The file is there now: it is checked and not fetched.
    bench.succeeds();
    assert_eq!(bench.server.asked().len(), 1);
}

#[test]
fn a_dropped_connection_is_resumed_where_it_broke() {
    for k in [1, 1000, BYTES / 2, BYTES - 1] {
        let bench = Bench::new(vec![Answer::DropAfter(k), Answer::Good]);
        let asked = bench.succeeds();
        assert_eq!(asked.len(), 2, "k = {k}");
        assert_eq!((&asked[1].range, asked[1].if_range.as_deref()), (&range(k), Some(ETAG)));
    }
}

#[test]
fn a_connection_dropped_before_the_answer_is_retried() {
    let bench = Bench::new(vec![Answer::DropAfter(0), Answer::Good]);
    assert_eq!(bench.succeeds().len(), 2);
}

#[test]
fn an_attempt_that_makes_progress_does_not_count() {
    // Five drops with three attempts allowed: each attempt makes progress.
    let mut answers = vec![Answer::DropAfter(40_000); 5];
    answers.push(Answer::Good);
    let asked = Bench::new(answers).succeeds();
    let ranges: Vec<_> = asked.into_iter().map(|asked| asked.range).collect();
    assert_eq!(ranges, [None, range(40_000), range(80_000), range(120_000), range(160_000), range(200_000)]);
}

#[test]
fn a_server_that_always_fails_at_the_same_byte_is_given_up() {
    let bench = Bench::new(vec![Answer::DropAfter(1000), Answer::Status(503)]);
    let error = bench.fails();
    assert!(error.contains("503") && error.contains("gave up after 3"), "{error}");
    assert_eq!(fs::metadata(bench.partial()).expect("kept").len(), 1000);
    // A server that starts over each time and breaks at the same byte makes no progress either.
    let bench = Bench::new(vec![Answer::IgnoreRangeAndDropAfter(1000)]);
    assert!(bench.fails().contains("gave up after 3"));
    assert_eq!(bench.server.asked().len(), 3);
}

#[test]
fn a_200_for_a_range_starts_over() {
    let bench = Bench::new(vec![Answer::DropAfter(5000), Answer::IgnoreRange]);
    let asked = bench.succeeds();
    assert_eq!((asked.len(), &asked[1].range), (2, &range(5000)));
}

#[test]
fn a_206_from_another_byte_starts_over() {
    let asked = Bench::new(vec![Answer::DropAfter(5000), Answer::WrongRange, Answer::Good]).succeeds();
    assert_eq!(asked.iter().map(|asked| asked.range.clone()).collect::<Vec<_>>(), [None, range(5000), None]);
}

#[test]
fn a_wrong_announced_length_is_an_error_at_once() {
    for by in [-10, 10] {
        let bench = Bench::new(vec![Answer::LengthOff(by)]);
        let error = bench.fails();
        assert!(error.contains(&format!("expected {BYTES} bytes, the server announces")), "{error}");
        assert_eq!(bench.server.asked().len(), 1);
    }
}

#[test]
fn a_file_without_a_length_is_checked_by_its_hash() {
    Bench::new(vec![Answer::NoLength(BYTES)]).succeeds();
    let asked = Bench::new(vec![Answer::NoLength(1234), Answer::NoLength(BYTES)]).succeeds();
    assert_eq!(asked.len(), 2);
    let error = Bench::new(vec![Answer::NoLength(1234)]).fails();
    assert!(error.contains("broke off at byte 1234"), "{error}");
}

#[test]
fn a_redirect_is_followed_and_a_loop_is_not() {
    let asked = Bench::new(vec![Answer::Redirect("/elsewhere/set.tgz"), Answer::Good]).succeeds();
    assert_eq!(asked[1].path, "/elsewhere/set.tgz");
    let bench = Bench::new(vec![Answer::Redirect("/set.tgz")]);
    let error = bench.fails();
    assert!(error.contains("redirect"), "{error}");
}

#[test]
fn busy_servers_are_retried_and_refusals_are_final() {
    for status in [503, 500, 429, 408] {
        assert_eq!(Bench::new(vec![Answer::Status(status), Answer::Good]).succeeds().len(), 2);
    }
    for status in [400, 403, 404, 410] {
        let bench = Bench::new(vec![Answer::Status(status), Answer::Good]);
        assert!(bench.fails().contains(&format!("answers {status}")));
        assert_eq!(bench.server.asked().len(), 1);
    }
    let bench = Bench::new(vec![Answer::Status(503)]);
    assert!(bench.fails().contains("gave up after 3 attempts without progress"));
    assert_eq!(bench.server.asked().len(), 3);
}

#[test]
fn a_silent_connection_is_a_stall_and_is_retried() {
    let start = Instant::now();
    let asked = Bench::new(vec![Answer::Nothing, Answer::StallAfter(7000), Answer::Good]).succeeds();
    assert_eq!(asked.last().map(|asked| asked.range.clone()), Some(range(7000)));
    assert!(start.elapsed() > Duration::from_millis(1000));
    let error = Bench::new(vec![Answer::Nothing]).fails();
    assert!(error.contains("no byte came for"), "{error}");
}

#[test]
fn an_unreachable_server_is_retried_and_then_an_error() {
    let bench = Bench::new(vec![Answer::Good]);
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
    let log = Log::default();
    let url = format!("http://127.0.0.1:{port}/set.tgz");
    let error = fetch(&url, &bench.path(), &[generation("now", &bench.file)], &quick(), &log).expect_err("nobody");
    assert!(error.to_string().contains("gave up after 3"), "{error}");
    assert_eq!(log.notices.lock().expect("no panic").len(), 2);
}

#[test]
fn a_file_replaced_between_two_attempts_is_fetched_whole() {
    let (first, second) = (content(1), content(2));
    let bench = Bench::new(vec![Answer::DropAfter(100_000), Answer::Replaced(second.clone())]);
    let generations = [generation("old", &first), generation("now", &second)];
    let fetched = bench.fetch_with(&generations, &Silent).expect("it arrives");
    assert_eq!((fetched.generation, fs::read(bench.path()).expect("the file")), (1, second));
    assert_eq!(bench.server.asked()[1].if_range.as_deref(), Some(ETAG));
}

#[test]
fn a_server_that_drips_is_given_up_as_one_that_sends_nothing() {
    let mut bench = Bench::new(vec![Answer::Drip(Duration::from_millis(20))]);
    bench.options = FetchOptions { least_bytes: 1000, ..quick() };
    let begun = Instant::now();
    let error = bench.fails();
    assert!(error.contains("the server sends too slowly: ") && error.contains("gave up after 3 attempts"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn headers_of_nonsense_are_shown_shortened_and_not_kept() {
    let bench = Bench::new(vec![Answer::DropAfter(100_000), Answer::LongHeaders, Answer::Good]);
    let log = Log::default();
    bench.fetch_with(&[generation("now", &bench.file)], &log).expect("it arrives");
    let notices = log.notices.lock().unwrap();
    assert!(notices.iter().any(|notice| notice.contains("the server sends `xxx")), "{notices:?}");
    assert!(notices.iter().all(|notice| notice.len() < 500), "{notices:?}");
    assert_eq!(bench.server.asked()[2].range, None, "it begins again");
}

#[test]
fn wrong_bytes_are_a_checksum_error() {
    let bench = Bench::new(vec![Answer::Replaced(content(9))]);
    let error = bench.fails();
    assert!(error.contains("checksum") && error.contains(&sha256(content(9))), "{error}");
    assert_eq!(fs::metadata(bench.partial()).map_or(0, |metadata| metadata.len()), 0, "no wrong bytes are kept");
}

#[test]
fn md5_counts_where_sha256_is_not_known() {
    let bench = Bench::new(vec![Answer::Good]);
    let fetched = bench.fetch().expect("it arrives");
    let only = |md5: &str| [Generation { sha256: None, md5: Some(md5.into()), ..generation("now", &bench.file) }];
    bench.fetch_with(&only(&fetched.md5), &Silent).expect("the right md5");
    assert!(matches!(bench.fetch_with(&only(&"0".repeat(32)), &Silent), Err(DataError::Checksum { .. })));
}

#[test]
fn an_interrupted_download_is_resumed_by_the_next_process() {
    let bench = Bench::new(vec![Answer::StallAfter(150_000), Answer::Good]);
    let log = Log { stop_after: Some(150_000), ..Log::default() };
    let start = Instant::now();
    let url = format!("{}set.tgz", bench.server.base_url);
    let patient = FetchOptions { stall_timeout: Duration::from_secs(60), ..quick() };
    let stopped = fetch(&url, &bench.path(), &[generation("now", &bench.file)], &patient, &log);
    assert!(matches!(stopped, Err(DataError::Interrupted)), "{stopped:?}");
    assert!(start.elapsed() < Duration::from_secs(30), "it did not wait for the stall");
    let log = Log::default();
    bench.fetch_with(&[generation("now", &bench.file)], &log).expect("it arrives");
    assert_eq!(bench.server.asked()[1].range, range(150_000));
    assert_eq!(log.total.load(Ordering::Relaxed), BYTES as u64);
    assert_eq!(log.done.load(Ordering::Relaxed), BYTES as u64, "resumed bytes count as done");
}

/// Leaves what a killed process leaves: bytes and, if it got that far, the note next to them.
fn leave(bench: &Bench, bytes: &[u8], note: &str) {
    fs::write(bench.partial(), bytes).expect("written");
    let note = note.replace("URL", &format!("{}set.tgz", bench.server.base_url)).replace("TAG", "\\\"first\\\"");
    fs::write(bench.folder.path().join("set.tgz.partial.json"), note).expect("written");
}

const NOTE: &str = r#"{"url":"URL","etag":"TAG","last_modified":null,"total_bytes":300000}"#;

#[test]
fn whatever_a_killed_process_left_the_file_arrives() {
    let file = content(1);
    let other = content(3);
    let elsewhere = NOTE.replace("URL", "http://127.0.0.1/other");
    for (bytes, note, ranges) in [
        (&file[..70_000], NOTE, vec![range(70_000)]),
        // Everything was there except the final name.
        (&file[..], NOTE, vec![]),
        // The kernel wrote the note and not the bytes, or wrote damaged ones: the hash finds it in the end.
        (&file[..0], NOTE, vec![None]),
        (&other[..70_000], NOTE, vec![range(70_000), None]),
        (&other[..], NOTE, vec![None]),
        // Nothing says which file these bytes belong to.
        (&file[..70_000], "", vec![None]),
        (&file[..70_000], "{\"url\":", vec![None]),
        (&file[..70_000], &elsewhere, vec![None]),
    ] {
        let bench = Bench::new(vec![Answer::Good]);
        leave(&bench, bytes, note);
        let asked: Vec<_> = bench.succeeds().into_iter().map(|asked| asked.range).collect();
        assert_eq!(asked, ranges, "{} bytes, note {note}", bytes.len());
    }
    let bench = Bench::new(vec![Answer::Good]);
    leave(&bench, &[file.clone(), vec![1]].concat(), NOTE);
    bench.succeeds();
    // A file under the final name with other bytes is replaced.
    let bench = Bench::new(vec![Answer::Good]);
    fs::write(bench.path(), b"another").expect("written");
    bench.succeeds();
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_with_a_hint() {
    let bench = Bench::new(vec![Answer::Good]);
    std::os::unix::fs::symlink("/dev/full", bench.partial()).expect("a link");
    let error = bench.fetch().expect_err("no space");
    assert!(matches!(&error, DataError::File(FileError::Io { action: "write", .. })), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("free some disk space")));
}

#[test]
fn a_full_disk_keeps_the_bytes_that_are_there() {
    let Some(folder) = std::env::var_os("IMAGENETTE_TEST_FULL_DISK").map(PathBuf::from) else {
        return run_with_file_limit();
    };
    // The child: its files may have 100 blocks, which is 51,200 or 102,400 bytes.
    let bench = Bench::new(vec![Answer::Good]);
    let url = format!("{}set.tgz", bench.server.base_url);
    let error = fetch(&url, &folder.join("set.tgz"), &[generation("now", &bench.file)], &quick(), &Silent);
    let error = error.expect_err("the file is larger than the limit");
    assert!(error.hint().is_some_and(|hint| hint.contains("free some disk space")), "{error:?}");
}

fn run_with_file_limit() {
    if !cfg!(target_os = "linux") {
        return println!("skipped: this test needs a shell's `ulimit -f`");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" --exact a_full_disk_keeps_the_bytes_that_are_there"])
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
    let kept = fs::metadata(folder.path().join("set.tgz.partial")).expect("kept").len();
    assert!(kept == 51_200 || kept == 102_400, "{kept}");
}

#[test]
fn a_proxy_in_the_environment_does_not_reach_for_this_machine() {
    if std::env::var_os("IMAGENETTE_TEST_CHILD").is_some() {
        Bench::new(vec![Answer::Good]).succeeds();
        return;
    }
    let nobody = "http://127.0.0.1:9";
    let output = std::process::Command::new(std::env::current_exe().expect("this test's program"))
        .args(["--exact", "a_proxy_in_the_environment_does_not_reach_for_this_machine"])
        .env("IMAGENETTE_TEST_CHILD", "1")
        .envs([("http_proxy", nobody), ("HTTP_PROXY", nobody), ("ALL_PROXY", nobody), ("HTTPS_PROXY", nobody)])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .expect("the test's program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn https_is_spoken_and_a_server_that_does_not_is_an_error() {
    let bench = Bench::new(vec![Answer::Good]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}/set.tgz", listener.local_addr().expect("an address"));
    let hello = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().expect("a client");
        let mut first = [0; 5];
        stream.read_exact(&mut first).expect("a greeting");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("an answer");
        first
    });
    let error = fetch(&url, &bench.path(), &[generation("now", &bench.file)], &quick(), &Silent).expect_err("no TLS");
    assert_eq!(hello.join().expect("no panic")[..2], [22, 3], "a TLS handshake record");
    assert!(matches!(error, DataError::Download { .. }) && !error.to_string().contains("thread ended"), "{error}");
}
