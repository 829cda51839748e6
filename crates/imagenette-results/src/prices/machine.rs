//! A machine that a cloud lends: what it is, and what it costs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::price::{Market, PricePerHour};

/// A cloud whose prices are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Aws, Self::Gcp];

    /// Its short name: `aws`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
        }
    }

    /// The region whose price on demand is taken.
    pub fn home_region(self) -> &'static str {
        match self {
            Self::Aws => "us-east-1",
            Self::Gcp => "us-central1",
        }
    }

    /// The regions over whose zones the median of spot prices is taken.
    pub fn spot_regions(self) -> [&'static str; 3] {
        match self {
            Self::Aws => ["us-east-1", "us-east-2", "us-west-2"],
            Self::Gcp => ["us-central1", "us-east1", "us-west1"],
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Cloud {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|cloud| cloud.name() == text);
        found.ok_or_else(|| format!("expected aws or gcp, found `{text}`"))
    }
}

/// A machine and its prices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Whose it is.
    pub cloud: Cloud,
    /// Its type, as the cloud names it: `c7a.large`.
    pub name: String,
    /// Virtual processors, as the cloud counts them.
    pub vcpus: u32,
    /// Cores: where two virtual processors share one, half as many.
    pub cores: u32,
    /// The widest level of our kernels that its processor has: `avx512bf16`.
    pub kernels: String,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Its accelerators, where it has any: `A10G`.
    pub accelerator: Option<String>,
    /// How many.
    pub accelerators: u32,
    /// What it costs in [`Cloud::home_region`]; `None` where nobody knows.
    pub on_demand: Option<PricePerHour>,
    /// The median of what it costs over the zones of some regions as a spot machine.
    pub spot: Option<PricePerHour>,
    /// Of how many zones that is the median, where it is known.
    pub spot_zones: Option<u32>,
}

impl Machine {
    /// One of its prices.
    pub fn price(&self, market: Market) -> Option<PricePerHour> {
        match market {
            Market::OnDemand => self.on_demand,
            Market::Spot => self.spot,
        }
    }
}
