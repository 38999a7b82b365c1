//! Interrupts and wakes a running call from another thread.

use crate::error::{Code, coded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Wake;
use std::time::{Duration, Instant};

/// The state that a running call shares with the threads that wake or interrupt it.
#[derive(Default)]
pub struct Control {
    /// Interrupts the current call.
    interrupted: AtomicBool,
    /// Interrupts the current call and every later one.
    stopped: AtomicBool,
    deadline: Mutex<Option<Instant>>,
    woken: Mutex<bool>,
    condition: Condvar,
}

/// The error of a call that was interrupted.
fn interrupted_by(code: Code) -> wasmtime::Error {
    coded(
        code,
        match code {
            Code::DeadlineExceeded => "the call took longer than the container's deadline",
            _ => "the call was interrupted",
        },
    )
}

impl Control {
    /// Begins a call, which may take as long as `limit`.
    #[inline]
    pub fn begin(&self, limit: Option<Duration>) {
        self.interrupted.store(false, Ordering::Relaxed);
        if let Some(limit) = limit {
            *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) =
                Instant::now().checked_add(limit);
        }
    }

    /// Fails with `Interrupted` or `DeadlineExceeded` if the call must end.
    pub fn check(&self, deadline: Option<Instant>) -> wasmtime::Result<()> {
        if self.interrupted.load(Ordering::Relaxed) || self.stopped.load(Ordering::Relaxed) {
            return Err(interrupted_by(Code::Interrupted));
        }
        match deadline {
            Some(deadline) if Instant::now() >= deadline => {
                Err(interrupted_by(Code::DeadlineExceeded))
            }
            _ => Ok(()),
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks the thread until it is woken. Fails as [`Control::check`] does.
    pub fn wait(&self) -> wasmtime::Result<()> {
        let deadline = self.deadline();
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        while !*woken {
            self.check(deadline)?;
            let left = deadline.map_or(Duration::from_secs(3600), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            woken = self
                .condition
                .wait_timeout(woken, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *woken = false;
        drop(woken);
        self.check(deadline)
    }

    /// Interrupts the current call; if `for_good`, every later one too. May be called from any thread.
    pub fn interrupt(&self, for_good: bool) {
        if for_good {
            self.stopped.store(true, Ordering::Relaxed);
        }
        self.interrupted.store(true, Ordering::Relaxed);
        // Notifying under the lock ensures that a call about to park sees the flag or the notification.
        let _woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        self.condition.notify_all();
    }
}

impl Wake for Control {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_all();
    }
}
