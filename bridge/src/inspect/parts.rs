//! The parts of a file and its items, as C++ reads them.

use crate::error::{Code, Error};
use serde::Serialize;

/// The most bytes of text in one result: a component can use a name a million times.
pub(super) const MAX_TEXT: usize = 64 << 20;
/// The overhead of each name in a result, in bytes.
const NAME_SIZE: usize = 64;

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidComponent, message)
}

pub(super) fn damaged(error: wasmparser::Error) -> Error {
    invalid(format!(
        "it is damaged or truncated, or newer than this program: {error}"
    ))
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Component,
    CoreModule,
    WitPackage,
    Artifact,
}

/// A component or module in the file.
#[derive(Serialize)]
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// The size of the binary, even if the input was text.
    pub(super) size: usize,
    /// Field, name, version.
    pub(super) producers: Vec<(String, String, String)>,
    /// Key, such as `licenses`, and value.
    pub(super) annotations: Vec<(String, String)>,
    pub(super) custom_sections: Vec<(String, usize)>,
    pub(super) parts: Vec<Part>,
}

/// An import or export. Interfaces have items, and so have the modules that a core module imports from.
#[derive(Serialize)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) kind: ItemKind,
    /// For example `func(name: string) -> string`; empty if WIT cannot express it.
    #[serde(rename = "type")]
    pub(super) function_type: String,
    pub(super) items: Vec<Item>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(super) enum ItemKind {
    Interface,
    World,
    Function,
    Resource,
    Type,
    Value,
    Component,
    Module,
    Memory,
    Table,
    Global,
    Tag,
}

impl Item {
    pub(super) fn new(name: String, kind: ItemKind) -> Item {
        Item {
            name,
            kind,
            function_type: String::new(),
            items: Vec::new(),
        }
    }
}

impl Part {
    pub(super) fn new(kind: Kind, size: usize) -> Part {
        Part {
            kind,
            name: String::new(),
            size,
            producers: Vec::new(),
            annotations: Vec::new(),
            custom_sections: Vec::new(),
            parts: Vec::new(),
        }
    }
}

/// How many bytes of text the result may still grow by.
pub(super) struct Budget(pub(super) usize);

impl Budget {
    pub(super) fn take(&mut self, name: &str) -> Result<String, Error> {
        match self.0.checked_sub(name.len() + NAME_SIZE) {
            Some(left) => self.0 = left,
            None => {
                let most = MAX_TEXT >> 20;
                return Err(invalid(format!("its names take more than {most} MiB")));
            }
        }
        Ok(name.to_owned())
    }
}
