//! What a recipe's parts promise, checked: for the tests of parts from elsewhere, held to what the shipped ones keep.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use imagenette_data::dataset::Dataset;
use imagenette_data::drawn::make_small_drawn_set;
use imagenette_data::edition::Split;
use imagenette_data::loader::{Batch, Loader};
use imagenette_data::packed::Packed;
use imagenette_data::random::{Purpose, Random};
use imagenette_data::task::TaskSplit;
use imagenette_data::{DataError, watch};
use imagenette_files::FileError;
use imagenette_recipe::model::{ActivationConfig, ModelConfig};
use imagenette_recipe::plan::{StepPlan, batches};
use imagenette_recipe::precision::PrecisionChoice;
use imagenette_recipe::unlabeled::{FixMatch, Unlabeled};
use imagenette_recipe::{Recipe, RecipeError};
use imagenette_results::RunRecord;

use crate::compute::device::Device;
use crate::compute::guard::{fault, guard};
use crate::error::{Result, TrainError};
use crate::ops::{Activation, Curve};
use crate::parts::Parts;
use crate::run::job::{Outcome, TrainJob};
use crate::run::learner::Learner;
use crate::run::trainer::train;
use crate::run::watch::{Silent, StepReport, TrainWatch};
use crate::study::bare_steps::BareSteps;

/// By how much a gradient may differ from what differences of the loss say, as a share. Both are computed in f32, and a
/// kink between the two places of a difference counts too.
const GRADIENT_TOLERANCE: f64 = 0.05;
/// By how much the slope of an own activation may differ from differences of its values: a share of it, and as much again
/// where it is small. Values near 8 are rounded to some 5e-7, which the shortest distance makes 1e-4.
const SLOPE_TOLERANCE: (f64, f64) = (0.003, 0.001);
/// Inputs at which a slope may be another than differences say: those beside a kink.
const KINKS: usize = 4;
/// Steps of which the median is compared with those of the built-in parts, in turn.
const TIMED_STEPS: usize = 9;
/// Photos of each class, in train and in val.
const PHOTOS: [u32; 2] = [8, 4];

/// What was found of a recipe whose parts keep their promises.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The parts that are not shipped: ``optimizer `lion` ``.
    pub parts: Vec<String>,
    /// The largest difference between a gradient and differences of the loss, as a share.
    pub gradient_error: f64,
    /// The median of a training step's seconds.
    pub step_seconds: f64,
    /// The same with built-in parts in place of those that are not shipped.
    pub built_in_step_seconds: f64,
}

impl Report {
    /// How often a built-in step fits into one of these.
    pub fn slower(&self) -> f64 {
        self.step_seconds / self.built_in_step_seconds
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}: finite gradients, within {:.1}% of differences; the same bits with 1 and 2 threads and after an \
             interruption; a step takes {:.1} ms, {:.2} times one of built-in parts",
            if self.parts.is_empty() { "shipped parts".into() } else { self.parts.join(", ") },
            100.0 * self.gradient_error,
            1000.0 * self.step_seconds,
            self.slower()
        )
    }
}

/// Checks a recipe's parts on some pictures of the drawn set, in a folder that is removed at the end:
///
/// - the slope of an activation agrees with differences of its values, at inputs from -8 to 8;
/// - gradients are finite and agree with differences of the loss, and everything that is learned has one;
/// - a run of two epochs gives the same bits with 1 and with 2 threads, and when it is interrupted and resumed;
/// - no number of the network becomes infinite or NaN;
/// - and it is measured how much longer a step takes than with built-in parts.
///
/// What it takes depends on the recipe's network; resolution and batch are made small.
///
/// # Errors
/// The first promise that is not kept, with the part where one can be named.
pub fn check(parts: &Arc<Parts>, recipe: &str) -> Result<Report> {
    check_with(parts, recipe, &Silent)
}

/// The same, until the watch asks it to stop.
///
/// # Errors
/// Those of [`check`], and [`DataError::Interrupted`].
pub fn check_with(parts: &Arc<Parts>, recipe: &str, watch: &dyn TrainWatch) -> Result<Report> {
    parts.check_names()?;
    let recipe = small(recipe, parts)?;
    let folder = tempfile::tempdir()
        .map_err(|error| DataError::from(FileError::io("create", Path::new("a temporary folder"))(error)))?;
    let photos = folder.path().join("photos");
    make_small_drawn_set(&photos, PHOTOS, &watch::Silent)?;
    let dataset = Dataset::open(&photos)?;
    let packed = Arc::new(Packed::open_or_build(&dataset, &folder.path().join("packed"), 1, &watch::Silent)?);
    let job = |name: &str| {
        let (recipe, packed) = (recipe.clone(), packed.clone());
        let job = TrainJob::new(recipe, &dataset, packed, folder.path().join(name), Device::cpu());
        TrainJob { parts: parts.clone(), loader_threads: 1, checkpoint_seconds: f64::INFINITY, ..job }
    };
    let named = parts.named_in(&recipe);
    let whole = if named.is_empty() { "the recipe".to_owned() } else { named.join(", ") };

    if let Some(Activation::Curve(name, curve)) =
        recipe.model.activation().map(|config| parts.activation_of(config)).transpose()?
    {
        slopes(name, curve.as_ref())?;
    }
    // In f32 whatever the recipe says: in bf16 small differences of the loss are lost in its rounding.
    let in_f32 = Recipe { precision: PrecisionChoice::F32, ..recipe.clone() };
    let gradient_error = gradients(&TrainJob { recipe: in_f32, ..job("gradients") }.resolved()?, &whole, watch)?;
    same_bits(&job, &whole, watch)?;
    let built_in = TrainJob { recipe: built_in(&recipe)?, ..job("built-in steps") };
    let [step_seconds, built_in_step_seconds] = step_seconds([&job("steps"), &built_in], watch)?;
    Ok(Report { parts: named, gradient_error, step_seconds, built_in_step_seconds })
}

/// Ends where the watch asks for it.
fn go_on(watch: &dyn TrainWatch) -> Result<()> {
    if watch.interrupted() { Err(DataError::Interrupted.into()) } else { Ok(()) }
}

/// The recipe with few small steps: the smallest of some resolutions that its parts accept.
fn small(text: &str, parts: &Parts) -> Result<Recipe> {
    // A step with photos without labels has more than its batch.
    let each = Recipe::from_toml_with(text, &[], parts).map_or(1, |recipe| recipe.photos_each());
    let read = |px: u32| {
        let small = [
            ("epochs", "2".to_owned()),
            ("batch_size", (16 / each).max(2).to_string()),
            ("resolution", px.to_string()),
            ("evaluation.resolution", px.to_string()),
            ("runs", "1".into()),
        ];
        Recipe::from_toml_with(text, &small.map(|(key, value)| (key.to_owned(), value)), parts)
    };
    // What is wrong beside the size is said as the recipe has it.
    let mut recipe = read(32).or_else(|_| read(64)).or_else(|_| read(96)).or_else(|_| read(128))?;
    (recipe.dataset, recipe.hold_out, recipe.rules) = (None, None, None);
    // Parts are looked at on photos with labels.
    if recipe.self_supervised.take().is_some() {
        recipe.task = None;
    }
    Ok(recipe)
}

/// The same recipe with built-in parts in place of those that are not shipped.
fn built_in(recipe: &Recipe) -> Result<Recipe, RecipeError> {
    let plain = Recipe::from_toml(Recipe::shipped_text("default")?, &[])?;
    let mut built_in = recipe.clone();
    match &mut built_in.model {
        ModelConfig::Fast(config) if config.activation.own().is_some() => config.activation = ActivationConfig::Gelu,
        ModelConfig::Xresnet(config) if config.activation.own().is_some() => config.activation = ActivationConfig::Relu,
        model if model.own().is_some() => *model = plain.model,
        _ => {}
    }
    if built_in.optimizer.own().is_some() {
        built_in.optimizer = plain.optimizer;
    }
    if built_in.schedule.own().is_some() {
        built_in.schedule = plain.schedule;
    }
    built_in.loss.own = None;
    built_in.augmentation = Vec::new();
    if let Some(selection) = &mut built_in.selection {
        selection.own = None;
    }
    if let Some(method) = built_in.unlabeled.as_ref().filter(|method| method.own().is_some()) {
        let settings = FixMatch { ratio: method.ratio(), strong: method.strong(), ..FixMatch::default() };
        built_in.unlabeled = Some(Unlabeled::FixMatch(settings));
        built_in.loss.label_smoothing = 0.0;
    }
    Ok(built_in)
}

/// The first batches of a run.
fn first_batches(job: &TrainJob, plan: &StepPlan, count: usize) -> Result<Vec<Batch>> {
    let augmentations = job.parts.augmentations_of(&job.recipe)?;
    // Parts are looked at on photos with labels.
    let recipe = Recipe { unlabeled: None, self_supervised: None, ..job.recipe.clone() };
    let labels: Arc<[u16]> = job.dataset.labels().into();
    let requests = batches(
        &recipe,
        job.seed,
        TaskSplit::whole(&job.dataset.manifest),
        labels.clone(),
        plan.clone(),
        0,
        augmentations,
    )
    .take(count);
    let loader =
        Loader::new(job.packed.clone(), labels, job.seed, 1, Box::new(requests.collect::<Vec<_>>().into_iter()))?;
    Ok(loader.collect::<Result<_, _>>()?)
}

/// Compares the slope of an activation with differences of its values.
fn slopes(name: &str, curve: &dyn Curve) -> Result<()> {
    let part = format!("activation `{name}`");
    let (mut wrong, mut worst) = (0, (0.0, String::new()));
    // Off the round numbers, at which most kinks are.
    for place in -128..128_i16 {
        let x = f32::from(place) / 16.0 + 0.0213;
        let (value, slope) = guard(&part, || (curve.value(x), curve.slope(x)))?;
        if !(value.is_finite() && slope.is_finite()) {
            return Err(fault(&part, format!("at {x} its value is {value} and its slope {slope}")));
        }
        // Near a kink short distances are right, where values are large long ones: the best counts.
        let difference_of = |distance: f32| {
            let (above, below) = (x + distance, x - distance);
            let rise = f64::from(curve.value(above)) - f64::from(curve.value(below));
            rise / (f64::from(above) - f64::from(below))
        };
        let slope = f64::from(slope);
        let found = [0.02, 0.005, 0.00125]
            .map(difference_of)
            .into_iter()
            .min_by(|a, b| (a - slope).abs().total_cmp(&(b - slope).abs()))
            .unwrap_or(f64::NAN);
        let (share, least) = SLOPE_TOLERANCE;
        let error = (found - slope).abs() / (share * slope.abs().max(found.abs()) + least);
        // NaN is wrong as well.
        if error.is_nan() || error > 1.0 {
            wrong += 1;
            if error.is_nan() || error > worst.0 {
                let said =
                    format!("expected the slope {found:.5} at {x} by differences of its values, found {slope:.5}");
                worst = (error, said);
            }
        }
    }
    if wrong > KINKS { Err(fault(&part, format!("{}, and so at {wrong} of 256 inputs", worst.1))) } else { Ok(()) }
}

/// The largest difference between the gradient of the loss by all that is learned, and what the loss does along some
/// directions, as a share.
fn gradients(job: &TrainJob, whole: &str, watch: &dyn TrainWatch) -> Result<f64> {
    let samples = job.dataset.manifest.samples(Split::Train);
    job.recipe.check_steps(samples.len())?;
    let plan = StepPlan::of(&job.recipe, samples.len());
    let mut learner = Learner::new(job, &plan)?;
    learner.whiten_stem(job, &samples)?;
    // A way to learn without labels is shown a second batch as such.
    let mut seen = first_batches(job, &plan, 2)?;
    let batch = seen.remove(0);
    let others = seen.pop();
    let weights = learner.weights_on_host();
    let (_, gradients) = learner.loss_and_gradients(&weights, &batch, others.as_ref())?;
    let unused = learner
        .model
        .layout()
        .slots()
        .iter()
        .zip(&gradients)
        .find(|(slot, gradient)| slot.role.is_learned() && gradient.is_empty());
    if let (Some((slot, _)), true) = (unused, job.recipe.model.own().is_some()) {
        return Err(fault(whole, format!("`{}` has no gradient: the network does not use it", slot.name)));
    }
    let is_finite = gradients.iter().flatten().all(|number| number.is_finite());
    if !is_finite {
        return Err(fault(whole, "a gradient is infinite or NaN"));
    }
    let size = gradients.iter().flatten().map(|&number| f64::from(number).powi(2)).sum::<f64>().sqrt();
    if size == 0.0 {
        return Err(fault(whole, "the gradient is zero everywhere: nothing would be learned"));
    }
    let mut largest: f64 = 0.0;
    // Along the gradient itself, and along it with parts of it left out at random.
    for number in 0..4 {
        go_on(watch)?;
        let mut random = Random::new(job.seed, Purpose::Test, 0, number);
        let mut keep = || number == 0 || random.chance(0.5);
        let direction: Vec<Vec<f32>> = gradients
            .iter()
            .map(|gradient| {
                gradient.iter().map(|&slope| if keep() { (f64::from(slope) / size) as f32 } else { 0.0 }).collect()
            })
            .collect();
        let slope: f64 = dot(&gradients, &direction);
        // Half a percent of the loss: far above what f32 rounds, and not yet far along the curve.
        let (loss, _) = learner.loss_and_gradients(&weights, &batch, others.as_ref())?;
        let far = (0.005 * loss.abs().max(0.01) / slope).min(0.05);
        let at = |step: f64| {
            let moved: Vec<Vec<f32>> = weights
                .iter()
                .zip(&direction)
                .map(|(weights, direction)| {
                    // What has no gradient stays.
                    if direction.is_empty() {
                        return weights.clone();
                    }
                    weights.iter().zip(direction).map(|(w, d)| (f64::from(*w) + step * f64::from(*d)) as f32).collect()
                })
                .collect();
            learner.loss_and_gradients(&moved, &batch, others.as_ref()).map(|(loss, _)| loss)
        };
        // Kinks (of a maximum, for example) bend long steps and rounding short ones: the best of three lengths counts.
        let mut best = (f64::INFINITY, f64::NAN);
        for step in [far, far / 4.0, far / 16.0] {
            let difference = (at(step)? - at(-step)?) / (2.0 * step);
            let error = (difference / slope - 1.0).abs();
            if error < best.0 {
                best = (error, difference);
            }
        }
        let (error, difference) = best;
        if error > GRADIENT_TOLERANCE {
            return Err(fault(
                whole,
                format!(
                    "expected the slope {slope:.4e} of the loss by its gradient, found {difference:.4e} by differences"
                ),
            ));
        }
        largest = largest.max(error);
    }
    Ok(largest)
}

fn dot(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Interrupts after so many steps of this sitting, or where another watch does.
struct StopAfter<'w> {
    left: AtomicU64,
    watch: &'w dyn TrainWatch,
}

impl TrainWatch for StopAfter<'_> {
    fn step(&self, _: &StepReport) {
        self.left.fetch_sub(1, Ordering::Relaxed);
    }

    fn interrupted(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0 || self.watch.interrupted()
    }
}

/// Runs of one thread, of two, and one that is interrupted and resumed: all end in the same bits, and in numbers.
fn same_bits<'j>(job: &(dyn Fn(&str) -> TrainJob<'j> + Sync), whole: &str, watch: &dyn TrainWatch) -> Result<()> {
    const NEVER: u64 = u64::MAX;
    let finish = |job: &TrainJob, steps: u64| match train(job, &StopAfter { left: AtomicU64::new(steps), watch }) {
        Ok(Outcome::Finished(record)) => Ok(Some(*record)),
        Ok(Outcome::Interrupted { .. }) => go_on(watch).map(|()| None),
        Err(error @ TrainError::Diverged { .. }) => Err(fault(whole, error.to_string())),
        Err(error) => Err(error),
    };
    let finished =
        |found: Option<RunRecord>| found.ok_or_else(|| fault(whole, "a run was interrupted that nobody interrupted"));
    let one = with_threads(1, || finish(&job("one thread"), NEVER))?;
    let one = finished(one)?;
    let two = with_threads(2, || finish(&TrainJob { loader_threads: 2, ..job("two threads") }, NEVER))?;
    agree(&one, &finished(two)?, whole, "with two threads")?;
    let mut resumed = job("resumed");
    if finish(&resumed, 3)?.is_some() {
        return Err(fault(whole, "a run ended before its fourth step"));
    }
    resumed.resume = true;
    agree(&one, &finished(finish(&resumed, NEVER)?)?, whole, "when it is interrupted after step 3 and resumed")
}

/// Compares the weights and predictions of two runs.
fn agree(one: &RunRecord, other: &RunRecord, whole: &str, when: &str) -> Result<()> {
    let hashes = |record: &RunRecord| {
        let provenance = record.provenance.as_ref().expect("this program writes it");
        (provenance.weights_sha256.clone(), provenance.predictions_sha256.clone())
    };
    if hashes(one) == hashes(other) {
        return Ok(());
    }
    Err(fault(
        whole,
        format!("a run ends in other bits {when}: is anything kept beside the states, or drawn by another generator?"),
    ))
}

/// Runs something with a pool of so many threads.
fn with_threads<T: Send>(count: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
    pool.map_err(|error| fault("the machine", format!("cannot start {count} threads: {error}")))?.install(work)
}

/// The medians of the seconds of a step of two jobs, in turn, so that a machine that slows down slows both; after two
/// that warm up.
fn step_seconds(jobs: [&TrainJob; 2], watch: &dyn TrainWatch) -> Result<[f64; 2]> {
    let jobs = [jobs[0].resolved()?, jobs[1].resolved()?];
    let begin = |job: &TrainJob| {
        let samples = job.dataset.manifest.samples(Split::Train);
        first_batches(job, &StepPlan::of(&job.recipe, samples.len()), 2)
    };
    let batches = [begin(&jobs[0])?, begin(&jobs[1])?];
    let mut steps = [BareSteps::begin(&jobs[0])?, BareSteps::begin(&jobs[1])?];
    let mut seconds = [Vec::new(), Vec::new()];
    for round in 0..TIMED_STEPS + 2 {
        go_on(watch)?;
        for side in 0..2 {
            let batch = batches[side][round % batches[side].len()].clone();
            let began = Instant::now();
            steps[side].step(batch)?;
            seconds[side].push(began.elapsed().as_secs_f64());
        }
    }
    Ok(seconds.map(|mut seconds| {
        seconds.drain(..2);
        seconds.sort_unstable_by(f64::total_cmp);
        seconds[TIMED_STEPS / 2]
    }))
}
