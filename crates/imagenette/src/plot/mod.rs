//! Pictures of runs: groups of runs go in, SVG text comes out.

pub(crate) mod curves;
pub(crate) mod rows;
