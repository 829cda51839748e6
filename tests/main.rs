//! Drives the program as a user would: every test starts the binary in a folder and a store of its own.

#[cfg(unix)]
mod any_program;
mod bad_input;
#[cfg(unix)]
mod board;
mod budget;
mod commands;
mod comparing;
#[cfg(unix)]
mod course;
mod datasets;
mod forged;
mod gallery;
mod gathering;
mod hostile_input;
#[cfg(unix)]
mod interruption;
#[cfg(unix)]
mod make;
mod output;
mod plotting;
mod prices;
mod records;
mod reporting;
#[path = "../crates/imagenette-data/tests/server/mod.rs"]
mod server;
#[cfg(unix)]
mod submitting;
mod support;
mod tasks;
#[cfg(target_os = "linux")]
mod terminal;
mod together;
mod torch;
mod train;
mod tuning;
mod user_photos;
