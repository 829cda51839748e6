//! Long work on a thread of its own: whoever waits for it lets go of the interpreter, hears Ctrl-C and is told how far
//! it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imagenette_data::watch::{Unit, Watch};
use imagenette_files::panics::caught;
use pyo3::prelude::*;

use crate::error::Failure;

/// How often a waiting thread looks up.
const LOOK_UP: Duration = Duration::from_millis(50);

/// How far some work is.
#[derive(Debug, Clone, Default, PartialEq)]
struct Progress {
    phase: String,
    done: u64,
    total: Option<u64>,
}

/// What work is followed by.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    stop: AtomicBool,
    progress: Mutex<Progress>,
}

impl Follower {
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        // It is whole at every moment.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Follower {
    fn begin(&self, phase: &str, total: Option<u64>, _unit: Unit) {
        *self.progress() = Progress { phase: phase.into(), done: 0, total };
    }

    fn advance(&self, amount: u64) {
        self.progress().done += amount;
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Does some work while the interpreter is free. `told` is called with (phase, done, total) now and then.
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    told: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Follower) -> Result<T, Failure> + Send + 'static,
) -> PyResult<T> {
    let follower = Arc::new(Follower::default());
    let (sender, mut receiver) = channel();
    let worker = {
        let follower = follower.clone();
        let work = move || {
            let result = caught(|| work(&follower));
            // Nobody waits any more when the interpreter is ending.
            let _ = sender.send(result);
        };
        let spawned = std::thread::Builder::new().name("imagenette".into()).spawn(work);
        spawned.map_err(|error| Failure::internal(&format!("a thread cannot be started: {error}")))?
    };
    let mut last = Progress::default();
    loop {
        let answer;
        (receiver, answer) = py.detach(move || {
            let answer = receiver.recv_timeout(LOOK_UP);
            (receiver, answer)
        });
        match answer {
            Ok(Ok(result)) => return Ok(result?),
            Ok(Err(panic)) => return Err(Failure::internal(&format!("it panicked: {panic}")).into()),
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::internal("its thread ended").into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let heard = py.check_signals().and_then(|()| {
            let progress = follower.progress().clone();
            match told {
                Some(told) if progress != last => {
                    told.call1((&progress.phase, progress.done, progress.total))?;
                    last = progress;
                    Ok(())
                }
                _ => Ok(()),
            }
        });
        if let Err(error) = heard {
            follower.stop.store(true, Ordering::Relaxed);
            // What was begun is put in order before the exception goes on.
            py.detach(|| drop(worker.join()));
            return Err(error);
        }
    }
}
