//! A run with all that its report shows. What is not there is named, and the page is made without it.

use std::path::Path;

use imagenette_data::class::Class;
use imagenette_data::dataset::Dataset;
use imagenette_files::hash::sha256;
use imagenette_files::input;
use imagenette_results::history::{History, HistoryLine};
use imagenette_results::probabilities::Probabilities;
use imagenette_results::run_folder::{HISTORY_FILE, PREDICTIONS_FILE, RunFolder};
use imagenette_results::{Prediction, Run, predictions};
use imagenette_train::run::evaluation::EvaluationData;
use imagenette_train::run::saved_network::{NetworkSource, SavedNetwork};

use crate::datasets;
use crate::prepared::Preparation;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// One run and what there is of it.
pub(crate) struct Subject {
    pub(crate) run: Run,
    /// What happened, where its history was kept.
    pub(crate) lines: Vec<HistoryLine>,
    /// What it says of each photo, where its predictions were kept.
    pub(crate) judged: Vec<Judged>,
    /// The classes in label order.
    pub(crate) classes: Vec<Class>,
    pub(crate) dataset: Option<Dataset>,
    pub(crate) network: Option<SavedNetwork>,
    /// What the page is made without, and why.
    pub(crate) missing: Vec<String>,
}

/// What a run says of a photo.
pub(crate) struct Judged {
    /// Its path below the dataset.
    pub(crate) sample: String,
    /// The labels of its class and of the one that it was given.
    pub(crate) truth: usize,
    pub(crate) given: usize,
    /// The probability of each class, where it is known.
    pub(crate) probabilities: Option<Vec<f32>>,
}

impl Judged {
    pub(crate) fn is_right(&self) -> bool {
        self.truth == self.given
    }

    /// How sure the network was of what it said, 0..1; 0 where that is not known.
    pub(crate) fn sureness(&self) -> f32 {
        self.of(self.given)
    }

    /// The probability of a class; 0 where it is not known.
    pub(crate) fn of(&self, label: usize) -> f32 {
        self.probabilities.as_ref().and_then(|row| row.get(label)).copied().unwrap_or(0.0)
    }

    /// The share between the two likeliest classes: small where it was torn.
    pub(crate) fn lead(&self) -> f32 {
        let mut row = self.probabilities.clone().unwrap_or_default();
        row.sort_by(|a, b| b.total_cmp(a));
        match row[..] {
            [first, second, ..] => first - second,
            _ => 1.0,
        }
    }
}

impl Subject {
    /// Reads a run with all that is there. Where its probabilities were not kept and its weights and photos are there,
    /// they are computed.
    ///
    /// # Errors
    /// When there is no finished run, or its files do not belong together.
    pub(crate) fn read(folder: &Path, preparation: &Preparation<'_>, terminal: &Terminal) -> anyhow::Result<Self> {
        let run = Run::read(folder)?;
        let mut missing = Vec::new();
        let history = folder.join(HISTORY_FILE);
        let lines = if history.is_file() { History::read(&history)?.lines().to_vec() } else { Vec::new() };
        if lines.is_empty() {
            missing.push("losses and rates: the run has no history".into());
        }
        let dataset = datasets::of_run(&run.record, &preparation.store)
            .map_err(|error| missing.push(format!("photos: {error}")))
            .ok();
        let network = network(folder, preparation).map_err(|error| missing.push(format!("its network: {error}"))).ok();
        let (predictions, mut rows) = predicted(folder)?;
        if predictions.is_empty() {
            missing.push("mistakes and classes: the run has no predictions".into());
        }
        if rows.is_none()
            && !predictions.is_empty()
            && let (Some(dataset), Some(network)) = (&dataset, &network)
        {
            rows = Some(computed(&predictions, dataset, network, preparation, terminal)?);
        }
        if rows.is_none() && !predictions.is_empty() {
            missing.push("how sure it was: the run kept no probabilities".into());
        }
        let classes = classes(dataset.as_ref(), network.as_ref(), &predictions);
        let judged = judge(&predictions, rows, &classes);
        Ok(Self { run, lines, judged, classes, dataset, network, missing })
    }

    /// What the run is called: its recipe and seed.
    pub(crate) fn name(&self) -> String {
        format!("{}, seed {}", self.run.record.recipe, self.run.record.seed)
    }

    /// What it is called beside others, which may have its recipe and its seed: its folder.
    pub(crate) fn folder_name(&self) -> String {
        self.run.folder.file_name().map_or_else(|| self.name(), |name| name.to_string_lossy().into_owned())
    }

    /// The photos that it is wrong about, those that it is surest of first.
    pub(crate) fn mistakes(&self) -> Vec<&Judged> {
        let mut wrong: Vec<&Judged> = self.judged.iter().filter(|photo| !photo.is_right()).collect();
        wrong.sort_by(|one, other| {
            other.sureness().total_cmp(&one.sureness()).then_with(|| one.sample.cmp(&other.sample))
        });
        wrong
    }

    /// The name of a class.
    pub(crate) fn class(&self, label: usize) -> &str {
        self.classes.get(label).map_or("?", |class| class.name.as_str())
    }

    /// What was evaluated, in words.
    pub(crate) fn photos(&self) -> &'static str {
        if self.run.record.held_out.is_some() { "held-out photos" } else { "val photos" }
    }
}

fn network(folder: &Path, preparation: &Preparation<'_>) -> anyhow::Result<SavedNetwork> {
    let folder = RunFolder::open(folder)?;
    Ok(SavedNetwork::of_run(&folder, &preparation.machine.device, preparation.parts(), NetworkSource::OfRun)?)
}

/// The probability of each class, a row for each photo.
type Rows = Vec<Vec<f32>>;

/// The predictions of a run, none where they were not kept, and the probabilities of each, where those were.
fn predicted(folder: &Path) -> anyhow::Result<(Vec<Prediction>, Option<Rows>)> {
    let path = folder.join(PREDICTIONS_FILE);
    if !path.is_file() {
        return Ok((Vec::new(), None));
    }
    let bytes = input::read(&path, input::TABLE_BYTES)?;
    let predictions = predictions::read_from(&path, bytes.as_slice())?;
    let probabilities = Probabilities::of_predictions(&path, &predictions, &sha256(&bytes))?;
    Ok((predictions, probabilities.map(|known| known.rows().collect())))
}

/// Probabilities from the weights, in the order of the predictions; an empty row where a photo is gone.
fn computed(
    predictions: &[Prediction],
    dataset: &Dataset,
    network: &SavedNetwork,
    preparation: &Preparation<'_>,
    terminal: &Terminal,
) -> anyhow::Result<Vec<Vec<f32>>> {
    let packed = preparation.pixels(dataset)?;
    let manifest = &dataset.manifest;
    let places: std::collections::HashMap<String, u32> =
        (0..).zip(&manifest.images).map(|(sample, image)| (manifest.relative_path(image), sample)).collect();
    let samples: Vec<u32> = predictions.iter().filter_map(|known| places.get(&known.sample).copied()).collect();
    let data = EvaluationData::of(dataset, samples, packed, network.head.evaluation, preparation.machine.threads);
    let found = data.predict(&network.model, &network.weights, network.device(), &Progress::of_run(terminal));
    terminal.finish();
    let found = found?;
    let mut rows = found.probabilities.chunks_exact(network.model.classes()).map(<[f32]>::to_vec);
    let row = |known: &Prediction| places.contains_key(&known.sample).then(|| rows.next()).flatten();
    Ok(predictions.iter().map(row).map(Option::unwrap_or_default).collect())
}

/// The classes in label order: of the photos, else of the network, else those that the predictions name.
fn classes(dataset: Option<&Dataset>, network: Option<&SavedNetwork>, predictions: &[Prediction]) -> Vec<Class> {
    if let Some(dataset) = dataset {
        return dataset.manifest.classes.clone();
    }
    if let Some(network) = network {
        return network.head.classes.clone();
    }
    let mut wnids: Vec<&str> =
        predictions.iter().flat_map(|known| [folder_of(&known.sample), known.class.as_str()]).collect();
    wnids.sort_unstable();
    wnids.dedup();
    wnids.into_iter().map(Class::of).collect()
}

/// The folder of a photo, which is its class.
fn folder_of(sample: &str) -> &str {
    sample.split('/').nth(1).unwrap_or_default()
}

fn judge(predictions: &[Prediction], rows: Option<Vec<Vec<f32>>>, classes: &[Class]) -> Vec<Judged> {
    let label = |wnid: &str| classes.iter().position(|class| class.wnid == wnid);
    let mut rows = rows.into_iter().flatten();
    let of = |known: &Prediction| {
        let probabilities = rows.next().filter(|row| row.len() == classes.len());
        let (truth, given) = (label(folder_of(&known.sample))?, label(&known.class)?);
        Some(Judged { sample: known.sample.clone(), truth, given, probabilities })
    };
    predictions.iter().filter_map(of).collect()
}
