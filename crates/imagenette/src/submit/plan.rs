//! Which runs a command has: the words of the command go in; points come out, each a command that is run with every seed,
//! and what is said when all of them are finished.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, FromArgMatches};
use imagenette_data::make::parts_folder;
use imagenette_train::Recipe;
use imagenette_train::recipe::plan::{Axis, trials};

use super::typed;
use crate::cli::{self, Cli, Compare, Make, Sweep, Train, Verb, WHAT_IS_TRAINED};
use crate::commands::{make, sweep, train};
use crate::terminal::Refusal;
use crate::{Program, recipes, runs};

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
    /// When the command is none, has one run alone, or its runs cannot be made apart from each other.
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

/// What the plans of all verbs need.
struct Planner<'a> {
    verb: &'a clap::Command,
    matches: &'a ArgMatches,
    cores: u16,
    program: &'a Program,
}

impl Planner<'_> {
    /// What was typed, but for flags of these ids.
    fn words(&self, left_out: &[&str]) -> anyhow::Result<Vec<Word>> {
        let mut words = vec![Word::Text(self.verb.get_name().into())];
        words.extend(typed::words(self.verb, self.matches, left_out)?.into_iter().map(Word::Text));
        Ok(words)
    }

    /// The threads of a job, where none were asked for.
    fn threads(&self, asked: Option<u16>) -> Option<Word> {
        asked.is_none().then(|| Word::Text(format!("--threads={}", self.cores)))
    }

    fn train(&self, arguments: &Train) -> anyhow::Result<Plan> {
        if arguments.list || arguments.resume.is_some() {
            return Err(Refusal::usage(
                "expected a training that begins, found --list or --resume",
                "the jobs of a submitted training go on by themselves",
            ));
        }
        let named = arguments.recipe.clone().or(arguments.quick.then(|| "quick".into()));
        let Some(named) = named else {
            return Err(Refusal::usage(
                "train: expected a recipe, found none",
                "name one with --recipe: which dataset the machines have, and so the usual recipe, is not known here",
            ));
        };
        refuse_own_seeds(&arguments.set)?;
        let recipe = recipes::read(&named, &train::flags(arguments)?, self.program.parts())?;
        let dataset = recipe.dataset.as_deref().map_or(String::new(), |name| format!("-{}", plain(name)));
        let changed = recipes::settings_in_names(&arguments.set);
        let folder = out(arguments.out.as_deref(), || format!("{}{changed}{dataset}", recipe.name))?;
        let place = Word::numbered(format!("{folder}/s"), "");
        let own = || {
            let seed = Word::numbered("--seed=", "");
            [seed, Word::numbered(format!("--out={folder}/s"), "")]
                .into_iter()
                .chain(self.threads(arguments.machine.threads))
        };
        let mut begin = self.words(&["seed", "runs", "out"])?;
        // What a recipe says of `runs` is what its jobs are.
        begin.extend([Word::Text("--runs=1".into())]);
        begin.extend(own());
        let mut resume = self.words(&WHAT_IS_TRAINED)?;
        resume.push(Word::numbered(format!("--resume={folder}/s"), ""));
        resume.extend(self.threads(arguments.machine.threads));
        Ok(Plan {
            name: name(&["train", &recipe.name]),
            typed: Vec::new(),
            points: vec![Point { place, begin, resume: Some(resume) }],
            first: recipe.seed,
            count: recipe.runs.into(),
            mark: Mark::Run,
            last: vec!["runs".into(), folder],
            threads: arguments.machine.threads,
            recipes: vec![(named, recipe)],
        })
    }

    fn sweep(&self, arguments: &Sweep) -> anyhow::Result<Plan> {
        let overrides = sweep::overrides(arguments);
        let recipe = recipes::read(&arguments.recipe, &overrides, self.program.parts())?;
        let axes: Vec<Axis> =
            arguments.set.iter().map(|text| Axis::parse(text).map_err(recipes::typed)).collect::<Result<_, _>>()?;
        let trials = trials(&recipe, &axes, self.program.parts().as_ref()).map_err(recipes::typed)?;
        let dataset = recipe.dataset.as_deref().map_or(String::new(), |name| format!("-{}", plain(name)));
        let folder = out(arguments.out.as_deref(), || format!("sweep-{}{dataset}", recipe.name))?;
        let first = arguments.seed.unwrap_or(recipe.seed);
        let mut points = Vec::new();
        for trial in &trials {
            // As the sweep itself names it, but for the seed at the end.
            let named = trial.folder_name(&axes, 0);
            let named = named.strip_suffix('0').expect("the seed is at the end");
            let mut begin = self.words(&["set", "seed", "runs", "out", "json"])?;
            begin.extend(
                axes.iter().zip(&trial.values).map(|(axis, value)| Word::Text(format!("--set={}={value}", axis.key))),
            );
            begin.extend([
                Word::Text("--runs=1".into()),
                Word::numbered("--seed=", ""),
                Word::Text(format!("--out={folder}")),
            ]);
            begin.extend(self.threads(arguments.machine.threads));
            points.push(Point { place: Word::numbered(format!("{folder}/{named}"), ""), begin, resume: None });
        }
        let mut last = texts(self.words(&["out", "seed"])?);
        last.extend([format!("--seed={first}"), format!("--out={folder}")]);
        Ok(Plan {
            name: name(&["sweep", &recipe.name]),
            typed: Vec::new(),
            points,
            first,
            count: arguments.runs.into(),
            mark: Mark::Run,
            last,
            threads: arguments.machine.threads,
            recipes: trials.into_iter().map(|trial| (String::new(), trial.recipe)).collect(),
        })
    }

    /// Both sides are trained apart, each run at its own place, and compared as finished runs: with all of them there,
    /// nothing is saved by looking early.
    fn compare(&self, arguments: &Compare) -> anyhow::Result<Plan> {
        let refuse =
            |found: &str, hint: &str| Err(Refusal::usage(format!("compare: {found} cannot be spread over jobs"), hint));
        if arguments.base_command.is_some() || arguments.idea_command.is_some() {
            return refuse(
                "a command in another language",
                "run `imagenette compare` itself on one machine, with --parallel",
            );
        }
        if arguments.only_base.is_some() || arguments.confirm.is_some() {
            return refuse("--only-base or --confirm", "submit `train` with the seeds that are wanted");
        }
        if arguments.epochs.len() > 1 {
            return refuse("several budgets of --epochs", "submit one comparison for each");
        }
        let Some(base) = &arguments.base else {
            return Err(Refusal::usage("there is no baseline to compare with", "name a recipe after `compare`"));
        };
        if arguments.idea.is_none() && arguments.set.is_empty() {
            return Err(Refusal::usage(
                "there is no idea to compare",
                "name a recipe after the baseline, or change a key with --set",
            ));
        }
        let mut idea_set = if arguments.idea.is_none() { arguments.base_set.clone() } else { Vec::new() };
        idea_set.extend(arguments.set.iter().cloned());
        let sides = [("base", base, &arguments.base_set), ("idea", arguments.idea.as_ref().unwrap_or(base), &idea_set)];
        let dataset = arguments.dataset.as_deref().map_or(String::new(), |name| format!("-{}", plain(name)));
        let mut overrides = Vec::new();
        overrides.extend(recipes::dataset(arguments.dataset.as_deref()));
        overrides.extend(arguments.epochs.first().map(|epochs| ("epochs".to_owned(), epochs.to_string())));
        overrides.extend(arguments.hold_out.map(|share| ("hold_out".to_owned(), format!("{share:?}"))));
        refuse_own_seeds(&idea_set)?;
        refuse_own_seeds(&arguments.base_set)?;
        let (mut points, mut recipes) = (Vec::new(), Vec::new());
        let folder = out(arguments.out.as_deref(), || {
            let changed = recipes::settings_in_names(&arguments.set);
            let idea = arguments.idea.as_deref().map_or(String::new(), |idea| format!("-{}", plain(idea)));
            format!("compare-{}{idea}{changed}{dataset}", plain(base))
        })?;
        for (side, named, set) in sides {
            if Path::new(named).is_dir() {
                return refuse(
                    "a folder of finished runs",
                    "submit `train` for the other side, then compare both folders",
                );
            }
            let recipe =
                recipes::read(named, &[&recipes::settings(set)?[..], &overrides].concat(), self.program.parts())?;
            let mut begin = vec![Word::Text("train".into()), Word::Text(format!("--recipe={named}"))];
            begin.extend(set.iter().map(|pair| Word::Text(format!("--set={pair}"))));
            let flag = |flag: &str, value: Option<String>| value.map(|value| Word::Text(format!("--{flag}={value}")));
            begin.extend(flag("dataset", arguments.dataset.clone()));
            begin.extend(flag("epochs", arguments.epochs.first().map(u32::to_string)));
            begin.extend(flag("hold-out", arguments.hold_out.map(|share| share.to_string())));
            begin.extend(["--evaluate-every=0", "--runs=1"].map(|word| Word::Text(word.into())));
            begin.extend([Word::numbered("--seed=", ""), Word::numbered(format!("--out={folder}/{side}/s"), "")]);
            let mut resume = vec![Word::Text("train".into()), Word::Text("--evaluate-every=0".into())];
            resume.push(Word::numbered(format!("--resume={folder}/{side}/s"), ""));
            for words in [&mut begin, &mut resume] {
                words.extend(self.machine_flags()?);
                words.extend(self.threads(arguments.machine.threads));
            }
            let place = Word::numbered(format!("{folder}/{side}/s"), "");
            points.push(Point { place, begin, resume: Some(resume) });
            recipes.push((named.clone(), recipe));
        }
        let mut last = vec!["compare".to_owned(), format!("{folder}/base"), format!("{folder}/idea")];
        // What says how the finished runs are judged.
        let judged = ["margin", "strict", "unequal_cost", "json", "quiet"];
        let others: Vec<&str> =
            self.verb.get_arguments().map(|arg| arg.get_id().as_str()).filter(|id| !judged.contains(id)).collect();
        last.extend(typed::words(self.verb, self.matches, &others)?);
        last.push(format!("--out={folder}/verdict"));
        Ok(Plan {
            name: name(&["compare", &plain(base)]),
            typed: Vec::new(),
            points,
            first: arguments.seed,
            count: arguments.max_runs.into(),
            mark: Mark::Run,
            last,
            threads: arguments.machine.threads,
            recipes,
        })
    }

    /// The flags that say how a job computes.
    fn machine_flags(&self) -> anyhow::Result<Vec<Word>> {
        let machine = ["device", "ops", "threads", "offline"];
        let others: Vec<&str> =
            self.verb.get_arguments().map(|arg| arg.get_id().as_str()).filter(|id| !machine.contains(id)).collect();
        Ok(typed::words(self.verb, self.matches, &others)?.into_iter().map(Word::Text).collect())
    }

    fn make(&self, arguments: &Make, shards: Option<u32>) -> anyhow::Result<Plan> {
        let Some(shards) = shards else {
            return Err(Refusal::usage(
                "make: expected a number of shards, found none",
                "say how many with --jobs N before `--`",
            ));
        };
        if arguments.shard.is_some() || arguments.merge.is_some() {
            return Err(Refusal::usage(
                "make: expected the whole work, found --shard or --merge",
                "the shards are the jobs, and whoever ends last merges them",
            ));
        }
        let Some(folder) = &arguments.out else {
            return Err(Refusal::usage(
                "make: expected a folder that all machines share, found none",
                "name it with --out after `--`",
            ));
        };
        let spec = make::resolved(arguments)?;
        let folder = text(folder)?;
        let parts = text(&parts_folder(Path::new(&folder), &spec))?;
        let mut begin = self.words(&["shard"])?;
        begin.push(Word::numbered("--shard=", format!("/{shards}")));
        begin.extend(self.threads(arguments.threads));
        let place = Word::numbered(format!("{parts}/"), format!("-of-{shards}"));
        let mut last = vec!["make".to_owned(), format!("--merge={parts}")];
        let merging = ["members", "noise_from", "out", "form", "force", "json", "quiet"];
        let others: Vec<&str> =
            self.verb.get_arguments().map(|arg| arg.get_id().as_str()).filter(|id| !merging.contains(id)).collect();
        last.extend(typed::words(self.verb, self.matches, &others)?);
        Ok(Plan {
            name: name(&["make", &spec.name]),
            typed: Vec::new(),
            points: vec![Point { place, begin, resume: None }],
            first: 1,
            count: shards.into(),
            mark: Mark::Shard,
            last,
            threads: arguments.threads,
            recipes: Vec::new(),
        })
    }
}

/// Refuses seeds that are set as keys: every job would have the same one.
fn refuse_own_seeds(set: &[String]) -> anyhow::Result<()> {
    for (key, value) in recipes::settings(set)? {
        if key == "seed" || key == "runs" {
            return Err(Refusal::usage(
                format!("--set {key}={value}: two jobs would make one run, since each has its own seed"),
                "name the first seed with --seed, and how many with --runs (of compare: --max-runs)",
            ));
        }
    }
    Ok(())
}

/// The folder of all runs: the one that was named, else one below `runs`.
fn out(named: Option<&Path>, usual: impl FnOnce() -> String) -> anyhow::Result<String> {
    let folder = named.map_or_else(|| PathBuf::from(runs::FOLDER).join(usual()), Path::to_owned);
    let folder = text(&folder)?;
    Ok(folder.trim_end_matches('/').to_owned())
}

fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Refusal::usage(format!("{}: expected a path in UTF-8", path.display()), "a job file is text: rename the folder")
    })
}

fn texts(words: Vec<Word>) -> Vec<String> {
    let text = |word| match word {
        Word::Text(text) => text,
        Word::Numbered { before, after } => format!("{before}{after}"),
    };
    words.into_iter().map(text).collect()
}

/// A name that a file's name may hold.
fn plain(name: &str) -> String {
    let name = name.trim_end_matches(".toml");
    let last = name.rsplit('/').next().unwrap_or(name);
    last.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' })
        .collect()
}

/// A name that every engine takes: lower-case letters, digits and `-`, 50 at most.
fn name(parts: &[&str]) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let text: String = parts.join("-").chars().map(letter).take(50).collect();
    text.trim_matches('-').to_owned()
}
