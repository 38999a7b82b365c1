//! What is in a file of WebAssembly, told without compiling any of it: its WIT, and its parts.
//!
//! The bytes may come from anybody. Everything that grows with them in more than proportion is
//! bounded, and what the decoder of WIT cannot bear is refused before it gets there.

use crate::artifact::Trailer;
use crate::compile_limits::CompileLimits;
use crate::component::{BinaryKind, binary_kind, parse_text, to_binary};
use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, give, guard};
use crate::wit;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentItem};
use wasmparser::names::{ComponentName, ComponentNameKind};
use wasmparser::types::Types;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, CustomSectionReader, Encoding,
    ExternalKind, Import, KnownCustom, Name, NameMap, Parser, Payload, TypeRef, ValidPayload,
    Validator, WasmFeatures,
};
use wit_component::{DecodedWasm, Output, OutputToString, WitPrinter};
use wit_parser::{Function, IndexMap, PackageId, Resolve, WorldItem, WorldKey};

/// The most text of one answer, in bytes: what a component names once it may use a million times.
const MAX_TEXT: usize = 64 << 20;
/// What each name in an answer takes besides its letters.
const NAME_SIZE: usize = 64;
/// The longest type of a function that is told, in bytes.
const MAX_TYPE: usize = 64 << 10;
/// How deep components may be nested.
const MAX_DEPTH: usize = 100;
/// How long a chain of packages may be of which each uses types of the next.
const MAX_PACKAGES: usize = 200;

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidComponent, message)
}

fn damaged(error: wasmparser::Error) -> Error {
    match error.message().starts_with("unexpected end") {
        true => invalid(format!(
            "it is truncated, and has to be fetched or built again: {error}"
        )),
        false => invalid(format!(
            "it is damaged, or newer than this program: {error}"
        )),
    }
}

/// What was given, in binary form.
enum Given<'a> {
    Component(Cow<'a, [u8]>),
    CoreModule(Cow<'a, [u8]>),
    Artifact(Trailer),
}

fn identify(bytes: &[u8]) -> Result<Given<'_>, Error> {
    if bytes.is_empty() {
        return Err(Error::new(Code::NotWasm, "it is empty"));
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Trailer::read(bytes, bytes.len() as u64).map(Given::Artifact);
    }
    let binary = match bytes.starts_with(b"\0asm") {
        true => Cow::Borrowed(bytes),
        false => Cow::Owned(parse_text(bytes)?),
    };
    CompileLimits::default().check(&binary)?;
    match binary_kind(&binary) {
        BinaryKind::Component => Ok(Given::Component(binary)),
        BinaryKind::CoreModule => Ok(Given::CoreModule(binary)),
        BinaryKind::Other => Err(Error::new(
            Code::NotWasm,
            "a WebAssembly binary of an unknown version, or a truncated one",
        )),
    }
}

// ---- WIT ------------------------------------------------------------------------------------------

/// The WIT of a component, of a core module that carries its world, or of a WIT package encoded as
/// WebAssembly.
fn wit_of(bytes: &[u8]) -> Result<String, Error> {
    match identify(bytes)? {
        Given::Component(component) => {
            let decoded = decode(&component, &Outline::read(&component)?)?;
            quietly(|| print(decoded.resolve(), decoded.package()))
        }
        Given::CoreModule(module) => wit_of_module(&module),
        Given::Artifact(_) => Err(Error::new(
            Code::NotWasm,
            "this is a precompiled artifact, which has no WIT in it: give the component that it was made from",
        )),
    }
}

/// Refuses a core module that carries a world which wit-parser does not come back from. To be called before
/// anything of wit-component's decodes a module that somebody else made.
pub fn check_carried_worlds(module: &[u8]) -> Result<(), Error> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) = payload.map_err(damaged)?
            && section.name().starts_with("component-type")
        {
            let component = match section.data() {
                // The form of old: a version, an encoding, the world's name, and an encoded WIT package.
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
            .map_err(|error| invalid(format!("its world cannot be read: {error:#}")))?;
        if rest.is_none() {
            return Err(Error::new(
                Code::IsCoreModule,
                "this is a core module that carries no WIT: only one that was linked with guest bindings does, and any component",
            ));
        }
        let world = &decoded.resolve.worlds[decoded.world];
        let package = world
            .package
            .ok_or_else(|| invalid("its world has no package"))?;
        print(&decoded.resolve, package)
    })
}

/// What `outline` was read of, as wit-parser has it.
fn decode(component: &[u8], outline: &Outline) -> Result<DecodedWasm, Error> {
    outline.check_packages()?;
    quietly(|| {
        let decoded = wit_component::decode(component)
            .map_err(|error| invalid(format!("it cannot be said in WIT: {error:#}")))?;
        wit::check_size(decoded.resolve())
            .map_err(|error| invalid(format!("it cannot be said in WIT: {}", error.message())))?;
        Ok(decoded)
    })
}

/// Calls the decoder or the printer of WIT, which panic where a component has what WIT has no words for.
fn quietly<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
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
    // AssertUnwindSafe: what the decoder left half done is not looked at again.
    let outcome = catch_unwind(AssertUnwindSafe(body));
    QUIET.set(false);
    outcome.unwrap_or_else(|_| {
        Err(invalid(
            "it cannot be said in WIT: it imports or exports what WIT has no words for",
        ))
    })
}

/// The package `main` as WIT, and after it, nested, all others.
fn print(resolve: &Resolve, main: PackageId) -> Result<String, Error> {
    let packages = resolve.packages.iter().map(|(package, _)| package);
    let others = packages.filter(|package| *package != main);
    let mut printer = WitPrinter::new(WitText::new(MAX_TEXT));
    printer
        .print(resolve, main, &others.collect::<Vec<_>>())
        .map_err(|error| invalid(format!("it cannot be said in WIT: {error:#}")))?;
    let most = MAX_TEXT >> 20;
    let too_long = || invalid(format!("its WIT is longer than {most} MiB"));
    printer.output.take().ok_or_else(too_long)
}

/// Text up to a limit, without what WIT's own parser refuses: documentation that a component carries may
/// have anything in it, such as what a terminal takes for commands.
struct WitText {
    text: OutputToString,
    left: Option<usize>,
}

impl WitText {
    fn new(limit: usize) -> WitText {
        WitText {
            text: OutputToString::default(),
            left: Some(limit),
        }
    }

    /// None where it is longer than the limit.
    fn take(self) -> Option<String> {
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

/// `detect_invalid_input` of wit-parser's lexer: control codes but tabs, what changes the direction of
/// text, and letters that Unicode discourages.
fn refused(letter: char) -> bool {
    match letter {
        '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{149}' | '\u{673}' | '\u{f77}' | '\u{f79}' | '\u{17a3}' | '\u{17a4}' | '\u{17b4}'
        | '\u{17b5}' => true,
        _ => letter.is_control(),
    }
}

// ---- what there is to know ------------------------------------------------------------------------

/// What C++ reads.
#[derive(Serialize)]
struct Information {
    /// Of the component that an artifact was made from.
    source_size: u64,
    /// `sha256:…` of the binary; of an artifact, of the component that it was made from.
    digest: String,
    imports: Vec<Item>,
    exports: Vec<Item>,
    root: Part,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Component,
    CoreModule,
    WitPackage,
    Artifact,
}

/// A component or module, as it stands in the file.
#[derive(Serialize)]
struct Part {
    kind: Kind,
    name: String,
    /// Of the binary, also where text was given.
    size: usize,
    /// Field, name, version.
    producers: Vec<(String, String, String)>,
    /// Such as `licenses`, and what they are.
    annotations: Vec<(String, String)>,
    custom_sections: Vec<(String, usize)>,
    parts: Vec<Part>,
}

/// What is imported or exported. Interfaces have items, and so has what a core module imports from.
#[derive(Serialize)]
struct Item {
    name: String,
    kind: ItemKind,
    /// `func(name: string) -> string`, where WIT can say it.
    #[serde(rename = "type")]
    function_type: String,
    items: Vec<Item>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
enum ItemKind {
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

fn information(bytes: &[u8]) -> Result<Information, Error> {
    let binary = match identify(bytes)? {
        Given::Component(binary) | Given::CoreModule(binary) => binary,
        Given::Artifact(trailer) => {
            return Ok(Information {
                source_size: trailer.source_size,
                digest: digest_text(&trailer.source_digest),
                imports: Vec::new(),
                exports: Vec::new(),
                root: Part::new(Kind::Artifact, bytes.len()),
            });
        }
    };
    let mut outline = Outline::read(&binary)?;
    if outline.root.kind == Kind::Component {
        // Without the decoder's help no types are known, which is no failure.
        match decode(&binary, &outline) {
            Ok(DecodedWasm::WitPackage(resolve, package)) => {
                outline.root.kind = Kind::WitPackage;
                outline.root.name = resolve.packages[package].name.to_string();
                outline.exports = package_items(&resolve, package, &mut outline.budget)?;
            }
            Ok(DecodedWasm::Component(resolve, world)) => {
                let world = &resolve.worlds[world];
                let budget = &mut outline.budget;
                add_types(&mut outline.imports, &resolve, &world.imports, budget)?;
                add_types(&mut outline.exports, &resolve, &world.exports, budget)?;
            }
            Err(_) => {}
        }
    }
    Ok(Information {
        source_size: 0,
        digest: digest_text(&Sha256::digest(&binary)),
        imports: outline.imports,
        exports: outline.exports,
        root: outline.root,
    })
}

fn digest_text(digest: &[u8]) -> String {
    let hexadecimal = digest.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hexadecimal.collect::<String>())
}

fn package_items(
    resolve: &Resolve,
    package: PackageId,
    budget: &mut Budget,
) -> Result<Vec<Item>, Error> {
    let package = &resolve.packages[package];
    let mut items = Vec::new();
    for (name, interface) in &package.interfaces {
        let mut item = Item::new(budget.take(name)?, ItemKind::Interface);
        for (name, function) in &resolve.interfaces[*interface].functions {
            let mut inner = Item::new(budget.take(name)?, ItemKind::Function);
            inner.function_type = budget.take(&function_type(resolve, function))?;
            item.items.push(inner);
        }
        items.push(item);
    }
    for name in package.worlds.keys() {
        items.push(Item::new(budget.take(name)?, ItemKind::World));
    }
    Ok(items)
}

/// Gives functions the types that they have in one side of the world.
fn add_types(
    items: &mut [Item],
    resolve: &Resolve,
    side: &IndexMap<WorldKey, WorldItem>,
    budget: &mut Budget,
) -> Result<(), Error> {
    let found = side
        .iter()
        .map(|(key, item)| (resolve.name_world_key(key), item))
        .collect::<HashMap<_, _>>();
    for item in items {
        match found.get(&item.name) {
            Some(WorldItem::Function(function)) => {
                item.function_type = budget.take(&function_type(resolve, function))?;
            }
            Some(WorldItem::Interface { id, .. }) => {
                let functions = &resolve.interfaces[*id].functions;
                for inner in &mut item.items {
                    if let Some(function) = functions.get(&inner.name) {
                        inner.function_type = budget.take(&function_type(resolve, function))?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// As `tairitsu::FunctionType::to_string` has it; empty where it is too long.
fn function_type(resolve: &Resolve, function: &Function) -> String {
    let mut printer = WitPrinter::new(WitText::new(MAX_TYPE));
    let print = |printer: &mut WitPrinter<WitText>| -> Option<()> {
        let prefix = match function.kind.is_async() {
            true => "async func(",
            false => "func(",
        };
        printer.output.str(prefix);
        for (index, parameter) in function.params.iter().enumerate() {
            printer.output.str(if index == 0 { "" } else { ", " });
            printer.output.str(&parameter.name);
            printer.output.str(": ");
            printer.print_type_name(resolve, &parameter.ty).ok()?;
        }
        printer.output.str(")");
        if let Some(result) = &function.result {
            printer.output.str(" -> ");
            printer.print_type_name(resolve, result).ok()?;
        }
        Some(())
    };
    let printed = print(&mut printer);
    printed.and(printer.output.take()).unwrap_or_default()
}

impl Item {
    fn new(name: String, kind: ItemKind) -> Item {
        Item {
            name,
            kind,
            function_type: String::new(),
            items: Vec::new(),
        }
    }
}

/// Custom sections that are text: the annotations of OCI images, as `wasm-tools metadata` writes them.
const ANNOTATIONS: &[&str] = &[
    "authors",
    "description",
    "homepage",
    "licenses",
    "revision",
    "source",
    "version",
];

impl Part {
    fn new(kind: Kind, size: usize) -> Part {
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

/// How much text an answer may still have.
struct Budget(usize);

impl Budget {
    fn take(&mut self, name: &str) -> Result<String, Error> {
        match self.0.checked_sub(name.len() + NAME_SIZE) {
            Some(left) => self.0 = left,
            None => {
                let most = MAX_TEXT >> 20;
                return Err(invalid(format!("the names in it are more than {most} MiB")));
            }
        }
        Ok(name.to_owned())
    }
}

// ---- reading --------------------------------------------------------------------------------------

/// A valid binary, but for the bodies of its functions, which nobody looked at.
struct Outline {
    types: Types,
    imports: Vec<Item>,
    exports: Vec<Item>,
    /// A component's imports and exports by their indices, as they follow each other.
    order: Vec<(Side, usize)>,
    root: Part,
    budget: Budget,
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
    fn read(binary: &[u8]) -> Result<Outline, Error> {
        let mut reader = Reader::new(binary.len());
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        for payload in Parser::new(0).parse_all(binary) {
            let payload = payload.map_err(damaged)?;
            let valid = validator
                .payload(&payload)
                .map_err(|error| invalid(format!("it does not validate: {error}")))?;
            match valid {
                ValidPayload::End(types) if reader.parents.is_empty() => {
                    return reader.finish(types);
                }
                _ => reader.read(payload)?,
            }
        }
        Err(invalid("it is truncated: it has no end"))
    }

    /// wit-parser goes from each package to those that it uses, and never comes back where they use
    /// each other, which those of a component may.
    fn check_packages(&self) -> Result<(), Error> {
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
                "it cannot be said in WIT: packages of its interfaces use each other's types",
            )),
            Some(length) if length > MAX_PACKAGES => Err(invalid(format!(
                "its packages use each other's types in a chain of more than {MAX_PACKAGES}"
            ))),
            Some(_) => Ok(()),
        }
    }
}

/// What was read so far.
struct Reader {
    current: Open,
    parents: Vec<Open>,
    imports: Vec<Item>,
    exports: Vec<Item>,
    order: Vec<(Side, usize)>,
    /// Where in `imports` a core module's import from that module is.
    modules: HashMap<String, usize>,
    budget: Budget,
}

impl Reader {
    fn new(size: usize) -> Reader {
        Reader {
            current: Open::new(Kind::Component, size),
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
                "components are nested in it deeper than {MAX_DEPTH}"
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

/// What a component's import or export is, and what is in it.
fn complete(item: &mut Item, side: Side, types: &Types, budget: &mut Budget) -> Result<(), Error> {
    let Some(found) = find_item(types, side, &item.name) else {
        return Err(Error::new(
            Code::Internal,
            format!("there is no type of '{}'", item.name),
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

/// A part whose end is yet to come.
struct Open {
    part: Part,
    /// How many modules and components have a number in it so far, by which its names go.
    modules: u32,
    components: u32,
    /// The numbers of `part.parts`, and the names that there are for numbers.
    numbers: Vec<(Kind, u32)>,
    names: HashMap<(Kind, u32), String>,
}

impl Open {
    fn new(kind: Kind, size: usize) -> Open {
        Open {
            part: Part::new(kind, size),
            modules: 0,
            components: 0,
            numbers: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// A part of this one begins.
    fn open(&mut self, kind: Kind, size: usize) -> Open {
        let count = match kind {
            Kind::CoreModule => &mut self.modules,
            _ => &mut self.components,
        };
        self.numbers.push((kind, *count));
        *count += 1;
        Open::new(kind, size)
    }

    /// What is imported has a number too, and so has each export.
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

    /// Takes what the section says, up to where it makes no sense: nothing depends on it.
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

    /// A part that does not name itself has the name that it has here.
    fn close(mut self) -> Part {
        for (part, number) in self.part.parts.iter_mut().zip(&self.numbers) {
            if part.name.is_empty() {
                part.name = self.names.remove(number).unwrap_or_default();
            }
        }
        self.part
    }
}

// ---- packages -------------------------------------------------------------------------------------

/// Which packages use types of which, as wit-parser will find it.
struct Packages<'a> {
    types: &'a Types,
    indices: HashMap<String, usize>,
    uses: Vec<HashSet<usize>>,
    /// The package whose interface has the type; none for one at the root of a world.
    owners: HashMap<ComponentAnyTypeId, Option<usize>>,
}

impl<'a> Packages<'a> {
    fn new(types: &'a Types) -> Packages<'a> {
        Packages {
            types,
            indices: HashMap::new(),
            uses: Vec::new(),
            owners: HashMap::new(),
        }
    }

    /// Types of components in types of components are nested as deep as wasmparser lets them, which is
    /// little.
    fn visit(&mut self, name: &str, item: &'a ComponentItem) {
        match item.ty {
            ComponentEntityType::Instance(instance) => {
                let package = self.package(item.implements.as_deref().unwrap_or(name), item);
                for export in self.types[instance].exports.values() {
                    if let ComponentEntityType::Type {
                        referenced,
                        created,
                    } = export.ty
                    {
                        self.add_type(package, referenced, created);
                    }
                }
            }
            ComponentEntityType::Component(component)
            | ComponentEntityType::Type {
                created: ComponentAnyTypeId::Component(component),
                ..
            } => {
                let component = &self.types[component];
                for (name, item) in component.imports.iter().chain(&component.exports) {
                    self.visit(name, item);
                }
            }
            ComponentEntityType::Type { created, .. } => {
                self.owners.insert(created, None);
            }
            _ => {}
        }
    }

    /// The package of an interface's name: `a:b` of `a:b/c`, with its version.
    fn package(&mut self, name: &str, item: &ComponentItem) -> Option<usize> {
        let name = ComponentName::new(name, 0).ok()?;
        let ComponentNameKind::Interface(name) = name.kind() else {
            return None;
        };
        let version = name.version(item.version_suffix.as_deref()).ok()?;
        let package = format!("{}:{}@{version:?}", name.namespace(), name.package());
        let next = self.indices.len();
        let index = *self.indices.entry(package).or_insert(next);
        self.uses.resize_with(self.indices.len(), HashSet::new);
        Some(index)
    }

    fn add_type(
        &mut self,
        package: Option<usize>,
        referenced: ComponentAnyTypeId,
        created: ComponentAnyTypeId,
    ) {
        let mut original = Some(referenced);
        while let Some(ty) = original {
            if let Some(owner) = self.owners.get(&ty) {
                if let (Some(user), Some(used)) = (package, *owner)
                    && user != used
                {
                    self.uses[user].insert(used);
                }
                break;
            }
            original = self.types.peel_alias(ty);
        }
        self.owners.insert(created, package);
    }

    /// The most packages in a row of which each uses the next; none where that has no end.
    fn longest_chain(&self) -> Option<usize> {
        let mut users = vec![Vec::new(); self.uses.len()];
        for (user, uses) in self.uses.iter().enumerate() {
            for used in uses {
                users[*used].push(user);
            }
        }
        let mut open = self.uses.iter().map(HashSet::len).collect::<Vec<_>>();
        let mut lengths = vec![1; open.len()];
        let mut ready = (0..open.len())
            .filter(|package| open[*package] == 0)
            .collect::<Vec<_>>();
        let mut done = 0;
        while let Some(used) = ready.pop() {
            done += 1;
            for user in &users[used] {
                lengths[*user] = lengths[*user].max(lengths[used] + 1);
                open[*user] -= 1;
                if open[*user] == 0 {
                    ready.push(*user);
                }
            }
        }
        (done == open.len()).then(|| lengths.into_iter().max().unwrap_or(0))
    }
}

// ---- entry points ---------------------------------------------------------------------------------

/// Writes the WIT of a component, of a core module that carries its world, or of a WIT package encoded
/// as WebAssembly, binary or text, into a new buffer. Other packages are nested after the main one.
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_inspect_wit(
    bytes: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let text = wit_of(unsafe { bytes.as_slice() })?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(text.into_bytes())) };
        Ok(())
    })
}

/// Writes the binary of WebAssembly text, or a binary as it is, into a new buffer.
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_to_binary(
    bytes: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let binary = to_binary(unsafe { bytes.as_slice() })?.into_owned();
        CompileLimits::default().check(&binary)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(binary)) };
        Ok(())
    })
}

/// The same as `tairitsu_bridge_inspect_wit` of a `.wit` file or of a folder, see [`wit::load`].
///
/// # Safety
/// `path` and `features` are readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_inspect_wit_source(
    path: Bytes,
    features: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (path, features) = unsafe { (path.as_str()?, features.as_str()?) };
        let (resolve, package) = wit::load(path, features)?;
        let text = quietly(|| print(&resolve, package))?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(text.into_bytes())) };
        Ok(())
    })
}

/// Tells what a component, a core module, an encoded WIT package or a precompiled artifact has in it. The
/// buffer holds a JSON object, see [`Information`].
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_inspect(
    bytes: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let information = information(unsafe { bytes.as_slice() })?;
        let json = serde_json::to_vec(&information)
            .map_err(|error| Error::new(Code::Internal, error.to_string()))?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(json)) };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wit(text: &str) -> Result<String, Error> {
        wit_of(text.as_bytes())
    }

    fn told(bytes: impl AsRef<[u8]>) -> Information {
        information(bytes.as_ref()).unwrap()
    }

    fn refusal(text: &str) -> String {
        let error = wit(text).unwrap_err();
        assert_eq!(error.code(), Code::InvalidComponent);
        error.message().to_owned()
    }

    fn names(items: &[Item]) -> Vec<(&str, ItemKind)> {
        let names = items.iter().map(|item| (item.name.as_str(), item.kind));
        names.collect()
    }

    /// A resource, a record, an inline interface, and things inside.
    const SHOP: &str = r#"(component $shop
      (import "example:shop/types@1.2.0" (instance $types
        (export "basket" (type $basket (sub resource)))
        (type $own (own $basket))
        (export "[constructor]basket" (func (result $own)))
        (type $item (record (field "id" u32) (field "price" f64)))
        (export "item" (type (eq $item)))))
      (alias export $types "basket" (type $basket))
      (import "log" (func (param "message" string)))
      (component $inner
        (core module $code (@producers (processed-by "compiler" "1.2")) (func (export "f")))
        (core module $other)
        (core instance $i (instantiate $code))
        (func (export "run") (canon lift (core func $i "f"))))
      (instance $i (instantiate $inner))
      (export "tools" (instance $i))
      (@custom "licenses" "Apache-2.0")
      (@custom "version" "1.2.0"))"#;

    #[test]
    fn a_component_is_told_in_full() {
        let binary = wat::parse_str(SHOP).unwrap();
        let told = told(&binary);
        assert_eq!(
            (told.root.kind, told.root.size),
            (Kind::Component, binary.len())
        );
        assert!(told.digest.starts_with("sha256:") && told.digest.len() == 7 + 64);
        assert_eq!(told.digest, super::tests::told(SHOP).digest);
        assert_eq!(
            names(&told.imports),
            [
                ("example:shop/types@1.2.0", ItemKind::Interface),
                ("log", ItemKind::Function)
            ]
        );
        assert_eq!(
            names(&told.imports[0].items),
            [
                ("basket", ItemKind::Resource),
                ("[constructor]basket", ItemKind::Function),
                ("item", ItemKind::Type)
            ]
        );
        assert_eq!(names(&told.exports), [("tools", ItemKind::Interface)]);
        assert_eq!(names(&told.exports[0].items), [("run", ItemKind::Function)]);
        assert_eq!(told.imports[1].function_type, "func(message: string)");
        let constructor = &told.imports[0].items[1];
        assert_eq!(constructor.function_type, "func() -> basket");
        assert_eq!(told.root.name, "shop");
        assert_eq!(
            told.root.annotations,
            [
                ("licenses".to_owned(), "Apache-2.0".to_owned()),
                ("version".to_owned(), "1.2.0".to_owned())
            ]
        );
        let inner = &told.root.parts[0];
        assert_eq!(
            (inner.kind, inner.name.as_str()),
            (Kind::Component, "inner")
        );
        let [code, other] = &inner.parts[..] else {
            panic!("{} parts", inner.parts.len());
        };
        assert_eq!((code.kind, code.name.as_str()), (Kind::CoreModule, "code"));
        assert_eq!((other.name.as_str(), other.producers.len()), ("other", 0));
        let producer = ("processed-by", "compiler", "1.2");
        let (field, name, version) = &code.producers[0];
        assert_eq!((&**field, &**name, &**version), producer);
        assert!(code.size < inner.size && inner.size < told.root.size);
    }

    #[test]
    fn a_part_has_the_name_that_its_number_has() {
        let told = told(
            r#"(component
              (import "m" (core module $imported))
              (core module $first)
              (alias outer 0 $first (core module $alias))
              (core module $second))"#,
        );
        let parts = told.root.parts.iter().map(|part| part.name.as_str());
        assert_eq!(parts.collect::<Vec<_>>(), ["first", "second"]);
    }

    #[test]
    fn a_core_module_is_told_by_what_it_imports_from() {
        let told = told(
            r#"(module $m
              (import "env" "memory" (memory 1))
              (import "wasi_snapshot_preview1" "fd_write" (func))
              (import "env" "log" (func))
              (func (export "_start")))"#,
        );
        assert_eq!(
            (told.root.kind, told.root.name.as_str()),
            (Kind::CoreModule, "m")
        );
        assert_eq!(
            names(&told.imports),
            [
                ("env", ItemKind::Module),
                ("wasi_snapshot_preview1", ItemKind::Module)
            ]
        );
        assert_eq!(
            names(&told.imports[0].items),
            [("memory", ItemKind::Memory), ("log", ItemKind::Function)]
        );
        assert_eq!(names(&told.exports), [("_start", ItemKind::Function)]);
    }

    fn resolve(text: &str) -> (Resolve, PackageId) {
        let mut resolve = Resolve::default();
        let package = resolve.push_source("a.wit", text).unwrap();
        (resolve, package)
    }

    #[test]
    fn a_module_shows_the_world_that_it_carries() {
        let error = wit("(module)").unwrap_err();
        assert_eq!(error.code(), Code::IsCoreModule);
        let (resolve, package) = resolve("package a:b; world w { export f: func(x: u8); }");
        let world = resolve.select_world(&[package], None).unwrap();
        let mut module = wat::parse_str("(module)").unwrap();
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
        let text = wit_of(&module).unwrap();
        assert!(text.contains("export f: func(x: u8);"), "{text}");
        assert_eq!(told(&module).root.custom_sections[0].0, "component-type");
    }

    #[test]
    fn a_package_is_told_by_its_interfaces_and_worlds() {
        let text = "package a:b@1.0.0; interface i { f: func(); } world w { import i; }";
        let (resolve, package) = resolve(text);
        let encoded = wit_component::encode(&resolve, package).unwrap();
        let told = told(&encoded);
        assert_eq!(
            (told.root.kind, told.root.name.as_str()),
            (Kind::WitPackage, "a:b@1.0.0")
        );
        assert_eq!(
            names(&told.exports),
            [("i", ItemKind::Interface), ("w", ItemKind::World)]
        );
        assert_eq!(names(&told.exports[0].items), [("f", ItemKind::Function)]);
        assert!(
            wit_of(&encoded)
                .unwrap()
                .starts_with("package a:b@1.0.0;\n")
        );
    }

    #[test]
    fn wit_has_other_packages_nested() {
        let text = wit(SHOP).unwrap();
        assert!(
            text.starts_with("package root:component;\n\nworld root {\n"),
            "{text}"
        );
        assert!(text.contains("\npackage example:shop@1.2.0 {\n"), "{text}");
        let mut again = Resolve::default();
        again.push_source("a.wit", &text).unwrap();
    }

    #[test]
    fn documentation_cannot_command_a_terminal() {
        let (mut resolve, package) = resolve("package a:b; world w { export f: func(); }");
        let world = resolve.select_world(&[package], None).unwrap();
        resolve.worlds[world].docs.contents =
            Some("\u{1b}[2J gone\u{202e}\tand\r\nmore".to_owned());
        let text = wit_of(&wit_component::encode(&resolve, package).unwrap()).unwrap();
        assert!(
            text.contains("/// \u{fffd}[2J gone\u{fffd}\tand\n/// more\n"),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_component_is_said() {
        let told = |bytes: &[u8]| {
            let error = information(bytes).err().unwrap();
            assert_eq!(error.code(), wit_of(bytes).unwrap_err().code());
            (error.code(), error.message().to_owned())
        };
        assert_eq!(told(b""), (Code::NotWasm, "it is empty".to_owned()));
        assert_eq!(told(b"hello").0, Code::NotWasm);
        assert_eq!(told(b"\xff\xfe\x00").0, Code::NotWasm);
        assert_eq!(told(b"(component (export").0, Code::NotWasm);
        assert_eq!(told(b"\0asm").0, Code::NotWasm);
        assert_eq!(told(b"\0asm\x07\0\x07\0").0, Code::NotWasm);
        let (code, message) = told(b"\0asm\x0d\0\x01\0\x00\x7f");
        assert_eq!(code, Code::InvalidComponent);
        assert!(message.starts_with("it is truncated, "), "{message}");
    }

    /// Two packages whose interfaces use each other's types.
    const CYCLE: &str = r#"(type $i (instance (type $r (record (field "x" u32))) (export "t" (type (eq $r)))))
      (type $j (instance (type $r (record (field "x" u32))) (export "t" (type (eq $r)))))
      (import "a:p/a" (instance $pa (type $i)))
      (import "a:q/a" (instance $qa (type $j)))
      (alias export $pa "t" (type $pt))
      (alias export $qa "t" (type $qt))
      (import "a:p/b" (instance (alias outer 1 $qt (type $x)) (export "u" (type (eq $x)))))
      (import "a:q/b" (instance (alias outer 1 $pt (type $x)) (export "u" (type (eq $x)))))"#;

    /// The component that holds the types of a world, as guest bindings put it into a module.
    fn world_of(items: &str) -> Vec<u8> {
        let text = format!(
            r#"(component
              (@custom "wit-component-encoding" "\04\00")
              (type $package (component
                (type $world (component {items}))
                (export "a:b/w" (component (type $world)))))
              (export "w" (type $package)))"#
        );
        wat::parse_str(text).unwrap()
    }

    fn module_with(world: &[u8]) -> Vec<u8> {
        let name = b"component-type:w";
        let mut module = wat::parse_str("(module)").unwrap();
        module.push(0);
        wasm_size(&mut module, 1 + name.len() + world.len());
        wasm_size(&mut module, name.len());
        module.extend(name);
        module.extend(world);
        module
    }

    #[test]
    fn packages_that_use_each_other_have_no_wit() {
        let component = format!("(component {CYCLE})");
        let message = refusal(&component);
        assert!(message.contains("use each other's types"), "{message}");
        assert_eq!(told(&component).imports.len(), 4);
    }

    #[test]
    fn nor_have_they_in_a_module_or_in_a_package() {
        let fine = world_of(r#"(import "c:d/i" (instance (export "f" (func))))"#);
        assert!(
            wit_of(&module_with(&fine))
                .unwrap()
                .contains("package c:d {")
        );
        let world = world_of(CYCLE);
        for bytes in [module_with(&world), world] {
            let error = wit_of(&bytes).unwrap_err();
            assert!(error.message().contains("each other"), "{error:?}");
            information(&bytes).unwrap();
        }
        let options = crate::guest_tools::ComponentizeOptions::default();
        let error = crate::guest_tools::componentize(&module_with(&world_of(CYCLE)), &options);
        assert!(error.unwrap_err().message().contains("each other"));
    }

    /// Packages of which the first uses the second, which uses the third …
    fn chain(length: usize) -> String {
        let mut text = "(component\n".to_owned();
        for i in 0..length {
            text += &format!(
                "(import \"a:p{i}/a\" (instance $i{i} (type $r (record (field \"x\" u32)))
                   (export \"t\" (type (eq $r)))))
                 (alias export $i{i} \"t\" (type $t{i}))\n"
            );
        }
        for i in 0..length - 1 {
            let used = i + 1;
            text += &format!(
                "(import \"a:p{i}/b\" (instance (alias outer 1 $t{used} (type $x)) (export \"u\" (type (eq $x)))))\n"
            );
        }
        text + ")"
    }

    #[test]
    fn a_long_chain_of_packages_has_no_wit() {
        assert!(wit(&chain(100)).unwrap().contains("package a:p99"));
        let message = refusal(&chain(300));
        assert!(message.contains("more than 200"), "{message}");
    }

    #[test]
    fn what_wit_has_no_words_for_is_refused() {
        let beyond_wit = [
            r#"(component (import "m" (core module)) (core module $m) (export "n" (core module $m)))"#,
            r#"(component (import "a:b/c" (instance (type $c (component)) (export "t" (type (eq $c))))))"#,
            r#"(component (import "a:b/c" (instance (export "i" (instance)))))"#,
            r#"(component (import "r" (type $r (sub resource))) (export "s" (type $r)))"#,
            r#"(component (import "a:b/c@1.0.0" (instance)) (import "a:b/c@1.0.1" (instance)))"#,
            r#"(component (type $t u8) (export "t" (type $t)))"#,
            r#"(component (import "t" (type $t (sub resource)))
              (import "a:b/c" (instance (alias outer 1 $t (type $u)) (export "u" (type (eq $u))))))"#,
            r#"(component (component $c) (export "c" (component $c)))"#,
        ];
        for text in beyond_wit {
            let code = wit(text).err().map(|error| error.code());
            assert!(
                matches!(code, None | Some(Code::InvalidComponent)),
                "{text}"
            );
            told(text);
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let text = "(component ".repeat(150) + &")".repeat(150);
        // Text may be nested less than binaries.
        assert!(information(text.as_bytes()).is_err());
        let mut binary = wat::parse_str("(component)").unwrap();
        for _ in 0..MAX_DEPTH + 1 {
            let mut outer = wat::parse_str("(component)").unwrap();
            outer.push(4);
            wasm_size(&mut outer, binary.len());
            outer.extend(binary);
            binary = outer;
        }
        let error = information(&binary).err().unwrap();
        assert_eq!(error.code(), Code::CompileLimit, "{error:?}");
        assert_eq!(wit_of(&binary).unwrap_err().code(), Code::CompileLimit);
    }

    fn wasm_size(bytes: &mut Vec<u8>, mut size: usize) {
        while size >= 0x80 {
            bytes.push((size & 0x7f) as u8 | 0x80);
            size >>= 7;
        }
        bytes.push(size as u8);
    }

    #[test]
    fn names_that_multiply_are_cut_off() {
        let name = "long-".repeat(2000);
        let functions = (0..50)
            .map(|i| format!("(export \"{name}x{i}\" (func))\n"))
            .collect::<String>();
        let imports = (0..500)
            .map(|i| format!("(import \"i{i}\" (instance (type $i)))\n"))
            .collect::<String>();
        let text = format!("(component (type $i (instance {functions}))\n{imports})");
        let error = information(text.as_bytes()).err().unwrap();
        assert!(error.message().contains("more than 64 MiB"), "{error:?}");
        let message = refusal(&text);
        assert!(message.contains("64 MiB"), "{message}");
    }

    #[test]
    fn long_wit_is_refused() {
        let name = "long-".repeat(10_000) + "x";
        let parameters = (0..900)
            .map(|i| format!("(param \"p{i}\" $t)"))
            .collect::<String>();
        let text = format!(
            "(component (import \"i\" (instance (type $r (record (field \"x\" u8)))
               (export \"{name}\" (type $t (eq $r)))
               (export \"f\" (func {parameters})) (export \"g\" (func {parameters})))))"
        );
        let message = refusal(&text);
        assert!(message.contains("longer than 64 MiB"), "{message}");
    }

    #[test]
    fn damaged_bytes_are_errors() {
        let binary = wat::parse_str(SHOP).unwrap();
        let harmless = |bytes: &[u8]| {
            for error in [information(bytes).err(), wit_of(bytes).err()] {
                let code = error.map(|error| error.code());
                assert!(
                    matches!(code, None | Some(Code::InvalidComponent | Code::NotWasm)),
                    "{code:?}"
                );
            }
        };
        for end in 0..binary.len() {
            harmless(&binary[..end]);
            assert!(information(&binary[..end]).is_err() || end >= 8);
        }
        for at in 0..binary.len() {
            for change in [1, 0x40, 0x80, 0xff] {
                let mut damaged = binary.clone();
                damaged[at] ^= change;
                harmless(&damaged);
            }
        }
    }

    #[test]
    fn a_panic_of_the_decoder_is_an_error() {
        let result: Result<(), Error> = quietly(|| panic!("the decoder gives up"));
        assert_eq!(result.unwrap_err().code(), Code::InvalidComponent);
        assert_eq!(quietly(|| Ok(1)).unwrap(), 1);
    }
}
