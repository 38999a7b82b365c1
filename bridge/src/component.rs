//! Components: compiling, loading from artifacts, serialising.

use crate::artifact::{self, Kind, Trailer};
use crate::binary::{BinaryKind, binary_kind, is_component, to_binary, unknown_binary};
use crate::engine::Engine;
use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, free, give, guard_shared};
use crate::guest_tools::{self, ComponentizeOptions};
use crate::shape::Shape;
use std::path::Path;
use wasmtime::component::ComponentExportIndex;

/// A compiled component; `tairitsu_bridge_component_free` frees it.
pub struct Component {
    pub component: wasmtime::component::Component,
    /// Describes the WebAssembly binary that was compiled.
    source: Trailer,
}

impl Component {
    pub fn shape(&self) -> &Shape {
        &self.source.shape
    }
}

/// A component's export, looked up once for all instances.
pub struct ExportIndex {
    pub index: ComponentExportIndex,
}

impl Engine {
    fn compile(&self, bytes: &[u8], from_core_module: bool) -> Result<Component, Error> {
        let parsed = to_binary(bytes)?;
        self.compile_limits.check(&parsed)?;
        let encoded;
        let binary: &[u8] = match (binary_kind(&parsed), from_core_module) {
            (BinaryKind::Component, false) => &parsed,
            (BinaryKind::CoreModule, true) => {
                encoded = guest_tools::componentize(&parsed, &ComponentizeOptions::default())?;
                &encoded
            }
            (BinaryKind::CoreModule, false) => {
                return Err(Error::new(
                    Code::IsCoreModule,
                    "expected a component, found a core module: use from_core_module, or convert it with 'tairitsu componentize'",
                ));
            }
            (BinaryKind::Component, true) => return Err(is_component()),
            (BinaryKind::Other, _) => return Err(unknown_binary()),
        };
        let shape = Shape::of_component(binary);
        if let Ok(shape) = &shape {
            self.admit(shape)?;
        }
        let invalid = |e: wasmtime::Error| Error::from_wasmtime(&e, Code::InvalidComponent);
        let component =
            wasmtime::component::Component::from_binary(&self.engine, binary).map_err(invalid)?;
        let source = Trailer::of_source(binary, &self.engine, shape.map_err(invalid)?);
        Ok(Component { component, source })
    }
}

/// Compiles a component from a binary or from text. If `from_core_module`, the bytes are a core
/// module, which gets the WASI preview 1 adapter if it needs it.
///
/// # Safety
/// `engine` is live, `bytes` readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_compile(
    engine: *const Engine,
    bytes: Bytes,
    from_core_module: bool,
    out: *mut *mut Component,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (engine, bytes) = unsafe { (&*engine, bytes.as_slice()) };
        let component = engine.compile(bytes, from_core_module)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, component) };
        Ok(())
    })
}

/// Loads a precompiled artifact from memory. The bytes are copied.
///
/// # Safety
/// As for `tairitsu_bridge_component_compile`. The artifact comes from a trusted source: its machine
/// code runs unchecked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_from_trusted_artifact(
    engine: *const Engine,
    bytes: Bytes,
    out: *mut *mut Component,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (engine, bytes) = unsafe { (&*engine, bytes.as_slice()) };
        let (artifact, trailer) = artifact::unseal(bytes)?;
        // SAFETY: the caller vouches for the artifact.
        let component =
            unsafe { wasmtime::component::Component::deserialize(&engine.engine, artifact) }
                .map_err(|e| {
                    let found = wasmtime::Engine::detect_precompiled(artifact);
                    artifact::load_error(&e, found, Kind::Component, &trailer, engine)
                })?;
        // SAFETY: the caller's promise.
        unsafe { give(out, loaded(component, trailer)) };
        Ok(())
    })
}

/// Loads a precompiled artifact from a file, which is mapped and must not change while in use.
///
/// # Safety
/// As for `tairitsu_bridge_component_from_trusted_artifact`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_from_trusted_artifact_file(
    engine: *const Engine,
    path: Bytes,
    out: *mut *mut Component,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (engine, path) = unsafe { (&*engine, Path::new(path.as_str()?)) };
        let (component, trailer) = artifact::load_file(engine, path, Kind::Component, || {
            // SAFETY: the caller vouches for the artifact.
            unsafe { wasmtime::component::Component::deserialize_file(&engine.engine, path) }
        })?;
        // SAFETY: the caller's promise.
        unsafe { give(out, loaded(component, trailer)) };
        Ok(())
    })
}

/// Loads an artifact from a cache's file. Fails with `ArtifactDamaged`, before any of its code is mapped, if the
/// artifact was not put into the cache with this key and under this name.
///
/// # Safety
/// `engine` is live; `path`, `key` and `name` readable; `out` valid for a write. Only the cache's owner has the key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_from_sealed_artifact_file(
    engine: *const Engine,
    path: Bytes,
    key: Bytes,
    name: Bytes,
    out: *mut *mut Component,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (engine, path) = unsafe { (&*engine, Path::new(path.as_str()?)) };
        // SAFETY: the caller's promise.
        let seal = unsafe { artifact::Seal::new(key.as_slice(), name.as_slice())? };
        let (component, trailer) = artifact::load_sealed(path, seal, |path| {
            // SAFETY: the seal vouches for the artifact.
            unsafe { wasmtime::component::Component::deserialize_file(&engine.engine, path) }
        })?;
        // SAFETY: the caller's promise.
        unsafe { give(out, loaded(component, trailer)) };
        Ok(())
    })
}

fn loaded(component: wasmtime::component::Component, source: Trailer) -> Component {
    Component { component, source }
}

/// Serialises the compiled component as an artifact that the functions above load.
///
/// # Safety
/// `component` is live, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_serialize(
    component: *const Component,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let component = unsafe { &*component };
        let serialised = component
            .component
            .serialize()
            .map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
        let bytes = artifact::seal(serialised, &component.source);
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(bytes)) };
        Ok(())
    })
}

/// Returns the SHA-256 of the WebAssembly binary, 32 bytes. Valid until the component is freed.
///
/// # Safety
/// `component` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_digest(component: *const Component) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { &(*component).source.source_digest })
}

/// Returns the size of the WebAssembly binary in bytes.
///
/// # Safety
/// `component` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_size(component: *const Component) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { (*component).source.source_size }
}

/// Returns whether the component uses the component model's async ABI, so that its code runs on a fiber.
///
/// # Safety
/// `component` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_uses_async_abi(
    component: *const Component,
) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*component).shape().uses_async_abi }
}

/// # Safety
/// `component` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_free(component: *mut Component) {
    // SAFETY: the caller's promise.
    unsafe { free(component) }
}

/// Looks up the export `name` of the interface `interface`, or of the root if `interface` is empty.
/// Both are spelled as in the component. Fails with `NotFound`.
///
/// # Safety
/// `component` is live, the names readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_export(
    component: *const Component,
    interface: Bytes,
    name: Bytes,
    out: *mut *mut ExportIndex,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (component, interface, name) =
            unsafe { (&(*component).component, interface.as_str()?, name.as_str()?) };
        let missing = || {
            Error::new(
                Code::NotFound,
                format!("export '{interface}#{name}' not found"),
            )
        };
        let parent = match interface {
            "" => None,
            _ => Some(
                component
                    .get_export_index(None, interface)
                    .ok_or_else(missing)?,
            ),
        };
        let index = component
            .get_export_index(parent.as_ref(), name)
            .ok_or_else(missing)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, ExportIndex { index }) };
        Ok(())
    })
}

/// # Safety
/// `export` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_export_free(export: *mut ExportIndex) {
    // SAFETY: the caller's promise.
    unsafe { free(export) }
}
