//! WASI 0.2 with everything denied: no environment, folder or network; output dropped, inherited or
//! kept in memory.

use crate::engine::Engine;
use crate::error::{Code, Error};
use crate::store::Data;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Where a guest's output stream goes.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Discard = 0,
    Inherit = 1,
    Capture = 2,
}

/// A container's WASI: its context, its resources, and its captured output.
pub struct WasiState {
    context: WasiCtx,
    table: ResourceTable,
    /// Standard output and standard error, where they are captured.
    captured: [Option<MemoryOutputPipe>; 2],
}

impl WasiState {
    /// `capacity` bounds each captured stream, in bytes; past that the guest finds it closed.
    pub fn new(stdout: u8, stderr: u8, capacity: usize) -> WasiState {
        let mut builder = WasiCtxBuilder::new();
        builder.allow_tcp(false).allow_udp(false);
        let mut captured = [None, None];
        match stdout {
            x if x == Output::Inherit as u8 => {
                builder.inherit_stdout();
            }
            x if x == Output::Capture as u8 => {
                let pipe = MemoryOutputPipe::new(capacity);
                builder.stdout(pipe.clone());
                captured[0] = Some(pipe);
            }
            _ => {}
        }
        match stderr {
            x if x == Output::Inherit as u8 => {
                builder.inherit_stderr();
            }
            x if x == Output::Capture as u8 => {
                let pipe = MemoryOutputPipe::new(capacity);
                builder.stderr(pipe.clone());
                captured[1] = Some(pipe);
            }
            _ => {}
        }
        WasiState {
            context: builder.build(),
            table: ResourceTable::new(),
            captured,
        }
    }

    /// What the guest has written to stream 0 (standard output) or 1 (standard error) so far.
    pub fn captured(&self, stream: usize) -> Vec<u8> {
        match self.captured.get(stream) {
            Some(Some(pipe)) => pipe.contents().to_vec(),
            _ => Vec::new(),
        }
    }
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // A store is made with WASI before anything that imports it is instantiated in it.
        let state = self.wasi.as_mut().expect("the store has no WASI");
        WasiCtxView {
            ctx: &mut state.context,
            table: &mut state.table,
        }
    }
}

/// A linker with all of WASI 0.2: the synchronous functions, or those that wait on a fiber.
pub fn linker(engine: &Engine, interruptible: bool) -> Result<Linker<Data>, Error> {
    let slot = match interruptible {
        true => &engine.wasi_interruptible,
        false => &engine.wasi_direct,
    };
    if let Some(linker) = slot.get() {
        return Ok(linker.clone());
    }
    let mut linker = Linker::new(&engine.engine);
    let added = match interruptible {
        true => wasmtime_wasi::p2::add_to_linker_async(&mut linker),
        false => wasmtime_wasi::p2::add_to_linker_sync(&mut linker),
    };
    added.map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
    Ok(slot.get_or_init(|| linker).clone())
}

/// The interfaces that [`linker`] defines, without their version.
const INTERFACES: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// The version of WASI under which [`linker`] defines its interfaces.
const VERSION: &str = "0.2.12";

/// The name under which the linkers with WASI define `interface`, which may be of another version. What
/// is defined there besides takes the place of one function and leaves the others.
pub fn own_name(interface: &str) -> Option<String> {
    let (name, version) = interface.split_once('@')?;
    let patch = version.strip_prefix("0.2.")?;
    // Release candidates were other interfaces.
    let released = !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit());
    (released && INTERFACES.contains(&name)).then(|| format!("{name}@{VERSION}"))
}

/// Whether the linkers with WASI define `interface`, e.g. `wasi:io/streams@0.2.9`.
///
/// # Safety
/// `interface` is readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_has(interface: crate::ffi::Bytes) -> bool {
    // SAFETY: the caller's promise.
    (unsafe { interface.as_str() }).is_ok_and(|interface| own_name(interface).is_some())
}
