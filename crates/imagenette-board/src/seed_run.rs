//! One run of an entry: its folder goes in; what it reached photo by photo, and what it cost, come out, or faults.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use imagenette_files::hash::sha256;
use imagenette_files::input;
use imagenette_recipe::Recipe;
use imagenette_results::check::{ReadRecipe, RunCheck, Verdict};
use imagenette_results::history::{History, HistoryLine};
use imagenette_results::run_folder::{PREDICTIONS_FILE, RECORD_FILE, SOURCE_FILE};
use imagenette_results::run_record::{Counts, EpochCounts};
use imagenette_results::{Prediction, Run, RunRecord, predictions, statistics};
use jiff::civil::Date;
use serde::Serialize;

use crate::entry::{AlwaysWrong, Costs, Division, EntryFile, OF_SEED};
use crate::fault::Fault;
use crate::folder::{self, Allowed};
use crate::rules::RecordRules;
use crate::season::{Challenge, Limit, Season, Source};

/// Points of a curve of losses.
const CURVE_POINTS: usize = 60;

/// A run of an entry.
#[derive(Debug, Clone, Serialize)]
pub struct SeedRun {
    /// Its number: `s1` is 1.
    pub number: u32,
    /// Its seed.
    pub seed: u64,
    /// What it reached after its last epoch.
    pub result: Counts,
    /// What it reached after its epochs.
    pub by_epoch: Vec<EpochCounts>,
    /// Losses over epochs, some steps meaned into each point.
    pub losses: Vec<(f64, f64)>,
    /// sha256 of its predictions.
    pub predictions_sha256: String,
    /// What it cost; `None` in the open division.
    pub spent: Option<Spent>,
}

/// What a run cost, and what it was made by.
#[derive(Debug, Clone, Serialize)]
pub struct Spent {
    /// Epochs, steps and samples.
    pub epochs: u32,
    /// Steps of the optimizer.
    pub steps: u64,
    /// Training samples.
    pub samples: u64,
    /// Seconds of training, of evaluation, and in all.
    pub seconds: [f64; 3],
    /// Floating-point operations of training.
    pub flop: Option<f64>,
    /// Dollars at the season's prices.
    pub dollars: Option<f64>,
    /// The network.
    pub model: String,
    /// How many numbers it learns.
    pub parameters: u64,
    /// What computed: `flex, kernels (avx2), f32`.
    pub device: String,
    /// The processor.
    pub processor: String,
    /// Threads that its machine runs at once, and threads used.
    pub cores: usize,
    /// Threads used.
    pub threads: usize,
    /// How often it was resumed.
    pub resumed: u32,
    /// The commit of the program.
    pub commit: Option<String>,
    /// Hash of what decides bits in it.
    pub engine: String,
    /// Hash of its weights.
    pub weights_sha256: String,
    /// The last link of its history's chain.
    pub chain: String,
}

/// The val photos of a source, once their hash is known to be right.
#[derive(Debug)]
pub(crate) struct ValList {
    /// Paths, sorted.
    pub(crate) samples: Vec<String>,
    /// Class ids, sorted.
    pub(crate) classes: Vec<String>,
    /// Of each photo its class.
    pub(crate) actual: Vec<u8>,
}

/// The lists of all sources that were met so far.
#[derive(Debug, Default)]
pub(crate) struct ValLists(Mutex<HashMap<String, Arc<ValList>>>);

impl ValLists {
    fn known(&self, source: &Source) -> Option<Arc<ValList>> {
        self.0.lock().expect("no thread panics while it looks").get(&source.val_sha256).cloned()
    }

    /// The list of a source: a known one, or that of these predictions where they cover it. What is wrong with them is
    /// the error: expected and found.
    pub(crate) fn of(&self, source: &Source, predictions: &[Prediction]) -> Result<Arc<ValList>, (String, String)> {
        if let Some(known) = self.known(source) {
            return Ok(known);
        }
        let expected = format!("each of the {} val photos of {} once", source.val, source.edition);
        let mut samples: Vec<String> = predictions.iter().map(|known| known.sample.clone()).collect();
        samples.sort_unstable();
        if samples.len() as u64 != source.val {
            return Err((expected, format!("{} photos", samples.len())));
        }
        let text: String = samples.iter().flat_map(|sample| [sample.as_str(), "\n"]).collect();
        if sha256(text) != source.val_sha256 {
            return Err((expected, "other photos".into()));
        }
        let class = |sample: &String| sample.split('/').nth(1).unwrap_or_default().to_owned();
        let mut classes: Vec<String> = samples.iter().map(class).collect();
        classes.dedup();
        let actual = samples.iter().map(|sample| {
            let own = class(sample);
            classes.iter().position(|known| *known == own).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
        });
        let actual = actual.collect();
        let list = Arc::new(ValList { samples, classes, actual });
        self.0.lock().expect("no thread panics while it looks").insert(source.val_sha256.clone(), list.clone());
        Ok(list)
    }
}

impl ValList {
    /// Of each photo, in order, the class that it was given. The error says what was expected and found.
    pub(crate) fn given(&self, source: &Source, predictions: &[Prediction]) -> Result<Vec<u8>, (String, String)> {
        let expected = || format!("each of the {} val photos of {} once", source.val, source.edition);
        if predictions.len() != self.samples.len() {
            return Err((expected(), format!("{} photos", predictions.len())));
        }
        let mut given = vec![u8::MAX; self.samples.len()];
        for (number, Prediction { sample, class }) in predictions.iter().enumerate() {
            // Most programs write them in the order of their paths.
            let place = match self.samples[number] == *sample {
                true => Some(number),
                false => self.samples.binary_search(sample).ok(),
            };
            let Some(place) = place else { return Err((expected(), format!("`{sample}`"))) };
            let Some(label) = self.classes.iter().position(|known| known == class) else {
                return Err((
                    format!("one of the {} classes", self.classes.len()),
                    format!("`{class}` for `{sample}`"),
                ));
            };
            if given[place] != u8::MAX {
                return Err((expected(), format!("`{sample}` twice")));
            }
            given[place] = label as u8;
        }
        Ok(given)
    }
}

/// A run in which nothing was found wrong so far.
pub(crate) struct Checked {
    pub(crate) seed_run: SeedRun,
    /// Its folder, as messages name it.
    pub(crate) shown: String,
    /// The run; `None` in the open division.
    pub(crate) run: Option<Run>,
    /// Of the record, or of the predictions.
    pub(crate) evidence_sha256: String,
    /// Of each photo the class that it was given.
    given: Vec<u8>,
    list: Arc<ValList>,
}

/// What runs of an entry are checked with.
pub(crate) struct Runs<'r> {
    pub(crate) root: &'r Path,
    pub(crate) season: &'r Season,
    pub(crate) challenge: &'r Challenge,
    pub(crate) file: &'r EntryFile,
    pub(crate) date: Option<Date>,
    /// The recipe with its text; `None` in the open division.
    pub(crate) recipe: Option<(&'r Recipe, &'r str)>,
    /// How messages name the recipe.
    pub(crate) recipe_path: String,
    /// Hash of the source of own parts.
    pub(crate) source_sha256: Option<String>,
    pub(crate) lists: &'r ValLists,
    /// The recipe as it was read, by draw.
    pub(crate) read: Mutex<HashMap<u32, Arc<ReadRecipe>>>,
}

impl Runs<'_> {
    /// Checks a run's folder; `seed` is what it must be, where it is not chosen.
    pub(crate) fn check(
        &self,
        folder: &Path,
        shown: &str,
        number: u32,
        seed: Option<u64>,
        faults: &mut Vec<Fault>,
    ) -> Option<Checked> {
        let before = faults.len();
        let names = match folder::list(folder, shown, faults) {
            Ok(names) => names,
            Err(error) => {
                faults.push(Fault::new(shown, "a folder that can be read", error.to_string(), "make it readable"));
                return None;
            }
        };
        let only_predictions = |allowed: &&Allowed| allowed.name == PREDICTIONS_FILE;
        let allowed: Vec<Allowed> = match self.file.division {
            Division::Open => OF_SEED.iter().filter(only_predictions).copied().collect(),
            _ => OF_SEED.to_vec(),
        };
        folder::hold_to(&names, shown, &allowed, |_| false, faults);
        // What has another kind or is too large is never opened.
        if faults.len() > before {
            return None;
        }
        let found = match self.recipe {
            Some((_, recipe)) => self.of_this_program(folder, shown, number, seed, recipe, faults),
            None => self.of_any_program(folder, shown, number, seed, faults),
        };
        found.filter(|_| faults.len() == before)
    }

    fn of_this_program(
        &self,
        folder: &Path,
        shown: &str,
        number: u32,
        seed: Option<u64>,
        recipe: &str,
        faults: &mut Vec<Fault>,
    ) -> Option<Checked> {
        let record_shown = format!("{shown}/{RECORD_FILE}");
        let path = folder.join(RECORD_FILE);
        let text = match input::read_text(&path, OF_SEED[0].most_bytes) {
            Ok(text) => text,
            Err(error) => {
                faults.push(Fault::of_file(&record_shown, &error));
                return None;
            }
        };
        let record = match RunRecord::from_json(&path, &text) {
            Ok(record) => record,
            Err(error) => {
                faults.push(Fault::of_results(self.root, &record_shown, &error));
                return None;
            }
        };
        if let Some(seed) = seed.filter(|seed| *seed != record.seed) {
            let hint = "`imagenette board deal recipe.toml` names the seeds of a recipe: nobody chooses them";
            faults.push(Fault::new(&record_shown, format!("the dealt seed {seed}"), record.seed.to_string(), hint));
        }
        let rules = RecordRules {
            shown: &record_shown,
            record: &record,
            season: self.season,
            challenge: self.challenge,
            file: self.file,
            date: self.date,
        };
        let before = faults.len();
        rules.check(faults);
        self.parts(&record_shown, &record, faults);
        let dollars = rules.dollars();
        // Numbers that break a limit are not worked with.
        if faults.len() > before {
            return None;
        }
        let (recipe, draw) = (with_seed(recipe, record.seed, self.draw(number)), self.draw(number));
        let recipe_path = self.root.join(&self.recipe_path);
        let check = self
            .read_recipe(draw, &recipe_path, &recipe)
            .and_then(|read| RunCheck::with_recipe(folder, record, &recipe_path, &recipe, &read));
        let check = match check {
            Ok(check) => check,
            Err(error) => {
                faults.push(Fault::of_results(self.root, &record_shown, &error));
                return None;
            }
        };
        for finding in &check.findings {
            match &finding.verdict {
                Verdict::Fails(error) => faults.push(Fault::of_results(self.root, &record_shown, error)),
                Verdict::Unknown(said)
                    if ["history", "attempts", "predictions", "network"].contains(&finding.about) =>
                {
                    let hint = "an entry has all that its records name";
                    faults.push(Fault::new(&record_shown, format!("what is known of `{}`", finding.about), said, hint));
                }
                _ => {}
            }
        }
        let predictions = check.predictions.as_deref().unwrap_or_default();
        let (list, given) = self.given(shown, predictions, faults)?;
        let (record, provenance) = (&check.run.record, check.run.record.provenance.as_ref()?);
        let seconds = record.seconds;
        let spent = Spent {
            epochs: record.epochs,
            steps: record.steps,
            samples: record.samples_drawn,
            seconds: [seconds.training, seconds.evaluation, seconds.total],
            flop: record.training_flop,
            dollars,
            model: record.model.name.clone(),
            parameters: record.model.parameters,
            device: record.environment.device.clone(),
            processor: record.environment.processor.clone(),
            cores: record.environment.cores,
            threads: record.environment.threads,
            resumed: record.resumed,
            commit: record.environment.commit.clone(),
            engine: provenance.engine.clone(),
            weights_sha256: provenance.weights_sha256.clone(),
            chain: provenance.chain.clone(),
        };
        Some(Checked {
            seed_run: SeedRun {
                number,
                seed: record.seed,
                result: record.result,
                by_epoch: record.by_epoch.clone(),
                losses: check.history.as_ref().map(losses).unwrap_or_default(),
                predictions_sha256: provenance.predictions_sha256.clone(),
                spent: Some(spent),
            },
            shown: shown.into(),
            evidence_sha256: sha256(&text),
            run: Some(check.run),
            given,
            list,
        })
    }

    fn of_any_program(
        &self,
        folder: &Path,
        shown: &str,
        number: u32,
        seed: Option<u64>,
        faults: &mut Vec<Fault>,
    ) -> Option<Checked> {
        let path = folder.join(PREDICTIONS_FILE);
        let read = input::read(&path, OF_SEED[2].most_bytes).map_err(Into::into);
        let read = read.and_then(|bytes| Ok((predictions::read_from(&path, bytes.as_slice())?, sha256(&bytes))));
        let (predictions, sha256) = match read {
            Ok(read) => read,
            Err(error) => {
                faults.push(Fault::of_results(self.root, &format!("{shown}/{PREDICTIONS_FILE}"), &error));
                return None;
            }
        };
        let (list, given) = self.given(shown, &predictions, faults)?;
        let correct = given.iter().zip(&list.actual).filter(|(given, actual)| given == actual).count() as u64;
        let result = Counts { correct, total: given.len() as u64 };
        let epoch = self.file.stated.map_or(0, |stated| stated.epochs);
        let most = match self.challenge.limit {
            Limit::Epochs { epochs } => epochs,
            _ => u32::MAX,
        };
        if epoch > most {
            let file = format!("entries/{}", self.challenge.name);
            faults.push(Fault::new(
                file,
                format!("at most {most} epochs"),
                epoch.to_string(),
                "enter another challenge",
            ));
        }
        Some(Checked {
            seed_run: SeedRun {
                number,
                seed: seed.unwrap_or(u64::from(number)),
                result,
                by_epoch: vec![EpochCounts { epoch, counts: result }],
                losses: Vec::new(),
                predictions_sha256: sha256.clone(),
                spent: None,
            },
            shown: shown.into(),
            run: None,
            evidence_sha256: sha256,
            given,
            list,
        })
    }

    /// Which class each val photo was given.
    fn given(
        &self,
        shown: &str,
        predictions: &[Prediction],
        faults: &mut Vec<Fault>,
    ) -> Option<(Arc<ValList>, Vec<u8>)> {
        let source = self.season.source(self.challenge);
        let found = self.lists.of(source, predictions);
        let found = found.and_then(|list| list.given(source, predictions).map(|given| (list, given)));
        found
            .map_err(|(expected, found)| {
                let hint = "predict the whole val split of the challenge's source";
                faults.push(Fault::new(format!("{shown}/{PREDICTIONS_FILE}"), expected, found, hint));
            })
            .ok()
    }

    /// Whether the source of own parts is the one that the record names.
    fn parts(&self, shown: &str, record: &RunRecord, faults: &mut Vec<Fault>) {
        let (Some(own), Some(provenance)) = (&self.source_sha256, &record.provenance) else { return };
        for part in provenance.parts.iter().filter(|part| part.source_sha256 != *own) {
            let expected = format!("`{}` of the source beside the recipe ({own})", part.name);
            let hint = format!("take {SOURCE_FILE} from the run's folder: all seeds have the same");
            faults.push(Fault::new(shown, expected, part.source_sha256.clone(), hint));
        }
    }

    /// The recipe of a draw, read once.
    fn read_recipe(&self, draw: u32, path: &Path, text: &str) -> imagenette_results::Result<Arc<ReadRecipe>> {
        let mut known = self.read.lock().expect("no thread panics while it looks");
        if let Some(read) = known.get(&draw) {
            return Ok(read.clone());
        }
        let read = Arc::new(ReadRecipe::of(path, text)?);
        known.insert(draw, read.clone());
        Ok(read)
    }

    /// The draw of a run under a task.
    fn draw(&self, number: u32) -> u32 {
        if matches!(self.challenge.limit, Limit::Task { .. }) { number } else { 1 }
    }

    /// What a run costs on average.
    pub(crate) fn costs(&self, runs: &[Checked]) -> Costs {
        if let Some(stated) = self.file.stated {
            return Costs { epochs: stated.epochs, seconds: stated.seconds, flop: stated.flop, dollars: None };
        }
        let spent: Vec<&Spent> = runs.iter().filter_map(|run| run.seed_run.spent.as_ref()).collect();
        let mean = |of: &dyn Fn(&Spent) -> Option<f64>| {
            statistics::mean(&spent.iter().map(|spent| of(spent)).collect::<Option<Vec<f64>>>()?)
        };
        Costs {
            epochs: spent.iter().map(|spent| spent.epochs).max().unwrap_or(0),
            seconds: mean(&|spent| Some(spent.seconds[0])).unwrap_or(0.0),
            flop: mean(&|spent| spent.flop),
            dollars: mean(&|spent| spent.dollars),
        }
    }
}

/// A recipe's text as the run of this seed has it: only the lines of seed and draw differ.
pub(crate) fn with_seed(recipe: &str, seed: u64, draw: u32) -> String {
    let (mut text, mut is_top) = (String::with_capacity(recipe.len() + 32), true);
    for line in recipe.split_inclusive('\n') {
        is_top &= !line.starts_with('[');
        match line {
            line if is_top && line.starts_with("seed = ") => text.push_str(&format!("seed = {seed}\n")),
            line if is_top && line.starts_with("draw = ") => {}
            line if is_top && line.starts_with("task = ") && draw > 1 => {
                text.push_str(line);
                text.push_str(&format!("draw = {draw}\n"));
            }
            line => text.push_str(line),
        }
    }
    text
}

/// Losses over epochs, in a bounded number of points.
fn losses(history: &History) -> Vec<(f64, f64)> {
    let step = |line: &HistoryLine| match line {
        HistoryLine::Step { epoch, loss, .. } => Some((*epoch, *loss)),
        _ => None,
    };
    let steps: Vec<(u32, f64)> = history.lines().iter().filter_map(step).collect();
    let epochs = steps.last().map_or(0, |(epoch, _)| *epoch);
    let each = steps.len().div_ceil(CURVE_POINTS).max(1);
    let point = |(place, some): (usize, &[(u32, f64)])| {
        let mean = some.iter().map(|(_, loss)| loss).sum::<f64>() / some.len() as f64;
        let done = (place * each + some.len()) as f64 / steps.len() as f64;
        (done * f64::from(epochs), mean)
    };
    steps.chunks(each).enumerate().map(point).collect()
}

/// What the runs of an entry say photo by photo.
pub(crate) struct Counted {
    pub(crate) right: Vec<u32>,
    pub(crate) classes: Vec<String>,
    pub(crate) confusion: Vec<Vec<u64>>,
    pub(crate) always_wrong: Vec<AlwaysWrong>,
}

impl Counted {
    /// Counts over all runs; `None` where there are none.
    pub(crate) fn of(runs: &[Checked]) -> Option<Self> {
        let list = &runs.first()?.list;
        let count = list.classes.len();
        let (mut right, mut confusion) = (vec![0; list.samples.len()], vec![vec![0; count]; count]);
        for run in runs {
            for (place, (given, actual)) in run.given.iter().zip(&list.actual).enumerate() {
                right[place] += u32::from(given == actual);
                confusion[usize::from(*actual)][usize::from(*given)] += 1;
            }
        }
        let wrong = |(place, right): (usize, &u32)| {
            let mut votes = vec![0; count];
            runs.iter().for_each(|run| votes[usize::from(run.given[place])] += 1);
            let class = (0..count).rev().max_by_key(|class| votes[*class])?;
            let named = || AlwaysWrong { sample: list.samples[place].clone(), class: list.classes[class].clone() };
            (*right == 0).then(named)
        };
        let always_wrong = right.iter().enumerate().filter_map(wrong).collect();
        Some(Self { right, classes: list.classes.clone(), confusion, always_wrong })
    }
}

/// Which class each photo of these predictions was given beside the list of a source.
pub(crate) fn right_of(
    lists: &ValLists,
    source: &Source,
    predictions: &[Prediction],
) -> Result<Vec<bool>, (String, String)> {
    let list = lists.of(source, predictions)?;
    let given = list.given(source, predictions)?;
    Ok(given.iter().zip(&list.actual).map(|(given, actual)| given == actual).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_that_of_a_run_but_for_its_seed_and_draw() {
        let recipe = "name = \"a\"\ntask = \"labels-4\"\nseed = 1\nruns = 1\n\n[model]\nseed = 1\n";
        let expected = "name = \"a\"\ntask = \"labels-4\"\ndraw = 2\nseed = 77\nruns = 1\n\n[model]\nseed = 1\n";
        assert_eq!(with_seed(recipe, 77, 2), expected);
        assert_eq!(with_seed(expected, 1, 1), recipe);
    }
}
