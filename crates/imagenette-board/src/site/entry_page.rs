//! The page of an entry: how to repeat it, what it reached and cost, its recipe beside the leader's before it.

use std::collections::{BTreeMap, BTreeSet};

use imagenette_results::run_folder::RECIPE_FILE;
use minijinja::value::Serde;
use minijinja::{Value, context};
use toml::Table;

use super::Site;
use super::chart::{self, Line, Lines, short};
use super::rows::{checks, class_names, entry_href, percent, plain};
use crate::entry::{Division, Entry, Seeds};
use crate::seed_run::Spent;

/// Photos that are named on a page at most; the JSON has all of them.
const MOST_PHOTOS: usize = 400;

impl<'b> Site<'b> {
    pub(super) fn entry(&self, entry: &'b Entry) -> String {
        let before = self.leader_before(entry);
        let differences =
            before.and_then(|(known, _)| Some(differences(known.recipe.as_ref()?, entry.recipe.as_ref()?)));
        let wrong = entry.always_wrong.iter().take(MOST_PHOTOS).map(|photo| {
            context! { sample => plain_path(&photo.sample), class => class_names(&photo.class).0 }
        });
        let confirmations = entry.confirmations.iter().map(|found| {
            let replayed: Vec<String> = found.replayed.iter().map(|number| format!("s{number}")).collect();
            context! {
                date => found.date.to_string(), keeper => found.keeper.clone(), percent => percent(found.mean()),
                n => found.fresh.len(), p => format!("{:.2}", found.p),
                replayed => if replayed.is_empty() { "none".into() } else { replayed.join(", ") },
                stands => if found.bears_out { "yes" } else { "no" },
            }
        });
        let more = context! {
            entry => Value::from(Serde(self.row(entry))),
            file => Value::from(Serde(&entry.file)),
            code => plain(entry.file.code.clone()),
            division => entry.file.division.to_string(),
            standing => self.standing(entry),
            seeds_kind => if entry.file.seeds == Seeds::Dealt { "dealt" } else { "chosen" },
            commands => self.commands(entry),
            readme => entry.readme.clone(),
            runs => runs(entry),
            curves => curves(entry),
            recipe => entry.recipe.clone(),
            before => before.map(|(known, p)| {
                let said = match p {
                    Some(p) => format!("which led before it (p = {p:.1e})"),
                    None => "which leads".into(),
                };
                context! { title => known.file.title.clone(), href => plain(entry_href(known)), said }
            }),
            differences => differences.unwrap_or_default(),
            classes => classes(entry),
            confusion => confusion(entry),
            wrong => wrong.collect::<Vec<_>>(),
            checks => checks(entry),
            confirmations => confirmations.collect::<Vec<_>>(),
            sha256 => entry.sha256.clone(),
        };
        self.rendered("entry.html", &format!("{}: Imagenette leaderboard", entry.file.title), "../../", more)
    }

    /// The entry that it is compared with: the leader that it took the lead from, or the one that leads.
    fn leader_before(&self, entry: &Entry) -> Option<(&'b Entry, Option<f64>)> {
        let leads = &self.ranking(entry).leads;
        let place = leads.iter().position(|lead| std::ptr::eq(lead.entry, entry));
        match place {
            Some(0) => None,
            Some(place) => Some((leads[place - 1].entry, leads[place].p)),
            None => leads.last().map(|lead| (lead.entry, None)),
        }
    }

    fn standing(&self, entry: &Entry) -> String {
        let ranking = self.ranking(entry);
        if let Some(why) = &entry.unranked {
            return format!("Shown, not ranked: {why}.");
        }
        let Some((place, group)) =
            ranking.placed().find(|(_, group)| group.iter().any(|known| std::ptr::eq(*known, entry)))
        else {
            return String::new();
        };
        let of: usize = ranking.groups.iter().map(Vec::len).sum();
        let others: Vec<&str> =
            group.iter().filter(|known| !std::ptr::eq(**known, entry)).map(|known| known.file.title.as_str()).collect();
        let leads = if ranking.leader().is_some_and(|leader| std::ptr::eq(leader, entry)) { "It leads. " } else { "" };
        let tied = match others.as_slice() {
            [] => String::new(),
            few if few.len() <= 4 => format!(", tied with {}", few.join(", ")),
            many => format!(", tied with {} others", many.len()),
        };
        format!("{leads}Place {place} of {of}{tied}.")
    }

    /// What repeats it, to be copied.
    fn commands(&self, entry: &Entry) -> String {
        if entry.file.division == Division::Open {
            return format!("git clone CODE; git checkout COMMIT       # {}\n", entry.file.code);
        }
        let path = format!("board/{}", entry.path());
        let source =
            self.board.season.challenge(&entry.challenge).map(|known| known.source.clone()).unwrap_or_default();
        let spent = entry.seeds.first().and_then(|seed| seed.spent.as_ref());
        let level = spent.and_then(|spent| spent.device.split_once('(')?.1.split_once(')')).map(|(level, _)| level);
        let level = level.map_or(String::new(), |level| format!("IMAGENETTE_SIMD={level} "));
        let mut lines = vec![
            format!("imagenette get {source}"),
            format!("{level}imagenette board replay {path} --epochs 1     # the first epoch again, bit for bit"),
            format!("{level}imagenette board replay {path}                # all of seed 1"),
        ];
        lines.extend(entry.seeds.iter().map(|seed| {
            format!("{level}imagenette train --recipe {path}/{RECIPE_FILE} --dataset {source} --seed {}", seed.seed)
        }));
        lines.join("\n")
    }
}

/// A photo's name, which is one of the list of val and needs no escapes.
fn plain_path(sample: &str) -> Value {
    plain(imagenette_files::visible::in_markup(sample))
}

fn runs(entry: &Entry) -> Vec<Value> {
    let row = |seed: &crate::seed_run::SeedRun| {
        let spent = seed.spent.as_ref();
        let of = |said: &dyn Fn(&Spent) -> String| spent.map(said).unwrap_or_default();
        let start = |hash: &str| hash.chars().take(10).collect::<String>();
        context! {
            number => seed.number, seed => seed.seed, correct => seed.result.correct, total => seed.result.total,
            percent => percent(seed.result.accuracy()),
            training => of(&|spent| format!("{:.0}", spent.seconds[0])),
            all => of(&|spent| format!("{:.0}", spent.seconds[2])),
            resumed => of(&|spent| spent.resumed.to_string()),
            dollars => of(&|spent| spent.dollars.map(|dollars| format!("{dollars:.4}")).unwrap_or_default()),
            machine => of(&|spent| format!(
                "{}, {} of {} threads; {}; {}; engine {}",
                spent.processor, spent.threads, spent.cores, spent.device, spent.model, start(&spent.engine)
            )),
            weights => of(&|spent| start(&spent.weights_sha256)), chain => of(&|spent| start(&spent.chain)),
        }
    };
    entry.seeds.iter().map(row).collect()
}

fn curves(entry: &Entry) -> Vec<Value> {
    let accuracy: Vec<Vec<(f64, f64)>> = entry
        .seeds
        .iter()
        .map(|seed| {
            seed.by_epoch.iter().map(|known| (f64::from(known.epoch), 100.0 * known.counts.accuracy())).collect()
        })
        .collect();
    let losses: Vec<Vec<(f64, f64)>> = entry.seeds.iter().map(|seed| seed.losses.clone()).collect();
    let charts = [
        (
            "accuracy",
            "Top-1 over epochs",
            "top-1 in percent",
            accuracy,
            "Top-1 on val over epochs, in percent: each seed, and their mean.",
        ),
        (
            "losses",
            "Training loss over epochs",
            "training loss",
            losses,
            "Training loss over epochs: each seed, and their mean.",
        ),
    ];
    let charts = charts.into_iter().filter_map(|(id, title, upward, all, said)| {
        let mean = mean_of(&all);
        let thin = all.into_iter().map(|points| Line { class: "thin", points });
        let lines = thin.chain([Line { class: "thick", points: mean }]).collect();
        let chart = Lines { id, title, across: "epochs", upward, is_stairs: false, lines, marks: Vec::new() };
        let has_line = chart.lines.iter().any(|line| line.points.len() > 1);
        let svg = chart::lines(&chart, short).filter(|_| has_line)?;
        Some(context! { svg => plain(svg), said })
    });
    charts.collect()
}

/// Point by point, where all lines have one at the same place.
fn mean_of(all: &[Vec<(f64, f64)>]) -> Vec<(f64, f64)> {
    let Some(first) = all.first() else { return Vec::new() };
    let point = |(place, (x, _)): (usize, &(f64, f64))| {
        let values = all.iter().map(|line| line.get(place).filter(|point| point.0 == *x).map(|point| point.1));
        let values: Option<Vec<f64>> = values.collect();
        let values = values?;
        Some((*x, values.iter().sum::<f64>() / values.len() as f64))
    };
    first.iter().enumerate().filter_map(point).collect()
}

fn classes(entry: &Entry) -> Vec<Value> {
    let row = |(label, id): (usize, &String)| {
        let (name, short) = class_names(id);
        let (right, total) = (entry.confusion[label][label], entry.confusion[label].iter().sum::<u64>());
        let share = right as f64 / total.max(1) as f64;
        context! { name, short, right, total, percent => format!("{:.1}", 100.0 * share), width => format!("{:.1}", 100.0 * share) }
    };
    entry.classes.iter().enumerate().map(row).collect()
}

fn confusion(entry: &Entry) -> Vec<Value> {
    let row = |(label, counts): (usize, &Vec<u64>)| {
        let total = counts.iter().sum::<u64>().max(1) as f64;
        let cell = |(given, count): (usize, &u64)| {
            let share = *count as f64 / total;
            let class = match () {
                () if given == label => "d",
                () if share >= 0.05 => "w3",
                () if share >= 0.02 => "w2",
                () if share >= 0.005 => "w1",
                () => "",
            };
            context! { count, class => plain(class) }
        };
        context! { name => class_names(&entry.classes[label]).0, cells => counts.iter().enumerate().map(cell).collect::<Vec<_>>() }
    };
    entry.confusion.iter().enumerate().map(row).collect()
}

/// The settings in which two recipes differ.
fn differences(there: &str, here: &str) -> Vec<Value> {
    let (there, here) = (flat(there), flat(here));
    let keys: BTreeSet<&String> = there.keys().chain(here.keys()).collect();
    let of = |settings: &BTreeMap<String, String>, key| settings.get(key).cloned().unwrap_or_else(|| "–".into());
    let differing = keys.into_iter().filter(|key| there.get(*key) != here.get(*key));
    differing.map(|key| context! { key, there => of(&there, key), here => of(&here, key) }).collect()
}

/// A recipe's settings by dotted keys, without what is no setting.
fn flat(recipe: &str) -> BTreeMap<String, String> {
    fn below(table: &Table, above: &str, settings: &mut BTreeMap<String, String>) {
        for (key, value) in table {
            let key = format!("{above}{key}");
            match value {
                toml::Value::Table(inner) => below(inner, &format!("{key}."), settings),
                value => drop(settings.insert(key, value.to_string())),
            }
        }
    }
    let mut settings = BTreeMap::new();
    if let Ok(table) = recipe.parse::<Table>() {
        below(&table, "", &mut settings);
    }
    ["name", "seed", "runs", "dataset"].iter().for_each(|key| drop(settings.remove(*key)));
    settings
}
