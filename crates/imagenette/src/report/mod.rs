//! A page about runs: the result in a sentence, curves, what is taken for what, each class, the most confident
//! mistakes with where the network looked, the network itself, a batch as it sees it, the recipe explained, time and
//! the commands that repeat it. One file without script; what a run does not have is named and left out.

mod anatomy;
mod batch;
mod confusion;
mod curves;
mod keys;
mod mistakes;
mod pictures;
mod side_by_side;
mod train_check;

use std::fmt::Write;
use std::path::PathBuf;

use imagenette_data::edition::Edition;
use imagenette_files::hash;
use imagenette_results::probabilities;

use crate::numbers::{counted, epochs, seconds, thousands, top1};
use crate::page::{self, escaped};
use crate::prepared::Preparation;
use crate::subject::{Judged, Subject};
use crate::terminal::Terminal;
use train_check::TrainCheck;

const STYLE: &str = include_str!("report.css");

/// Whether photos are in the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Photos {
    Shown,
    LeftOut,
}

/// A page, and what it was made without.
pub(crate) struct Page {
    pub(crate) html: String,
    pub(crate) missing: Vec<String>,
}

/// The page about some runs.
///
/// # Errors
/// When one of them is no finished run or its files do not belong together; when the user interrupts.
pub(crate) fn page(
    folders: &[PathBuf],
    photos: Photos,
    preparation: &Preparation<'_>,
    terminal: &Terminal,
) -> anyhow::Result<Page> {
    let read = |folder: &PathBuf| Subject::read(folder, preparation, terminal);
    let subjects: Vec<Subject> = folders.iter().map(read).collect::<anyhow::Result<_>>()?;
    let check = |subject: &Subject| TrainCheck::of(subject, preparation, terminal);
    // Of many runs the gap to the train photos is no matter.
    let checks: Vec<Option<TrainCheck>> = match &subjects[..] {
        [subject] => vec![check(subject)?],
        subjects => subjects.iter().map(|_| None).collect(),
    };
    let html = match &subjects[..] {
        [subject] => single(subject, checks[0].as_ref(), &checks, photos, preparation, terminal)?,
        subjects => side_by_side::page(subjects, &checks, photos)?,
    };
    let name =
        |subject: &Subject| if subjects.len() > 1 { format!("{}: ", subject.folder_name()) } else { String::new() };
    let missing = subjects
        .iter()
        .flat_map(|subject| subject.missing.iter().map(move |missing| format!("{}{missing}", name(subject))))
        .collect();
    Ok(Page { html, missing })
}

fn single(
    subject: &Subject,
    check: Option<&TrainCheck>,
    checks: &[Option<TrainCheck>],
    photos: Photos,
    preparation: &Preparation<'_>,
    terminal: &Terminal,
) -> anyhow::Result<String> {
    let record = &subject.run.record;
    let mut html = page::begin(&format!("{} on {}", subject.name(), record.dataset.name), STYLE);
    let _ = writeln!(
        html,
        "<p class=\"soft\">{} on {}, {}</p>\n<h1>{}</h1>",
        escaped(&subject.name()),
        escaped(&record.dataset.name),
        record.started.strftime("%Y-%m-%d"),
        sentence(subject)
    );
    html.push_str("<ul>\n");
    if let Some(loss) = cross_entropy(subject) {
        let _ = writeln!(html, "<li>Cross-entropy {loss:.3}: less is surer and more often right.</li>");
    }
    if let Some(check) = check {
        let _ = writeln!(html, "<li>{}</li>", escaped(&check.said(subject)));
    }
    if !record.judged.is_empty() {
        let _ = writeln!(
            html,
            "<li>It learned without labels, and is right about {}. Probabilities here are those of the linear layer, \
             which is the head of the network that was kept.</li>",
            escaped(&top1(record))
        );
    }
    if record.held_out.is_some() {
        html.push_str("<li>Its photos were held out of the train split: this is no val accuracy.</li>\n");
    }
    if let (Photos::Shown, Some(dataset)) = (photos, &subject.dataset) {
        // Drawn pictures are nobody's.
        let terms = match dataset.manifest.edition {
            Edition::Drawn => "",
            Edition::Own => {
                "The photos in this page are the dataset's: think of whose they are before you publish it; \
                             <code>--no-photos</code> leaves them out."
            }
            _ => {
                "The photos in this page are ImageNet's, whose terms hold for them: keep it for yourself, or make one \
                  with <code>--no-photos</code> to publish."
            }
        };
        if !terms.is_empty() {
            let _ = writeln!(html, "<li>{terms}</li>");
        }
    }
    html.push_str("</ul>\n");
    curves::section(&mut html, std::slice::from_ref(subject), checks);
    mistakes::mistakes(&mut html, subject, photos)?;
    confusion::section(&mut html, subject);
    mistakes::classes(&mut html, subject, photos)?;
    anatomy::section(&mut html, subject);
    if photos == Photos::Shown {
        batch::section(&mut html, subject, preparation, terminal)?;
    }
    keys::section(&mut html, &subject.run.recipe);
    time(&mut html, subject);
    missing(&mut html, std::slice::from_ref(subject));
    html.push_str(page::END);
    Ok(html)
}

/// The result in a sentence.
fn sentence(subject: &Subject) -> String {
    let record = &subject.run.record;
    format!(
        "{:.2}% right{}: {} of {} {}, after {} in {}{}",
        100.0 * record.result.accuracy(),
        if record.judged.is_empty() { "" } else { " by its neighbors" },
        thousands(record.result.correct),
        thousands(record.result.total),
        subject.photos(),
        epochs(record),
        seconds(record.seconds.training),
        if record.has_ended_early() { "; its budget ended before its plan" } else { "" }
    )
}

/// The mean of −ln of the right class's probability over the photos, where probabilities are known.
fn cross_entropy(subject: &Subject) -> Option<f64> {
    let of =
        |photo: &Judged| photo.probabilities.as_ref().map(|_| probabilities::loss(f64::from(photo.of(photo.truth))));
    let losses: Option<Vec<f64>> = subject.judged.iter().map(of).collect();
    losses.filter(|losses| !losses.is_empty()).map(|losses| losses.iter().sum::<f64>() / losses.len() as f64)
}

fn time(html: &mut String, subject: &Subject) {
    let record = &subject.run.record;
    let rate = record.samples_drawn as f64 / record.seconds.training.max(1e-9);
    let environment = &record.environment;
    let rows = [
        ("training", format!("{}, {rate:.0} images/s", seconds(record.seconds.training))),
        ("evaluation", seconds(record.seconds.evaluation)),
        ("in all", seconds(record.seconds.total)),
        ("steps", format!("{} of {} samples", thousands(record.steps), record.samples_drawn / record.steps.max(1))),
        (
            "computed by",
            format!("{}; {}, {}", environment.device, environment.processor, counted(environment.cores as u64, "core")),
        ),
        ("interruptions", record.resumed.to_string()),
    ];
    html.push_str("<h2>Time</h2>\n<div class=\"wide\" tabindex=\"0\"><table>\n");
    for (name, value) in rows {
        let _ = writeln!(html, "<tr><th>{name}</th><td>{}</td></tr>", escaped(&value));
    }
    let folder = subject.run.folder.display().to_string();
    let _ = writeln!(
        html,
        "</table></div>\n<h2>Again</h2>\n<p>The same bits on a machine of the same kind; the dataset is \
         <code>{}</code>:</p>\n<pre>imagenette train --recipe {} --dataset {} --seed {}</pre>\n<p>This page:</p>\n\
         <pre>imagenette report {}</pre>",
        escaped(hash::short(&record.dataset.identity)),
        escaped(&shell_word(&format!("{folder}/recipe.toml"))),
        escaped(&shell_word(&record.dataset.name)),
        record.seed,
        escaped(&shell_word(&folder))
    );
}

/// A word as a shell takes it.
fn shell_word(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:@%+,=".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn missing(html: &mut String, subjects: &[Subject]) {
    if subjects.iter().all(|subject| subject.missing.is_empty()) {
        return;
    }
    html.push_str("<h2>Not in this page</h2>\n<ul>\n");
    for subject in subjects {
        for missing in &subject.missing {
            let _ = writeln!(html, "<li>{}: {}</li>", escaped(&subject.folder_name()), escaped(missing));
        }
    }
    html.push_str("</ul>\n");
}
