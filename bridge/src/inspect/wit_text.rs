//! Prints the WIT of a component, or of the world that a core module carries.

use super::outline::Outline;
use super::parts::{MAX_TEXT, damaged, invalid};
use super::source::{Given, identify};
use crate::error::{Code, Error};
use crate::wit;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use wasmparser::{Parser, Payload};
use wit_component::{DecodedWasm, Output, OutputToString, WitPrinter};
use wit_parser::{PackageId, Resolve};

/// Returns the WIT of a component, of a core module that carries its world, or of a WIT package encoded
/// as WebAssembly.
pub(super) fn wit_of(bytes: &[u8]) -> Result<String, Error> {
    match identify(bytes)? {
        Given::Component(component) => {
            let decoded = decode(&component, &Outline::read(&component)?)?;
            quietly(|| print(decoded.resolve(), decoded.package()))
        }
        Given::CoreModule(module) => wit_of_module(&module),
        Given::Artifact(_) => Err(Error::new(
            Code::NotWasm,
            "a precompiled artifact contains no WIT: use the component that it was compiled from",
        )),
    }
}

/// Fails if a core module carries a world for which wit-parser does not terminate. Call this before
/// wit-component decodes an untrusted module.
pub fn check_carried_worlds(module: &[u8]) -> Result<(), Error> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) = payload.map_err(damaged)?
            && section.name().starts_with("component-type")
        {
            let component = match section.data() {
                // The old form: a version, an encoding, the world's name, and an encoded WIT package.
                [3, _, rest @ ..] => after_name(rest).unwrap_or_default(),
                component => component,
            };
            Outline::read(component)?.check_packages()?;
        }
    }
    Ok(())
}

fn after_name(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = wasmparser::BinaryReader::new(bytes, 0);
    reader.read_string().ok()?;
    bytes.get(reader.original_position()..)
}

fn wit_of_module(module: &[u8]) -> Result<String, Error> {
    check_carried_worlds(module)?;
    quietly(|| {
        let (rest, decoded) = wit_component::metadata::decode(module)
            .map_err(|error| invalid(format!("invalid world: {error:#}")))?;
        if rest.is_none() {
            return Err(Error::new(
                Code::IsCoreModule,
                "this core module carries no WIT: only components do, and core modules linked with guest bindings",
            ));
        }
        let world = &decoded.resolve.worlds[decoded.world];
        let package = world
            .package
            .ok_or_else(|| invalid("its world has no package"))?;
        print(&decoded.resolve, package)
    })
}

/// Decodes the component that `outline` was read from.
pub(super) fn decode(component: &[u8], outline: &Outline) -> Result<DecodedWasm, Error> {
    outline.check_packages()?;
    quietly(|| {
        let decoded = wit_component::decode(component)
            .map_err(|error| invalid(format!("WIT cannot express it: {error:#}")))?;
        wit::check_size(decoded.resolve())
            .map_err(|error| invalid(format!("WIT cannot express it: {}", error.message())))?;
        Ok(decoded)
    })
}

/// Calls the decoder or printer of WIT, and turns their panics into errors without printing them. They panic if WIT
/// cannot express a component.
pub(super) fn quietly<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    thread_local! {
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    QUIET.set(true);
    // AssertUnwindSafe: nothing uses what the decoder left half done.
    let outcome = catch_unwind(AssertUnwindSafe(body));
    QUIET.set(false);
    outcome.unwrap_or_else(|_| Err(invalid("WIT cannot express its imports or exports")))
}

/// Prints the package `main`, then all other packages nested in braces.
pub(super) fn print(resolve: &Resolve, main: PackageId) -> Result<String, Error> {
    let packages = resolve.packages.iter().map(|(package, _)| package);
    let others = packages.filter(|package| *package != main);
    let mut printer = WitPrinter::new(WitText::new(MAX_TEXT));
    printer
        .print(resolve, main, &others.collect::<Vec<_>>())
        .map_err(|error| invalid(format!("WIT cannot express it: {error:#}")))?;
    let most = MAX_TEXT >> 20;
    let too_long = || invalid(format!("its WIT is longer than {most} MiB"));
    printer.output.take().ok_or_else(too_long)
}

/// Collects text up to a limit, and replaces the characters that the WIT parser refuses. The documentation that a
/// component carries is untrusted, and could contain control sequences for a terminal.
pub(super) struct WitText {
    text: OutputToString,
    left: Option<usize>,
}

impl WitText {
    pub(super) fn new(limit: usize) -> WitText {
        WitText {
            text: OutputToString::default(),
            left: Some(limit),
        }
    }

    /// Returns `None` if the text exceeds the limit.
    pub(super) fn take(self) -> Option<String> {
        self.left.map(|_| self.text.into())
    }
}

impl Output for WitText {
    fn push_str(&mut self, src: &str) {
        self.left = self.left.and_then(|left| left.checked_sub(src.len()));
        if self.left.is_none() {
            return;
        }
        match src.contains(refused) {
            true => self.text.push_str(&src.replace(refused, "\u{fffd}")),
            false => self.text.push_str(src),
        }
    }

    fn indent_if_needed(&mut self) -> bool {
        self.text.indent_if_needed()
    }

    fn indent_start(&mut self) {
        self.text.indent_start();
    }

    fn indent_end(&mut self) {
        self.text.indent_end();
    }

    fn newline(&mut self) {
        self.text.newline();
    }
}

/// Mirrors `detect_invalid_input` of wit-parser's lexer: control characters except tabs, characters that change the
/// direction of text, and characters that Unicode discourages.
fn refused(letter: char) -> bool {
    match letter {
        '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{149}' | '\u{673}' | '\u{f77}' | '\u{f79}' | '\u{17a3}' | '\u{17a4}' | '\u{17b4}'
        | '\u{17b5}' => true,
        _ => letter.is_control(),
    }
}
