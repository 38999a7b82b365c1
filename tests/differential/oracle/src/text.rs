//! Values as text: one line of ASCII, which can be parsed if the type is known.
//!
//! | type | text |
//! | --- | --- |
//! | bool | `t` or `f` |
//! | integers, char | decimal; a char is its code point |
//! | f32, f64 | the bits, in hexadecimal |
//! | string | `"…"`: printable ASCII as it is, any other byte, `"` and `\` as `\xHH` |
//! | list, tuple | `[a,b]`, `(a,b)` |
//! | record | `{name:a,other:b}` |
//! | variant, enum | `case` or `case(a)` |
//! | option | `none` or `some(a)` |
//! | result | `ok`, `ok(a)`, `error` or `error(a)` |
//! | flags | `<a|b>` |

use wasmtime::component::{Type, Val};

pub fn print(value: &Val, out: &mut String) {
    match value {
        Val::Bool(value) => out.push(if *value { 't' } else { 'f' }),
        Val::S8(value) => out.push_str(&value.to_string()),
        Val::U8(value) => out.push_str(&value.to_string()),
        Val::S16(value) => out.push_str(&value.to_string()),
        Val::U16(value) => out.push_str(&value.to_string()),
        Val::S32(value) => out.push_str(&value.to_string()),
        Val::U32(value) => out.push_str(&value.to_string()),
        Val::S64(value) => out.push_str(&value.to_string()),
        Val::U64(value) => out.push_str(&value.to_string()),
        Val::Float32(value) => out.push_str(&format!("{:08x}", value.to_bits())),
        Val::Float64(value) => out.push_str(&format!("{:016x}", value.to_bits())),
        Val::Char(value) => out.push_str(&u32::from(*value).to_string()),
        Val::String(value) => quote(value, out),
        Val::List(values) => print_sequence(values, ['[', ']'], out),
        Val::Tuple(values) => print_sequence(values, ['(', ')'], out),
        Val::Record(fields) => {
            let mut before = '{';
            for (name, value) in fields {
                out.push(std::mem::replace(&mut before, ','));
                out.push_str(name);
                out.push(':');
                print(value, out);
            }
            out.push('}');
        }
        Val::Variant(case, payload) => print_case(case, payload, out),
        Val::Enum(case) => out.push_str(case),
        Val::Option(None) => out.push_str("none"),
        Val::Option(some) => print_case("some", some, out),
        Val::Result(Ok(payload)) => print_case("ok", payload, out),
        Val::Result(Err(payload)) => print_case("error", payload, out),
        Val::Flags(labels) => out.push_str(&format!("<{}>", labels.join("|"))),
        other => out.push_str(&format!("?{other:?}")),
    }
}

fn print_case(case: &str, payload: &Option<Box<Val>>, out: &mut String) {
    out.push_str(case);
    if let Some(payload) = payload {
        out.push('(');
        print(payload, out);
        out.push(')');
    }
}

fn print_sequence(values: &[Val], brackets: [char; 2], out: &mut String) {
    out.push(brackets[0]);
    for (index, value) in values.iter().enumerate() {
        if index != 0 {
            out.push(',');
        }
        print(value, out);
    }
    out.push(brackets[1]);
}

fn quote(value: &str, out: &mut String) {
    out.push('"');
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => out.push_str(&format!("\\x{byte:02x}")),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
}

/// Parses a value of the type.
pub fn parse(text: &str, ty: &Type) -> Result<Val, String> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(ty)?;
    if parser.at == text.len() {
        Ok(value)
    } else {
        Err(parser.expected("the end"))
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn expected(&self, what: &str) -> String {
        format!("expected {what} at offset {}", self.at)
    }

    fn take(&mut self, token: char) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len_utf8();
        }
        found
    }

    fn expect(&mut self, token: char) -> Result<(), String> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{token}`")))
        }
    }

    /// Reads a name, a number, or the bits of a float.
    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, String> {
        let expected = self.expected("an integer in range");
        self.word().parse().map_err(|_| expected)
    }

    fn bits(&mut self) -> Result<u64, String> {
        let expected = self.expected("hexadecimal bits");
        u64::from_str_radix(self.word(), 16).map_err(|_| expected)
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect('"')?;
        let mut bytes = Vec::new();
        let source = self.text.as_bytes();
        loop {
            match source.get(self.at) {
                None => return Err(self.expected("`\"`")),
                Some(b'"') => break,
                Some(b'\\') => {
                    let digits = self.text.get(self.at + 2..self.at + 4);
                    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    bytes.push(byte.ok_or_else(|| self.expected("an escape"))?);
                    self.at += 4;
                }
                Some(byte) => {
                    bytes.push(*byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        String::from_utf8(bytes).map_err(|_| self.expected("UTF-8"))
    }

    /// Parses the elements of a list, up to the closing bracket.
    fn list(&mut self, close: char, ty: &Type) -> Result<Vec<Val>, String> {
        let mut values = Vec::new();
        while !self.take(close) {
            if !values.is_empty() {
                self.expect(',')?;
            }
            values.push(self.value(ty)?);
        }
        Ok(values)
    }

    fn payload(&mut self, ty: Option<Type>) -> Result<Option<Box<Val>>, String> {
        let Some(ty) = ty else {
            return Ok(None);
        };
        self.expect('(')?;
        let value = self.value(&ty)?;
        self.expect(')')?;
        Ok(Some(Box::new(value)))
    }

    fn value(&mut self, ty: &Type) -> Result<Val, String> {
        Ok(match ty {
            Type::Bool => match self.word() {
                "t" => Val::Bool(true),
                "f" => Val::Bool(false),
                _ => return Err(self.expected("a bool")),
            },
            Type::S8 => Val::S8(self.number()?),
            Type::U8 => Val::U8(self.number()?),
            Type::S16 => Val::S16(self.number()?),
            Type::U16 => Val::U16(self.number()?),
            Type::S32 => Val::S32(self.number()?),
            Type::U32 => Val::U32(self.number()?),
            Type::S64 => Val::S64(self.number()?),
            Type::U64 => Val::U64(self.number()?),
            Type::Float32 => {
                let bits = u32::try_from(self.bits()?).map_err(|_| self.expected("32 bits"))?;
                Val::Float32(f32::from_bits(bits))
            }
            Type::Float64 => Val::Float64(f64::from_bits(self.bits()?)),
            Type::Char => {
                let value = char::from_u32(self.number()?);
                Val::Char(value.ok_or_else(|| self.expected("a char"))?)
            }
            Type::String => Val::String(self.string()?),
            Type::List(ty) => {
                self.expect('[')?;
                Val::List(self.list(']', &ty.ty())?)
            }
            Type::Tuple(ty) => {
                let mut values = Vec::new();
                for (index, ty) in ty.types().enumerate() {
                    self.expect(if index == 0 { '(' } else { ',' })?;
                    values.push(self.value(&ty)?);
                }
                self.expect(')')?;
                Val::Tuple(values)
            }
            Type::Record(ty) => {
                let mut fields = Vec::new();
                for (index, field) in ty.fields().enumerate() {
                    self.expect(if index == 0 { '{' } else { ',' })?;
                    if self.word() != field.name {
                        return Err(self.expected(field.name));
                    }
                    self.expect(':')?;
                    fields.push((field.name.to_string(), self.value(&field.ty)?));
                }
                self.expect('}')?;
                Val::Record(fields)
            }
            Type::Variant(ty) => {
                let name = self.word();
                let case = ty.cases().find(|case| case.name == name);
                let case = case.ok_or_else(|| self.expected("a case"))?;
                Val::Variant(name.to_string(), self.payload(case.ty)?)
            }
            Type::Enum(_) => Val::Enum(self.word().to_string()),
            Type::Option(ty) => match self.word() {
                "none" => Val::Option(None),
                "some" => Val::Option(self.payload(Some(ty.ty()))?),
                _ => return Err(self.expected("an option")),
            },
            Type::Result(ty) => match self.word() {
                "ok" => Val::Result(Ok(self.payload(ty.ok())?)),
                "error" => Val::Result(Err(self.payload(ty.err())?)),
                _ => return Err(self.expected("a result")),
            },
            Type::Flags(_) => {
                self.expect('<')?;
                let mut labels = Vec::new();
                while !self.take('>') {
                    if !labels.is_empty() {
                        self.expect('|')?;
                    }
                    labels.push(self.word().to_string());
                }
                Val::Flags(labels)
            }
            other => return Err(format!("unsupported type: {other:?}")),
        })
    }
}
