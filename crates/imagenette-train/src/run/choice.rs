//! What a recipe left open until it is known how long the run is. Its first choice is measured on this machine, and of
//! the others those that are near their threshold: clearly above or below it they go by their operations, so that a
//! short budget does not pay for measuring them all. Operations alone do not tell: small photos make fewer a second.

use imagenette_recipe::Recipe;
use imagenette_recipe::plan::StepPlan;
use imagenette_results::run_folder::RunFolder;

use super::account::Costs;
use super::clock::{MachineTime, Time};
use super::evaluation::EvaluationData;
use super::job::TrainJob;
use super::planner::Times;
use super::trainer::Ground;
use super::watch::{Chosen, TrainWatch};
use crate::error::Result;

/// How far from its threshold a choice's epochs by operations are clear, as a factor. Operations a second were seen to
/// differ by 1.4 between the choices of `dollars`.
const CLEAR: f64 = 1.8;

/// A job of which nothing is open any more.
pub(super) struct Settled<'j> {
    pub(super) job: TrainJob<'j>,
    /// What its parts take here, where that was measured to choose.
    pub(super) times: Option<Times>,
}

/// The recipe with the settings of the last of its choices of which enough epochs fit on this machine; as it is where
/// nothing is open.
///
/// # Errors
/// When the first choice cannot be measured, or the budget does not pay for one epoch of it.
pub fn settled(job: &TrainJob, watch: &dyn TrainWatch) -> Result<Recipe> {
    let time = MachineTime::default();
    let began = time.now_seconds() - job.prepared_seconds;
    Ok(settle(job.resolved()?, watch, &time, began)?.job.recipe)
}

/// The same for a job that is resolved, by any clock. A run that goes on keeps what was chosen when it began.
pub(super) fn settle<'j>(
    job: TrainJob<'j>,
    watch: &dyn TrainWatch,
    time: &dyn Time,
    began: f64,
) -> Result<Settled<'j>> {
    let open = &job.recipe;
    if open.choices.is_empty() {
        return Ok(Settled { job, times: None });
    }
    let choices = (0..open.choices.len())
        .map(|number| Ok(open.with_choice(number, job.parts.as_ref())?))
        .collect::<Result<Vec<_>>>()?;
    let (number, times) = match job.resume {
        // Where none is the folder's, the run is of another recipe, and is refused as such.
        true => {
            let begun = begun(&job)?.and_then(|begun| choices.iter().position(|choice| *choice == begun));
            (begun.unwrap_or(0), None)
        }
        false => {
            let Taken { number, epochs, times } = choose(&job, &choices, watch, time, began)?;
            let settings = open.choices[number].set.iter().map(|(key, value)| format!("{key} = {value}"));
            let settings = settings.collect::<Vec<_>>().join(", ");
            watch.chosen(&Chosen { number: number + 1, of: choices.len(), epochs, settings });
            (number, times)
        }
    };
    Ok(Settled { job: TrainJob { recipe: choices[number].clone(), ..job }, times })
}

/// The recipe of the run in the job's folder.
fn begun(job: &TrainJob) -> Result<Option<Recipe>> {
    let text = RunFolder::open(&job.folder)?.recipe_text()?;
    Ok(Recipe::from_toml_with(&text, &[], job.parts.as_ref()).ok())
}

/// The choice that is taken.
struct Taken {
    number: usize,
    /// About how many epochs of it fit.
    epochs: f64,
    times: Option<Times>,
}

/// Which choice is taken.
fn choose(job: &TrainJob, choices: &[Recipe], watch: &dyn TrainWatch, time: &dyn Time, began: f64) -> Result<Taken> {
    let classes = job.dataset.manifest.classes.len();
    let split = choices[0].split(&job.dataset.manifest)?;
    let samples = choices[0].labeled_draws(&split);
    let epoch = |recipe: &Recipe| StepPlan::of(&Recipe { epochs: 1, budget: None, ..recipe.clone() }, samples);
    let flop = choices.iter().map(|recipe| {
        let costs = Costs::of_plan(recipe, &job.parts, classes, &epoch(recipe), &job.device)?;
        Ok(costs.training_flop)
    });
    let flop = flop.collect::<Result<Vec<_>>>()?;
    let mut times: Vec<Option<Times>> = vec![None; choices.len()];
    let mut measure = |number: usize| {
        let this = TrainJob { recipe: choices[number].clone(), ..job.clone() };
        let split = this.recipe.split(&job.dataset.manifest)?;
        let evaluation = EvaluationData::of(
            job.dataset,
            split.evaluated.clone(),
            job.packed.clone(),
            this.recipe.evaluation,
            job.loader_threads,
        );
        let ground = Ground { job: &this, split: &split, evaluation: &evaluation, watch, time, began, times: None };
        let (planner, stretch) = match number {
            // The first must fit: what does not pay for one epoch of it is refused.
            0 => {
                let (planner, plan) = ground.planned()?;
                (planner, plan.samples())
            }
            _ => ground.longest()?,
        };
        times[number] = Some(planner.times);
        Ok(stretch as f64 / epoch(&this.recipe).samples().max(1) as f64)
    };
    let froms: Vec<_> = job.recipe.choices.iter().map(|choice| choice.from_epochs).collect();
    let fit = fitting(&froms, &flop, &mut measure)?;
    let number = job.recipe.choice_for(|number| fit[number].epochs);
    // The run needs to know what its steps take in any case.
    let epochs = if fit[number].is_measured { fit[number].epochs } else { measure(number)? };
    Ok(Taken { number, epochs, times: times.swap_remove(number) })
}

/// How many epochs of a choice fit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fit {
    epochs: f64,
    is_measured: bool,
}

/// How many epochs fit of each choice, given where each begins to be good and the operations of its epoch: measured of
/// the first and of those near their thresholds, of the others as of the last one measured, by the operations.
fn fitting(
    from_epochs: &[f64],
    flop: &[Option<f64>],
    mut measure: impl FnMut(usize) -> Result<f64>,
) -> Result<Vec<Fit>> {
    let mut fit: Vec<Fit> = Vec::new();
    let mut last = 0;
    for (number, &from) in from_epochs.iter().enumerate() {
        // Of an optimizer from elsewhere the operations are not known: it is taken to cost what the last one did.
        let estimated = fit.get(last).map(|fit| fit.epochs * flop[last].zip(flop[number]).map_or(1.0, |(a, b)| a / b));
        let is_clear = |epochs: f64| epochs > CLEAR * from || CLEAR * epochs < from;
        fit.push(match estimated {
            Some(epochs) if is_clear(epochs) => Fit { epochs, is_measured: false },
            _ => {
                last = number;
                Fit { epochs: measure(number)?, is_measured: true }
            }
        });
    }
    Ok(fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where so many epochs fit of each choice, and which are measured.
    fn found(fits: &[f64], flop: &[Option<f64>]) -> (Vec<f64>, Vec<usize>) {
        let mut measured = Vec::new();
        let measure = |number: usize| {
            measured.push(number);
            Ok(fits[number])
        };
        let fit = fitting(&[0.0, 2.0, 7.0, 20.0], flop, measure).unwrap();
        assert!(fit.iter().enumerate().all(|(number, fit)| fit.is_measured == measured.contains(&number)));
        (fit.iter().map(|fit| fit.epochs).collect(), measured)
    }

    #[test]
    fn choices_near_their_threshold_are_measured_and_the_others_go_by_their_operations() {
        let flop = [1.0, 4.0, 8.0, 32.0].map(Some);
        // 28 epochs of the first: 7 of the second by operations, clearly enough; 3.5 of the third, clearly too few,
        // and the last is far from its threshold.
        assert_eq!(found(&[28.0, 9.9, 9.9, 9.9], &flop), (vec![28.0, 7.0, 3.5, 0.875], vec![0]));
        // By operations 5.0 of the third: near 7, and 7.2 in truth. The last then goes by what was measured of it.
        assert_eq!(found(&[40.0, 9.9, 7.2, 9.9], &flop), (vec![40.0, 10.0, 7.2, 1.8], vec![0, 2]));
        // Near two thresholds.
        let (fit, measured) = found(&[480.0, 0.0, 0.0, 21.0], &flop);
        assert_eq!((fit[3], measured), (21.0, vec![0, 3]));
        let flat = [Some(1.0), None, None, Some(1.0)];
        assert_eq!(found(&[9.0, 0.0, 6.5, 6.5], &flat), (vec![9.0, 9.0, 6.5, 6.5], vec![0, 2]));
    }
}
