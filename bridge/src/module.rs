//! Core modules that run as commands, with WASI preview 1 implemented natively instead of by an adapter.

use crate::artifact::{self, Kind, Trailer};
use crate::binary::{BinaryKind, binary_kind, is_component, to_binary, unknown_binary};
use crate::engine::Engine;
use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, free, give, guard_shared};
use crate::shape::Shape;
use crate::wasi::{Data, descriptors};
use std::path::Path;

/// A compiled core module with its imports resolved; `tairitsu_bridge_module_free` frees it. Any thread may run it.
pub struct Module {
    pub pre: wasmtime::InstancePre<Data>,
    source: Trailer,
}

impl Module {
    pub fn shape(&self) -> &Shape {
        &self.source.shape
    }
}

fn linker(engine: &Engine) -> Result<&wasmtime::Linker<Data>, Error> {
    let slot = &engine.wasi.of_modules;
    if let Some(linker) = slot.get() {
        return Ok(linker);
    }
    let mut linker = wasmtime::Linker::new(&engine.engine);
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, Data::preview1)
        .map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
    // Wasmtime's own `proc_exit` rejects a status of 126 or more, which programs do exit with.
    linker
        .allow_shadowing(true)
        .func_wrap(
            "wasi_snapshot_preview1",
            "proc_exit",
            |status: i32| -> wasmtime::Result<()> { Err(wasmtime_wasi::I32Exit(status).into()) },
        )
        .map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
    descriptors::define_preview1(&mut linker)
        .map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
    Ok(slot.get_or_init(|| linker))
}

impl Module {
    fn link(engine: &Engine, module: &wasmtime::Module, source: Trailer) -> Result<Module, Error> {
        if module.get_export("_start").is_none() {
            return Err(Error::new(
                Code::UnsupportedType,
                "not a command module: it does not export '_start'",
            ));
        }
        let pre = linker(engine)?
            .instantiate_pre(module)
            .map_err(|e| Error::from_wasmtime(&e, Code::MissingImport))?;
        Ok(Module { pre, source })
    }
}

/// Compiles a core module from a binary or from text.
///
/// # Safety
/// `engine` is live, `bytes` readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_module_compile(
    engine: *const Engine,
    bytes: Bytes,
    out: *mut *mut Module,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (engine, bytes) = unsafe { (&*engine, bytes.as_slice()) };
        let binary = to_binary(bytes)?;
        engine.compile_limits.check(&binary)?;
        match binary_kind(&binary) {
            BinaryKind::CoreModule => {}
            BinaryKind::Component => return Err(is_component()),
            BinaryKind::Other => return Err(unknown_binary()),
        }
        let shape = Shape::of_module(&binary);
        if let Ok(shape) = &shape {
            engine.admit(shape)?;
        }
        let invalid = |e: wasmtime::Error| Error::from_wasmtime(&e, Code::InvalidComponent);
        let module = wasmtime::Module::from_binary(&engine.engine, &binary).map_err(invalid)?;
        let source = Trailer::of_source(&binary, &engine.engine, shape.map_err(invalid)?);
        let module = Module::link(engine, &module, source)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, module) };
        Ok(())
    })
}

/// Loads a precompiled artifact from a file, which is mapped and must not change while in use.
///
/// # Safety
/// As for `tairitsu_bridge_module_compile`. The artifact comes from a trusted source: its machine code runs
/// unchecked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_module_from_trusted_artifact_file(
    engine: *const Engine,
    path: Bytes,
    out: *mut *mut Module,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (engine, path) = unsafe { (&*engine, Path::new(path.as_str()?)) };
        let (module, trailer) = artifact::load_file(engine, path, Kind::Module, || {
            // SAFETY: the caller vouches for the artifact.
            unsafe { wasmtime::Module::deserialize_file(&engine.engine, path) }
        })?;
        let module = Module::link(engine, &module, trailer)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, module) };
        Ok(())
    })
}

/// Loads an artifact from a cache's file. Fails with `ArtifactDamaged`, before any of its code is mapped, if the
/// artifact was not put into the cache with this key and under this name.
///
/// # Safety
/// `engine` is live; `path`, `key` and `name` readable; `out` valid for a write. Only the cache's owner has the key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_module_from_sealed_artifact_file(
    engine: *const Engine,
    path: Bytes,
    key: Bytes,
    name: Bytes,
    out: *mut *mut Module,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let (engine, path) = unsafe { (&*engine, Path::new(path.as_str()?)) };
        // SAFETY: the caller's promise.
        let seal = unsafe { artifact::Seal::new(key.as_slice(), name.as_slice())? };
        let (module, trailer) = artifact::load_sealed(path, seal, |path| {
            // SAFETY: the seal vouches for the artifact.
            unsafe { wasmtime::Module::deserialize_file(&engine.engine, path) }
        })?;
        let module = Module::link(engine, &module, trailer)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, module) };
        Ok(())
    })
}

/// Writes whether the file is a precompiled artifact of a core module. Fails with `Io` if it cannot be read.
///
/// # Safety
/// `path` is readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_artifact_is_module(
    path: Bytes,
    out: *mut bool,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let path = Path::new(unsafe { path.as_str()? });
        let found = wasmtime::Engine::detect_precompiled_file(path).map_err(|e| {
            let error = Error::from_wasmtime(&e, Code::Io);
            Error::new(Code::Io, format!("{}: {}", path.display(), error.message()))
        })?;
        // SAFETY: the caller's promise.
        unsafe { out.write(matches!(found, Some(wasmtime::Precompiled::Module))) };
        Ok(())
    })
}

/// Serialises the compiled module as an artifact that the functions above load.
///
/// # Safety
/// `module` is live, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_module_serialize(
    module: *const Module,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let module = unsafe { &*module };
        let serialised = module
            .pre
            .module()
            .serialize()
            .map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
        let bytes = artifact::seal(serialised, &module.source);
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(bytes)) };
        Ok(())
    })
}

/// # Safety
/// `module` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_module_free(module: *mut Module) {
    // SAFETY: the caller's promise.
    unsafe { free(module) }
}
