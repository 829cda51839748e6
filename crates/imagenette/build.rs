//! Tells the program which commit it was built from, as `IMAGENETTE_COMMIT`, so that every run's record can name its
//! code.

use std::path::{Path, PathBuf};
use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Whether the lock file names other packages than the commit's, beside those of ideas, which come from no registry:
/// they are written into it when an idea is built, and decide nothing of this program.
fn locks_differ() -> bool {
    let packages = |lock: &str| {
        let from_elsewhere = |package: &&str| package.contains("\nsource = ");
        lock.split("[[package]]").filter(from_elsewhere).map(str::to_owned).collect::<Vec<_>>()
    };
    let now = git(&["rev-parse", "--show-toplevel"])
        .and_then(|root| std::fs::read_to_string(format!("{root}/Cargo.lock")).ok());
    let committed = git(&["show", "HEAD:Cargo.lock"]);
    match (now, committed) {
        // What git prints is trimmed, and the last package's end with it.
        (Some(now), Some(committed)) => packages(now.trim()) != packages(committed.trim()),
        _ => true,
    }
}

/// The lock file for crates outside this workspace: as it is but for packages that are this workspace's alone.
fn write_lock() {
    let out = Path::new(&std::env::var("OUT_DIR").expect("cargo sets it")).join("Cargo.lock");
    let lock = std::fs::read_to_string("../../Cargo.lock").unwrap_or_default();
    std::fs::write(&out, lock).unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
}

/// The first sentence of the documentation of each setting that a recipe can have, from its type's source: type, field
/// and sentence, tab-separated. The program explains recipes with them.
fn write_settings() {
    let mut lines = String::new();
    for folder in ["../imagenette-recipe/src", "../imagenette-data/src/augment"] {
        settings_below(Path::new(folder), &mut lines);
    }
    let out = Path::new(&std::env::var("OUT_DIR").expect("cargo sets it")).join("settings.tsv");
    std::fs::write(&out, lines).unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
}

fn settings_below(folder: &Path, lines: &mut String) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            settings_below(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
            settings_of(&text, lines);
        }
    }
}

/// Documented fields of structures and of an enumeration's variants. A line that is neither documentation, attribute
/// nor field ends what was documented.
fn settings_of(text: &str, lines: &mut String) {
    let (mut of, mut variant, mut said) = (String::new(), String::new(), String::new());
    for line in text.lines() {
        let line = line.trim();
        if let Some(doc) = line.strip_prefix("///") {
            // A paragraph ends what is said in short.
            said.push_str(if doc.trim().is_empty() { "\n" } else { doc });
            continue;
        }
        if line.starts_with("#[") || line.ends_with(")]") {
            continue;
        }
        let word = |text: &str| text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        let plain = line.trim_start_matches("pub(super) ").trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        if let Some(name) = plain.strip_prefix("struct ").or_else(|| plain.strip_prefix("enum ")) {
            (of, variant) = (word(name), String::new());
        } else if line.ends_with('{') && line.starts_with(|letter: char| letter.is_uppercase()) {
            variant = word(line);
        } else if let Some((name, "f64),")) = line.split_once('(') {
            // A variant that is a number is a key of its own.
            push(lines, &of, &name.to_lowercase(), &said);
        } else if let Some((name, _)) = plain.split_once(": ").filter(|(name, _)| word(name) == *name) {
            push(lines, &format!("{of}{variant}"), name, &said);
        }
        said.clear();
    }
}

/// The line of a field: of its documentation the first sentence.
fn push(lines: &mut String, of: &str, name: &str, said: &str) {
    let short = said.trim().split('\n').next().unwrap_or_default().trim();
    let short = short.split_inclusive(". ").next().unwrap_or_default().trim();
    if !short.is_empty() && !of.is_empty() {
        lines.push_str(&format!("{of}\t{name}\t{short}\n"));
    }
}

fn main() {
    write_lock();
    write_settings();
    // Every crate's sources, so that `-dirty` is found out anew whenever the program is built from other files.
    println!("cargo:rerun-if-changed=..");
    println!("cargo:rerun-if-changed=../../recipes");
    if let Some(head) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={head}");
    }
    // Outside a checkout (a source archive) there is no commit to name.
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return };
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"])
        .is_some_and(|files| files.lines().any(|file| !file.ends_with(" Cargo.lock") || locks_differ()));
    let commit = if dirty { format!("{commit}-dirty") } else { commit };
    println!("cargo:rustc-env=IMAGENETTE_COMMIT={commit}");
}
