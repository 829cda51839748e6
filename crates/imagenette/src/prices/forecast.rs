//! How long a recipe takes on a machine: measured there, or estimated from two cores of a Zen 4 on which the recipe
//! was measured, by the cores of the machine and by what its kernels reach.

use imagenette_results::Run;
use imagenette_results::prices::{Machine, PricePerHour, charged_seconds};
use imagenette_results::run_folder::RunFolder;
use imagenette_train::recipe::plan::StepPlan;
use imagenette_train::run::Costs;
use imagenette_train::{Device, Recipe};
use serde::{Deserialize, Serialize};

use crate::Program;
use crate::numbers::seconds;
use crate::terminal::Refusal;

/// Runs of shipped recipes on two cores of a Zen 4 in bf16: whole seconds of the command, with data, evaluation at the
/// end and start. `records/` has the runs.
const SPEEDS: &str = include_str!("speeds.csv");
/// Cores of the machine on which they ran.
const CORES: f64 = 2.0;
/// Floating-point operations that a core of it does in a second of a whole run, where the recipe itself was not
/// measured: the six of `speeds.csv` reach 243 to 370 billion.
const FLOP_PER_CORE: f64 = 300e9;
/// Seconds of such a run that are none of its operations: start, photos, evaluation.
const OTHER_SECONDS: f64 = 20.0;
/// What the photos of Imagenette are, where a recipe's operations are counted.
const CLASSES: usize = 10;
const TRAIN_PHOTOS: usize = 9_469;

/// A run of a shipped recipe that was timed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Speed {
    pub(crate) recipe: String,
    /// Mean top-1 of its runs.
    pub(crate) top_1: f64,
    /// How many runs that is the mean of.
    pub(crate) runs: u32,
    pub(crate) seconds: f64,
    samples: u64,
    /// The folder of the run that was timed.
    record: String,
}

/// The recipes that were timed.
pub(crate) fn speeds() -> Vec<Speed> {
    let mut reader = csv::Reader::from_reader(SPEEDS.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().expect("the table that ships can be read")
}

/// How a number of seconds is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Known {
    /// A run of the recipe on such a machine.
    Measured {
        run: String,
    },
    Estimated {
        from: String,
    },
}

impl Known {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Measured { .. } => "measured",
            Self::Estimated { .. } => "estimated",
        }
    }
}

/// How long a recipe takes on one machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Forecast {
    pub(crate) seconds: f64,
    /// Training samples a second, everything counted.
    pub(crate) images_per_second: f64,
    pub(crate) known: Known,
}

impl Forecast {
    /// What it costs at a price: the seconds that are charged, at the price of the whole machine.
    pub(crate) fn dollars(&self, price: PricePerHour) -> f64 {
        price.of_seconds(charged_seconds(self.seconds))
    }
}

/// What is known of the time that a recipe takes.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) recipe: String,
    /// Mean top-1 and of how many runs, of a recipe that was measured.
    pub(crate) top_1: Option<(f64, u32)>,
    /// Seconds on the machine of `speeds.csv`, and how they are known.
    reference: Option<(f64, String)>,
    samples: u64,
    /// Runs that were made on machines: a machine's name, seconds for each sample, and the run's folder.
    measured: Vec<(String, f64, String)>,
    wanted: Recipe,
}

impl Work {
    /// The work of a recipe. One that was not timed itself is estimated by its operations; where these are not known,
    /// nothing is.
    pub(crate) fn of(named: &str, recipe: &Recipe, program: &Program) -> anyhow::Result<Self> {
        if let Some(budget) = recipe.budget {
            return Err(Refusal::error(
                format!("expected a recipe of so many epochs, found one with a budget of {budget}"),
                "it costs what its budget says; `imagenette train --dry-run` says how many epochs fit on this machine",
            ));
        }
        let samples = StepPlan::of(recipe, TRAIN_PHOTOS).samples();
        let speed = speeds().into_iter().find(|speed| speed.recipe == named);
        let reference = match &speed {
            Some(speed) => Some((speed.seconds, format!("{} on two Zen 4 cores", seconds(speed.seconds)))),
            None => {
                let device = Device::cpu();
                let costs = Costs::of(recipe, program.parts(), CLASSES, TRAIN_PHOTOS, &device)?;
                costs.training_flop.map(|flop| {
                    let taken = OTHER_SECONDS + flop / (FLOP_PER_CORE * CORES);
                    (taken, format!("{:.3} PFLOP at {:.0} GFLOP/s a Zen 4 core", flop / 1e15, FLOP_PER_CORE / 1e9))
                })
            }
        };
        let top_1 = speed.map(|speed| (speed.top_1, speed.runs));
        let measured = Vec::new();
        Ok(Self { recipe: recipe.name.clone(), top_1, reference, samples, measured, wanted: recipe.clone() })
    }

    /// Takes in a finished run of the recipe that was made on a machine; it may have had fewer epochs, or more.
    ///
    /// # Errors
    /// When it is a run of another recipe, or its recipe cannot be read.
    pub(crate) fn measure(&mut self, machine: &str, run: &Run, program: &Program) -> anyhow::Result<()> {
        let record = &run.record;
        let text = RunFolder::open(&run.folder)?.recipe_text()?;
        let trained = Recipe::from_toml_with(&text, &[], program.parts().as_ref())?;
        let Recipe { dataset, epochs, seed, runs, precision, hold_out, .. } = trained.clone();
        let wanted = Recipe { dataset, epochs, seed, runs, precision, hold_out, ..self.wanted.clone() };
        if trained != wanted {
            let found = if trained.name == self.recipe { "one of a changed one" } else { "one of another one" };
            return Err(Refusal::error(
                format!("{}: expected a run of the recipe `{}`, found {found}", run.folder.display(), self.recipe),
                "name a finished run of the same recipe with --measured MACHINE=RUN",
            ));
        }
        let by_sample = record.seconds.total / record.samples_drawn.max(1) as f64;
        self.measured.push((machine.into(), by_sample, run.folder.display().to_string()));
        Ok(())
    }

    /// How long it takes on a machine; `None` where that is not known: nobody has measured the portable kernels, or a
    /// GPU of a cloud.
    pub(crate) fn on(&self, machine: &Machine) -> Option<Forecast> {
        self.on_cores(&machine.name, f64::from(machine.cores), &machine.kernels)
    }

    /// The same for a machine of so many cores with kernels of this level.
    pub(crate) fn on_cores(&self, name: &str, cores: f64, kernels: &str) -> Option<Forecast> {
        let forecast =
            |seconds: f64, known: Known| Forecast { seconds, images_per_second: self.samples as f64 / seconds, known };
        let measured: Vec<_> = self.measured.iter().filter(|(machine, ..)| machine == name).collect();
        if let Some((_, _, run)) = measured.last() {
            let by_sample = measured.iter().map(|(_, by_sample, _)| by_sample).sum::<f64>() / measured.len() as f64;
            return Some(forecast(by_sample * self.samples as f64, Known::Measured { run: run.clone() }));
        }
        let (seconds, from) = self.reference.as_ref()?;
        let plural = if cores == 1.0 { "" } else { "s" };
        let mut from = format!("{from}, taken to {cores} core{plural} with {kernels}");
        if cores > CORES {
            from += "; more than two cores were never measured, and may be slower than that";
        }
        Some(forecast(seconds * CORES / cores / share(kernels)?, Known::Estimated { from }))
    }
}

/// What kernels of a level reach of those with AVX-512 BF16, core by core: in f32 M128 at 128 px runs at 0.56 of its
/// speed in bf16 (SPEED.md), and `epochs-5` on one Zen 3 core at 0.51 of a Zen 4's.
fn share(kernels: &str) -> Option<f64> {
    match kernels {
        "avx512bf16" => Some(1.0),
        "avx512" => Some(0.56),
        "avx2" => Some(0.51),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use imagenette_results::RunRecord;
    use imagenette_results::prices::PriceTable;

    use super::*;

    fn work(named: &str) -> Work {
        let program = Program::new("imagenette", "0.1.0");
        let recipe = crate::recipes::read(named, &[], program.parts()).unwrap();
        Work::of(named, &recipe, &program).unwrap()
    }

    #[test]
    fn the_seconds_that_ship_are_those_of_kept_runs_of_recipes_that_ship() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for speed in speeds() {
            let record = RunRecord::read(&root.join(&speed.record)).unwrap();
            assert_eq!((&record.recipe, record.samples_drawn), (&speed.recipe, speed.samples));
            assert!((record.seconds.total - speed.seconds).abs() < 1.0, "{}", speed.recipe);
            assert_eq!(work(&speed.recipe).samples, speed.samples, "the recipe that ships is another one now");
            let accuracy = record.result.accuracy();
            assert!((accuracy - speed.top_1).abs() < 0.01, "{}: {accuracy}", speed.recipe);
        }
    }

    #[test]
    fn what_was_not_measured_on_a_machine_is_estimated_by_its_cores_and_kernels() {
        let (table, work) = (PriceTable::shipped(), work("epochs-30"));
        let on = |name: &str| work.on(&table.machine(name).unwrap().machine);
        let forecast = on("c7a.large").unwrap();
        assert_eq!((forecast.seconds, forecast.known.word()), (2771.0, "estimated"));
        assert!((on("c7a.4xlarge").unwrap().seconds - 2771.0 / 8.0).abs() < 1e-9);
        assert!((on("n2-highcpu-4").unwrap().seconds - 2771.0 / 0.56).abs() < 1e-9);
        assert_eq!(on("c8g.2xlarge"), None, "nobody has measured the portable kernels");
        // 2,771 seconds and a minute of starting, at 0.045 dollars an hour.
        let dollars = forecast.dollars(PricePerHour::new(0.045).unwrap());
        assert!((dollars - 2831.0 * 0.045 / 3600.0).abs() < 1e-12);
        assert_eq!(work.top_1, Some((0.9383, 2)));
    }

    #[test]
    fn a_recipe_that_was_not_timed_is_estimated_by_its_operations() {
        let work = work("quick");
        let table = PriceTable::shipped();
        let forecast = work.on(&table.machine("c7a.large").unwrap().machine).unwrap();
        // LOG.md, 2026-11-28: 95 s on two Zen 3 cores, which have half the speed.
        assert!((10.0..95.0).contains(&forecast.seconds), "{forecast:?}");
        let Known::Estimated { from } = forecast.known else { panic!("it was not measured there") };
        assert!(from.contains("PFLOP"), "{from}");
    }
}
