//! What changed between two texts, line by line, for people: the sources of both sides.

/// One line of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'t> {
    /// In both texts.
    Same(&'t str),
    /// In the first alone.
    Removed(&'t str),
    /// In the second alone.
    Added(&'t str),
    /// So many lines of both are left out here.
    Skipped(usize),
}

/// Lines that are shown around a change.
const AROUND: usize = 3;
/// The most pairs of lines that are compared; beyond that both texts are shown whole.
const MOST_PAIRS: usize = 4_000_000;

/// The lines that differ, with a few around them, by the longest common subsequence.
pub(super) fn diff<'t>(one: &'t str, other: &'t str) -> Vec<Line<'t>> {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let (before, one, other) = (&one[..same], &one[same..], &other[same..]);
    let mut lines: Vec<Line<'t>> = before.iter().map(|line| Line::Same(line)).collect();
    let (rows, columns) = (one.len(), other.len());
    if rows.saturating_mul(columns) > MOST_PAIRS {
        lines.extend(one.iter().map(|line| Line::Removed(line)));
        lines.extend(other.iter().map(|line| Line::Added(line)));
        return folded(&lines);
    }
    // common[r][c]: how long the longest common subsequence of what comes from there on is.
    let mut common = vec![vec![0u32; columns + 1]; rows + 1];
    for r in (0..rows).rev() {
        for c in (0..columns).rev() {
            common[r][c] = match one[r] == other[c] {
                true => common[r + 1][c + 1] + 1,
                false => common[r + 1][c].max(common[r][c + 1]),
            };
        }
    }
    let (mut r, mut c) = (0, 0);
    while r < rows || c < columns {
        if r < rows && c < columns && one[r] == other[c] {
            lines.push(Line::Same(one[r]));
            (r, c) = (r + 1, c + 1);
        } else if c == columns || (r < rows && common[r + 1][c] >= common[r][c + 1]) {
            lines.push(Line::Removed(one[r]));
            r += 1;
        } else {
            lines.push(Line::Added(other[c]));
            c += 1;
        }
    }
    folded(&lines)
}

/// The same without the lines that are far from any change.
fn folded<'t>(lines: &[Line<'t>]) -> Vec<Line<'t>> {
    let is_same = |line: &Line<'_>| matches!(line, Line::Same(_));
    let is_near = |at: usize| {
        let near = at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len());
        lines[near].iter().any(|line| !is_same(line))
    };
    let mut shown = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match (is_near(at), shown.last_mut()) {
            (true, _) => shown.push(*line),
            (false, Some(Line::Skipped(count))) => *count += 1,
            (false, _) => shown.push(Line::Skipped(1)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_are_shown_with_what_is_around_them() {
        let text = |middle: &str| format!("a\nb\nc\nd\ne\n{middle}f\ng\nh\ni\nj\n");
        let (one, other) = (text("old\n"), text("new\nmore\n"));
        let found = diff(&one, &other);
        let expected = [
            Line::Skipped(2),
            Line::Same("c"),
            Line::Same("d"),
            Line::Same("e"),
            Line::Removed("old"),
            Line::Added("new"),
            Line::Added("more"),
            Line::Same("f"),
            Line::Same("g"),
            Line::Same("h"),
            Line::Skipped(2),
        ];
        assert_eq!(found, expected);
        assert_eq!(diff(&one, &one), [Line::Skipped(11)]);
        assert_eq!(diff("", "x"), [Line::Added("x")]);
        assert_eq!(diff("x", ""), [Line::Removed("x")]);
        assert_eq!(diff("", ""), []);
    }
}
