//! The files and sockets that a guest makes the host open, and how many it may have.
//!
//! Files are known by what Wasmtime shares between a descriptor and its streams; sockets, by the table of the guest's
//! resources; HTTP requests hold a permit each. Counting is for when another one is opened, closing costs nothing.

use crate::account::{Share, Total};
use crate::error::{Code, coded};
use crate::store::Data;
use std::any::Any;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use wasmtime::component::{Access, LinkerInstance, Resource, ResourceTable};
use wasmtime::{Caller, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wasmtime_wasi::sockets::WasiSocketsView;
use wasmtime_wasi::{p1, p2, p3, sockets};

/// Numbers that HTTP requests and the rest share.
struct Counts {
    max: usize,
    /// As of when something was opened last.
    opened: AtomicUsize,
    requests: AtomicUsize,
}

/// The right to have one HTTP request's connection.
pub struct Permit(Arc<Counts>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gives permits for HTTP requests.
#[derive(Clone)]
pub struct Permits(Arc<Counts>);

impl Permits {
    /// None where the guest has too many descriptors.
    pub fn take(&self) -> Option<Permit> {
        let counts = &self.0;
        // Held from here on, so that it is given back where there is no room.
        let permit = Permit(counts.clone());
        let requests = counts.requests.fetch_add(1, Ordering::Relaxed) + 1;
        (requests + counts.opened.load(Ordering::Relaxed) <= counts.max).then_some(permit)
    }
}

enum Opened {
    File(Weak<File>),
    /// Each stream of its entries opens it once more.
    Directory(Weak<File>),
}

impl Opened {
    fn count(&self) -> usize {
        match self {
            Opened::File(file) => file.strong_count().min(1),
            Opened::Directory(directory) => directory.strong_count(),
        }
    }
}

pub struct Descriptors {
    counts: Arc<Counts>,
    opened: Vec<Opened>,
    share: Share,
    /// Whether the guest asked for a socket. Without one the table need not be looked through.
    sockets: bool,
}

impl Descriptors {
    pub fn new(max: usize, total: Arc<Total>) -> Descriptors {
        Descriptors {
            counts: Arc::new(Counts {
                max,
                opened: AtomicUsize::new(0),
                requests: AtomicUsize::new(0),
            }),
            opened: Vec::new(),
            share: Share::new(total),
            sockets: false,
        }
    }

    pub fn permits(&self) -> Permits {
        Permits(self.counts.clone())
    }

    pub fn max(&self) -> usize {
        self.counts.max
    }

    /// Makes sure that there is room for one more.
    pub fn reserve(&mut self, table: &mut ResourceTable) -> wasmtime::Result<()> {
        let mut count = 0;
        self.opened.retain(|opened| {
            let now = opened.count();
            count += now;
            now != 0
        });
        if self.sockets {
            count += table.iter_mut().filter(|entry| is_socket(*entry)).count();
        }
        self.counts.opened.store(count, Ordering::Relaxed);
        let wanted = count + self.counts.requests.load(Ordering::Relaxed) + 1;
        if wanted > self.counts.max {
            return Err(limit_error(wanted, self.counts.max));
        }
        self.share
            .set_descriptors(wanted)
            .map_err(|error| coded(error.code(), error.message()))
    }

    /// Keeps what was opened.
    pub fn keep(&mut self, descriptor: &Descriptor) {
        match descriptor {
            Descriptor::File(file) => {
                self.opened.push(Opened::File(Arc::downgrade(&file.file)));
            }
            Descriptor::Dir(directory) => {
                let own = Arc::downgrade(&directory.dir);
                let known = |opened: &Opened| match opened {
                    Opened::Directory(directory) => directory.ptr_eq(&own),
                    Opened::File(_) => false,
                };
                if !self.opened.iter().any(known) {
                    self.opened.push(Opened::Directory(own));
                }
            }
        }
    }
}

fn limit_error(wanted: usize, max: usize) -> wasmtime::Error {
    coded(
        Code::DescriptorLimit,
        format!("the guest needs {wanted} open files and sockets, its limit is {max}"),
    )
}

fn is_socket(entry: &(dyn Any + Send)) -> bool {
    entry.is::<p2::TcpSocket>()
        || entry.is::<p2::UdpSocket>()
        || entry.is::<sockets::TcpSocket>()
        || entry.is::<sockets::UdpSocket>()
}

impl Data {
    /// Makes sure that the guest may have another open file.
    pub fn reserve_descriptor(&mut self) -> wasmtime::Result<()> {
        let (descriptors, table) = self.wasi_descriptors();
        descriptors.reserve(table)
    }

    /// The same for a socket.
    pub fn reserve_socket(&mut self) -> wasmtime::Result<()> {
        let (descriptors, table) = self.wasi_descriptors();
        descriptors.sockets = true;
        descriptors.reserve(table)
    }

    /// Keeps what a function of `wasi:filesystem` opened.
    pub fn keep_descriptor(&mut self, opened: &Resource<Descriptor>) {
        let (descriptors, table) = self.wasi_descriptors();
        if let Ok(descriptor) = table.get(opened) {
            descriptors.keep(descriptor);
        }
    }
}

/// Turns an error of sockets into what the guest is told.
macro_rules! told {
    ($result:expr) => {
        match $result {
            Ok(socket) => Ok((Ok(socket),)),
            Err(error) => Ok((Err(error.downcast()?),)),
        }
    };
}

/// `wasi:sockets/tcp-create-socket` of 0.2.
pub fn define_tcp(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::bindings::sockets::tcp_create_socket::{Host, IpAddressFamily};
    interface.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            store.data_mut().reserve_socket()?;
            told!(Host::create_tcp_socket(
                &mut store.data_mut().sockets(),
                family
            ))
        },
    )
}

/// `accept` of `wasi:sockets/tcp` of 0.2.
pub fn define_accept(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::TcpSocket;
    use p2::bindings::sockets::tcp::HostTcpSocket;
    interface.func_wrap(
        "[method]tcp-socket.accept",
        |mut store: StoreContextMut<'_, Data>, (socket,): (Resource<TcpSocket>,)| {
            store.data_mut().reserve_socket()?;
            told!(HostTcpSocket::accept(
                &mut store.data_mut().sockets(),
                socket
            ))
        },
    )
}

/// `create` of TCP sockets of 0.3.
pub fn define_async_tcp(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p3::bindings::sockets::types::{HostTcpSocket, IpAddressFamily};
    interface.func_wrap(
        "[static]tcp-socket.create",
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            store.data_mut().reserve_socket()?;
            told!(HostTcpSocket::create(
                &mut store.data_mut().sockets(),
                family
            ))
        },
    )
}

/// `read-directory` of 0.3: a stream of entries has the directory open once more.
pub fn define_async_directories(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p3::bindings::filesystem::types::HostDescriptorWithStore;
    use wasmtime_wasi::filesystem::WasiFilesystemView;
    interface.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, Data>, (directory,): (Resource<Descriptor>,)| {
            store.data_mut().reserve_descriptor()?;
            store.data_mut().keep_descriptor(&directory);
            let access = Access::<Data, WasiFilesystem>::new(store, Data::filesystem);
            Ok((WasiFilesystem::read_directory(access, directory)?,))
        },
    )
}

/// `path_open` of preview 1, which gives out the lowest numbers that are free: a number past the limit means too
/// many of them.
pub fn define_preview1(linker: &mut wasmtime::Linker<Data>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        "wasi_snapshot_preview1",
        "path_open",
        |mut caller: Caller<'_, Data>,
         (folder, lookup, path, length, open, rights, inherited, flags, opened): (
            i32,
            i32,
            i32,
            i32,
            i32,
            i64,
            i64,
            i32,
            i32,
        )| {
            Box::new(async move {
                // What may be copied in one call, as in the calls that are defined by the engine's own crate.
                let fuel = wasmtime::AsContextMut::as_context_mut(&mut caller).hostcall_fuel();
                let Some(exported) = caller.get_export("memory") else {
                    wasmtime::bail!("missing required memory export");
                };
                let (bytes, data): (&mut [u8], &mut Data) = match exported {
                    wasmtime::Extern::Memory(memory) => memory.data_and_store_mut(&mut caller),
                    _ => wasmtime::bail!("missing required memory export"),
                };
                let max = data.preview1_max_descriptors();
                data.preview1().set_hostcall_fuel(fuel);
                let mut memory = wiggle::GuestMemory::Unshared(bytes);
                let status = p1::wasi_snapshot_preview1::path_open(
                    data.preview1(),
                    &mut memory,
                    folder,
                    lookup,
                    path,
                    length,
                    open,
                    rights,
                    inherited,
                    flags,
                    opened,
                )
                .await?;
                if status == 0 {
                    let number: u32 = memory.read(wiggle::GuestPtr::new(opened.cast_unsigned()))?;
                    if number as usize >= max {
                        return Err(limit_error(number as usize + 1, max));
                    }
                }
                Ok(status)
            })
        },
    )?;
    Ok(())
}
