//! Linkers: the host functions and resources that satisfy a component's imports.

use crate::abi::{HostFunctionCallback, HostResourceDestructor};
use crate::component::Component;
use crate::engine::Engine;
use crate::error::{Code, Error, coded};
use crate::ffi::{Bytes, free, give, guard_shared};
use crate::shape::Shape;
use crate::value_path::{
    FlatParameters, GuestView, HandlesView, HostFunction, HostParameters, MemoryParameters,
    MemoryView, NoView,
};
use crate::wasi::{self, Data};
use std::ffi::c_void;
use wasmtime::component::{LinkerInstance, ResourceType};

/// A linker for one component. C++ has matched the imports, so names are spelled as in the component.
/// One thread at a time.
pub struct Linker {
    linker: wasmtime::component::Linker<Data>,
    /// The parts of WASI that it defines: see `tairitsu_bridge_wasi_part`.
    wasi: u8,
    interruptible: bool,
}

/// A component with its imports resolved. Any thread may instantiate it.
pub struct InstancePre {
    pub pre: wasmtime::component::InstancePre<Data>,
    /// Whether its instances live in interruptible stores: see the module `store`.
    pub interruptible: bool,
    pub shape: Shape,
}

/// A host function of C++.
#[repr(C)]
pub struct HostFunctionDefinition {
    pub callback: HostFunctionCallback,
    /// Passed to the callback. Outlives everything that the function is linked into.
    pub data: *mut c_void,
    /// How many flat slots the parameters take; more than 16 means that they are in memory.
    pub parameter_count: u32,
    /// How many flat slots the result takes, 0 or 1; a result in memory counts as 1.
    pub result_count: u32,
    /// What lifting the parameters needs: 0 nothing, 1 the guest's memory, 2 its handles.
    pub parameters_need: u8,
}

/// Creates a linker that defines the given parts of WASI. Each part is a bit, see
/// `tairitsu_bridge_wasi_part`. The parts of WASI 0.3 need an interruptible linker.
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
            parts => wasi::component_linker(&engine.engine, &engine.wasi, parts, interruptible)?,
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
/// `linker` is null or live, and is not used afterwards.
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

/// Defines a function in `interface`, or at the root if `interface` is empty.
///
/// # Safety
/// `linker` is live, the rest readable. Any thread that runs a container may call the callback.
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

/// Defines a host resource. `resource_type` is its id, which every handle of it contains.
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
                        Err(coded(Code::HostFunction, "a resource destructor failed"))
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

/// Frees the component with resolved imports. Its stores stay valid.
///
/// # Safety
/// `pre` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_instance_pre_free(pre: *mut InstancePre) {
    // SAFETY: the caller's promise.
    unsafe { free(pre) }
}
