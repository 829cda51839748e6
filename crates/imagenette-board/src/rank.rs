//! Who stands where: entries of a challenge and division go in; groups of ties and a history of leaders come out.
//!
//! Two entries are compared photo by photo over all of their seeds: the difference of means over the error that seeds
//! and photos leave ([`photos_and_seeds`]). Where that is not below the season's p, they are tied, whatever their
//! decimals say.

use imagenette_results::statistics::{
    ArmPhotos, Sample, VariancePrior, normal_upper_tail, photos_and_seeds, steadied_welch,
};

use crate::entry::{Division, Entry};
use crate::season::{Challenge, Rules};

/// The entries of a challenge in a division, in groups.
#[derive(Debug, Clone)]
pub struct Ranking<'b> {
    /// The challenge.
    pub challenge: &'b Challenge,
    /// The division.
    pub division: Division,
    /// Groups of ties, the best first; in each the highest mean first.
    pub groups: Vec<Vec<&'b Entry>>,
    /// Entries that are shown and not ranked, the highest mean first.
    pub unranked: Vec<&'b Entry>,
    /// Who took the lead, and when; the last one leads.
    pub leads: Vec<Lead<'b>>,
}

/// An entry that took the lead.
#[derive(Debug, Clone, Copy)]
pub struct Lead<'b> {
    /// Who.
    pub entry: &'b Entry,
    /// By which p it is better than the leader before; `None` of the first.
    pub p: Option<f64>,
}

impl<'b> Ranking<'b> {
    /// Ranks the entries of a challenge in a division.
    pub fn of(entries: &'b [Entry], challenge: &'b Challenge, division: Division, rules: &Rules) -> Self {
        let is_its = |entry: &&Entry| entry.challenge == challenge.name && entry.file.division == division;
        let (mut ranked, mut unranked): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().filter(is_its).partition(|entry| entry.unranked.is_none());
        let by_mean = |one: &&Entry, other: &&Entry| {
            other.mean().total_cmp(&one.mean()).then(one.date.cmp(&other.date)).then(one.name.cmp(&other.name))
        };
        ranked.sort_by(by_mean);
        unranked.sort_by(by_mean);
        let leads = leads(&ranked, rules.p);
        let mut groups: Vec<Vec<&Entry>> = Vec::new();
        for entry in ranked {
            // Tied with the best of a group, or the best of the next.
            match groups.last_mut() {
                Some(group) if p_better(group[0], entry).is_none_or(|p| p >= rules.p) => group.push(entry),
                _ => groups.push(vec![entry]),
            }
        }
        Self { challenge, division, groups, unranked, leads }
    }

    /// Who leads: the last that took the lead.
    pub fn leader(&self) -> Option<&'b Entry> {
        self.leads.last().map(|lead| lead.entry)
    }

    /// The place of each group: 1 and how many entries are in the groups before.
    pub fn placed(&self) -> impl Iterator<Item = (usize, &[&'b Entry])> {
        let mut before = 0;
        self.groups.iter().map(move |group| {
            let place = before + 1;
            before += group.len();
            (place, group.as_slice())
        })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.unranked.is_empty()
    }
}

/// Who took the lead, day by day: an entry leads until one is better at p.
fn leads<'b>(ranked: &[&'b Entry], p: f64) -> Vec<Lead<'b>> {
    let mut by_day = ranked.to_vec();
    by_day.sort_by(|one, other| one.date.cmp(&other.date).then(one.name.cmp(&other.name)));
    let mut leads: Vec<Lead<'b>> = Vec::new();
    for (place, entry) in by_day.iter().enumerate() {
        let Some(leader) = leads.last().map(|lead| lead.entry) else {
            leads.push(Lead { entry, p: None });
            continue;
        };
        // One that came before may be better than a leader that it was never compared with.
        let better = by_day[..=place].iter().filter_map(|entry| Some((*entry, p_better(entry, leader)?)));
        let better = better.filter(|(_, found)| *found < p);
        let best = better.max_by(|(one, _), (other, _)| one.mean().total_cmp(&other.mean()));
        leads.extend(best.map(|(entry, p)| Lead { entry, p: Some(p) }));
    }
    leads
}

/// The one-sided p that `idea` is better than `baseline`, paired by photo; `None` where they have other photos, or one
/// has a single seed.
pub fn p_better(idea: &Entry, baseline: &Entry) -> Option<f64> {
    let arm = |entry: &'_ Entry| -> Option<(Sample, u32)> {
        Some((Sample::of(&entry.accuracies())?, entry.seeds.len() as u32))
    };
    let ((own, own_runs), (other, other_runs)) = (arm(idea)?, arm(baseline)?);
    let steadied = steadied_welch(&other, &own, idea.photos(), &VariancePrior::STEADIED)?;
    let baseline = ArmPhotos { runs: other_runs, right: &baseline.right };
    let idea = ArmPhotos { runs: own_runs, right: &idea.right };
    let both = photos_and_seeds(&baseline, &idea, steadied.test.standard_error)?;
    let p = normal_upper_tail(both.z());
    p.is_finite().then_some(p)
}
