//! Drives the program as a user would: every test starts the binary in a folder and a store of its own.

mod bad_input;
mod commands;
#[cfg(unix)]
mod interruption;
mod support;
mod train;
mod tuning;
