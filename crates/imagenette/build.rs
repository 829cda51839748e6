//! Tells the program which commit it was built from, as `IMAGENETTE_COMMIT`, so that every run's record can name its
//! code.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Whether the lock file names other packages than the commit's, beside those of ideas, which come from no registry: they
/// are written into it when an idea is built, and decide nothing of this program.
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
    let out = std::path::Path::new(&std::env::var("OUT_DIR").expect("cargo sets it")).join("Cargo.lock");
    let lock = std::fs::read_to_string("../../Cargo.lock").unwrap_or_default();
    std::fs::write(&out, lock).unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
}

fn main() {
    write_lock();
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
