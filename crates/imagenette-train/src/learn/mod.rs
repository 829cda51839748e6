//! What learning is made of besides the network and its optimizer: the loss, the choice of samples, and weights that
//! follow those that are trained.

pub mod average;
pub mod contrastive;
pub mod fix_match;
pub mod lookahead;
pub mod loss;
pub mod neighbors;
pub mod own;
pub mod probe;
pub mod schedule;
pub(crate) mod selection;
