//! Tells the program which commit it was built from, as `IMAGENETTE_COMMIT`, so that every run's record can name its
//! code.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn main() {
    // Every crate's sources, so that `-dirty` is found out anew whenever the program is built from other files.
    println!("cargo:rerun-if-changed=..");
    println!("cargo:rerun-if-changed=../../recipes");
    if let Some(head) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={head}");
    }
    // Outside a checkout (a source archive) there is no commit to name.
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return };
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|files| !files.is_empty());
    let commit = if dirty { format!("{commit}-dirty") } else { commit };
    println!("cargo:rustc-env=IMAGENETTE_COMMIT={commit}");
}
