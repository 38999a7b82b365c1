//! A server's counters, and the admin endpoints.

use super::Shared;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

#[derive(Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicUsize,
    pub(super) requests: AtomicUsize,
    pub(super) queued: AtomicUsize,
    /// By the first digit of the status.
    pub(super) served: [AtomicU64; 6],
    pub(super) rejected: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Connections that were closed or not accepted because of a limit.
    pub(super) refused: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) instances: AtomicU64,
}

/// Mirrors `tairitsu::HttpServerStatistics`.
#[repr(C)]
pub struct ServerStatistics {
    pub connections: u64,
    /// Running in a guest.
    pub requests: u64,
    pub queued: u64,
    pub served: u64,
    /// Requests that were rejected because the queue was full.
    pub rejected: u64,
    /// Requests whose guest trapped, exceeded a limit or sent no response.
    pub failed: u64,
    /// Connections that were closed or not accepted because of a limit.
    pub refused: u64,
    /// Clients that sent or read too slowly.
    pub timed_out: u64,
    pub instances: u64,
}

impl Shared {
    pub(super) fn statistics(&self) -> ServerStatistics {
        let counters = &self.counters;
        ServerStatistics {
            connections: counters.connections.load(Relaxed) as u64,
            requests: counters.requests.load(Relaxed) as u64,
            queued: counters.queued.load(Relaxed) as u64,
            served: counters
                .served
                .iter()
                .map(|count| count.load(Relaxed))
                .sum(),
            rejected: counters.rejected.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            timed_out: counters.timed_out.load(Relaxed),
            instances: counters.instances.load(Relaxed),
        }
    }

    /// Returns the counters in Prometheus text format.
    fn metrics(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, kind: &str, values: &[(&str, u64)]| {
            let _ = writeln!(text, "# TYPE tairitsu_{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "tairitsu_{name}{labels} {value}");
            }
        };
        let numbers = self.statistics();
        let served = |class: usize| self.counters.served[class].load(Relaxed);
        add(
            "http_requests_total",
            "counter",
            &[
                ("{code=\"1xx\"}", served(1)),
                ("{code=\"2xx\"}", served(2)),
                ("{code=\"3xx\"}", served(3)),
                ("{code=\"4xx\"}", served(4)),
                ("{code=\"5xx\"}", served(5)),
            ],
        );
        add(
            "http_requests_rejected_total",
            "counter",
            &[("", numbers.rejected)],
        );
        add(
            "http_requests_failed_total",
            "counter",
            &[("", numbers.failed)],
        );
        add("http_requests_running", "gauge", &[("", numbers.requests)]);
        add("http_requests_queued", "gauge", &[("", numbers.queued)]);
        add("http_connections", "gauge", &[("", numbers.connections)]);
        add(
            "http_connections_refused_total",
            "counter",
            &[("", numbers.refused)],
        );
        add(
            "http_clients_timed_out_total",
            "counter",
            &[("", numbers.timed_out)],
        );
        add("instances_total", "counter", &[("", numbers.instances)]);
        text
    }

    pub(super) fn administer(&self, request: &Request<Incoming>) -> Response<Full<bytes::Bytes>> {
        let (status, text) = match request.uri().path() {
            "/healthz" if *self.draining.borrow() => {
                (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
            }
            "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
            "/metrics" => (StatusCode::OK, self.metrics()),
            _ => {
                let known = "not found: use /healthz or /metrics\n".to_owned();
                (StatusCode::NOT_FOUND, known)
            }
        };
        let mut response = Response::new(Full::new(bytes::Bytes::from(text)));
        *response.status_mut() = status;
        response
    }
}
