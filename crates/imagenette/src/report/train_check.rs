//! What a finished network says of train photos that it is shown plainly, as val photos are: how much better it knows
//! what it has seen.

use imagenette_data::edition::Split;
use imagenette_results::{probabilities, statistics};
use imagenette_train::run::evaluation::EvaluationData;

use crate::numbers::counted;
use crate::prepared::Preparation;
use crate::progress::Progress;
use crate::scored::parts;
use crate::subject::Subject;
use crate::terminal::Terminal;

/// Train photos that are shown.
const PHOTOS: usize = 1000;

/// The result on some train photos.
pub(super) struct TrainCheck {
    pub(super) correct: u64,
    pub(super) total: u64,
    /// The mean of −ln of the right class's probability.
    pub(super) cross_entropy: f64,
}

impl TrainCheck {
    /// Shows a run's network train photos, spread evenly over all that it learned from. `None` where there is no
    /// network, no photo, or a score that is not a finite number.
    ///
    /// # Errors
    /// When the pixels cannot be read, or the user interrupts.
    pub(super) fn of(
        subject: &Subject,
        preparation: &Preparation<'_>,
        terminal: &Terminal,
    ) -> anyhow::Result<Option<Self>> {
        let (Some(dataset), Some(network)) = (&subject.dataset, &subject.network) else { return Ok(None) };
        let seen = match subject.run.record.held_out {
            Some(held_out) => parts(&dataset.manifest, dataset.manifest.samples(Split::Train), held_out)?.train,
            None => dataset.manifest.samples(Split::Train),
        };
        let count = seen.len().min(PHOTOS);
        let samples: Vec<u32> = (0..count).map(|number| seen[number * seen.len() / count]).collect();
        let labels = dataset.labels();
        let samples: Vec<u32> = samples.into_iter().filter(|sample| known(labels[*sample as usize], network)).collect();
        if samples.is_empty() {
            return Ok(None);
        }
        let (packed, config) = (preparation.pixels(dataset)?, network.head.evaluation);
        let data = EvaluationData::of(dataset, samples.clone(), packed, config, preparation.machine.threads);
        let found = data.predict(&network.model, &network.weights, network.device(), &Progress::of_run(terminal));
        terminal.finish();
        let found = found?;
        if found.probabilities.is_empty() {
            return Ok(None);
        }
        let rows = found.probabilities.chunks_exact(network.model.classes());
        let losses: Vec<f64> = rows
            .zip(&samples)
            .map(|(row, sample)| probabilities::loss(f64::from(row[usize::from(labels[*sample as usize])])))
            .collect();
        let counts = data.count(&found);
        let cross_entropy = losses.iter().sum::<f64>() / losses.len() as f64;
        Ok(Some(Self { correct: counts.correct, total: counts.total, cross_entropy }))
    }

    /// Top-1 as a fraction.
    pub(super) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.total.max(1) as f64
    }

    /// What it says beside the result on photos that the network has not seen.
    pub(super) fn said(&self, subject: &Subject) -> String {
        let result = subject.run.record.result_of_weights();
        let gap = 100.0 * (self.accuracy() - result.accuracy());
        let noise = statistics::accuracy_standard_error(self.correct, self.total).unwrap_or(0.0)
            + statistics::accuracy_standard_error(result.correct, result.total).unwrap_or(0.0);
        let what = match gap {
            gap if gap > 10.0 => {
                "it has learned much of them by heart: more photos, augmentation or smoothing would help"
            }
            gap if gap > 100.0 * 2.0 * noise => "it knows them better than new ones, as is usual",
            _ => "it knows new ones as well: a longer run or a larger network may still gain",
        };
        format!(
            "Of {} that it learned from, shown plainly, it has {:.1}% right, {gap:+.1} points beside {}: {what}.",
            counted(self.total, "photo"),
            100.0 * self.accuracy(),
            subject.photos()
        )
    }
}

/// Whether the network has a class for a label.
fn known(label: u16, network: &imagenette_train::run::saved_network::SavedNetwork) -> bool {
    usize::from(label) < network.model.classes()
}
