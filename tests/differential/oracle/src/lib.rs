//! The oracle of the differential test: Wasmtime's own dynamic calls on the bridge's stores.
//!
//! Values cross to C++ as text, which each side prints and parses with its own code. See [`text`] for the grammar.
//! [`wave`] is the oracle for the library's WAVE.

mod text;
mod wave;

use tairitsu_bridge::error::{Code, Error};
use tairitsu_bridge::ffi::{Buffer, Bytes, give, guard};
use tairitsu_bridge::store::Store;
use wasmtime::component::Val;

/// Calls an export of the store's guest. `arguments` has one argument per line. Returns the result as text, which is
/// empty if there is no result.
///
/// # Safety
/// `store` is valid and no call is running in it, `name` and `arguments` are readable, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_oracle_call(
    store: *mut Store,
    name: Bytes,
    arguments: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (store, name, arguments) =
            unsafe { (&mut *store, name.as_str()?, arguments.as_str()?) };
        let result = call(store, name, arguments)?;
        // SAFETY: guaranteed by the caller.
        unsafe { give(out, Buffer(result.into_bytes())) };
        Ok(())
    })
}

fn call(store: &mut Store, name: &str, arguments: &str) -> Result<String, Error> {
    let (store, instance) = store.inner();
    let function = instance
        .and_then(|instance| instance.get_func(&mut *store, name))
        .ok_or_else(|| Error::new(Code::NotFound, format!("function not found: '{name}'")))?;
    let ty = function.ty(&*store);
    let mut lines = arguments.lines();
    let mut parameters = Vec::new();
    for (_, ty) in ty.params() {
        let line = lines.next().unwrap_or_default();
        parameters.push(text::parse(line, &ty).map_err(|message| {
            Error::new(
                Code::InvalidArgument,
                format!("parsing '{line}': {message}"),
            )
        })?);
    }
    let mut results = vec![Val::Bool(false); ty.results().len()];
    function
        .call(store, &parameters, &mut results)
        .map_err(|error| Error::from_wasmtime(&error, Code::Trap))?;
    let mut out = String::new();
    for result in &results {
        text::print(result, &mut out);
    }
    Ok(out)
}
