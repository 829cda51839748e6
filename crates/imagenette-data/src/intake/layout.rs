//! The layout of a dataset, `[<top>/](train|val|unsup)/<class>/<photo>`: the paths of an archive or a folder go in,
//! places in a dataset come out, or the reason why a path has no place. Nothing is written to any other place.

use std::collections::{BTreeSet, HashMap};

use crate::edition::Split;
use crate::file_name::{check_portable, is_clutter, is_photo, is_table};

/// Where a photo belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) split: Split,
    /// The class; `None` for unlabeled photos, which are directly in `unsup`.
    pub(crate) wnid: Option<String>,
    pub(crate) file_name: String,
}

impl Place {
    /// The folder in the dataset's folder: `train/n01440764`.
    pub(crate) fn folder(&self) -> String {
        match &self.wnid {
            Some(wnid) => format!("{}/{wnid}", self.split.name()),
            None => self.split.name().into(),
        }
    }

    /// The path in the dataset's folder, as of [`crate::manifest::Manifest::relative_path`].
    pub(crate) fn relative(&self) -> String {
        format!("{}/{}", self.folder(), self.file_name)
    }
}

/// What a path of an archive or a folder is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// A folder of the layout.
    Folder,
    /// A photo.
    Photo(Place),
    /// A table beside the splits, such as `noisy_imagenette.csv`, by its file name.
    Table(String),
    /// What file managers leave behind.
    Clutter,
}

/// What was seen of a source so far: one top folder, and each place once.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// `None` until the first path decides; then the top folder, if there is one.
    top: Option<Option<String>>,
    /// Every place by its path in lower case: on many systems, names that differ only in case are one file.
    seen: HashMap<String, String>,
    /// Every class folder, with photos or not.
    pub(crate) classes: BTreeSet<(Split, String)>,
}

impl Layout {
    /// Finds the place of a member; the error is the reason why it has none.
    pub(crate) fn place(&mut self, path: &str, is_folder: bool) -> Result<Member, String> {
        if path.starts_with('/') {
            return Err("an absolute path".into());
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.contains(&"..") {
            return Err("`..` leaves the folder".into());
        }
        if parts.iter().any(|part| is_clutter(part)) {
            return Ok(Member::Clutter);
        }
        parts.iter().try_for_each(|part| check_portable(part))?;
        let Some(&first) = parts.first() else {
            return if is_folder { Ok(Member::Folder) } else { Err("an empty name".into()) };
        };
        let unfit = || Err("does not fit the layout `(train|val|unsup)/<class>/<photo>`".to_owned());
        if parts.len() == 1 && !is_folder {
            return if is_table(first) { self.table(first) } else { unfit() };
        }
        let here = if Split::named(first).is_some() { None } else { Some(first) };
        let top = self.top.get_or_insert_with(|| here.map(str::to_owned));
        if top.as_deref() != here {
            let named = |top: Option<&str>| top.map_or("no top folder".to_owned(), |top| format!("top folder `{top}`"));
            return Err(format!("{} after {}: one dataset expected", named(here), named(top.as_deref())));
        }
        let rest = if here.is_some() { &parts[1..] } else { &parts[..] };
        let Some((&split_name, below)) = rest.split_first() else {
            return if is_folder { Ok(Member::Folder) } else { unfit() };
        };
        let Some(split) = Split::named(split_name) else {
            return if below.is_empty() && !is_folder && is_table(split_name) {
                self.table(split_name)
            } else {
                unfit()
            };
        };
        match (below, is_folder) {
            ([], true) => Ok(Member::Folder),
            ([wnid], true) => {
                self.remember(&format!("{split_name}/{wnid}"), true)?;
                if split != Split::Unsup {
                    self.classes.insert((split, (*wnid).to_owned()));
                }
                Ok(Member::Folder)
            }
            // Unlabeled photos are in no class folders: the name of a folder would be a label.
            ([file], false) | ([_, file], false) if split == Split::Unsup => {
                self.photo(Place { split, wnid: None, file_name: (*file).to_owned() })
            }
            ([wnid, file], false) => {
                self.remember(&format!("{split_name}/{wnid}"), true)?;
                self.classes.insert((split, (*wnid).to_owned()));
                self.photo(Place { split, wnid: Some((*wnid).to_owned()), file_name: (*file).to_owned() })
            }
            _ => unfit(),
        }
    }

    fn table(&mut self, name: &str) -> Result<Member, String> {
        self.remember(name, false).map(|()| Member::Table(name.into()))
    }

    fn photo(&mut self, place: Place) -> Result<Member, String> {
        if !is_photo(&place.file_name) {
            return Err("not a photo's name (.JPEG, .jpeg, .jpg, .png or .webp)".into());
        }
        self.remember(&place.relative(), false)?;
        Ok(Member::Photo(place))
    }

    fn remember(&mut self, relative: &str, again: bool) -> Result<(), String> {
        match self.seen.insert(relative.to_lowercase(), relative.to_owned()) {
            Some(before) if before != relative => Err(format!("differs from `{before}` only in case")),
            Some(_) if !again => Err("occurs twice".into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(path: &str) -> Result<String, String> {
        match Layout::default().place(path, false)? {
            Member::Photo(place) => Ok(place.relative()),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn photos_find_their_places_with_and_without_a_top_folder() {
        for path in ["train/n01/a.JPEG", "./train/n01/a.JPEG", "imagenette2/train/n01/a.JPEG", "./x/train//n01/a.JPEG"]
        {
            assert_eq!(photo(path).as_deref(), Ok("train/n01/a.JPEG"), "{path}");
        }
        assert_eq!(photo("unsup/a.png").as_deref(), Ok("unsup/a.png"));
        assert_eq!(photo("top/unsup/n01/a.JPEG").as_deref(), Ok("unsup/a.JPEG"));
    }

    #[test]
    fn names_that_do_not_fit_the_layout_are_refused() {
        for path in [
            "/train/n01/a.JPEG",
            "train/../../a.JPEG",
            "../train/n01/a.JPEG",
            "train/a.JPEG",
            "train/n01/deep/a.JPEG",
            "train/n01/a.txt",
            "train/n01/.JPEG",
            "top/other/n01/a.JPEG",
            "train/n01/a\\..\\b.JPEG",
            "train/C:/a.JPEG",
            "train/n01/a\n.JPEG",
            "README.md",
            "train/n01 /a.JPEG",
            "",
        ] {
            assert!(photo(path).is_err(), "{path:?} gave {:?}", photo(path));
        }
    }

    #[test]
    fn a_place_is_given_once_whatever_its_case() {
        let mut layout = Layout::default();
        assert!(layout.place("train/n01", true).is_ok() && layout.place("train/n01/", true).is_ok());
        assert!(layout.place("train/n01/a.JPEG", false).is_ok());
        assert_eq!(layout.place("train/n01/a.JPEG", false), Err("occurs twice".into()));
        assert!(layout.place("train/n01/A.jpeg", false).is_err());
        assert!(layout.place("train/N01/b.JPEG", false).is_err());
        assert!(layout.place("val/n01/a.JPEG", false).is_ok());
    }

    #[test]
    fn two_top_folders_are_refused() {
        let mut layout = Layout::default();
        assert!(layout.place("noise.csv", false).is_ok());
        assert!(layout.place("a/train/n01/a.JPEG", false).is_ok());
        assert!(layout.place("b/train/n01/b.JPEG", false).is_err());
        assert!(layout.place("train/n01/c.JPEG", false).is_err());
    }

    #[test]
    fn tables_and_clutter_are_recognized() {
        let mut layout = Layout::default();
        assert_eq!(layout.place("x/noisy_imagenette.csv", false), Ok(Member::Table("noisy_imagenette.csv".into())));
        assert_eq!(layout.place("x/train/n01/._a.JPEG", false), Ok(Member::Clutter));
        assert_eq!(layout.place("./.DS_Store", false), Ok(Member::Clutter));
        assert!(layout.place("x/train/table.csv", false).is_err());
    }
}
