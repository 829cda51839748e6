//! What a recipe left open until it is known how long the run is. Its first choice is measured on this machine; the
//! others go by their operations, so that a short budget does not pay for measuring them all.

use imagenette_recipe::Recipe;
use imagenette_recipe::plan::StepPlan;
use imagenette_results::run_folder::RunFolder;

use super::account::Costs;
use super::clock::{MachineTime, Time};
use super::evaluation::EvaluationData;
use super::job::TrainJob;
use super::trainer::Ground;
use super::watch::{Chosen, TrainWatch};
use crate::error::Result;

/// The recipe with the settings of the last of its choices of which enough epochs fit on this machine; as it is where
/// nothing is open.
///
/// # Errors
/// When the first choice cannot be measured, or the budget does not pay for one epoch of it.
pub fn settled(job: &TrainJob, watch: &dyn TrainWatch) -> Result<Recipe> {
    let time = MachineTime::default();
    let began = time.now_seconds() - job.prepared_seconds;
    Ok(settle(job.resolved()?, watch, &time, began)?.recipe)
}

/// The same for a job that is resolved, by any clock. A run that goes on keeps what was chosen when it began.
pub(super) fn settle<'j>(
    job: TrainJob<'j>,
    watch: &dyn TrainWatch,
    time: &dyn Time,
    began: f64,
) -> Result<TrainJob<'j>> {
    let open = &job.recipe;
    if open.choices.is_empty() {
        return Ok(job);
    }
    let choices = (0..open.choices.len())
        .map(|number| Ok(open.with_choice(number, job.parts.as_ref())?))
        .collect::<Result<Vec<_>>>()?;
    let number = match job.resume {
        // Where none is the folder's, the run is of another recipe, and is refused as such.
        true => begun(&job)?.and_then(|begun| choices.iter().position(|choice| *choice == begun)).unwrap_or(0),
        false => {
            let (number, epochs) = choose(&job, &choices, watch, time, began)?;
            let settings = open.choices[number].set.iter().map(|(key, value)| format!("{key} = {value}"));
            let settings = settings.collect::<Vec<_>>().join(", ");
            watch.chosen(&Chosen { number: number + 1, of: choices.len(), epochs, settings });
            number
        }
    };
    Ok(TrainJob { recipe: choices[number].clone(), ..job })
}

/// The recipe of the run in the job's folder.
fn begun(job: &TrainJob) -> Result<Option<Recipe>> {
    let text = RunFolder::open(&job.folder)?.recipe_text()?;
    Ok(Recipe::from_toml_with(&text, &[], job.parts.as_ref()).ok())
}

/// Which choice is taken, and about how many epochs of it fit.
fn choose(
    job: &TrainJob,
    choices: &[Recipe],
    watch: &dyn TrainWatch,
    time: &dyn Time,
    began: f64,
) -> Result<(usize, f64)> {
    let first = TrainJob { recipe: choices[0].clone(), ..job.clone() };
    let split = first.recipe.split(&job.dataset.manifest)?;
    let evaluation = EvaluationData::of(
        job.dataset,
        split.evaluated.clone(),
        job.packed.clone(),
        first.recipe.evaluation,
        job.loader_threads,
    );
    let ground = Ground { job: &first, split: &split, evaluation: &evaluation, watch, time, began };
    let (_, plan) = ground.planned()?;
    let samples = first.recipe.labeled_draws(&split);
    let epoch = |recipe: &Recipe| StepPlan::of(&Recipe { epochs: 1, budget: None, ..recipe.clone() }, samples);
    let epochs = plan.samples() as f64 / epoch(&first.recipe).samples().max(1) as f64;
    let classes = job.dataset.manifest.classes.len();
    let flop = choices.iter().map(|recipe| {
        let costs = Costs::of_plan(recipe, &job.parts, classes, &epoch(recipe), &job.device)?;
        Ok(costs.training_flop)
    });
    let flop = flop.collect::<Result<Vec<_>>>()?;
    // Of an optimizer from elsewhere the operations are not known: it is taken to cost what the first choice does.
    let fit = |number: usize| epochs * flop[0].zip(flop[number]).map_or(1.0, |(first, this)| first / this);
    let number = job.recipe.choice_for(fit);
    Ok((number, fit(number)))
}
