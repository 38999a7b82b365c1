//! Detects the kind of the input, and converts text to a binary.

use crate::artifact::Trailer;
use crate::binary::{BinaryKind, binary_kind, to_binary, unknown_binary};
use crate::compile_limits::CompileLimits;
use crate::error::{Code, Error};
use std::borrow::Cow;

/// The input, in binary form.
pub(super) enum Given<'a> {
    Component(Cow<'a, [u8]>),
    CoreModule(Cow<'a, [u8]>),
    Artifact(Trailer),
}

pub(super) fn identify(bytes: &[u8]) -> Result<Given<'_>, Error> {
    if bytes.is_empty() {
        return Err(Error::new(Code::NotWasm, "it is empty"));
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Trailer::read(bytes, bytes.len() as u64).map(Given::Artifact);
    }
    let binary = to_binary(bytes)?;
    CompileLimits::default().check(&binary)?;
    match binary_kind(&binary) {
        BinaryKind::Component => Ok(Given::Component(binary)),
        BinaryKind::CoreModule => Ok(Given::CoreModule(binary)),
        BinaryKind::Other => Err(unknown_binary()),
    }
}
