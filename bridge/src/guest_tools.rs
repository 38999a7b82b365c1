//! Tools for authors of guests: generating bindings for C and C++, and converting core modules to components.

use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, free, give, guard};
use crate::inspect::check_carried_worlds;
use crate::{guest_fixes, wit};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::Files;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// The kind of a core module, which decides the WASI adapter that it gets.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum ModuleKind {
    /// A command if the module exports `_start`, otherwise a reactor.
    #[default]
    Detect = 0,
    Reactor = 1,
    /// Its `_start` becomes `wasi:cli/run`.
    Command = 2,
}

impl ModuleKind {
    fn from_raw(raw: u8) -> Result<ModuleKind, Error> {
        match raw {
            0 => Ok(ModuleKind::Detect),
            1 => Ok(ModuleKind::Reactor),
            2 => Ok(ModuleKind::Command),
            _ => Err(Error::new(
                Code::InvalidArgument,
                format!("unknown module kind {raw}"),
            )),
        }
    }
}

/// How to convert a core module to a component.
#[derive(Default)]
pub struct ComponentizeOptions<'a> {
    pub kind: ModuleKind,
    /// The world that the module implements, if it does not carry one.
    pub world: Option<(&'a Resolve, WorldId)>,
    /// More adapters, by the module name that they implement. An adapter with the name of WASI preview 1
    /// replaces the built-in one.
    pub adapters: Vec<(&'a str, &'a [u8])>,
}

/// Converts a binary core module to a component, and validates it. The module has the `component-type`
/// section that bindings generators add, or its world is given, or it only imports WASI preview 1.
/// Fails with `InvalidComponent`, or with `IsComponent` or `NotWasm` if it is not a core module.
pub fn componentize(module: &[u8], options: &ComponentizeOptions) -> Result<Vec<u8>, Error> {
    check_core_module(module)?;
    // The encoder does not terminate for some worlds.
    check_carried_worlds(module)?;
    for (_, adapter) in &options.adapters {
        check_carried_worlds(adapter)?;
    }
    let command = match options.kind {
        ModuleKind::Detect => exports_start(module),
        ModuleKind::Reactor => false,
        ModuleKind::Command => true,
    };
    // The encoder drops the adapter if the module imports nothing from it.
    let preview1 = if command {
        WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
    } else {
        WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
    };
    fn cannot(error: impl std::fmt::Display) -> Error {
        Error::new(
            Code::InvalidComponent,
            format!("converting the core module to a component: {error:#}"),
        )
    }
    let mut module = module.to_vec();
    if let Some((resolve, world)) = options.world {
        embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)
            .map_err(cannot)?;
    }
    let mut encoder = ComponentEncoder::default()
        .module(&module)
        .map_err(cannot)?;
    for (name, adapter) in &options.adapters {
        encoder = encoder.adapter(name, adapter).map_err(cannot)?;
    }
    let named = |(name, _): &(&str, &[u8])| *name == WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
    if !options.adapters.iter().any(named) {
        encoder = encoder
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, preview1)
            .map_err(cannot)?;
    }
    encoder.validate(true).encode().map_err(cannot)
}

/// Checks the preamble: magic, a 16-bit version, and a 16-bit layer: 0 for a core module, 1 for a component.
fn check_core_module(module: &[u8]) -> Result<(), Error> {
    match module {
        [b'\0', b'a', b's', b'm', _, _, 0, 0, ..] => Ok(()),
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Err(Error::new(
            Code::IsComponent,
            "expected a core module, found a component",
        )),
        _ => Err(Error::new(Code::NotWasm, "not a binary WebAssembly module")),
    }
}

/// Returns whether the module exports `_start`; false if it is malformed, which the encoder reports.
fn exports_start(module: &[u8]) -> bool {
    const EXPORT_SECTION: u8 = 7;
    let scan = || -> Option<bool> {
        let mut module = Scanner(module.get(8..)?);
        while let Some(id) = module.byte() {
            let mut section = Scanner(module.sized()?);
            if id != EXPORT_SECTION {
                continue;
            }
            for _ in 0..section.u32()? {
                if section.sized()? == b"_start" {
                    return Some(true);
                }
                section.byte()?;
                section.u32()?;
            }
        }
        Some(false)
    };
    scan().unwrap_or(false)
}

/// Reads the elements of sections in the binary format; `None` at the end.
struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let size = self.u32()? as usize;
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken)
    }
}

/// A language that guest bindings are generated for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuestLanguage {
    C = 0,
    Cpp = 1,
}

impl GuestLanguage {
    fn from_raw(raw: u8) -> Result<GuestLanguage, Error> {
        match raw {
            0 => Ok(GuestLanguage::C),
            1 => Ok(GuestLanguage::Cpp),
            _ => Err(Error::new(
                Code::InvalidArgument,
                format!("unknown language {raw} of guest bindings"),
            )),
        }
    }
}

/// Generated files: names and contents, sorted by name.
pub struct GeneratedFiles(Vec<(String, Vec<u8>)>);

/// Generates guest bindings for a world, see [`wit::load`] and [`wit::select_world`]. Fails with
/// `UnsupportedType` if the generator does not support a type.
pub fn generate_guest_bindings(
    language: GuestLanguage,
    wit_path: &str,
    world: &str,
    features: &str,
) -> Result<GeneratedFiles, Error> {
    let (mut resolve, package) = wit::load(wit_path, features)?;
    let world = wit::select_world(&resolve, package, world)?;
    if language == GuestLanguage::Cpp {
        guest_fixes::refuse(&resolve, world)?;
        guest_fixes::shorten_aliases(&mut resolve);
    }
    let mut generated = generate(language, &mut resolve, world)?;
    if language == GuestLanguage::Cpp && generated.get_size(WIT_HEADER).is_none() {
        generated.push(WIT_HEADER, &wit_header()?);
    }
    let mut files = generated
        .iter()
        .map(|(name, contents)| (file_name(name), contents.to_vec()))
        .collect::<Vec<_>>();
    if language == GuestLanguage::Cpp {
        guest_fixes::patch(&resolve, world, &mut files)?;
    }
    Ok(GeneratedFiles(files))
}

fn generate(
    language: GuestLanguage,
    resolve: &mut Resolve,
    world: WorldId,
) -> Result<Files, Error> {
    let mut generator = match language {
        GuestLanguage::C => wit_bindgen_c::Opts::default().build(),
        GuestLanguage::Cpp => wit_bindgen_cpp::Opts::default().build(None),
    };
    let mut files = Files::default();
    generator
        .generate(resolve, world, &mut files)
        .map_err(|error| Error::new(Code::UnsupportedType, format!("{error:#}")))?;
    Ok(files)
}

/// Returns the header that C++ bindings share. The generator omits it if only an exported resource uses
/// it, and only writes it with the files of a world: this generates a world that uses a string.
fn wit_header() -> Result<Vec<u8>, Error> {
    let internal = |message: String| Error::new(Code::Internal, message);
    let mut resolve = Resolve::default();
    let package = resolve
        .push_source(
            "header.wit",
            "package a:b; world w { import f: func(s: string) -> string; }",
        )
        .map_err(|error| internal(format!("{error:#}")))?;
    let world = resolve
        .select_world(&[package], None)
        .map_err(|error| internal(format!("{error:#}")))?;
    generate(GuestLanguage::Cpp, &mut resolve, world)?
        .remove(WIT_HEADER)
        .ok_or_else(|| internal(format!("the C++ generator did not write {WIT_HEADER}")))
}

const WIT_HEADER: &str = "wit.h";

/// Renames the header `exports-….h` of a resource that a C++ guest exports to `….template`, so that it
/// never overwrites the header that the author has edited. The generator itself only does so if it
/// finds the edited header in the working directory.
fn file_name(name: &str) -> String {
    if name.starts_with("exports-") && !name.ends_with(".template") {
        format!("{name}.template")
    } else {
        name.to_owned()
    }
}

/// A core module that implements the imports from one module name on top of a component's imports.
#[repr(C)]
pub struct Adapter {
    pub name: Bytes,
    pub module: Bytes,
}

/// Converts a core module to a component, see [`componentize`]. `kind` is 0 for a command if the module
/// exports `_start` and a reactor otherwise, 1 for a reactor, 2 for a command. `wit_path`, `world` and
/// `features` choose the world as in [`wit::load`] and [`wit::select_world`]; if `wit_path` is empty, the
/// module carries its world.
///
/// # Safety
/// All bytes are readable during the call, `adapters` points at `adapter_count` adapters or is null if
/// there are none; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_componentize(
    module: Bytes,
    kind: u8,
    wit_path: Bytes,
    world: Bytes,
    features: Bytes,
    adapters: *const Adapter,
    adapter_count: usize,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (module, path, name, features) = unsafe {
            (
                module.as_slice(),
                wit_path.as_str()?,
                world.as_str()?,
                features.as_str()?,
            )
        };
        let mut options = ComponentizeOptions {
            kind: ModuleKind::from_raw(kind)?,
            ..ComponentizeOptions::default()
        };
        for index in 0..adapter_count {
            // SAFETY: the caller's promise.
            let adapter = unsafe { &*adapters.add(index) };
            // SAFETY: the caller's promise.
            let adapter = unsafe { (adapter.name.as_str()?, adapter.module.as_slice()) };
            options.adapters.push(adapter);
        }
        let resolve;
        if !path.is_empty() {
            let loaded = wit::load(path, features)?;
            resolve = loaded.0;
            options.world = Some((&resolve, wit::select_world(&resolve, loaded.1, name)?));
        }
        let component = componentize(module, &options)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(component)) };
        Ok(())
    })
}

/// Generates guest bindings, see [`generate_guest_bindings`]. `language` is 0 for C, 1 for C++.
///
/// # Safety
/// `wit_path`, `world` and `features` are readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_bindgen_guest(
    language: u8,
    wit_path: Bytes,
    world: Bytes,
    features: Bytes,
    out: *mut *mut GeneratedFiles,
) -> *mut Error {
    guard(|| {
        let language = GuestLanguage::from_raw(language)?;
        // SAFETY: the caller's promise.
        let (wit_path, world, features) =
            unsafe { (wit_path.as_str()?, world.as_str()?, features.as_str()?) };
        let files = generate_guest_bindings(language, wit_path, world, features)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, files) };
        Ok(())
    })
}

/// Returns how many files there are.
///
/// # Safety
/// `files` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_generated_files_count(
    files: *const GeneratedFiles,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (*files).0.len() }
}

/// Returns the name of a file, relative to the output directory; empty past the last file. Valid until
/// the files are freed.
///
/// # Safety
/// `files` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_generated_files_name(
    files: *const GeneratedFiles,
    index: usize,
) -> Bytes {
    // SAFETY: the caller's promise.
    let files = unsafe { &(*files).0 };
    Bytes::new(files.get(index).map_or(&[], |(name, _)| name.as_bytes()))
}

/// Returns the contents of a file; empty past the last file. Valid until the files are freed.
///
/// # Safety
/// `files` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_generated_files_bytes(
    files: *const GeneratedFiles,
    index: usize,
) -> Bytes {
    // SAFETY: the caller's promise.
    let files = unsafe { &(*files).0 };
    Bytes::new(files.get(index).map_or(&[], |(_, contents)| contents))
}

/// # Safety
/// `files` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_generated_files_free(files: *mut GeneratedFiles) {
    // SAFETY: the caller's promise.
    unsafe { free(files) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

    /// `(module (memory (export "memory") 1) (func (export "_start")))`
    const COMMAND_MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\
        \x05\x03\x01\0\x01\x07\x13\x02\x06memory\x02\0\x06_start\0\0\x0a\x04\x01\x02\0\x0b";

    fn wit_of(component: &[u8]) -> String {
        String::from_utf8_lossy(component).into_owned()
    }

    #[test]
    fn componentize_reports_why_it_refuses_its_input() {
        let code = |bytes: &[u8]| {
            componentize(bytes, &ComponentizeOptions::default())
                .err()
                .map(|error| error.code())
        };
        assert_eq!(code(b""), Some(Code::NotWasm));
        assert_eq!(code(b"(module)"), Some(Code::NotWasm));
        assert_eq!(code(b"\0asm\x0d\0\x01\0"), Some(Code::IsComponent));
        assert_eq!(
            code(b"\0asm\x01\0\0\0\x07\x7f"),
            Some(Code::InvalidComponent)
        );
    }

    #[test]
    fn a_module_without_wasi_gets_no_adapter() {
        let component = componentize(EMPTY_MODULE, &ComponentizeOptions::default()).unwrap();
        assert!(!wit_of(&component).contains("wasi:"));
    }

    #[test]
    fn a_module_with_a_start_function_becomes_a_command() {
        assert!(exports_start(COMMAND_MODULE));
        let component = componentize(COMMAND_MODULE, &ComponentizeOptions::default()).unwrap();
        assert!(wit_of(&component).contains("wasi:cli/run"));
        let component = componentize(
            COMMAND_MODULE,
            &ComponentizeOptions {
                kind: ModuleKind::Reactor,
                ..ComponentizeOptions::default()
            },
        );
        assert!(component.is_err() || !wit_of(&component.unwrap()).contains("wasi:cli/run"));
    }

    #[test]
    fn a_truncated_export_section_is_not_a_command() {
        for end in 8..COMMAND_MODULE.len() - 10 {
            exports_start(&COMMAND_MODULE[..end]);
        }
        assert!(!exports_start(
            b"\0asm\x01\0\0\0\x07\x80\x80\x80\x80\x80\x80"
        ));
    }

    #[test]
    fn errors_in_wit_show_their_location() {
        let directory = std::env::temp_dir().join(format!("tairitsu-wit-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("broken.wit");
        std::fs::write(
            &file,
            "package a:b;\nworld w { export f: func(x: strin); }\n",
        )
        .unwrap();
        let error = generate_guest_bindings(GuestLanguage::C, file.to_str().unwrap(), "", "")
            .err()
            .unwrap();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(
            error.message().contains("broken.wit:2:"),
            "{}",
            error.message()
        );
        assert!(error.message().contains('^'), "{}", error.message());

        std::fs::write(
            &file,
            "package a:b;\nworld w { export f: func(x: string); }\n",
        )
        .unwrap();
        let path = file.to_str().unwrap();
        let error = generate_guest_bindings(GuestLanguage::C, path, "other", "")
            .err()
            .unwrap();
        assert_eq!(error.code(), Code::NotFound);
        let files = generate_guest_bindings(GuestLanguage::Cpp, path, "w", "").unwrap();
        assert!(files.0.iter().any(|(name, _)| name == "w_component_type.o"));
        std::fs::remove_dir_all(&directory).unwrap();
        let error = generate_guest_bindings(GuestLanguage::C, path, "", "")
            .err()
            .unwrap();
        assert_eq!(error.code(), Code::Io);
    }
}
