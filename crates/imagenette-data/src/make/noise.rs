//! Labels that are wrong on purpose: a manifest goes in, a table of noisy labels in the official format comes out; or
//! an official table is read and checked against the dataset.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use crate::edition::Split;
use crate::error::{DataError, Result};
use crate::manifest::Manifest;
use crate::random::{Purpose, Random};
use imagenette_files::input;

/// A table of noisy labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoisyLabels {
    /// The percentages of wrong labels, with the clean column (0).
    pub levels: Vec<u8>,
    /// A row for each labeled photo.
    pub rows: Vec<NoisyRow>,
}

/// A photo's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoisyRow {
    /// `train/n01440764/n01440764_18.JPEG`.
    pub path: String,
    /// A class for each level.
    pub wnids: Vec<String>,
    /// Whether it is for validation: then all its labels are right.
    pub is_val: bool,
}

impl NoisyLabels {
    /// Draws wrong labels: at each level, exactly ⌈n·percent/100⌉ of the n train photos get another class, all other
    /// classes being equally likely. Levels are drawn independently, as in the official tables; val has no wrong
    /// labels.
    ///
    /// # Errors
    /// When there is only one class: then no label can be wrong.
    pub fn draw(manifest: &Manifest, percentages: &[u8], seed: u64) -> Result<Self> {
        let classes = manifest.classes.len();
        if classes < 2 {
            return Err(DataError::Setting {
                key: "noise".into(),
                expected: "two classes or more".into(),
                found: classes.to_string(),
                hint: "leave noise out".into(),
            });
        }
        let mut rows: Vec<NoisyRow> = Vec::new();
        let mut train: Vec<(usize, usize)> = Vec::new();
        for image in &manifest.images {
            let Some(label) = image.label else { continue };
            let label = usize::from(label);
            if image.split == Split::Train {
                train.push((rows.len(), label));
            }
            let wnids = vec![manifest.classes[label].wnid.clone(); percentages.len() + 1];
            rows.push(NoisyRow { path: manifest.relative_path(image), wnids, is_val: image.split == Split::Val });
        }
        for (column, percent) in (1..).zip(percentages) {
            let mut random = Random::new(seed, Purpose::Noise, u32::from(*percent), 0);
            let mut order: Vec<usize> = (0..train.len()).collect();
            random.shuffle(&mut order);
            for at in order.into_iter().take((train.len() * usize::from(*percent)).div_ceil(100)) {
                let (row, label) = train[at];
                let other = random.below(classes as u32 - 1) as usize;
                let other = if other >= label { other + 1 } else { other };
                rows[row].wnids[column].clone_from(&manifest.classes[other].wnid);
            }
        }
        Ok(Self { levels: [&[0], percentages].concat(), rows })
    }

    /// Reads the table in a file.
    ///
    /// # Errors
    /// When the file cannot be read or is not such a table.
    pub fn read(path: &Path) -> Result<Self> {
        let text = input::read(path, input::TEXT_BYTES)?;
        let hint = "the official ones are noisy_imagenette.csv and noisy_imagewoof.csv";
        Self::parse(&text).map_err(|found| DataError::malformed(path, "a table of noisy labels", found, hint))
    }

    /// Parses a table in the official format: `path,noisy_labels_0,…,is_valid`.
    ///
    /// # Errors
    /// What is wrong and in which line.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "expected text, found other bytes".to_owned())?;
        let mut lines = (1..).zip(text.lines());
        let header: Vec<&str> = lines.next().map_or("", |(_, line)| line).trim().split(',').collect();
        let levels: Option<Vec<u8>> = match header.as_slice() {
            ["path", columns @ .., "is_valid"] => {
                columns.iter().map(|column| column.strip_prefix("noisy_labels_")?.parse().ok()).collect()
            }
            _ => None,
        };
        let levels = levels.filter(|levels| levels.first() == Some(&0)).ok_or_else(|| {
            format!(
                "expected the header path,noisy_labels_0,…,is_valid, found `{}`",
                crate::file_name::printable(&header.join(","))
            )
        })?;
        let mut rows = Vec::new();
        for (number, line) in lines {
            let fields: Vec<&str> = line.trim().split(',').collect();
            let is_val = match fields.last() {
                Some(&"True") => true,
                Some(&"False") => false,
                _ => return Err(format!("line {number}: expected True or False at its end")),
            };
            if fields.len() != levels.len() + 2 {
                return Err(format!("line {number}: expected {} fields, found {}", levels.len() + 2, fields.len()));
            }
            let wnids: Vec<String> = fields[1..=levels.len()].iter().map(|&wnid| wnid.to_owned()).collect();
            if is_val && wnids.iter().any(|wnid| *wnid != wnids[0]) {
                return Err(format!("line {number}: a photo for validation with a wrong label"));
            }
            rows.push(NoisyRow { path: fields[0].to_owned(), wnids, is_val });
        }
        Ok(Self { levels, rows })
    }

    /// Checks that the table is about this dataset: that it has each labeled photo once, with the true class in the
    /// clean column.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, manifest: &Manifest) -> Result<(), String> {
        let labeled =
            manifest.images.iter().filter_map(|image| Some((manifest.relative_path(image), (image, image.label?))));
        let mut photos: HashMap<String, _> = labeled.collect();
        for row in &self.rows {
            let (image, label) = photos
                .remove(&row.path)
                .ok_or_else(|| format!("`{}` is not in the dataset, or twice in the table", row.path))?;
            let wnid = &manifest.classes[usize::from(label)].wnid;
            if row.wnids[0] != *wnid || row.is_val != (image.split == Split::Val) {
                return Err(format!("`{}`: expected {wnid} and its split", row.path));
            }
            if let Some(unknown) =
                row.wnids.iter().find(|wnid| !manifest.classes.iter().any(|class| class.wnid == **wnid))
            {
                return Err(format!("`{}`: the dataset has no class `{unknown}`", row.path));
            }
        }
        match photos.keys().min() {
            Some(first) => Err(format!("{} photos are not in the table, the first: `{first}`", photos.len())),
            None => Ok(()),
        }
    }

    /// The number of wrong train labels at each level.
    pub fn wrong(&self) -> Vec<usize> {
        (0..self.levels.len()).map(|at| self.rows.iter().filter(|row| row.wnids[at] != row.wnids[0]).count()).collect()
    }

    /// Writes the table: complete or absent.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        imagenette_files::atomic::write(path, |out| {
            let columns: Vec<String> = self.levels.iter().map(|level| format!("noisy_labels_{level}")).collect();
            let mut line = |text: String| writeln!(out, "{text}").map_err(DataError::io("write", path));
            line(format!("path,{},is_valid", columns.join(",")))?;
            self.rows.iter().try_for_each(|row| {
                line(format!("{},{},{}", row.path, row.wnids.join(","), if row.is_val { "True" } else { "False" }))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edition::Edition;
    use crate::manifest::{ImageEntry, OrientationRule, Source};

    /// As many photos as Imagenette v2 has.
    fn manifest() -> Manifest {
        let classes = crate::class::imagenette();
        let image = |split, at: usize| ImageEntry {
            split,
            label: Some((at % 10) as u16),
            file_name: format!("{at}.JPEG"),
            width_px: 1,
            height_px: 1,
            bytes: 1,
            sha256: String::new(),
            turned: None,
        };
        let images =
            (0..9_469).map(|at| image(Split::Train, at)).chain((0..3_925).map(|at| image(Split::Val, at))).collect();
        let source = Source { from: "test".into(), sha256: None, archive: None };
        let mut manifest = Manifest {
            name: "n".into(),
            edition: Edition::Own,
            size: "full".into(),
            source,
            orientation: OrientationRule::Stored,
            classes,
            images,
        };
        manifest.sort();
        manifest
    }

    #[test]
    fn counts_are_the_official_ones_val_is_clean_and_all_other_classes_are_equally_likely() {
        let manifest = manifest();
        let noise = NoisyLabels::draw(&manifest, &[1, 5, 25, 50], 0).unwrap();
        assert_eq!(noise.wrong(), [0, 95, 474, 2_368, 4_735]);
        assert!(
            noise.rows.iter().filter(|row| row.is_val).all(|row| row.wnids.iter().all(|wnid| *wnid == row.wnids[0]))
        );
        // 4,735 wrong labels over 90 pairs of classes: about 53 each; five standard deviations are 36.
        let mut pairs: HashMap<(&str, &str), usize> = HashMap::new();
        noise.rows.iter().filter(|row| row.wnids[4] != row.wnids[0]).for_each(|row| {
            *pairs.entry((&row.wnids[0], &row.wnids[4])).or_default() += 1;
        });
        assert_eq!(pairs.len(), 90);
        assert!(pairs.values().all(|count| (17..=89).contains(count)), "{pairs:?}");
        assert_ne!(noise, NoisyLabels::draw(&manifest, &[1, 5, 25, 50], 1).unwrap());
    }

    #[test]
    fn a_table_survives_its_file_and_the_table_of_another_dataset_is_refused() {
        let mut manifest = manifest();
        let noise = NoisyLabels::draw(&manifest, &[5], 3).unwrap();
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("noisy.csv");
        noise.write(&path).unwrap();
        let read = NoisyLabels::parse(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read, noise);
        assert_eq!(read.check(&manifest), Ok(()));
        manifest.images.pop();
        assert!(read.check(&manifest).is_err());
    }

    #[test]
    fn a_file_that_is_not_a_table_is_refused_with_the_line() {
        for (text, says) in [
            ("", "header"),
            ("path,label\n", "header"),
            ("path,noisy_labels_0,is_valid\ntrain/a/b,a\n", "line 2"),
            ("path,noisy_labels_0,is_valid\ntrain/a/b,a,False\ntrain/a/c,a,b,False\n", "line 3"),
            ("path,noisy_labels_0,noisy_labels_5,is_valid\nval/a/b,a,b,True\n", "wrong label"),
        ] {
            let error = NoisyLabels::parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
        assert!(NoisyLabels::parse(&[0xFF]).is_err());
    }
}
