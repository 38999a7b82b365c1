//! Decides which requests run now, which wait, and which are rejected.

use super::connections::{Client, share};
use super::{Counted, Shared};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::OwnedSemaphorePermit;

/// Permits to run one request in a guest: one of the server's and one of the client's.
pub(super) struct Admission {
    _permits: [OwnedSemaphorePermit; 2],
    _counted: Counted,
}

impl Shared {
    /// Waits until the request may run; `None` if the queue is full. A request waits for its client's share first,
    /// so that one client's requests do not block those of others.
    pub(super) async fn admit(self: &Arc<Self>, client: &Arc<Client>) -> Option<Admission> {
        let immediate = || {
            let own = client.room.clone().try_acquire_owned().ok()?;
            Some([own, self.room.clone().try_acquire_owned().ok()?])
        };
        let permits = match immediate() {
            Some(permits) => permits,
            None => {
                let _queued = Counted::new(self, |counters| &counters.queued);
                let _own = Queued::new(client);
                let max = self.options.max_queued_requests;
                if self.counters.queued.load(Relaxed) > max
                    || client.queued.load(Relaxed) > share(max, 0)
                {
                    return None;
                }
                let own = client.room.clone().acquire_owned().await.ok()?;
                [own, self.room.clone().acquire_owned().await.ok()?]
            }
        };
        Some(Admission {
            _permits: permits,
            _counted: Counted::new(self, |counters| &counters.requests),
        })
    }

    /// Whether requests wait for room.
    pub(super) fn is_under_pressure(&self) -> bool {
        self.counters.queued.load(Relaxed) != 0
    }
}

/// Counts a request as one of its client's waiting requests.
struct Queued(Arc<Client>);

impl Queued {
    fn new(client: &Arc<Client>) -> Queued {
        client.queued.fetch_add(1, Relaxed);
        Queued(client.clone())
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Relaxed);
    }
}
