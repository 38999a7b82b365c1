//! Validates UTF-8 in strings that are long or not ASCII.

use crate::ffi::{Bytes, guard_or};

/// Returns whether the text is valid UTF-8.
///
/// # Safety
/// `text` is readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_is_utf8(text: Bytes) -> bool {
    // SAFETY: the caller's promise.
    let text = unsafe { text.as_slice() };
    guard_or(false, || simdutf8::basic::from_utf8(text).is_ok())
}
