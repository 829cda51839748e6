//! Slow weights that follow the fast ones from time to time and then take their place: when, and how far.

use serde::{Deserialize, Serialize};

use crate::checks::{below_one, require};
use crate::defaults::{ratio, whole};
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
        #[serde(default = "whole::<6>")]
        every: u32,
        /// The share of the way, above 0 and up to 1.
        #[serde(default = "ratio::<1, 2>")]
        share: f64,
    },
    /// The slow weights keep `keep`^`every` × progress³ of themselves: nothing at first, nearly an average at the end.
    /// Running statistics go with them, and the slow weights are what is evaluated and kept.
    ///
    /// # Source
    /// Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.4 and the code of airbench94.
    Rising {
        /// Steps from one time to the next.
        #[serde(default = "whole::<5>")]
        every: u32,
        /// The share for each step that is kept at the end of the run, 0 or more and below 1.
        #[serde(default = "ratio::<95, 100>")]
        keep: f64,
    },
}

impl LookaheadConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        let every = self.every();
        require(every >= 1, "lookahead.every", "1 or more", every.to_string(), "5 or 6 steps are usual")?;
        match *self {
            Self::Steady { share, .. } => require(
                share > 0.0 && share <= 1.0,
                "lookahead.share",
                "a share above 0 and up to 1",
                share.to_string(),
                "0.5 is usual",
            ),
            Self::Rising { keep, .. } => below_one("lookahead.keep", keep),
        }
    }

    /// Steps from one time to the next.
    pub fn every(&self) -> u32 {
        match *self {
            Self::Steady { every, .. } | Self::Rising { every, .. } => every,
        }
    }

    /// Whether the slow weights are what is evaluated and kept.
    pub fn is_evaluated(&self) -> bool {
        matches!(self, Self::Rising { .. })
    }
}
