//! The course: every command of every lesson runs, and prints the numbers that the lesson tells.

use crate::support::Place;

const LESSONS: [&str; 9] = [
    "1-photos",
    "2-one-step",
    "3-the-curve",
    "4-mistakes",
    "5-learning-rate",
    "6-augmentation",
    "7-better-or-lucky",
    "8-sizes",
    "9-your-photos",
];

/// A command of a lesson with what its output must say: exactly with AVX2 in f32, and a range elsewhere.
struct Command {
    line: String,
    check: Option<(String, [f64; 2])>,
}

/// The commands of the `sh` blocks, each with the check that follows its block.
fn commands(lesson: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut is_shell = false;
    for line in lesson.replace("\\\n", " ").lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        } else if is_shell {
            commands.push(Command { line: line.into(), check: None });
        } else if let Some(check) = line.strip_prefix("<!-- check: ").and_then(|rest| rest.strip_suffix(" -->")) {
            let (exact, range) = check.split_once(" | ").expect("a check has an exact text and a range");
            let bounds: Vec<f64> = range.split(' ').filter_map(|word| word.parse().ok()).collect();
            let bounds = [bounds[0], bounds[1]];
            commands.last_mut().expect("a check follows a command").check = Some((exact.into(), bounds));
        }
    }
    commands
}

/// The number with which a check's text begins, in what a command printed: `907 of 1,000` or `mean 78.10%`.
fn number(exact: &str, printed: &str) -> Option<f64> {
    if exact.starts_with("mean") {
        return printed.split("mean ").nth(1)?.split('%').next()?.parse().ok();
    }
    printed.split(" of 1,000").next()?.rsplit('(').next()?.parse().ok()
}

#[test]
fn every_command_of_the_course_runs_and_prints_what_the_lesson_tells() {
    let place = Place::new();
    let is_exact = has_avx2();
    let course = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/course");
    for name in LESSONS {
        let lesson = std::fs::read_to_string(format!("{course}/{name}.md")).unwrap();
        if name.starts_with('9') {
            let drawn = place.path("store/datasets/drawn");
            for split in ["train", "val"] {
                for (wnid, kind) in [("n01440764", "fish"), ("n03445777", "balls")] {
                    let (from, to) = (drawn.join(split).join(wnid), place.path("mine").join(split).join(kind));
                    std::fs::create_dir_all(&to).unwrap();
                    for entry in std::fs::read_dir(from).unwrap().take(80) {
                        let path = entry.unwrap().path();
                        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
                    }
                }
            }
        }
        let commands = commands(&lesson);
        assert!(!commands.is_empty(), "{name} has no command");
        for Command { line, check } in commands {
            let environment = if is_exact { "IMAGENETTE_SIMD=avx2 " } else { "" };
            let ended = place.shell(&format!("{environment}{line}"));
            // A verdict has statuses of its own.
            let is_well =
                if line.contains(" compare ") { [0, 10, 11, 12].contains(&ended.status) } else { ended.status == 0 };
            assert!(is_well, "{name}: `{line}` exits with {}\n{}{}", ended.status, ended.stdout, ended.stderr);
            let Some((exact, [least, most])) = check else { continue };
            assert!(
                !is_exact || ended.stdout.contains(&exact),
                "{name}: `{line}` should print `{exact}`:\n{}",
                ended.stdout
            );
            let found =
                number(&exact, &ended.stdout).unwrap_or_else(|| panic!("{name}: no number in {}", ended.stdout));
            assert!((least..=most).contains(&found), "{name}: `{line}`: {found} is not within {least} to {most}");
        }
    }
}

/// Whether this machine gives the exact numbers.
fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
