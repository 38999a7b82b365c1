//! Detects the kind of a WebAssembly binary, and converts WebAssembly text to a binary.

use crate::error::{Code, Error};
use std::borrow::Cow;

const BINARY_MAGIC: &[u8] = b"\0asm";

/// The kind of a WebAssembly binary, according to its preamble.
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

fn parse_text(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let not_wasm = || {
        Error::new(
            Code::NotWasm,
            "not WebAssembly: neither a binary (which begins with '\\0asm') nor text",
        )
    };
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err(Error::new(
            Code::NotWasm,
            "expected WebAssembly, found a precompiled artifact: load it as an artifact, if you trust its source",
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| not_wasm())?;
    if !text.trim_start().starts_with(['(', ';']) {
        return Err(not_wasm());
    }
    wat::parse_str(text)
        .map_err(|e| Error::new(Code::NotWasm, format!("invalid WebAssembly text: {e}")))
}

/// Returns the bytes if they are binary, and converts them if they are text. Fails with `NotWasm`.
pub fn to_binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    match bytes.starts_with(BINARY_MAGIC) {
        true => Ok(Cow::Borrowed(bytes)),
        false => parse_text(bytes).map(Cow::Owned),
    }
}

/// The error for a component given as a core module.
pub fn is_component() -> Error {
    Error::new(
        Code::IsComponent,
        "expected a core module, found a component",
    )
}

/// The error for [`BinaryKind::Other`].
pub fn unknown_binary() -> Error {
    Error::new(
        Code::NotWasm,
        "unknown WebAssembly version, or a truncated binary",
    )
}
