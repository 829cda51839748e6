//! The engine: all sources that decide a run's bits, known by one hash.

/// The engine's hash: sha256 over the tokens of the sources of data, files, recipes, kernels and training, and over
/// the locked versions of all packages that they depend on, in lower-case hexadecimal.
///
/// Two programs with one engine give the same bits at the same kernel level and precision. A comment, a document, a
/// test and a commit of anything else do not change it. What it is taken of is in `engine_hash.rs`.
///
/// A program outside this repository that uses these crates is compiled by its own lock file, which is not looked at:
/// it has to be a copy of this repository's for the hash to hold.
pub const ENGINE: &str = env!("IMAGENETTE_ENGINE");

#[cfg(test)]
#[path = "../engine_hash.rs"]
mod engine_hash;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::ENGINE;
    use super::engine_hash::engine_hash;

    const SOURCE: &str =
        "//! A crate.\n\nuse a::b;\n\n/// Adds.\npub fn add(x: u32) -> u32 {\n    // Why.\n    x + 1\n}\n";
    const MANIFEST: &str = "[package]\nname = \"imagenette-train\"\n\n\
        [dependencies]\nfast = { version = \"1\", features = [\"simd\"] }\n\n\
        [dev-dependencies]\ncheck = \"1\"\n";
    const LOCK: &str = r#"
[[package]]
name = "check"
version = "1.0.0"
source = "registry+x"
checksum = "aa"

[[package]]
name = "deep"
version = "1.0.0"
source = "registry+x"
checksum = "bb"

[[package]]
name = "deep"
version = "2.0.0"
source = "registry+x"
checksum = "cc"

[[package]]
name = "fast"
version = "1.0.0"
source = "registry+x"
checksum = "dd"
dependencies = [
 "deep 2.0.0",
]

[[package]]
name = "imagenette-train"
version = "0.1.0"
dependencies = [
 "check",
 "deep 1.0.0",
 "fast",
]
"#;

    /// The hash of a small checkout in which `change` has written some files anew.
    fn hash(change: &[(&str, &str)]) -> String {
        let place = tempfile::tempdir().unwrap();
        let whole = [
            ("Cargo.lock", LOCK),
            ("crates/imagenette-train/Cargo.toml", MANIFEST),
            ("crates/imagenette-train/src/lib.rs", SOURCE),
            ("crates/imagenette-results/src/lib.rs", SOURCE),
        ];
        for (path, text) in whole.iter().chain(change) {
            let path = place.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        engine_hash(place.path()).unwrap()
    }

    fn with_source(text: &str) -> String {
        hash(&[("crates/imagenette-train/src/lib.rs", text)])
    }

    #[track_caller]
    fn with_replaced(text: &str, from: &str, to: &str) -> String {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    }

    #[test]
    fn comments_documents_tests_and_layout_change_nothing() {
        let plain = hash(&[]);
        let same = |from: &str, to: &str| assert_eq!(with_source(&with_replaced(SOURCE, from, to)), plain, "{to}");
        same("// Why.", "// Since one is added. /* x */");
        same("/// Adds.", "/// Adds one.\n/// To a number.\n#[doc = \"x\"]");
        same("//! A crate.", "#![doc = \"Another.\"]");
        same("x + 1", "x+1");
        same("{\n    // Why.\n", "\n\n{ ");
        let end = |more: &str| assert_eq!(with_source(&format!("{SOURCE}{more}")), plain, "{more}");
        end("#[cfg(test)]\nmod tests {\n    #[test]\n    fn one() { assert_eq!(add(1), 2); }\n}\n");
        end("#[cfg(all(test, unix))]\n#[allow(unused)]\nmod tests { fn one() {} }\n");
        end("#[cfg(test)]\nuse a::{c, d};\n");
        end("#[cfg(test)]\n#[path = \"x.rs\"]\npub(crate) mod x;\n");
        let files = [
            ("crates/imagenette-train/src/lib.rs", format!("{SOURCE}mod inner;\n")),
            ("crates/imagenette-train/src/inner.rs", "#[cfg(test)]\nmod tests;\n".into()),
            ("crates/imagenette-train/src/inner/tests.rs", "fn one() {}".into()),
            ("crates/imagenette-train/src/inner/tests/deep.rs", "fn two() {}".into()),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let without = [files[0], (files[1].0, "")];
        assert_eq!(hash(&files), hash(&without));
    }

    #[test]
    fn every_token_counts() {
        let plain = hash(&[]);
        let other = |from: &str, to: &str| assert_ne!(with_source(&with_replaced(SOURCE, from, to)), plain, "{to}");
        other("x + 1", "x + 2");
        other("x + 1", "x - 1");
        other("x + 1", "(x + 1)");
        other("u32) ->", "u64) ->");
        other("add", "sum");
        other("pub fn", "#[inline] pub fn");
        other("x + 1", "x + 1 + usize::from(cfg!(test))");
        let field = |after: &str| with_source(&format!("struct Wide {{ #[cfg(test)] a: (u8, u8), {after} }}"));
        assert_ne!(field("b: u8"), field("b: u16"), "what follows a test's field");
        assert_ne!(with_source(&format!("{SOURCE}#[cfg(not(test))]\nmod own {{}}\n")), plain);
        assert_ne!(
            with_source(&with_replaced(SOURCE, "x + 1", "x & &1")),
            with_source(&with_replaced(SOURCE, "x + 1", "x && 1"))
        );
        assert_ne!(hash(&[("crates/imagenette-train/src/more.rs", "")]), plain, "a file more");
        assert_ne!(hash(&[("crates/imagenette-kernels/src/lib.rs", SOURCE)]), plain, "a crate more");
        assert_eq!(hash(&[("crates/imagenette-results/src/lib.rs", "")]), plain, "results decide no bits");
        assert_eq!(hash(&[("crates/imagenette-train/src/notes.md", "")]), plain);
    }

    #[test]
    fn the_versions_that_are_reached_count_and_no_others() {
        let plain = hash(&[]);
        let locked = |from: &str, to: &str| hash(&[("Cargo.lock", &with_replaced(LOCK, from, to))]);
        assert_ne!(locked("checksum = \"dd\"", "checksum = \"de\""), plain, "what the crate depends on");
        assert_ne!(locked("2.0.0", "2.0.1"), plain, "what that depends on");
        assert_eq!(locked("checksum = \"bb\"", "checksum = \"be\""), plain, "another version of the same name");
        assert_eq!(locked("checksum = \"aa\"", "checksum = \"ae\""), plain, "what tests depend on");
        assert_ne!(hash(&[("Cargo.lock", "")]), plain, "no lock file");
    }

    #[test]
    fn features_of_dependencies_count_and_their_comments_do_not() {
        let plain = hash(&[]);
        let asked =
            |from: &str, to: &str| hash(&[("crates/imagenette-train/Cargo.toml", &with_replaced(MANIFEST, from, to))]);
        assert_ne!(asked("[\"simd\"]", "[\"simd\", \"fused\"]"), plain);
        assert_eq!(asked("[\"simd\"] }", "[ \"simd\" ]}  # faster"), plain);
        assert_eq!(asked("[dependencies]\n", "[dependencies]\n# fast = 1\nimagenette-data.workspace = true\n"), plain);
        assert_eq!(asked("check = \"1\"", "check = \"2\""), plain);
        // `cargo vendor` writes a table for each dependency: the same packages are reached.
        let vendored = with_replaced(MANIFEST, "[dependencies]\nfast = {", "[dependencies.fast]\nvalue = {");
        let vendored = |lock: &str| hash(&[("crates/imagenette-train/Cargo.toml", &vendored), ("Cargo.lock", lock)]);
        assert_ne!(vendored(LOCK), vendored(&with_replaced(LOCK, "2.0.0", "2.0.1")));
    }

    #[test]
    fn the_hash_in_this_program_is_that_of_its_sources() {
        assert!(ENGINE.len() == 64 && ENGINE.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ENGINE}");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        if root.join("Cargo.lock").is_file() {
            assert_eq!(engine_hash(&root).unwrap(), ENGINE);
        }
    }
}
