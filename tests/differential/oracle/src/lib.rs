//! The oracle of the differential test: Wasmtime's own dynamic calls, on the bridge's stores.
//!
//! Values cross to C++ as text, printed and parsed by each side alone. See [`text`] for its grammar.
//! [`wave`] is the oracle of another such text, the library's own.

mod text;
mod wave;

use tairitsu_bridge::error::{Code, Error};
use tairitsu_bridge::ffi::{Buffer, Bytes, give, guard};
use tairitsu_bridge::store::Store;
use wasmtime::component::Val;

/// Calls an export of the store's guest with the arguments that `arguments` spells, one a line, and
/// gives its result as text, empty where it has none.
///
/// # Safety
/// `store` is live and no call runs in it; the rest is readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_oracle_call(
    store: *mut Store,
    name: Bytes,
    arguments: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (store, name, arguments) =
            unsafe { (&mut *store, name.as_str()?, arguments.as_str()?) };
        let result = call(store, name, arguments)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(result.into_bytes())) };
        Ok(())
    })
}

fn call(store: &mut Store, name: &str, arguments: &str) -> Result<String, Error> {
    let (store, instance) = store.inner();
    let function = instance
        .and_then(|instance| instance.get_func(&mut *store, name))
        .ok_or_else(|| Error::new(Code::NotFound, format!("the guest has no function {name}")))?;
    let ty = function.ty(&*store);
    let mut lines = arguments.lines();
    let mut parameters = Vec::new();
    for (_, ty) in ty.params() {
        let line = lines.next().unwrap_or_default();
        parameters.push(text::parse(line, &ty).map_err(|message| {
            Error::new(Code::InvalidArgument, format!("{message} in `{line}`"))
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
