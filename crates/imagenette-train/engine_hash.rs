//! The engine's hash: a checkout goes in; a hash of the sources that decide a run's bits comes out, and of the locked
//! versions of all that they depend on. Comments, documentation, tests and the layout of the text do not change it.
//!
//! Included twice: by `build.rs`, which puts the hash into the program, and by the tests in `src/engine.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use sha2::{Digest, Sha256};

/// The crates whose sources decide bits. One that is not there is passed over.
pub(crate) const CRATES: [&str; 6] = [
    "imagenette-data",
    "imagenette-files",
    "imagenette-kernels",
    "imagenette-recipe",
    "imagenette-resize",
    "imagenette-train",
];

/// The hash of the engine in the checkout at `root`, in lower-case hexadecimal.
///
/// # Errors
/// When a source cannot be read.
pub(crate) fn engine_hash(root: &Path) -> io::Result<String> {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let mut hasher = Sha256::new();
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in CRATES {
        let folder = root.join("crates").join(name);
        if !folder.is_dir() {
            continue;
        }
        for (path, tokens) in sources(&folder.join("src"))? {
            hasher.update(format!("file {name}/{path}\n{tokens}"));
        }
        let dependencies = dependencies(&read(folder.join("Cargo.toml")));
        // What is switched on in a dependency decides what of it is compiled.
        dependencies.values().for_each(|line| hasher.update(format!("depends {name}: {line}\n")));
        wanted.insert(name, dependencies.into_keys().collect());
    }
    for line in dependencies(&read(root.join("Cargo.toml"))).values() {
        hasher.update(format!("depends: {line}\n"));
    }
    // A folder without a lock file, of a crate that was taken out of its checkout, has a hash of its own.
    for package in locked(&read(root.join("Cargo.lock")), &wanted) {
        hasher.update(format!("locked {package}\n"));
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The tokens of every source below a folder that is not there for tests alone, by its path with slashes.
fn sources(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    collect(folder, "", &mut texts)?;
    let mut tests: Vec<String> = Vec::new();
    let mut files = BTreeMap::new();
    for (path, text) in texts {
        let mut found = Tokens::default();
        // What is not Rust would not compile either; where it is in no module, its bytes stand for it.
        let tokens = match text.parse::<TokenStream>() {
            Ok(stream) => {
                found.add(stream);
                found.text
            }
            Err(_) => text,
        };
        // The file of `mod name;` lies beside a `mod.rs` or `lib.rs`, and in a folder of the file's name otherwise.
        let (folder, name) = path.rsplit_once('/').map_or(("", path.as_str()), |(folder, name)| (folder, name));
        let base = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            name => format!("{folder}/{}", name.trim_end_matches(".rs")),
        };
        tests.extend(found.test_modules.iter().map(|name| format!("{base}/{name}").trim_start_matches('/').to_owned()));
        files.insert(path, tokens);
    }
    let is_test = |path: &str| {
        tests.iter().any(|module| path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')))
    };
    files.retain(|path, _| !is_test(path));
    Ok(files)
}

fn collect(folder: &Path, below: &str, texts: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, texts)?;
        } else if name.ends_with(".rs") {
            texts.insert(path, std::fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// The words by which an item is told from a field.
const ITEMS: [&str; 11] = ["const", "enum", "fn", "impl", "let", "mod", "static", "struct", "trait", "type", "use"];

/// The tokens of a source, one a line, without documentation and without what is compiled for tests alone.
#[derive(Default)]
struct Tokens {
    text: String,
    /// Modules that are compiled for tests alone and lie in files of their own.
    test_modules: Vec<String>,
}

impl Tokens {
    fn add(&mut self, stream: TokenStream) {
        let mut tokens = stream.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(hash) if hash.as_char() == '#' => {
                    let mut marks = String::from("#\n");
                    if matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '!') {
                        tokens.next();
                        marks.push_str("!\n");
                    }
                    let attribute = match tokens.peek() {
                        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => group.stream(),
                        _ => {
                            self.text.push_str(&marks);
                            continue;
                        }
                    };
                    tokens.next();
                    match attribute.into_iter().collect::<Vec<_>>().as_slice() {
                        [TokenTree::Ident(name), ..] if name == "doc" => {}
                        [TokenTree::Ident(name), TokenTree::Group(group)]
                            if name == "cfg" && is_for_tests(group.stream()) =>
                        {
                            self.skip_item(&mut tokens);
                        }
                        attribute => {
                            self.text.push_str(&marks);
                            self.text.push_str("[\n");
                            self.add(attribute.iter().cloned().collect());
                            self.text.push_str("]\n");
                        }
                    }
                }
                TokenTree::Punct(punct) => {
                    self.text.push(punct.as_char());
                    // `& &` is not `&&`.
                    self.text.push_str(if punct.spacing() == Spacing::Joint { "\\\n" } else { "\n" });
                }
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(\n", ")\n"),
                        Delimiter::Brace => ("{\n", "}\n"),
                        Delimiter::Bracket => ("[\n", "]\n"),
                        Delimiter::None => ("", ""),
                    };
                    self.text.push_str(open);
                    self.add(group.stream());
                    self.text.push_str(close);
                }
                TokenTree::Ident(_) | TokenTree::Literal(_) => {
                    self.text.push_str(&token.to_string());
                    self.text.push('\n');
                }
            }
        }
    }

    /// Passes over what follows `#[cfg(test)]`: an item as far as its body or its semicolon, a field as far as its
    /// comma.
    fn skip_item(&mut self, tokens: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>) {
        let mut words: Vec<String> = Vec::new();
        let mut is_attribute = false;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => is_attribute = true,
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && is_attribute => {
                    is_attribute = false;
                }
                // The braces of `use a::{b, c};` are not a body.
                TokenTree::Group(group)
                    if group.delimiter() == Delimiter::Brace && !words.iter().any(|word| word == "use") =>
                {
                    return;
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => {
                    if let Some(place) = words.iter().position(|word| word == "mod") {
                        self.test_modules.extend(words.get(place + 1).cloned());
                    }
                    return;
                }
                TokenTree::Punct(punct)
                    if punct.as_char() == ',' && !words.iter().any(|word| ITEMS.contains(&word.as_str())) =>
                {
                    return;
                }
                TokenTree::Ident(word) => words.push(word.to_string()),
                _ => {}
            }
        }
    }
}

/// Whether a condition (`test`, `all(test, unix)`) holds in tests alone.
fn is_for_tests(condition: TokenStream) -> bool {
    match condition.into_iter().collect::<Vec<_>>().as_slice() {
        [TokenTree::Ident(name)] => name == "test",
        [TokenTree::Ident(name), TokenTree::Group(group)] if name == "all" => {
            let parts: Vec<TokenTree> = group.stream().into_iter().collect();
            let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            parts.split(is_comma).any(|part| is_for_tests(part.iter().cloned().collect()))
        }
        _ => false,
    }
}

/// The dependencies that a manifest asks for, of tests and builds aside, by name: each line without spaces and
/// comment. Those on this workspace's own crates say nothing that their sources do not.
fn dependencies(manifest: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    // `[dependencies]` has a line for each; `[dependencies.NAME]` is a table for one.
    let (mut is_inside, mut of_one) = (false, None);
    for line in manifest.lines().map(without_comment) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.split(']').next().unwrap_or_default();
            let (head, name) = table.split_once("dependencies").unwrap_or_default();
            let is_for_others = head.ends_with("dev-") || head.ends_with("build-");
            is_inside = table.contains("dependencies") && !is_for_others;
            of_one = name.strip_prefix('.').map(String::from);
        } else if is_inside && let Some((key, _)) = line.split_once('=') {
            let key = key.split('.').next().unwrap_or_default().trim().trim_matches('"');
            let name = of_one.clone().unwrap_or_else(|| key.to_owned());
            if !name.starts_with("imagenette-") {
                let text = found.entry(name).or_default();
                text.extend(line.chars().filter(|character| !character.is_whitespace()));
                text.push(';');
            }
        }
    }
    found
}

/// A line of TOML without its comment: a `#` within quotes does not begin one.
fn without_comment(line: &str) -> &str {
    let mut is_quoted = false;
    let end = line.find(|character| {
        is_quoted ^= character == '"';
        character == '#' && !is_quoted
    });
    line[..end.unwrap_or(line.len())].trim()
}

/// A package of a lock file.
#[derive(Default)]
struct Package {
    name: String,
    version: String,
    source: String,
    checksum: String,
    dependencies: Vec<String>,
}

/// The packages that are reached from the wanted dependencies of some crates of the workspace, each with name,
/// version, source and checksum, sorted. The workspace's other crates are not entered.
fn locked(lock: &str, wanted: &BTreeMap<&str, BTreeSet<String>>) -> BTreeSet<String> {
    let packages = packages(lock);
    let find = |named: &str| {
        // `name`, `name version` or `name version (source)`, as much as tells packages apart.
        let mut parts = named.split(' ');
        let (name, version) = (parts.next().unwrap_or_default(), parts.next());
        packages.iter().position(|package| package.name == name && version.is_none_or(|v| v == package.version))
    };
    let mut open: Vec<usize> = Vec::new();
    for package in packages.iter().filter(|package| package.source.is_empty()) {
        let Some(names) = wanted.get(package.name.as_str()) else { continue };
        let is_wanted = |named: &&String| names.contains(named.split(' ').next().unwrap_or_default());
        open.extend(package.dependencies.iter().filter(is_wanted).filter_map(|named| find(named)));
    }
    let mut reached = BTreeSet::new();
    while let Some(place) = open.pop() {
        if reached.insert(place) {
            open.extend(packages[place].dependencies.iter().filter_map(|named| find(named)));
        }
    }
    let text = |place: &usize| {
        let Package { name, version, source, checksum, .. } = &packages[*place];
        format!("{name} {version} {source} {checksum}")
    };
    reached.iter().map(text).collect()
}

/// The packages of a lock file, whose layout Cargo keeps.
fn packages(lock: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = Vec::new();
    let mut is_in_list = false;
    for line in lock.lines().map(str::trim) {
        let quoted = || line.split('"').nth(1).unwrap_or_default().to_owned();
        if line == "[[package]]" {
            packages.push(Package::default());
        }
        let Some(package) = packages.last_mut() else { continue };
        match line.split_once(" = ").map_or(line, |(key, _)| key) {
            "name" => package.name = quoted(),
            "version" => package.version = quoted(),
            "source" => package.source = quoted(),
            "checksum" => package.checksum = quoted(),
            "dependencies" => is_in_list = true,
            "]" => is_in_list = false,
            line if is_in_list && line.starts_with('"') => package.dependencies.push(quoted()),
            _ => {}
        }
    }
    packages
}
