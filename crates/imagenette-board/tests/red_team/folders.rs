//! Names, links, sizes and words of a folder.

use crate::forged::*;

#[test]
fn hostile_names_links_and_sizes_are_refused_before_anything_is_read() {
    let renamed = |f: &Forged<'_>, name: &str| std::fs::rename(&f.entry, f.entry.with_file_name(name)).unwrap();
    refuse_all(
        &Wanted::new("honest"),
        &[
            (
                "a link to a file",
                &|f| {
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                    std::os::unix::fs::symlink("/etc/passwd", f.entry.join("README.md")).unwrap();
                },
                "README.md: expected a plain file, found a link",
            ),
            (
                "a link to the folder above",
                &|f| {
                    std::fs::remove_dir_all(f.entry.join("s5")).unwrap();
                    std::os::unix::fs::symlink("..", f.entry.join("s5")).unwrap();
                },
                "s5: expected a plain file, found a link",
            ),
            (
                "a link to another's entry",
                &|f| {
                    std::os::unix::fs::symlink(&f.entry, f.entry.with_file_name("2026-12-02_mine")).unwrap();
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                },
                "2026-12-02_mine: expected folders alone, found a link",
            ),
            (
                "a pipe",
                &|f| {
                    std::fs::remove_file(f.entry.join("s1/record.json")).unwrap();
                    assert!(
                        std::process::Command::new("mkfifo")
                            .arg(f.entry.join("s1/record.json"))
                            .status()
                            .unwrap()
                            .success()
                    );
                },
                "a pipe, socket or device",
            ),
            (
                "a file of a terabyte",
                &|f| {
                    std::fs::File::create(f.entry.join("s1/history.jsonl")).unwrap().set_len(1 << 40).unwrap();
                },
                "at most 5242880 bytes",
            ),
            ("a long README", &|f| f.write("README.md", "a".repeat(100_000)), "at most 65536 bytes"),
            ("large predictions", &|f| f.write("s1/predictions.csv", "a,b\n".repeat(100_000)), "at most 262144 bytes"),
            ("a file beside", &|f| f.write("weights.safetensors", "x"), "found another file"),
            ("a photo beside", &|f| f.write("s1/photo.JPEG", "x"), "found another file"),
            ("a program beside", &|f| f.write("build.rs", "fn main() {}"), "found another file"),
            ("a repository in it", &|f| std::fs::create_dir(f.entry.join(".git")).unwrap(), "found another folder"),
            ("attributes for git", &|f| f.write(".gitattributes", "* filter=evil"), "found another file"),
            (
                "a folder in a seed's",
                &|f| std::fs::create_dir(f.entry.join("s1/more")).unwrap(),
                "found another folder",
            ),
            (
                "a hundred thousand names",
                &|f| (0..21_000).for_each(|n| f.write(&format!("s1/{n}"), "")),
                "at most 20000 names",
            ),
            ("a name in capitals", &|f| renamed(f, "2026-12-01_Honest"), "in small letters"),
            ("a name with a twin of a letter", &|f| renamed(f, "2026-12-01_h\u{43e}nest"), "in small letters"),
            ("a name with a code", &|f| renamed(f, "2026-12-01_a\u{1b}[2J"), "in small letters"),
            ("a name that goes up", &|f| renamed(f, "2026-12-01_a..b"), "in small letters"),
            ("a name with markup", &|f| renamed(f, "2026-12-01_<img src=x onerror=alert(1)>"), "in small letters"),
            (
                "a name that is no text",
                &|f| {
                    use std::os::unix::ffi::OsStrExt;
                    let name = std::ffi::OsStr::from_bytes(b"2026-12-01_\xff");
                    std::fs::rename(&f.entry, f.entry.with_file_name(name)).unwrap();
                },
                "a name that is text",
            ),
            ("no day", &|f| renamed(f, "honest"), "in small letters"),
            ("a day that is none", &|f| renamed(f, "2026-13-41_honest"), "in small letters"),
            ("a day of another season", &|f| renamed(f, "2019-03-05_honest"), "a day of season 2026"),
            (
                "a challenge of one's own",
                &|f| {
                    std::fs::rename(f.root.join("entries").join(CHALLENGE), f.root.join("entries/tiny-128px-epochs-6"))
                        .unwrap()
                },
                "a challenge of season 2026",
            ),
            (
                "a file among the challenges",
                &|f| {
                    std::fs::write(f.root.join("entries/x"), "").unwrap();
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                },
                "entries/x: expected folders alone",
            ),
            (
                "a folder beside the entries",
                &|f| {
                    std::fs::create_dir(f.root.join("scripts")).unwrap();
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                },
                "scripts: expected",
            ),
            (
                "another season beside",
                &|f| {
                    std::fs::write(f.root.join("seasons/evil.sh"), "").unwrap();
                    std::fs::remove_file(f.entry.join("README.md")).unwrap();
                },
                "seasons/evil.sh",
            ),
            ("a README that is no text", &|f| f.write("README.md", [0xff, 0xfe, 0]), "README.md"),
            ("a README with codes", &|f| f.write("README.md", "a\u{1b}]0;owned\u{7}"), "letters that are seen"),
        ],
    );
}

#[test]
fn what_authors_say_is_held_to_its_form() {
    refuse_all(
        &Wanted::new("honest"),
        &[
            ("a title that paints the terminal", &|f| f.key("title = \"a\\u001B[31mred\""), "`title`: a line"),
            ("an author who turns around", &|f| f.key("author = \"Ann \\u202Erohtua\""), "`author`: a line"),
            (
                "an author with a twin of a letter",
                &|f| f.key("author = \"J\u{435}remy Howard\""),
                "a word of Latin and Cyrillic letters",
            ),
            ("an author nobody sees", &|f| f.key("author = \"Ann\\u200BAuthor\""), "U+200B"),
            ("a title of a thousand letters", &|f| f.key(&format!("title = \"{}\"", "a".repeat(1000))), "1000 letters"),
            ("a title of two lines", &|f| f.key("title = \"a\\nb\""), "`title`: a line"),
            ("marks upon marks", &|f| f.key("title = \"a\\u0300\\u0300\\u0300\\u0300\""), "more than two marks"),
            ("compliance by one's own word", &|f| f.key("compliant = true"), "unknown field"),
            ("an accuracy by one's own word", &|f| f.key("top1 = 0.99"), "unknown field"),
            (
                "a link that runs",
                &|f| f.key(&format!("code = \"javascript:alert(1)//{COMMIT}\"")),
                "begin with https://",
            ),
            ("a link that moves", &|f| f.key("code = \"https://github.com/a/b/tree/main\""), "without the 40 digits"),
            (
                "a link with a name and a word",
                &|f| f.key(&format!("code = \"https://github.com@evil.example/{COMMIT}\"")),
                "no plain host",
            ),
            (
                "a link that leaves its place",
                &|f| f.key(&format!("code = \"https://a.b/\\\"onclick=x/{COMMIT}\"")),
                "pages read otherwise",
            ),
            ("a season to come", &|f| f.key("season = \"2027\""), "season = \"2026\""),
            ("another challenge", &|f| f.key("challenge = \"tiny-128px-epochs-30\""), "the folder above"),
            ("no run tried", &|f| f.key("runs_tried = 0"), "`runs_tried`"),
            ("fewer than none tried", &|f| f.key("runs_tried = -1"), "entry.toml"),
            (
                "costs by one's own word",
                &|f| f.write("entry.toml", format!("{}\n[stated]\nepochs = 1\nseconds = 1.0\n", f.text("entry.toml"))),
                "[stated] in the division open",
            ),
            ("a division for more trust", &|f| f.key("division = \"own-parts\""), "the source of own parts"),
            ("the open division with a recipe", &|f| f.key("division = \"open\""), "no recipe, found one"),
            (
                "a source where there are no own parts",
                &|f| f.write("source.txt", "fn main() {}"),
                "the source of own parts",
            ),
            ("a format to come", &|f| f.key("version = 9"), "a newer imagenette wrote it"),
            ("another format", &|f| f.key("format = \"imagenette-season\""), "imagenette-entry version 1"),
            ("no TOML", &|f| f.write("entry.toml", "{\"format\": 1}"), "entry.toml"),
            ("an empty file", &|f| f.write("entry.toml", ""), "entry.toml"),
            ("money back", &|f| f.key("paid_dollars = -3.0"), "`paid_dollars` from 0 on"),
        ],
    );
    let own = Wanted { division: Division::OwnParts, ..Wanted::new("honest") };
    refuse_all(
        &own,
        &[
            (
                "another source than what ran",
                &|f| f.write("source.txt", "==> src/lib.rs\nfn other() {}\n"),
                "of the source beside the recipe",
            ),
            ("no source", &|f| std::fs::remove_file(f.entry.join("source.txt")).unwrap(), "the source of own parts"),
            (
                "own parts called a recipe",
                &|f| {
                    f.key("division = \"recipe\"");
                    std::fs::remove_file(f.entry.join("source.txt")).unwrap();
                },
                "own parts, in the division own-parts alone",
            ),
        ],
    );
    let open = Wanted { division: Division::Open, ..Wanted::new("honest") };
    refuse_all(
        &open,
        &[
            ("a record of another program", &|f| f.write("s1/record.json", "{}"), "only predictions.csv"),
            (
                "more epochs than the challenge's",
                &|f| f.replace("entry.toml", "epochs = 5", "epochs = 80"),
                "at most 5 epochs",
            ),
            (
                "labels instead of predictions, twice",
                &|f| {
                    (1..=2).for_each(|n| {
                        let path = f.entry.join(format!("s{n}/predictions.csv"));
                        let mut known = predictions::read(&path).unwrap();
                        known.iter_mut().for_each(|known| known.class = class_of(&known.sample));
                        predictions::write(&path, &known).unwrap();
                    })
                },
                "predictions of its own",
            ),
        ],
    );
}
