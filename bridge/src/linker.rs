//! Linkers: host functions and resources under the names that a component imports.

use crate::abi::{HostFunctionCallback, HostResourceDestructor};
use crate::component::Component;
use crate::engine::Engine;
use crate::error::{Code, Error, coded};
use crate::ffi::{Bytes, free, give, guard_shared};
use crate::shape::Shape;
use crate::store::Data;
use crate::value_path::{
    FlatParameters, GuestView, HandlesView, HostFunction, HostParameters, MemoryParameters,
    MemoryView, NoView,
};
use crate::wasi;
use std::ffi::c_void;
use wasmtime::component::{LinkerInstance, ResourceType};

/// A linker for one component: C++ has matched the imports already, so that names are the
/// component's own. Used by one thread at a time.
pub struct Linker {
    linker: wasmtime::component::Linker<Data>,
    /// The parts of WASI in it: see `tairitsu_bridge_wasi_part`.
    wasi: u8,
    interruptible: bool,
}

/// A component with its imports resolved. Any thread may make instances from it.
pub struct InstancePre {
    pub pre: wasmtime::component::InstancePre<Data>,
    /// Stores of its instances are asynchronous: see [`crate::store`].
    pub interruptible: bool,
    pub shape: Shape,
}

/// Mirrors what C++ knows of a host function.
#[repr(C)]
pub struct HostFunctionDefinition {
    pub callback: HostFunctionCallback,
    /// Passed to the callback. Outlives whatever is linked with the function.
    pub data: *mut c_void,
    /// The parameters' flat slots, 0 to 16; more than 16 stands for 'in memory'.
    pub parameter_count: u32,
    /// The result's flat slots: 0 or 1, where 1 stands for 'in memory' too.
    pub result_count: u32,
    /// What the parameters need of the guest: 0 nothing, 1 its memory, 2 its handles.
    pub parameters_need: u8,
}

/// Makes a linker with the given parts of WASI in it, of which each is a bit: see
/// `tairitsu_bridge_wasi_part`. Those of 0.3 need an interruptible one.
///
/// # Safety
/// `engine` is live, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_linker_new(
    engine: *const Engine,
    wasi: u8,
    interruptible: bool,
    out: *mut *mut Linker,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { &*engine };
        let linker = match wasi {
            0 => wasmtime::component::Linker::new(&engine.engine),
            parts => wasi::component_linker(engine, parts, interruptible)?,
        };
        // SAFETY: the caller's promise.
        unsafe {
            give(
                out,
                Linker {
                    linker,
                    wasi,
                    interruptible,
                },
            )
        };
        Ok(())
    })
}

/// # Safety
/// `linker` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_linker_free(linker: *mut Linker) {
    // SAFETY: the caller's promise.
    unsafe { free(linker) }
}

impl Linker {
    fn at(&mut self, interface: &str) -> Result<LinkerInstance<'_, Data>, Error> {
        self.linker.allow_shadowing(true);
        if interface.is_empty() {
            return Ok(self.linker.root());
        }
        let shared = wasi::own_name(interface).filter(|_| self.wasi != 0);
        self.linker
            .instance(shared.as_deref().unwrap_or(interface))
            .map_err(|e| Error::from_wasmtime(&e, Code::InvalidArgument))
    }
}

fn define<P: HostParameters, const N: usize>(
    mut at: LinkerInstance<'_, Data>,
    name: &str,
    function: HostFunction,
) -> wasmtime::Result<()> {
    at.func_wrap(
        name,
        move |store: wasmtime::StoreContextMut<'_, Data>, parameters: P| {
            function.call::<P, N>(store.data().context, parameters)
        },
    )
}

fn define_flat<G: GuestView, const N: usize>(
    at: LinkerInstance<'_, Data>,
    name: &str,
    parameter_count: u32,
    function: HostFunction,
) -> wasmtime::Result<()> {
    match parameter_count {
        0 => define::<FlatParameters<0, G>, N>(at, name, function),
        1 => define::<FlatParameters<1, G>, N>(at, name, function),
        2 => define::<FlatParameters<2, G>, N>(at, name, function),
        3 => define::<FlatParameters<3, G>, N>(at, name, function),
        4 => define::<FlatParameters<4, G>, N>(at, name, function),
        5 => define::<FlatParameters<5, G>, N>(at, name, function),
        6 => define::<FlatParameters<6, G>, N>(at, name, function),
        7 => define::<FlatParameters<7, G>, N>(at, name, function),
        8 => define::<FlatParameters<8, G>, N>(at, name, function),
        9 => define::<FlatParameters<9, G>, N>(at, name, function),
        10 => define::<FlatParameters<10, G>, N>(at, name, function),
        11 => define::<FlatParameters<11, G>, N>(at, name, function),
        12 => define::<FlatParameters<12, G>, N>(at, name, function),
        13 => define::<FlatParameters<13, G>, N>(at, name, function),
        14 => define::<FlatParameters<14, G>, N>(at, name, function),
        15 => define::<FlatParameters<15, G>, N>(at, name, function),
        16 => define::<FlatParameters<16, G>, N>(at, name, function),
        _ => define::<MemoryParameters<G>, N>(at, name, function),
    }
}

/// Defines a function in `interface`, or at the root where that is empty.
///
/// # Safety
/// `linker` is live, the rest readable; the callback may be called from any thread that runs a
/// container, as often as its guest likes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_linker_define_function(
    linker: *mut Linker,
    interface: Bytes,
    name: Bytes,
    definition: *const HostFunctionDefinition,
) -> *mut Error {
    // SAFETY: the caller's promise.
    let definition = unsafe { &*definition };
    let function = HostFunction {
        callback: definition.callback,
        data: definition.data,
    };
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (linker, interface, name) =
            unsafe { (&mut *linker, interface.as_str()?, name.as_str()?) };
        let at = linker.at(interface)?;
        let count = definition.parameter_count;
        match (definition.parameters_need, definition.result_count) {
            (0, 0) => define_flat::<NoView, 0>(at, name, count, function),
            (0, _) => define_flat::<NoView, 1>(at, name, count, function),
            (1, 0) => define_flat::<MemoryView, 0>(at, name, count, function),
            (1, _) => define_flat::<MemoryView, 1>(at, name, count, function),
            (_, 0) => define_flat::<HandlesView, 0>(at, name, count, function),
            (_, _) => define_flat::<HandlesView, 1>(at, name, count, function),
        }
        .map_err(|e| Error::from_wasmtime(&e, Code::InvalidArgument))
    })
}

/// Defines a resource of the host. `resource_type` is its id, the same in every handle of it.
///
/// # Safety
/// As for `tairitsu_bridge_linker_define_function`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_linker_define_resource(
    linker: *mut Linker,
    interface: Bytes,
    name: Bytes,
    resource_type: u32,
    destructor: HostResourceDestructor,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (linker, interface, name) =
            unsafe { (&mut *linker, interface.as_str()?, name.as_str()?) };
        linker
            .at(interface)?
            .resource(
                name,
                ResourceType::host_dynamic(resource_type),
                move |store, rep| {
                    // SAFETY: the caller's promise; the context is this store's.
                    if unsafe { destructor(store.data().context, resource_type, rep) } {
                        Ok(())
                    } else {
                        Err(coded(Code::HostFunction, "a resource's destructor failed"))
                    }
                },
            )
            .map_err(|e| Error::from_wasmtime(&e, Code::InvalidArgument))
    })
}

/// Resolves the component's imports against the linker, which can be freed afterwards.
///
/// # Safety
/// `linker` and `component` are live and of one engine, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_linker_instantiate_pre(
    linker: *const Linker,
    component: *const Component,
    out: *mut *mut InstancePre,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (linker, component) = unsafe { (&*linker, &*component) };
        let pre = linker
            .linker
            .instantiate_pre(&component.component)
            .map_err(|e| Error::from_wasmtime(&e, Code::MissingImport))?;
        let pre = InstancePre {
            pre,
            interruptible: linker.interruptible,
            shape: *component.shape(),
        };
        // SAFETY: the caller's promise.
        unsafe { give(out, pre) };
        Ok(())
    })
}

/// Stores made from it keep what they need.
///
/// # Safety
/// `pre` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_instance_pre_free(pre: *mut InstancePre) {
    // SAFETY: the caller's promise.
    unsafe { free(pre) }
}
