//! `new`: a crate for an idea of one's own, from a worked one of the same kind.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use imagenette_data::store::Store;
use imagenette_files::nearest::did_you_mean;
use imagenette_files::{FileError, atomic};
use imagenette_train::parts::Parts;
use imagenette_train::recipe::PartKind;

use super::new_torch;
use crate::cli::{IdeaKind, New};
use crate::terminal::{Refusal, print};

/// The clone that this program was built from, if it is still there.
const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Its Cargo.toml, for the profile.
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
/// Its lock file, without what is no other package's.
const LOCK: &str = include_str!(concat!(env!("OUT_DIR"), "/Cargo.lock"));

/// The programs in examples/own-ideas: crates of these names would be compiled to the same files.
const EXAMPLES: [&str; 11] = [
    "activation",
    "all",
    "augmentation",
    "burn_model",
    "loss",
    "method",
    "model",
    "optimizer",
    "sam",
    "schedule",
    "selection",
];

/// A worked idea, which new ones begin as.
struct Template {
    /// Its program.
    main: &'static str,
    /// Its recipe.
    recipe: &'static str,
    /// The kind and the name of its part, where it has one.
    part: Option<(PartKind, &'static str)>,
    /// What it is.
    about: &'static str,
}

macro_rules! template {
    ($file:literal, $part:expr, $about:literal) => {
        Template {
            main: include_str!(concat!("../../../../examples/own-ideas/src/bin/", $file, ".rs")),
            recipe: include_str!(concat!("../../../../examples/own-ideas/recipes/", $file, ".toml")),
            part: $part,
            about: $about,
        }
    };
}

fn template(kind: IdeaKind) -> Template {
    use PartKind::{Activation, Augmentation, Loss, Method, Model, Optimizer, Schedule, Selection};
    match kind {
        IdeaKind::Activation => template!("activation", Some((Activation, "swish")), "an activation: Swish"),
        IdeaKind::Loss => template!("loss", Some((Loss, "poly")), "a loss: Poly-1"),
        IdeaKind::Optimizer => template!("optimizer", Some((Optimizer, "lion")), "an optimizer: Lion"),
        IdeaKind::Schedule => template!("schedule", Some((Schedule, "cooldown")), "a schedule: a root at the end"),
        IdeaKind::Augmentation => {
            template!("augmentation", Some((Augmentation, "posterize")), "an augmentation: posterizing")
        }
        IdeaKind::Model => template!("model", Some((Model, "conv-mixer")), "a model of our layers: ConvMixer"),
        IdeaKind::Selection => {
            template!("selection", Some((Selection, "biggest-losers")), "a selection: the biggest losers")
        }
        IdeaKind::Method => {
            template!("method", Some((Method, "mean-teacher")), "a way to learn without labels: mean teacher")
        }
        IdeaKind::All => template!("all", None, "a small idea of each kind"),
    }
}

/// Where the crate `imagenette` comes from.
enum Origin {
    /// A clone in which the idea lies, as a member of its workspace.
    Inside(PathBuf),
    /// A clone elsewhere.
    Clone(PathBuf),
    /// A repository.
    Git { url: String, rev: String },
}

pub(crate) fn run(arguments: &New) -> anyhow::Result<ExitCode> {
    if arguments.torch {
        return new_torch::run(&arguments.name);
    }
    let template = template(arguments.kind);
    check_name(&arguments.name, &template)?;
    let (folder, origin) = place(arguments)?;
    if folder.symlink_metadata().is_ok() {
        let hint = "choose another name, or remove the folder";
        return Err(Refusal::error(format!("{}: there is something already", folder.display()), hint));
    }
    let files = files(&arguments.name, &template, &origin)?;
    write(&folder, &files)?;
    if let Origin::Inside(clone) = &origin {
        // It spares time alone: cargo writes the same lines where it cannot be done here.
        let _ = add_to_lock(&clone.join("Cargo.lock"), &arguments.name);
    }
    let recipe = folder.join("recipe.toml");
    print(&format!("{}: {}", folder.display(), template.about))?;
    let (enter, package, recipe) = match &origin {
        Origin::Inside(_) => ("", format!(" -p {}", arguments.name), recipe.display().to_string()),
        _ => ("cd ", String::new(), "recipe.toml".into()),
    };
    if !enter.is_empty() {
        print(&format!("next:  {enter}{}", folder.display()))?;
    }
    print(&format!("train: cargo run --release{package} -- train --recipe {recipe}"))?;
    print(&format!("check: cargo test --release{package}"))?;
    if let Some(target) = target(&origin)? {
        let most = "the first build outside a clone compiles imagenette's crates once for all ideas";
        print(&format!("{most}: some minutes, into {}", target.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses names that cargo or recipes would refuse, or that mean something else.
fn check_name(name: &str, template: &Template) -> anyhow::Result<()> {
    let refuse =
        |why: String| Err(Refusal::error(format!("`{name}`: {why}"), "for example `imagenette new squared-relu`"));
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_plain) || name.len() > 60 {
        return refuse("expected a name of small letters, digits and hyphens that begins with a letter".into());
    }
    if name.ends_with('-') || name.contains("--") {
        return refuse("expected single hyphens between letters or digits".into());
    }
    // Files of these names mean devices to Windows.
    let is_device = ["con", "prn", "aux", "nul"].contains(&name)
        || ["com", "lpt"].iter().any(|port| name.strip_prefix(port).is_some_and(|rest| rest.len() == 1 && rest != "0"));
    if is_device {
        return refuse("Windows has no files of this name".into());
    }
    const KEYWORDS: [&str; 48] = [
        "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
        "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self",
        "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while", "yield", "gen",
        "abstract", "become", "box", "do", "final", "macro", "try", "typeof", "virtual",
    ];
    if KEYWORDS.contains(&name)
        || ["test", "core", "std", "alloc", "proc-macro", "build", "deps", "examples"].contains(&name)
    {
        return refuse("this word means something to Rust or cargo".into());
    }
    if LOCK.contains(&format!("\nname = \"{name}\"\n"))
        || name.starts_with("imagenette")
        || name == "own-ideas"
        || EXAMPLES.contains(&name)
    {
        return refuse("a crate of this name is here already".into());
    }
    if let Some((kind, _)) = template.part
        && (kind.shipped().contains(&name) || Parts::shipped().names(kind).contains(&name))
    {
        return refuse(format!("this is a shipped {kind}"));
    }
    Ok(())
}

/// Where the new crate goes, and where it finds imagenette.
fn place(arguments: &New) -> anyhow::Result<(PathBuf, Origin)> {
    let here = std::env::current_dir().map_err(FileError::io("find", Path::new(".")))?;
    if let (Some(url), Some(rev)) = (&arguments.git, &arguments.rev) {
        return Ok((PathBuf::from(&arguments.name), Origin::Git { url: url.clone(), rev: revision(url, rev)? }));
    }
    if let Some(clone) = here.ancestors().find(|folder| is_clone(folder)) {
        let ideas = clone.join("ideas");
        // As it is typed from here, where that is no longer.
        let folder = if clone == here { Path::new("ideas").join(&arguments.name) } else { ideas.join(&arguments.name) };
        return Ok((folder, Origin::Inside(clone.to_owned())));
    }
    match Path::new(BUILT_FROM).canonicalize() {
        Ok(clone) if is_clone(&clone) => Ok((PathBuf::from(&arguments.name), Origin::Clone(clone))),
        _ => Err(Refusal::error(
            "the clone that this program was built from is gone".to_owned(),
            "run it inside a clone, or name a repository: `--git URL --rev REVISION`",
        )),
    }
}

/// The commit that a revision of a repository is at this moment, so that the crate builds the same tomorrow.
fn revision(url: &str, rev: &str) -> anyhow::Result<String> {
    let hint = "name a repository that `git ls-remote` can read, and a branch, a tag or a commit of it";
    let refuse = |what: String| Refusal::error(what, hint);
    let listed = Command::new("git")
        .args(["ls-remote", "--", url])
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .map_err(|error| refuse(format!("git cannot be started: {error}")))?;
    if !listed.status.success() {
        let said = String::from_utf8_lossy(&listed.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        return Err(refuse(format!("{url}: git cannot read this repository: {}", last.trim())));
    }
    let listed = String::from_utf8_lossy(&listed.stdout);
    let refs: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.split_once('\t')).collect();
    // Of a tag with a message, `^{}` is the commit that it is on.
    let wanted = ["refs/tags/@^{}", "refs/tags/@", "refs/heads/@", "@"].map(|form| form.replace('@', rev));
    if let Some((commit, _)) = wanted.iter().find_map(|wanted| refs.iter().find(|(_, name)| name == wanted)) {
        return Ok((*commit).to_owned());
    }
    if (7..=40).contains(&rev.len()) && rev.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(rev.to_owned());
    }
    let names = refs.iter().filter_map(|(_, name)| name.rsplit('/').next());
    Err(refuse(format!("{url}: no branch or tag `{rev}`; {}", did_you_mean(rev, names))))
}

/// Where the crate's programs are compiled to, where that is not its clone's own folder.
fn target(origin: &Origin) -> anyhow::Result<Option<PathBuf>> {
    Ok(match origin {
        Origin::Inside(_) => None,
        Origin::Clone(clone) => Some(clone.join("target")),
        Origin::Git { .. } => Some(Store::open_default()?.root().join("target")),
    })
}

/// Puts the new crate into the clone's lock file, as cargo would, and leaves the file's time as it was: no package that
/// the engine is made of has changed, and cargo need not compile it again.
fn add_to_lock(lock: &Path, name: &str) -> anyhow::Result<()> {
    let Ok(text) = std::fs::read_to_string(lock) else { return Ok(()) };
    let Some(changed) = with_package(&text, name) else { return Ok(()) };
    let time = std::fs::metadata(lock).and_then(|known| known.modified());
    atomic::write_bytes(lock, changed.as_bytes())?;
    if let Ok(time) = time {
        let file = std::fs::File::options().write(true).open(lock).map_err(FileError::io("open", lock))?;
        file.set_modified(time).map_err(FileError::io("write", lock))?;
    }
    Ok(())
}

/// A lock file with the new crate at its place; `None` where it is there, or the file is not as cargo writes it.
fn with_package(lock: &str, name: &str) -> Option<String> {
    let mut blocks: Vec<&str> = lock.split("\n[[package]]\n").collect();
    let known = |block: &str| Some(block.strip_prefix("name = \"")?.split_once('"')?.0.to_owned());
    let names: Vec<String> = blocks.get(1..)?.iter().map(|block| known(block)).collect::<Option<_>>()?;
    if names.is_empty() || names.iter().any(|known| known == name) || !names.is_sorted() {
        return None;
    }
    let place = names.iter().position(|known| known.as_str() > name).unwrap_or(names.len());
    let dependencies = "dependencies = [\n \"imagenette\",\n \"imagenette-source\",\n \"serde\",\n]";
    let new = format!("name = \"{name}\"\nversion = \"0.1.0\"\n{dependencies}\n");
    blocks.insert(place + 1, &new);
    let whole = blocks.join("\n[[package]]\n");
    // The last block ends the file: another one's end is a blank line.
    Some(whole.trim_end().to_owned() + "\n")
}

fn is_clone(folder: &Path) -> bool {
    ["crates/imagenette/Cargo.toml", "crates/imagenette-source/Cargo.toml"]
        .iter()
        .all(|file| folder.join(file).is_file())
}

/// The files of the new crate, by their path in it.
fn files(name: &str, template: &Template, origin: &Origin) -> anyhow::Result<Vec<(&'static str, String)>> {
    let (mut main, mut recipe) = (template.main.to_owned(), template.recipe.to_owned());
    for from in ["activation", "loss", "optimizer", "schedule", "augmentation", "model", "selection", "method", "all"] {
        main = main.replace(&format!("\"../../recipes/{from}.toml\""), "\"../recipe.toml\"");
        recipe = recipe.replace(&format!("name = \"{from}\""), &format!("name = \"{name}\""));
    }
    if let Some((_, part)) = template.part {
        main = main.replace(&format!("(\"{part}\")"), &format!("(\"{name}\")"));
        recipe = recipe.replace(&format!("kind = \"{part}\""), &format!("kind = \"{name}\""));
    }
    let (imagenette, source) = match origin {
        Origin::Inside(_) => (path("../../crates/imagenette"), path("../../crates/imagenette-source")),
        Origin::Clone(clone) => {
            let crates = clone.join("crates");
            (path(crates.join("imagenette")), path(crates.join("imagenette-source")))
        }
        Origin::Git { url, rev } => {
            let git = format!("{{ git = {}, rev = {} }}", quoted(url), quoted(rev));
            (git.clone(), git)
        }
    };
    let mut manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\nimagenette = {imagenette}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
         [build-dependencies]\nimagenette-source = {source}\n"
    );
    let mut files = Vec::new();
    let run = match target(origin)? {
        None => format!("cargo run --release -p {name} -- train --recipe ideas/{name}/recipe.toml"),
        Some(target) => {
            // The same profile and versions and one target folder: Burn is compiled once for all ideas.
            manifest += &format!("\n[workspace]\n\n{}", profile());
            files.push(("Cargo.lock", LOCK.to_owned()));
            let target = quoted(&target.display().to_string());
            files.push((".cargo/config.toml", format!("[build]\ntarget-dir = {target}\n")));
            files.push((".gitignore", "/runs\n".into()));
            "cargo run --release -- train --recipe recipe.toml".into()
        }
    };
    let readme = format!(
        "# {name}\n\nIt begins as {}. Change `src/main.rs`, and run it as you run `imagenette`:\n\n```sh\n{run}\n{}\n```\n\n\
         `recipe.toml` is the recipe `default` with this idea in it; each of its keys can be changed with `--set`.\n\
         The test holds the idea to what the shipped parts promise, and says how much longer a step takes.\n",
        template.about,
        run.replace(" run ", " test ").split(" -- ").next().unwrap_or_default()
    );
    let build = "fn main() {\n    imagenette_source::gather();\n}\n";
    files.extend([
        ("Cargo.toml", manifest),
        ("build.rs", build.into()),
        ("src/main.rs", main),
        ("recipe.toml", recipe),
        ("README.md", readme),
    ]);
    Ok(files)
}

fn path(path: impl AsRef<Path>) -> String {
    format!("{{ path = {} }}", quoted(&path.as_ref().display().to_string()))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The profile of the workspace that this program was built in.
fn profile() -> &'static str {
    WORKSPACE.find("[profile.release]").map_or("", |place| &WORKSPACE[place..])
}

/// Writes the crate: complete or absent.
fn write(folder: &Path, files: &[(&'static str, String)]) -> anyhow::Result<()> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(FileError::io("create", parent))?;
    let staging = atomic::UnfinishedFolder::begin(parent)?;
    for (name, text) in files {
        let path = staging.path().join(name);
        let inner = path.parent().unwrap_or(staging.path());
        std::fs::create_dir_all(inner).map_err(FileError::io("create", inner))?;
        std::fs::write(&path, text).map_err(FileError::io("write", &path))?;
    }
    Ok(staging.finish(folder)?)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_template_becomes_a_crate_that_bears_the_new_name() {
        for kind in IdeaKind::value_variants() {
            let template = template(*kind);
            let files = files("my-idea", &template, &Origin::Inside("/clone".into())).unwrap();
            let file = |name: &str| &files.iter().find(|(known, _)| *known == name).unwrap().1;
            assert!(file("src/main.rs").contains("include_str!(\"../recipe.toml\")"), "{kind:?}");
            assert!(file("recipe.toml").contains("\nname = \"my-idea\"\n"), "{kind:?}");
            if let Some((_, part)) = template.part {
                assert!(!file("src/main.rs").contains(&format!("\"{part}\"")), "{kind:?}");
                assert!(file("src/main.rs").contains("(\"my-idea\")"), "{kind:?}");
                assert!(file("recipe.toml").contains("kind = \"my-idea\""), "{kind:?}");
            }
            let lines = file("src/main.rs").lines().count();
            let most = if *kind == IdeaKind::All { 130 } else { 80 };
            assert!(lines <= most, "{kind:?} has {lines} lines");
        }
    }

    #[test]
    fn outside_a_clone_it_has_the_profile_the_lock_file_and_one_target_folder() {
        let git = Origin::Git { url: "https://example.org/x".into(), rev: "abc".into() };
        for origin in [Origin::Clone("/some/clone".into()), git] {
            let files = files("my-idea", &template(IdeaKind::Loss), &origin).unwrap();
            let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
            assert!(names.contains(&"Cargo.lock") && names.contains(&".cargo/config.toml"), "{names:?}");
            let manifest = &files.iter().find(|(name, _)| *name == "Cargo.toml").unwrap().1;
            assert!(manifest.contains("[workspace]") && manifest.contains("\ncodegen-units = 1\n"), "{manifest}");
        }
        let lock = std::fs::read_to_string(Path::new(BUILT_FROM).join("Cargo.lock")).unwrap();
        assert!(
            LOCK.lines()
                .filter(|line| line.starts_with("source = "))
                .eq(lock.lines().filter(|line| line.starts_with("source = ")))
        );
    }

    #[test]
    fn names_that_mean_something_else_are_refused() {
        let refused = |name: &str, kind| check_name(name, &template(kind)).unwrap_err().to_string();
        for name in ["", "Swish", "7up", "a/b", "..", "a b", "-a", "\u{e9}"] {
            assert!(refused(name, IdeaKind::Loss).contains("small letters"), "{name}");
        }
        assert!(refused("match", IdeaKind::Loss).contains("means something"));
        assert!(refused("serde", IdeaKind::Loss).contains("here already"));
        assert!(refused("imagenette", IdeaKind::Loss).contains("here already"));
        assert!(refused("gelu", IdeaKind::Activation).contains("shipped activation"));
        assert!(refused("jitter", IdeaKind::Augmentation).contains("shipped augmentation"));
        assert!(check_name("gelu", &template(IdeaKind::Loss)).is_ok());
        for name in ["sam", "all", "loss"] {
            assert!(refused(name, IdeaKind::Loss).contains("here already"), "{name}");
        }
        for name in ["con", "nul", "com1", "lpt9"] {
            assert!(refused(name, IdeaKind::Loss).contains("Windows"), "{name}");
        }
        for name in ["x-", "x--y"] {
            assert!(refused(name, IdeaKind::Loss).contains("single hyphens"), "{name}");
        }
        assert!(check_name("com", &template(IdeaKind::Loss)).is_ok());
        let programs = std::fs::read_dir(Path::new(BUILT_FROM).join("examples/own-ideas/src/bin")).unwrap();
        let mut programs: Vec<_> = programs.map(|file| file.unwrap().path()).collect();
        programs.sort();
        assert!(programs.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).eq(EXAMPLES), "{programs:?}");
    }

    #[test]
    fn the_lock_file_gets_the_new_crate_at_its_place() {
        let lock = std::fs::read_to_string(Path::new(BUILT_FROM).join("Cargo.lock")).unwrap();
        let names = |lock: &str| -> Vec<String> {
            let line = |line: &str| Some(line.strip_prefix("name = \"")?.trim_end_matches('"').to_owned());
            lock.lines().filter_map(line).collect()
        };
        for name in ["a", "my-idea", "zzzz"] {
            let with = with_package(&lock, name).unwrap();
            assert!(names(&with).is_sorted() && names(&with).contains(&name.to_owned()), "{name}");
            assert_eq!(with.lines().count(), lock.lines().count() + 9, "{name}");
            assert!(with.ends_with("]\n") && !with.contains("\n\n\n"), "{name}");
            assert_eq!(with_package(&with, name), None, "it is there");
        }
        assert_eq!(with_package("something else", "a"), None);
        // Everything goes back where only its block is taken out.
        let with = with_package(&lock, "my-idea").unwrap();
        let block = with.split("[[package]]\n").find(|block| block.starts_with("name = \"my-idea\"")).unwrap();
        assert_eq!(with.replace(&format!("[[package]]\n{block}"), ""), lock);
    }

    #[test]
    fn a_revision_becomes_the_commit_that_it_is() {
        if Command::new("git").arg("--version").output().is_err() {
            eprintln!("skipped: there is no git");
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(place.path()).args(["-c", "user.name=a", "-c", "user.email=a@example.org"]);
            let output = command.args(arguments).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        git(&["init", "-q", "-b", "main"]);
        git(&["commit", "-q", "--allow-empty", "-m", "one"]);
        git(&["tag", "-a", "-m", "first", "v1"]);
        let first = git(&["rev-parse", "HEAD"]);
        git(&["commit", "-q", "--allow-empty", "-m", "two"]);
        let second = git(&["rev-parse", "HEAD"]);
        let url = place.path().to_str().unwrap();
        for (rev, commit) in [("HEAD", &second), ("main", &second), ("v1", &first), (&first[..12], &first[..12].into())]
        {
            assert_eq!(&revision(url, rev).unwrap(), commit, "{rev}");
        }
        let error = revision(url, "mian").unwrap_err().to_string();
        assert!(error.contains("no branch or tag `mian`") && error.contains("`main`"), "{error}");
        let nowhere = place.path().join("nowhere");
        let error = revision(nowhere.to_str().unwrap(), "HEAD").unwrap_err().to_string();
        assert!(error.contains("git cannot read this repository"), "{error}");
    }
}
