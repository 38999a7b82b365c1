//! Reads the parts, imports and exports of a binary. Function bodies are not read.

use super::packages::Packages;
use super::parts::{Budget, Item, ItemKind, Kind, MAX_TEXT, Part, damaged, invalid};
use crate::error::{Code, Error};
use std::collections::HashMap;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentItem};
use wasmparser::types::Types;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, CustomSectionReader, Encoding,
    ExternalKind, Import, KnownCustom, Name, NameMap, Parser, Payload, TypeRef, ValidPayload,
    Validator, WasmFeatures,
};

/// How deep components may be nested.
pub(super) const MAX_DEPTH: usize = 100;
/// The longest chain of packages that each use types of the next.
const MAX_PACKAGES: usize = 200;

/// Custom sections that contain text: annotations of OCI images, which `wasm-tools metadata` writes.
const ANNOTATIONS: &[&str] = &[
    "authors",
    "description",
    "homepage",
    "licenses",
    "revision",
    "source",
    "version",
];

/// What was read from a binary, which is valid except perhaps for the bodies of its functions.
pub(super) struct Outline {
    types: Types,
    pub(super) imports: Vec<Item>,
    pub(super) exports: Vec<Item>,
    /// The indices of a component's imports and exports, in the order of the binary.
    order: Vec<(Side, usize)>,
    pub(super) root: Part,
    pub(super) budget: Budget,
}

#[derive(Clone, Copy)]
enum Side {
    Imports,
    Exports,
}

fn find_item<'a>(types: &'a Types, side: Side, name: &str) -> Option<&'a ComponentItem> {
    match side {
        Side::Imports => types.component_item_for_import(name),
        Side::Exports => types.component_item_for_export(name),
    }
}

impl Outline {
    pub(super) fn read(binary: &[u8]) -> Result<Outline, Error> {
        let mut reader = Reader::new(binary.len());
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        for payload in Parser::new(0).parse_all(binary) {
            let payload = payload.map_err(damaged)?;
            let valid = validator
                .payload(&payload)
                .map_err(|error| invalid(format!("validation failed: {error}")))?;
            match valid {
                ValidPayload::End(types) if reader.parents.is_empty() => {
                    return reader.finish(types);
                }
                _ => reader.read(payload)?,
            }
        }
        Err(invalid("it is truncated: end not found"))
    }

    /// Fails if packages use each other's types in a cycle or in a long chain. wit-parser follows the uses
    /// of packages and does not terminate on a cycle, which a component may contain.
    pub(super) fn check_packages(&self) -> Result<(), Error> {
        let mut packages = Packages::new(&self.types);
        for (side, index) in &self.order {
            let item = match side {
                Side::Imports => &self.imports[*index],
                Side::Exports => &self.exports[*index],
            };
            if let Some(found) = find_item(&self.types, *side, &item.name) {
                packages.visit(&item.name, found);
            }
        }
        match packages.longest_chain() {
            None => Err(invalid(
                "WIT cannot express it: packages of its interfaces use each other's types",
            )),
            Some(length) if length > MAX_PACKAGES => Err(invalid(format!(
                "its packages use each other's types in a chain of more than {MAX_PACKAGES}"
            ))),
            Some(_) => Ok(()),
        }
    }
}

/// The state of reading.
struct Reader {
    current: OpenPart,
    parents: Vec<OpenPart>,
    imports: Vec<Item>,
    exports: Vec<Item>,
    order: Vec<(Side, usize)>,
    /// For each module that a core module imports from, its index in `imports`.
    modules: HashMap<String, usize>,
    budget: Budget,
}

impl Reader {
    fn new(size: usize) -> Reader {
        Reader {
            current: OpenPart::new(Kind::Component, size),
            parents: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            order: Vec::new(),
            modules: HashMap::new(),
            budget: Budget(MAX_TEXT),
        }
    }

    fn read(&mut self, payload: Payload<'_>) -> Result<(), Error> {
        let at_root = self.parents.is_empty();
        match payload {
            Payload::Version { encoding, .. } if at_root && encoding == Encoding::Module => {
                self.current.part.kind = Kind::CoreModule;
            }
            Payload::ModuleSection {
                unchecked_range, ..
            } => self.open(Kind::CoreModule, unchecked_range.len())?,
            Payload::ComponentSection {
                unchecked_range, ..
            } => self.open(Kind::Component, unchecked_range.len())?,
            Payload::End(_) => {
                if let Some(parent) = self.parents.pop() {
                    let part = std::mem::replace(&mut self.current, parent).close();
                    self.current.part.parts.push(part);
                }
            }
            Payload::CustomSection(section) => {
                self.current.add_section(&section, &mut self.budget)?;
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import.map_err(damaged)?;
                    self.current.count(import.ty.kind());
                    if at_root {
                        let name = self.budget.take(import.name.name)?;
                        self.order.push((Side::Imports, self.imports.len()));
                        self.imports.push(Item::new(name, ItemKind::Value));
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export.map_err(damaged)?;
                    self.current.count(export.kind);
                    if at_root {
                        let name = self.budget.take(export.name.name)?;
                        self.order.push((Side::Exports, self.exports.len()));
                        self.exports.push(Item::new(name, ItemKind::Value));
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.current.count_alias(&alias.map_err(damaged)?);
                }
            }
            Payload::ImportSection(section) if at_root => {
                for import in section.into_imports() {
                    self.add_module_import(&import.map_err(damaged)?)?;
                }
            }
            Payload::ExportSection(section) if at_root => {
                for export in section {
                    let export = export.map_err(damaged)?;
                    let name = self.budget.take(export.name)?;
                    self.exports.push(Item::new(name, core_kind(export.kind)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind, size: usize) -> Result<(), Error> {
        if self.parents.len() == MAX_DEPTH {
            return Err(invalid(format!(
                "its components are nested deeper than {MAX_DEPTH}"
            )));
        }
        let part = self.current.open(kind, size);
        self.parents
            .push(std::mem::replace(&mut self.current, part));
        Ok(())
    }

    fn add_module_import(&mut self, import: &Import<'_>) -> Result<(), Error> {
        let kind = match import.ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => ItemKind::Function,
            TypeRef::Table(_) => ItemKind::Table,
            TypeRef::Memory(_) => ItemKind::Memory,
            TypeRef::Global(_) => ItemKind::Global,
            TypeRef::Tag(_) => ItemKind::Tag,
        };
        let item = Item::new(self.budget.take(import.name)?, kind);
        if let Some(index) = self.modules.get(import.module) {
            self.imports[*index].items.push(item);
            return Ok(());
        }
        let module = self.budget.take(import.module)?;
        self.modules.insert(module.clone(), self.imports.len());
        let mut module = Item::new(module, ItemKind::Module);
        module.items.push(item);
        self.imports.push(module);
        Ok(())
    }

    fn finish(mut self, types: Types) -> Result<Outline, Error> {
        if self.current.part.kind == Kind::Component {
            for import in &mut self.imports {
                complete(import, Side::Imports, &types, &mut self.budget)?;
            }
            for export in &mut self.exports {
                complete(export, Side::Exports, &types, &mut self.budget)?;
            }
        }
        Ok(Outline {
            types,
            imports: self.imports,
            exports: self.exports,
            order: self.order,
            root: self.current.close(),
            budget: self.budget,
        })
    }
}

/// Sets the kind of a component's import or export, and adds the items of an interface.
fn complete(item: &mut Item, side: Side, types: &Types, budget: &mut Budget) -> Result<(), Error> {
    let Some(found) = find_item(types, side, &item.name) else {
        return Err(Error::new(
            Code::Internal,
            format!("type of '{}' not found", item.name),
        ));
    };
    item.kind = component_kind(found);
    if let ComponentEntityType::Instance(instance) = found.ty {
        for (name, inner) in &types[instance].exports {
            item.items
                .push(Item::new(budget.take(name)?, component_kind(inner)));
        }
    }
    Ok(())
}

fn component_kind(item: &ComponentItem) -> ItemKind {
    match item.ty {
        ComponentEntityType::Module(_) => ItemKind::Module,
        ComponentEntityType::Func(_) => ItemKind::Function,
        ComponentEntityType::Value(_) => ItemKind::Value,
        ComponentEntityType::Type {
            created: ComponentAnyTypeId::Resource(_),
            ..
        } => ItemKind::Resource,
        ComponentEntityType::Type { .. } => ItemKind::Type,
        ComponentEntityType::Instance(_) => ItemKind::Interface,
        ComponentEntityType::Component(_) => ItemKind::Component,
    }
}

fn core_kind(kind: ExternalKind) -> ItemKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ItemKind::Function,
        ExternalKind::Table => ItemKind::Table,
        ExternalKind::Memory => ItemKind::Memory,
        ExternalKind::Global => ItemKind::Global,
        ExternalKind::Tag => ItemKind::Tag,
    }
}

/// A part whose end was not reached yet.
struct OpenPart {
    part: Part,
    /// How many indices of modules and components are taken. Names refer to these indices.
    modules: u32,
    components: u32,
    /// The index of each of `part.parts`.
    indices: Vec<(Kind, u32)>,
    /// The names of indices.
    names: HashMap<(Kind, u32), String>,
}

impl OpenPart {
    fn new(kind: Kind, size: usize) -> OpenPart {
        OpenPart {
            part: Part::new(kind, size),
            modules: 0,
            components: 0,
            indices: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// Begins a part of this one.
    fn open(&mut self, kind: Kind, size: usize) -> OpenPart {
        let count = match kind {
            Kind::CoreModule => &mut self.modules,
            _ => &mut self.components,
        };
        self.indices.push((kind, *count));
        *count += 1;
        OpenPart::new(kind, size)
    }

    /// Counts an import or export, which takes an index too.
    fn count(&mut self, kind: ComponentExternalKind) {
        match kind {
            ComponentExternalKind::Module => self.modules += 1,
            ComponentExternalKind::Component => self.components += 1,
            _ => {}
        }
    }

    fn count_alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::InstanceExport { kind, .. } => self.count(*kind),
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::CoreModule,
                ..
            } => self.modules += 1,
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                ..
            } => self.components += 1,
            _ => {}
        }
    }

    /// Reads a custom section up to the first error, which is ignored: the content is only informative.
    fn add_section(
        &mut self,
        section: &CustomSectionReader<'_>,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let size = section.data().len();
        let part = &mut self.part;
        part.custom_sections
            .push((budget.take(section.name())?, size));
        match section.as_known() {
            KnownCustom::Producers(fields) => {
                for field in fields.into_iter().map_while(Result::ok) {
                    for value in field.values.into_iter().map_while(Result::ok) {
                        part.producers.push((
                            budget.take(field.name)?,
                            budget.take(value.name)?,
                            budget.take(value.version)?,
                        ));
                    }
                }
            }
            KnownCustom::Name(names) => {
                for name in names.into_iter().map_while(Result::ok) {
                    if let Name::Module { name, .. } = name {
                        part.name = budget.take(name)?;
                    }
                }
            }
            KnownCustom::ComponentName(names) => {
                use wasmparser::ComponentName;
                for name in names.into_iter().map_while(Result::ok) {
                    match name {
                        ComponentName::Component { name, .. } => {
                            self.part.name = budget.take(name)?;
                        }
                        ComponentName::CoreModules(names) => {
                            self.add_names(Kind::CoreModule, names, budget)?;
                        }
                        ComponentName::Components(names) => {
                            self.add_names(Kind::Component, names, budget)?;
                        }
                        _ => {}
                    }
                }
            }
            KnownCustom::Unknown if ANNOTATIONS.contains(&section.name()) => {
                if let Ok(text) = std::str::from_utf8(section.data()) {
                    part.annotations
                        .push((budget.take(section.name())?, budget.take(text)?));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add_names(
        &mut self,
        kind: Kind,
        names: NameMap<'_>,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        for name in names.into_iter().map_while(Result::ok) {
            let text = budget.take(name.name)?;
            self.names.insert((kind, name.index), text);
        }
        Ok(())
    }

    /// Ends the part. Parts that do not name themselves get the names that this one gives them.
    fn close(mut self) -> Part {
        for (part, index) in self.part.parts.iter_mut().zip(&self.indices) {
            if part.name.is_empty() {
                part.name = self.names.remove(index).unwrap_or_default();
            }
        }
        self.part
    }
}
