//! Drives the program as a user would, each test in a folder and a store of its own, on photos that it makes itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The classes of the made photos: three of Imagenette's.
pub(crate) const WNIDS: [&str; 3] = ["n01440764", "n03028079", "n03888257"];
/// Made photos of each class in the train split.
pub(crate) const TRAIN_EACH: usize = 24;
/// Made photos of each class in the val split.
pub(crate) const VAL_EACH: usize = 8;

/// A folder to work in, with a store of its own.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// An empty place.
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder can be made") }
    }

    /// A place where the made photos are installed as the dataset `made`.
    pub(crate) fn with_made_dataset() -> Self {
        let place = Self::new();
        write_photos(&place.path("photos"));
        place.run(&["get", "--from", "photos", "--name", "made"]).succeeds();
        place
    }

    /// A path in the place.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// A file's text.
    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// A file's bytes.
    pub(crate) fn bytes(&self, relative: &str) -> Vec<u8> {
        std::fs::read(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// The program with these arguments, ready to start: no network, and nobody's environment but this place's.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imagenette"));
        command.args(arguments).current_dir(self.folder.path()).env("IMAGENETTE_HOME", self.path("store"));
        // A proxy that refuses at once acts as a machine without network.
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, "http://127.0.0.1:9");
        }
        command.env_remove("no_proxy").env_remove("NO_PROXY").stdin(Stdio::null());
        // No cloud is asked which machine this is.
        command.env_remove("AWS_EC2_METADATA_SERVICE_ENDPOINT").env_remove("GCE_METADATA_HOST");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments), arguments)
    }

    /// Runs a shell command line in which `imagenette` is the program.
    pub(crate) fn shell(&self, line: &str) -> Ended {
        let mut command = Command::new("sh");
        let program = Path::new(env!("CARGO_BIN_EXE_imagenette")).parent().expect("a file is in a folder");
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
        command
            .args(["-c", line])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("IMAGENETTE_HOME", self.path("store"));
        ended(command, &[line])
    }

    /// The names in a folder of the place, sorted; none when it is not there.
    pub(crate) fn list(&self, relative: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(relative)) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("a folder can be listed").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn ended(mut command: Command, arguments: &[&str]) -> Ended {
    let output = command.output().expect("the program starts");
    Ended::new(arguments, output)
}

/// A program that has ended.
pub(crate) struct Ended {
    told: String,
    /// Its exit status; −1 when a signal ended it.
    pub(crate) status: i32,
    /// What it wrote to stdout.
    pub(crate) stdout: String,
    /// What it wrote to stderr.
    pub(crate) stderr: String,
}

impl Ended {
    /// Keeps what matters of an output.
    pub(crate) fn new(arguments: &[&str], output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self {
            told: arguments.join(" "),
            status: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Asserts exit status 0.
    pub(crate) fn succeeds(self) -> Self {
        self.exits_with(0)
    }

    /// Asserts an exit status.
    pub(crate) fn exits_with(self, status: i32) -> Self {
        assert_eq!(self.status, status, "`{}`\nstdout:\n{}\nstderr:\n{}", self.told, self.stdout, self.stderr);
        self
    }

    /// Asserts failure with an error that says all of these, and a hint.
    pub(crate) fn fails_saying(self, parts: &[&str]) -> Self {
        self.exits_with(1).says(parts)
    }

    /// Asserts that what was typed is refused with an error that says all of these, and exit status 2.
    pub(crate) fn misused_saying(self, parts: &[&str]) -> Self {
        self.exits_with(2).says(parts)
    }

    fn says(self, parts: &[&str]) -> Self {
        let ended = self;
        assert!(ended.stderr.contains("error: "), "`{}`: {}", ended.told, ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "`{}`: {}", ended.told, ended.stderr);
        for part in parts {
            assert!(ended.stderr.contains(part), "`{}` should say `{part}`:\n{}", ended.told, ended.stderr);
        }
        ended
    }

    /// Stdout as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("`{}`: {error}\n{}", self.told, self.stdout))
    }
}

/// Every file below a folder with its bytes, by path.
pub(crate) fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((
                    path.strip_prefix(folder).expect("it is below the folder").to_owned(),
                    std::fs::read(&path).expect("a file can be read"),
                ));
            }
        }
    }
    files.sort();
    files
}

/// Waits until something holds, for a minute at most.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes the made photos in ImageNet's layout: stripes whose direction and color depend on the class, with noise.
pub(crate) fn write_photos(folder: &Path) {
    for (split, each) in [("train", TRAIN_EACH), ("val", VAL_EACH)] {
        for (label, wnid) in WNIDS.iter().enumerate() {
            let class = folder.join(split).join(wnid);
            std::fs::create_dir_all(&class).expect("a folder can be made");
            for number in 0..each {
                std::fs::write(class.join(format!("{wnid}_{number}.JPEG")), photo(label, number))
                    .expect("a file can be written");
            }
        }
    }
}

/// A photo of a class as a JPEG file; its sides differ from photo to photo.
pub(crate) fn photo(label: usize, number: usize) -> Vec<u8> {
    let (width, height) = (40 + number % 5 * 3, 40 + number % 3 * 8);
    let mut rgb = Vec::with_capacity(width * height * 3);
    let mut noise = (label * 7919 + number * 104_729 + 1) as u32;
    for y in 0..height {
        for x in 0..width {
            let along = [x, y, x + y][label] + number;
            let stripe = if (along / 4).is_multiple_of(2) { 170 } else { 60 };
            for channel in 0..3 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let tint = if channel == label { 50 } else { 0 };
                rgb.push((stripe + tint + (noise >> 27)) as u8);
            }
        }
    }
    jpeg(&rgb, width, height)
}

/// A square photo of this side with some detail everywhere.
pub(crate) fn large_photo(side: usize) -> Vec<u8> {
    let rgb: Vec<u8> =
        (0..side * side).flat_map(|at| [(at % 251) as u8, (at / side) as u8, (at * 7 % 239) as u8]).collect();
    jpeg(&rgb, side, side)
}

fn jpeg(rgb: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut file = Vec::new();
    jpeg_encoder::Encoder::new(&mut file, 90)
        .encode(rgb, width as u16, height as u16, jpeg_encoder::ColorType::Rgb)
        .expect("a picture can be encoded");
    file
}
