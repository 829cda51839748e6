//! Which photos belong to a dataset, and to which of its splits: a spec goes in, a rule comes out that is asked before
//! a photo is read (is it wanted?) and after all were read (where does it go?).
//!
//! The official 70/30 splits of Imagenette and Imagewoof are lists of names that ship with the program: for each class
//! and split, the numbers of its photos, each as the difference from the one before.

use std::collections::HashMap;
use std::path::Path;

use super::spec::{Family, Spec, SplitRule};
use crate::edition::{Edition, Split};
use crate::error::{DataError, Result};
use crate::file_name::{check_portable, is_photo, printable};
use crate::make::original::address::{Named, Origin, VAL_PREFIX, read};
use crate::random::{Purpose, Random};
use crate::tar_headers::HeaderGuard;
use imagenette_files::input;

static IMAGENETTE: &str = include_str!("members/imagenette2.txt");
static IMAGEWOOF: &str = include_str!("members/imagewoof2.txt");

/// How many photos of Imagewoof have labels in Image网's train split.
const WANG_LABELED: usize = 1_275;

/// Where a listed photo goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its class in ImageNet.
    pub(crate) wnid: String,
    pub(crate) split: Split,
}

/// The rule for the membership of a dataset.
#[derive(Debug)]
pub(crate) enum Membership {
    /// By name.
    List { members: HashMap<String, Listed>, edition: Edition },
    /// By class, split as the rule says.
    Classes,
}

impl Membership {
    /// The rule of a spec; `members` is a list of paths instead of the official one.
    pub(crate) fn of(spec: &Spec, members: Option<&[String]>) -> Result<Self> {
        if let Some(paths) = members {
            return Self::from_paths(paths, spec);
        }
        let Some(family) = spec.edition else { return Ok(Self::Classes) };
        if matches!(spec.split, SplitRule::Own | SplitRule::Ratio(..)) {
            return Ok(Self::Classes);
        }
        let edition = family.edition(spec.split);
        let members = match family {
            Family::Imagewang => return Ok(Self::List { members: wang(spec.seed), edition: Edition::Own }),
            Family::Imagenette => shipped(IMAGENETTE),
            Family::Imagewoof => shipped(IMAGEWOOF),
        };
        let members = members.into_iter().map(|(name, mut listed)| {
            if spec.split == SplitRule::V1 {
                listed.split = Edition::v1_split(&name);
            }
            (name, listed)
        });
        Ok(Self::List { members: members.collect(), edition })
    }

    /// The rule of paths `split/class/name`; an unlabeled photo is `unsup/name`, and its name tells its class.
    fn from_paths(paths: &[String], spec: &Spec) -> Result<Self> {
        let mut members = HashMap::with_capacity(paths.len());
        let malformed = |found: String| {
            DataError::malformed(
                Path::new("--members"),
                "paths such as train/n01440764/n01440764_18.JPEG",
                found,
                "name the folder of a dataset, an archive, or a text with a path on each line",
            )
        };
        for path in paths {
            let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
            // There may be a top folder before the split.
            let at = parts.iter().position(|part| Split::named(part).is_some());
            let Some(at) = at else { return Err(malformed(format!("`{path}`"))) };
            let split = Split::named(parts[at]).expect("this part is the name of a split");
            if split == Split::Test {
                return Err(malformed(format!("`{path}`: what is made has train, val and unsup")));
            }
            let name = parts.last().copied().unwrap_or_default().to_owned();
            let class = match (split, parts.len() - at) {
                (Split::Unsup, _) => match read(&name) {
                    Ok(Named::Photo(address)) => address.wnid.unwrap_or_default(),
                    _ => return Err(malformed(format!("`{path}`"))),
                },
                (_, 3) => parts[at + 1].to_owned(),
                _ => return Err(malformed(format!("`{path}`"))),
            };
            // They become names of files, and the list may come from anywhere.
            check_portable(&class)
                .and_then(|()| check_portable(&name))
                .map_err(|reason| malformed(format!("`{}`: {reason}", printable(path))))?;
            if members.insert(name.clone(), Listed { wnid: class, split }).is_some() {
                return Err(malformed(format!("`{name}` twice")));
            }
        }
        if members.is_empty() {
            return Err(malformed("none".into()));
        }
        let mut sorted: Vec<String> = members
            .iter()
            .map(|(name, listed)| match listed.split {
                Split::Unsup => format!("unsup/{name}"),
                split => format!("{}/{}/{name}", split.name(), listed.wnid),
            })
            .collect();
        sorted.sort_unstable();
        let found = Edition::identify(sorted.iter().map(String::as_str));
        let edition = if spec
            .edition
            .is_some_and(|family| family.edition(SplitRule::V2) == found || family.edition(SplitRule::V1) == found)
        {
            found
        } else {
            Edition::Own
        };
        Ok(Self::List { members, edition })
    }

    /// The listed photo with this name.
    pub(crate) fn listed(&self, file_name: &str) -> Option<&Listed> {
        match self {
            Self::List { members, .. } => members.get(file_name),
            Self::Classes => None,
        }
    }

    /// The edition of the result when every listed photo is there.
    pub(crate) fn edition(&self) -> Edition {
        match self {
            Self::List { edition, .. } => *edition,
            Self::Classes => Edition::Own,
        }
    }

    /// Whether photos of a class may be wanted; the unlabeled ones of a list may be of any class.
    pub(crate) fn wants_class(&self, spec: &Spec, wnid: &str) -> bool {
        match self {
            Self::List { members, .. } if spec.edition.is_none() => members.values().any(|listed| listed.wnid == wnid),
            _ => spec.wants_class(wnid),
        }
    }
}

/// The paths in a list of members: a text, the manifest of a dataset, or an archive, of which only the names are read.
pub(crate) fn member_paths(path: &Path) -> Result<Vec<String>> {
    use std::io::Read;
    if path.is_dir() {
        let manifest = crate::manifest::Manifest::read(path)?;
        return Ok(manifest.images.iter().map(|image| manifest.relative_path(image)).collect());
    }
    let (file, length) = input::open(path, u64::MAX)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if ![".tgz", ".tar.gz", ".tar"].iter().any(|extension| name.ends_with(extension)) {
        let text = input::read_text(path, input::TABLE_BYTES)?;
        // The official tables of noisy labels begin with the path too.
        let lines = text.lines().map(|line| line.split(',').next().unwrap_or(line).trim());
        return Ok(lines.filter(|line| !line.is_empty() && *line != "path").map(str::to_owned).collect());
    }
    let reader: Box<dyn Read> =
        if name.ends_with(".tar") { Box::new(file) } else { Box::new(flate2::read::MultiGzDecoder::new(file)) };
    // What is packed better than photos can be is no list of photos.
    let guard = HeaderGuard::default();
    let mut archive = tar::Archive::new(
        guard.watch(reader.take(length.saturating_mul(crate::make::original::bytes::LARGEST_RATIO).max(1 << 24))),
    );
    let mut paths = Vec::new();
    let damaged = |error: std::io::Error| {
        DataError::malformed(path, "a whole .tgz or .tar archive", error.to_string(), "fetch the archive again")
    };
    let mut entries = archive.entries().map_err(damaged)?;
    while let Some(entry) = guard.next(&mut entries) {
        let mut entry = entry.map_err(damaged)?;
        std::io::copy(&mut entry, &mut std::io::sink()).map_err(damaged)?;
        let member = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_file()
            && matches!(
                crate::make::original::address::read(&format!("x/{member}")),
                Ok(Named::Photo(_)) | Ok(Named::Other)
            )
            && is_photo(&member)
        {
            paths.push(member);
        }
    }
    Ok(paths)
}

fn shipped(text: &str) -> Vec<(String, Listed)> {
    let mut members = Vec::with_capacity(13_394);
    for line in text.lines() {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("a shipped line begins with class, split and kind");
        let (wnid, split, kind) = (word(), word(), word());
        let split = if split == "val" { Split::Val } else { Split::Train };
        let mut number = 0;
        for difference in words {
            number += difference.parse::<u32>().expect("a shipped line ends with numbers");
            let name =
                if kind == "val" { format!("{VAL_PREFIX}{number:08}.JPEG") } else { format!("{wnid}_{number}.JPEG") };
            members.push((name, Listed { wnid: wnid.to_owned(), split }));
        }
    }
    members
}

/// Image网: all of Imagenette and a drawn part of Imagewoof's train split with labels, the rest of that split without,
/// and Imagewoof's val. Only the official archive tells which 1,275 dogs officially have labels.
fn wang(seed: u64) -> HashMap<String, Listed> {
    let mut members: HashMap<String, Listed> = shipped(IMAGENETTE)
        .into_iter()
        .map(|(name, listed)| (name, Listed { split: Split::Train, ..listed }))
        .collect();
    let mut dogs = shipped(IMAGEWOOF);
    dogs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut train: Vec<usize> = (0..dogs.len()).filter(|at| dogs[*at].1.split == Split::Train).collect();
    Random::new(seed, Purpose::Split, 0, 0).shuffle(&mut train);
    for at in train.drain(..).skip(WANG_LABELED) {
        dogs[at].1.split = Split::Unsup;
    }
    members.extend(dogs);
    members
}

/// The split of a photo that is on no list.
pub(crate) fn split_by_rule(rule: SplitRule, origin: Origin, file_name: &str) -> Option<Split> {
    match (rule, origin) {
        (SplitRule::V1, _) => Some(Edition::v1_split(file_name)),
        (_, Origin::Train) => Some(Split::Train),
        (_, Origin::Val) => Some(Split::Val),
        (_, Origin::Unknown) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_any_list_of_members_stay_in_their_folder() {
        let seed = b"train/n01440764/n01440764_18.JPEG\nset/val/n01440764/ILSVRC2012_val_00000293.JPEG\n\
                     unsup/n01440764_2.JPEG\n";
        let words: [&[u8]; 6] = [b"../", b"..", b"train/", b"val/", b"\n", b"\x1b[2J"];
        let spec = Spec::of(Family::Imagewang, SplitRule::V2);
        crate::mutation::fuzz("maker-members", &[seed.to_vec()], &words, &std::env::temp_dir(), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let paths: Vec<String> = text.lines().map(str::to_owned).collect();
            if let Ok(Membership::List { members, .. }) = Membership::from_paths(&paths, &spec) {
                for name in members.iter().flat_map(|(name, listed)| [name, &listed.wnid]) {
                    assert!(!name.contains('/') && name != ".." && !name.chars().any(char::is_control), "{name:?}");
                }
            }
        });
    }

    fn paths(family: Family, split: SplitRule) -> Vec<String> {
        let Membership::List { members, .. } = Membership::of(&Spec::of(family, split), None).unwrap() else {
            panic!("a list is expected");
        };
        let mut paths: Vec<String> = members
            .iter()
            .map(|(name, listed)| match listed.split {
                Split::Unsup => format!("unsup/{name}"),
                split => format!("{}/{}/{name}", split.name(), listed.wnid),
            })
            .collect();
        paths.sort_unstable();
        paths
    }

    #[test]
    fn the_shipped_lists_are_the_official_memberships() {
        for (family, split, edition) in [
            (Family::Imagenette, SplitRule::V2, Edition::ImagenetteV2),
            (Family::Imagenette, SplitRule::V1, Edition::ImagenetteV1),
            (Family::Imagewoof, SplitRule::V2, Edition::ImagewoofV2),
            (Family::Imagewang, SplitRule::V2, Edition::Imagewang),
        ] {
            let paths = paths(family, split);
            // For Imagenette v2 this compares the hash of every name; for the others, classes and counts.
            assert_eq!(Edition::identify(paths.iter().map(String::as_str)), edition);
            for split in [Split::Train, Split::Val, Split::Unsup] {
                let count = paths.iter().filter(|path| path.starts_with(&format!("{}/", split.name()))).count();
                assert_eq!(Some(count), edition.count(split), "{edition} {}", split.name());
            }
        }
        let digest = imagenette_files::hash::sha256(paths(Family::Imagewoof, SplitRule::V2).join("\n") + "\n");
        assert_eq!(digest, "2c17fe845291ae5953aaa717239cdd45ed0af401bd0a6523461791f7226908e2");
    }

    #[test]
    fn imagenettes_splits_have_the_official_counts_of_each_class() {
        let paths = paths(Family::Imagenette, SplitRule::V2);
        let count = |split: &str| -> Vec<usize> {
            crate::class::imagenette()
                .iter()
                .map(|class| paths.iter().filter(|path| path.starts_with(&format!("{split}/{}/", class.wnid))).count())
                .collect()
        };
        assert_eq!(count("train"), [963, 955, 993, 858, 941, 956, 961, 931, 951, 960]);
        assert_eq!(count("val"), [387, 395, 357, 386, 409, 394, 389, 419, 399, 390]);
    }

    #[test]
    fn an_own_list_replaces_the_shipped_one() {
        let spec = Spec::of(Family::Imagenette, SplitRule::V2);
        let own: Vec<String> = vec![
            "top/train/n01440764/n01440764_18.JPEG".into(),
            "val/n01440764/x.JPEG".into(),
            "unsup/n02086240_7.JPEG".into(),
        ];
        let membership = Membership::of(&spec, Some(&own)).unwrap();
        assert_eq!(membership.edition(), Edition::Own);
        assert_eq!(membership.listed("x.JPEG"), Some(&Listed { wnid: "n01440764".into(), split: Split::Val }));
        assert_eq!(membership.listed("n02086240_7.JPEG").map(|listed| listed.split), Some(Split::Unsup));
        for broken in [
            &[][..],
            &["a.JPEG".to_owned()],
            &["train/a.JPEG".to_owned()],
            &["train/a/b.JPEG".into(), "val/a/b.JPEG".into()],
        ] {
            assert!(Membership::of(&spec, Some(broken)).is_err(), "{broken:?}");
        }
        let official = Membership::of(&spec, Some(&paths(Family::Imagenette, SplitRule::V2))).unwrap();
        assert_eq!(official.edition(), Edition::ImagenetteV2);
    }
}
