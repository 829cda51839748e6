//! An audit goes in, one HTML page comes out: with inlined pictures, no script, nothing to load, in light and dark.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use imagenette_files::visible;
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::findings::thousands;
use super::listing::Subject;
use super::photo::{Reader, Turn};
use super::{Audit, Distribution, LEAST_LIKENESS, Member};
use crate::augment::CropBox;
use crate::edition::Split;
use crate::error::Result;
use crate::image::{Pixels, Resizer, encode_preview};
use crate::watch::{Unit, Watch};

const TEMPLATE: &str = include_str!("report.html");
/// The longest side of a picture.
const PREVIEW_PX: u32 = 176;
/// The most groups, files and classes that are shown; the JSON has all of them.
const GROUPS: usize = 80;
const PHOTOS_OF_A_GROUP: usize = 8;
const FILES: usize = 60;
const CLASSES_WITH_PHOTOS: usize = 60;
const PHOTOS_OF_A_CLASS: usize = 9;

/// The page about an audit of this subject. Photos are read once more for their pictures; where one can no longer be
/// read, the page has no picture.
///
/// # Errors
/// When the caller interrupts.
pub fn html(audit: &Audit, subject: &Subject, threads: usize, watch: &dyn Watch) -> Result<String> {
    let samples = class_samples(subject);
    let groups = audit.duplicates.iter().take(GROUPS).flat_map(|group| group.photos.iter().take(PHOTOS_OF_A_GROUP));
    let misplaced = audit.misplaced.iter().take(FILES).flat_map(|misplaced| misplaced.photos.iter());
    let remarked = audit.remarks.iter().flat_map(|remark| remark.first.iter().take(FILES));
    let changed = audit.changed.iter().chain(&audit.blank).take(2 * FILES);
    let extremes = audit.measures.extremes.iter().map(|extreme| &extreme.photo);
    let sampled = samples.values().flatten();
    let shown = groups.chain(misplaced).chain(remarked).chain(changed).chain(extremes).chain(sampled);
    let mut paths: Vec<&str> = shown.map(|member| member.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    watch.begin("making thumbnails", Some(paths.len() as u64), Unit::Photos);
    let turns: BTreeMap<&str, Turn> = subject.items.iter().map(|item| (item.path.as_str(), item.turn)).collect();
    let previews = crate::threads::map(&paths, threads, watch, |reader: &mut Reader, path| {
        let turn = turns.get(path).copied().unwrap_or(Turn::Noted);
        let pixels = reader.pixels(&subject.root.join(path), turn).ok()?;
        let small = preview(pixels);
        let file = BASE64_STANDARD.encode(encode_preview(&small));
        Some(Preview {
            source: format!("data:image/jpeg;base64,{file}"),
            width_px: small.width_px,
            height_px: small.height_px,
        })
    })?;
    let previews: BTreeMap<&str, Preview> =
        paths.into_iter().zip(previews).filter_map(|(path, preview)| Some((path, preview?))).collect();

    let mut environment = Environment::new();
    // The extension of this name turns on the escaping of file names.
    environment.add_template("report.html", TEMPLATE).expect("the template is part of this program, and tested");
    environment.add_filter("thousands", |count: usize| thousands(count));
    environment.add_filter("short", |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned());
    let template = environment.get_template("report.html").expect("it was just added");
    let most = |count: fn(&super::ClassCount) -> usize| audit.classes.iter().map(count).max().unwrap_or(0).max(1);
    let page = Page {
        audit,
        size: subject.size.as_deref(),
        previews: &previews,
        samples: &samples,
        histograms: audit.measures.distributions.iter().map(Histogram::of).collect(),
        most_train: most(|class| class.train),
        most_val: most(|class| class.val),
        has_test: audit.classes.iter().any(|class| class.test > 0),
        groups_shown: GROUPS,
        photos_shown: PHOTOS_OF_A_GROUP,
        files_shown: FILES,
        least_likeness: LEAST_LIKENESS,
        bytes: megabytes(audit.splits.iter().map(|split| split.bytes).sum()),
        program: env!("CARGO_PKG_VERSION"),
    };
    let page = template.render(Serde(&page));
    Ok(visible::in_document(page.expect("the template uses what it gets, and is tested")))
}

/// What the template gets.
#[derive(Serialize)]
struct Page<'a> {
    audit: &'a Audit,
    size: Option<&'a str>,
    previews: &'a BTreeMap<&'a str, Preview>,
    samples: &'a BTreeMap<String, Vec<Member>>,
    histograms: Vec<Histogram>,
    most_train: usize,
    most_val: usize,
    has_test: bool,
    groups_shown: usize,
    photos_shown: usize,
    files_shown: usize,
    least_likeness: f32,
    bytes: String,
    program: &'static str,
}

#[derive(Serialize)]
struct Preview {
    source: String,
    width_px: u32,
    height_px: u32,
}

/// A few photos of each class, spread evenly over its train photos (or its val photos, where there are none).
fn class_samples(subject: &Subject) -> BTreeMap<String, Vec<Member>> {
    let mut of_class: Vec<Vec<u32>> = vec![Vec::new(); subject.classes.len()];
    for split in [Split::Train, Split::Val] {
        let empty: Vec<bool> = of_class.iter().map(Vec::is_empty).collect();
        for (sample, item) in (0..).zip(&subject.items).filter(|(_, item)| item.split == split) {
            if let Some(label) = item.label.map(usize::from).filter(|label| empty.get(*label) == Some(&true)) {
                of_class[label].push(sample);
            }
        }
    }
    of_class
        .into_iter()
        .zip(&subject.classes)
        .take(CLASSES_WITH_PHOTOS)
        .map(|(samples, class)| {
            let count = samples.len().min(PHOTOS_OF_A_CLASS);
            let chosen = (0..count).map(|number| samples[number * samples.len() / count]);
            (class.wnid.clone(), chosen.map(|sample| Member::of(subject, sample)).collect())
        })
        .collect()
}

/// A small picture of a photo.
fn preview(photo: &Pixels) -> Pixels {
    let scale = f64::from(PREVIEW_PX) / f64::from(photo.width_px.max(photo.height_px));
    let fit = |side: u32| ((f64::from(side) * scale.min(1.0)).round() as u32).clamp(1, PREVIEW_PX);
    let (width_px, height_px) = (fit(photo.width_px), fit(photo.height_px));
    let whole = CropBox { left: 0.0, top: 0.0, width: photo.width_px.into(), height: photo.height_px.into() };
    let mut rgb = vec![0; (width_px * height_px * 3) as usize];
    Resizer::new().resize(&photo.rgb, (photo.width_px, photo.height_px), whole, &mut rgb, (width_px, height_px));
    Pixels { width_px, height_px, rgb }
}

#[derive(Serialize)]
struct Histogram {
    name: &'static str,
    unit: &'static str,
    least: String,
    median: String,
    most: String,
    bars: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    height_percent: f64,
    title: String,
}

impl Histogram {
    fn of(distribution: &Distribution) -> Self {
        let highest = distribution.bins.iter().map(|bin| bin.photos).max().unwrap_or(0).max(1);
        let bar = |bin: &super::Bin| Bar {
            height_percent: (1000.0 * bin.photos as f64 / highest as f64).round() / 10.0,
            title: format!(
                "{} to {} {}: {}",
                number(bin.from),
                number(bin.to),
                distribution.unit,
                thousands(bin.photos)
            ),
        };
        Self {
            name: distribution.name,
            unit: distribution.unit,
            least: number(distribution.least),
            median: number(distribution.median),
            most: number(distribution.most),
            bars: distribution.bins.iter().map(bar).collect(),
        }
    }
}

/// A number with as many digits as are useful.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => thousands(value.round() as usize),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}
