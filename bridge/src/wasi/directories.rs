//! Reports paths that a policy denies: those that lead out of a guest's directories, and changes in a read-only
//! directory. Wasmtime's context only refuses them, so these functions wrap Wasmtime's.

use super::data::Data;
use super::policy::{Denial, Policy};
use std::any::Any;
use std::collections::HashMap;
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, LinkerInstance, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::{p2, p3};

/// The paths of the guest's directories, by descriptor number. The entry of a closed directory stays until its number
/// is reused.
pub type Directories = HashMap<u32, String>;

fn reports_denials(data: &Data) -> bool {
    data.wasi_policy().is_some_and(Policy::reports_denials)
}

/// The maximum length of a path that nested opens can build, in bytes: the same as Linux allows.
const MAX_PATH: usize = 4096;

/// Returns the guest's name of `path` in the directory `descriptor`, if denials are reported.
fn requested(data: &Data, descriptor: &Resource<Descriptor>, path: &str) -> Option<String> {
    if !reports_denials(data) {
        return None;
    }
    Some(match data.wasi_directories().get(&descriptor.rep()) {
        Some(directory) if directory.len() + path.len() < MAX_PATH => {
            format!("{}/{path}", directory.trim_end_matches('/'))
        }
        _ => path.to_owned(),
    })
}

fn report(data: &Data, path: Option<String>) {
    if let (Some(policy), Some(path)) = (data.wasi_policy(), path) {
        policy.denied(Denial::Path, &path);
    }
}

/// Records the paths of the guest's preopened directories.
fn record(data: &mut Data, directories: &[(Resource<Descriptor>, String)]) {
    if reports_denials(data) {
        let recorded = directories
            .iter()
            .map(|(directory, path)| (directory.rep(), path.clone()));
        data.wasi_directories_mut().extend(recorded);
    }
}

/// Records the path of the directory that a function opened, if `given` is a descriptor.
fn record_opened(data: &mut Data, given: &dyn Any, path: Option<String>) {
    if let Some(opened) = given.downcast_ref::<Resource<Descriptor>>() {
        data.record_descriptor(opened);
        if let Some(path) = path {
            data.wasi_directories_mut().insert(opened.rep(), path);
        }
    }
}

/// Fails if `function` opens a descriptor and there is no room for another one.
fn reserve(data: &mut Data, function: &str) -> wasmtime::Result<()> {
    match function {
        "open-at" => data.reserve_descriptor(),
        _ => Ok(()),
    }
}

/// Defines every function that takes a path with `$define`, whose arguments are the function's name, its method, the
/// parameter that is the path, and the parameters after the descriptor.
macro_rules! define_each {
    ($define:ident) => {
        $define!("create-directory-at", create_directory_at, path, (path: String));
        $define!(
            "link-at",
            link_at,
            path,
            (flags: PathFlags, path: String, directory: Resource<Descriptor>, new: String)
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
            (path: String, directory: Resource<Descriptor>, new: String)
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

/// Returns a call's result to the guest, after reporting a denial.
macro_rules! finish {
    ($data:expr, $path:expr, $result:expr) => {
        match $result {
            Ok(given) => {
                record_opened($data, &given, $path);
                Ok((Ok(given),))
            }
            Err(error) => {
                let error = types::Host::convert_error_code(&mut $data.filesystem(), error)?;
                if matches!(error, ErrorCode::NotPermitted) {
                    report($data, $path);
                }
                Ok((Err(error),))
            }
        }
    };
}

/// Defines `get-directories` of `wasi:filesystem/preopens`, which is the same in 0.2 and 0.3.
pub fn define_preopens(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    interface.func_wrap(
        "get-directories",
        |mut store: StoreContextMut<'_, Data>, ()| {
            let data = store.data_mut();
            let directories = preopens::Host::get_directories(&mut data.filesystem())?;
            record(data, &directories);
            Ok((directories,))
        },
    )
}

/// Defines the functions of `wasi:filesystem/types` 0.2 that take a path.
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
                    let requested = requested(store.data(), &descriptor, &$path);
                    let data = store.data_mut();
                    reserve(data, $name)?;
                    let result =
                        HostDescriptor::$method(&mut data.filesystem(), descriptor, $($parameter),*);
                    finish!(data, requested, result)
                },
            )?;
        };
    }
    define_each!(define);
    Ok(())
}

/// Like `define`, for linkers whose functions wait on a fiber.
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
                        let requested = requested(store.data(), &descriptor, &$path);
                        let data = store.data_mut();
                        reserve(data, $name)?;
                        let result = HostDescriptor::$method(
                            &mut data.filesystem(),
                            descriptor,
                            $($parameter),*
                        )
                        .await;
                        finish!(data, requested, result)
                    })
                },
            )?;
        };
    }
    define_each!(define);
    Ok(())
}

/// Like `define`, for 0.3.
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
                        let requested = store.with(|mut access| {
                            let data = access.data_mut();
                            reserve(data, $name)?;
                            Ok::<_, wasmtime::Error>(requested(data, &descriptor, &$path))
                        })?;
                        let files = store.with_getter::<WasiFilesystem>(Data::filesystem);
                        let result =
                            WasiFilesystem::$method(&files, descriptor, $($parameter),*).await;
                        store.with(|mut access| {
                            let data = access.data_mut();
                            finish!(data, requested, result)
                        })
                    })
                },
            )?;
        };
    }
    define_each!(define);
    Ok(())
}
