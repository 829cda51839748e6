//! What a job needs: recipes go in; cores, memory and time come out, with room to spare, since an engine ends what
//! takes more than it said.

use std::collections::HashSet;
use std::time::Duration;

use imagenette_train::recipe::{Budget, Recipe};

use super::Plan;
use crate::Program;
use crate::prices::forecast::Work;

/// Bytes of a number.
const NUMBER: u64 = 4;
/// A photo's maps, their gradients, and what a step holds of both for a while.
const COPIES: u64 = 4;
/// What a program takes whatever it trains: code, weights, batches that wait.
const BASE_BYTES: u64 = 1 << 30;
/// A network of one's own says nothing of its maps.
const UNKNOWN_GIB: u32 = 8;
/// What `make` takes: 95 MB were the most that was measured.
const MAKE_GIB: u32 = 2;
const MAKE_MINUTES: u64 = 4 * 60;
/// Where nothing is known of a recipe's operations.
const UNKNOWN_MINUTES: u64 = 24 * 60;
/// Room for a machine that is slower or busy.
const SPARE: f64 = 2.0;
/// Minutes for fetching and decoding photos.
const SETUP_MINUTES: u64 = 15;
/// The weakest kernels whose speed is known.
const KERNELS: &str = "avx2";

/// What a job needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) cores: u16,
    pub(crate) memory_gib: u32,
    pub(crate) minutes: u64,
}

impl Resources {
    /// What a job of a plan needs, where the user has not said it.
    pub(crate) fn of(
        plan: &Plan,
        cores: u16,
        memory_gib: Option<u32>,
        time: Option<Duration>,
        program: &Program,
    ) -> anyhow::Result<Self> {
        let cores = plan.threads.unwrap_or(cores);
        let memory_gib = memory_gib.unwrap_or_else(|| match plan.recipes.as_slice() {
            [] => MAKE_GIB,
            recipes => recipes.iter().map(|(_, recipe)| memory(recipe)).max().unwrap_or(UNKNOWN_GIB),
        });
        let minutes = match time {
            Some(time) => time.as_secs().div_ceil(60),
            None if plan.recipes.is_empty() => MAKE_MINUTES,
            None => {
                let (mut longest, mut seen) = (0, HashSet::new());
                for (named, recipe) in &plan.recipes {
                    if seen.insert(what_takes_time(recipe)) {
                        longest = longest.max(minutes(named, recipe, cores, program)?);
                    }
                }
                longest
            }
        };
        Ok(Self { cores, memory_gib, minutes: minutes.max(1) })
    }
}

/// What a recipe's operations follow from: the points of a sweep have it in common mostly.
fn what_takes_time(recipe: &Recipe) -> String {
    let Recipe {
        model,
        resolution,
        epochs,
        budget,
        batch_size,
        selection,
        optimizer,
        unlabeled,
        self_supervised,
        task,
        ..
    } = recipe;
    let optimizer = format!("{optimizer:?}");
    let kind = optimizer.split([' ', '(', '{']).next().unwrap_or_default();
    format!(
        "{model:?} {resolution:?} {epochs} {budget:?} {batch_size} {selection:?} {unlabeled:?} {self_supervised:?} {task:?} {kind}"
    )
}

/// Memory of a training in whole GiB.
fn memory(recipe: &Recipe) -> u32 {
    let resolutions = [0.0, 0.25, 0.5, 0.75, 1.0].map(|progress| recipe.resolution.px(progress));
    let px = resolutions.into_iter().chain([recipe.evaluation.resolution]).max().unwrap_or(0);
    let numbers = recipe.model.map_numbers(px);
    if numbers == 0 {
        return UNKNOWN_GIB;
    }
    let photos = u64::from(recipe.batch_size).saturating_mul(recipe.photos_each() as u64);
    let batch = photos.saturating_mul(numbers).saturating_mul(NUMBER * COPIES);
    u32::try_from(batch.saturating_add(BASE_BYTES).div_ceil(1 << 30)).unwrap_or(u32::MAX)
}

/// Minutes of a training, with room to spare.
fn minutes(named: &str, recipe: &Recipe, cores: u16, program: &Program) -> anyhow::Result<u64> {
    let shipped = Recipe::shipped_text(named)
        .ok()
        .and_then(|text| Recipe::from_toml_with(text, &[], program.parts().as_ref()).ok());
    // A recipe that was changed is another one.
    let is_shipped = shipped.is_some_and(|shipped| shipped.canonical_sha256() == recipe.canonical_sha256());
    let room = |seconds: f64| ((seconds * SPARE / 60.0).ceil() as u64 + SETUP_MINUTES).div_ceil(10) * 10;
    match recipe.budget {
        Some(Budget::Minutes(minutes)) => return Ok(room(60.0 * minutes)),
        // What the machine costs is known where it runs.
        Some(Budget::Dollars(_)) => return Ok(UNKNOWN_MINUTES),
        None => {}
    }
    let work = Work::of(if is_shipped { named } else { "" }, recipe, program)?;
    let Some(forecast) = work.on_cores("", f64::from(cores), KERNELS) else { return Ok(UNKNOWN_MINUTES) };
    Ok(room(forecast.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(named: &str, overrides: &[(&str, &str)]) -> Recipe {
        let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Recipe::from_toml(Recipe::shipped_text(named).unwrap(), &overrides).unwrap()
    }

    #[test]
    fn memory_is_more_than_was_measured_and_not_ten_times_it() {
        // SPEED.md: the peak of training steps of 64 photos, in bytes.
        let measured = [
            ("m128", &[("resolution", "64"), ("evaluation.resolution", "64")][..], 292e6),
            ("m128", &[("resolution", "128"), ("evaluation.resolution", "128")], 616e6),
            ("resnet18", &[("resolution", "128"), ("batch_size", "64")], 905e6),
        ];
        for (named, overrides, bytes) in measured {
            let stated = f64::from(memory(&recipe(named, overrides))) * f64::from(1 << 30);
            assert!(stated > 1.3 * bytes && stated < 10.0 * bytes, "{named}: {stated} for {bytes}");
        }
    }

    #[test]
    fn time_is_what_a_recipe_takes_with_room_to_spare() {
        let program = Program::new("imagenette", "0.1.0");
        let of = |named: &str, cores| minutes(named, &recipe(named, &[]), cores, &program).unwrap();
        // 2,771 s on two Zen 4 cores, and twice that with AVX2.
        assert_eq!(of("epochs-30", 2), 200);
        assert!(of("epochs-30", 8) == 70 && of("epochs-60", 2) > of("epochs-30", 2));
        let longer = minutes("epochs-30", &recipe("epochs-30", &[("epochs", "60")]), 2, &program).unwrap();
        assert!(longer > 200, "{longer}");
    }
}
