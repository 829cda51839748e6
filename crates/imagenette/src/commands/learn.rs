//! `learn`: the course, lesson by lesson, in the terminal. The lessons are those of `docs/course`.

use std::process::ExitCode;

use crate::cli::Learn;
use crate::terminal::{Refusal, print, print_json};

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

pub(crate) fn run(arguments: &Learn) -> anyhow::Result<ExitCode> {
    let Some(number) = arguments.lesson else {
        if arguments.json {
            print_json(&LESSONS.map(title))?;
        } else {
            LESSONS.iter().try_for_each(|lesson| print(title(lesson)))?;
            print("\n`imagenette learn 1` prints the first one. Ten minutes each; all of it runs on drawn pictures.")?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(lesson) = number.checked_sub(1).and_then(|place| LESSONS.get(place)) else {
        return Err(Refusal::error(
            format!("expected a lesson from 1 to {}, found {number}", LESSONS.len()),
            "`imagenette learn` lists them",
        ));
    };
    if arguments.json {
        print_json(&serde_json::json!({ "title": title(lesson), "text": lesson, "commands": commands(lesson) }))?;
    } else {
        print(&plain(lesson, arguments.answer))?;
    }
    Ok(ExitCode::SUCCESS)
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

/// A lesson as a terminal shows it: without what is for browsers and tests, with commands set in, and with its answer only
/// where that is asked for.
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
