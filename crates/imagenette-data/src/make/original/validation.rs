//! The list that says which class a flat validation photo has, in any of the forms in use: text goes in, a class for
//! each file name comes out.

use std::collections::HashMap;

use super::address::{VAL_PREFIX, is_wnid};
use super::synsets;
use crate::class;

/// How many validation photos ImageNet has.
const PHOTOS: usize = 50_000;

/// Classes by file name (`ILSVRC2012_val_00000293.JPEG`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidationList {
    classes: HashMap<String, String>,
}

impl ValidationList {
    /// Reads a list. `matlab` is the development kit's `meta.mat`, which the official ground truth needs.
    ///
    /// The forms: one WordNet id per line, for photo 1, 2, 3, …; one number per line (the official ground truth);
    /// `name class` or `name,class`, where a class is a WordNet id or a label of 0 to 999; Kaggle's
    /// `LOC_val_solution.csv`.
    ///
    /// # Errors
    /// What is wrong and in which line. A list by position without exactly 50,000 lines is refused, since no one could
    /// tell which photo a line is for.
    pub fn parse(text: &[u8], matlab: Option<&[u8]>) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "expected text, found other bytes".to_owned())?;
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let first = lines.first().ok_or("an empty file")?;
        let mut classes = HashMap::with_capacity(lines.len());
        if first.split([',', ' ', '\t']).filter(|part| !part.is_empty()).count() == 1 {
            if lines.len() != PHOTOS {
                return Err(format!("expected {PHOTOS} lines, one for each photo, found {}", lines.len()));
            }
            let ids = if is_wnid(first) { None } else { Some(ground_truth_classes(matlab)?) };
            for (number, line) in (1..).zip(&lines) {
                let wnid = match &ids {
                    None if is_wnid(line) => (*line).to_owned(),
                    Some(ids) => line.parse::<u32>().ok().and_then(|id| ids.get(&id).cloned()).ok_or_else(|| {
                        format!("line {number}: expected a class number of meta.mat, found `{}`", short(line))
                    })?,
                    None => return Err(format!("line {number}: expected a WordNet id, found `{}`", short(line))),
                };
                classes.insert(format!("{VAL_PREFIX}{number:08}.JPEG"), wnid);
            }
            return Ok(Self { classes });
        }
        let imagenet = class::imagenet();
        for (number, line) in (1..).zip(&lines) {
            let mut parts = line.split([',', ' ', '\t']).filter(|part| !part.is_empty());
            let (Some(name), Some(class)) = (parts.next(), parts.next()) else {
                return Err(format!("line {number}: expected a file name and a class, found `{}`", short(line)));
            };
            let wnid = if is_wnid(class) {
                class.to_owned()
            } else if let Some(known) = class.parse::<usize>().ok().and_then(|label| imagenet.get(label)) {
                known.wnid.clone()
            } else if number == 1 {
                // A header.
                continue;
            } else {
                return Err(format!(
                    "line {number}: expected a WordNet id or a label of 0 to 999, found `{}`",
                    short(class)
                ));
            };
            let name = name.rsplit('/').next().unwrap_or(name);
            let name = if name.contains('.') { name.to_owned() } else { format!("{name}.JPEG") };
            if classes.insert(name, wnid).is_some() {
                return Err(format!("line {number}: a photo is listed twice: `{}`", short(line)));
            }
        }
        if classes.is_empty() {
            return Err("a list of no photos".into());
        }
        Ok(Self { classes })
    }

    /// The class of a photo, by its file name.
    pub fn class_of(&self, file_name: &str) -> Option<&str> {
        self.classes.get(file_name).map(String::as_str)
    }

    /// How many photos it knows.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }
}

fn ground_truth_classes(matlab: Option<&[u8]>) -> Result<HashMap<u32, String>, String> {
    let matlab = matlab.ok_or(
        "numbers of the development kit, which only its `meta.mat` explains: put that file next to the list, or give \
         the whole development kit",
    )?;
    synsets::read(matlab).map_err(|reason| format!("meta.mat: {reason}"))
}

fn short(text: &str) -> String {
    crate::file_name::printable(&text.chars().take(60).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ValidationList, String> {
        ValidationList::parse(text.as_bytes(), None)
    }

    #[test]
    fn every_form_is_read() {
        let kaggle = "ImageId,PredictionString\nILSVRC2012_val_00000293,n01440764 85 1 499 272 n01440764 1 2 3 4\n";
        for text in [kaggle, "ILSVRC2012_val_00000293.JPEG n01440764\n", "val/ILSVRC2012_val_00000293.JPEG 0\n"] {
            assert_eq!(parse(text).unwrap().class_of("ILSVRC2012_val_00000293.JPEG"), Some("n01440764"), "{text}");
        }
        let by_position = "n01440764\n".repeat(49_999) + "n03888257\n";
        let list = parse(&by_position).unwrap();
        assert_eq!(list.class_of("ILSVRC2012_val_00050000.JPEG"), Some("n03888257"));
        assert_eq!(list.len(), 50_000);
    }

    #[test]
    fn a_list_that_is_too_short_or_strange_is_refused_with_its_line() {
        assert!(parse(&"n01440764\n".repeat(49_999)).unwrap_err().contains("expected 50000 lines"));
        assert!(parse("").unwrap_err().contains("empty"));
        assert!(parse("ImageId,PredictionString\n").unwrap_err().contains("no photos"));
        assert!(parse("a.JPEG n01440764\nb.JPEG cat\n").unwrap_err().starts_with("line 2"));
        assert!(parse("a.JPEG n01440764\na.JPEG n01440764\n").unwrap_err().contains("twice"));
        assert!(parse(&("n01440764\n".repeat(49_999) + "cat\n")).unwrap_err().contains("line 50000"));
        assert!(parse(&"490\n".repeat(50_000)).unwrap_err().contains("meta.mat"));
        assert!(ValidationList::parse(&[0xFF, 0xFE, 0x00], None).is_err());
    }
}
