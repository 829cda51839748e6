//! The layout of a dataset, `[<top>/](train|val|test|unsup)/<class>/<photo>`: the paths of an archive or a folder go
//! in, places in a dataset come out, or the reason why a path has no place. Nothing is written to any other place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    /// Hidden, or what file managers leave behind.
    Clutter,
    /// No photo of a class: what is to be named, which is the folder where it is in a folder that has no place.
    Stray(String),
    /// A photo or a class whose name is not one on every system: the path up to that name, and why it is not.
    Misnamed(String, String),
    /// A photo in class folders that are in no split.
    Unsplit,
}

/// What was seen of a source so far: one top folder, and each place once.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// `None` until the first path decides; then the top folder, if there is one.
    top: Option<Option<String>>,
    /// Whether photos of class folders that are in no split are taken as train.
    takes_unsplit: bool,
    /// How many folders photos outside of splits are in: one, or two where there is a top folder.
    unsplit_depth: Option<usize>,
    /// The folder that each split has: one of `val`, `valid` and `validation`.
    spellings: BTreeMap<Split, String>,
    /// Every place by its path in lower case: on many systems, names that differ only in case are one file.
    seen: HashMap<String, String>,
    /// Every class folder, with photos or not.
    pub(crate) classes: BTreeSet<(Split, String)>,
}

impl Layout {
    /// The layout of a source whose photos may be in class folders without a split. A folder of one's own has no top
    /// folder, so that its folders are the classes; in an archive the first photo tells.
    pub(crate) fn unsplit(is_folder: bool) -> Self {
        Self { takes_unsplit: true, unsplit_depth: is_folder.then_some(1), ..Self::default() }
    }

    /// Finds the place of a member; the error is the reason why the whole source is refused.
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
        let Some((&last, folders)) = parts.split_last() else {
            return if is_folder { Ok(Member::Folder) } else { Err("an empty name".into()) };
        };
        let at = parts.iter().take(2).position(|part| Split::of_folder(part).is_some());
        let may_be_photo = !is_folder && is_photo(last);
        let may_be_class = is_folder && parts.len() == at.map_or(1, |at| at + 2);
        // The name of a top folder is written nowhere.
        let mut named = (0..).zip(&parts).skip(at.unwrap_or(0));
        if let Some((place, reason)) = named.find_map(|(place, part)| Some((place, check_portable(part).err()?))) {
            let named = parts[..=place].join("/");
            let matters = may_be_photo || may_be_class;
            return Ok(if matters { Member::Misnamed(named, reason) } else { Member::Stray(named) });
        }
        if parts.len() == 1 && !is_folder {
            return if is_table(last) { self.table(last) } else { Ok(Member::Stray(last.into())) };
        }
        let Some(at) = at else { return self.outside_of_splits(&parts, is_folder) };
        self.check_top((at == 1).then_some(parts[0]))?;
        let (spelled, below) = (parts[at], &parts[at + 1..]);
        let split = Split::of_folder(spelled).expect("the position was found by it");
        if below.is_empty() && !is_folder {
            return Ok(Member::Stray(path.into()));
        }
        let before = self.spellings.entry(split).or_insert_with(|| spelled.to_owned());
        if before != spelled {
            return Err(format!("`{before}` and `{spelled}` are both {}: join them", split.name()));
        }
        match (below, is_folder) {
            ([], _) => Ok(Member::Folder),
            ([wnid], true) => self.class(split, wnid).map(|()| Member::Folder),
            // Unlabeled photos are in no class folders: the name of a folder would be a label.
            ([file], false) | ([_, file], false) if split == Split::Unsup && may_be_photo => {
                self.photo(Place { split, wnid: None, file_name: (*file).to_owned() })
            }
            ([wnid, file], false) if may_be_photo => {
                self.class(split, wnid)?;
                self.photo(Place { split, wnid: Some((*wnid).to_owned()), file_name: (*file).to_owned() })
            }
            // Competitions hand out test photos without their labels.
            ([_], false) if may_be_photo && split == Split::Test => Ok(Member::Stray(folders.join("/"))),
            ([_], false) if may_be_photo => Err("a photo outside of a class folder".into()),
            ([_, ..], true) | ([_, _, _, ..], _) => Ok(Member::Stray(parts[..at + 3].join("/"))),
            _ => Ok(Member::Stray(path.into())),
        }
    }

    /// A path in no split: a class folder of a source without splits, or nothing of the dataset.
    fn outside_of_splits(&mut self, parts: &[&str], is_folder: bool) -> Result<Member, String> {
        let (last, folders) = parts.split_last().expect("empty paths were answered before");
        if is_folder {
            return Ok(Member::Folder);
        }
        if folders.len() == 1 && is_table(last) {
            return self.table(last);
        }
        if !is_photo(last) {
            return Ok(Member::Stray(parts.join("/")));
        }
        if !self.takes_unsplit {
            return Ok(Member::Unsplit);
        }
        let depth = *self.unsplit_depth.get_or_insert(folders.len().min(2));
        if folders.len() > depth {
            return Ok(Member::Stray(parts[..=depth].join("/")));
        }
        if folders.len() < depth {
            return Err(format!("a photo in `{}` beside class folders in it", folders.join("/")));
        }
        self.check_top((depth == 2).then_some(parts[0]))?;
        let class = folders[depth - 1];
        self.class(Split::Train, class)?;
        self.photo(Place { split: Split::Train, wnid: Some(class.to_owned()), file_name: (*last).to_owned() })
    }

    fn check_top(&mut self, here: Option<&str>) -> Result<(), String> {
        let top = self.top.get_or_insert_with(|| here.map(str::to_owned));
        if top.as_deref() == here {
            return Ok(());
        }
        let named = |top: Option<&str>| top.map_or("no top folder".to_owned(), |top| format!("top folder `{top}`"));
        Err(format!("{} after {}: one dataset expected", named(here), named(top.as_deref())))
    }

    fn class(&mut self, split: Split, wnid: &str) -> Result<(), String> {
        self.remember(&format!("{}/{wnid}", split.name()), true)?;
        if split != Split::Unsup {
            self.classes.insert((split, wnid.to_owned()));
        }
        Ok(())
    }

    fn table(&mut self, name: &str) -> Result<Member, String> {
        self.remember(name, false).map(|()| Member::Table(name.into()))
    }

    fn photo(&mut self, place: Place) -> Result<Member, String> {
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
    fn what_is_no_photo_of_a_class_is_left_out_by_name() {
        for (path, named) in [
            ("train/n01/deep/a.JPEG", "train/n01/deep"),
            ("train/n01/deep/deeper/a.JPEG", "train/n01/deep"),
            ("train/n01/a.txt", "train/n01/a.txt"),
            ("top/train/n01/a.gif", "top/train/n01/a.gif"),
            ("train/n01/what?.txt", "train/n01/what?.txt"),
            ("train/notes.txt", "train/notes.txt"),
            ("test/a.JPEG", "test"),
            ("README.md", "README.md"),
            ("docs/README.md", "docs/README.md"),
        ] {
            assert_eq!(Layout::default().place(path, false), Ok(Member::Stray(named.into())), "{path}");
        }
        for (path, named) in [
            ("train/n01/a\\..\\b.JPEG", "train/n01/a\\..\\b.JPEG"),
            ("train/C:/a.JPEG", "train/C:"),
            ("train/n01/a\n.JPEG", "train/n01/a\n.JPEG"),
            ("train/n01/12:30.jpg", "train/n01/12:30.jpg"),
            ("train/n01 /a.JPEG", "train/n01 "),
        ] {
            let found = Layout::default().place(path, false);
            assert!(matches!(&found, Ok(Member::Misnamed(found, _)) if found == named), "{path:?}: {found:?}");
        }
        assert!(matches!(Layout::default().place("train/a:b", true), Ok(Member::Misnamed(..))));
        assert_eq!(photo("what?/train/n01/a.JPEG").as_deref(), Ok("train/n01/a.JPEG"));
        assert_eq!(Layout::default().place("train/n01/deep", true), Ok(Member::Stray("train/n01/deep".into())));
        for hidden in ["train/n01/.JPEG", "train/.ipynb_checkpoints/a.JPEG", "__MACOSX/train/n01/a.JPEG"] {
            assert_eq!(Layout::default().place(hidden, false), Ok(Member::Clutter), "{hidden}");
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_or_say_no_class_are_refused() {
        for path in ["/train/n01/a.JPEG", "train/../../a.JPEG", "../train/n01/a.JPEG", "train/a.JPEG", ""] {
            assert!(photo(path).is_err(), "{path:?} gave {:?}", photo(path));
        }
    }

    #[test]
    fn the_names_that_people_give_to_splits_are_known_one_for_each_split() {
        let mut layout = Layout::default();
        for (path, place) in [
            ("Training/cat/a.jpg", "train/cat/a.jpg"),
            ("Validation/cat/a.jpg", "val/cat/a.jpg"),
            ("TEST/cat/a.jpg", "test/cat/a.jpg"),
        ] {
            let found = layout.place(path, false);
            assert!(matches!(&found, Ok(Member::Photo(found)) if found.relative() == place), "{path}: {found:?}");
        }
        let both = layout.place("valid/cat/b.jpg", false).unwrap_err();
        assert!(both.contains("`Validation` and `valid` are both val"), "{both}");
        assert_eq!(photo("valid/cat/a.jpg").as_deref(), Ok("val/cat/a.jpg"));
    }

    #[test]
    fn class_folders_without_a_split_are_train_where_a_split_is_to_be_drawn() {
        assert_eq!(Layout::default().place("cat/a.jpg", false), Ok(Member::Unsplit));
        assert_eq!(Layout::default().place("pets/cat/a.jpg", false), Ok(Member::Unsplit));
        for paths in
            [["cat/a.jpg", "dog/a.jpg"], ["pets/cat/a.jpg", "pets/dog/a.jpg"], ["train/cat/a.jpg", "train/dog/a.jpg"]]
        {
            let mut layout = Layout::unsplit(false);
            for (path, class) in paths.iter().zip(["cat", "dog"]) {
                let found = layout.place(path, false);
                let place = format!("train/{class}/a.jpg");
                assert!(matches!(&found, Ok(Member::Photo(found)) if found.relative() == place), "{path}: {found:?}");
            }
            let nested = format!("{}/deep/c.jpg", paths[0].trim_end_matches("/a.jpg"));
            assert!(matches!(layout.place(&nested, false), Ok(Member::Stray(_))), "{nested}");
        }
        let mut folder = Layout::unsplit(true);
        assert_eq!(folder.place("cat/deep/a.jpg", false), Ok(Member::Stray("cat/deep".into())));
        assert!(matches!(folder.place("cat/a.jpg", false), Ok(Member::Photo(_))));
        let mut two = Layout::unsplit(false);
        assert!(two.place("a/cat/1.jpg", false).is_ok() && two.place("b/cat/1.jpg", false).is_err());
        let mut mixed = Layout::unsplit(false);
        assert!(mixed.place("cat/deep/1.jpg", false).is_ok() && mixed.place("cat/1.jpg", false).is_err());
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
        assert_eq!(layout.place("x/train/table.csv", false), Ok(Member::Stray("x/train/table.csv".into())));
    }
}
