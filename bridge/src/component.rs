//! Components: compiled, loaded from artifacts, serialised.

use crate::artifact::{self, Kind, Trailer};
use crate::engine::Engine;
use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, free, give, guard_shared};
use crate::guest_tools::{self, ComponentizeOptions};
use crate::shape::Shape;
use std::borrow::Cow;
use std::path::Path;
use wasmtime::component::ComponentExportIndex;

/// A compiled component; `tairitsu_bridge_component_free` releases it.
pub struct Component {
    pub component: wasmtime::component::Component,
    /// Of the WebAssembly binary that was compiled.
    source: Trailer,
}

impl Component {
    pub fn shape(&self) -> &Shape {
        &self.source.shape
    }
}

/// A function (or another item) that a component exports, looked up once for all its instances.
pub struct ExportIndex {
    pub index: ComponentExportIndex,
}

const BINARY_MAGIC: &[u8] = b"\0asm";

/// What a WebAssembly binary says it is, by its preamble.
pub enum BinaryKind {
    Component,
    CoreModule,
    Other,
}

pub fn binary_kind(bytes: &[u8]) -> BinaryKind {
    match bytes.get(..8) {
        // Version and layer: https://github.com/WebAssembly/component-model, Binary.md, preamble.
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => BinaryKind::Component,
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => BinaryKind::CoreModule,
        _ => BinaryKind::Other,
    }
}

pub fn parse_text(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let not_wasm = || {
        Error::new(
            Code::NotWasm,
            "neither a WebAssembly binary (it would begin with '\\0asm') nor WebAssembly text",
        )
    };
    if Engine::detects_artifact(bytes) {
        return Err(Error::new(
            Code::NotWasm,
            "this is a precompiled artifact, which runs as it is: load it as one, and only if you trust who made it",
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| not_wasm())?;
    if !text.trim_start().starts_with(['(', ';']) {
        return Err(not_wasm());
    }
    wat::parse_str(text)
        .map_err(|e| Error::new(Code::NotWasm, format!("component text does not parse: {e}")))
}

impl Engine {
    fn detects_artifact(bytes: &[u8]) -> bool {
        wasmtime::Engine::detect_precompiled(bytes).is_some()
    }

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
                    "this is a core module, not a component: use from_core_module, or make a component of it with 'tairitsu componentize'",
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

/// The binary that the bytes are or, where they are text, stand for.
pub fn to_binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    match bytes.starts_with(BINARY_MAGIC) {
        true => Ok(Cow::Borrowed(bytes)),
        false => parse_text(bytes).map(Cow::Owned),
    }
}

pub fn is_component() -> Error {
    Error::new(
        Code::IsComponent,
        "this is a component already, not a core module",
    )
}

pub fn unknown_binary() -> Error {
    Error::new(
        Code::NotWasm,
        "a WebAssembly binary of an unknown version, or a truncated one",
    )
}

/// Compiles a component from a binary or from text. With `from_core_module` the bytes are a core
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

/// Loads a precompiled artifact from memory: the bytes are copied.
///
/// # Safety
/// As for `tairitsu_bridge_component_compile`; and the artifact comes from a trusted source, for
/// its machine code runs as it is.
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

/// The same from a file, which is mapped and not copied: it must not change while in use.
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

/// The same of a cache's file, which was put there with the key and under the name: `ArtifactDamaged` if not, before
/// any of its code is mapped.
///
/// # Safety
/// `engine` is live; `path`, `key` and `name` readable; `out` valid for a write. Nobody but the key's owner has it.
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

/// Writes the compiled component as an artifact that the two functions above load.
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

/// SHA-256 of the WebAssembly binary, 32 bytes. Valid until the component is freed.
///
/// # Safety
/// `component` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_digest(component: *const Component) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { &(*component).source.source_digest })
}

/// The size of the WebAssembly binary in bytes.
///
/// # Safety
/// `component` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_size(component: *const Component) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { (*component).source.source_size }
}

/// Whether the component uses the component model's async ABI: its guest code runs on a fiber.
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
/// `component` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_free(component: *mut Component) {
    // SAFETY: the caller's promise.
    unsafe { free(component) }
}

/// Looks up an export: `name` in the exported interface `interface`, or at the root where that is
/// empty. Both as the component spells them.
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
        let missing = || Error::new(Code::NotFound, format!("no export '{interface}#{name}'"));
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
/// `export` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_export_free(export: *mut ExportIndex) {
    // SAFETY: the caller's promise.
    unsafe { free(export) }
}
