//! What is taken for what: a matrix with its classes named, as SVG, and the mistakes that are made most often.

use std::fmt::Write;

use super::escaped;

/// Above so many classes a matrix is a carpet: the most frequent mistakes say more.
pub(crate) const CLASSES: usize = 100;
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

/// The matrix as a file of its own, on light and on dark paper.
pub(crate) fn picture(counts: &[Vec<u64>], names: &[&str]) -> String {
    let style = "<style>svg{background:#fff;color-scheme:light dark}text{font:11px sans-serif;fill:#1d1d21}\
                 .name{text-anchor:end}.right rect{fill:#22663f}.wrong rect{fill:#a8261d}text.strong{fill:#fff}\
                 @media(prefers-color-scheme:dark){svg{background:#17181b}text{fill:#ececee}\
                 .right rect{fill:#86cfa3}.wrong rect{fill:#ff9a92}text.strong{fill:#17181b}}</style>";
    let svg = matrix(counts, names).replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    svg.replacen("<title>", &format!("{style}<title>"), 1) + "\n"
}

/// A mistake that is made again and again.
pub(crate) struct Mistake {
    pub(crate) count: u64,
    /// Photos of the class.
    pub(crate) of: u64,
    /// The labels of the class and of the one that it is taken for.
    pub(crate) truth: usize,
    pub(crate) given: usize,
}

/// The mistakes that are made most often, [`NAMED`] of them at most.
pub(crate) fn frequent_mistakes(counts: &[Vec<u64>]) -> Vec<Mistake> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    for (truth, row) in counts.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(given, count)| *given != truth && **count > 0);
        let of = row.iter().sum();
        mistakes.extend(wrong.map(|(given, &count)| Mistake { count, of, truth, given }));
    }
    // Stable, so that equal ones stand in the order of their labels.
    mistakes.sort_by_key(|mistake| std::cmp::Reverse(mistake.count));
    mistakes.truncate(NAMED);
    mistakes
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
        let picture = picture(&counts, &["a", "b"]);
        assert!(picture.starts_with("<svg xmlns=") && picture.contains("<style>") && !picture.contains("var("));
    }

    #[test]
    fn the_most_frequent_mistakes_come_first() {
        let counts = [vec![5, 1, 0], vec![3, 4, 1], vec![0, 0, 9]];
        let named: Vec<_> =
            frequent_mistakes(&counts).iter().map(|mistake| (mistake.count, mistake.truth, mistake.given)).collect();
        assert_eq!(named, [(3, 1, 0), (1, 0, 1), (1, 1, 2)]);
        assert_eq!(frequent_mistakes(&counts)[0].of, 8);
    }
}
