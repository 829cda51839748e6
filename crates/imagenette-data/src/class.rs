//! The classes that photos are sorted into, by WordNet id, and the names that people use for them.

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

    /// The class with this WordNet id; one that no edition has is named by its id.
    pub fn of(wnid: &str) -> Self {
        let known = IMAGENETTE.iter().chain(&IMAGEWOOF).find(|(id, _)| *id == wnid);
        Self::new(*known.unwrap_or(&(wnid, wnid)))
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
