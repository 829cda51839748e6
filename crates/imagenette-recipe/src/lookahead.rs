//! Slow weights that follow the fast ones from time to time and then take their place: when, and how far.

use serde::{Deserialize, Serialize};

use crate::checks::require;
use crate::error::Result;

/// When and how far the slow weights follow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LookaheadConfig {
    /// The same share of the way each time. Running statistics are left alone.
    ///
    /// # Source
    /// Zhang et al., "Lookahead optimizer: k steps forward, 1 step back", 2019, algorithm 1.
    Steady {
        /// Steps from one time to the next.
        #[serde(default = "six")]
        every: u32,
        /// The share of the way, above 0 and up to 1.
        #[serde(default = "half")]
        share: f64,
    },
    /// The slow weights keep `keep`^`every` × progress³ of themselves: nothing at first, nearly an average at the end.
    /// Running statistics go with them, and the slow weights are what is judged and kept.
    ///
    /// # Source
    /// Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.4 and the code of airbench94.
    Rising {
        /// Steps from one time to the next.
        #[serde(default = "five")]
        every: u32,
        /// The share for each step that is kept at the end of the run, 0 or more and below 1.
        #[serde(default = "keep")]
        keep: f64,
    },
}

fn six() -> u32 {
    6
}

fn half() -> f64 {
    0.5
}

fn five() -> u32 {
    5
}

fn keep() -> f64 {
    0.95
}

impl LookaheadConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        let (every, (key, share, holds)) = match *self {
            Self::Steady { every, share } => (every, ("lookahead.share", share, share > 0.0 && share <= 1.0)),
            Self::Rising { every, keep } => (every, ("lookahead.keep", keep, (0.0..1.0).contains(&keep))),
        };
        require(every >= 1, "lookahead.every", "1 or more", every.to_string(), "5 or 6 steps are usual")?;
        require(holds, key, "a share from 0 to 1", share.to_string(), "0.5 is usual for `share`, 0.95 for `keep`")
    }

    /// Steps from one time to the next.
    pub fn every(&self) -> u32 {
        match *self {
            Self::Steady { every, .. } | Self::Rising { every, .. } => every,
        }
    }

    /// Whether the slow weights are what is judged and kept.
    pub fn is_judged(&self) -> bool {
        matches!(self, Self::Rising { .. })
    }
}
