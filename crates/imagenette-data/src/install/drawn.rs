//! The drawn set: a seed goes in, an installed dataset comes out, without any network.

use super::place::{Asked, install};
use super::{GetOptions, Installed};
use crate::drawn::make_drawn_set;
use crate::edition::Edition;
use crate::error::Result;
use crate::manifest::Manifest;
use crate::store::Store;
use crate::watch::Watch;

/// Draws the set of a seed and installs it as `drawn` (seed 0) or `drawn-<seed>`.
///
/// # Errors
/// When the store cannot be written to, when the disk is full, when the caller interrupts.
pub fn get_drawn(
    store: &Store,
    seed: u64,
    threads: usize,
    options: &GetOptions,
    watch: &dyn Watch,
) -> Result<Installed> {
    let name = match seed {
        0 => Edition::Drawn.name().to_owned(),
        _ => format!("{}-{seed}", Edition::Drawn),
    };
    let is_asked = |there: &Manifest| if there.edition == Edition::Drawn { Asked::Yes } else { Asked::No };
    install(store, (&name, "the drawn set"), options.force, watch, is_asked, |folder| {
        make_drawn_set(folder, seed, threads, watch)?;
        Ok(Manifest { name: name.clone(), ..Manifest::read(folder)? })
    })
    .map(|in_place| in_place.installed)
}
