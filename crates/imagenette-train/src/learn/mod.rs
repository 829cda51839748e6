//! What learning is made of besides the network and its optimizer: the loss, the choice of samples, and weights that
//! follow those that are trained.

pub mod average;
pub mod fix_match;
pub mod lookahead;
pub mod loss;
pub mod own;
pub mod schedule;
pub(crate) mod selection;
