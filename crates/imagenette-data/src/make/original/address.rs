//! A path inside a copy of ImageNet goes in, the photo's address comes out: its split, its class and its file name.
//!
//! Every layout in use is a set of rules about names, and this is the one file that knows them: folders
//! (`train/n01440764/…`), Kaggle's (`ILSVRC/Data/CLS-LOC/train/…`), tars in a tar (`ILSVRC2012_img_train.tar` /
//! `n01440764.tar` / …), a flat `val`, plain class folders, and Hugging Face's names (`…_n01440764.JPEG`).

use serde::{Deserialize, Serialize};

use crate::file_name::{check_portable, is_clutter, is_photo};

/// The beginning of the names of ImageNet's validation photos.
pub(crate) const VAL_PREFIX: &str = "ILSVRC2012_val_";

/// The split that a photo comes from, as far as its path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Below a folder or tar for training.
    Train,
    /// Below a folder or tar for validation.
    Val,
    /// Its path does not say.
    Unknown,
}

impl Origin {
    /// Every origin, in order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Unknown];

    /// The name of a folder for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Unknown => "all",
        }
    }
}

/// Where a photo is in a copy of ImageNet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The split that it comes from.
    pub origin: Origin,
    /// Its class; `None` where only a list knows it (a flat `val`).
    pub wnid: Option<String>,
    /// Its file name, without the class that Hugging Face adds.
    pub file_name: String,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A photo with its address.
    Photo(Address),
    /// A tar, perhaps compressed, whose members have addresses of their own.
    Archive,
    /// Neither: a list, an annotation, a file that a file manager leaves behind, a test photo without a label.
    Other,
}

/// Reads a path whose parts are the folders and tars that a photo is in.
///
/// # Errors
/// Why the path is refused: it is absolute, leaves its folder, or is not valid as a name on some systems.
pub fn read(path: &str) -> Result<Named, String> {
    if path.starts_with('/') {
        return Err("an absolute path".into());
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("`..` leaves the folder".into());
    }
    let Some((&name, folders)) = parts.split_last() else { return Ok(Named::Other) };
    if parts.iter().any(|part| is_clutter(part)) {
        return Ok(Named::Other);
    }
    if archive_stem(name).is_some() {
        return Ok(Named::Archive);
    }
    if !is_photo(name) {
        return Ok(Named::Other);
    }
    check_portable(name)?;
    let (mut origin, mut class, mut is_nested) = (Origin::Unknown, None::<&str>, false);
    for folder in folders {
        let stem = archive_stem(folder).unwrap_or(folder);
        if let Some(found) = split_of(stem) {
            match found {
                // What lies around a split (`val/ILSVRC/Data/CLS-LOC/val`) is no class.
                Some(found) => (origin, class, is_nested) = (found, None, false),
                None => return Ok(Named::Other),
            }
        } else {
            // Below a split the first folder is the class. ImageNet's ids are classes wherever they are.
            is_nested |= origin != Origin::Unknown && class.is_some_and(|class| is_wnid(class) || !is_wnid(stem));
            class = Some(stem);
        }
    }
    if is_nested {
        return Err("a folder within a class folder".into());
    }
    let (file_name, of_name) = plain_name(name);
    // A folder's name is the class; without a folder the file's own name may say it, as ImageNet's do.
    let wnid = match class {
        Some(class) => {
            check_portable(class)?;
            Some(class.to_owned())
        }
        None => of_name.map(str::to_owned),
    };
    if origin == Origin::Unknown && file_name.starts_with(VAL_PREFIX) {
        origin = Origin::Val;
    }
    Ok(Named::Photo(Address { origin, wnid, file_name }))
}

/// Whether a folder's own name is the class of the photos in it.
pub(crate) fn is_class_folder(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.is_empty() && split_of(name).is_none() && archive_stem(name).is_none()
}

/// The class that a folder or tar holds, when its name is a WordNet id: then all of it can be skipped unread.
pub fn class_of_container(name: &str) -> Option<&str> {
    let name = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = archive_stem(name).unwrap_or(name);
    is_wnid(stem).then_some(stem)
}

/// Whether a name is a WordNet id: `n` and eight digits.
pub fn is_wnid(name: &str) -> bool {
    name.len() == 9 && name.starts_with('n') && name[1..].bytes().all(|byte| byte.is_ascii_digit())
}

/// An archive's name without its extension.
pub(crate) fn archive_stem(name: &str) -> Option<&str> {
    [".tar.gz", ".tgz", ".tar"].iter().find_map(|extension| {
        let at = name.len().checked_sub(extension.len()).filter(|at| *at > 0 && name.is_char_boundary(*at))?;
        name[at..].eq_ignore_ascii_case(extension).then(|| &name[..at])
    })
}

/// The split that a container's name stands for; the inner `None` is a split without labels, whose photos cannot be
/// used.
fn split_of(stem: &str) -> Option<Option<Origin>> {
    let lower = stem.to_ascii_lowercase();
    let ends = |word: &str| lower == word || lower.strip_suffix(word).is_some_and(|rest| rest.ends_with('_'));
    if ends("train") {
        Some(Some(Origin::Train))
    } else if ends("val") || ends("valid") || ends("validation") {
        Some(Some(Origin::Val))
    } else if lower == "test" || lower == "unsup" || lower == "ilsvrc2012_img_test" {
        Some(None)
    } else {
        None
    }
}

/// The file name as in ImageNet, and the class in it: Hugging Face adds `_<wnid>` before the extension.
fn plain_name(name: &str) -> (String, Option<&str>) {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    if let Some((plain, wnid)) = stem.rsplit_once('_')
        && is_wnid(wnid)
        && (plain.starts_with(VAL_PREFIX) || plain.split_once('_').is_some_and(|(class, _)| class == wnid))
    {
        return (format!("{plain}.{extension}"), Some(wnid));
    }
    let wnid = stem.split_once('_').map(|(class, _)| class).filter(|class| is_wnid(class));
    (name.to_owned(), wnid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, origin: Origin, wnid: Option<&str>, file_name: &str) {
        let expected = Address { origin, wnid: wnid.map(str::to_owned), file_name: file_name.into() };
        assert_eq!(read(path), Ok(Named::Photo(expected)), "{path}");
    }

    #[test]
    fn every_layout_is_understood() {
        use Origin::{Train, Unknown, Val};
        check("train/n01440764/n01440764_18.JPEG", Train, Some("n01440764"), "n01440764_18.JPEG");
        check("ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_18.JPEG", Train, Some("n01440764"), "n01440764_18.JPEG");
        check(
            "ILSVRC2012_img_train.tar/n01440764.tar/n01440764_18.JPEG",
            Train,
            Some("n01440764"),
            "n01440764_18.JPEG",
        );
        check("ILSVRC2012_img_val.tar/ILSVRC2012_val_00000293.JPEG", Val, None, "ILSVRC2012_val_00000293.JPEG");
        check("val/n01440764/ILSVRC2012_val_00000293.JPEG", Val, Some("n01440764"), "ILSVRC2012_val_00000293.JPEG");
        check(
            "imagenette2/train/n01440764/ILSVRC2012_val_00000293.JPEG",
            Train,
            Some("n01440764"),
            "ILSVRC2012_val_00000293.JPEG",
        );
        check("val/ILSVRC2012_val_00000293_n01440764.JPEG", Val, Some("n01440764"), "ILSVRC2012_val_00000293.JPEG");
        check("n01440764_18_n01440764.JPEG", Unknown, Some("n01440764"), "n01440764_18.JPEG");
        check("ILSVRC2012_val_00000293.JPEG", Val, None, "ILSVRC2012_val_00000293.JPEG");
        check("cats/tom.png", Unknown, Some("cats"), "tom.png");
        check("pets/train/cats/n01440764_18.JPEG", Train, Some("cats"), "n01440764_18.JPEG");
        check("train_val/cats/tom.jpg", Val, Some("cats"), "tom.jpg");
    }

    #[test]
    fn unusable_files_are_distinguished_from_refused_names() {
        for path in [
            "",
            "train/n01440764/notes.txt",
            "test/ILSVRC2012_test_00000001.JPEG",
            "a/._b.JPEG",
            ".JPEG",
            "unsup/a.JPEG",
        ] {
            assert_eq!(read(path), Ok(Named::Other), "{path}");
        }
        for path in
            ["/train/n01440764/a.JPEG", "train/../../a.JPEG", "train/n0/a\\b.JPEG", "train/a:b/c.JPEG", "t/x\u{7}.JPEG"]
        {
            assert!(read(path).is_err(), "{path}: {:?}", read(path));
        }
        assert_eq!(read("train/n01440764.tar"), Ok(Named::Archive));
        assert_eq!(class_of_container("x/n01440764.tar"), Some("n01440764"));
        assert_eq!(class_of_container("x/n01440764/"), Some("n01440764"));
        assert_eq!(class_of_container("x/train.tar"), None);
    }
}
