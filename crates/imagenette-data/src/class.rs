//! The classes of photos, by WordNet id, and the names that people use for them.

use serde::{Deserialize, Serialize};

/// A class: its label is its position in the edition's list, which is sorted by WordNet id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// The WordNet id, which is also the folder's name: `n01440764`.
    pub wnid: String,
    /// The name for people: `tench`.
    pub name: String,
}

impl Class {
    fn new((wnid, name): (&str, &str)) -> Self {
        Self { wnid: wnid.into(), name: name.into() }
    }

    /// The class with this WordNet id; an id that ImageNet does not have is its own name.
    pub fn of(wnid: &str) -> Self {
        let known = IMAGENETTE.iter().chain(&IMAGEWOOF).copied().find(|(id, _)| *id == wnid);
        Self::new(known.or_else(|| names().find(|(id, _)| *id == wnid)).unwrap_or((wnid, wnid)))
    }
}

const IMAGENETTE: [(&str, &str); 10] = [
    ("n01440764", "tench"),
    ("n02102040", "English springer"),
    ("n02979186", "cassette player"),
    ("n03000684", "chain saw"),
    ("n03028079", "church"),
    ("n03394916", "French horn"),
    ("n03417042", "garbage truck"),
    ("n03425413", "gas pump"),
    ("n03445777", "golf ball"),
    ("n03888257", "parachute"),
];

const IMAGEWOOF: [(&str, &str); 10] = [
    ("n02086240", "Shih-Tzu"),
    ("n02087394", "Rhodesian ridgeback"),
    ("n02088364", "beagle"),
    ("n02089973", "English foxhound"),
    ("n02093754", "Border terrier"),
    ("n02096294", "Australian terrier"),
    ("n02099601", "golden retriever"),
    ("n02105641", "Old English sheepdog"),
    ("n02111889", "Samoyed"),
    ("n02115641", "dingo"),
];

/// ImageNet's 1,000 classes in the order of their labels, one on each line: WordNet id and name.
static NAMES: &str = include_str!("class_names.txt");

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.lines().filter_map(|line| line.split_once(' '))
}

/// ImageNet's thousand classes in label order, which is that of their WordNet ids.
pub fn imagenet() -> &'static [Class] {
    static CLASSES: std::sync::LazyLock<Vec<Class>> = std::sync::LazyLock::new(|| names().map(Class::new).collect());
    &CLASSES
}

/// Imagenette's ten classes in label order.
pub fn imagenette() -> Vec<Class> {
    IMAGENETTE.into_iter().map(Class::new).collect()
}

/// Imagewoof's ten classes in label order.
pub fn imagewoof() -> Vec<Class> {
    IMAGEWOOF.into_iter().map(Class::new).collect()
}

/// The twenty classes of Image网 (imagewang) in label order.
pub fn imagewang() -> Vec<Class> {
    let mut all = imagenette();
    all.extend(imagewoof());
    all.sort_by(|a, b| a.wnid.cmp(&b.wnid));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagenet_has_a_thousand_classes_in_order_and_all_those_of_the_editions() {
        assert_eq!(imagenet().len(), 1000);
        assert!(imagenet().is_sorted_by(|a, b| a.wnid < b.wnid));
        assert!(imagewang().iter().all(|class| imagenet().iter().any(|known| known.wnid == class.wnid)));
        assert_eq!(Class::of("n02948072").name, "candle");
        assert_eq!(Class::of("n02102040").name, "English springer");
        assert_eq!(Class::of("cats").name, "cats");
    }
}
