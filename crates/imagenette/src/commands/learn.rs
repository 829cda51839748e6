//! `learn`: the course, lesson by lesson, in the terminal. The lessons are those of `docs/course`.

use std::process::ExitCode;

use imagenette_data::store::Store;

use super::train::{PHOTOS_RECIPE, usual_recipe};
use crate::cli::Learn;
use crate::compare::shell;
use crate::datasets;
use crate::terminal::{Refusal, Terminal, print, print_json, print_prose, print_words};

/// The lessons' files in their order.
const LESSONS: [&str; 9] = [
    include_str!("../../../../docs/course/1-photos.md"),
    include_str!("../../../../docs/course/2-one-step.md"),
    include_str!("../../../../docs/course/3-the-curve.md"),
    include_str!("../../../../docs/course/4-mistakes.md"),
    include_str!("../../../../docs/course/5-learning-rate.md"),
    include_str!("../../../../docs/course/6-augmentation.md"),
    include_str!("../../../../docs/course/7-better-or-lucky.md"),
    include_str!("../../../../docs/course/8-sizes.md"),
    include_str!("../../../../docs/course/9-your-photos.md"),
];

/// The dataset of the lessons' commands, and the recipe that they name.
const DRAWN: &str = "drawn";
const RECIPE: &str = "default";
/// The recipe for photos of ImageNet, of which the usual one would take an hour.
const QUICK: &str = "quick";

pub(crate) fn run(arguments: &Learn, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let Some(number) = arguments.lesson else {
        if arguments.json {
            print_json(&LESSONS.map(title))?;
        } else {
            LESSONS.iter().try_for_each(|lesson| print(title(lesson)))?;
            print_words(
                "\n`imagenette learn 1` prints the first one. Ten minutes each; all of it runs on drawn pictures.",
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(lesson) = number.checked_sub(1).and_then(|place| LESSONS.get(place)) else {
        return Err(Refusal::error(
            format!("expected a lesson from 1 to {}, found {number}", LESSONS.len()),
            "`imagenette learn` lists them",
        ));
    };
    let store = Store::open_default()?;
    let text = match &arguments.dataset {
        Some(named) => {
            let manifest = datasets::named(named, &store)?.manifest;
            for_dataset(lesson, named, usual_recipe(manifest.edition) == PHOTOS_RECIPE)
        }
        None => (*lesson).to_owned(),
    };
    let lesson = &text;
    if arguments.json {
        print_json(&serde_json::json!({ "title": title(lesson), "text": lesson, "commands": commands(lesson) }))?;
    } else {
        print_prose(&plain(lesson, arguments.answer))?;
    }
    match &arguments.dataset {
        Some(named) => terminal.say(&format!(
            "note: the commands are for `{named}`; the numbers of the lesson are those of the drawn set"
        )),
        None => {
            let others = store.installed().unwrap_or_default();
            if let (Some(other), true) = (others.iter().find(|name| *name != DRAWN), lesson.contains(DRAWN)) {
                terminal.say(&format!(
                    "hint: `imagenette learn {number} --dataset {other}` has its commands for `{other}`"
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A lesson whose commands are for another dataset, with the quick recipe where that is the one to learn with.
fn for_dataset(lesson: &str, named: &str, is_quick: bool) -> String {
    let named = shell::quoted(named);
    let mut is_shell = false;
    let line = |line: &str| {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        }
        // It is there already.
        if is_shell && line == format!("imagenette get {DRAWN}") {
            return None;
        }
        if !is_shell {
            return Some(line.to_owned());
        }
        let word = |word: &str| match word {
            DRAWN => named.clone(),
            RECIPE if is_quick => QUICK.to_owned(),
            "train" if is_quick => format!("train --{QUICK}"),
            word => word.to_owned(),
        };
        Some(line.split(' ').map(word).collect::<Vec<_>>().join(" "))
    };
    lesson.lines().filter_map(line).collect::<Vec<_>>().join("\n")
}

fn title(lesson: &str) -> &str {
    lesson.lines().next().unwrap_or_default().trim_start_matches("# ")
}

/// The commands of a lesson, one a line, with those that go on after a backslash joined.
fn commands(lesson: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut is_shell, mut goes_on) = (false, false);
    for line in lesson.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
            continue;
        }
        if !is_shell || line.is_empty() {
            continue;
        }
        let (text, more) = line.strip_suffix('\\').map_or((line, false), |text| (text.trim_end(), true));
        match commands.last_mut().filter(|_| goes_on) {
            Some(command) => {
                command.push(' ');
                command.push_str(text.trim());
            }
            None => commands.push(text.to_owned()),
        }
        goes_on = more;
    }
    commands
}

/// A lesson as a terminal shows it: without what is for browsers and tests, with commands set in, and with its answer
/// only where that is asked for.
fn plain(lesson: &str, with_answer: bool) -> String {
    let mut text = String::new();
    let (mut in_answer, mut in_block) = (false, false);
    for line in lesson.lines() {
        match line {
            _ if line.starts_with("<!--") || line.starts_with("![") => continue,
            _ if line.starts_with("```") => in_block = !in_block,
            _ if line.starts_with("<details>") => {
                in_answer = true;
                text.push_str(if with_answer { "Answer:\n" } else { "(`--answer` shows the answer.)\n" });
            }
            "</details>" => in_answer = false,
            _ if in_answer && !with_answer => continue,
            _ if in_block => {
                text.push_str("    ");
                text.push_str(line);
                text.push('\n');
            }
            // Two empty lines are left where something between them was.
            "" if text.ends_with("\n\n") => continue,
            _ => {
                text.push_str(&line.replace("**", ""));
                text.push('\n');
            }
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_for_the_dataset_that_is_named() {
        let of = |number: usize, is_quick: bool| commands(&for_dataset(LESSONS[number - 1], "my photos", is_quick));
        assert_eq!(of(1, false), ["imagenette show 'my photos' --count 40 --out sheet.png", "imagenette info"]);
        assert_eq!(of(3, true)[0], "imagenette train --quick --dataset 'my photos' --precision f32 --out first");
        assert!(of(5, true).contains(&"imagenette find-lr quick --dataset 'my photos'".into()), "{:?}", of(5, true));
        // What is said about the drawn set is not said about other photos.
        assert!(for_dataset(LESSONS[0], "mine", false).contains("`get drawn` draws 5,000 pictures"));
    }

    #[test]
    fn a_lesson_is_plain_text_with_its_commands() {
        for (place, lesson) in LESSONS.iter().enumerate() {
            assert!(title(lesson).starts_with(&format!("{}. ", place + 1)), "{}", title(lesson));
            let text = plain(lesson, false);
            for mark in ["```", "<!--", "<details>", "**", "]("] {
                assert!(!text.contains(mark), "lesson {} has `{mark}`:\n{text}", place + 1);
            }
            assert!(text.contains("--answer") && !text.contains("Answer:"));
            assert!(plain(lesson, true).contains("Answer:"));
            assert!(commands(lesson).iter().all(|command| !command.ends_with('\\')));
            assert!(text.lines().all(|line| line.chars().count() < 120));
        }
        assert!(commands(LESSONS[7])[1].ends_with("{from=0.5, px=64}]'"));
    }
}
