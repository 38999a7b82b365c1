//! Limits on what is compiled, checked before compilation by a walk over the binary that allocates almost nothing.
//!
//! A compiler's time and memory do not only depend on the size of its input. These limits bound the constructs that
//! make a small binary expensive.

use crate::error::{Code, Error};
use wasmparser::{FromReader, FunctionBody, Operator, Parser, Payload, SectionLimited};

/// Mirrors `tairitsu::CompileLimits`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CompileLimits {
    /// How deep blocks, loops and conditions are nested.
    pub nesting: u32,
    /// The size of a function's body, in bytes.
    pub function_bytes: u64,
    /// Functions in all core modules together.
    pub functions: u32,
    /// Components and core modules, at any depth.
    pub modules: u32,
    /// How deep components are nested.
    pub module_depth: u32,
    /// Types, imports, exports, instances, aliases and canonical functions, at any depth.
    pub items: u32,
    pub source_bytes: u64,
}

/// The defaults of `tairitsu::CompileLimits`, used for inspection without an engine.
impl Default for CompileLimits {
    fn default() -> CompileLimits {
        CompileLimits {
            nesting: 5_000,
            function_bytes: 4 << 20,
            functions: 500_000,
            modules: 1_000,
            module_depth: 50,
            items: 500_000,
            source_bytes: 256 << 20,
        }
    }
}

fn check_one(what: &str, option: &str, found: u64, limit: u64) -> Result<(), Error> {
    match found > limit {
        true => Err(Error::new(
            Code::CompileLimit,
            format!(
                "too large to compile: {found} {what}; the limit is {limit} (CompileLimits::{option})"
            ),
        )),
        false => Ok(()),
    }
}

#[derive(Default)]
struct Counts {
    functions: u64,
    modules: u64,
    items: u64,
}

impl CompileLimits {
    /// Fails with `CompileLimit` if the binary exceeds a limit. A binary that does not parse passes: the compiler
    /// refuses it.
    pub fn check(&self, binary: &[u8]) -> Result<(), Error> {
        check_one(
            "bytes",
            "source_bytes",
            binary.len() as u64,
            self.source_bytes,
        )?;
        let mut counts = Counts::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(binary) {
            let Ok(payload) = payload else {
                return Ok(());
            };
            match &payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    counts.modules += 1;
                    depth += 1;
                    let deepest = u64::from(self.module_depth);
                    check_one(
                        "nested modules",
                        "modules",
                        counts.modules,
                        self.modules.into(),
                    )?;
                    check_one("levels of modules", "module_depth", depth.into(), deepest)?;
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CodeSectionStart { count, size, .. } => {
                    counts.functions += plausible(*count, *size as usize);
                    let most = u64::from(self.functions);
                    check_one("functions", "functions", counts.functions, most)?;
                }
                Payload::CodeSectionEntry(body) => self.check_body(body)?,
                other => {
                    counts.items += items(other);
                    check_one("items", "items", counts.items, self.items.into())?;
                }
            }
        }
        Ok(())
    }

    fn check_body(&self, body: &FunctionBody) -> Result<(), Error> {
        let size = body.range().len() as u64;
        check_one(
            "bytes in a function",
            "function_bytes",
            size,
            self.function_bytes,
        )?;
        // A block takes at least two bytes.
        if size / 2 <= u64::from(self.nesting) {
            return Ok(());
        }
        let Ok(mut operators) = body.get_operators_reader() else {
            return Ok(());
        };
        let mut nesting = 0_u32;
        while let Ok(operator) = operators.read() {
            match operator {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Try { .. }
                | Operator::TryTable { .. } => nesting += 1,
                Operator::End => nesting = nesting.saturating_sub(1),
                _ => {}
            }
            check_one(
                "nested blocks",
                "nesting",
                nesting.into(),
                self.nesting.into(),
            )?;
        }
        Ok(())
    }
}

/// Returns `count`, or 0 if that many items do not fit into `bytes` with at least one byte each. Such a section does
/// not parse: the compiler refuses it.
fn plausible(count: u32, bytes: usize) -> u64 {
    match count as usize <= bytes {
        true => count.into(),
        false => 0,
    }
}

fn count<'a, T: FromReader<'a>>(section: &SectionLimited<'a, T>) -> u64 {
    plausible(section.count(), section.range().len())
}

/// Returns how many items a section has.
fn items(payload: &Payload) -> u64 {
    match payload {
        Payload::TypeSection(section) => count(section),
        Payload::ImportSection(section) => count(section),
        Payload::ExportSection(section) => count(section),
        Payload::GlobalSection(section) => count(section),
        Payload::TableSection(section) => count(section),
        Payload::ElementSection(section) => count(section),
        Payload::DataSection(section) => count(section),
        Payload::InstanceSection(section) => count(section),
        Payload::CoreTypeSection(section) => count(section),
        Payload::ComponentInstanceSection(section) => count(section),
        Payload::ComponentAliasSection(section) => count(section),
        Payload::ComponentTypeSection(section) => count(section),
        Payload::ComponentCanonicalSection(section) => count(section),
        Payload::ComponentImportSection(section) => count(section),
        Payload::ComponentExportSection(section) => count(section),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limits: &CompileLimits, text: &str) -> Option<Code> {
        let binary = wat::parse_str(text).unwrap();
        limits.check(&binary).err().map(|error| error.code())
    }

    const LIMITED: Option<Code> = Some(Code::CompileLimit);

    #[test]
    fn bounds_the_nesting_of_code() {
        let code = |depth: usize| {
            format!(
                "(module (func {} {}))",
                "block ".repeat(depth),
                "end ".repeat(depth)
            )
        };
        let limits = CompileLimits {
            nesting: 100,
            ..CompileLimits::default()
        };
        assert_eq!(check(&limits, &code(99)), None);
        assert_eq!(check(&limits, &code(101)), LIMITED);
    }

    #[test]
    fn leaves_an_impossible_count_to_the_compiler() {
        // A type section of four bytes that claims to have 999,999 types.
        let binary = b"\0asm\x01\0\0\0\x01\x04\xbf\x84\x3d\0";
        let limits = CompileLimits::default();
        assert!(limits.check(binary).is_ok());
    }

    #[test]
    fn bounds_functions_and_their_size() {
        let limits = CompileLimits {
            functions: 2,
            function_bytes: 100,
            ..CompileLimits::default()
        };
        assert_eq!(check(&limits, "(module (func) (func))"), None);
        assert_eq!(check(&limits, "(module (func) (func) (func))"), LIMITED);
        let long = format!("(module (func {}))", "nop ".repeat(200));
        assert_eq!(check(&limits, &long), LIMITED);
    }

    #[test]
    fn bounds_modules_their_depth_and_items() {
        let limits = CompileLimits {
            modules: 4,
            module_depth: 2,
            items: 3,
            ..CompileLimits::default()
        };
        let module = "(core module)";
        assert_eq!(
            check(&limits, &format!("(component {})", module.repeat(4))),
            None
        );
        assert_eq!(
            check(&limits, &format!("(component {})", module.repeat(5))),
            LIMITED
        );
        assert_eq!(check(&limits, "(component (component (component)))"), None);
        assert_eq!(
            check(&limits, "(component (component (component (component))))"),
            LIMITED
        );
        let types = |count: usize| format!("(component {})", "(type u8)".repeat(count));
        assert_eq!(check(&limits, &types(3)), None);
        assert_eq!(check(&limits, &types(4)), LIMITED);
    }
}
