//! Several runs on one page: their results in a table, their curves in one chart, what differs between their recipes, and
//! each with its mistakes.

use std::fmt::Write;

use super::train_check::TrainCheck;
use super::{Photos, STYLE, confusion, curves, keys, mistakes};
use crate::numbers::{counted, seconds, thousands};
use crate::page::{self as frame, escaped};
use crate::subject::Subject;

/// The page.
///
/// # Errors
/// When a network's own part fails.
pub(super) fn page(subjects: &[Subject], checks: &[Option<TrainCheck>], photos: Photos) -> anyhow::Result<String> {
    let mut html = frame::begin(&counted(subjects.len() as u64, "run"), STYLE);
    let _ = writeln!(html, "<h1>{} side by side</h1>", counted(subjects.len() as u64, "run"));
    html.push_str(
        "<div class=\"wide\" tabindex=\"0\"><table>\n\
         <tr><th>run</th><th>recipe</th><th>top-1</th><th>right</th><th>cross-entropy</th>\
         <th>epochs</th>\
         <th>training</th><th>dataset</th></tr>\n",
    );
    for (number, subject) in subjects.iter().enumerate() {
        let record = &subject.run.record;
        let loss = super::cross_entropy(subject).map_or(String::new(), |loss| format!("{loss:.3}"));
        let _ = writeln!(
            html,
            "<tr><th><span class=\"key c{}\"></span> {}</th><td>{}</td><td>{:.2}%</td><td>{} of {}{}</td><td>{loss}</td><td>{}</td>\
             <td>{}</td><td>{}</td></tr>",
            number % frame::line_chart::COLORS,
            escaped(&subject.folder_name()),
            escaped(&subject.name()),
            100.0 * record.result.accuracy(),
            thousands(record.result.correct),
            thousands(record.result.total),
            if record.held_out.is_some() { " held out" } else { "" },
            record.epochs,
            seconds(record.seconds.training),
            escaped(&record.dataset.name)
        );
    }
    html.push_str(
        "</table></div>\n<p class=\"soft\">One run a side is luck as much as merit: \
         <code>imagenette compare</code> says whether one recipe is better than another.</p>\n",
    );
    curves::section(&mut html, subjects, checks);
    differences(&mut html, subjects);
    together(&mut html, subjects);
    for subject in subjects {
        let _ = writeln!(html, "<h2>{}</h2>\n<p>{}</p>", escaped(&subject.folder_name()), super::sentence(subject));
        mistakes::mistakes(&mut html, subject, photos)?;
        confusion::section(&mut html, subject);
    }
    super::missing(&mut html, subjects);
    html.push_str(frame::END);
    Ok(html)
}

/// Keys of the recipes that are not the same in all runs.
fn differences(html: &mut String, subjects: &[Subject]) {
    let flat: Vec<Vec<(String, String)>> = subjects.iter().map(|subject| keys::values(&subject.run.recipe)).collect();
    let mut names: Vec<&str> = flat.iter().flatten().map(|(key, _)| key.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let of = |table: &'_ [(String, String)], key: &str| -> Option<String> {
        table.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    };
    let differs = |key: &&str| flat.windows(2).any(|pair| of(&pair[0], key) != of(&pair[1], key));
    let names: Vec<&str> = names.into_iter().filter(differs).collect();
    html.push_str("<h2>What differs</h2>\n");
    if names.is_empty() {
        html.push_str("<p>Nothing in the recipes but the seed.</p>\n");
        return;
    }
    html.push_str("<div class=\"wide\" tabindex=\"0\"><table>\n<tr><th>key</th>");
    for subject in subjects {
        let _ = write!(html, "<th>{}</th>", escaped(&subject.folder_name()));
    }
    html.push_str("</tr>\n");
    for key in names {
        let _ = write!(html, "<tr><th><code>{}</code></th>", escaped(key));
        for table in &flat {
            let value = of(table, key).map_or("–".into(), |value| format!("<code>{}</code>", escaped(&value)));
            let _ = write!(html, "<td>{value}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table></div>\n");
}

/// How many photos all runs get right, and all get wrong.
fn together(html: &mut String, subjects: &[Subject]) {
    let Some(first) = subjects.first().filter(|first| !first.judged.is_empty()) else { return };
    let is_right = |subject: &Subject| {
        subject
            .judged
            .iter()
            .map(|photo| (photo.sample.clone(), photo.is_right()))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let all: Vec<_> = subjects.iter().map(is_right).collect();
    let shared: Vec<&String> = first
        .judged
        .iter()
        .map(|photo| &photo.sample)
        .filter(|sample| all.iter().all(|run| run.contains_key(*sample)))
        .collect();
    if shared.len() < first.judged.len() {
        html.push_str("<p>The runs were evaluated on different photos.</p>\n");
        return;
    }
    let count = |right: bool| shared.iter().filter(|sample| all.iter().all(|run| run[**sample] == right)).count();
    let _ = writeln!(
        html,
        "<p>Of {} photos all runs get {} right and {} wrong; the rest is where they differ.</p>",
        thousands(shared.len() as u64),
        thousands(count(true) as u64),
        thousands(count(false) as u64)
    );
}
