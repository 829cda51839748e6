//! A run as people follow it: one line that is redrawn at each step, and a lasting one for each epoch.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use imagenette_data::watch::Watch;
use imagenette_train::run::watch::{Chosen, EpochReport, Replanned, RunPlan, StepReport, TrainWatch};

use crate::interrupt;
use crate::numbers::{counted, seconds, thousands};
use crate::sparkline::Curve;
use crate::terminal::Terminal;

/// How often a terminal's line is redrawn.
const REDRAW: Duration = Duration::from_millis(100);
/// How often a pipe gets a line.
const PLAIN: Duration = Duration::from_secs(10);
/// When a run has gone on for so long, it is said once how long the rest takes, where that is worth saying.
const TELLING: Duration = Duration::from_secs(3);
const WORTH_SAYING_SECONDS: f64 = 120.0;

/// Shows a run, or what is done like one, on the terminal.
pub(crate) struct Progress<'t> {
    terminal: &'t Terminal,
    /// What is counted outside of epochs.
    counting: &'static str,
    epochs: Mutex<u32>,
    holds_out: AtomicBool,
    said: Mutex<Option<Instant>>,
    /// When the first step was done, until it is said how long the run takes.
    first_step: Mutex<Option<Instant>>,
    is_told: AtomicBool,
    curves: Mutex<Curves>,
}

/// The losses of steps and top-1 of epochs so far, in percent.
#[derive(Default)]
struct Curves {
    loss: Curve,
    top1: Curve,
    last_top1: Option<f64>,
}

/// The least room for a curve: a terminal that is narrower shows none.
const LEAST_CURVE: usize = 8;

impl Curves {
    /// Both curves in a line of so many letters, with their last values.
    fn line(&self, loss: f64, columns: usize) -> String {
        // What stands around the curves, one of which has come to nothing before the first evaluation.
        let around = if self.last_top1.is_some() { "loss  1.234  top-1  12.34%".len() } else { "loss  1.234".len() };
        let curves = if self.last_top1.is_some() { 2 } else { 1 };
        let room = columns.saturating_sub(around + 1) / curves;
        if room < LEAST_CURVE {
            return String::new();
        }
        let room = room.min(48);
        let mut line = format!("loss {} {loss:.3}", self.loss.line(room));
        if let Some(top1) = self.last_top1 {
            line.push_str(&format!("  top-1 {} {top1:.2}%", self.top1.line(room)));
        }
        line
    }
}

/// A step in words. What matters most comes first: a narrow terminal shows only the beginning.
fn step_line(report: &StepReport, epochs: u32) -> String {
    let StepReport { epoch, step, steps, loss, rate, resolution_px, images_per_second, waiting, seconds_left } = report;
    format!(
        "epoch {epoch}/{epochs}  {} left  step {step}/{steps}  loss {loss:.3}  {images_per_second:.0} images/s  \
         {resolution_px} px  rate {rate:.4}  waiting for data {:.0}%",
        seconds(*seconds_left),
        100.0 * waiting
    )
}

impl<'t> Progress<'t> {
    /// Of a run or an evaluation.
    pub(crate) fn of_run(terminal: &'t Terminal) -> Self {
        let (epochs, holds_out) = (Mutex::new(0), AtomicBool::new(false));
        Self {
            terminal,
            counting: "evaluating: photo",
            epochs,
            holds_out,
            said: Mutex::new(None),
            first_step: Mutex::new(None),
            is_told: AtomicBool::new(false),
            curves: Mutex::default(),
        }
    }

    /// Of a learning-rate range test.
    pub(crate) fn of_rates(terminal: &'t Terminal) -> Self {
        Self { counting: "testing rates: step", ..Self::of_run(terminal) }
    }

    /// Whether it is time for another line.
    fn is_due(&self) -> bool {
        let mut said = self.said.lock().expect("no thread panics while it draws");
        let interval = if self.terminal.is_drawn() { REDRAW } else { PLAIN };
        let is_due = said.is_none_or(|said| said.elapsed() >= interval);
        if is_due {
            *said = Some(Instant::now());
        }
        is_due
    }

    /// Says once, soon after the start, how long the run takes.
    fn tell_how_long(&self, seconds_left: f64) {
        let first = *self.first_step.lock().expect("no thread panics while it draws").get_or_insert_with(Instant::now);
        if first.elapsed() >= TELLING
            && !self.is_told.swap(true, Ordering::Relaxed)
            && seconds_left >= WORTH_SAYING_SECONDS
        {
            self.terminal.say(&format!("about {} to go on this machine", seconds(seconds_left)));
        }
    }

    fn epochs(&self) -> u32 {
        *self.epochs.lock().expect("no thread panics while it draws")
    }
}

impl TrainWatch for Progress<'_> {
    fn begin(&self, plan: &RunPlan) {
        *self.epochs.lock().expect("no thread panics while it draws") = plan.epochs;
        self.holds_out.store(plan.holds_out, Ordering::Relaxed);
        self.terminal.say(&format!(
            "{}: {}; {} and {} {} photos; {} of {}{}",
            plan.model,
            counted(plan.parameters, "parameter"),
            match (thousands(plan.train_photos as u64), thousands(plan.unlabeled_photos as u64)) {
                (photos, _) if plan.unlabeled_photos == 0 => format!("{photos} train"),
                (_, photos) if plan.train_photos == 0 => format!("{photos} train photos without labels"),
                (photos, others) => format!("{photos} train, {others} without labels"),
            },
            thousands(plan.evaluation_photos as u64),
            if plan.holds_out { "held-out" } else { "val" },
            counted(plan.epochs.into(), "epoch"),
            counted(plan.steps_per_epoch, "step"),
            if plan.done_steps > 0 {
                format!(", {} already done", counted(plan.done_steps, "step"))
            } else {
                String::new()
            }
        ));
    }

    fn step(&self, report: &StepReport) {
        let mut curves = self.curves.lock().expect("no thread panics while it draws");
        curves.loss.push(report.loss);
        self.tell_how_long(report.seconds_left);
        if !self.is_due() {
            return;
        }
        let (step, steps, loss) = (report.step, report.steps, report.loss);
        let line = step_line(report, self.epochs());
        if self.terminal.is_drawn() {
            self.terminal.progress(step, steps, &line, &curves.line(loss, self.terminal.columns()))
        } else {
            self.terminal.say(&line)
        }
    }

    fn evaluated(&self, done: usize, total: usize) {
        if self.terminal.is_drawn() && self.is_due() {
            self.terminal.status(&format!(
                "{} {} of {}",
                self.counting,
                thousands(done as u64),
                thousands(total as u64)
            ));
        }
    }

    fn epoch(&self, report: &EpochReport) {
        if let Some(counts) = report.counts {
            let mut curves = self.curves.lock().expect("no thread panics while it draws");
            curves.top1.push(100.0 * counts.accuracy());
            curves.last_top1 = Some(100.0 * counts.accuracy());
        }
        let held_out = if self.holds_out.load(Ordering::Relaxed) { "held-out " } else { "" };
        let top1 = report.counts.map_or(String::new(), |counts| {
            format!(
                "  {held_out}top-1 {:.2}% ({} of {})",
                100.0 * counts.accuracy(),
                thousands(counts.correct),
                thousands(counts.total)
            )
        });
        let taught = report.taught.map_or(String::new(), |share| format!("  {:.0}% taught", 100.0 * share));
        self.terminal.say(&format!(
            "epoch {}/{}  loss {:.3}{top1}{taught}  after {} of training",
            report.epoch,
            self.epochs(),
            report.loss,
            seconds(report.seconds.training)
        ));
        if report.epoch == self.epochs() && report.taught.is_some_and(|share| share < 0.01) {
            self.terminal.say(
                "hint: the teacher was sure of hardly a photo without a label: set `unlabeled.threshold` lower, or train longer",
            );
        }
    }

    fn chosen(&self, chosen: &Chosen) {
        let Chosen { number, of, epochs, settings } = chosen;
        let settings = if settings.is_empty() { "the recipe as it is" } else { settings };
        self.terminal.say(&format!("choice {number} of {of}, since about {epochs:.1} epochs of it fit: {settings}"));
    }

    fn replanned(&self, plan: &Replanned) {
        *self.epochs.lock().expect("no thread panics while it draws") = plan.epochs;
        self.terminal.say(&match plan.is_end {
            true => format!("the budget is spent after step {}: the run ends here", thousands(plan.step)),
            false => format!(
                "planned again after step {}: {} in all, {}",
                thousands(plan.step),
                counted(plan.steps, "step"),
                counted(plan.epochs.into(), "epoch")
            ),
        });
    }

    fn interrupted(&self) -> bool {
        self.terminal.interrupted()
    }

    fn preempted(&self) -> bool {
        interrupt::is_taken_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_long_run_shows_the_time_left_on_a_narrow_terminal() {
        let report = StepReport {
            epoch: 59,
            step: 12_345,
            steps: 88_740,
            loss: 1.2345,
            rate: 0.0471,
            resolution_px: 128,
            images_per_second: 56.7,
            waiting: 0.014,
            seconds_left: 45_296.0,
        };
        let line = step_line(&report, 60);
        let expected = "epoch 59/60  12 h 34 min left  step 12345/88740  loss 1.234  57 images/s  128 px  rate 0.0471  \
                        waiting for data 1%";
        assert_eq!(line, expected);
        // Beside the bar, which takes eleven of the columns.
        let end = |word: &str| line.find(word).map(|at| at + word.len() + "########## ".len()).unwrap();
        assert!(end(" left") <= 40 && end("loss 1.234") <= 80, "{} and {}", end(" left"), end("loss 1.234"));
    }

    #[test]
    fn curves_fit_any_width() {
        let mut curves = Curves::default();
        for (loss, top1) in [(2.3, 20.0), (1.5, 60.0), (1.0, 85.5)] {
            curves.loss.push(loss);
            curves.top1.push(top1);
        }
        assert_eq!(curves.line(1.0, 80), "loss █▄▁ 1.000");
        curves.last_top1 = Some(85.5);
        assert_eq!(curves.line(1.0, 80), "loss █▄▁ 1.000  top-1 ▁▅█ 85.50%");
        (0..2000).for_each(|step| curves.loss.push(f64::from(step % 7)));
        for columns in 0..200 {
            assert!(curves.line(1.0, columns).chars().count() <= columns, "{columns}");
        }
        assert_eq!(curves.line(1.0, 30), "", "too narrow for curves");
    }
}
