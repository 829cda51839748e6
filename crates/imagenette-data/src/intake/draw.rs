//! Drawing a val split: the photos of a class go in, those that are for validation come out. The same for everybody.

use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::edition::Split;
use crate::random::{Purpose, Random};

/// How many parts of each class are for training and how many for validation: `90:10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitParts {
    /// Parts for training.
    pub train: u32,
    /// Parts for validation.
    pub val: u32,
}

impl SplitParts {
    /// A tenth of each class for validation.
    pub const TENTH: Self = Self { train: 90, val: 10 };
}

impl FromStr for SplitParts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MOST: u32 = 1_000_000;
        let parts = text.split_once(':').and_then(|(train, val)| Some((train.parse().ok()?, val.parse().ok()?)));
        match parts {
            Some((train, val)) if (1..=MOST).contains(&train) && (1..=MOST).contains(&val) => Ok(Self { train, val }),
            _ => Err("expected parts for train and val, for example 90:10".into()),
        }
    }
}

impl std::fmt::Display for SplitParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.train, self.val)
    }
}

/// How many of so many photos are for validation, rounded.
pub(crate) fn val_count((train, val): (u32, u32), photos: usize) -> usize {
    let (photos, train, val) = (photos as u64, u64::from(train), u64::from(val));
    ((photos * val + (train + val) / 2) / (train + val)) as usize
}

/// Draws a split of a class: the `count` photos with the smallest numbers are for validation. A number follows from
/// (seed, class, name) alone, so a missing photo moves few others.
pub(crate) fn draw_split(seed: u64, count: usize, wnid: &str, names: &[&str]) -> Vec<Split> {
    let hash = |text: &str| {
        let digest = Sha256::digest(text.as_bytes());
        u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
    };
    let mut order: Vec<(u64, &str, usize)> = (0..)
        .zip(names)
        .map(|(at, name)| {
            let mut random = Random::new(seed, Purpose::Split, hash(wnid), hash(name));
            (u64::from(random.next_u32()) << 32 | u64::from(random.next_u32()), *name, at)
        })
        .collect();
    order.sort_unstable();
    let mut splits = vec![Split::Train; names.len()];
    for (_, _, at) in order.into_iter().take(count) {
        splits[at] = Split::Val;
    }
    splits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_and_nonsense_is_refused() {
        assert_eq!("90:10".parse(), Ok(SplitParts::TENTH));
        assert_eq!(SplitParts::TENTH.to_string(), "90:10");
        for text in ["", "90", "90:", ":10", "0:10", "10:0", "-1:2", "1:2:3", "9999999:1"] {
            assert!(text.parse::<SplitParts>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_drawn_split_is_exact_and_repeatable_and_a_missing_photo_changes_little() {
        let names: Vec<String> = (0..200).map(|number| format!("n01440764_{number}.JPEG")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let draw = |seed, names: &[&str]| draw_split(seed, val_count((70, 30), names.len()), "n01440764", names);
        let splits = draw(0, &names);
        assert_eq!(splits.iter().filter(|split| **split == Split::Val).count(), 60);
        assert_eq!(splits, draw(0, &names));
        assert_ne!(splits, draw(1, &names));
        let fewer = draw(0, &names[1..]);
        let moved = splits[1..].iter().zip(&fewer).filter(|(a, b)| a != b).count();
        assert!(moved <= 1, "{moved}");
    }
}
