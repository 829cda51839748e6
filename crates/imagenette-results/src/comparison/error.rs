//! What a comparison refuses, and what to do about it.

use std::fmt;

/// One side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// What the idea is compared with.
    Baseline,
    /// What may be better.
    Idea,
}

impl fmt::Display for Arm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Baseline => "the baseline",
            Self::Idea => "the idea",
        })
    }
}

/// Why there is no comparison.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// A design that cannot be carried out.
    #[error("{what}: expected {expected}, found {found}")]
    Design {
        /// Which part of it.
        what: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Too few runs for the first look.
    #[error(
        "too few runs: the first look needs {baseline_needed} of the baseline and {idea_needed} of the idea, \
         found {baseline} and {idea}"
    )]
    TooFewRuns {
        /// How many runs of the baseline the first look needs.
        baseline_needed: usize,
        /// How many runs of the idea it needs.
        idea_needed: usize,
        /// How many runs the baseline has.
        baseline: usize,
        /// How many runs the idea has.
        idea: usize,
    },
    /// More runs than the design has room for.
    #[error("{arm} has {found} runs, but the comparison was started with at most {planned}")]
    TooManyRuns {
        /// Whose runs.
        arm: Arm,
        /// How many the design has.
        planned: usize,
        /// How many there are.
        found: usize,
    },
    /// The arms were evaluated on different numbers of photos.
    #[error("the baseline was evaluated on {baseline} photos, the idea on {idea}")]
    OtherTotals {
        /// The baseline's photos.
        baseline: u64,
        /// The idea's photos.
        idea: u64,
    },
    /// Nothing was evaluated.
    #[error("the runs were evaluated on no photos")]
    NoPhotos,
    /// A run with more photos right than there are.
    #[error("run {run} of {arm} is right on {correct} photos of {photos}")]
    CountAboveTotal {
        /// Whose run.
        arm: Arm,
        /// Which one, counted from 1.
        run: usize,
        /// How many photos it claims.
        correct: u64,
        /// How many there are.
        photos: u64,
    },
}

impl ComparisonError {
    /// A part of a design that is not as it must be.
    pub(crate) fn design(what: &'static str, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::Design { what, expected: expected.into(), found: found.to_string() }
    }

    /// What the user can do.
    pub fn hint(&self) -> String {
        match self {
            Self::Design { what, expected, .. } => format!("choose {what} as expected: {expected}"),
            Self::TooFewRuns { .. } => {
                "add runs with other seeds: one run a side compares two networks, not two recipes".into()
            }
            Self::TooManyRuns { planned, .. } => {
                format!("leave out runs after the first {planned}, or start afresh with new seeds and room for more")
            }
            Self::OtherTotals { .. } => "evaluate both sides on the same photos".into(),
            Self::NoPhotos => "evaluate the runs on a val split".into(),
            Self::CountAboveTotal { .. } => "score the run's predictions again".into(),
        }
    }
}
