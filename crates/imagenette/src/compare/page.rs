//! `comparison.html`: a verdict as one page that needs nothing else: no script, no other file, light and dark, wide and
//! narrow.

use std::fmt::Write;

use serde_json::Value;

use super::charts::{self, IntervalRow};
use super::findings::Findings;
use super::outcome::SideRun;
use super::source_diff::{Line, diff};
use super::verdict;
use crate::numbers::seconds;
use crate::page::line_chart::{self, Chart, Series};
use crate::page::{self, escaped, with_code};

const STYLE: &str = include_str!("page.css");
/// Colors of lines: gray and blue, as both sides have them in the other charts.
const BASE: usize = 4;
const IDEA: usize = 0;
/// Photos that are named at most, each way; the JSON has all of them.
const PHOTOS: usize = 60;

/// The page of a verdict.
pub(super) fn html(findings: &Findings) -> anyhow::Result<String> {
    let judgement = &findings.judgement;
    let (base, idea) = (&judgement.base, &judgement.idea);
    let title = format!("{} against {}", idea.name, base.name);
    let mut page = page::begin(&title, STYLE);
    let mut lines = findings.lines.iter();
    let sentence = lines.next().map_or("", String::as_str);
    let name = verdict::name(judgement.comparison.decision());
    let dataset = base.runs.first().map_or("", |run| run.dataset.as_str());
    let _ = writeln!(
        page,
        "<p class=\"soft\">{} on {}</p>\n<h1 class=\"{name}\">{}</h1>",
        escaped(&title),
        escaped(dataset),
        escaped(sentence)
    );
    list(&mut page, lines);
    runs_and_looks(&mut page, findings);
    curves(&mut page, &base.runs, &idea.runs)?;
    differences(&mut page, findings);
    sources(&mut page, base.runs.first(), idea.runs.first())?;
    classes(&mut page, findings);
    photos(&mut page, findings);
    sides(&mut page, findings);
    let mut numbers = findings.value.clone();
    // These have tables of their own.
    if let Some(fields) = numbers.as_object_mut() {
        ["classes", "changed_photos", "baseline", "idea", "differences", "sentence", "command"]
            .iter()
            .for_each(|key| drop(fields.remove(*key)));
    }
    page.push_str("<h2>Every number</h2>\n<div class=\"wide\" tabindex=\"0\"><table>\n");
    let mut rows = Vec::new();
    flatten("", &numbers, &mut rows);
    for (key, value) in rows {
        let _ = writeln!(page, "<tr><th>{}</th><td>{}</td></tr>", escaped(&key), escaped(&value));
    }
    page.push_str(
        "</table></div>\n<p class=\"soft\">Accuracies and gains are fractions here: 0.005 is half a point.</p>\n",
    );
    let _ = writeln!(
        page,
        "<h2>Again</h2>\n<p>The same command says the same from the runs that are there:</p>\n<pre>{}</pre>",
        escaped(&findings.command)
    );
    page.push_str(page::END);
    Ok(page)
}

fn list<'l>(page: &mut String, lines: impl Iterator<Item = &'l String>) {
    page.push_str("<ul>\n");
    for line in lines {
        let _ = writeln!(page, "<li>{}</li>", with_code(line));
    }
    page.push_str("</ul>\n");
}

fn runs_and_looks(page: &mut String, findings: &Findings) {
    let judgement = &findings.judgement;
    let percent = |runs: &[SideRun]| runs.iter().map(|run| 100.0 * run.counts.accuracy()).collect::<Vec<f64>>();
    let (base, idea) = (percent(&judgement.base.runs), percent(&judgement.idea.runs));
    let mut rows: Vec<IntervalRow> = Vec::new();
    let mut add = |name: String, look: &imagenette_results::comparison::Look| {
        let interval = look.interval();
        let [low, middle, high] =
            [interval.low, look.test().difference, interval.high].map(|fraction| 100.0 * fraction);
        rows.push(IntervalRow { name, low, middle, high });
    };
    for look in judgement.comparison.looks() {
        add(format!("{} + {}", look.planned.baseline_runs, look.planned.idea_runs), look);
    }
    if let Some(fresh) = &judgement.confirmation {
        add("fresh".into(), fresh.last());
    }
    let _ = writeln!(
        page,
        "<h2>Runs</h2>\n<p class=\"soft\">Top-1 in percent: each run, and the mean of each side.</p>\n{}\n\
         <h2>Gain</h2>\n<p class=\"soft\">In points, with its interval, after so many runs of baseline and idea. The \
         limits keep all looks together at 5%, so that early intervals are wider.</p>\n{}",
        charts::dots(&base, &idea, "top-1 of each run of both sides"),
        charts::intervals(&rows, "the gain and its interval at each look")
    );
}

fn curves(page: &mut String, base: &[SideRun], idea: &[SideRun]) -> anyhow::Result<()> {
    let losses = |runs: &[SideRun]| runs.iter().map(SideRun::losses).collect::<anyhow::Result<Vec<Vec<f64>>>>();
    let (base, idea) = (losses(base)?, losses(idea)?);
    let has_curve = |runs: &[Vec<f64>]| runs.iter().any(|run| run.len() > 1);
    if has_curve(&base) || has_curve(&idea) {
        let what = "training loss of each run over epochs";
        let series: Vec<Series> = [(&base, "baseline", BASE), (&idea, "idea", IDEA)]
            .into_iter()
            .flat_map(|(runs, name, color)| {
                runs.iter().enumerate().map(move |(number, losses)| Series {
                    // One name for all lines of a side.
                    name: if number == 0 { name.into() } else { String::new() },
                    color,
                    points: (1..).zip(losses).map(|(epoch, loss)| (f64::from(epoch), *loss)).collect(),
                    has_dots: false,
                })
            })
            .collect();
        let chart = Chart { what, across: "epochs", is_percent: false, series: &series, strips: &[] };
        let _ = writeln!(
            page,
            "<h2>Training loss over epochs</h2>\n<p class=\"soft\">A line each run: the mean of each epoch. Losses of \
             other kinds, and under other augmentation, are not comparable.</p>\n{}",
            line_chart::draw(&chart)
        );
    }
    Ok(())
}

fn differences(page: &mut String, findings: &Findings) {
    page.push_str("<h2>What differs</h2>\n");
    if findings.judgement.differences.is_empty() {
        page.push_str("<p>Nothing that is known.</p>\n");
        return;
    }
    page.push_str("<div class=\"wide\" tabindex=\"0\"><table>\n<tr><th>key</th><th>baseline</th><th>idea</th></tr>\n");
    for difference in &findings.judgement.differences {
        let cell = |side: &Option<String>| {
            side.as_ref().map_or("–".into(), |text| format!("<code>{}</code>", escaped(text)))
        };
        let _ = writeln!(
            page,
            "<tr><th>{}</th><td>{}</td><td>{}</td></tr>",
            escaped(&difference.what),
            cell(&difference.baseline),
            cell(&difference.idea)
        );
    }
    page.push_str("</table></div>\n");
}

/// The sources of both sides: what changed between them, or that of the one side that has some.
fn sources(page: &mut String, base: Option<&SideRun>, idea: Option<&SideRun>) -> anyhow::Result<()> {
    let source = |run: Option<&SideRun>| run.map_or(Ok(None), SideRun::source);
    let (base, idea) = (source(base)?, source(idea)?);
    if base == idea {
        return Ok(());
    }
    let lines = diff(base.as_deref().unwrap_or_default(), idea.as_deref().unwrap_or_default());
    let what = match (&base, &idea) {
        (Some(_), Some(_)) => "The source of the idea beside the baseline's",
        (None, _) => "The source of the idea",
        (_, None) => "The source of the baseline",
    };
    let _ = write!(page, "<details><summary>{what}</summary>\n<pre class=\"diff\" tabindex=\"0\">");
    for line in lines {
        let _ = match line {
            Line::Same(text) => writeln!(page, "  {}", escaped(text)),
            Line::Removed(text) => writeln!(page, "<del>- {}</del>", escaped(text)),
            Line::Added(text) => writeln!(page, "<ins>+ {}</ins>", escaped(text)),
            Line::Skipped(count) => writeln!(page, "  … {count} lines that are the same"),
        };
    }
    page.push_str("</pre></details>\n");
    Ok(())
}

fn classes(page: &mut String, findings: &Findings) {
    if findings.classes.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Classes</h2>\n<p class=\"soft\">Right in the mean of the runs; nothing here is tested for chance.</p>\n\
         <div class=\"wide\" tabindex=\"0\"><table>\n\
         <tr><th>class</th><th>photos</th><th>baseline</th><th>idea</th><th>points</th></tr>\n",
    );
    for class in &findings.classes {
        let _ = writeln!(
            page,
            "<tr><th>{}</th><td>{}</td><td>{:.1}%</td><td>{:.1}%</td><td>{:+.1}</td></tr>",
            escaped(&class.name),
            class.photos,
            100.0 * class.baseline,
            100.0 * class.idea,
            100.0 * class.gain()
        );
    }
    page.push_str("</table></div>\n");
}

fn photos(page: &mut String, findings: &Findings) {
    let Some(tally) = &findings.tally else { return };
    page.push_str(
        "<h2>Photos that changed sides</h2>\n\
         <p class=\"soft\">Right in most runs of one side, wrong in most of the other.</p>\n",
    );
    for (what, samples) in
        [("right with the idea", &findings.changed.gained), ("right without it", &findings.changed.lost)]
    {
        let _ = writeln!(page, "<details><summary>{} {what}</summary>\n<ul class=\"photos\">", samples.len());
        for sample in samples.iter().take(PHOTOS) {
            let _ = writeln!(page, "<li><code>{}</code> {}</li>", escaped(sample), tally.said(sample));
        }
        if samples.len() > PHOTOS {
            let _ = writeln!(page, "<li>… and {} more in comparison.json</li>", samples.len() - PHOTOS);
        }
        page.push_str("</ul></details>\n");
    }
}

fn sides(page: &mut String, findings: &Findings) {
    let judgement = &findings.judgement;
    page.push_str(
        "<h2>All runs</h2>\n<div class=\"wide\" tabindex=\"0\"><table>\n\
         <tr><th>side</th><th>seed</th><th>right</th><th>top-1</th><th>seconds</th><th>folder</th></tr>\n",
    );
    for (which, side) in [("baseline", &judgement.base), ("idea", &judgement.idea)] {
        for run in &side.runs {
            let _ = writeln!(
                page,
                "<tr><th>{which}</th><td>{}</td><td>{} of {}</td><td>{:.2}%</td><td>{}</td>\
                 <td class=\"path\"><code>{}</code></td></tr>",
                run.seed,
                run.counts.correct,
                run.counts.total,
                100.0 * run.counts.accuracy(),
                escaped(&seconds(run.seconds)),
                escaped(&run.folder.display().to_string())
            );
        }
    }
    page.push_str("</table></div>\n");
}

/// Every number of a JSON value by its path.
fn flatten(above: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let below = |key: &str| if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| flatten(&below(key), value, rows)),
        Value::Array(values) if values.iter().any(Value::is_object) => {
            values.iter().enumerate().for_each(|(at, value)| flatten(&below(&(at + 1).to_string()), value, rows));
        }
        Value::Null => {}
        Value::String(text) => rows.push((above.to_owned(), text.clone())),
        value => rows.push((above.to_owned(), value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_listed_by_their_paths() {
        let mut rows = Vec::new();
        let value = serde_json::json!({ "a": { "b": 1 }, "looks": [{ "p": 0.5 }], "pair": [1, 2], "none": null });
        flatten("", &value, &mut rows);
        let pairs: Vec<(&str, &str)> = rows.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a.b", "1"), ("looks.1.p", "0.5"), ("pair", "[1,2]")]);
    }
}
