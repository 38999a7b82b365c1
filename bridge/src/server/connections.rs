//! Connections: who may open one, how slow a client may be, and which one is closed to make room.

use super::Shared;
use super::exchange::SharedExchange;
use super::request_body::{CHECK, PRESSURE_LIMIT};
use crate::sigpipe::QuietStream;
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Sleep, sleep, timeout};

/// What an idle connection waits for. To make room, connections are closed in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WaitsFor {
    /// Its first request, which has not fully arrived.
    First,
    /// Its client, which does not read.
    Reader,
    /// Another request.
    Next,
}

type Place = (WaitsFor, u64);

/// How long a connection may wait for its client before it may be closed to make room.
const GRACE: Duration = Duration::from_secs(1);

/// State that the connections of one address share.
pub(super) struct Client {
    address: IpAddr,
    /// One permit per request in a guest.
    pub(super) room: Arc<Semaphore>,
    pub(super) queued: AtomicUsize,
}

#[derive(Default)]
struct ClientEntry {
    connections: usize,
    waiting: BTreeMap<Place, Arc<Notify>>,
    client: Option<Arc<Client>>,
}

#[derive(Default)]
struct Table {
    next: u64,
    clients: HashMap<IpAddr, ClientEntry>,
    /// The client at each place, and since when it waits.
    waiting: BTreeMap<Place, (IpAddr, Instant)>,
}

impl Table {
    fn leave(&mut self, address: IpAddr, place: Place) -> Option<Arc<Notify>> {
        self.waiting.remove(&place)?;
        self.clients.get_mut(&address)?.waiting.remove(&place)
    }
}

/// The connections of one listener.
pub(super) struct Connections {
    table: Mutex<Table>,
    room: Arc<Semaphore>,
    max_per_client: usize,
    requests_per_client: usize,
}

/// Returns the address that a client's limits apply to: an IPv6 client usually controls a whole /64 network.
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// Returns how much of `all` one client may use: `requested`, or if that is 0 a share that leaves room for others.
pub(super) fn share(all: usize, requested: usize) -> usize {
    match requested {
        0 => all - all / 4,
        requested => requested.min(all),
    }
}

impl Connections {
    pub(super) fn new(
        max: usize,
        max_per_client: usize,
        requests_per_client: usize,
    ) -> Arc<Connections> {
        Arc::new(Connections {
            table: Mutex::default(),
            room: Arc::new(Semaphore::new(max)),
            max_per_client,
            requests_per_client,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a connection. Returns `None` if the client has reached its limit and none of its connections is idle.
    /// Calls `refused` if it closes one of them to make room.
    fn open(self: &Arc<Self>, peer: SocketAddr, refused: impl Fn()) -> Option<Arc<Connection>> {
        let address = client_of(peer.ip());
        let mut table = self.lock();
        let entry = table.clients.entry(address).or_default();
        if entry.connections >= self.max_per_client {
            let (&oldest, _) = entry.waiting.first_key_value()?;
            if let Some(evicted) = table.leave(address, oldest) {
                evicted.notify_one();
                refused();
            }
        }
        let entry = table.clients.entry(address).or_default();
        entry.connections += 1;
        let client = entry.client.get_or_insert_with(|| {
            Arc::new(Client {
                address,
                room: Arc::new(Semaphore::new(self.requests_per_client)),
                queued: AtomicUsize::new(0),
            })
        });
        let connection = Arc::new(Connection {
            all: self.clone(),
            client: client.clone(),
            place: Mutex::new(None),
            evicted: Arc::default(),
        });
        drop(table);
        connection.set_waiting(WaitsFor::First);
        Some(connection)
    }

    /// Closes the connection that has waited longest, if it has waited at least `grace`. Returns whether it closed one.
    fn make_room(&self, grace: Duration) -> bool {
        let mut table = self.lock();
        let found = [WaitsFor::First, WaitsFor::Reader, WaitsFor::Next]
            .into_iter()
            .find_map(|what| {
                let (&place, &(address, since)) = table.waiting.range((what, 0)..).next()?;
                (place.0 == what && since.elapsed() >= grace).then_some((place, address))
            });
        let Some((place, address)) = found else {
            return false;
        };
        if let Some(evicted) = table.leave(address, place) {
            evicted.notify_one();
        }
        true
    }
}

/// A registered connection. Dropping it removes it.
pub(super) struct Connection {
    all: Arc<Connections>,
    pub(super) client: Arc<Client>,
    place: Mutex<Option<Place>>,
    evicted: Arc<Notify>,
}

impl Connection {
    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks it as idle: it may be closed to make room.
    pub(super) fn set_waiting(&self, what: WaitsFor) {
        self.set_busy();
        let address = self.client.address;
        let mut table = self.all.lock();
        table.next += 1;
        let place = (what, table.next);
        table.waiting.insert(place, (address, Instant::now()));
        let entry = table.clients.entry(address).or_default();
        entry.waiting.insert(place, self.evicted.clone());
        drop(table);
        *self.place() = Some(place);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.place().is_none()
    }

    /// Marks it as busy: it may not be closed to make room.
    pub(super) fn set_busy(&self) {
        if let Some(place) = self.place().take() {
            self.all.lock().leave(self.client.address, place);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.set_busy();
        let mut table = self.all.lock();
        let address = self.client.address;
        if let Some(entry) = table.clients.get_mut(&address) {
            entry.connections -= 1;
            if entry.connections == 0 {
                table.clients.remove(&address);
            }
        }
    }
}

/// A client's connection, whose writes fail if the client does not read.
pub(super) struct ClientStream {
    stream: QuietStream,
    pub(super) connection: Arc<Connection>,
    /// `None` means no limit.
    limit: Option<Duration>,
    /// Set on connections with guests: under pressure the client's time is shorter.
    pub(super) pressure: Option<(Arc<Shared>, SharedExchange)>,
    stalled: Option<Stalled>,
}

/// How many bytes a client must receive for its connection not to count as stalled. Whether the socket is writable says
/// too little: it accepts more only when much of its buffer is empty, which takes long if a client reads slowly but
/// steadily.
const PROGRESS: usize = 2 << 10;

struct Stalled {
    /// When the client last made progress.
    since: Instant,
    /// How many bytes it had not acknowledged then.
    unacknowledged: usize,
    timer: Pin<Box<Sleep>>,
}

/// How many bytes of a response the kernel buffers for a client that does not read. By default it would be megabytes
/// per client, and the guests that fill them would keep computing.
const SEND_BUFFER: libc::c_int = 256 << 10;

/// If this fails, the kernel's default applies.
fn limit_send_buffer(stream: &TcpStream) {
    // SAFETY: the socket is open for the call, which reads one `int` of that size.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDBUF,
            std::ptr::from_ref(&SEND_BUFFER).cast(),
            size_of_val(&SEND_BUFFER) as libc::socklen_t,
        );
    }
}

/// Returns how many written bytes the client has not acknowledged yet.
fn unacknowledged(stream: &TcpStream) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: the socket is open for the call, which writes one `int`.
    match unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) } {
        0 => usize::try_from(count).unwrap_or(0),
        _ => 0,
    }
}

impl ClientStream {
    fn new(stream: TcpStream, connection: Arc<Connection>, limit: Duration) -> ClientStream {
        ClientStream {
            stream: QuietStream(stream),
            connection,
            limit: (!limit.is_zero()).then_some(limit),
            pressure: None,
            stalled: None,
        }
    }

    /// Whether the client has delayed the connection for too long.
    fn is_too_slow(&self, waited: Duration) -> bool {
        if self.limit.is_some_and(|limit| waited >= limit) {
            return true;
        }
        match &self.pressure {
            // An incomplete response is of no use.
            Some((_, exchange)) if exchange.is_broken() => true,
            Some((shared, exchange)) => {
                waited >= PRESSURE_LIMIT && shared.is_under_pressure() && exchange.has_guest()
            }
            None => false,
        }
    }

    fn poll_stalled(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            if self.stalled.take().is_some() {
                self.connection.set_busy();
            }
            return written;
        }
        if self.stalled.is_none() {
            self.connection.set_waiting(WaitsFor::Reader);
            self.stalled = Some(Stalled {
                since: Instant::now(),
                unacknowledged: unacknowledged(&self.stream.0),
                timer: Box::pin(sleep(CHECK)),
            });
        }
        loop {
            let Some(stalled) = &mut self.stalled else {
                return Poll::Pending;
            };
            let ticked = stalled.timer.as_mut().poll(context).is_ready();
            let count = unacknowledged(&self.stream.0);
            if count + PROGRESS <= stalled.unacknowledged {
                stalled.unacknowledged = count;
                stalled.since = Instant::now();
            }
            let waited = stalled.since.elapsed();
            if self.is_too_slow(waited) {
                if let Some((shared, _)) = &self.pressure {
                    shared.counters.timed_out.fetch_add(1, Relaxed);
                }
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            if !ticked {
                return Poll::Pending;
            }
            if let Some(stalled) = &mut self.stalled {
                stalled
                    .timer
                    .as_mut()
                    .reset((Instant::now() + CHECK).into());
            }
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.poll_stalled(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.poll_stalled(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Accepts connections forever and spawns a task for each. When there is no room, closes the connection that has
/// waited longest for its client; if all are busy, new clients wait in the listener's queue.
pub(super) async fn accept_each<F>(
    listener: TcpListener,
    connections: Arc<Connections>,
    write_timeout: Duration,
    refused: impl Fn(),
    serve: impl Fn(ClientStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The process is out of file descriptors, or the client is already gone.
            Err(_) => {
                if connections.make_room(Duration::ZERO) {
                    refused();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let permit = loop {
            match connections.room.clone().try_acquire_owned() {
                Ok(permit) => break permit,
                Err(_) if connections.make_room(GRACE) => refused(),
                Err(_) => {}
            }
            let room = connections.room.clone().acquire_owned();
            if let Ok(Ok(permit)) = timeout(Duration::from_millis(100), room).await {
                break permit;
            }
        };
        let Some(connection) = connections.open(peer, &refused) else {
            refused();
            continue;
        };
        // Clients wait for responses, which are often small.
        let _ = stream.set_nodelay(true);
        limit_send_buffer(&stream);
        let evicted = connection.evicted.clone();
        let serving = serve(ClientStream::new(stream, connection, write_timeout), peer);
        tokio::spawn(async move {
            let mut serving = pin!(serving);
            let mut evicted = pin!(evicted.notified());
            poll_fn(|context| match evicted.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => serving.as_mut().poll(context),
            })
            .await;
            drop(permit);
        });
    }
}
