//! Work that is spread over the processor's cores.

use std::sync::atomic::{AtomicUsize, Ordering};

use imagenette_files::threads::share;

use crate::error::{DataError, Result};
use crate::watch::Watch;

/// How many threads work where nobody says how many.
pub(crate) fn thread_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Maps items on several threads, each with a state of its own; the results are in the items' order.
///
/// # Errors
/// When the caller interrupts.
pub(crate) fn map<T: Sync, S: Default, R: Send>(
    items: &[T],
    threads: usize,
    watch: &dyn Watch,
    map: impl Fn(&mut S, &T) -> R + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let found = share(threads, || {
        let (mut state, mut mine) = (S::default(), Vec::new());
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place).filter(|_| !watch.interrupted()) else { return mine };
            mine.push((place, map(&mut state, item)));
            watch.advance(1);
        }
    });
    if watch.interrupted() {
        return Err(DataError::Interrupted);
    }
    let mut results: Vec<(usize, R)> = found.into_iter().flatten().collect();
    results.sort_unstable_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
