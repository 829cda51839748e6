//! Photos with their places go in, a dataset's photos come out: with a val split, drawn from train where there is none.
//! What cannot be decided for people is an error with the command that decides it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::IntakeOptions;
use super::assembly::list;
use super::draw::{SplitParts, draw_split, val_count};
use super::photos::Photo;
use crate::edition::Split;
use crate::error::{DataError, Result};
use crate::file_name::printable;
use crate::store::check_name;
use crate::watch::Watch;

/// The seed of a drawn val split: the same photos for everybody.
const SEED: u64 = 0;

/// What was taken in.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) photos: Vec<Photo>,
    /// Every class folder, with photos or not.
    pub(crate) classes: BTreeSet<(Split, String)>,
}

/// What to do about a source in another layout.
pub(super) fn layout_hint() -> &'static str {
    "the layout is train/<class>/<photo> and val/<class>/<photo>, with the same classes in both (`valid` and \
     `validation` are val too; `test` is kept apart)"
}

/// The error about class folders without a split, of which `example` is a photo.
pub(super) fn no_splits(origin: &Path, example: &str) -> DataError {
    DataError::malformed(
        origin,
        "the folders `train` and `val`",
        format!("class folders without them (`{}`)", printable(example)),
        format!("draw a val split: {}", command(origin, "90:10")),
    )
}

/// The command that draws a split, ready to be pasted.
fn command(origin: &Path, parts: &str) -> String {
    let path = origin.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.+,@%".contains(c);
    let path = if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) };
    let stem = super::archive::stem(origin);
    let name = if check_name(&stem).is_ok() { String::new() } else { format!(" --name {}", possible_name(&stem)) };
    format!("`imagenette get --from {path} --split {parts}{name}`")
}

/// A name that a dataset may have, as near as possible to what its folder or archive is called.
pub(crate) fn possible_name(stem: &str) -> String {
    let mapped = stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' });
    let name: String = mapped.skip_while(|c| !c.is_ascii_alphanumeric()).take(60).collect();
    if check_name(&name).is_ok() { name } else { "own".into() }
}

impl Taken {
    /// Draws a val split where there is none and it is asked for, or where there is a test split: that one stays apart.
    /// In the destination, photos are moved.
    ///
    /// # Errors
    /// When there is train alone and no split is asked for; when there is val and one is; when a class has too few
    /// photos for both.
    pub(crate) fn complete(
        mut self,
        (origin, destination): (&Path, Option<&Path>),
        options: &IntakeOptions,
        watch: &dyn Watch,
    ) -> Result<Self> {
        if destination.is_some() {
            self.say_dark(watch);
        }
        let has = |split| self.classes.iter().any(|(of, _)| *of == split);
        let (has_train, has_val, has_test) = (has(Split::Train), has(Split::Val), has(Split::Test));
        if has_val && let Some(parts) = options.split {
            return Err(DataError::Setting {
                key: "--split".into(),
                expected: "photos that are not split yet".into(),
                found: format!("{parts}, and `{}` has a val split", origin.display()),
                hint: "leave --split out: the val split that is there is taken".into(),
            });
        }
        if has_val || !has_train {
            return Ok(self);
        }
        let Some(parts) = options.split.or(has_test.then_some(SplitParts::TENTH)) else {
            return Err(DataError::malformed(
                origin,
                "the folders `train` and `val`",
                "no val",
                format!("draw a val split from train: {}", command(origin, "90:10")),
            ));
        };
        let drawn = self.draw(origin, parts)?;
        if let Some(destination) = destination {
            self.move_drawn(destination)?;
            let train = self.photos.iter().filter(|photo| photo.place.split == Split::Train).count();
            let what = format!("drew a val split from train ({parts}): {train} train and {drawn} val photos");
            watch.notice(&match options.split {
                Some(_) => what,
                None => format!(
                    "no val beside train and test: {what}; test stays apart, for `eval --split test`. Other parts: {}; \
                     to report test instead, rename its folder to val",
                    command(origin, "80:20")
                ),
            });
        }
        Ok(self)
    }

    /// Says which photos of 16 bits will be nearly black.
    fn say_dark(&self, watch: &dyn Watch) {
        let mut dark: Vec<(String, u16)> =
            self.photos.iter().filter_map(|photo| Some((photo.place.relative(), photo.dark?))).collect();
        dark.sort_unstable();
        let Some((first, largest)) = dark.first() else { return };
        // One factor for all: which photos are brighter than others may tell the classes apart.
        let most = dark.iter().map(|(_, largest)| *largest).max().unwrap_or(1).max(1);
        watch.notice(&format!(
            "{} of 16 bits in a small range, nearly black in 8 bits: the first, {first}, has values up to {largest} of \
             65535; to use the full range, multiply all of them first (ImageMagick: \
             `mogrify -evaluate multiply {} *.png`)",
            dark.len(),
            u16::MAX / most
        ));
    }

    /// Draws the val split; returns how many photos it has. Every class is on both sides.
    fn draw(&mut self, origin: &Path, parts: SplitParts) -> Result<usize> {
        let mut of_class: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, photo) in self.photos.iter().enumerate().filter(|(_, photo)| photo.place.split == Split::Train) {
            of_class.entry(photo.place.wnid.clone().unwrap_or_default()).or_default().push(at);
        }
        let alone: Vec<String> =
            of_class.iter().filter(|(_, photos)| photos.len() < 2).map(|(class, _)| class.clone()).collect();
        if !alone.is_empty() {
            return Err(DataError::malformed(
                origin,
                "two photos or more of each class, to have it in train and val",
                format!("one of {}", list(&alone)),
                "add photos, or move these classes out",
            ));
        }
        let mut drawn = 0;
        for (class, photos) in of_class {
            let count = val_count((parts.train, parts.val), photos.len()).clamp(1, photos.len() - 1);
            let names: Vec<&str> = photos.iter().map(|&at| self.photos[at].place.file_name.as_str()).collect();
            let splits = draw_split(SEED, count, &class, &names);
            for (at, split) in photos.into_iter().zip(splits) {
                self.photos[at].place.split = split;
            }
            drawn += count;
            self.classes.insert((Split::Val, class));
        }
        Ok(drawn)
    }

    /// Moves the drawn photos from train, where they were written, to val.
    fn move_drawn(&self, destination: &Path) -> Result<()> {
        let mut made = BTreeSet::new();
        for photo in self.photos.iter().filter(|photo| photo.place.split == Split::Val) {
            let folder = photo.place.folder();
            let to = destination.join(&folder);
            if made.insert(folder) {
                fs::create_dir_all(&to).map_err(DataError::io("create", &to))?;
            }
            let from = super::layout::Place { split: Split::Train, ..photo.place.clone() };
            let from = destination.join(from.relative());
            fs::rename(&from, to.join(&photo.place.file_name)).map_err(DataError::io("rename", &from))?;
        }
        Ok(())
    }
}
