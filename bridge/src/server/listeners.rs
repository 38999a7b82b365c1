//! The server's two listeners: one for clients, one for its operator.

use super::connections::{ClientStream, Connections, WaitsFor, accept_each, share};
use super::exchange::SharedExchange;
use super::{Counted, Shared};
use crate::error::{Code, Error};
use futures::future::select;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpListener;

pub(super) async fn listen(address: &str) -> Result<(TcpListener, String), Error> {
    let io = |error: std::io::Error| Error::new(Code::Io, format!("listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(io)?;
    let own = listener.local_addr().map_err(io)?;
    Ok((listener, own.to_string()))
}

/// Serves requests, one after another, until the client or the server closes the connection.
async fn serve_connection(shared: Arc<Shared>, mut stream: ClientStream, peer: SocketAddr) {
    let _connection = Counted::new(&shared, |counters| &counters.connections);
    let own = stream.connection.clone();
    let exchange = SharedExchange::default();
    stream.pressure = Some((shared.clone(), exchange.clone()));
    let mut draining = shared.draining.subscribe();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .max_header_size(shared.options.max_head_bytes)
        .header_read_timeout(limit(shared.options.header_timeout_nanoseconds));
    let service = service_fn(|request| {
        own.set_busy();
        exchange.begin();
        let handled = shared
            .clone()
            .handle(request, peer, own.client.clone(), exchange.clone());
        async move { Ok::<_, Infallible>(handled.await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut draining = pin!(async { drop(draining.wait_for(|draining| *draining).await) });
    let mut drains = false;
    // Errors of the connection concern only the client.
    poll_fn(|context| {
        if !drains && draining.as_mut().poll(context).is_ready() {
            drains = true;
            connection.as_mut().graceful_shutdown();
        }
        loop {
            exchange.begin_poll();
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            // The deadline also holds for a guest whose client does not read.
            if !exchange.end_poll(context) {
                break;
            }
        }
        if !exchange.is_busy() && own.is_busy() {
            own.set_waiting(WaitsFor::Next);
        }
        Poll::Pending
    })
    .await;
}

fn limit(nanoseconds: u64) -> Option<Duration> {
    (nanoseconds != 0).then(|| Duration::from_nanos(nanoseconds))
}

/// Accepts and serves clients until the server drains.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut draining = shared.draining.subscribe();
    let options = &shared.options;
    let connections = Connections::new(
        options.max_connections,
        share(options.max_connections, options.max_connections_per_address),
        share(
            options.max_concurrent_requests,
            options.max_requests_per_address,
        ),
    );
    let accepting = accept_each(
        listener,
        connections,
        Duration::from_nanos(options.write_timeout_nanoseconds),
        || {
            shared.counters.refused.fetch_add(1, Relaxed);
        },
        |stream, peer| serve_connection(shared.clone(), stream, peer),
    );
    select(
        pin!(accepting),
        pin!(draining.wait_for(|draining| *draining)),
    )
    .await;
}

/// Serves the admin address until the server is freed.
pub(super) async fn administer(shared: Arc<Shared>, listener: TcpListener) {
    const CONNECTIONS: usize = 64;
    const LIMIT: Duration = Duration::from_secs(5);
    let connections = Connections::new(CONNECTIONS, CONNECTIONS, 0);
    accept_each(
        listener,
        connections,
        LIMIT,
        || (),
        |stream, _| {
            let shared = shared.clone();
            async move {
                let own = stream.connection.clone();
                let service = service_fn(|request| {
                    let response = shared.administer(&request);
                    own.set_waiting(WaitsFor::Next);
                    async move { Ok::<_, Infallible>(response) }
                });
                let mut builder = http1::Builder::new();
                builder
                    .timer(TokioTimer::new())
                    .max_header_size(8 << 10)
                    .header_read_timeout(LIMIT);
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            }
        },
    )
    .await;
}
