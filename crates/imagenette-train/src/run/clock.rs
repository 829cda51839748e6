//! Where the time goes: training, evaluation and everything else, told apart; time comes from outside, so that tests
//! need not wait.

use std::time::Instant;

use imagenette_results::run_record::Seconds;

/// Tells the time.
pub trait Time {
    /// Seconds since some fixed moment.
    fn now_seconds(&self) -> f64;
}

/// The machine's own time.
#[derive(Debug, Clone, Copy)]
pub struct MachineTime(Instant);

impl Default for MachineTime {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Time for MachineTime {
    fn now_seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// What the time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Loading, forward, backward, update.
    Training,
    /// Evaluating the network.
    Evaluation,
    /// Setting up, checkpoints, files.
    Other,
}

/// Counts the seconds of each activity.
pub struct Clock<'t> {
    time: &'t dyn Time,
    activity: Activity,
    since: f64,
    counted: Seconds,
}

impl<'t> Clock<'t> {
    /// Starts with the seconds of earlier parts of the run.
    pub fn start(time: &'t dyn Time, earlier: Seconds) -> Self {
        Self { time, activity: Activity::Other, since: time.now_seconds(), counted: earlier }
    }

    /// From now on, the time is spent on this.
    pub fn turn_to(&mut self, activity: Activity) {
        let now = self.time.now_seconds();
        let passed = now - self.since;
        self.since = now;
        self.counted.total += passed;
        match self.activity {
            Activity::Training => self.counted.training += passed,
            Activity::Evaluation => self.counted.evaluation += passed,
            Activity::Other => {}
        }
        self.activity = activity;
    }

    /// The seconds so far.
    pub fn seconds(&mut self) -> Seconds {
        self.turn_to(self.activity);
        self.counted
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Fake(Cell<f64>);

    impl Time for Fake {
        fn now_seconds(&self) -> f64 {
            self.0.get()
        }
    }

    #[test]
    fn training_evaluation_and_the_rest_are_told_apart() {
        let time = Fake(Cell::new(100.0));
        let mut clock = Clock::start(&time, Seconds { training: 10.0, evaluation: 1.0, total: 12.0 });
        for (activity, seconds) in
            [(Activity::Training, 5.0), (Activity::Evaluation, 2.0), (Activity::Other, 0.5), (Activity::Training, 1.0)]
        {
            clock.turn_to(activity);
            time.0.set(time.0.get() + seconds);
        }
        assert_eq!(clock.seconds(), Seconds { training: 16.0, evaluation: 3.0, total: 20.5 });
        assert_eq!(clock.seconds(), Seconds { training: 16.0, evaluation: 3.0, total: 20.5 }, "looking costs nothing");
    }
}
