//! A price: a number goes in, from a table or from a user; what comes out is dollars an hour that can be a price, with
//! where they are from.

use std::fmt;
use std::str::FromStr;

use imagenette_files::Hint;
use jiff::civil::Date;
use serde::{Serialize, Serializer};

/// The smallest number of seconds that clouds charge for one start of a machine.
const LEAST_SECONDS: f64 = 60.0;
/// Seconds of starting a machine that are charged with each attempt.
const START_SECONDS: f64 = 60.0;

/// What can be wrong with a price.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PriceError {
    /// No number, or none that a machine can cost.
    #[error("expected a price above 0 and at most {} dollars an hour, found {found}", PricePerHour::LARGEST)]
    NoPrice {
        /// What was given.
        found: String,
    },
    /// A machine that is not in the table.
    #[error("expected a machine of the table of prices, found `{found}`")]
    UnknownMachine {
        /// What was given.
        found: String,
        /// What is near it.
        hint: String,
    },
    /// The table has the machine, but no price of this kind for it.
    #[error("expected a price of `{machine}` {market}, found none in the table")]
    Absent {
        /// The machine.
        machine: String,
        /// Which of its prices is asked for.
        market: Market,
    },
    /// The table is older than whoever asks allows.
    #[error("expected prices of the last {most_days} days, found those of {day}, {days} days old")]
    Stale {
        /// The day of the table.
        day: Date,
        /// How old it is.
        days: i64,
        /// How old it may be.
        most_days: i64,
    },
    /// The table is of a day that has not come.
    #[error("expected prices of {today} or before, found those of {day}")]
    FromTheFuture {
        /// The day of the table.
        day: Date,
        /// This machine's day.
        today: Date,
    },
}

impl Hint for PriceError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPrice { .. } => "give dollars an hour, for example --price-per-hour 0.045".into(),
            Self::UnknownMachine { hint, .. } => hint.clone(),
            Self::Absent { market: Market::Spot, .. } => {
                "take the price on demand, or give your own: --price-per-hour 0.045".into()
            }
            Self::Absent { .. } => "give your own: --price-per-hour 0.045".into(),
            Self::Stale { .. } => {
                "fetch new ones with `imagenette prices update`, or give your own: --price-per-hour 0.045".into()
            }
            Self::FromTheFuture { .. } => {
                "set this machine's clock, or fetch the prices again with `imagenette prices update`".into()
            }
        })
    }
}

/// Dollars an hour that a machine can cost: above 0, and no number that stands for "none".
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct PricePerHour(f64);

impl PricePerHour {
    /// No single machine costs more; catalogues write 700 and more where there is no price.
    pub const LARGEST: f64 = 499.0;

    /// A price of so many dollars an hour.
    ///
    /// # Errors
    /// When no machine can cost this: 0, a negative number, NaN, or one that is too large.
    pub fn new(dollars: f64) -> Result<Self, PriceError> {
        let can_be = dollars > 0.0 && dollars <= Self::LARGEST;
        if can_be { Ok(Self(dollars)) } else { Err(PriceError::NoPrice { found: dollars.to_string() }) }
    }

    /// Dollars an hour.
    pub fn dollars(self) -> f64 {
        self.0
    }

    /// Dollars of so many seconds, without what is charged beside them: see [`charged_seconds`].
    pub fn of_seconds(self, seconds: f64) -> f64 {
        self.0 * seconds / 3600.0
    }
}

impl FromStr for PricePerHour {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let number = text.trim().strip_prefix('$').unwrap_or(text.trim());
        let dollars = number.parse().map_err(|_| PriceError::NoPrice { found: format!("`{text}`") })?;
        Self::new(dollars)
    }
}

impl fmt::Display for PricePerHour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "${:.4}/h", self.0)
    }
}

/// What is charged for an attempt that ran so many seconds: whole seconds, a minute at least, and a minute for its
/// start.
pub fn charged_seconds(seconds: f64) -> f64 {
    seconds.ceil().max(LEAST_SECONDS) + START_SECONDS
}

/// Which of a machine's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Market {
    /// The machine stays until it is given back.
    OnDemand,
    /// The cloud may take it back at any time.
    Spot,
}

impl fmt::Display for Market {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::OnDemand => "on demand",
            Self::Spot => "as a spot machine",
        })
    }
}

/// Where a price is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceSource {
    /// A table of prices.
    Table {
        /// The catalogue that it was made of.
        catalogue: String,
        /// The commit of the catalogue, where it is known.
        commit: Option<String>,
        /// The day on which the catalogue was read.
        day: Date,
    },
    /// Whoever runs the program says so.
    User,
}

impl fmt::Display for PriceSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => out.write_str("yours"),
            Self::Table { catalogue, commit: Some(commit), day } => {
                write!(out, "{catalogue} at {commit}, read on {day}")
            }
            Self::Table { catalogue, commit: None, day } => write!(out, "{catalogue}, read on {day}"),
        }
    }
}

impl Serialize for PriceSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::User => map.serialize_entry("kind", "user")?,
            Self::Table { catalogue, commit, day } => {
                map.serialize_entry("kind", "table")?;
                map.serialize_entry("catalogue", catalogue)?;
                map.serialize_entry("commit", commit)?;
                map.serialize_entry("read", day)?;
            }
        }
        map.end()
    }
}

/// A price with all that a reader must know of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// Dollars an hour.
    pub per_hour: PricePerHour,
    /// The machine, where one is named.
    pub machine: Option<String>,
    /// Which of its prices; `None` of a user's own.
    pub market: Option<Market>,
    /// Where it is from.
    pub source: PriceSource,
}

impl Price {
    /// A user's own price.
    pub fn of_user(per_hour: PricePerHour, machine: Option<String>) -> Self {
        Self { per_hour, machine, market: None, source: PriceSource::User }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_can_cost_is_no_price() {
        for wrong in ["0", "-0.045", "nan", "inf", "-inf", "700", "1e300", "cheap", "", "0,045", "$", "--1"] {
            let error = wrong.parse::<PricePerHour>().expect_err(wrong);
            assert!(error.to_string().contains("above 0 and at most 499 dollars an hour, found"), "{error}");
            assert!(error.hint().unwrap().contains("--price-per-hour 0.045"));
        }
        for (right, dollars) in [("0.045", 0.045), (" $1.5 ", 1.5), ("499", 499.0), ("1e-3", 0.001)] {
            assert_eq!(right.parse::<PricePerHour>().unwrap().dollars(), dollars);
        }
        assert_eq!(PricePerHour::new(0.045).unwrap().to_string(), "$0.0450/h");
        assert_eq!(PricePerHour::new(0.36).unwrap().of_seconds(1000.0), 0.1);
    }

    #[test]
    fn an_attempt_is_charged_whole_seconds_a_minute_at_least_and_its_start() {
        let cases = [(0.0, 120.0), (59.1, 120.0), (60.0, 120.0), (60.2, 121.0), (3600.0, 3660.0)];
        cases.iter().for_each(|&(seconds, charged)| assert_eq!(charged_seconds(seconds), charged, "{seconds}"));
    }

    #[test]
    fn a_users_own_price_says_so_wherever_it_is_told() {
        let price = Price::of_user(PricePerHour::new(0.1).unwrap(), Some("my-box".into()));
        assert_eq!(price.source.to_string(), "yours");
        let json = serde_json::to_value(&price).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "per_hour": 0.1, "machine": "my-box", "market": null, "source": { "kind": "user" }
            })
        );
    }
}
