//! Work that several threads share. How many there are never matters to its result, so a system that gives fewer than
//! were asked for, as under `ulimit -u`, makes it slower and nothing else.

/// Does the same work on so many threads at once, this one among them: as many as the system gives. Gives what each of
/// them gives.
///
/// # Example
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// let next = AtomicU32::new(0);
/// let sums = imagenette_files::threads::share(4, || {
///     let mut sum = 0;
///     while let number @ ..100 = next.fetch_add(1, Ordering::Relaxed) {
///         sum += number;
///     }
///     sum
/// });
/// assert_eq!(sums.iter().sum::<u32>(), 4950);
/// ```
pub fn share<R: Send>(threads: usize, work: impl Fn() -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, &work).ok();
        // After one that was refused the next would be too.
        let others: Vec<_> = (1..threads).map_while(start).collect();
        let own = work();
        let ended = others.into_iter().map(|thread| thread.join());
        let ended = ended.map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(own).chain(ended).collect()
    })
}
