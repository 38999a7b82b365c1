//! WAVE as its reference implementation, the crate wasm-wave, reads and writes it.

use tairitsu_bridge::error::{Code, Error};
use tairitsu_bridge::ffi::{Buffer, Bytes, give, guard};
use wasm_wave::untyped::UntypedFuncCall;
use wasm_wave::value::{Type, Value};
use wasm_wave::wasm::DisplayFuncArgs;

/// Parses `text` as a value of a type, and returns the value as wasm-wave writes it. The type is WIT with the
/// definitions of named types written out: `record { id: u32, tags: list<string> }`.
///
/// # Safety
/// The parameters are readable, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_oracle_wave(
    ty: Bytes,
    text: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (ty, text) = unsafe { (ty.as_str()?, text.as_str()?) };
        let ty = whole(ty, Parser::value_type).map_err(bad_type)?;
        let value: Value = wasm_wave::from_str(&ty, text).map_err(rejected)?;
        let written = wasm_wave::to_string(&value).map_err(rejected)?;
        // SAFETY: guaranteed by the caller.
        unsafe { give(out, Buffer(written.into_bytes())) };
        Ok(())
    })
}

/// Parses `call`, which is `name(arguments)`, as a call of a function of type `func(a: u8, b: string) -> u8`.
/// Returns the arguments as wasm-wave writes them, in parentheses.
///
/// # Safety
/// The parameters are readable, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_oracle_wave_call(
    function: Bytes,
    call: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (function, call) = unsafe { (function.as_str()?, call.as_str()?) };
        let types = whole(function, Parser::parameters).map_err(bad_type)?;
        let call = UntypedFuncCall::parse(call).map_err(rejected)?;
        let values: Vec<Value> = call.to_wasm_params(&types).map_err(rejected)?;
        let written = DisplayFuncArgs(&values).to_string();
        // SAFETY: guaranteed by the caller.
        unsafe { give(out, Buffer(written.into_bytes())) };
        Ok(())
    })
}

fn bad_type(message: String) -> Error {
    Error::new(Code::UnsupportedType, message)
}

fn rejected(error: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidArgument, error.to_string())
}

fn whole<'a, T>(
    text: &'a str,
    parse: impl FnOnce(&mut Parser<'a>) -> Result<T, String>,
) -> Result<T, String> {
    let mut parser = Parser { rest: text };
    let parsed = parse(&mut parser)?;
    parser.space();
    if parser.rest.is_empty() {
        Ok(parsed)
    } else {
        Err(parser.expected("the end"))
    }
}

/// Parses types in WIT.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn expected(&self, what: &str) -> String {
        format!("expected {what} before `{}`", self.rest)
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.expected(token))
        }
    }

    fn word(&mut self) -> Result<&'a str, String> {
        self.space();
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if word.is_empty() {
            return Err(self.expected("a word"));
        }
        self.rest = rest;
        Ok(word)
    }

    /// Parses items up to `close`, after the opening bracket.
    fn items<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        while !self.take(close) {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn labels(&mut self) -> Result<Vec<&'a str>, String> {
        self.expect("{")?;
        self.items("}", Self::word)
    }

    fn value_type(&mut self) -> Result<Type, String> {
        let empty = || "type without members".to_string();
        Ok(match self.word()? {
            "bool" => Type::BOOL,
            "s8" => Type::S8,
            "u8" => Type::U8,
            "s16" => Type::S16,
            "u16" => Type::U16,
            "s32" => Type::S32,
            "u32" => Type::U32,
            "s64" => Type::S64,
            "u64" => Type::U64,
            "f32" => Type::F32,
            "f64" => Type::F64,
            "char" => Type::CHAR,
            "string" => Type::STRING,
            "list" => Type::list(self.argument()?),
            "option" => Type::option(self.argument()?),
            "result" => {
                let mut parts = if self.take("<") {
                    self.items(">", Self::optional_type)?.into_iter()
                } else {
                    Vec::new().into_iter()
                };
                Type::result(parts.next().flatten(), parts.next().flatten())
            }
            "tuple" => {
                self.expect("<")?;
                Type::tuple(self.items(">", Self::value_type)?).ok_or_else(empty)?
            }
            "record" => {
                self.expect("{")?;
                Type::record(self.items("}", Self::field)?).ok_or_else(empty)?
            }
            "variant" => {
                self.expect("{")?;
                Type::variant(self.items("}", Self::case)?).ok_or_else(empty)?
            }
            "enum" => Type::enum_ty(self.labels()?).ok_or_else(empty)?,
            "flags" => Type::flags(self.labels()?).ok_or_else(empty)?,
            other => return Err(format!("unsupported type: `{other}`")),
        })
    }

    fn argument(&mut self) -> Result<Type, String> {
        self.expect("<")?;
        let ty = self.value_type()?;
        self.expect(">")?;
        Ok(ty)
    }

    fn optional_type(&mut self) -> Result<Option<Type>, String> {
        if self.take("_") {
            return Ok(None);
        }
        self.value_type().map(Some)
    }

    fn field(&mut self) -> Result<(&'a str, Type), String> {
        let name = self.word()?;
        self.expect(":")?;
        Ok((name, self.value_type()?))
    }

    fn case(&mut self) -> Result<(&'a str, Option<Type>), String> {
        let name = self.word()?;
        if !self.take("(") {
            return Ok((name, None));
        }
        let payload = self.value_type()?;
        self.expect(")")?;
        Ok((name, Some(payload)))
    }

    /// Parses the parameter types of a function, and ignores its result.
    fn parameters(&mut self) -> Result<Vec<Type>, String> {
        self.expect("func")?;
        self.expect("(")?;
        let fields = self.items(")", Self::field)?;
        if self.take("->") {
            self.value_type()?;
        }
        Ok(fields.into_iter().map(|(_, ty)| ty).collect())
    }
}
