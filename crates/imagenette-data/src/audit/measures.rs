//! The facts about all photos go in; distributions of sides, shapes and bytes come out, and the photos at their ends.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Member;
use super::listing::Subject;
use super::photo::Facts;

/// The number of bins of a distribution.
const BINS: usize = 28;
/// The number of sizes that are listed.
const SIZES: usize = 12;

/// How a quantity is distributed over the photos.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// The quantity: `shortest side`.
    pub name: &'static str,
    /// Its unit: `px`.
    pub unit: &'static str,
    /// The smallest value.
    pub least: f64,
    /// A twentieth of the photos are below this.
    pub fifth_percentile: f64,
    /// Half of the photos are below this.
    pub median: f64,
    /// A twentieth of the photos are above this.
    pub ninety_fifth_percentile: f64,
    /// The largest value.
    pub most: f64,
    /// Equal steps from the first to the 99th percentile; the outer bins also have what is beyond.
    pub bins: Vec<Bin>,
}

/// A bin of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// The number of its photos.
    pub photos: usize,
}

/// The photos of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SizeCount {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// How many photos have it.
    pub photos: usize,
}

/// A photo that is first in some respect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Extreme {
    /// The respect: `widest`.
    pub respect: &'static str,
    /// The value with its unit: `3.20 : 1`.
    pub value: String,
    /// The photo.
    pub photo: Member,
}

/// Sides, shapes and bytes of the photos.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Shortest side, longest side, aspect ratio, file size, bytes per pixel.
    pub distributions: Vec<Distribution>,
    /// The most common sizes.
    pub sizes: Vec<SizeCount>,
    /// How many sizes there are.
    pub distinct_sizes: usize,
    /// The photos at the ends of the distributions.
    pub extremes: Vec<Extreme>,
}

pub(super) fn measure(subject: &Subject, facts: &[Option<Facts>]) -> Measures {
    let read: Vec<(u32, &Facts)> =
        (0..).zip(facts).filter_map(|(sample, facts)| Some((sample, facts.as_ref()?))).collect();
    if read.is_empty() {
        return Measures::default();
    }
    let area = |facts: &Facts| f64::from(facts.width_px) * f64::from(facts.height_px);
    let aspect = |facts: &Facts| f64::from(facts.width_px) / f64::from(facts.height_px);
    let density = |facts: &Facts| facts.bytes as f64 / area(facts);
    let distribution = |name, unit, value: &dyn Fn(&Facts) -> f64| {
        Distribution::of(name, unit, read.iter().map(|(_, facts)| value(facts)).collect())
    };
    let distributions = vec![
        distribution("shortest side", "px", &|facts| facts.width_px.min(facts.height_px).into()),
        distribution("longest side", "px", &|facts| facts.width_px.max(facts.height_px).into()),
        distribution("aspect ratio", "width / height", &aspect),
        distribution("file size", "kB", &|facts| facts.bytes as f64 / 1e3),
        distribution("compression", "bytes / pixel", &density),
    ];
    let mut counts: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for (_, facts) in &read {
        *counts.entry((facts.width_px, facts.height_px)).or_default() += 1;
    }
    let mut sizes: Vec<SizeCount> =
        counts.into_iter().map(|((width_px, height_px), photos)| SizeCount { width_px, height_px, photos }).collect();
    sizes.sort_by_key(|size| std::cmp::Reverse(size.photos));
    let distinct_sizes = sizes.len();
    sizes.truncate(SIZES);
    let mut extremes = Vec::new();
    let mut extreme = |respect, value: &dyn Fn(&Facts) -> f64, shown: &dyn Fn(&Facts) -> String| {
        // Where all are equal, none is first.
        if read.iter().all(|(_, facts)| value(facts) == value(read[0].1)) {
            return;
        }
        // The first of equals, so that the report depends on the photos alone.
        let mut first: Option<(f64, u32, &Facts)> = None;
        for (sample, facts) in &read {
            if first.is_none_or(|(best, ..)| value(facts) > best) {
                first = Some((value(facts), *sample, facts));
            }
        }
        if let Some((_, sample, facts)) = first {
            extremes.push(Extreme { respect, value: shown(facts), photo: Member::of(subject, sample) });
        }
    };
    let sides = |facts: &Facts| format!("{} × {} px", facts.width_px, facts.height_px);
    extreme("smallest", &|facts| -area(facts), &sides);
    extreme("largest", &area, &sides);
    extreme("widest", &aspect, &|facts| format!("{:.2} : 1", aspect(facts)));
    extreme("tallest", &|facts| -aspect(facts), &|facts| format!("1 : {:.2}", 1.0 / aspect(facts)));
    extreme("most bytes per pixel", &density, &|facts| format!("{:.2} bytes / pixel", density(facts)));
    extreme("fewest bytes per pixel", &|facts| -density(facts), &|facts| {
        format!("{:.3} bytes / pixel", density(facts))
    });
    Measures { distributions, sizes, distinct_sizes, extremes }
}

impl Distribution {
    fn of(name: &'static str, unit: &'static str, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
        let (least, most) = (values[0], values[values.len() - 1]);
        let (from, to) = if at(0.01) < at(0.99) { (at(0.01), at(0.99)) } else { (least, most) };
        let step = (to - from) / BINS as f64;
        let mut bins: Vec<Bin> = (0..BINS)
            .map(|bin| Bin { from: from + step * bin as f64, to: from + step * (bin + 1) as f64, photos: 0 })
            .collect();
        if step <= 0.0 {
            bins.truncate(1);
        }
        for value in &values {
            let bin = if step > 0.0 { ((value - from) / step).max(0.0) as usize } else { 0 };
            let last = bins.len() - 1;
            bins[bin.min(last)].photos += 1;
        }
        let (fifth_percentile, median, ninety_fifth_percentile) = (at(0.05), at(0.5), at(0.95));
        Self { name, unit, least, fifth_percentile, median, ninety_fifth_percentile, most, bins }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_counts_every_value_once() {
        let values: Vec<f64> = (0..1000).map(|value| f64::from(value * value % 997)).collect();
        let of = Distribution::of("x", "px", values);
        assert_eq!(of.bins.iter().map(|bin| bin.photos).sum::<usize>(), 1000);
        assert!(of.least <= of.fifth_percentile && of.fifth_percentile <= of.median && of.median <= of.most);
        let same = Distribution::of("x", "px", vec![224.0; 7]);
        assert_eq!((same.bins.len(), same.bins[0].photos, same.median), (1, 7, 224.0));
    }
}
