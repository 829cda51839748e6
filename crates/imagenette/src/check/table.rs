//! What was found of runs, as aligned lines.

use imagenette_results::check::{Finding, Verdict};

use super::run::CheckedRun;
use crate::numbers::counted;

/// Of one run every finding.
pub(crate) fn of_run(run: &CheckedRun) -> String {
    let width = widest(run.findings.iter().map(|finding| finding.about));
    let mut lines = vec![run.title()];
    for Finding { about, verdict } in &run.findings {
        lines.push(format!("  {about:width$}  {:15}  {}", verdict.word(), verdict.said()));
    }
    lines.join("\n")
}

/// Of several runs how many of each finding hold, and every one that fails.
pub(crate) fn of_runs(runs: &[CheckedRun]) -> String {
    let mut abouts: Vec<&str> = Vec::new();
    for finding in runs.iter().flat_map(|run| &run.findings) {
        if !abouts.contains(&finding.about) {
            abouts.push(finding.about);
        }
    }
    let width = widest(abouts.iter().copied());
    let mut lines = vec![format!("{:width$}  {:>6}  {:>6}  {:>15}", "checked", "holds", "fails", "cannot be known")];
    for about in abouts {
        let all = runs.iter().flat_map(|run| run.findings.iter().map(move |finding| (run, finding)));
        let found: Vec<(&CheckedRun, &Finding)> = all.filter(|(_, finding)| finding.about == about).collect();
        let count = |word: &str| found.iter().filter(|(_, finding)| finding.verdict.word() == word).count();
        // The first reason stands for all of them.
        let reasons = found.iter().filter_map(|(run, finding)| match &finding.verdict {
            Verdict::Unknown(said) => Some(without_folder(said, run.folder())),
            _ => None,
        });
        let (held, failed, unknown) = (count("holds"), count("fails"), count("cannot be known"));
        let reason = reasons.into_iter().next().unwrap_or_default();
        let line = format!("{about:width$}  {held:>6}  {failed:>6}  {unknown:>15}  {reason}");
        lines.push(line.trim_end().to_owned());
    }
    let failed: Vec<&CheckedRun> = runs.iter().filter(|run| run.has_failed()).collect();
    lines.push(match failed.len() {
        0 => format!("{}, nothing fails", counted(runs.len() as u64, "run")),
        count => format!("{count} of {} fail:", counted(runs.len() as u64, "run")),
    });
    for run in failed {
        let wrong = run.findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Fails(_)));
        lines.extend(wrong.map(|finding| format!("  {}: {}", finding.about, finding.verdict.said())));
    }
    lines.join("\n")
}

/// What is said of a run without its folder's name, where that stands as a word or begins a path.
fn without_folder(said: &str, folder: &str) -> String {
    let is_edge = |letter: char| letter.is_whitespace() || matches!(letter, '`' | '/' | ':' | ',');
    let (mut text, mut rest) = (String::new(), said);
    while let Some(place) = rest.find(folder).filter(|_| !folder.is_empty()) {
        let (before, after) = (&rest[..place], &rest[place + folder.len()..]);
        // A path that ends so is another one.
        let begins = text.chars().chain(before.chars()).last().is_none_or(|letter| is_edge(letter) && letter != '/');
        let ends = after.chars().next().is_none_or(is_edge);
        text += before;
        text += if begins && ends { "RUN" } else { folder };
        rest = after;
    }
    text + rest
}

fn widest<'a>(words: impl Iterator<Item = &'a str>) -> usize {
    words.map(|word| word.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_replaced_where_it_is_a_word() {
        let said = "whether weights are these: `imagenette eval a`; a/record.json; b/a/x; imagenette a, all";
        let expected = "whether weights are these: `imagenette eval RUN`; RUN/record.json; b/a/x; imagenette RUN, all";
        assert_eq!(without_folder(said, "a"), expected);
        assert_eq!(without_folder("runs/a", "runs/a"), "RUN");
        assert_eq!(without_folder("aa", "a"), "aa");
    }
}
