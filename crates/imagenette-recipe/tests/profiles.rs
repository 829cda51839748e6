//! The Python package is a workspace of its own. What it compiles is used again only where its profile is that of this
//! workspace: this holds the two together.

use std::path::Path;

use toml::{Table, Value};

#[test]
fn the_python_package_compiles_its_dependencies_as_this_workspace_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| -> Table {
        let text = std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let profile = |path: &str| read(path)["profile"]["release"].as_table().expect("a table").clone();
    let (mut ours, mut theirs) = (profile("Cargo.toml"), profile("bindings/python/Cargo.toml"));
    let packages = |profile: &mut Table| profile.remove("package").and_then(|table| table.as_table().cloned());
    let (of_ours, of_theirs) = (packages(&mut ours).unwrap(), packages(&mut theirs).unwrap());
    assert_eq!(theirs, ours, "what holds for all crates");
    let lock = read("bindings/python/Cargo.lock");
    let names: Vec<&str> = lock["package"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|package| package.get("name").and_then(Value::as_str))
        .collect();
    assert!(names.len() > 50, "{} packages", names.len());
    for name in names {
        assert_eq!(of_theirs.get(name), of_ours.get(name), "[profile.release.package] {name}");
    }
}
