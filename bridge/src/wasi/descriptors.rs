//! The files and sockets that the host opens for a guest, and their limit.
//!
//! Files are counted through the references that Wasmtime shares between a descriptor and its streams, sockets through
//! the guest's resource table, and HTTP requests through permits. They are counted when another one is opened, so that
//! closing costs nothing.

use super::data::Data;
use crate::account::{Share, Total};
use crate::error::{Code, coded};
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

/// Counts that HTTP requests share with files and sockets.
struct Counts {
    max: usize,
    /// Open files and sockets, as of the last time one was opened.
    opened: AtomicUsize,
    requests: AtomicUsize,
}

/// Permits the connection of one HTTP request.
pub struct Permit(Arc<Counts>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Issues permits for HTTP requests.
#[derive(Clone)]
pub struct Permits(Arc<Counts>);

impl Permits {
    /// Returns `None` if the guest has too many descriptors.
    pub fn take(&self) -> Option<Permit> {
        let counts = &self.0;
        // Created before the check, so that dropping it undoes the count if there is no room.
        let permit = Permit(counts.clone());
        let requests = counts.requests.fetch_add(1, Ordering::Relaxed) + 1;
        (requests + counts.opened.load(Ordering::Relaxed) <= counts.max).then_some(permit)
    }
}

enum Opened {
    File(Weak<File>),
    /// Each stream of its entries opens it again.
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
    /// Whether the guest ever created a socket. If not, the table need not be searched.
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

    /// Fails with `DescriptorLimit` if there is no room for another one.
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

    /// Records an opened descriptor, to count it.
    pub fn record(&mut self, descriptor: &Descriptor) {
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
        format!("the guest needs {wanted} open files and sockets; its limit is {max}"),
    )
}

fn is_socket(entry: &(dyn Any + Send)) -> bool {
    entry.is::<p2::TcpSocket>()
        || entry.is::<p2::UdpSocket>()
        || entry.is::<sockets::TcpSocket>()
        || entry.is::<sockets::UdpSocket>()
}

impl Data {
    /// Fails with `DescriptorLimit` if the guest may not open another file.
    pub fn reserve_descriptor(&mut self) -> wasmtime::Result<()> {
        let (descriptors, table) = self.wasi_descriptors();
        descriptors.reserve(table)
    }

    /// Like `reserve_descriptor`, for a socket.
    pub fn reserve_socket(&mut self) -> wasmtime::Result<()> {
        let (descriptors, table) = self.wasi_descriptors();
        descriptors.sockets = true;
        descriptors.reserve(table)
    }

    /// Records a descriptor that a function of `wasi:filesystem` opened.
    pub fn record_descriptor(&mut self, opened: &Resource<Descriptor>) {
        let (descriptors, table) = self.wasi_descriptors();
        if let Ok(descriptor) = table.get(opened) {
            descriptors.record(descriptor);
        }
    }
}

/// Turns the result of a socket function into the guest's result.
macro_rules! to_guest {
    ($result:expr) => {
        match $result {
            Ok(socket) => Ok((Ok(socket),)),
            Err(error) => Ok((Err(error.downcast()?),)),
        }
    };
}

/// Defines functions of `wasi:sockets/tcp-create-socket` 0.2.
pub fn define_tcp(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::bindings::sockets::tcp_create_socket::{Host, IpAddressFamily};
    interface.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            store.data_mut().reserve_socket()?;
            to_guest!(Host::create_tcp_socket(
                &mut store.data_mut().sockets(),
                family
            ))
        },
    )
}

/// Defines `accept` of `wasi:sockets/tcp` 0.2.
pub fn define_accept(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::TcpSocket;
    use p2::bindings::sockets::tcp::HostTcpSocket;
    interface.func_wrap(
        "[method]tcp-socket.accept",
        |mut store: StoreContextMut<'_, Data>, (socket,): (Resource<TcpSocket>,)| {
            store.data_mut().reserve_socket()?;
            to_guest!(HostTcpSocket::accept(
                &mut store.data_mut().sockets(),
                socket
            ))
        },
    )
}

/// Defines `create` for TCP sockets of 0.3.
pub fn define_async_tcp(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p3::bindings::sockets::types::{HostTcpSocket, IpAddressFamily};
    interface.func_wrap(
        "[static]tcp-socket.create",
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            store.data_mut().reserve_socket()?;
            to_guest!(HostTcpSocket::create(
                &mut store.data_mut().sockets(),
                family
            ))
        },
    )
}

/// Defines `read-directory` of 0.3, whose stream of entries opens the directory again.
pub fn define_async_directories(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p3::bindings::filesystem::types::HostDescriptorWithStore;
    use wasmtime_wasi::filesystem::WasiFilesystemView;
    interface.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, Data>, (directory,): (Resource<Descriptor>,)| {
            store.data_mut().reserve_descriptor()?;
            store.data_mut().record_descriptor(&directory);
            let access = Access::<Data, WasiFilesystem>::new(store, Data::filesystem);
            Ok((WasiFilesystem::read_directory(access, directory)?,))
        },
    )
}

/// Defines `path_open` of preview 1. It returns the lowest free number, so a number beyond the limit means too many
/// descriptors.
pub fn define_preview1(linker: &mut wasmtime::Linker<Data>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        "wasi_snapshot_preview1",
        "path_open",
        |mut caller: Caller<'_, Data>,
         (directory, lookup, path, length, open, rights, inherited, flags, opened): (
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
                // Limits how much one call may copy, as in the functions that Wasmtime defines.
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
                    directory,
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
