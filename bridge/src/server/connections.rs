//! Connections: who may have one, how long a client may take, and which one goes when there is no room.

use super::Shared;
use super::body::{CHECK, PRESSED, SharedExchange};
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

/// What a connection waits for that does nothing for its client; the first goes first when there is no room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waits {
    /// Its first request, which is not there in full.
    First,
    /// Its client, which does not read.
    Reader,
    /// Another request.
    Next,
}

type Place = (Waits, u64);

/// How long a connection may wait for its client before it is ended for another one.
const GRACE: Duration = Duration::from_secs(1);

/// What the connections of one address share.
pub(super) struct Client {
    address: IpAddr,
    /// For requests in guests.
    pub(super) room: Arc<Semaphore>,
    pub(super) queued: AtomicUsize,
}

#[derive(Default)]
struct OfClient {
    connections: usize,
    waiting: BTreeMap<Place, Arc<Notify>>,
    client: Option<Arc<Client>>,
}

#[derive(Default)]
struct Table {
    next: u64,
    clients: HashMap<IpAddr, OfClient>,
    /// Which client's connection is at a place, and since when.
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
    most_per_client: usize,
    requests_per_client: usize,
}

/// Whose limits an address counts against: of IPv6 a client has a whole network.
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// What one client may have of `all`, unless it was said: there is always room for another.
pub(super) fn share(all: usize, said: usize) -> usize {
    match said {
        0 => all - all / 4,
        said => said.min(all),
    }
}

impl Connections {
    pub(super) fn new(
        most: usize,
        most_per_client: usize,
        requests_per_client: usize,
    ) -> Arc<Connections> {
        Arc::new(Connections {
            table: Mutex::default(),
            room: Arc::new(Semaphore::new(most)),
            most_per_client,
            requests_per_client,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None if the client has as many as it may, and all of them are at work. `refused` is told of one that is ended for
    /// it.
    fn open(self: &Arc<Self>, peer: SocketAddr, refused: impl Fn()) -> Option<Arc<Connection>> {
        let address = client_of(peer.ip());
        let mut table = self.lock();
        let of_client = table.clients.entry(address).or_default();
        if of_client.connections >= self.most_per_client {
            let (&oldest, _) = of_client.waiting.first_key_value()?;
            if let Some(cut) = table.leave(address, oldest) {
                cut.notify_one();
                refused();
            }
        }
        let of_client = table.clients.entry(address).or_default();
        of_client.connections += 1;
        let client = of_client.client.get_or_insert_with(|| {
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
            cut: Arc::default(),
        });
        drop(table);
        connection.waits(Waits::First);
        Some(connection)
    }

    /// Ends the connection that has waited longest, but for `grace` at least: whether there was one.
    fn make_room(&self, grace: Duration) -> bool {
        let mut table = self.lock();
        let found = [Waits::First, Waits::Reader, Waits::Next]
            .into_iter()
            .find_map(|what| {
                let (&place, &(address, since)) = table.waiting.range((what, 0)..).next()?;
                (place.0 == what && since.elapsed() >= grace).then_some((place, address))
            });
        let Some((place, address)) = found else {
            return false;
        };
        if let Some(cut) = table.leave(address, place) {
            cut.notify_one();
        }
        true
    }
}

/// One connection among the others, until it is dropped.
pub(super) struct Connection {
    all: Arc<Connections>,
    pub(super) client: Arc<Client>,
    place: Mutex<Option<Place>>,
    cut: Arc<Notify>,
}

impl Connection {
    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it may be ended for another one.
    pub(super) fn waits(&self, what: Waits) {
        self.works();
        let address = self.client.address;
        let mut table = self.all.lock();
        table.next += 1;
        let place = (what, table.next);
        table.waiting.insert(place, (address, Instant::now()));
        let of_client = table.clients.entry(address).or_default();
        of_client.waiting.insert(place, self.cut.clone());
        drop(table);
        *self.place() = Some(place);
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.place().is_none()
    }

    /// From now on it may not.
    pub(super) fn works(&self) {
        if let Some(place) = self.place().take() {
            self.all.lock().leave(self.client.address, place);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.works();
        let mut table = self.all.lock();
        let address = self.client.address;
        if let Some(of_client) = table.clients.get_mut(&address) {
            of_client.connections -= 1;
            if of_client.connections == 0 {
                table.clients.remove(&address);
            }
        }
    }
}

/// A client's connection, which ends where the client does not read what it is sent.
pub(super) struct ClientStream {
    stream: QuietStream,
    pub(super) connection: Arc<Connection>,
    /// None for no limit.
    limit: Option<Duration>,
    /// Where guests run that others wait for.
    pub(super) pressure: Option<(Arc<Shared>, SharedExchange)>,
    stalled: Option<Stalled>,
}

/// What a client has to take for its connection not to count as stalled, in bytes: a socket takes more only when much
/// of its buffer is empty, which a client that reads slowly but steadily needs long for.
const PROGRESS: usize = 2 << 10;

struct Stalled {
    /// When the client last got on.
    since: Instant,
    /// What it had not taken then.
    left: usize,
    timer: Pin<Box<Sleep>>,
}

/// What the kernel keeps of a response for a client that does not read, in bytes: it would be some megabytes of each
/// otherwise, and a guest that fills them computes meanwhile.
const SEND_BUFFER: libc::c_int = 256 << 10;

/// Where it fails the kernel's own choice stays.
fn bound_buffer(stream: &TcpStream) {
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

/// How much of what was written the client's side has not taken yet.
fn not_taken(stream: &TcpStream) -> usize {
    let mut left: libc::c_int = 0;
    // SAFETY: the socket is open for the call, which writes one `int`.
    match unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut left) } {
        0 => usize::try_from(left).unwrap_or(0),
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

    /// Whether the client held up the connection for too long.
    fn is_over(&self, waited: Duration) -> bool {
        if self.limit.is_some_and(|limit| waited >= limit) {
            return true;
        }
        match &self.pressure {
            // What the guest wrote is of no use to anybody without the rest.
            Some((_, exchange)) if exchange.is_broken() => true,
            Some((shared, exchange)) => {
                waited >= PRESSED && shared.is_pressed() && exchange.has_guest()
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
                self.connection.works();
            }
            return written;
        }
        if self.stalled.is_none() {
            self.connection.waits(Waits::Reader);
            self.stalled = Some(Stalled {
                since: Instant::now(),
                left: not_taken(&self.stream.0),
                timer: Box::pin(sleep(CHECK)),
            });
        }
        loop {
            let Some(stalled) = &mut self.stalled else {
                return Poll::Pending;
            };
            let ticked = stalled.timer.as_mut().poll(context).is_ready();
            let left = not_taken(&self.stream.0);
            if left + PROGRESS <= stalled.left {
                stalled.left = left;
                stalled.since = Instant::now();
            }
            let waited = stalled.since.elapsed();
            if self.is_over(waited) {
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
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
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

/// Accepts connections for ever and gives each a task. When there is no room, the one that has waited longest for
/// its client goes; when all are at work, clients wait in the listener's queue.
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
            // The process is out of descriptors, or the client is gone already.
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
        // Responses are small and are waited for.
        let _ = stream.set_nodelay(true);
        bound_buffer(&stream);
        let cut = connection.cut.clone();
        let serving = serve(ClientStream::new(stream, connection, write_timeout), peer);
        tokio::spawn(async move {
            let mut serving = pin!(serving);
            let mut cut = pin!(cut.notified());
            poll_fn(|context| match cut.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => serving.as_mut().poll(context),
            })
            .await;
            drop(permit);
        });
    }
}
