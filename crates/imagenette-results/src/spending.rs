//! Of a run with a budget: how long it was planned to be, and what it spent.

use imagenette_recipe::plan::Stretch;
use serde::{Deserialize, Serialize};

/// How many steps a run was planned to have, from some step on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Steps that were done when it was planned.
    pub step: u64,
    /// Samples of the whole run by this plan.
    pub samples: u64,
    /// Steps of the whole run by this plan.
    pub steps: u64,
}

impl Plan {
    /// What a plan of steps is laid by.
    pub fn stretch(self) -> Stretch {
        Stretch { step: self.step, samples: self.samples }
    }
}

/// What a run with a budget spent of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spending {
    /// Seconds that are charged: with a price, of each attempt a minute at least and a minute for its start; without,
    /// all attempts' seconds. Lost work is in them.
    pub charged_seconds: f64,
    /// Whether the budget was at its end before the plan: the run is shorter than it should have been, and its rate has
    /// not come to its end.
    pub ended_early: bool,
}
