//! WebAssembly backtraces as text, with all frames or without those of language runtimes.

use std::fmt::Write;
use wasmtime::{FrameInfo, WasmBacktrace};

/// A backtrace as text, innermost frame first.
#[derive(Debug, Default)]
pub struct Text {
    /// With one line for adjacent frames of a language runtime, which says how many there are.
    pub short: String,
    /// All frames.
    pub full: String,
}

/// A language runtime whose frames are not shown one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Runtime {
    /// The functions between a panic, an abort or a failed assertion and the trap. Only shortened at the innermost end.
    Panic,
    Python,
    JavaScript,
}

impl Runtime {
    fn name(self) -> &'static str {
        match self {
            Runtime::Panic => "panic or abort machinery",
            Runtime::Python => "the Python interpreter",
            Runtime::JavaScript => "the JavaScript engine",
        }
    }

    /// Recognises a runtime by the names of a function and of its module.
    fn of(function: &str, module: &str) -> Option<Runtime> {
        const PYTHON_MODULES: &[&str] = &["libpython", "libcomponentize_py"];
        const PYTHON: &[&str] = &["Py", "_Py", "componentize_py"];
        const JAVASCRIPT: &[&str] = &[
            "js::",
            "JS::",
            "JS_",
            "mozilla::",
            "JSRuntime::",
            "JSContext::",
            "JSFunction::",
            "JSObject::",
            "JSScript::",
            "JSStructuredCloneData::",
        ];
        const PANIC: &[&str] = &[
            "__rust_start_panic",
            "__rust_end_short_backtrace",
            "rust_panic",
            "rust_begin_unwind",
            "core::panicking::",
            "std::panicking::",
            "std::panic::",
            "std::process::abort",
            "std::sys::backtrace::__rust_end_short_backtrace",
            "panic_abort::",
            "core::option::unwrap_failed",
            "core::option::expect_failed",
            "core::option::Option<T>::expect",
            "core::option::Option<T>::unwrap",
            "core::result::Result<T,E>::expect",
            "core::result::Result<T,E>::unwrap",
            "core::result::unwrap_failed",
            "core::cell::panic_",
            "core::slice::index::slice_",
            "core::str::slice_error_fail",
            "alloc::raw_vec::handle_error",
            "alloc::raw_vec::capacity_overflow",
            "alloc::alloc::handle_alloc_error",
            "std::alloc::rust_oom",
            "std::alloc::default_alloc_error_hook",
            "std::terminate",
            "std::__terminate",
            "std::__1::__libcpp_verbose_abort",
            "abort_message",
            "__cxa_throw",
            "__cxa_pure_virtual",
            "__assert_fail",
        ];
        const PANIC_WHOLE: &[&str] = &["abort", "_abort", "__abort", "__rust_abort"];
        let begins = |names: &[&str]| names.iter().any(|name| function.starts_with(name));
        let plain = function.strip_prefix("__rustc::").unwrap_or(function);
        if PYTHON_MODULES.iter().any(|name| module.starts_with(name)) || begins(PYTHON) {
            return Some(Runtime::Python);
        }
        if begins(JAVASCRIPT) {
            return Some(Runtime::JavaScript);
        }
        let panics = PANIC.iter().any(|name| plain.starts_with(name))
            || PANIC_WHOLE.contains(&plain)
            || plain.contains("::abort_internal");
        panics.then_some(Runtime::Panic)
    }
}

/// Removes the hashes of crates, as in `std[4425a7e20b4c8619]::abort`, and of functions, as in
/// `run::h44c64b51ee63246e`, from a Rust name. A linker may have demangled the name with them.
fn without_hashes(name: &str) -> String {
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let name = match name.rsplit_once("::h") {
        Some((rest, hash)) if is_hash(hash) => rest,
        _ => name,
    };
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('[') {
        let (before, after) = rest.split_at(at);
        plain.push_str(before);
        match after.get(1..17) {
            Some(hash) if is_hash(hash) && after[17..].starts_with(']') => rest = &after[18..],
            _ => {
                plain.push('[');
                rest = &after[1..];
            }
        }
    }
    plain + rest
}

/// Demangles a name and replaces control characters. Names in a guest are untrusted.
fn readable(name: &str) -> String {
    let text = match rustc_demangle::try_demangle(name) {
        Ok(demangled) => demangled.to_string(),
        Err(_) => cpp_demangle::Symbol::new(name)
            .ok()
            .and_then(|symbol| symbol.demangle().ok())
            .unwrap_or_else(|| name.to_owned()),
    };
    without_hashes(&text)
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

struct Frame {
    runtime: Option<Runtime>,
    text: String,
}

/// Formats a frame as Wasmtime's own backtraces do.
fn describe(index: usize, frame: &FrameInfo) -> Frame {
    let module = readable(frame.module().name().unwrap_or("<unknown>"));
    let function = match frame.func_name() {
        Some(name) => readable(name),
        None => format!("<wasm function {}>", frame.func_index()),
    };
    // Writing to a string cannot fail.
    let mut text = format!("  {index:>3}: ");
    if let Some(offset) = frame.module_offset() {
        let _ = write!(text, "{offset:#8x} - ");
    }
    if frame.symbols().is_empty() {
        let _ = write!(text, "{module}!{function}");
    }
    for (i, symbol) in frame.symbols().iter().enumerate() {
        if i > 0 {
            text.push_str("\n                - ");
        }
        match symbol.name() {
            Some(name) => text.push_str(&readable(name)),
            None if i == 0 => text.push_str(&function),
            None => text.push_str("<inlined function>"),
        }
        if let Some(file) = symbol.file() {
            let _ = write!(text, "\n                    at {}", readable(file));
            for number in [symbol.line(), symbol.column()] {
                match number {
                    Some(number) => {
                        let _ = write!(text, ":{number}");
                    }
                    None => break,
                }
            }
        }
    }
    Frame {
        runtime: Runtime::of(&function, &module),
        text,
    }
}

/// Joins the frames; adjacent frames of one runtime become one line.
fn shorten(frames: &[Frame]) -> String {
    let mut lines = Vec::new();
    let mut index = 0;
    while index < frames.len() {
        let runtime = frames[index].runtime;
        let same = frames[index..]
            .iter()
            .take_while(|frame| frame.runtime == runtime)
            .count();
        match runtime {
            // Further out, such a name may belong to the guest's own function.
            Some(found) if same > 1 && (found != Runtime::Panic || index == 0) => {
                lines.push(format!("    …: {same} frames of {}", found.name()));
            }
            _ => lines.extend(
                frames[index..index + same]
                    .iter()
                    .map(|frame| frame.text.clone()),
            ),
        }
        index += same;
    }
    lines.join("\n")
}

/// Formats a backtrace.
pub fn text(backtrace: &WasmBacktrace) -> Text {
    let frames: Vec<Frame> = backtrace
        .frames()
        .iter()
        .enumerate()
        .map(|(index, frame)| describe(index, frame))
        .collect();
    let all: Vec<&str> = frames.iter().map(|frame| frame.text.as_str()).collect();
    Text {
        short: shorten(&frames),
        full: all.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(names: &[&str]) -> Vec<String> {
        let frames: Vec<Frame> = names
            .iter()
            .map(|name| Frame {
                runtime: Runtime::of(&readable(name), "guest"),
                text: readable(name),
            })
            .collect();
        shorten(&frames).lines().map(str::to_owned).collect()
    }

    #[test]
    fn frames_of_a_panic_are_counted() {
        let rust = [
            "abort",
            "std::sys::pal::wasip2::helpers::abort_internal::h0123456789abcdef",
            "__rustc[4425a7e20b4c8619]::__rust_start_panic",
            "__rustc[4425a7e20b4c8619]::rust_panic",
            "std[d123b7a1a2ed1472]::panicking::rust_panic_with_hook",
            "core[6d9e98711c484d2e]::panicking::assert_failed_inner",
            "core::option::unwrap_failed",
            "guest::Component::divide::h44c64b51ee63246e",
            "wit_export",
        ];
        assert_eq!(
            shortened(&rust),
            [
                "    …: 7 frames of panic or abort machinery",
                "guest::Component::divide",
                "wit_export"
            ]
        );
    }

    #[test]
    fn frames_of_interpreters_are_counted_anywhere() {
        let names = [
            "js::RunScript",
            "JS::Call",
            "JS_CallFunction",
            "mine",
            "_PyEval_EvalFrameDefault",
            "PyObject_Call",
        ];
        assert_eq!(
            shortened(&names),
            [
                "    …: 3 frames of the JavaScript engine",
                "mine",
                "    …: 2 frames of the Python interpreter"
            ]
        );
    }

    #[test]
    fn guest_functions_with_names_of_a_runtime_are_kept() {
        let names = ["mine", "abort", "std::panicking::begin_panic", "outer"];
        assert_eq!(shortened(&names), names);
        assert_eq!(shortened(&["abort", "main"]), ["abort", "main"]);
    }

    #[test]
    fn control_characters_in_names_are_replaced() {
        assert_eq!(
            readable("a\x1b[2Jb\nc\u{9b}d\u{7f}"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}"
        );
    }
}
