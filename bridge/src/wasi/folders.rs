//! Paths that a policy denies are told of: those that lead out of a guest's folders, and changes in one that is
//! read-only. Wasmtime's context only refuses them, so its functions are called from ours.

use super::policy::{Denial, Policy};
use crate::store::Data;
use std::any::Any;
use std::collections::HashMap;
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, LinkerInstance, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::{p2, p3};

/// Where the guest's folders are, by the number of their descriptor. Of one that is closed the entry stays until
/// another takes its number.
pub type Folders = HashMap<u32, String>;

fn is_told(data: &Data) -> bool {
    data.wasi_policy().is_some_and(Policy::tells_denials)
}

/// What a path may grow to, in bytes, by one folder being opened in the other: as much as Linux takes.
const MAX_PATH: usize = 4096;

/// What the guest calls `path` in the folder `descriptor`, where anybody is told of it.
fn asked(data: &Data, descriptor: &Resource<Descriptor>, path: &str) -> Option<String> {
    if !is_told(data) {
        return None;
    }
    Some(match data.wasi_folders().get(&descriptor.rep()) {
        Some(folder) if folder.len() + path.len() < MAX_PATH => {
            format!("{}/{path}", folder.trim_end_matches('/'))
        }
        _ => path.to_owned(),
    })
}

fn tell(data: &Data, path: Option<String>) {
    if let (Some(policy), Some(path)) = (data.wasi_policy(), path) {
        policy.denied(Denial::Path, &path);
    }
}

/// Keeps where the guest's own folders are.
fn keep(data: &mut Data, folders: &[(Resource<Descriptor>, String)]) {
    if is_told(data) {
        let kept = folders
            .iter()
            .map(|(folder, path)| (folder.rep(), path.clone()));
        data.wasi_folders_mut().extend(kept);
    }
}

/// Keeps where a folder is, where `given` is what a function opened.
fn keep_opened(data: &mut Data, given: &dyn Any, path: Option<String>) {
    if let Some(opened) = given.downcast_ref::<Resource<Descriptor>>() {
        data.keep_descriptor(opened);
        if let Some(path) = path {
            data.wasi_folders_mut().insert(opened.rep(), path);
        }
    }
}

/// Makes sure that there is room for what `function` opens, if it opens anything.
fn reserve(data: &mut Data, function: &str) -> wasmtime::Result<()> {
    match function {
        "open-at" => data.reserve_descriptor(),
        _ => Ok(()),
    }
}

/// Defines every function that takes a path with `$define`, which gets the function's name, its method, its
/// parameters after the descriptor, and which of them is the path.
macro_rules! define_each {
    ($define:ident) => {
        $define!("create-directory-at", create_directory_at, path, (path: String));
        $define!(
            "link-at",
            link_at,
            path,
            (flags: PathFlags, path: String, folder: Resource<Descriptor>, new: String)
        );
        $define!(
            "open-at",
            open_at,
            path,
            (flags: PathFlags, path: String, open: OpenFlags, access: DescriptorFlags)
        );
        $define!("readlink-at", readlink_at, path, (path: String));
        $define!("remove-directory-at", remove_directory_at, path, (path: String));
        $define!(
            "rename-at",
            rename_at,
            path,
            (path: String, folder: Resource<Descriptor>, new: String)
        );
        $define!(
            "set-times-at",
            set_times_at,
            path,
            (flags: PathFlags, path: String, access: NewTimestamp, change: NewTimestamp)
        );
        $define!("stat-at", stat_at, path, (flags: PathFlags, path: String));
        $define!("symlink-at", symlink_at, path, (old: String, path: String));
        $define!("unlink-file-at", unlink_file_at, path, (path: String));
    };
}

/// What a call gives the guest, after the policy's owner was told.
macro_rules! finish {
    ($data:expr, $path:expr, $result:expr) => {
        match $result {
            Ok(given) => {
                keep_opened($data, &given, $path);
                Ok((Ok(given),))
            }
            Err(error) => {
                let error = types::Host::convert_error_code(&mut $data.filesystem(), error)?;
                if matches!(error, ErrorCode::NotPermitted) {
                    tell($data, $path);
                }
                Ok((Err(error),))
            }
        }
    };
}

/// `get-directories` of `wasi:filesystem/preopens`, the same in 0.2 and 0.3.
pub fn define_preopens(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    interface.func_wrap(
        "get-directories",
        |mut store: StoreContextMut<'_, Data>, ()| {
            let data = store.data_mut();
            let folders = preopens::Host::get_directories(&mut data.filesystem())?;
            keep(data, &folders);
            Ok((folders,))
        },
    )
}

/// The functions of `wasi:filesystem/types` 0.2 that take a path.
pub fn define(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::bindings::sync::filesystem::types::{
        self, DescriptorFlags, ErrorCode, HostDescriptor, NewTimestamp, OpenFlags, PathFlags,
    };
    macro_rules! define {
        ($name:literal, $method:ident, $path:ident, ($($parameter:ident: $type:ty),*)) => {
            interface.func_wrap(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, Data>,
                 (descriptor, $($parameter),*): (Resource<Descriptor>, $($type),*)| {
                    let asked = asked(store.data(), &descriptor, &$path);
                    let data = store.data_mut();
                    reserve(data, $name)?;
                    let result =
                        HostDescriptor::$method(&mut data.filesystem(), descriptor, $($parameter),*);
                    finish!(data, asked, result)
                },
            )?;
        };
    }
    define_each!(define);
    Ok(())
}

/// The same where functions wait on a fiber.
pub fn define_interruptible(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::bindings::filesystem::types::{
        self, DescriptorFlags, ErrorCode, HostDescriptor, NewTimestamp, OpenFlags, PathFlags,
    };
    macro_rules! define {
        ($name:literal, $method:ident, $path:ident, ($($parameter:ident: $type:ty),*)) => {
            interface.func_wrap_async(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, Data>,
                 (descriptor, $($parameter),*): (Resource<Descriptor>, $($type),*)| {
                    Box::new(async move {
                        let asked = asked(store.data(), &descriptor, &$path);
                        let data = store.data_mut();
                        reserve(data, $name)?;
                        let result = HostDescriptor::$method(
                            &mut data.filesystem(),
                            descriptor,
                            $($parameter),*
                        )
                        .await;
                        finish!(data, asked, result)
                    })
                },
            )?;
        };
    }
    define_each!(define);
    Ok(())
}

/// The same of 0.3.
pub fn define_async(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p3::bindings::filesystem::types::{
        self, DescriptorFlags, ErrorCode, HostDescriptorWithStore, NewTimestamp, OpenFlags,
        PathFlags,
    };
    macro_rules! define {
        ($name:literal, $method:ident, $path:ident, ($($parameter:ident: $type:ty),*)) => {
            interface.func_wrap_concurrent(
                concat!("[method]descriptor.", $name),
                |store: &Accessor<Data>,
                 (descriptor, $($parameter),*): (Resource<Descriptor>, $($type),*)| {
                    Box::pin(async move {
                        let asked = store.with(|mut access| {
                            let data = access.data_mut();
                            reserve(data, $name)?;
                            Ok::<_, wasmtime::Error>(asked(data, &descriptor, &$path))
                        })?;
                        let files = store.with_getter::<WasiFilesystem>(Data::filesystem);
                        let result =
                            WasiFilesystem::$method(&files, descriptor, $($parameter),*).await;
                        store.with(|mut access| {
                            let data = access.data_mut();
                            finish!(data, asked, result)
                        })
                    })
                },
            )?;
        };
    }
    define_each!(define);
    Ok(())
}
