//! The attempts of a run: each time that a process worked on it, from when to when, on what machine, and how it ended.

use jiff::Timestamp;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::environment::{Arithmetic, Environment, Machine};
use crate::prices::charged_seconds;

/// One process that worked on a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// When it began.
    pub started: Timestamp,
    /// When it ended; `None` while it runs, and if it was killed.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub ending: Ending,
    /// Steps of the run that were done before it.
    pub steps_before: u64,
    /// Steps of the run that were done after it. If it was killed: up to its last checkpoint, since what it did after
    /// that is lost.
    pub steps_after: u64,
    /// The program's version.
    pub program: String,
    /// The commit it was built from, with `-dirty` when files had changed; `None` outside a checkout.
    pub commit: Option<String>,
    /// The machine.
    pub machine: Machine,
    /// What decided the bits.
    pub arithmetic: Arithmetic,
    /// Threads used for computing.
    pub threads: usize,
    /// What the machine's time cost, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Seconds from the process's start to its end, by a clock that nobody sets; of one that was killed, to the last
    /// sign of life and [`SILENCE_SECONDS`] more. Known of runs with a price or a budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// How often a process that spends a budget shows that it lives, in seconds: so much more is charged of one that was
/// killed.
pub const SILENCE_SECONDS: f64 = 10.0;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It has not ended. Only a checkpoint says this.
    Running,
    /// With the whole run.
    Finished,
    /// It was asked to stop, and wrote a checkpoint.
    Interrupted,
    /// The machine's owner gave notice that it is taken back; a checkpoint was written.
    Preempted,
    /// Without notice. The next attempt found this out.
    Killed,
}

/// What a machine's time costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The machine's type, as its owner names it.
    pub machine: String,
    /// Dollars an hour.
    pub dollars_per_hour: f64,
    /// Who says so: a price list with its date, or `user`.
    pub source: String,
    /// The zone that the machine is in, where its cloud says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Price {
    /// Dollars of so many charged seconds.
    pub fn of_seconds(&self, seconds: f64) -> f64 {
        self.dollars_per_hour * seconds / 3600.0
    }
}

impl Attempt {
    /// An attempt that begins now on this machine, when `steps_before` steps of the run are done.
    pub fn start(
        program: &str,
        commit: Option<&str>,
        arithmetic: Arithmetic,
        threads: usize,
        steps_before: u64,
    ) -> Self {
        Self {
            started: clock::now(),
            ended: None,
            ending: Ending::Running,
            steps_before,
            steps_after: steps_before,
            program: program.into(),
            commit: commit.map(Into::into),
            machine: Machine::observe(),
            arithmetic,
            threads,
            price: None,
            seconds: None,
        }
    }

    /// What a record says of its last attempt's machine.
    pub fn environment(&self) -> Environment {
        let Machine { platform, processor, instruction_sets, cores, memory_bytes } = self.machine.clone();
        Environment {
            program: self.program.clone(),
            commit: self.commit.clone(),
            platform,
            processor,
            instruction_sets,
            cores,
            memory_bytes,
            device: self.arithmetic.to_string(),
            threads: self.threads,
        }
    }
}

/// The attempts of a run, in order. They are in its checkpoint while it is not finished, and then in its record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempts(Vec<Attempt>);

impl Attempts {
    /// Adds one that begins now. If the one before it is still said to be running, it was killed, and this is
    /// where that is found out.
    pub fn begin(&mut self, attempt: Attempt) {
        if let Some(last) = self.0.last_mut().filter(|last| last.ending == Ending::Running) {
            last.ending = Ending::Killed;
        }
        self.0.push(attempt);
    }

    /// Notes how far the current one has come. Called before each checkpoint.
    pub fn reach(&mut self, steps: u64) {
        if let Some(last) = self.0.last_mut() {
            last.steps_after = steps;
        }
    }

    /// Notes how many seconds the current one has taken so far.
    pub fn took(&mut self, seconds: f64) {
        if let Some(last) = self.0.last_mut() {
            last.seconds = Some(seconds);
        }
    }

    /// All but the current one.
    #[must_use]
    pub fn earlier(&self) -> Self {
        Self(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    /// Seconds of all attempts; `None` where one did not count them.
    pub fn seconds(&self) -> Option<f64> {
        self.0.iter().map(|attempt| attempt.seconds).sum()
    }

    /// Seconds of all attempts as clouds charge them; `None` where one did not count them.
    pub fn charged_seconds(&self) -> Option<f64> {
        self.0.iter().map(|attempt| attempt.seconds.map(charged_seconds)).sum()
    }

    /// Dollars of all attempts, each at its own price; `None` where seconds or price of one are not known.
    pub fn dollars(&self) -> Option<f64> {
        self.0.iter().map(|attempt| Some(attempt.price.as_ref()?.of_seconds(charged_seconds(attempt.seconds?)))).sum()
    }

    /// Notes that the current one ends now, and how.
    pub fn end(&mut self, ending: Ending, steps: u64) {
        self.reach(steps);
        if let Some(last) = self.0.last_mut() {
            (last.ending, last.ended) = (ending, Some(clock::now()));
        }
    }

    /// The first one.
    pub fn first(&self) -> Option<&Attempt> {
        self.0.first()
    }

    /// The current one, or the one that finished the run.
    pub fn last(&self) -> Option<&Attempt> {
        self.0.last()
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Attempt> {
        self.0.iter()
    }

    /// How often the run was resumed.
    pub fn resumed(&self) -> u32 {
        self.0.len().saturating_sub(1) as u32
    }

    /// Whether they did not all compute the same bits.
    pub fn have_changed(&self) -> bool {
        self.0.windows(2).any(|pair| pair[0].arithmetic != pair[1].arithmetic)
    }

    /// What is impossible about the attempts of a finished run of this many steps; `None` when nothing is.
    pub(crate) fn contradiction(&self, steps: u64) -> Option<String> {
        let Some(last) = self.last() else { return Some("no attempt".into()) };
        let mut done = 0;
        for (number, attempt) in (1..).zip(&self.0) {
            let Attempt { steps_before, steps_after, ending, .. } = *attempt;
            if steps_before != done || steps_after < steps_before {
                return Some(format!("attempt {number} from step {steps_before} to {steps_after}, after step {done}"));
            }
            if (ending == Ending::Finished) != (number == self.0.len()) || ending == Ending::Running {
                return Some(format!("attempt {number} of {} that is {ending}", self.0.len()));
            }
            done = steps_after;
        }
        (last.steps_after != steps).then(|| format!("attempts that end after step {} of {steps}", last.steps_after))
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Preempted => "preempted",
            Self::Killed => "killed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arithmetic(level: &str) -> Arithmetic {
        Arithmetic {
            engine: "ab".repeat(32),
            device: "flex".into(),
            ops: "kernels".into(),
            level: Some(level.into()),
            precision: "f32".into(),
        }
    }

    fn attempt(level: &str, steps_before: u64) -> Attempt {
        Attempt::start("0.1.0", None, arithmetic(level), 2, steps_before)
    }

    #[test]
    fn a_run_that_is_killed_interrupted_and_finished_has_three_attempts() {
        let mut attempts = Attempts::default();
        attempts.begin(attempt("avx2", 0));
        attempts.reach(40);
        // Killed after the checkpoint at step 40; what is read back is what that checkpoint held.
        let text = serde_json::to_string(&attempts).unwrap();
        let mut attempts: Attempts = serde_json::from_str(&text).unwrap();
        attempts.begin(attempt("avx2", 40));
        attempts.end(Ending::Interrupted, 55);
        attempts.begin(attempt("avx2", 55));
        attempts.end(Ending::Finished, 100);
        let endings: Vec<Ending> = attempts.iter().map(|attempt| attempt.ending).collect();
        assert_eq!(endings, [Ending::Killed, Ending::Interrupted, Ending::Finished]);
        let ended: Vec<bool> = attempts.iter().map(|attempt| attempt.ended.is_some()).collect();
        assert_eq!(ended, [false, true, true]);
        assert_eq!((attempts.resumed(), attempts.have_changed()), (2, false));
        assert_eq!(attempts.contradiction(100), None);
        assert!(attempts.contradiction(101).unwrap().contains("after step 100 of 101"));
    }

    #[test]
    fn each_attempt_is_charged_at_its_own_price_a_minute_at_least_and_a_minute_for_its_start() {
        let price = |dollars_per_hour| Price {
            machine: "c7a.large".into(),
            dollars_per_hour,
            source: "user".into(),
            zone: None,
        };
        let mut attempts = Attempts::default();
        attempts.begin(Attempt { price: Some(price(3.6)), ..attempt("avx2", 0) });
        assert_eq!((attempts.seconds(), attempts.dollars()), (None, None));
        attempts.took(12.5);
        attempts.end(Ending::Preempted, 40);
        attempts.begin(Attempt { price: Some(price(36.0)), ..attempt("avx2", 40) });
        attempts.took(100.1);
        attempts.end(Ending::Finished, 100);
        assert_eq!(attempts.seconds(), Some(112.6));
        assert_eq!(attempts.charged_seconds(), Some(120.0 + 161.0));
        assert!((attempts.dollars().unwrap() - (0.12 + 1.61)).abs() < 1e-12);
        let text = serde_json::to_string(&attempts).unwrap();
        assert_eq!(serde_json::from_str::<Attempts>(&text).unwrap(), attempts);
        assert!(text.contains("\"preempted\"") && attempts.contradiction(100).is_none());
    }

    #[test]
    fn attempts_that_cannot_be_are_found() {
        assert_eq!(Attempts::default().contradiction(1).unwrap(), "no attempt");
        let mut gap = Attempts::default();
        gap.begin(attempt("avx2", 0));
        gap.end(Ending::Interrupted, 5);
        gap.begin(attempt("avx512", 6));
        gap.end(Ending::Finished, 9);
        assert!(gap.have_changed());
        assert!(gap.contradiction(9).unwrap().contains("attempt 2 from step 6 to 9, after step 5"));
        let mut open = Attempts::default();
        open.begin(attempt("avx2", 0));
        open.reach(9);
        assert!(open.contradiction(9).unwrap().contains("attempt 1 of 1 that is running"));
        let mut twice = Attempts::default();
        twice.begin(attempt("avx2", 0));
        twice.end(Ending::Finished, 5);
        twice.begin(attempt("avx2", 5));
        twice.end(Ending::Finished, 9);
        assert!(twice.contradiction(9).unwrap().contains("attempt 1 of 2 that is finished"));
    }

    #[test]
    fn the_record_says_of_the_last_machine_what_the_last_attempt_says() {
        let attempt = attempt("avx2", 0);
        let environment = attempt.environment();
        assert_eq!(environment, Environment::observe("0.1.0", None, "flex, kernels (avx2), f32", 2));
    }
}
