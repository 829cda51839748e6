//! A run as people follow it: one line that is redrawn at each step, and a lasting one for each epoch.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use imagenette_data::watch::Watch;
use imagenette_train::run::watch::{EpochReport, RunPlan, StepReport, TrainWatch};

use crate::numbers::{counted, seconds, thousands};
use crate::terminal::Terminal;

/// How often a terminal's line is redrawn.
const REDRAW: Duration = Duration::from_millis(100);
/// How often a pipe gets a line.
const PLAIN: Duration = Duration::from_secs(10);

/// Shows a run, or what is done like one, on the terminal.
pub(crate) struct Progress<'t> {
    terminal: &'t Terminal,
    /// What is counted outside of epochs.
    counting: &'static str,
    epochs: Mutex<u32>,
    holds_out: AtomicBool,
    said: Mutex<Option<Instant>>,
}

impl<'t> Progress<'t> {
    /// Of a run or an evaluation.
    pub(crate) fn of_run(terminal: &'t Terminal) -> Self {
        let (epochs, holds_out) = (Mutex::new(0), AtomicBool::new(false));
        Self { terminal, counting: "evaluating: photo", epochs, holds_out, said: Mutex::new(None) }
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

    fn epochs(&self) -> u32 {
        *self.epochs.lock().expect("no thread panics while it draws")
    }
}

impl TrainWatch for Progress<'_> {
    fn begin(&self, plan: &RunPlan) {
        *self.epochs.lock().expect("no thread panics while it draws") = plan.epochs;
        self.holds_out.store(plan.holds_out, Ordering::Relaxed);
        self.terminal.say(&format!(
            "{}: {}; {} train and {} {} photos; {} of {}{}",
            plan.model,
            counted(plan.parameters, "parameter"),
            thousands(plan.train_photos as u64),
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
        if !self.is_due() {
            return;
        }
        let StepReport { epoch, step, steps, loss, rate, resolution_px, images_per_second, waiting, seconds_left } =
            report;
        // What matters most comes first: a narrow terminal shows only the beginning.
        let line = format!(
            "epoch {epoch}/{}  step {step}/{steps}  {} left  loss {loss:.3}  {images_per_second:.0} images/s  \
             {resolution_px} px  rate {rate:.4}  waiting for data {:.0}%",
            self.epochs(),
            seconds(*seconds_left),
            100.0 * waiting
        );
        if self.terminal.is_drawn() { self.terminal.progress(*step, *steps, &line) } else { self.terminal.say(&line) }
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
        let held_out = if self.holds_out.load(Ordering::Relaxed) { "held-out " } else { "" };
        let top1 = report.counts.map_or(String::new(), |counts| {
            format!(
                "  {held_out}top-1 {:.2}% ({} of {})",
                100.0 * counts.accuracy(),
                thousands(counts.correct),
                thousands(counts.total)
            )
        });
        self.terminal.say(&format!(
            "epoch {}/{}  loss {:.3}{top1}  after {} of training",
            report.epoch,
            self.epochs(),
            report.loss,
            seconds(report.seconds.training)
        ));
    }

    fn interrupted(&self) -> bool {
        self.terminal.interrupted()
    }
}
