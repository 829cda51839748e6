//! What a recipe costs: prices from `imagenette-results`, and seconds.
//!
//! [`forecast`] says how long a recipe takes on a machine, measured or estimated, and what that costs; [`rows`] says
//! it of all machines; [`fetch`] brings the public catalogue of prices.

pub(crate) mod fetch;
pub(crate) mod forecast;
pub(crate) mod rows;

use jiff::civil::Date;
use jiff::tz::Offset;

/// This machine's day, in UTC.
pub(crate) fn today() -> Date {
    Offset::UTC.to_datetime(jiff::Timestamp::now()).date()
}
