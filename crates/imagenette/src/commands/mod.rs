//! One room for each verb: resolve what was typed, call the library once, print.

pub(crate) mod audit;
pub(crate) mod bench;
mod bench_augment;
mod bench_train;
pub(crate) mod board;
#[cfg(feature = "train")]
mod board_replay;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod find_lr;
pub(crate) mod gather;
pub(crate) mod get;
pub(crate) mod info;
pub(crate) mod learn;
pub(crate) mod make;
pub(crate) mod new;
mod new_torch;
pub(crate) mod plot;
pub(crate) mod predict;
pub(crate) mod prices;
pub(crate) mod pronounce;
pub(crate) mod report;
pub(crate) mod runs;
pub(crate) mod score;
mod score_against;
pub(crate) mod show;
pub(crate) mod submit;
pub(crate) mod sweep;
pub(crate) mod task;
pub(crate) mod train;
mod train_dry_run;
mod train_many;
mod train_torch;
pub(crate) mod verify;
