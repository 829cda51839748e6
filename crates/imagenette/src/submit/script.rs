//! The part of a job file that is the same for every engine: a script for `sh` that knows all jobs, turns the number
//! of one, counted from 1, into its run, makes that run or goes on with it, and says the common end where it was the
//! last.
//!
//! Whatever a user typed is in it as a quoted word.

use super::plan::{Mark, Plan, Word};
use crate::shell_words::quoted;

/// The script. `index` is how the engine says the job's number, as an arithmetic expression; `again` are lines that
/// are run where the job was interrupted, before it ends with status 33.
pub(super) fn script(plan: &Plan, program: &str, index: &str, again: &str) -> String {
    let (jobs, points, first) = (plan.jobs(), plan.points.len(), plan.first);
    let mark = match plan.mark {
        Mark::Run => "[ -f \"$run/record.json\" ] || [ -f \"$run/diverged.txt\" ]",
        Mark::Shard => "[ -f \"$run/done.json\" ]",
    };
    let program = quoted(program);
    let places: String = plan
        .points
        .iter()
        .enumerate()
        .map(|(number, point)| format!("    {number}) run={} ;;\n", word(&point.place)))
        .collect();
    let begins: String = plan
        .points
        .iter()
        .enumerate()
        .map(|(number, point)| format!("{number}) set -- {} ;;\n", words(&point.begin)))
        .collect();
    let resumes: String = plan
        .points
        .iter()
        .enumerate()
        .filter_map(|(number, point)| Some(format!("    {number}) set -- {} ;;\n", words(point.resume.as_ref()?))))
        .collect();
    let resumes = match resumes.as_str() {
        "" => String::new(),
        cases => format!("if [ -f \"$run/checkpoint.safetensors\" ]; then\n    case $point in\n{cases}    esac\nfi\n"),
    };
    let last: Vec<String> = plan.last.iter().map(|word| quoted(word)).collect();
    let last = last.join(" ");
    format!(
        r#"index={index}
jobs={jobs}
case $index in '' | 0* | *[!0-9]* | ??????????*) known=0 ;; *) known=$index ;; esac
if [ "$known" -lt 1 ] || [ "$known" -gt "$jobs" ]; then
    echo "error: expected the number of a job, from 1 to $jobs, found '$index'" >&2
    echo "hint: submit this file as it was written, or write it anew with more runs" >&2
    exit 2
fi

# The run of a job: seeds count up, and each is used at every point.
place() {{
    point=$((($1 - 1) % {points}))
    number=$(({first} + ($1 - 1) / {points}))
    case $point in
{places}    esac
}}
is_finished() {{ {mark}; }}

place "$index"
case $point in
{begins}esac
{resumes}
status=0
if is_finished; then
    echo "$run: finished already"
else
    # In the background, so that a signal reaches it: it writes a checkpoint and ends with status 33.
    {program} "$@" &
    child=$!
    trap 'told=1; kill -TERM "$child" 2>/dev/null' TERM INT USR1
    status=127
    while :; do
        told=
        wait "$child"
        now=$?
        [ "$now" -eq 127 ] || status=$now
        [ -n "$told" ] || break
    done
    trap - TERM INT USR1
fi
{again}# A budget that ended before its plan is an end: its run is whole.
[ "$status" -ne 34 ] || status=0
[ "$status" -eq 0 ] || exit "$status"

# Whoever ends last says what all say together. Jobs that end at the same moment may both say it.
job=$jobs
while [ "$job" -ge 1 ]; do
    place "$job"
    is_finished || exit 0
    job=$((job - 1))
done
echo "all $jobs jobs are finished:"
# A verdict has a status of its own, which says nothing of this job.
{program} {last} || echo "status $?"
"#
    )
}

/// A word as `sh` takes it, with the job's number in its place.
fn word(word: &Word) -> String {
    match word {
        Word::Text(text) => quoted(text),
        Word::Numbered { before, after } => {
            let part = |text: &str| if text.is_empty() { String::new() } else { quoted(text) };
            format!("{}\"$number\"{}", part(before), part(after))
        }
    }
}

fn words(words: &[Word]) -> String {
    words.iter().map(self::word).collect::<Vec<_>>().join(" ")
}

#[cfg(all(test, unix))]
pub(super) mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;

    use imagenette_data::random::{Purpose, Random};

    use super::*;
    use crate::submit::plan::Point;

    /// A program that writes each of its words, ended by NUL, to `words` in the current folder.
    pub(in crate::submit) fn printing_double(folder: &Path) -> String {
        let path = folder.join("a double's \"name\"");
        std::fs::write(&path, "#!/bin/sh\nfor word in \"$@\"; do printf '%s\\0' \"$word\" >> words; done\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(in crate::submit) fn words_of(folder: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(folder.join("words")).unwrap_or_default();
        let _ = std::fs::remove_file(folder.join("words"));
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    /// Texts that break shells, and random ones.
    pub(in crate::submit) fn hostile_texts() -> Vec<String> {
        let mut texts: Vec<String> = [
            "'; touch pwned; '",
            "$(touch pwned)",
            "`touch pwned`",
            "a\nb\n",
            "-n",
            "\\",
            "'",
            "\"",
            "''",
            "\\'",
            "!!",
            "$HOME",
            "${x}",
            "$((1))",
            "*",
            "~",
            "#x",
            "a b",
            "\t",
            "\u{1b}[2J",
            "é\u{2028}\u{feff}\u{85}\u{7f}",
            "😀",
            ";",
            "&",
            "|",
            ">pwned",
            "\r\n",
            "x=1",
            "$$",
            "$$(x)",
            "--",
            "{a,b}",
            "%s\\0",
        ]
        .map(String::from)
        .into();
        let mut random = Random::new(7, Purpose::Backoff, 0, 0);
        let letters: Vec<char> = "ab'\"\\$`(){}[]<>|&;*?~#!\n\r\t %=-0é\u{85}\u{2028}😀\u{1}".chars().collect();
        for _ in 0..200 {
            let length = 1 + (random.between(0.0, 12.0) as usize);
            let letter = |_| letters[(random.between(0.0, letters.len() as f64) as usize).min(letters.len() - 1)];
            texts.push((0..length).map(letter).collect());
        }
        texts
    }

    pub(in crate::submit) fn plan_of(words: &[String], folder: &str) -> Plan {
        let text = |words: &[String]| words.iter().cloned().map(Word::Text).collect::<Vec<_>>();
        let numbered = |before: &str| Word::Numbered { before: before.into(), after: String::new() };
        let point = |place: &str| Point {
            place: numbered(&format!("{folder}/{place}-s")),
            begin: [text(words), vec![numbered("--seed=")]].concat(),
            resume: None,
        };
        Plan {
            name: "train-x".into(),
            typed: words.to_vec(),
            points: vec![point("a"), point("b")],
            first: 5,
            count: 3,
            mark: Mark::Run,
            last: words.to_vec(),
            recipes: Vec::new(),
            threads: None,
        }
    }

    fn sh(script: &str, folder: &Path) -> (i32, String) {
        let output = Command::new("sh").args(["-c", script, "sh"]).current_dir(folder).output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    #[test]
    fn whatever_was_typed_reaches_the_program_as_it_is_and_nothing_else_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let double = printing_double(folder.path());
        let texts = hostile_texts();
        for words in texts.chunks(4) {
            let plan = plan_of(words, &format!("runs {}", words[0].replace('/', "_")));
            let text = script(&plan, &double, "4", "");
            let parsed = Command::new("sh").args(["-n", "-c", &text]).output().unwrap();
            assert!(parsed.status.success(), "{words:?}: {}", String::from_utf8_lossy(&parsed.stderr));
            let (status, said) = sh(&text, folder.path());
            assert_eq!((status, said.as_str()), (0, ""), "{words:?}");
            assert_eq!(words_of(folder.path()), [words, &["--seed=6".to_owned()]].concat(), "{words:?}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the double is there");
    }

    #[test]
    fn a_number_outside_the_list_is_refused_and_each_inside_has_a_run_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let double = printing_double(folder.path());
        let plan = plan_of(&["train".into()], "runs");
        for wrong in ["0", "7", "-1", "''", "x", "08", "1.5", "99999999999999999999", "'1; touch pwned'"] {
            let (status, said) = sh(&script(&plan, &double, wrong, ""), folder.path());
            assert_eq!(status, 2, "{wrong}: {said}");
            assert!(said.contains("expected the number of a job, from 1 to 6, found"), "{said}");
        }
        assert!(words_of(folder.path()).is_empty() && !folder.path().join("pwned").exists());
        for (index, seed) in [(1, 5), (2, 5), (3, 6), (6, 7)] {
            assert_eq!(sh(&script(&plan, &double, &index.to_string(), ""), folder.path()).0, 0);
            assert_eq!(words_of(folder.path()), ["train".to_owned(), format!("--seed={seed}")]);
        }
    }

    #[test]
    fn what_is_finished_is_not_made_again_and_the_last_one_says_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let double = printing_double(folder.path());
        let mut plan = plan_of(&["train".into()], "runs");
        plan.last = vec!["runs".into(), "a folder".into()];
        let text = |index: &str| script(&plan, &double, index, "");
        for run in ["a-s5", "b-s5", "a-s6", "b-s6", "a-s7", "b-s7"] {
            assert_eq!(sh(&text("1"), folder.path()).0, 0);
            words_of(folder.path());
            std::fs::create_dir_all(folder.path().join("runs").join(run)).unwrap();
            std::fs::write(folder.path().join("runs").join(run).join("record.json"), "{}").unwrap();
        }
        assert_eq!(sh(&text("1"), folder.path()).0, 0);
        assert_eq!(words_of(folder.path()), ["runs", "a folder"]);
    }

    #[test]
    fn a_signal_reaches_the_program_and_its_status_comes_back_however_often_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waiting");
        // Takes its time to end when it is told to, as a checkpoint does.
        let double = "#!/bin/sh\ntrap 'sleep 0.5; exit 33' TERM\ntouch ready\nwhile :; do sleep 0.05; done\n";
        std::fs::write(&path, double).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let plan = plan_of(&["train".into()], "runs");
        let text = script(&plan, path.to_str().unwrap(), "1", "[ \"$status\" -ne 33 ] || echo again\n");
        for shell in ["sh", "bash"] {
            if Command::new(shell).arg("-c").arg(":").status().is_err() {
                println!("skipped: no {shell}");
                continue;
            }
            let _ = std::fs::remove_file(folder.path().join("ready"));
            let child = Command::new(shell)
                .args(["-c", &text])
                .current_dir(folder.path())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            while !folder.path().join("ready").exists() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            for signal in ["-USR1", "-TERM", "-TERM"] {
                Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(33), "{shell}");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "again\n", "{shell}");
        }
    }
}
