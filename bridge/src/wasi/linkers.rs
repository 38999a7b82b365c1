//! Linkers with WASI.

use super::data::Data;
use super::{descriptors, directories, held, lookups, requests, udp};
use crate::error::{Code, Error};
use crate::ffi::Bytes;
use std::sync::OnceLock;
use wasmtime::component::Linker;

/// `wasi:cli`, `clocks`, `filesystem`, `io`, `random` and `sockets` of 0.2.
const BASE: u8 = 1;
/// `wasi:http` of 0.2.
const HTTP: u8 = 2;
/// Like `BASE`, of 0.3.
const ASYNC_BASE: u8 = 4;
const ASYNC_HTTP: u8 = 8;
/// Functions that wait on a fiber: see [`crate::store`].
const INTERRUPTIBLE: u8 = 16;
const ALL: usize = 32;

/// Linkers with parts of WASI, created when first needed and then cloned.
#[derive(Default)]
pub struct Linkers {
    of_components: [OnceLock<Linker<Data>>; ALL],
    pub of_modules: OnceLock<wasmtime::Linker<Data>>,
}

/// Returns a linker with these parts of WASI.
pub fn component_linker(
    engine: &wasmtime::Engine,
    linkers: &Linkers,
    parts: u8,
    interruptible: bool,
) -> Result<Linker<Data>, Error> {
    let key = parts | if interruptible { INTERRUPTIBLE } else { 0 };
    let slot = linkers
        .of_components
        .get(usize::from(key))
        .ok_or_else(|| Error::new(Code::Internal, "unknown WASI parts"))?;
    if let Some(linker) = slot.get() {
        return Ok(linker.clone());
    }
    let mut linker = Linker::new(engine);
    fill(&mut linker, key).map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
    Ok(slot.get_or_init(|| linker).clone())
}

fn fill(linker: &mut Linker<Data>, key: u8) -> wasmtime::Result<()> {
    let has = |part: u8| key & part != 0;
    match (has(BASE), has(INTERRUPTIBLE)) {
        (true, true) => wasmtime_wasi::p2::add_to_linker_async(linker)?,
        (true, false) => wasmtime_wasi::p2::add_to_linker_sync(linker)?,
        (false, _) => {}
    }
    match (has(HTTP), has(INTERRUPTIBLE)) {
        (true, true) => wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?,
        (true, false) => wasmtime_wasi_http::p2::add_only_http_to_linker_sync(linker)?,
        (false, _) => {}
    }
    if has(ASYNC_BASE) {
        wasmtime_wasi::p3::add_to_linker(linker)?;
    }
    if has(ASYNC_HTTP) {
        wasmtime_wasi_http::p3::add_to_linker(linker)?;
    }
    let name = |interface, version| format!("wasi:{interface}@{version}");
    linker.allow_shadowing(true);
    if has(BASE) {
        let name = |interface| name(interface, VERSION);
        lookups::define(&mut linker.instance(&name("sockets/ip-name-lookup"))?)?;
        directories::define_preopens(&mut linker.instance(&name("filesystem/preopens"))?)?;
        let mut types = linker.instance(&name("filesystem/types"))?;
        match has(INTERRUPTIBLE) {
            true => {
                directories::define_interruptible(&mut types)?;
                held::define_interruptible(&mut types)?;
            }
            false => {
                directories::define(&mut types)?;
                held::define(&mut types)?;
            }
        }
        descriptors::define_tcp(&mut linker.instance(&name("sockets/tcp-create-socket"))?)?;
        descriptors::define_accept(&mut linker.instance(&name("sockets/tcp"))?)?;
        let mut sockets = linker.instance(&name("sockets/udp-create-socket"))?;
        match has(INTERRUPTIBLE) {
            true => udp::define_interruptible(&mut sockets)?,
            false => udp::define(&mut sockets)?,
        }
    }
    if has(ASYNC_BASE) {
        let name = |interface| name(interface, ASYNC_VERSION);
        lookups::define_async(&mut linker.instance(&name("sockets/ip-name-lookup"))?)?;
        directories::define_preopens(&mut linker.instance(&name("filesystem/preopens"))?)?;
        let mut types = linker.instance(&name("filesystem/types"))?;
        directories::define_async(&mut types)?;
        descriptors::define_async_directories(&mut types)?;
        let mut sockets = linker.instance(&name("sockets/types"))?;
        descriptors::define_async_tcp(&mut sockets)?;
        udp::define_async(&mut sockets)?;
    }
    if has(HTTP) {
        let name = |interface| name(interface, VERSION);
        requests::define_types(&mut linker.instance(&name("http/types"))?)?;
        requests::define_handler(&mut linker.instance(&name("http/outgoing-handler"))?)?;
    }
    if has(ASYNC_HTTP) {
        let name = |interface| name(interface, ASYNC_VERSION);
        requests::define_async_types(&mut linker.instance(&name("http/types"))?)?;
        requests::define_client(&mut linker.instance(&name("http/client"))?)?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// The interfaces that the linkers define, without their version.
const INTERFACES: &[(&str, u8)] = &[
    ("wasi:cli/environment", BASE | ASYNC_BASE),
    ("wasi:cli/exit", BASE | ASYNC_BASE),
    ("wasi:cli/stderr", BASE | ASYNC_BASE),
    ("wasi:cli/stdin", BASE | ASYNC_BASE),
    ("wasi:cli/stdout", BASE | ASYNC_BASE),
    ("wasi:cli/terminal-input", BASE | ASYNC_BASE),
    ("wasi:cli/terminal-output", BASE | ASYNC_BASE),
    ("wasi:cli/terminal-stderr", BASE | ASYNC_BASE),
    ("wasi:cli/terminal-stdin", BASE | ASYNC_BASE),
    ("wasi:cli/terminal-stdout", BASE | ASYNC_BASE),
    ("wasi:cli/types", ASYNC_BASE),
    ("wasi:clocks/monotonic-clock", BASE | ASYNC_BASE),
    ("wasi:clocks/system-clock", ASYNC_BASE),
    ("wasi:clocks/types", ASYNC_BASE),
    ("wasi:clocks/wall-clock", BASE),
    ("wasi:filesystem/preopens", BASE | ASYNC_BASE),
    ("wasi:filesystem/types", BASE | ASYNC_BASE),
    ("wasi:http/client", ASYNC_HTTP),
    ("wasi:http/outgoing-handler", HTTP),
    ("wasi:http/types", HTTP | ASYNC_HTTP),
    ("wasi:io/error", BASE),
    ("wasi:io/poll", BASE),
    ("wasi:io/streams", BASE),
    ("wasi:random/insecure", BASE | ASYNC_BASE),
    ("wasi:random/insecure-seed", BASE | ASYNC_BASE),
    ("wasi:random/random", BASE | ASYNC_BASE),
    ("wasi:sockets/instance-network", BASE),
    ("wasi:sockets/ip-name-lookup", BASE | ASYNC_BASE),
    ("wasi:sockets/network", BASE),
    ("wasi:sockets/tcp", BASE),
    ("wasi:sockets/tcp-create-socket", BASE),
    ("wasi:sockets/types", ASYNC_BASE),
    ("wasi:sockets/udp", BASE),
    ("wasi:sockets/udp-create-socket", BASE),
];

/// The versions under which the linkers define the interfaces of 0.2 and of 0.3.
const VERSION: &str = "0.2.12";
const ASYNC_VERSION: &str = "0.3.0";

/// Returns the name of `interface` without its version, the linkers' part that contains it, and the version there.
fn find(interface: &str) -> Option<(&str, u8, &'static str)> {
    let (name, version) = interface.split_once('@')?;
    let released = |prefix: &str| {
        // Release candidates had different interfaces.
        version.strip_prefix(prefix).is_some_and(|patch| {
            !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let (of_version, own_version) = if released("0.2.") {
        (BASE | HTTP, VERSION)
    } else if released("0.3.") {
        (ASYNC_BASE | ASYNC_HTTP, ASYNC_VERSION)
    } else {
        return None;
    };
    let (_, parts) = INTERFACES.iter().find(|(own, _)| *own == name)?;
    let part = parts & of_version;
    (part != 0).then_some((name, part, own_version))
}

/// Whether `interface` is one of WASI 0.3, which needs the async ABI whatever a component imports from it.
pub fn is_async(interface: &str) -> bool {
    find(interface).is_some_and(|(_, part, _)| part & (ASYNC_BASE | ASYNC_HTTP) != 0)
}

/// Returns the name under which the linkers with WASI define `interface`, which may have another version. A
/// further definition under that name replaces one function and keeps the others.
pub fn own_name(interface: &str) -> Option<String> {
    find(interface).map(|(name, _, version)| format!("{name}@{version}"))
}

/// Returns the part of WASI that contains `interface`, such as `wasi:io/streams@0.2.9`, as a bit for
/// `tairitsu_bridge_linker_new`; 0 if the linkers do not define it.
///
/// # Safety
/// `interface` is readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_part(interface: Bytes) -> u8 {
    // SAFETY: the caller's promise.
    let interface = unsafe { interface.as_str() };
    interface.ok().and_then(find).map_or(0, |(_, part, _)| part)
}
