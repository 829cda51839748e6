//! Work that is spread over the processor's cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let (mut state, mut mine) = (S::default(), Vec::new());
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place).filter(|_| !watch.interrupted()) else { break };
                    mine.push((place, map(&mut state, item)));
                    watch.advance(1);
                }
                results.lock().expect("no thread panics with the lock").append(&mut mine);
            });
        }
    });
    if watch.interrupted() {
        return Err(DataError::Interrupted);
    }
    let mut results = results.into_inner().expect("no thread panics with the lock");
    results.sort_unstable_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
