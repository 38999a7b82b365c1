//! Guests that compute take turns: of those that used up their time only a few wait for a thread, so that a request
//! that needs one for an instant does not queue behind all of them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker, ready};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Tells whether a guest's task was woken while it ran: it gave way and wants to go on.
struct Woken {
    task: Waker,
    woken: AtomicBool,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Relaxed);
        self.task.wake_by_ref();
    }
}

type Acquire = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

enum Turn {
    /// It has not computed for long yet.
    Free,
    Waiting(Acquire),
    Held {
        _turn: OwnedSemaphorePermit,
    },
    /// It waits for something else than a turn.
    Idle,
}

/// Runs `work`, in turns from the moment when it first used up its time.
pub(super) struct InTurns<F> {
    work: Pin<Box<F>>,
    turns: Arc<Semaphore>,
    /// Set when the guest was made to give way.
    preempted: Arc<AtomicBool>,
    turn: Turn,
}

impl<F> InTurns<F> {
    pub(super) fn new(work: F, turns: Arc<Semaphore>, preempted: Arc<AtomicBool>) -> InTurns<F> {
        preempted.store(false, Relaxed);
        InTurns {
            work: Box::pin(work),
            turns,
            preempted,
            turn: Turn::Free,
        }
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Turn::Idle = self.turn {
            let turns = self.turns.clone();
            self.turn = Turn::Waiting(Box::pin(async move { turns.acquire_owned().await.ok() }));
        }
        if let Turn::Waiting(acquire) = &mut self.turn {
            self.turn = match ready!(acquire.as_mut().poll(context)) {
                Some(turn) => Turn::Held { _turn: turn },
                None => Turn::Free,
            };
        }
        Poll::Ready(())
    }
}

impl<F: Future> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if let Turn::Free = self.turn {
            let result = self.work.as_mut().poll(context);
            if result.is_pending() && self.preempted.swap(false, Relaxed) {
                // In the queue from now on: it was woken as it gave way.
                self.turn = Turn::Idle;
                let _ = self.poll_turn(context);
            }
            return result;
        }
        ready!(self.poll_turn(context));
        let woken = Arc::new(Woken {
            task: context.waker().clone(),
            woken: AtomicBool::new(false),
        });
        let waker = Waker::from(woken.clone());
        let result = self.work.as_mut().poll(&mut Context::from_waker(&waker));
        // The next one's turn.
        self.turn = Turn::Idle;
        if result.is_pending() && woken.woken.load(Relaxed) {
            let _ = self.poll_turn(context);
        }
        result
    }
}
