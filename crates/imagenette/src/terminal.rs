//! What people see during the work: a bar on a terminal, a plain line now and then in a pipe. All of it goes to
//! stderr, and never fails anything: the terminal may be closed, the disk full, the reader of a pipe gone, and no line
//! is worth a run. Results go to stdout, where the opposite holds: what was not written whole is an error.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use imagenette_board::BoardError;
use imagenette_data::DataError;
use imagenette_data::watch::{Unit, Watch};
use imagenette_files::{FileError, Hint, visible};
use imagenette_recipe::RecipeError;
use imagenette_results::ResultsError;
#[cfg(feature = "train")]
use imagenette_train::TrainError;
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt;
use crate::narrow;
use crate::numbers::{bytes, counted, seconds, thousands};

/// How often a pipe gets a line.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Shows progress and notices.
pub(crate) struct Terminal {
    program: &'static str,
    quiet: bool,
    drawn: bool,
    bar: Mutex<Option<ProgressBar>>,
    plain: Mutex<Option<Plain>>,
    done: AtomicU64,
}

struct Plain {
    phase: String,
    total: Option<u64>,
    unit: Unit,
    began: Instant,
    said: Instant,
}

impl Terminal {
    /// The terminal of a program of this name.
    pub(crate) fn new(program: &'static str, quiet: bool) -> Self {
        // A terminal that cannot move its cursor is written to as a pipe is.
        let drawn = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb");
        Self { program, quiet, drawn, bar: Mutex::new(None), plain: Mutex::new(None), done: AtomicU64::new(0) }
    }

    /// Whether stderr is a terminal, where a line can be redrawn.
    pub(crate) fn is_drawn(&self) -> bool {
        self.drawn && !self.quiet
    }

    /// How many letters a line of the terminal holds now: it may be resized at any time.
    pub(crate) fn columns(&self) -> usize {
        terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
    }

    /// Whether nothing but results and errors is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// What [`Terminal::say`] says, from a thread that outlives whoever holds the terminal. A bar is drawn anew below
    /// it.
    pub(crate) fn speaker(&self) -> impl Fn(&str) + Send + use<> {
        let is_quiet = self.quiet;
        move |text: &str| {
            if !is_quiet {
                tell(text);
            }
        }
    }

    /// Says something between the progress lines.
    pub(crate) fn say(&self, text: &str) {
        if self.quiet {
            return;
        }
        let text = by_name(text, self.program);
        match &*self.bar.lock().expect("no thread panics while it draws") {
            Some(bar) => bar.suspend(|| tell(&text)),
            None => tell(&text),
        }
    }

    /// Shows a line that the next call replaces; in a pipe it shows nothing.
    pub(crate) fn status(&self, text: &str) {
        if !self.is_drawn() {
            return;
        }
        let mut bar = self.bar.lock().expect("no thread panics while it draws");
        let bar = bar.get_or_insert_with(|| {
            ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{wide_msg}").expect("a valid template"))
        });
        bar.set_message(visible::on_terminal(text).into_owned());
        bar.tick();
    }

    /// Shows a line behind a bar of how much is done, and another one below; the next call replaces both. In a pipe it
    /// shows nothing.
    pub(crate) fn progress(&self, done: u64, total: u64, text: &str, below: &str) {
        if !self.is_drawn() {
            return;
        }
        let mut bar = self.bar.lock().expect("no thread panics while it draws");
        let bar = bar.get_or_insert_with(|| {
            ProgressBar::new(total)
                .with_style(ProgressStyle::with_template("{bar:10} {wide_msg}\n{prefix}").expect("a valid template"))
        });
        bar.set_message(text.to_owned());
        bar.set_prefix(below.to_owned());
        bar.set_position(done);
    }

    /// Ends the current bar, if any.
    pub(crate) fn finish(&self) {
        if let Some(bar) = self.bar.lock().expect("no thread panics while it draws").take() {
            bar.finish_and_clear();
        }
        if let Some(plain) = self.plain.lock().expect("no thread panics while it draws").take() {
            let done = amount(self.done.load(Ordering::Relaxed), plain.unit);
            tell(&format!("{}: {done} in {}", plain.phase, seconds(plain.began.elapsed().as_secs_f64())));
        }
    }
}

impl Watch for Terminal {
    fn begin(&self, phase: &str, total: Option<u64>, unit: Unit) {
        self.finish();
        self.done.store(0, Ordering::Relaxed);
        if self.quiet {
            return;
        }
        if !self.drawn {
            let now = Instant::now();
            *self.plain.lock().expect("no thread panics while it draws") =
                Some(Plain { phase: phase.to_owned(), total, unit, began: now, said: now });
            return;
        }
        let template = match (unit, total) {
            (Unit::Bytes, Some(_)) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}",
            (Unit::Bytes, None) => "{msg} {bytes} {bytes_per_sec}",
            (Unit::Photos, Some(_)) => "{msg} {wide_bar} {human_pos}/{human_len} {rate} eta {eta}",
            (Unit::Photos, None) => "{msg} {human_pos} {rate}",
        };
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let style = ProgressStyle::with_template(template).expect("a valid template");
        bar.set_style(style.with_key("rate", |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            // A rate that cannot be written is a bar without one.
            let _ = write!(out, "{:.0}/s", state.per_sec());
        }));
        bar.set_message(visible::on_terminal(phase).into_owned());
        *self.bar.lock().expect("no thread panics while it draws") = Some(bar);
    }

    fn advance(&self, amount_done: u64) {
        let done = self.done.fetch_add(amount_done, Ordering::Relaxed) + amount_done;
        if self.quiet {
            return;
        }
        if self.drawn {
            if let Some(bar) = &*self.bar.lock().expect("no thread panics while it draws") {
                bar.set_position(done);
            }
            return;
        }
        if let Some(plain) = &mut *self.plain.lock().expect("no thread panics while it draws")
            && plain.said.elapsed() >= PLAIN_INTERVAL
        {
            plain.said = Instant::now();
            let amount = |value| amount(value, plain.unit);
            let done = match (plain.total, plain.unit) {
                (Some(total), Unit::Photos) => format!("{} of {}", thousands(done), amount(total)),
                (Some(total), Unit::Bytes) => format!("{} of {}", amount(done), amount(total)),
                (None, _) => amount(done),
            };
            tell(&format!("{}: {done}", plain.phase));
        }
    }

    fn notice(&self, message: &str) {
        self.say(message);
    }

    fn interrupted(&self) -> bool {
        interrupt::asked()
    }
}

fn amount(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => bytes(value),
        Unit::Photos => counted(value, "photo"),
    }
}

/// A text that names commands, as they are typed in a program of this name. Libraries and verbs write `imagenette VERB`
/// in backticks; a program with somebody's own parts has another name, and only there are its parts known.
pub(crate) fn by_name(text: &str, program: &str) -> String {
    text.replace("`imagenette ", &format!("`{program} "))
}

/// Says a line on stderr, whole in one write. That it cannot be written is no reason to stop, and nobody is left to be
/// told: `eprintln` would panic. Codes in names of files, of members of archives and the like are shown, never obeyed.
pub(crate) fn tell(text: &str) {
    let text = visible::on_terminal(text);
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Prints an error with its causes and its hint, whose commands are those of a program of this name; gives the exit
/// status. That the reader of a pipe wants no more of the results is a quiet end.
pub(crate) fn report(error: &anyhow::Error, program: &str) -> ExitCode {
    if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(Unprinted::NotWanted))) {
        return ExitCode::SUCCESS;
    }
    if error.is::<BeginsAnew>() {
        tell("stopped: interrupted; what this command finds is whole or nothing, and nothing of it is kept");
        tell("hint: the same command begins it anew");
        return ExitCode::from(interrupt::INTERRUPTED);
    }
    let interrupted = was_interrupted(error);
    // An outer message often ends with the inner one, so each cause is said once.
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    let text = by_name(&text, program);
    tell(&format!("{}: {text}", if interrupted { "stopped" } else { "error" }));
    if let Some(hint) = error.chain().find_map(hint_of) {
        tell(&format!("hint: {}", by_name(&hint, program)));
    }
    let is_usage = error.chain().any(|cause| cause.downcast_ref().is_some_and(Refusal::is_usage));
    ExitCode::from(if interrupted { interrupt::INTERRUPTED } else { 1 + u8::from(is_usage) })
}

/// What an error of any of our crates says about what to do.
fn hint_of(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    None.or_else(|| cause.downcast_ref().and_then(Refusal::hint))
        .or_else(|| cause.downcast_ref().and_then(Unprinted::hint))
        .or_else(|| cause.downcast_ref().and_then(FileError::hint))
        .or_else(|| cause.downcast_ref().and_then(DataError::hint))
        .or_else(|| cause.downcast_ref().and_then(RecipeError::hint))
        .or_else(|| trainers_hint(cause))
        .or_else(|| cause.downcast_ref().and_then(ResultsError::hint))
        .or_else(|| cause.downcast_ref().and_then(BoardError::hint))
}

#[cfg(feature = "train")]
fn trainers_hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    cause.downcast_ref().and_then(TrainError::hint)
}

#[cfg(not(feature = "train"))]
fn trainers_hint(_: &(dyn std::error::Error + 'static)) -> Option<String> {
    None
}

/// What was interrupted cannot go on: it is begun anew.
#[derive(Debug)]
struct BeginsAnew;

impl std::fmt::Display for BeginsAnew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for BeginsAnew {}

/// The result of work of which nothing is kept when it is interrupted.
pub(crate) fn kept_whole_or_not<T>(result: anyhow::Result<T>) -> anyhow::Result<T> {
    result.map_err(|error| if was_interrupted(&error) { error.context(BeginsAnew) } else { error })
}

/// Whether somebody asked the work to stop.
fn was_interrupted(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        #[cfg(feature = "train")]
        if matches!(cause.downcast_ref(), Some(TrainError::Data(DataError::Interrupted))) {
            return true;
        }
        matches!(cause.downcast_ref(), Some(DataError::Interrupted))
    })
}

/// An error of the command line itself: what is wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: String,
    hint: String,
    /// Whether what was typed is wrong by itself, so that no file or folder could make it right.
    is_usage: bool,
}

impl Refusal {
    /// An error that says this problem and this hint.
    pub(crate) fn error(problem: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { problem: problem.into(), hint: hint.into(), is_usage: false }.into()
    }

    /// An error in what was typed, exit status 2.
    pub(crate) fn usage(problem: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { problem: problem.into(), hint: hint.into(), is_usage: true }.into()
    }

    fn is_usage(&self) -> bool {
        self.is_usage
    }
}

impl Hint for Refusal {
    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Refusal {}

/// Why a result did not reach stdout whole.
#[derive(Debug)]
pub(crate) enum Unprinted {
    /// The reader of a pipe has what it wants: `| head`.
    NotWanted,
    /// The system refused: a full disk, a terminal that is gone.
    Refused(std::io::Error),
}

impl From<std::io::Error> for Unprinted {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::NotWanted,
            _ => Self::Refused(error),
        }
    }
}

impl Hint for Unprinted {
    fn hint(&self) -> Option<String> {
        Some("what was printed is not whole: send stdout elsewhere, then run the same command again".into())
    }
}

impl std::fmt::Display for Unprinted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotWanted => f.write_str("stdout: the reader of the pipe has ended"),
            Self::Refused(error) => write!(f, "stdout: expected to write the result, found: {error}"),
        }
    }
}

impl std::error::Error for Unprinted {}

/// Prints a line to stdout; codes are shown as by [`tell`]. Each line is written at once: what would wait in a buffer
/// until the end is lost without a word where it cannot be written.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let (mut stdout, text) = (std::io::stdout().lock(), visible::on_terminal(text));
    stdout.write_all(format!("{text}\n").as_bytes()).map_err(Unprinted::from)?;
    flush(&mut stdout)
}

/// Prints words: on a terminal no line is longer than it, where words allow that.
pub(crate) fn print_words(text: &str) -> anyhow::Result<()> {
    match stdout_columns() {
        Some(columns) => print(&narrow::hanging(text, columns)),
        None => print(text),
    }
}

/// Prints paragraphs; on a terminal their lines are broken for it.
pub(crate) fn print_prose(text: &str) -> anyhow::Result<()> {
    match stdout_columns() {
        Some(columns) => print(&narrow::prose(text, columns)),
        None => print(text),
    }
}

/// Prints a table; on a terminal that is too narrow for it, its rows one below the other.
pub(crate) fn print_table(table: &str) -> anyhow::Result<()> {
    let blocks = stdout_columns().and_then(|columns| narrow::blocks(table, columns));
    print(blocks.as_deref().unwrap_or(table))
}

/// How many letters a line of stdout holds, where it is a terminal.
fn stdout_columns() -> Option<usize> {
    let stdout = std::io::stdout();
    let size = stdout.is_terminal().then(|| terminal_size::terminal_size_of(&stdout))??;
    Some(usize::from(size.0.0).max(20))
}

/// Makes sure that what was written to stdout is there.
pub(crate) fn flush(stdout: &mut impl Write) -> anyhow::Result<()> {
    Ok(stdout.flush().map_err(Unprinted::from)?)
}

/// Prints a value as JSON to stdout.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&visible::in_json(&serde_json::to_string_pretty(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_said_as_they_are_typed_in_this_program() {
        let hint = "finish it with `imagenette train --resume RUN`, or see `imagenette runs`";
        assert_eq!(by_name(hint, "swish"), "finish it with `swish train --resume RUN`, or see `swish runs`");
        assert_eq!(by_name(hint, "imagenette"), hint);
        // What is no command stays: a dataset, a format, a folder.
        let other = "expected imagenette-run version 1, found `imagenette` in imagenette/val";
        assert_eq!(by_name(other, "swish"), other);
    }
}
