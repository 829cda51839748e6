//! `compare`: does an idea help? Two sides, trained seed by seed or there already, and a verdict in as few runs as honesty
//! allows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_files::lock::FolderLock;
use imagenette_files::{FileError, atomic, hash};
use imagenette_results::comparison::{Comparison, ComparisonError, Decision, Design, Procedure, Runs};
use imagenette_results::run_folder::{self, CHECKPOINT_FILE, PREDICTIONS_FILE};
use imagenette_results::statistics::{ArmPhotos, PhotosAndSeeds, photos_and_seeds};
use imagenette_results::{Run, predictions};
use imagenette_train::engine::ENGINE;
use imagenette_train::{Outcome, Recipe, TrainJob};
use serde_json::{Value, json};

use crate::cli::Compare;
use crate::interrupt::INTERRUPTED;
use crate::numbers::thousands;
use crate::prepared::{Preparation, Prepared};
use crate::terminal::{Refusal, Terminal, print, print_json};
use crate::{Program, recipes, runs, verdict};

/// The file of a verdict.
const COMPARISON_FILE: &str = "comparison.json";
/// The name of its format.
const FORMAT: &str = "imagenette-comparison";
/// What to do about sides of unequal cost.
const UNEQUAL: &str = "give both the same budget, or add --unequal-cost: the verdict then says so";
/// How deep runs lie in a folder that is named as a side.
const DEPTH: u32 = 2;

/// One side: what is trained, or runs that are there.
enum Side {
    Trained(Box<Recipe>),
    Finished(Vec<Run>),
}

pub(crate) fn run(arguments: &Compare, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if !(0.0..=100.0).contains(&arguments.margin) {
        let found = format!("--margin: expected points from 0 to 100, found {}", arguments.margin);
        return Err(Refusal::error(found, "0.5 is half a point of top-1"));
    }
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    let base = side(&arguments.base, &arguments.base_set, arguments, &preparation)?;
    let idea = match &arguments.idea {
        Some(named) => side(named, &arguments.set, arguments, &preparation)?,
        None if arguments.set.is_empty() => {
            return Err(Refusal::error(
                "there is no idea to compare",
                "name a recipe or a folder of runs after the baseline, or change a key with --set KEY=VALUE",
            ));
        }
        None => {
            let both = [&arguments.base_set[..], &arguments.set[..]].concat();
            side(&arguments.base, &both, arguments, &preparation)?
        }
    };
    match (base, idea) {
        (Side::Finished(base), Side::Finished(idea)) => judge(arguments, &base, &idea),
        (base, idea) => train(arguments, base, idea, preparation, terminal),
    }
}

/// A side as it was named: a folder of runs, or else a recipe.
fn side(named: &str, set: &[String], arguments: &Compare, preparation: &Preparation) -> anyhow::Result<Side> {
    if Path::new(named).is_dir() {
        if !set.is_empty() {
            return Err(Refusal::error(
                format!("{named}: these runs are finished, and no key of theirs can be changed"),
                "leave the settings out, or name a recipe",
            ));
        }
        let found = run_folder::find(Path::new(named), DEPTH)?;
        let mut runs = found.finished.iter().map(|folder| Run::read(folder)).collect::<Result<Vec<_>, _>>()?;
        runs.sort_by_key(|run| run.record.seed);
        return Ok(Side::Finished(runs));
    }
    let mut overrides = recipes::settings(set)?;
    overrides.extend(recipes::dataset(arguments.dataset.as_deref()));
    Ok(Side::Trained(Box::new(preparation.recipe(named, &overrides)?)))
}

/// The design that the flags ask for.
fn design(arguments: &Compare, stored_baseline: usize, baseline_grows: bool) -> Design {
    let margin = (arguments.margin > 0.0).then_some(arguments.margin / 100.0);
    let max_runs = arguments.max_runs as usize;
    let design = Design { max_runs, margin, settle_losses: true, stored_baseline, baseline_grows, ..Design::default() };
    if arguments.strict { design.strict() } else { design }
}

fn refused(error: ComparisonError) -> anyhow::Error {
    let hint = error.hint();
    Refusal::error(error.to_string(), hint)
}

/// The verdict on runs that are all there: one look at all of them.
fn judge(arguments: &Compare, base: &[Run], idea: &[Run]) -> anyhow::Result<ExitCode> {
    check_arm("the baseline", base)?;
    check_arm("the idea", idea)?;
    check_both(arguments, base, idea)?;
    let design = Design {
        max_runs: idea.len().max(2),
        first_look: Some(idea.len().max(2)),
        ..design(arguments, base.len(), false)
    };
    let comparison = compare(&design, base, idea)?;
    finish(arguments, &design, &comparison, base, idea, None)
}

/// The comparison at these runs.
fn compare(design: &Design, base: &[Run], idea: &[Run]) -> anyhow::Result<Comparison> {
    let counts = |runs: &[Run]| runs.iter().map(|run| run.record.result.correct).collect::<Vec<_>>();
    let photos = |runs: &[Run]| runs.first().map_or(0, |run| run.record.result.total);
    let (base_counts, idea_counts) = (counts(base), counts(idea));
    let procedure = Procedure::new(*design).map_err(refused)?;
    procedure
        .compare(
            &Runs { correct: &base_counts, photos: photos(base) },
            &Runs { correct: &idea_counts, photos: photos(idea) },
        )
        .map_err(refused)
}

/// Trains what is missing, look by look, until the answer is clear.
fn train(
    arguments: &Compare,
    base: Side,
    idea: Side,
    preparation: Preparation,
    terminal: &Terminal,
) -> anyhow::Result<ExitCode> {
    let recipe = match (&base, &idea) {
        (Side::Trained(recipe), _) | (_, Side::Trained(recipe)) => recipe.as_ref().clone(),
        _ => unreachable!("two sides of finished runs are not trained"),
    };
    if let (Side::Trained(base), Side::Trained(idea), false) = (&base, &idea, arguments.unequal_cost)
        && base.epochs != idea.epochs
    {
        let what = format!("the idea is trained for {} epochs, the baseline for {}", idea.epochs, base.epochs);
        return Err(Refusal::error(what, UNEQUAL));
    }
    let dataset = preparation.dataset(&recipe, arguments.offline)?;
    for side in [&base, &idea] {
        if let Side::Trained(recipe) = side {
            recipe.validate_for(&dataset.manifest)?;
        }
    }
    let store = preparation.store.root().to_owned();
    let name = |side: &Side, named: &str| match side {
        Side::Trained(recipe) => recipe.name.clone(),
        Side::Finished(_) => Path::new(named).file_name().map_or("runs".into(), |name| name.to_string_lossy().into()),
    };
    let names = [name(&base, &arguments.base), name(&idea, arguments.idea.as_deref().unwrap_or(&arguments.base))];
    let prepared = preparation.finish(recipe, dataset)?;
    let folder = arguments.out.clone().unwrap_or_else(|| {
        let which = match &idea {
            Side::Trained(recipe) => recipe.canonical_sha256(),
            Side::Finished(_) => hash::sha256(arguments.idea.as_deref().unwrap_or_default()),
        };
        let [base, idea] = &names;
        let name = format!("compare-{base}-{idea}-{}-{}", prepared.dataset.manifest.name, hash::short(&which));
        Path::new(runs::FOLDER).join(name)
    });
    let mut arms = [
        Arm::new("baseline", base, baseline_folder(&store, &prepared), &prepared, arguments.seed),
        Arm::new("idea", idea, folder.join("idea"), &prepared, arguments.seed),
    ];
    std::fs::create_dir_all(&folder).map_err(FileError::io("create", &folder))?;
    let _lock = FolderLock::acquire(&folder, "compare")?;
    // What is there before the first look counts at each look. What this comparison itself added does not count as
    // stored when it goes on.
    let stored = match begun(&folder, arguments)? {
        Some(stored) => stored,
        None => {
            arms[0].read_stored(arguments.max_runs as usize)?;
            arms[0].runs.len()
        }
    };
    let mut design = design(arguments, stored, arms[0].is_trained());
    if !arms[1].is_trained() {
        design.max_runs = design.max_runs.min(arms[1].runs.len());
    }
    if !folder.join(COMPARISON_FILE).exists() {
        let begun = json!({
            "format": FORMAT, "version": 1, "design": design_json(&design, arguments), "verdict": null,
        });
        atomic::write_bytes(&folder.join(COMPARISON_FILE), format!("{begun:#}\n").as_bytes())?;
    }
    let procedure = Procedure::new(design).map_err(refused)?;
    for look in procedure.looks() {
        let order = if look.number % 2 == 1 { [0, 1] } else { [1, 0] };
        let needed = [look.baseline_runs, look.idea_runs];
        while (0..2).any(|arm| arms[arm].runs.len() < needed[arm]) {
            for arm in order {
                if arms[arm].runs.len() < needed[arm] && !arms[arm].train_next(terminal)? {
                    terminal.say("hint: repeat the same command to go on");
                    return Ok(ExitCode::from(INTERRUPTED));
                }
            }
            let [base, idea] = &arms;
            check_arm("the baseline", &base.runs)?;
            check_arm("the idea", &idea.runs)?;
            check_both(arguments, &base.runs, &idea.runs)?;
        }
        let [base, idea] = &arms;
        let comparison = compare(&design, &base.runs[..look.baseline_runs], &idea.runs[..look.idea_runs])?;
        if comparison.decision() == Decision::GoesOn {
            terminal.say(&verdict::progress(comparison.last()));
            continue;
        }
        let (base, idea) = (&base.runs[..look.baseline_runs], &idea.runs[..look.idea_runs]);
        return finish(arguments, &design, &comparison, base, idea, Some(&folder));
    }
    unreachable!("the last look of a design always decides")
}

/// Where the runs of a baseline are kept: by all that decides their bits but recipe and seed.
fn baseline_folder(store: &Path, prepared: &Prepared) -> PathBuf {
    let device = &prepared.machine.device;
    let what = format!("{ENGINE} {} {}", prepared.dataset.manifest.identity(), device.description());
    store.join("baselines").join(hash::short(&hash::sha256(what)))
}

/// One side of a comparison that is trained, or a side of runs that are there.
struct Arm<'p> {
    which: &'static str,
    prepared: &'p Prepared<'p>,
    recipe: Option<Recipe>,
    folder: PathBuf,
    first_seed: u64,
    runs: Vec<Run>,
}

impl<'p> Arm<'p> {
    fn new(which: &'static str, side: Side, folder: PathBuf, prepared: &'p Prepared<'p>, first_seed: u64) -> Self {
        let (recipe, runs) = match side {
            Side::Trained(recipe) => (Some(*recipe), Vec::new()),
            Side::Finished(runs) => (None, runs),
        };
        // A recipe's own runs lie apart from those of every other.
        let folder = recipe.as_ref().map_or(folder.clone(), |recipe| {
            folder.join(format!("{}-{}", recipe.name, hash::short(&recipe.canonical_sha256())))
        });
        Self { which, prepared, recipe, folder, first_seed, runs }
    }

    fn is_trained(&self) -> bool {
        self.recipe.is_some()
    }

    fn job(&self, number: usize) -> Option<TrainJob<'p>> {
        let seed = self.first_seed + number as u64;
        let folder = self.folder.join(format!("s{seed}"));
        let resume = folder.join(CHECKPOINT_FILE).is_file();
        let recipe = self.recipe.clone()?;
        Some(TrainJob { recipe, resume, ..self.prepared.job(seed, folder) })
    }

    /// Takes in what is finished already, seed by seed.
    fn read_stored(&mut self, most: usize) -> anyhow::Result<()> {
        while self.runs.len() < most
            && let Some(job) = self.job(self.runs.len())
            && runs::finished(&job)?.is_some()
        {
            self.runs.push(Run::read(&job.folder)?);
        }
        Ok(())
    }

    /// Trains the run of the next seed, unless it is there; `false` when it was interrupted.
    fn train_next(&mut self, terminal: &Terminal) -> anyhow::Result<bool> {
        let Some(job) = self.job(self.runs.len()) else {
            let found = format!("{} runs are there, and more are needed", self.runs.len());
            return Err(Refusal::error(found, "name a recipe, or a folder with more runs; or lower --max-runs"));
        };
        if runs::finished(&job)?.is_none() && matches!(runs::train(&job, terminal)?, Outcome::Interrupted { .. }) {
            return Ok(false);
        }
        let run = Run::read(&job.folder)?;
        let counts = run.record.result;
        terminal.say(&format!(
            "{}, seed {}: {:.2}% ({} of {})",
            self.which,
            run.record.seed,
            100.0 * counts.accuracy(),
            thousands(counts.correct),
            thousands(counts.total)
        ));
        self.runs.push(run);
        Ok(true)
    }
}

/// Refuses runs that are not one arm: other recipes, other arithmetic, a seed twice, or seeds that change nothing.
fn check_arm(which: &str, runs: &[Run]) -> anyhow::Result<()> {
    let Some(first) = runs.first() else {
        return Err(Refusal::error(format!("{which}: no finished run"), "name a folder in which finished runs lie"));
    };
    let refuse = |run: &Run, what: &str, hint: &str| {
        Err(Refusal::error(
            format!("{}: {what} than {}", run.folder.display(), first.folder.display()),
            hint.to_owned(),
        ))
    };
    let mut seen: HashMap<String, &Run> = HashMap::new();
    for run in runs {
        if (&run.recipe_canonical_sha256, &run.recipe) != (&first.recipe_canonical_sha256, &first.recipe) {
            return refuse(run, "another recipe", "compare runs of one recipe a side");
        }
        let arithmetic = |run: &Run| {
            let last = run.record.provenance.as_ref().and_then(|provenance| provenance.attempts.last());
            last.map(|attempt| attempt.arithmetic.clone())
        };
        if let (Some(one), Some(other)) = (arithmetic(first), arithmetic(run))
            && one != other
        {
            let changes = one.changes(&other).join("; ");
            return refuse(
                run,
                &format!("other arithmetic ({changes})"),
                "compare runs of one program and machine a side",
            );
        }
        let Some(predictions) = predictions_sha256(run)? else { continue };
        if let Some(other) = seen.insert(predictions, run) {
            let what = format!("the same predictions as {}", other.folder.display());
            let hint = "the seed changes nothing, or it is one run twice";
            return Err(Refusal::error(format!("{}: {what}", run.folder.display()), hint));
        }
    }
    let mut seeds: Vec<u64> = runs.iter().map(|run| run.record.seed).collect();
    seeds.sort_unstable();
    if let Some(pair) = seeds.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Refusal::error(format!("{which}: two runs with the seed {}", pair[0]), "leave one of them out"));
    }
    Ok(())
}

/// The hash of a run's predictions, where they are there.
fn predictions_sha256(run: &Run) -> anyhow::Result<Option<String>> {
    let path = run.folder.join(PREDICTIONS_FILE);
    if path.is_file() { Ok(Some(hash::sha256_of_file(&path)?)) } else { Ok(None) }
}

/// Refuses sides that were not evaluated alike, or cost unlike.
fn check_both(arguments: &Compare, base: &[Run], idea: &[Run]) -> anyhow::Result<()> {
    let (Some(one), Some(other)) = (base.first(), idea.first()) else { return Ok(()) };
    let refuse = |what: String, hint: &str| Err(Refusal::error(what, hint.to_owned()));
    let photos = |run: &Run| (run.record.dataset.identity.clone(), run.record.held_out.is_some());
    if photos(one) != photos(other) {
        let of = |run: &Run| match run.record.held_out {
            Some(_) => format!("photos held out of {}", run.record.dataset.name),
            None => format!("val of {}", run.record.dataset.name),
        };
        let what = format!("the baseline was evaluated on {}, the idea on {}", of(one), of(other));
        return refuse(what, "compare on the same photos");
    }
    let cost = |run: &Run| (run.record.epochs, run.record.samples_drawn);
    if cost(one) != cost(other) && !arguments.unequal_cost {
        let what = format!(
            "the idea is trained for {} epochs and {} samples, the baseline for {} and {}",
            other.record.epochs, other.record.samples_drawn, one.record.epochs, one.record.samples_drawn
        );
        return refuse(what, UNEQUAL);
    }
    if let Some(run) = base.iter().find(|run| run.record.seed == other.record.seed)
        && let Some(predictions) = predictions_sha256(run)?
        && predictions_sha256(other)? == Some(predictions)
    {
        let what = format!("no effect: at seed {} both sides gave the same predictions", other.record.seed);
        return refuse(what, "the change does nothing here; see the two recipes in the runs' folders");
    }
    Ok(())
}

/// How many runs of the baseline were stored when the comparison in a folder began; `None` where none has begun.
fn begun(folder: &Path, arguments: &Compare) -> anyhow::Result<Option<usize>> {
    let path = folder.join(COMPARISON_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).map_err(FileError::io("read", &path))?;
    let other = "to look again or for longer, start afresh: other seeds (`--seed`) in another folder (`--out`)";
    let known: Value = serde_json::from_str(&text).map_err(|error| {
        Refusal::error(format!("{}: not a comparison: {error}", path.display()), "name another --out")
    })?;
    let stored = known["design"]["stored_baseline"].as_u64().filter(|_| known["format"] == FORMAT);
    let Some(stored) = stored.and_then(|stored| usize::try_from(stored).ok()) else {
        return Err(Refusal::error(
            format!("{}: not a comparison of this program", path.display()),
            "name another --out",
        ));
    };
    if known["design"] != design_json(&design(arguments, stored, true), arguments) {
        let found = format!("{}: this comparison was begun by another design: {}", path.display(), known["design"]);
        return Err(Refusal::error(found, other));
    }
    Ok(Some(stored))
}

fn design_json(design: &Design, arguments: &Compare) -> Value {
    json!({
        "max_runs": design.max_runs, "alpha": design.alpha, "margin": design.margin, "strict": arguments.strict,
        "first_seed": arguments.seed, "stored_baseline": design.stored_baseline,
    })
}

/// How the photos came out in both arms, where all predictions are there.
fn photos(base: &[Run], idea: &[Run], seeds_standard_error: f64) -> anyhow::Result<Option<PhotosAndSeeds>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut right = [Vec::new(), Vec::new()];
    for (arm, runs) in [base, idea].into_iter().enumerate() {
        for run in runs {
            let path = run.folder.join(PREDICTIONS_FILE);
            if !path.is_file() {
                return Ok(None);
            }
            for prediction in predictions::read(&path)? {
                let count = places.len();
                let place = *places.entry(prediction.sample.clone()).or_insert(count);
                for counts in &mut right {
                    counts.resize(places.len().max(counts.len()), 0u32);
                }
                // `val/n01440764/n01440764_10042.JPEG`: the folder is the class.
                if prediction.sample.split('/').nth(1) == Some(prediction.class.as_str()) {
                    right[arm][place] += 1;
                }
            }
        }
    }
    let arm = |arm: usize, runs: &[Run]| (runs.len() as u32, right[arm].clone());
    let ((base_runs, base_right), (idea_runs, idea_right)) = (arm(0, base), arm(1, idea));
    let baseline = ArmPhotos { runs: base_runs, right: &base_right };
    let idea = ArmPhotos { runs: idea_runs, right: &idea_right };
    Ok(photos_and_seeds(&baseline, &idea, seeds_standard_error))
}

/// Prints the verdict and, of a comparison that has a folder, writes it down.
fn finish(
    arguments: &Compare,
    design: &Design,
    comparison: &Comparison,
    base: &[Run],
    idea: &[Run],
    folder: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let photos = photos(base, idea, comparison.last().test().standard_error)?;
    let run = |run: &Run| {
        json!({
            "seed": run.record.seed, "folder": run.folder, "correct": run.record.result.correct,
            "total": run.record.result.total, "training_seconds": run.record.seconds.training,
            "training_flop": run.record.training_flop,
        })
    };
    let side = |runs: &[Run]| {
        json!({
            "recipe": runs.first().map(|run| run.record.recipe.clone()),
            "recipe_canonical_sha256": runs.first().and_then(|run| run.recipe_canonical_sha256.clone()),
            "runs": runs.iter().map(run).collect::<Vec<_>>(),
        })
    };
    let mut found = verdict::as_json(comparison, photos.as_ref());
    found["format"] = FORMAT.into();
    found["version"] = 1.into();
    found["design"] = design_json(design, arguments);
    found["unequal_cost"] = arguments.unequal_cost.into();
    found["baseline"] = side(base);
    found["idea"] = side(idea);
    if let Some(folder) = folder {
        atomic::write_bytes(&folder.join(COMPARISON_FILE), format!("{found:#}\n").as_bytes())?;
    }
    if arguments.json {
        print_json(&found)?;
    } else {
        verdict::lines(comparison, design, photos.as_ref()).iter().try_for_each(|line| print(line))?;
        if arguments.unequal_cost {
            print("the two sides need not cost the same")?;
        }
    }
    Ok(ExitCode::from(verdict::status(comparison.decision())))
}
