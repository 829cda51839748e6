//! `task`: lists the tasks of little data, or shows one: its rules, and which photos of a dataset it uses how.

use std::process::ExitCode;

use imagenette_data::dataset::UNLABELED;
use imagenette_data::manifest::Manifest;
use imagenette_data::store::Store;
use imagenette_data::task::{TASKS, Task, TaskSplit};
use imagenette_data::{DataError, Hint};

use crate::cli::{self, TaskShow, TaskVerb};
use crate::datasets;
use crate::numbers::{counted, thousands};
use crate::out_file::OutFile;
use crate::terminal::{Refusal, Terminal, print, print_json, print_words};

pub(crate) fn run(arguments: &cli::Task, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match &arguments.verb {
        Some(TaskVerb::Show(shown)) => show(shown, arguments.json || shown.json, terminal),
        None => list(arguments.json),
    }
}

fn list(as_json: bool) -> anyhow::Result<ExitCode> {
    if as_json {
        let tasks = TASKS.map(|task| {
            serde_json::json!({ "name": task.name(), "summary": task.summary(), "draws": task.draws(),
                "rules": task.rules() })
        });
        print_json(&tasks)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = TASKS.iter().map(|task| task.name().len()).max().unwrap_or(0);
    for task in TASKS {
        print_words(&format!("{:<width$}  {}", task.name(), task.summary()))?;
    }
    print_words("\n`imagenette task show NAME` prints the rules, `imagenette train --task NAME` trains under them.")?;
    Ok(ExitCode::SUCCESS)
}

fn show(shown: &TaskShow, as_json: bool, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let task = Task::named(&shown.name).map_err(typed)?;
    let split = match &shown.dataset {
        None => None,
        Some(named) => {
            let dataset = datasets::named(named, &Store::open_default()?)?;
            let mut split = task.split(&dataset.manifest, shown.draw).map_err(typed)?;
            if task == Task::NoLabels {
                split.unlabeled.append(&mut split.labeled);
                split.unlabeled.sort_unstable();
            }
            Some((dataset, split))
        }
    };
    if let (Some(out), Some((dataset, split))) = (&shown.out, &split) {
        OutFile::at(out)?.write(table(&dataset.manifest, split).as_bytes())?;
        terminal.say(&format!("its photos are in {}", out.display()));
    }
    if as_json {
        let counts = split.as_ref().map(|(dataset, split)| {
            serde_json::json!({ "dataset": dataset.manifest.name, "identity": dataset.manifest.identity(),
                "labeled": split.labeled.len(), "unlabeled": split.unlabeled.len(), "wrong": split.wrong.len(),
                "evaluated": split.evaluated.len(), "epoch_photos": split.epoch_photos })
        });
        print_json(&serde_json::json!({ "name": task.name(), "summary": task.summary(), "draws": task.draws(),
            "draw": shown.draw, "rules": task.rules(), "photos": counts }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&format!("{}: {}\n", task.name(), task.summary()))?;
    task.rules().iter().try_for_each(|rule| print(&wrapped(rule)))?;
    if let Some((dataset, split)) = &split {
        print(&format!("\nin {}, draw {} of {}:", dataset.manifest.name, shown.draw, task.draws()))?;
        counts(split, &dataset.manifest).iter().try_for_each(|line| print(&format!("  {line}")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An error about what was typed.
fn typed(error: DataError) -> anyhow::Error {
    Refusal::usage(error.to_string(), error.hint().unwrap_or_default())
}

/// What is in a split, in words.
fn counts(split: &TaskSplit, manifest: &Manifest) -> Vec<String> {
    let mut each = vec![0usize; manifest.classes.len()];
    let labels = split.labeled.iter().filter_map(|&sample| manifest.images[sample as usize].label);
    labels.for_each(|label| each[usize::from(label)] += 1);
    each.retain(|&count| count > 0);
    let photos = |count: usize| thousands(count as u64);
    let of_class = match (each.iter().min(), each.iter().max()) {
        (Some(least), Some(most)) if least == most => format!(", {} of each class", photos(*least)),
        (Some(least), Some(most)) => format!(", {} to {} of each class", photos(*least), photos(*most)),
        _ => String::new(),
    };
    let mut lines = Vec::new();
    if !split.labeled.is_empty() {
        lines.push(format!("{} with labels{of_class}", counted(split.labeled.len() as u64, "photo")));
    }
    if !split.wrong.is_empty() {
        lines.push(format!("{} of these labels are wrong", photos(split.wrong.len())));
    }
    if !split.unlabeled.is_empty() {
        lines.push(format!("{} without labels", photos(split.unlabeled.len())));
    }
    lines.push(format!("{} are evaluated", photos(split.evaluated.len())));
    lines.push(format!("an epoch draws {}", photos(split.epoch_photos)));
    lines
}

/// The photos of a split: path, role, and the class that each is trained with.
fn table(manifest: &Manifest, split: &TaskSplit) -> String {
    let labels = split.labels(manifest);
    let mut text = String::from("path,role,class,trained_as\n");
    let roles = [(&split.labeled, "labeled"), (&split.unlabeled, "unlabeled"), (&split.evaluated, "evaluated")];
    for (samples, role) in roles {
        for &sample in samples {
            let image = &manifest.images[sample as usize];
            let class = |label: u16| manifest.classes[usize::from(label)].wnid.as_str();
            let trained = match (role, labels[sample as usize]) {
                ("labeled", label) if label != UNLABELED => class(label),
                _ => "",
            };
            let path = manifest.relative_path(image);
            let fields = [quoted(&path), role.to_owned(), quoted(image.label.map_or("", class)), quoted(trained)];
            text += &fields.join(",");
            text.push('\n');
        }
    }
    text
}

/// A field of a table.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.into() }
}

/// A rule as a point of a list, its lines at most 78 letters long.
fn wrapped(rule: &str) -> String {
    let (mut lines, mut line) = (Vec::new(), String::from("-"));
    for word in rule.split_whitespace() {
        if line.len() + 1 + word.len() > 78 {
            lines.push(std::mem::replace(&mut line, String::from(" ")));
        }
        line = format!("{line} {word}");
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_wrapped_to_a_small_terminal() {
        for task in TASKS {
            for rule in task.rules() {
                let lines = wrapped(rule);
                assert!(lines.lines().all(|line| line.len() <= 80), "{lines}");
                assert_eq!(
                    lines.split_whitespace().skip(1).collect::<Vec<_>>(),
                    rule.split_whitespace().collect::<Vec<_>>()
                );
            }
        }
    }
}
