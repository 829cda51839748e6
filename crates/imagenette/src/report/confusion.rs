//! What is taken for what: a matrix with its classes named, as inline SVG, and the most frequent mistakes in words.

use std::fmt::Write;

use super::subject::Subject;
use crate::page::escaped;

/// Above so many classes a matrix is a carpet: the most frequent mistakes say more.
const CLASSES: usize = 100;
/// Up to so many classes each cell holds its number.
const WITH_NUMBERS: usize = 20;
/// Mistakes that are named.
const NAMED: usize = 8;

/// Photos of each class (rows) by the class that they were given (columns).
pub(crate) fn counts(pairs: impl Iterator<Item = (usize, usize)>, classes: usize) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; classes]; classes];
    pairs.filter(|(truth, given)| (*truth).max(*given) < classes).for_each(|(truth, given)| counts[truth][given] += 1);
    counts
}

/// The matrix as SVG. Rows are what photos are, columns what they were taken for.
pub(crate) fn matrix(counts: &[Vec<u64>], names: &[&str]) -> String {
    let classes = counts.len();
    let has_numbers = classes <= WITH_NUMBERS;
    let cell = if has_numbers { 34.0 } else { 660.0 / classes as f64 };
    let size = if has_numbers { 11.0 } else { (cell * 0.9).min(11.0) };
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(1).min(22) as f64;
    let (left, top) = (longest * size * 0.56 + 12.0, longest * size * 0.42 + 18.0);
    // The last column's name leans out to the right.
    let (width, height) = (left + cell * classes as f64 + longest * size * 0.42, top + cell * classes as f64 + 4.0);
    let mut svg = format!(
        "<svg class=\"confusion\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"confusion matrix\">\
         <title>rows: what the photos are; columns: what they were taken for</title>"
    );
    for (place, name) in names.iter().enumerate() {
        let middle = cell * (place as f64 + 0.5);
        let short = escaped(&shortened(name));
        let _ = write!(
            svg,
            "<text class=\"name\" style=\"font-size:{size:.1}px\" x=\"{:.1}\" y=\"{:.1}\">{short}</text>\
             <text style=\"font-size:{size:.1}px\" transform=\"translate({:.1} {:.1}) rotate(-40)\">{short}</text>",
            left - 6.0,
            top + middle + size / 3.0,
            left + middle,
            top - 5.0
        );
    }
    for (truth, row) in counts.iter().enumerate() {
        let total: u64 = row.iter().sum();
        for (given, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            let share = *count as f64 / total.max(1) as f64;
            // Mistakes are few: a tenth of a class is already a strong color.
            let (class, strength) =
                if truth == given { ("right", share) } else { ("wrong", (share * 8.0).clamp(0.12, 1.0)) };
            let (x, y) = (left + cell * given as f64, top + cell * truth as f64);
            let _ = write!(
                svg,
                "<g class=\"{class}\"><title>{} taken for {}: {count} of {total}</title>\
                 <rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill-opacity=\"{strength:.2}\"/>",
                escaped(names.get(truth).copied().unwrap_or("?")),
                escaped(names.get(given).copied().unwrap_or("?")),
                x + 0.5,
                y + 0.5,
                cell - 1.0,
                cell - 1.0
            );
            if has_numbers {
                let strong = if strength > 0.55 { " class=\"strong\"" } else { "" };
                let _ = write!(
                    svg,
                    "<text{strong} text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{count}</text>",
                    x + cell / 2.0,
                    y + cell / 2.0 + 4.0
                );
            }
            svg.push_str("</g>");
        }
    }
    svg + "</svg>"
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= 22 { name.into() } else { name.chars().take(21).chain(['…']).collect() }
}

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
    let mut mistakes: Vec<(u64, usize, usize)> = Vec::new();
    for (truth, row) in counts.iter().enumerate() {
        mistakes
            .extend(row.iter().enumerate().filter(|(given, _)| *given != truth).map(|(given, n)| (*n, truth, given)));
    }
    mistakes.retain(|(count, ..)| *count > 0);
    mistakes.sort_by(|one, other| other.0.cmp(&one.0).then(one.cmp(other)));
    if mistakes.is_empty() {
        page.push_str("<p>Every photo is right.</p>\n");
        return;
    }
    page.push_str("<ul>\n");
    for (count, truth, given) in mistakes.iter().take(NAMED) {
        let total: u64 = counts[*truth].iter().sum();
        let _ = writeln!(
            page,
            "<li>{} taken for {}: {count} of {total}</li>",
            escaped(subject.class(*truth)),
            escaped(subject.class(*given))
        );
    }
    page.push_str("</ul>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_has_every_count_and_every_name_safely() {
        let counts = counts([(0, 0), (0, 1), (1, 1), (1, 1), (7, 0)].into_iter(), 2);
        assert_eq!(counts, [[1, 1], [0, 2]]);
        let svg = matrix(&counts, &["<tench>", "a name that is far longer than any class of ImageNet"]);
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains("&lt;tench&gt; taken for &lt;tench&gt;: 1 of 2") && !svg.contains("<tench>"), "{svg}");
        assert!(svg.contains('…') && !svg.contains("NaN"));
        assert!(!matrix(&vec![vec![1; 60]; 60], &["x"; 60]).contains("strong"), "60 classes hold no numbers");
    }
}
