//! What machines of clouds cost: a table goes in, the one that ships or one that was fetched, and the price of a
//! machine comes out with where it is from, or the reason why there is none.
//!
//! [`price`] is a price that can be one, and what is charged for seconds; [`machine`] is a machine with its two
//! prices; [`table`] is all of them, read and written; [`catalogue`] makes a new table of the public one. Nothing here
//! asks a network: bytes come in from whoever did.

pub mod catalogue;
pub mod machine;
pub mod price;
pub mod table;

pub use machine::{Cloud, Machine};
pub use price::{Market, Price, PriceError, PricePerHour, PriceSource, charged_seconds};
pub use table::PriceTable;
