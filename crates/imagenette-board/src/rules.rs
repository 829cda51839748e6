//! What a challenge asks of a recipe and of a record, beyond that a run's files belong together.

use imagenette_recipe::Recipe;
use imagenette_results::RunRecord;
use imagenette_results::attempt::{Attempt, Attempts, SILENCE_SECONDS};
use imagenette_results::prices::charged_seconds;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::entry::{Division, EntryFile};
use crate::fault::Fault;
use crate::season::{Challenge, Limit, Season, Source};
use crate::seed_run::Checked;

/// Epochs of an entry for dollars or for a task at most: what is planned for a check is bounded.
const MOST_EPOCHS: u32 = 1000;
/// By how much clocks of two machines, or two looks at one, may differ.
const CLOCK_SECONDS: f64 = 5.0;
/// By how much a machine's memory may exceed what its type has: they are counted in other units.
const MEMORY: f64 = 1.03;
/// Kernel levels from the narrowest to the widest.
const LEVELS: [&str; 4] = ["portable", "avx2", "avx512", "avx512bf16"];

/// What a recipe must be.
pub(crate) fn recipe(shown: &str, recipe: &Recipe, challenge: &Challenge, faults: &mut Vec<Fault>) {
    let mut fault = |expected: String, found: String, hint: &str| faults.push(Fault::new(shown, expected, found, hint));
    let most = match challenge.limit {
        Limit::Epochs { epochs } => epochs,
        _ => MOST_EPOCHS,
    };
    if recipe.epochs > most {
        fault(format!("at most {most} epochs"), recipe.epochs.to_string(), "enter a challenge of more epochs");
    }
    if let Some(px) = challenge.px {
        let largest = recipe.resolution.largest_px();
        for (what, found) in [("training", largest), ("evaluation", recipe.evaluation.resolution)] {
            if found > px {
                fault(
                    format!("{what} at {px} px at most"),
                    format!("{found} px"),
                    "enter a challenge of this resolution",
                );
            }
        }
    }
    if recipe.evaluation.resolution > recipe.resolution.largest_px() {
        let expected = format!("evaluation at no more than the {} px of training", recipe.resolution.largest_px());
        fault(expected, format!("{} px", recipe.evaluation.resolution), "lower evaluation.resolution");
    }
    if recipe.hold_out.is_some() {
        fault("training on all of train".into(), "`hold_out`".into(), "a run that counts holds nothing out");
    }
    if recipe.initial.is_some() {
        let hint = "weights that have seen ImageNet have seen nearly all of val, with labels";
        fault("random initial weights".into(), "`initial`".into(), hint);
    }
    let task = match &challenge.limit {
        Limit::Task { task } => Some(task),
        _ => None,
    };
    if recipe.task.as_ref() != task {
        let said = |task: Option<&String>| task.map_or("none".into(), |task| format!("`{task}`"));
        fault(format!("the task {}", said(task)), said(recipe.task.as_ref()), "enter the challenge of this task");
    }
    if recipe.unlabeled.is_some() && task.is_none() {
        fault("photos with labels alone".into(), "`unlabeled`".into(), "enter a task of few labels");
    }
    if recipe.self_supervised.is_some() && task.is_none_or(|task| task != "no-labels") {
        let hint = "enter a run that begins with these weights and learns from labels";
        fault("a network that learns from labels".into(), "`self_supervised`".into(), hint);
    }
}

/// What a record must say.
pub(crate) struct RecordRules<'r> {
    pub(crate) shown: &'r str,
    pub(crate) record: &'r RunRecord,
    pub(crate) season: &'r Season,
    pub(crate) challenge: &'r Challenge,
    pub(crate) file: &'r EntryFile,
    /// The day of the entry, where its folder names one.
    pub(crate) date: Option<Date>,
}

impl RecordRules<'_> {
    fn fault(&self, expected: impl Into<String>, found: impl Into<String>, hint: &str) -> Fault {
        Fault::new(self.shown, expected, found, hint)
    }

    pub(crate) fn check(&self, faults: &mut Vec<Fault>) {
        self.dataset(faults);
        self.limits(faults);
        self.engine(faults);
        self.clock(faults);
        self.machine(faults);
    }

    /// Whether it was trained on the challenge's source.
    fn dataset(&self, faults: &mut Vec<Fault>) {
        let source = self.season.source(self.challenge);
        let Source { name, edition, identity, archives, train, val, .. } = source;
        let own = &self.record.dataset;
        let hint = "the source is worth more than most ideas: enter the challenge of the photos that it was trained on";
        if own.edition != *edition || (own.train, own.val) != (*train, *val) {
            let expected = format!("{edition} of {train} train and {val} val photos");
            let found = format!("{} of {} and {}", own.edition, own.train, own.val);
            faults.push(self.fault(expected, found, hint));
        }
        if let Some(identity) = identity.as_ref().filter(|identity| **identity != own.identity) {
            faults.push(self.fault(format!("the content of {name} ({identity})"), own.identity.clone(), hint));
        }
        let archive = archives.iter().find(|archive| archive.name == own.source);
        let is_known = archive.is_some_and(|archive| archive.sha256.is_none() || archive.sha256 == own.source_sha256);
        if !is_known {
            let expected = archives.iter().map(|archive| archive.name.as_str()).collect::<Vec<_>>().join(" or ");
            let found = format!("{}, sha256 {}", own.source, own.source_sha256.as_deref().unwrap_or("unknown"));
            faults.push(self.fault(format!("photos of {expected}, with its hash"), found, hint));
        }
    }

    /// Whether it spent no more than the challenge allows.
    fn limits(&self, faults: &mut Vec<Fault>) {
        let record = self.record;
        if let Limit::Epochs { epochs } = self.challenge.limit {
            let most = u64::from(epochs) * record.dataset.train;
            if record.epochs > epochs || record.samples_drawn > most {
                let expected = format!("at most {epochs} epochs and {most} samples");
                let found = format!("{} and {}", record.epochs, record.samples_drawn);
                faults.push(self.fault(expected, found, "enter a challenge of more epochs"));
            }
        }
        if let (Limit::Dollars { dollars }, Some(own)) = (&self.challenge.limit, self.dollars())
            && own > *dollars
        {
            let hint = "every second of each attempt counts, and a minute for its start: see docs/leaderboard.md";
            faults.push(self.fault(format!("at most ${dollars:.2}"), format!("${own:.4}"), hint));
        }
        if record.held_out.is_some() {
            faults.push(self.fault(
                "an evaluation on val",
                "one on what was held out of train",
                "run it on all of train",
            ));
        }
        let provenance = record.provenance.as_ref();
        if provenance.is_some_and(|provenance| provenance.parent.is_some()) {
            faults.push(self.fault("random initial weights", "another run's", "begin with random weights"));
        }
        if provenance.is_some_and(|provenance| provenance.changed_machine) {
            let found = "a run that was resumed with --changed-machine";
            faults.push(self.fault("a run of one arithmetic, which can be replayed", found, "run this seed again"));
        }
    }

    /// Whether its engine is one of the season's, and built from a commit as it is.
    fn engine(&self, faults: &mut Vec<Fault>) {
        let Some(provenance) = &self.record.provenance else {
            let hint = "runs of an older program name no hashes: run it again";
            faults.push(self.fault("a record of version 2 or later", "version 1", hint));
            return;
        };
        let engines = &self.season.engines;
        let is_known = |engine: &str| engines.is_empty() || engines.iter().any(|known| known.sha256 == engine);
        for attempt in provenance.attempts.iter() {
            if !is_known(&attempt.arithmetic.engine) {
                let known: Vec<&str> = engines.iter().map(|known| known.commit.as_str()).collect();
                let expected = format!("an engine of the season (commits {})", known.join(", "));
                let hint = "build the program from one of these commits";
                faults.push(self.fault(expected, attempt.arithmetic.engine.clone(), hint));
            }
            let is_whole = |commit: &String| commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !attempt.commit.as_ref().is_some_and(is_whole) {
                let found = attempt.commit.clone().unwrap_or_else(|| "none".into());
                let hint = "build the program from a commit, without changed files";
                faults.push(self.fault("a program built from a commit as it is", found, hint));
            }
        }
        let has_parts = !provenance.parts.is_empty();
        if has_parts != (self.file.division == Division::OwnParts) {
            let found = if has_parts { "own parts" } else { "none" };
            let hint = "runs with own parts belong into the division own-parts, all others into recipe";
            faults.push(self.fault("own parts, in the division own-parts alone", found, hint));
        }
        let long = provenance.attempts.iter().map(|attempt| attempt.machine.processor.chars().count()).max();
        if long.is_some_and(|letters| letters > 200) {
            faults.push(self.fault("a processor's name of at most 200 letters", "a longer one", "run it again"));
        }
    }

    /// Whether attempts follow each other on the clock, are over by the day of the entry, and last as long as they say.
    fn clock(&self, faults: &mut Vec<Fault>) {
        let Some(provenance) = &self.record.provenance else { return };
        let attempts: Vec<&Attempt> = provenance.attempts.iter().collect();
        let ends: Vec<_> = attempts.iter().map(|attempt| attempt.ended.unwrap_or(attempt.started)).collect();
        let overlap = attempts.windows(2).zip(&ends).any(|(pair, end)| pair[1].started < *end);
        if overlap || attempts.iter().zip(&ends).any(|(attempt, end)| *end < attempt.started) {
            let hint = "a run has one process at a time, and its clock goes forward";
            faults.push(self.fault("attempts one after another", "some that overlap or end before they begin", hint));
            return;
        }
        let last = ends.last().map(|end| TimeZone::UTC.to_datetime(*end).date());
        if let (Some(date), Some(last)) = (self.date, last)
            && last > date.tomorrow().unwrap_or(date)
        {
            faults.push(self.fault(
                format!("a run that was over on {date}"),
                format!("one of {last}"),
                "rename the entry",
            ));
        }
        let wall: f64 = wall_seconds(&provenance.attempts).into_iter().sum();
        // What was fetched and packed before the first step is in the total, and before the first attempt.
        let total = self.record.seconds.training + self.record.seconds.evaluation;
        if total > wall + CLOCK_SECONDS * attempts.len() as f64 {
            let expected = format!("at most the {wall:.0} seconds from the start of its attempts to their end");
            faults.push(self.fault(
                expected,
                format!("{total:.0} seconds of training and evaluation"),
                "run it again on a machine whose clock goes right",
            ));
        }
    }

    /// Whether its machine can be what its author says, and was no faster than such machines are.
    fn machine(&self, faults: &mut Vec<Fault>) {
        let record = self.record;
        let Some(provenance) = &record.provenance else { return };
        for attempt in provenance.attempts.iter() {
            let level = attempt.arithmetic.level.as_deref().unwrap_or("portable");
            if let Some(named) = &self.file.machine
                && let Ok(listed) = self.season.prices.machine(named)
            {
                let (own, type_of) = (&attempt.machine, &listed.machine);
                let place = |level: &str| LEVELS.iter().position(|known| *known == level);
                let is_wider = place(level) > place(&type_of.kernels);
                let most_bytes = type_of.memory_gib * MEMORY * f64::from(1 << 30);
                if own.cores > type_of.vcpus as usize || own.memory_bytes as f64 > most_bytes || is_wider {
                    let expected = format!(
                        "a {named}: {} processors, {} GiB, {}",
                        type_of.vcpus, type_of.memory_gib, type_of.kernels
                    );
                    let gib = own.memory_bytes as f64 / f64::from(1 << 30);
                    let found = format!("{} processors, {gib:.1} GiB, {level}", own.cores);
                    faults.push(self.fault(expected, found, "name the machine that it ran on, or none"));
                }
                if attempt.arithmetic.device != "flex" && type_of.accelerator.is_none() {
                    let found = attempt.arithmetic.device.clone();
                    faults.push(self.fault(
                        format!("{named}, which has no GPU"),
                        found,
                        "name the machine that it ran on",
                    ));
                }
            }
        }
        let level = record.arithmetic().and_then(|arithmetic| arithmetic.level.clone());
        let is_cpu = record.arithmetic().is_some_and(|arithmetic| arithmetic.device == "flex");
        let most = self.season.speed.get(level.as_deref().unwrap_or("portable")).filter(|_| is_cpu);
        let flop = record.training_flop.unwrap_or(0.0);
        if let Some(most) = most {
            let cores = record.environment.cores.max(1) as f64;
            let rate = flop / record.seconds.training.max(1e-9) / cores / 1e9;
            if rate > *most {
                let level = level.unwrap_or_else(|| "portable".into());
                let expected = format!("at most {most} GFLOP a second of a core with {level}");
                faults.push(self.fault(
                    expected,
                    format!("{rate:.0}"),
                    "a clock that stood still, or help from elsewhere",
                ));
            }
        }
    }

    /// What the run cost at the season's prices: of the whole machine, every second of each attempt, a minute at least
    /// and a minute for its start. `None` where the machine is on no price list.
    pub(crate) fn dollars(&self) -> Option<f64> {
        let price = self.season.price(self.file.machine.as_ref()?)?;
        let attempts = &self.record.provenance.as_ref()?.attempts;
        let mut seconds = wall_seconds(attempts);
        // Where no attempt counted its seconds, those before the first one are in the record's total alone.
        if attempts.seconds().is_none()
            && let Some(first) = seconds.first().copied()
        {
            let before = (self.record.seconds.total - seconds.iter().sum::<f64>()).max(0.0);
            seconds[0] = first + before;
        }
        Some(seconds.into_iter().map(|seconds| charged_seconds(seconds) * price / 3600.0).sum())
    }
}

/// How long each attempt lasted: by the clock of the day, or by what it counted itself where that is longer, since it
/// counts from its process's start. One that was killed lasted as long as it counted; if it did not, until the next
/// one began, since nobody saw its end.
fn wall_seconds(attempts: &Attempts) -> Vec<f64> {
    let all: Vec<&Attempt> = attempts.iter().collect();
    let end = |place: usize| all[place].ended.or_else(|| all.get(place + 1).map(|next| next.started));
    let seconds = |place: usize| {
        let attempt = all[place];
        let end = end(place).unwrap_or(attempt.started);
        let wall = (end.as_millisecond() - attempt.started.as_millisecond()).max(0) as f64 / 1000.0;
        match attempt.seconds.filter(|seconds| *seconds >= 0.0) {
            Some(counted) if attempt.ended.is_none() => counted.min(wall.max(0.0) + SILENCE_SECONDS),
            Some(counted) => counted.max(wall),
            None => wall,
        }
    };
    (0..all.len()).map(seconds).collect()
}

/// Whether all seeds were computed alike: by one engine, device, level and precision.
pub(crate) fn same_arithmetic(shown: &str, runs: &[Checked], faults: &mut Vec<Fault>) {
    let mut known = runs.iter().filter_map(|run| Some((run, run.run.as_ref()?.record.arithmetic()?)));
    let Some((_, first)) = known.next() else { return };
    for (run, arithmetic) in known {
        let changes = first.changes(arithmetic);
        if !changes.is_empty() {
            let hint = "run all seeds with the same program, device and precision; IMAGENETTE_SIMD sets the level";
            faults.push(Fault::new(&run.shown, format!("the arithmetic of {shown}/s1"), changes.join("; "), hint));
        }
    }
}
