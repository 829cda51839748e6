//! What a run takes for what.

use std::fmt::Write;

use crate::page::confusion_matrix::{CLASSES, counts, frequent_mistakes, matrix};
use crate::page::escaped;
use crate::subject::Subject;

/// The section of a page.
pub(super) fn section(page: &mut String, subject: &Subject) {
    if subject.judged.is_empty() {
        return;
    }
    let classes = subject.classes.len();
    let counts = counts(subject.judged.iter().map(|photo| (photo.truth, photo.given)), classes);
    let names: Vec<&str> = subject.classes.iter().map(|class| class.name.as_str()).collect();
    page.push_str("<h2>What it takes for what</h2>\n");
    if classes <= CLASSES {
        let _ = writeln!(
            page,
            "<p class=\"soft\">A row for each class, a column for what its photos were taken for. Green is right, red is \
             wrong; darker is more.</p>\n<div class=\"wide matrix\">{}</div>",
            matrix(&counts, &names)
        );
    }
    let mistakes = frequent_mistakes(&counts);
    if mistakes.is_empty() {
        page.push_str("<p>Every photo is right.</p>\n");
        return;
    }
    page.push_str("<ul>\n");
    for mistake in mistakes {
        let _ = writeln!(
            page,
            "<li>{} taken for {}: {} of {}</li>",
            escaped(subject.class(mistake.truth)),
            escaped(subject.class(mistake.given)),
            mistake.count,
            mistake.of
        );
    }
    page.push_str("</ul>\n");
}
