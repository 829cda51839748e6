//! The wings of this crate are floors: what is in one uses its own and those below it. This holds the sources to that.

use std::path::Path;

/// From the ground up; wings of one floor do not use each other, except in tests.
const FLOORS: [&[&str]; 6] =
    [&["compute"], &["ops"], &["model", "optimizer", "learn"], &["parts"], &["run"], &["study"]];

#[test]
fn no_import_runs_upward_between_wings() {
    let floor_of = |wing: &str| FLOORS.iter().position(|wings| wings.contains(&wing));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports = 0;
    for (floor, wings) in FLOORS.into_iter().enumerate() {
        for wing in wings {
            for (file, text) in sources(&source.join(wing)) {
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                for used in code.split("crate::").skip(1) {
                    let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                    let Some(other) = floor_of(used).filter(|_| used != *wing) else { continue };
                    assert!(other < floor, "{file}: `{wing}` uses `{used}`, which is not below it");
                    imports += 1;
                }
            }
        }
    }
    assert!(imports > 50, "the sources were read: {imports}");
}

/// The Rust files below a folder, by their path.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push((entry.display().to_string(), std::fs::read_to_string(&entry).expect("text")));
        }
    }
    found
}
