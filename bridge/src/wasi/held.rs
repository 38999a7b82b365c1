//! Charges memory that `wasi:filesystem` 0.2 holds for a guest and that other threads allocate: file contents that were
//! read, and the entries of a directory.

use super::data::Data;
use crate::account::{Account, Charge};
use bytes::Bytes;
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types;
use wasmtime_wasi::p2::bindings::sync::filesystem::types as sync_types;
use wasmtime_wasi::p2::{
    DynInputStream, InputStream, Pollable, ReaddirIterator, StreamError, StreamResult,
};

/// Charges for directory entries, by the number of their stream.
pub type Entries = HashMap<u32, Charge>;

/// The most that a stream reads at a time, however much more is requested.
const MAX_READ: usize = 64 << 10;

/// A file's stream, charged with the largest size that the guest has read at a time.
struct ChargedStream {
    inner: DynInputStream,
    account: Arc<Account>,
    charge: Option<(usize, Charge)>,
}

impl ChargedStream {
    fn charge(&mut self, size: usize) {
        let size = size.min(MAX_READ);
        if self.charge.as_ref().is_none_or(|(max, _)| *max < size) {
            self.charge = Some((size, self.account.charge(size as u64)));
        }
    }
}

#[async_trait::async_trait]
impl InputStream for ChargedStream {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.charge(size);
        self.inner.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.charge(size);
        self.inner.blocking_read(size).await
    }

    fn skip(&mut self, count: usize) -> Result<usize, StreamError> {
        self.charge(count);
        self.inner.skip(count)
    }

    async fn blocking_skip(&mut self, count: usize) -> Result<usize, StreamError> {
        self.charge(count);
        self.inner.blocking_skip(count).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[async_trait::async_trait]
impl Pollable for ChargedStream {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

/// Wraps the stream that was just created, if the guest has an account.
fn charge_stream(data: &mut Data, stream: &Resource<DynInputStream>) {
    let Some(account) = data.account().cloned() else {
        return;
    };
    if let Ok(slot) = data.ctx().table.get_mut(stream) {
        let inner = std::mem::replace(slot, Box::new(wasmtime_wasi::p2::pipe::ClosedInputStream));
        *slot = Box::new(ChargedStream {
            inner,
            account,
            charge: None,
        });
    }
}

/// Estimates how much memory the entries of a directory take.
fn size_of_entries(directory: &File) -> u64 {
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| 128 + entry.file_name().len() as u64)
        .sum()
}

/// Returns the directory behind a descriptor, if the guest has an account.
fn counted_directory(data: &mut Data, descriptor: &Resource<Descriptor>) -> Option<Arc<File>> {
    data.account()?;
    match data.ctx().table.get(descriptor) {
        Ok(Descriptor::Dir(directory)) => Some(directory.dir.clone()),
        _ => None,
    }
}

/// Defines the functions that both kinds of linkers share.
fn define_common(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    interface.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, Data>, (file, offset): (Resource<Descriptor>, u64)| {
            let data = store.data_mut();
            let mut files = data.filesystem();
            match types::HostDescriptor::read_via_stream(&mut files, file, offset) {
                Ok(stream) => {
                    charge_stream(data, &stream);
                    Ok((Ok(stream),))
                }
                Err(error) => Ok((Err(types::Host::convert_error_code(&mut files, error)?),)),
            }
        },
    )?;
    interface.resource(
        "directory-entry-stream",
        ResourceType::host::<ReaddirIterator>(),
        |mut store, number| {
            let data = store.data_mut();
            data.wasi_entries().remove(&number);
            let stream = Resource::<ReaddirIterator>::new_own(number);
            data.ctx().table.delete(stream)?;
            Ok(())
        },
    )
}

macro_rules! finish_directory {
    ($data:expr, $result:expr, $size:expr, $host:path) => {
        match $result {
            Ok(stream) => {
                if let Some(account) = $data.account().filter(|_| $size != 0) {
                    let charge = account.charge($size);
                    $data.wasi_entries().insert(stream.rep(), charge);
                }
                Ok((Ok(stream),))
            }
            Err(error) => {
                use $host as Host;
                let error = Host::convert_error_code(&mut $data.filesystem(), error)?;
                Ok((Err(error),))
            }
        }
    };
}

/// Defines the functions for linkers whose functions block.
pub fn define(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    define_common(interface)?;
    interface.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, Data>, (directory,): (Resource<Descriptor>,)| {
            let data = store.data_mut();
            let counted = counted_directory(data, &directory);
            let size = counted.map_or(0, |directory| size_of_entries(&directory));
            data.check_memory(size)?;
            let result =
                sync_types::HostDescriptor::read_directory(&mut data.filesystem(), directory);
            finish_directory!(data, result, size, sync_types::Host)
        },
    )
}

/// Like `define`, for linkers whose functions wait on a fiber.
pub fn define_interruptible(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    define_common(interface)?;
    interface.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, Data>, (directory,): (Resource<Descriptor>,)| {
            Box::new(async move {
                let counted = counted_directory(store.data_mut(), &directory);
                let size = match counted {
                    Some(directory) => {
                        tokio::task::spawn_blocking(move || size_of_entries(&directory)).await?
                    }
                    None => 0,
                };
                let data = store.data_mut();
                data.check_memory(size)?;
                let result =
                    types::HostDescriptor::read_directory(&mut data.filesystem(), directory).await;
                finish_directory!(data, result, size, types::Host)
            })
        },
    )
}
