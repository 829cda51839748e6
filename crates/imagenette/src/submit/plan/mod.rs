//! Which runs a command has: the words of the command go in; points come out, each a command that is run with every
//! seed, and what is said when all of them are finished. A file a verb; [`planner`] has what they share.

mod compare;
mod make;
mod planner;
mod sweep;
mod train;

use std::collections::BTreeSet;

use clap::FromArgMatches;
use imagenette_train::Recipe;

use crate::Program;
use crate::cli::{self, Cli, Verb};
use crate::terminal::Refusal;
use planner::Planner;

/// The most jobs: more than any engine takes at once.
const MOST_JOBS: u64 = 100_000;

/// A word of a command: a text, or one with the job's seed or shard in the middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    Text(String),
    Numbered { before: String, after: String },
}

/// A command that is run with every seed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    /// The run's folder.
    pub(crate) place: Word,
    /// What begins it.
    pub(crate) begin: Vec<Word>,
    /// What goes on with it where it has a checkpoint; `None` where the same words do.
    pub(crate) resume: Option<Vec<Word>>,
}

/// What is in a job's folder when it is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Run,
    Shard,
}

/// The runs of a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// A name for people and engines: letters, digits and `-`.
    pub(crate) name: String,
    /// The command, as it was typed.
    pub(crate) typed: Vec<String>,
    pub(crate) points: Vec<Point>,
    /// The seed, or shard, of the first jobs.
    pub(crate) first: u64,
    /// How many seeds or shards.
    pub(crate) count: u64,
    pub(crate) mark: Mark,
    /// What is run by whoever ends last.
    pub(crate) last: Vec<String>,
    /// The recipes, to know what a job needs; none of a make.
    pub(crate) recipes: Vec<(String, Recipe)>,
    /// The threads that were asked for.
    pub(crate) threads: Option<u16>,
}

impl Word {
    /// The text before the number: of a place, the folder of all runs.
    pub(crate) fn folder(&self) -> &str {
        match self {
            Self::Text(text) | Self::Numbered { before: text, .. } => text,
        }
    }

    fn numbered(before: impl Into<String>, after: impl Into<String>) -> Self {
        Self::Numbered { before: before.into(), after: after.into() }
    }
}

impl Plan {
    /// How many jobs.
    pub(crate) fn jobs(&self) -> u64 {
        self.count * self.points.len() as u64
    }

    /// The plan of a command of this program; `shards` are those of `make`, and each job computes with so many threads
    /// unless others were asked for.
    ///
    /// # Errors
    /// When the command is none, or its runs cannot be made apart from each other.
    pub(crate) fn of(command: &[String], shards: Option<u32>, cores: u16, program: &Program) -> anyhow::Result<Self> {
        let whole = cli::command(program);
        let line = std::iter::once(program.name().to_owned()).chain(command.iter().cloned());
        let matches = whole.clone().try_get_matches_from(line).map_err(|error| {
            let text = error.render().to_string();
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let said = first.strip_prefix("error: ").unwrap_or(first).to_owned();
            Refusal::usage(format!("after `--`: {said}"), "write the command as it would be run here")
        })?;
        let (name, typed) = matches.subcommand().expect("a verb is required");
        let verb = whole.find_subcommand(name).expect("a verb that was parsed is one");
        let planner = Planner { verb, matches: typed, cores, program };
        let refuse_jobs = || match shards {
            Some(_) => Err(Refusal::usage(
                "--jobs: expected it with make alone",
                "the seeds are the jobs: --runs of train and sweep, --max-runs of compare",
            )),
            None => Ok(()),
        };
        let mut plan = match Cli::from_arg_matches(&matches)?.verb {
            Verb::Train(arguments) => refuse_jobs().and_then(|()| planner.train(&arguments)),
            Verb::Sweep(arguments) => refuse_jobs().and_then(|()| planner.sweep(&arguments)),
            Verb::Compare(arguments) => refuse_jobs().and_then(|()| planner.compare(&arguments)),
            Verb::Make(arguments) => planner.make(&arguments, shards),
            _ => Err(Refusal::usage(
                format!("expected train, sweep, compare or make after `--`, found `{name}`"),
                "these have runs that can be spread over machines",
            )),
        }?;
        plan.typed = command.to_vec();
        plan.check()?;
        Ok(plan)
    }

    /// Refuses two jobs with one run, and numbers that a shell cannot count.
    fn check(&self) -> anyhow::Result<()> {
        let mut places = BTreeSet::new();
        for point in &self.points {
            let Word::Numbered { before, after } = &point.place else { unreachable!("a place has its number") };
            if !places.insert((before, after)) {
                return Err(Refusal::usage(
                    format!("two jobs would make one run: {before}{}{after}", self.first),
                    "name each value once",
                ));
            }
        }
        if self.jobs() > MOST_JOBS {
            return Err(Refusal::usage(
                format!("expected {MOST_JOBS} jobs at most, found {}", self.jobs()),
                "spread fewer runs or values at once",
            ));
        }
        if self.first > i64::MAX as u64 - MOST_JOBS {
            return Err(Refusal::usage(
                format!("--seed: expected one that a shell can count from, found {}", self.first),
                "name a smaller one",
            ));
        }
        Ok(())
    }
}
