//! A command with placeholders: what a user typed becomes a line for the shell, one for each run.

use std::path::Path;

use imagenette_files::hash;
use imagenette_files::nearest::did_you_mean;

use crate::terminal::Refusal;

/// What may stand in braces.
pub(super) const PLACEHOLDERS: [&str; 6] = ["seed", "out", "dataset", "epochs", "train_list", "val_list"];
/// What must.
const NEEDED: [&str; 2] = ["seed", "out"];
/// A file that a command names is hashed up to this size: scripts are small, and data is not what the idea is.
const MOST_BYTES: u64 = 16 << 20;
/// A script is kept with its runs up to this size.
const MOST_TEXT_BYTES: u64 = 256 << 10;

/// A command that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    pieces: Vec<Piece>,
    /// The files that it names, with their sha256.
    files: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A placeholder, and the quotes that it stands in.
    Value(&'static str, Quotes),
}

/// The quotes that are open at some place of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    Single,
    Double,
}

impl Template {
    /// Reads a command. `{word}` is a placeholder, `{{word}}` is the text `{word}`, and `${word}` stays the shell's.
    pub(super) fn parse(text: &str, flag: &str) -> anyhow::Result<Self> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut quotes = Quotes::None;
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if let Some(inner) = rest.strip_prefix("{{")
                && let Some((word, after)) = word(inner)
                && let Some(after) = after.strip_prefix('}')
            {
                plain.push_str(&format!("{{{word}}}"));
                rest = after;
                continue;
            }
            if character == '{'
                && !plain.ends_with('$')
                && let Some((word, after)) = word(&rest[1..])
            {
                let Some(known) = PLACEHOLDERS.into_iter().find(|known| *known == word) else {
                    return Err(Refusal::error(
                        format!("{flag}: expected one of {}, found {{{word}}}", list()),
                        format!("{} Write {{{{{word}}}}} for the text itself", did_you_mean(word, PLACEHOLDERS)),
                    ));
                };
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Value(known, quotes));
                rest = after;
                continue;
            }
            let is_escaped = character == '\\' && quotes != Quotes::Single;
            let taken = rest.chars().take(if is_escaped { 2 } else { 1 }).map(char::len_utf8).sum();
            quotes = match (character, quotes) {
                ('\'', Quotes::None) => Quotes::Single,
                ('"', Quotes::None) => Quotes::Double,
                ('\'', Quotes::Single) | ('"', Quotes::Double) => Quotes::None,
                _ => quotes,
            };
            plain.push_str(&rest[..taken]);
            rest = &rest[taken..];
        }
        pieces.push(Piece::Text(plain));
        let template = Self { text: text.to_owned(), pieces, files: files(text)? };
        for needed in NEEDED {
            if !template.uses(needed) {
                let why = match needed {
                    "seed" => "without it every run is the same one",
                    _ => "its run must leave {out}/predictions.csv",
                };
                return Err(Refusal::error(
                    format!("{flag}: expected {{{needed}}}, found none in `{text}`"),
                    format!("{why}; for example 'python train.py --seed {{seed}} --out {{out}}'"),
                ));
            }
        }
        Ok(template)
    }

    /// Whether a placeholder stands in it.
    pub(super) fn uses(&self, placeholder: &str) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Value(name, _) if *name == placeholder))
    }

    /// The command as it was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The files that it names, with their sha256.
    pub(super) fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// The text of the files that it names, each after a line `==> path`, as runs keep the source of own parts.
    pub(super) fn source(&self) -> String {
        let mut source = String::new();
        for (path, _) in &self.files {
            let is_small = std::fs::metadata(path).is_ok_and(|file| file.len() <= MOST_TEXT_BYTES);
            if let (true, Ok(text)) = (is_small, std::fs::read_to_string(path)) {
                source.push_str(&format!("==> {path}\n{}\n", text.trim_end_matches('\n')));
            }
        }
        source
    }

    /// The command with the content of the files that it names: a changed script is another idea.
    pub(super) fn identity(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|(path, sha256)| format!("\n{sha256} {path}")).collect();
        hash::sha256(format!("command {}{}", self.text, files.concat()))
    }

    /// A name for folders: that of the first file it names.
    pub(super) fn name(&self) -> String {
        let stem = self.files.first().and_then(|(path, _)| Path::new(path).file_stem()).map(|stem| {
            let letters = stem.to_string_lossy();
            letters.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect()
        });
        stem.filter(|stem: &String| !stem.is_empty()).unwrap_or_else(|| "command".into())
    }

    /// The line for the shell, each value quoted for the place where it stands.
    pub(super) fn line(&self, value: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(name, quotes) => quoted(&value(name), *quotes),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// The word up to the next `}`, and what follows; words are of small letters and `_`.
fn word(text: &str) -> Option<(&str, &str)> {
    let (word, after) = text.split_once('}')?;
    let is_word = !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    is_word.then_some((word, after))
}

fn list() -> String {
    PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(" ")
}

/// How the names of files end that decide what a command does. What it writes, a log for instance, must not make it
/// another command.
const SOURCES: [&str; 18] = [
    "py", "sh", "bash", "r", "R", "jl", "js", "ts", "rb", "pl", "lua", "m", "toml", "yaml", "yml", "json", "cfg", "ini",
];

/// The scripts, settings and programs that a command names: its words that are such files here.
fn files(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut files: Vec<(String, String)> = Vec::new();
    for word in text.split(|letter: char| letter.is_whitespace() || "'\"=;|&<>()".contains(letter)) {
        let path = Path::new(word);
        let is_source = path.extension().is_some_and(|ending| SOURCES.iter().any(|known| ending == *known));
        let decides = std::fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.len() <= MOST_BYTES && (is_source || is_program(&file)));
        if decides && files.iter().all(|(known, _)| known != word) {
            files.push((word.to_owned(), hash::sha256_of_file(path)?));
        }
    }
    Ok(files)
}

#[cfg(unix)]
fn is_program(file: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_program(_file: &std::fs::Metadata) -> bool {
    false
}

/// A value as one word of a line for the shell.
#[cfg(not(windows))]
fn quoted(value: &str, quotes: Quotes) -> String {
    match quotes {
        Quotes::None => super::shell::quoted(value),
        Quotes::Single => value.replace('\'', "'\\''"),
        Quotes::Double => value
            .chars()
            .flat_map(|letter| "\\\"$`".contains(letter).then_some('\\').into_iter().chain([letter]))
            .collect(),
    }
}

/// A value as one word of a line for `cmd`, whose only quotes are double ones.
#[cfg(windows)]
fn quoted(value: &str, quotes: Quotes) -> String {
    match quotes {
        Quotes::Double => value.to_owned(),
        _ => super::shell::quoted(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        let value = |name: &str| match name {
            "seed" => "3".to_owned(),
            _ => "/a b/it's $HOME".to_owned(),
        };
        Template::parse(text, "--idea-command").unwrap_or_else(|error| panic!("{text}: {error}")).line(value)
    }

    fn refused(text: &str) -> String {
        let error = Template::parse(text, "--idea-command").unwrap_err();
        let hint = imagenette_files::Hint::hint(error.downcast_ref::<Refusal>().unwrap()).unwrap();
        format!("{error}; {hint}")
    }

    #[test]
    #[cfg(not(windows))]
    fn every_value_is_one_word_wherever_it_stands() {
        assert_eq!(line("run --seed {seed} --out {out}"), "run --seed 3 --out '/a b/it'\\''s $HOME'");
        for text in ["printf %s {out} # {seed}", "printf %s \"{out}\" # {seed}", "printf %s '{out}' # {seed}"] {
            let output = std::process::Command::new("sh").args(["-c", &line(text)]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), "/a b/it's $HOME", "{text}");
        }
    }

    #[test]
    fn other_braces_stay_as_they_are() {
        let text = "f() { x={{seed}} ${HOME} ${out} {1} {} {A}; }; f";
        let found = line(&format!("{text} {{seed}} '{{out}}'"));
        assert!(found.starts_with("f() { x={seed} ${HOME} ${out} {1} {} {A}; }; f 3 "), "{found}");
    }

    #[test]
    fn unknown_and_missing_placeholders_are_refused_by_name() {
        assert!(refused("run {sed} {out}").contains("found {sed}; did you mean `seed`?"), "{}", refused("{sed}"));
        assert!(refused("run {seed} {output_folder}").contains("known here: seed, out"));
        assert!(refused("run {out}").contains("expected {seed}"));
        assert!(refused("run {seed}").contains("expected {out}"));
    }

    #[test]
    fn a_changed_script_is_another_command() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("train it.sh");
        let plain = folder.path().join("train.sh");
        std::fs::write(&script, "exit 0").unwrap();
        std::fs::write(&plain, "exit 0").unwrap();
        let parse = || Template::parse(&format!("sh {} {{seed}} {{out}}", plain.display()), "x").unwrap();
        let before = parse();
        assert_eq!((before.name(), before.files().len()), ("train".into(), 1));
        std::fs::write(&plain, "exit 1").unwrap();
        assert_ne!(before.identity(), parse().identity());
        assert_eq!(Template::parse("true {seed} {out}", "x").unwrap().name(), "command");
        let log = folder.path().join("run.log");
        std::fs::write(&log, "printed").unwrap();
        let logs = Template::parse(&format!("true {{seed}} {{out}} > {}", log.display()), "x").unwrap();
        assert_eq!(logs.files(), [], "what a command writes does not make it another one");
    }
}
