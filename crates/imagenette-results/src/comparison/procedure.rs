//! The sequential procedure: runs go in, a decision comes out.

use super::{Arm, ComparisonError, Design, Look, PlannedLook};
use crate::statistics::{Sample, TTest, steadied_welch, superiority_counted};

/// What a look says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet: another pair of runs is needed.
    GoesOn,
    /// The idea is better than the baseline.
    Helps,
    /// The idea is worse than the baseline.
    Hurts,
    /// Whatever the idea gains, it is less than the margin.
    NoGain,
    /// All runs are used up without an answer.
    NotClear,
}

/// The runs of one arm in the order in which they ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runs<'a> {
    /// How many photos each run got right.
    pub correct: &'a [u64],
    /// Of how many photos.
    pub photos: u64,
}

impl Runs<'_> {
    /// The accuracies as fractions.
    fn accuracies(&self) -> Vec<f64> {
        self.correct.iter().map(|correct| *correct as f64 / self.photos as f64).collect()
    }
}

/// A design with its limits, ready for runs.
///
/// The same runs give the same answer however often they are asked about: nothing is kept from call to call.
///
/// ```
/// use imagenette_results::comparison::{Decision, Design, Procedure, Runs};
///
/// let procedure = Procedure::new(Design::default()).unwrap();
/// let without_muon = Runs { correct: &[3466, 3495, 3487, 3481, 3471], photos: 3925 };
/// let with_muon = Runs { correct: &[3538, 3527, 3540, 3540, 3543], photos: 3925 };
/// let comparison = procedure.compare(&without_muon, &with_muon).unwrap();
/// // Two runs a side say p = .0085, which is not below .0045; three are enough.
/// assert_eq!((comparison.decision(), comparison.looks().len()), (Decision::Helps, 2));
/// let first = &comparison.looks()[0];
/// assert!((first.test().p() - 8.545_904e-3).abs() < 1e-9 && first.planned.limit.p < 0.0045);
/// assert_eq!(comparison.last().planned.idea_runs, 3);
/// assert_eq!(comparison.unused, (2, 2));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Procedure {
    design: Design,
    looks: Vec<PlannedLook>,
}

impl Procedure {
    /// Computes the limits of a design.
    ///
    /// # Errors
    /// When the design cannot be carried out.
    pub fn new(design: Design) -> Result<Self, ComparisonError> {
        Ok(Self { looks: design.looks()?, design })
    }

    /// The design.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Its looks with their limits, the first to the last.
    pub fn looks(&self) -> &[PlannedLook] {
        &self.looks
    }

    /// The first look that has not enough runs yet, for which the next pair is to run.
    pub fn next_look(&self, baseline_runs: usize, idea_runs: usize) -> Option<&PlannedLook> {
        self.looks.iter().find(|look| look.baseline_runs > baseline_runs || look.idea_runs > idea_runs)
    }

    /// Looks at all runs there are, look after look, until one decides. Runs after that are not looked at.
    ///
    /// At each look: "helps" or "hurts" if the steadied p is below its limit, else "no gain worth having" if the gain
    /// is below the margin with the confidence that this look has for it, else on to the next, and "not clear" after
    /// the last.
    ///
    /// # Errors
    /// When the arms have too few runs for the first look or more than the design has, were evaluated on different
    /// numbers of photos or on none, or a run has more photos right than there are.
    pub fn compare(&self, baseline: &Runs<'_>, idea: &Runs<'_>) -> Result<Comparison, ComparisonError> {
        self.check(baseline, idea)?;
        let (baseline_accuracies, idea_accuracies) = (baseline.accuracies(), idea.accuracies());
        let mut looks: Vec<Look> = Vec::new();
        for planned in &self.looks {
            let taken = baseline_accuracies.get(..planned.baseline_runs).zip(idea_accuracies.get(..planned.idea_runs));
            let Some((of_baseline, of_idea)) = taken else { break };
            let prior = &self.design.prior;
            let steadied = Sample::of(of_baseline)
                .zip(Sample::of(of_idea))
                .and_then(|(of_baseline, of_idea)| steadied_welch(&of_baseline, &of_idea, idea.photos, prior));
            // A look takes two runs an arm at least, and the check has found photos: there is always a test.
            let Some(steadied) = steadied else { break };
            let superiority = superiority_counted(of_baseline, of_idea).unwrap_or(f64::NAN);
            let decision = self.decide(planned, &steadied.test);
            let last_limit = self.looks.last().map_or(planned.limit, |last| last.limit);
            looks.push(Look { planned: *planned, steadied, decision, counted_superiority: superiority, last_limit });
            if decision != Decision::GoesOn {
                break;
            }
        }
        let last = *looks.last().ok_or_else(|| self.too_few(baseline, idea))?;
        let unused = match last.decision {
            Decision::GoesOn => (0, 0),
            _ => (baseline.correct.len() - last.planned.baseline_runs, idea.correct.len() - last.planned.idea_runs),
        };
        Ok(Comparison { looks, last, unused })
    }

    /// What a look with this test says.
    fn decide(&self, planned: &PlannedLook, test: &TTest) -> Decision {
        let t = test.t();
        // Student's tails are heavier than normal ones: what stays within the normal limit needs no tail computed.
        if t.abs() > planned.limit.z && test.p() < planned.limit.p {
            return if t > 0.0 { Decision::Helps } else { Decision::Hurts };
        }
        let is_last = planned.number == self.looks.len();
        if let (Some(margin), Some(limit)) = (self.design.margin, planned.no_gain) {
            let below = TTest { difference: margin - test.difference, ..*test };
            let waits = self.design.settle_losses && test.difference < -margin && !is_last;
            if below.t() > limit.z && below.p() / 2.0 < limit.tail() && !waits {
                return Decision::NoGain;
            }
        }
        if is_last { Decision::NotClear } else { Decision::GoesOn }
    }

    fn too_few(&self, baseline: &Runs<'_>, idea: &Runs<'_>) -> ComparisonError {
        let needed = self.looks.first().map_or((2, 2), |first| (first.baseline_runs, first.idea_runs));
        ComparisonError::TooFewRuns {
            baseline_needed: needed.0,
            idea_needed: needed.1,
            baseline: baseline.correct.len(),
            idea: idea.correct.len(),
        }
    }

    fn check(&self, baseline: &Runs<'_>, idea: &Runs<'_>) -> Result<(), ComparisonError> {
        if baseline.photos != idea.photos {
            return Err(ComparisonError::OtherTotals { baseline: baseline.photos, idea: idea.photos });
        }
        if idea.photos == 0 {
            return Err(ComparisonError::NoPhotos);
        }
        let planned = self.looks.last().map_or((0, 0), |last| (last.baseline_runs, last.idea_runs));
        for (arm, runs, planned) in [(Arm::Baseline, baseline, planned.0), (Arm::Idea, idea, planned.1)] {
            let found = runs.correct.len();
            if found > planned {
                return Err(ComparisonError::TooManyRuns { arm, planned, found });
            }
            if let Some(index) = runs.correct.iter().position(|correct| *correct > runs.photos) {
                let (run, correct, photos) = (index + 1, runs.correct[index], runs.photos);
                return Err(ComparisonError::CountAboveTotal { arm, run, correct, photos });
            }
        }
        Ok(())
    }
}

/// The looks at some runs, the last of which has the verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    looks: Vec<Look>,
    last: Look,
    /// How many runs of the baseline and of the idea came after the look that decided. They were not looked at.
    pub unused: (usize, usize),
}

impl Comparison {
    /// What the last look says.
    pub fn decision(&self) -> Decision {
        self.last.decision
    }

    /// The last look: the numbers of the verdict.
    pub fn last(&self) -> &Look {
        &self.last
    }

    /// All looks, the first to the last.
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }
}
