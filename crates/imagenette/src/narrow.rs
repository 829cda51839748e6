//! Lines and tables that are wider than the terminal: words go on below where they began, and a row of a table becomes
//! a few lines. What goes into a pipe or a file is never changed.

/// A text whose lines are broken between words, so that none is longer than `columns` where words allow it. What goes
/// on stands below the last column of a line: below what follows its last two spaces in a row.
pub(crate) fn hanging(text: &str, columns: usize) -> String {
    text.lines().map(|line| hanging_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn hanging_line(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    let chars: Vec<char> = line.chars().collect();
    let leading = chars.iter().take_while(|letter| **letter == ' ').count();
    let begins = |at: usize| chars[at] != ' ' && chars[at - 2..at] == [' ', ' '];
    let gap = (leading + 3..chars.len()).rev().find(|&at| begins(at));
    let own = leading + 2;
    // A last column that leaves too little room is not hung from.
    let indent = gap.filter(|at| at * 2 <= columns).unwrap_or(own).min(columns / 2);
    let (mut lines, mut current) = (Vec::new(), String::new());
    let start = gap.filter(|at| *at == indent).unwrap_or(0);
    current.extend(&chars[..start]);
    let rest: String = chars[start..].iter().collect();
    let mut is_empty = true;
    for word in rest.split(' ') {
        let longer = current.chars().count() + usize::from(!is_empty) + word.chars().count();
        if longer > columns && !is_empty && !current.trim().is_empty() {
            lines.push(current.trim_end().to_owned());
            (current, is_empty) = (" ".repeat(indent), true);
            if word.is_empty() {
                continue;
            }
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    lines.push(current.trim_end().to_owned());
    lines.join("\n")
}

/// A text of paragraphs whose lines were broken for a wider page, broken anew: what is set in, a table, a heading or a
/// point of a list begins a line of its own.
pub(crate) fn prose(text: &str, columns: usize) -> String {
    let is_numbered = |line: &str| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    let is_plain = |line: &str| {
        line.starts_with(|letter: char| letter.is_alphanumeric() || "`*_(\"".contains(letter)) && !is_numbered(line)
    };
    let is_point = |line: &str| line.starts_with("- ") || is_numbered(line);
    let mut paragraphs: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let goes_on = |last: &str| is_plain(line) && is_plain(last) || is_point(last) && line.starts_with("  ");
        match paragraphs.last_mut().filter(|last| is_open && goes_on(last)) {
            Some(last) => last.extend([" ", line.trim_start()]),
            None => paragraphs.push(line.to_owned()),
        }
        is_open = !line.is_empty();
    }
    let broken = |paragraph: &String| match is_plain(paragraph) {
        true => paragraph.split(' ').fold(String::new(), |text, word| {
            let last = text.lines().next_back().unwrap_or_default().chars().count();
            let gap = match last {
                0 => "",
                _ if last + 1 + word.chars().count() > columns => "\n",
                _ => " ",
            };
            text + gap + word
        }),
        false => hanging_line(paragraph, columns),
    };
    paragraphs.iter().map(broken).collect::<Vec<_>>().join("\n")
}

/// A table whose rows became a title and, below it, what each of its columns says; `None` where it fits, or is no
/// table: a line with the columns' names and lines with as many cells, in Markdown or with two spaces or more between
/// them.
pub(crate) fn blocks(table: &str, columns: usize) -> Option<String> {
    if table.lines().all(|line| line.chars().count() <= columns) {
        return None;
    }
    let is_rule = |line: &&str| line.chars().all(|letter| "|-: ".contains(letter));
    let mut rows = table.lines().filter(|line| !is_rule(line)).map(cells);
    let head = rows.next()?;
    let mut text = Vec::new();
    for row in rows {
        if row.len() != head.len() || row.len() < 2 {
            return None;
        }
        text.push(hanging(&row[0], columns));
        let told: Vec<String> = head.iter().zip(&row).skip(1).map(|(name, cell)| format!("{name} {cell}")).collect();
        text.push(hanging(&format!("  {}", told.join(" · ")), columns));
    }
    Some(text.join("\n"))
}

fn cells(line: &str) -> Vec<String> {
    let cell = |cell: &str| cell.trim().to_owned();
    match line.trim().strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) {
        Some(line) => line.split(" | ").map(cell).collect(),
        None => line.split("  ").filter(|part| !part.trim().is_empty()).map(cell).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_goes_on_below_its_last_column() {
        let line = "labels-4   all classes from 4 labeled photos of each";
        assert_eq!(hanging(line, 30), "labels-4   all classes from 4\n           labeled photos of\n           each");
        assert_eq!(hanging(line, 200), line);
        assert_eq!(hanging("  one two three", 9), "  one two\n    three");
        // A word that is longer than the terminal stays whole.
        assert_eq!(hanging("a 012345678901234567890", 12), "a\n  012345678901234567890");
        let text = "counts    holds    the result is that of epoch 4: 3,417 correct of 3,925\n\nshort";
        for columns in 1..90 {
            let wrapped = hanging(text, columns);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&wrapped), words(text), "{columns}");
            assert!(
                columns < 30 || wrapped.lines().all(|line| line.chars().count() <= columns),
                "{columns}: {wrapped}"
            );
        }
    }

    #[test]
    fn paragraphs_are_broken_anew_and_what_stands_alone_stays_alone() {
        let text = [
            "# A lesson",
            "",
            "One two three four",
            "five six.",
            "    imagenette train",
            "- a point that",
            "  goes on",
        ];
        let text = [&text[..], &["1. first", "2. second"]].concat().join("\n");
        let expected =
            ["# A lesson", "", "One two three", "four five six.", "    imagenette", "      train", "- a point that"];
        let expected = [&expected[..], &["  goes on", "1. first", "2. second"]].concat().join("\n");
        assert_eq!(prose(&text, 16), expected);
        let wide = "One two three four five six.\n    imagenette train\n- a point that goes on\n1. first\n";
        assert!(prose(&text, 80).contains(wide), "{}", prose(&text, 80));
        for columns in 1..60 {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&prose(&text, columns)), words(&text), "{columns}");
        }
    }

    #[test]
    fn a_wide_table_becomes_a_few_lines_for_each_row() {
        let table = "| recipe       | px | top-1 % |\n| ------------ | -- | ------: |\n| one, changed | 64 |   91.54 |";
        assert_eq!(blocks(table, 80), None);
        assert_eq!(blocks(table, 20).unwrap(), "one, changed\n  px 64 · top-1 %\n    91.54");
        let aligned =
            "runs           recipe     top-1 %\ndefault-drawn  default      89.98\nx              y  1 of 2   3";
        assert_eq!(blocks(aligned, 20), None, "a row with other cells");
        let aligned = "runs           recipe     top-1 %\ndefault-drawn  default      89.98";
        assert_eq!(blocks(aligned, 30).unwrap(), "default-drawn\n  recipe default · top-1 %\n    89.98");
    }
}
