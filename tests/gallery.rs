//! The gallery of uses: every file is well-formed, and the index is made from them.

use std::path::Path;

use toml::Table;

const HEAD: &str = "# What people use the dataset for\n\n\
    Send a pull request with your own: copy [template.toml](template.toml) into `uses/`, fill it in, and write this page\n\
    anew with `IMAGENETTE_UPDATE=1 cargo test --release --workspace gallery`.\n";

/// One use as the index shows it.
fn entry(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let table: Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let known = ["title", "author", "link", "what", "command", "picture"];
    for key in table.keys() {
        assert!(known.contains(&key.as_str()), "{}: expected {known:?}, found `{key}`", path.display());
    }
    let field = |key: &str| table.get(key).and_then(toml::Value::as_str);
    let needed = |key: &str| {
        let found = field(key).map(str::trim).filter(|text| !text.is_empty());
        found.unwrap_or_else(|| panic!("{}: expected a text for `{key}`", path.display()))
    };
    let (title, author, what) = (needed("title"), needed("author"), needed("what"));
    for (key, text, most) in [("title", title, 60), ("author", author, 60), ("what", what, 300)] {
        let count = text.chars().count();
        assert!(count <= most, "{}: expected at most {most} letters for `{key}`, found {count}", path.display());
        assert!(!text.contains(['<', '|', '\n']), "{}: `{key}` must be plain text", path.display());
    }
    let (command, picture) = (field("command"), field("picture"));
    assert!(command.or(picture).is_some(), "{}: expected a `command` or a `picture`", path.display());
    let title = match field("link") {
        Some(link) => {
            let has_commit =
                link.split(['/', '@']).any(|part| part.len() == 40 && part.bytes().all(|b| b.is_ascii_hexdigit()));
            assert!(
                link.starts_with("https://") && has_commit,
                "{}: expected an https link with a commit",
                path.display()
            );
            format!("[{title}]({link})")
        }
        None => title.to_owned(),
    };
    let mut entry = format!("\n## {title}\n{what} (by {author})\n");
    if let Some(picture) = picture {
        let file = path.with_file_name(picture);
        assert!(file.is_file(), "{}: there is no picture {picture}", path.display());
        entry.push_str(&format!("\n![{title}](uses/{picture})\n"));
    }
    if let Some(command) = command {
        entry.push_str(&format!("\n```sh\n{}\n```\n", command.trim()));
    }
    entry
}

#[test]
fn the_gallery_has_an_index_of_all_its_uses() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gallery");
    entry(&folder.join("template.toml"));
    let mut uses: Vec<_> = std::fs::read_dir(folder.join("uses"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    uses.sort();
    assert!(uses.len() >= 6);
    let index: String = std::iter::once(HEAD.to_owned()).chain(uses.iter().map(|path| entry(path))).collect();
    let path = folder.join("README.md");
    if std::env::var_os("IMAGENETTE_UPDATE").is_some() {
        std::fs::write(&path, &index).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == index, "docs/gallery/README.md is not that of its uses: write it anew with IMAGENETTE_UPDATE=1");
}
