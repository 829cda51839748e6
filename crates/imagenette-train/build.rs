//! Puts the engine's hash into the program, so that every record can say what decided its bits.

mod engine_hash;

use std::path::Path;

fn main() -> std::io::Result<()> {
    // The crates lie side by side in a checkout, whatever workspace this one is built in.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=engine_hash.rs");
    let sources =
        engine_hash::CRATES.iter().flat_map(|name| [format!("crates/{name}/src"), format!("crates/{name}/Cargo.toml")]);
    for path in sources.chain(["Cargo.toml".into(), "Cargo.lock".into()]) {
        // A path that is not there would make Cargo build again each time.
        if root.join(&path).exists() {
            println!("cargo:rerun-if-changed=../../{path}");
        }
    }
    println!("cargo:rustc-env=IMAGENETTE_ENGINE={}", engine_hash::engine_hash(&root)?);
    Ok(())
}
