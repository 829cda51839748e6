//! The photos that a run is most sure of and wrong about, each with where the network looked; and of each class those
//! that it knows best, mistakes most surely, and is most torn about.

use std::fmt::Write;

use super::Photos;
use super::pictures;
use crate::attention::Attention;
use crate::datasets;
use crate::page::escaped;
use crate::subject::{Judged, Subject};

/// Mistakes that are shown with where the network looked.
const MISTAKES: usize = 18;
/// Photos of each kind and class; fewer where there are many classes.
const OF_CLASS: usize = 3;
/// Classes that are shown with photos.
const CLASSES: usize = 60;

/// The most confident mistakes.
pub(super) fn mistakes(page: &mut String, subject: &Subject, photos: Photos) -> anyhow::Result<()> {
    let wrong = subject.mistakes();
    if wrong.is_empty() {
        return Ok(());
    }
    let is_sure = wrong.iter().any(|photo| photo.probabilities.is_some());
    let shown = &wrong[..wrong.len().min(MISTAKES)];
    let _ = writeln!(
        page,
        "<h2>{}</h2>\n<p class=\"soft\">{} of {} {} are wrong; these are {}. In red is what the network said, then what it \
         is. {}</p>\n<div class=\"photos\">",
        if is_sure { "Its most confident mistakes" } else { "Mistakes" },
        wrong.len(),
        subject.judged.len(),
        subject.photos(),
        if is_sure { "those that it is surest of" } else { "the first of them" },
        if photos == Photos::Shown && subject.network.is_some() {
            "Beside each photo is what the network saw, dark where covering it changes nothing: it looked where it is bright."
        } else {
            ""
        }
    );
    for photo in shown {
        figure(page, subject, photo, photos, true)?;
    }
    page.push_str("</div>\n");
    Ok(())
}

/// One photo with what was said of it.
fn figure(page: &mut String, subject: &Subject, photo: &Judged, photos: Photos, looks: bool) -> anyhow::Result<()> {
    let name = photo.sample.rsplit('/').next().unwrap_or(&photo.sample);
    let alt = format!("{name}, {}", subject.class(photo.truth));
    let pixels = subject
        .dataset
        .as_ref()
        .filter(|_| photos == Photos::Shown)
        .and_then(|dataset| datasets::photo_at(dataset, &photo.sample));
    page.push_str("<figure>");
    if let Some(pixels) = &pixels {
        let _ = write!(page, "<img alt=\"{}\" src=\"{}\">", escaped(&alt), pictures::jpeg(&pictures::fitted(pixels)));
        if let (true, Some(network)) = (looks, &subject.network) {
            let attention = Attention::of(network, pixels, photo.given)?;
            let _ = write!(
                page,
                "<img alt=\"where it looked\" src=\"{}\">",
                pictures::jpeg(&pictures::fitted(&attention.picture()))
            );
        }
    }
    let percent = |label| photo.probabilities.as_ref().map(|_| format!(" {:.1}%", 100.0 * photo.of(label)));
    let _ = write!(page, "<figcaption>");
    if photo.is_right() {
        let _ =
            write!(page, "<b>{}{}</b>", escaped(subject.class(photo.given)), percent(photo.given).unwrap_or_default());
    } else {
        let _ = write!(
            page,
            "<b class=\"bad\">{}{}</b>; it is {}{}",
            escaped(subject.class(photo.given)),
            percent(photo.given).unwrap_or_default(),
            escaped(subject.class(photo.truth)),
            percent(photo.truth).unwrap_or_default()
        );
    }
    let _ = writeln!(page, "<br><code>{}</code></figcaption></figure>", escaped(name));
    Ok(())
}

/// What the photos are called whose two best guesses are nearest.
const TORN: &str = "most torn between two classes";

/// Photos of a class that are shown together: their name, whether they are right, and what they are sorted by.
type Kind = (&'static str, bool, fn(&Judged) -> f32);

/// Every class with its result and some of its photos.
pub(super) fn classes(page: &mut String, subject: &Subject, photos: Photos) -> anyhow::Result<()> {
    if subject.judged.is_empty() {
        return Ok(());
    }
    let _ = writeln!(page, "<h2>Class by class</h2>");
    let each = if subject.classes.len() > 20 { 1 } else { OF_CLASS };
    let has_photos = photos == Photos::Shown
        && subject.dataset.is_some()
        && subject.judged.iter().any(|photo| photo.probabilities.is_some());
    if !has_photos {
        table(page, subject);
        return Ok(());
    }
    for label in 0..subject.classes.len().min(CLASSES) {
        let of_class: Vec<&Judged> = subject.judged.iter().filter(|photo| photo.truth == label).collect();
        if of_class.is_empty() {
            continue;
        }
        let right = of_class.iter().filter(|photo| photo.is_right()).count();
        let _ = writeln!(
            page,
            "<details{}><summary><b>{}</b> {:.1}% <span class=\"soft\">({right} of {})</span></summary>",
            if subject.classes.len() <= 20 { " open" } else { "" },
            escaped(subject.class(label)),
            100.0 * right as f64 / of_class.len() as f64,
            of_class.len()
        );
        let kinds: [Kind; 3] = [
            ("surest and right", true, |photo| -photo.sureness()),
            ("surest and wrong", false, |photo| -photo.sureness()),
            (TORN, true, Judged::lead),
        ];
        page.push_str("<div class=\"kinds\">");
        let mut used: Vec<&str> = Vec::new();
        for (name, is_right, by) in kinds {
            let is_torn = name == TORN;
            let mut some: Vec<&&Judged> = of_class
                .iter()
                .filter(|photo| photo.probabilities.is_some() && (is_torn || photo.is_right() == is_right))
                .filter(|photo| !used.contains(&photo.sample.as_str()))
                .collect();
            some.sort_by(|one, other| by(one).total_cmp(&by(other)).then_with(|| one.sample.cmp(&other.sample)));
            some.truncate(each);
            if some.is_empty() {
                continue;
            }
            let _ = writeln!(page, "<div><p class=\"soft\">{name}</p><div class=\"photos small\">");
            for photo in some {
                used.push(&photo.sample);
                figure(page, subject, photo, photos, false)?;
            }
            page.push_str("</div></div>\n");
        }
        page.push_str("</div></details>\n");
    }
    if subject.classes.len() > CLASSES {
        let _ = writeln!(page, "<p class=\"soft\">and {} more classes.</p>", subject.classes.len() - CLASSES);
    }
    Ok(())
}

fn table(page: &mut String, subject: &Subject) {
    page.push_str("<div class=\"wide\" tabindex=\"0\"><table>\n<tr><th>class</th><th>right</th><th>photos</th></tr>\n");
    for label in 0..subject.classes.len() {
        let of_class = subject.judged.iter().filter(|photo| photo.truth == label);
        let (right, total) =
            of_class.fold((0u32, 0u32), |(right, total), photo| (right + u32::from(photo.is_right()), total + 1));
        if total > 0 {
            let share = 100.0 * f64::from(right) / f64::from(total);
            let _ = writeln!(
                page,
                "<tr><th>{}</th><td>{share:.1}%</td><td>{right} of {total}</td></tr>",
                escaped(subject.class(label))
            );
        }
    }
    page.push_str("</table></div>\n");
}
