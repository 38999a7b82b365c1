//! Encodes a component's world, its imports and exports with their types, into a buffer for C++.
//!
//! # The encoding
//!
//! Little-endian. `str` is a `u32` size and UTF-8 bytes, `list<x>` is a `u32` count and that many `x`,
//! `ref` is a `u32`: 0 for 'no type', otherwise 1 + an index into `types`.
//!
//! ```text
//! world     = magic:"TWLD" version:u32=2 identities:list<identity> types:list<type>
//!             imports:items exports:items
//! identity  = names:list<place> all names of a resource; the first is that of its owner
//! place     = interface:str name:str
//!                               the interface is empty for the world's root
//! type      = kind:u8           a value of `tairitsu::TypeKind`
//!             name:str          for a record, variant, enum, flags
//!             resource:ref      for an own or borrow: into `identities`
//!             length:u32        for a fixed-length list, otherwise 0
//!             fields:list<field>
//! field     = name:str type:ref as in `tairitsu::Type::fields`; refers only to earlier types
//! items     = interfaces:list<interface> functions:list<function> types:list<field>
//!             resources:list<resource> unsupported:list<str>
//! interface = name:str functions:list<function> types:list<field> resources:list<resource>
//!             instances:list<str>
//! resource  = name:str identity:ref
//! function  = name:str async:u8 parameters:list<field> result:ref
//! ```
//!
//! All entries of `types` are distinct, so types that the component shares stay shared, and the buffer
//! does not grow exponentially with the nesting of types.
//!
//! # Names
//!
//! Wasmtime's types have no names, but an interface exports its named types next to its functions. A
//! type gets the first name that the interface that uses it exports it under, otherwise the first name
//! in any interface, imports before exports. A resource belongs to the first interface that has it.
//! Every other name of it (`type s = r`, `use host.{r as q}`) is another name of the same identity.
//! Wasmtime drops types other than resources that a world imports at its root, so types that a world
//! itself defines there have no names.

use crate::component::Component;
use crate::error::{Code, Error};
use crate::ffi::{Buffer, give, guard};
use std::collections::HashMap;
use std::fmt::Debug;
use wasmtime::Engine;
use wasmtime::component::ResourceType;
use wasmtime::component::types::{self, ComponentExtern, ComponentItem, Type};

/// Encodes the component's world into a new buffer. The format is documented in `world.rs`.
///
/// # Safety
/// `component` is live; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_component_world(
    component: *const Component,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let component = unsafe { &(*component).component };
        let bytes = encode(&read(component))?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(bytes)) };
        Ok(())
    })
}

/// What is encoded: types in dependency order, and the items that refer to them.
struct World {
    identities: Vec<Identity>,
    types: Vec<Node>,
    imports: Side<usize, usize>,
    exports: Side<usize, usize>,
}

/// All names of a resource: the interface, empty for the world's root, and the name in it.
type Identity = Vec<(String, String)>;

fn read(component: &wasmtime::component::Component) -> World {
    let ty = component.component_type();
    let engine = component.engine();
    let imports = Side::read(engine, ty.imports(engine));
    let exports = Side::read(engine, ty.exports(engine));

    let mut shapes = Shapes::default();
    let imports = imports.map(|scope| shapes.identify(scope));
    let exports = exports.map(|scope| shapes.identify(scope));
    let imports = imports.map(|scope| shapes.scope(scope));
    let exports = exports.map(|scope| shapes.scope(scope));

    let mut everywhere = Names::new();
    for scope in imports.scopes().chain(exports.scopes()) {
        for (name, shape) in &scope.types {
            shapes.add_name(&mut everywhere, name, *shape);
        }
    }
    let mut nodes = Nodes {
        shapes: &shapes,
        everywhere: &everywhere,
        interned: Interner::default(),
    };
    let imports = imports.map(|scope| nodes.scope(scope));
    let exports = exports.map(|scope| nodes.scope(scope));
    let types = nodes.interned.entries;
    World {
        identities: shapes.identities,
        types,
        imports,
        exports,
    }
}

fn encode(world: &World) -> Result<Vec<u8>, Error> {
    let mut out = Writer { bytes: Vec::new() };
    out.bytes.extend(b"TWLD");
    out.u32(2)?;
    out.list(&world.identities, |out, names| {
        out.list(names, |out, (interface, name)| {
            out.str(interface)?;
            out.str(name)
        })
    })?;
    out.list(&world.types, |out, node| {
        out.bytes.push(node.kind as u8);
        out.str(&node.name)?;
        out.reference(node.resource)?;
        out.bytes.extend(node.length.to_le_bytes());
        out.list(&node.fields, Writer::field)
    })?;
    out.side(&world.imports)?;
    out.side(&world.exports)?;
    Ok(out.bytes)
}

// ---- reading the component -----------------------------------------------------------------------

/// The imports or the exports. `R` and `T` represent resources and types in the current step.
struct Side<R, T> {
    interfaces: Vec<Scope<R, T>>,
    root: Scope<R, T>,
    unsupported: Vec<String>,
}

/// An interface, or the root of a world, whose name is empty.
struct Scope<R, T> {
    name: String,
    functions: Vec<Function<T>>,
    types: Vec<(String, T)>,
    resources: Vec<(String, R)>,
    /// Nested instances that have nothing to link.
    instances: Vec<String>,
}

struct Function<T> {
    name: String,
    is_async: bool,
    parameters: Vec<(String, T)>,
    result: Option<T>,
}

impl<R, T> Scope<R, T> {
    fn new(name: &str) -> Scope<R, T> {
        Scope {
            name: name.to_string(),
            functions: Vec::new(),
            types: Vec::new(),
            resources: Vec::new(),
            instances: Vec::new(),
        }
    }

    fn map_types<U>(self, mut f: impl FnMut(T) -> U) -> Scope<R, U> {
        let mut pair = |(name, ty)| (name, f(ty));
        Scope {
            name: self.name,
            types: self.types.into_iter().map(&mut pair).collect(),
            functions: self
                .functions
                .into_iter()
                .map(|function| Function {
                    name: function.name,
                    is_async: function.is_async,
                    parameters: function.parameters.into_iter().map(&mut pair).collect(),
                    result: function.result.map(|ty| pair((String::new(), ty)).1),
                })
                .collect(),
            resources: self.resources,
            instances: self.instances,
        }
    }
}

impl<R, T> Side<R, T> {
    /// All interfaces, then the root: the root may use types of the interfaces, but not vice versa.
    fn scopes(&self) -> impl Iterator<Item = &Scope<R, T>> {
        self.interfaces.iter().chain(std::iter::once(&self.root))
    }

    fn map<S, U>(self, mut f: impl FnMut(Scope<R, T>) -> Scope<S, U>) -> Side<S, U> {
        Side {
            interfaces: self.interfaces.into_iter().map(&mut f).collect(),
            root: f(self.root),
            unsupported: self.unsupported,
        }
    }
}

impl Side<ResourceType, Type> {
    fn read<'a>(
        engine: &'a Engine,
        items: impl Iterator<Item = (&'a str, ComponentExtern<'a>)>,
    ) -> Self {
        let mut side = Side {
            interfaces: Vec::new(),
            root: Scope::new(""),
            unsupported: Vec::new(),
        };
        for (name, item) in items {
            if let ComponentItem::ComponentInstance(instance) = item.ty {
                let mut interface = Scope::new(name);
                for (inner, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentInstance(instance) = &item.ty
                        && is_empty(engine, instance)
                    {
                        interface.instances.push(inner.to_string());
                    } else if let Some(kind) = interface.add(inner, item.ty) {
                        let text = format!("{kind} \"{inner}\" in \"{name}\"");
                        side.unsupported.push(text);
                    }
                }
                side.interfaces.push(interface);
            } else if let Some(kind) = side.root.add(name, item.ty) {
                side.unsupported.push(format!("{kind} \"{name}\""));
            }
        }
        side
    }
}

/// Returns whether an instance has nothing to link; types need no definition. The recursion is bounded like that of
/// types.
fn is_empty(engine: &Engine, instance: &types::ComponentInstance) -> bool {
    instance.exports(engine).all(|(_, item)| match item.ty {
        ComponentItem::Type(_) => true,
        ComponentItem::ComponentInstance(inner) => is_empty(engine, &inner),
        _ => false,
    })
}

impl Scope<ResourceType, Type> {
    /// Adds the item. Returns its kind if it is unsupported.
    fn add(&mut self, name: &str, item: ComponentItem) -> Option<&'static str> {
        match item {
            ComponentItem::ComponentFunc(function) => {
                self.functions.push(read_function(name, &function))
            }
            ComponentItem::Type(ty) => self.types.push((name.to_string(), ty)),
            ComponentItem::Resource(ty) => self.resources.push((name.to_string(), ty)),
            ComponentItem::CoreFunc(_) => return Some("core func"),
            ComponentItem::Module(_) => return Some("module"),
            ComponentItem::Component(_) => return Some("component"),
            ComponentItem::ComponentInstance(_) => return Some("instance"),
        }
        None
    }
}

fn read_function(name: &str, function: &types::ComponentFunc) -> Function<Type> {
    Function {
        name: name.to_string(),
        is_async: function.async_(),
        parameters: function
            .params()
            .map(|(name, ty)| (name.to_string(), ty))
            .collect(),
        result: function.results().next(),
    }
}

// ---- types without names --------------------------------------------------------------------------

/// Mirrors `tairitsu::TypeKind`.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Boolean,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Character,
    String,
    List,
    Record,
    Tuple,
    Variant,
    Enumeration,
    Option,
    Result,
    Flags,
    Own,
    Borrow,
    Future,
    Stream,
    ErrorContext,
    Map,
    FixedLengthList,
}

impl Kind {
    fn takes_name(self) -> bool {
        matches!(
            self,
            Kind::Record | Kind::Variant | Kind::Enumeration | Kind::Flags
        )
    }
}

/// The structure of a type. `fields` refer to earlier shapes.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Shape {
    kind: Kind,
    length: u32,
    resource: Option<usize>,
    fields: Vec<(String, Option<usize>)>,
}

/// The names of shapes in a scope.
type Names = HashMap<usize, String>;

#[derive(Default)]
struct Shapes {
    interned: Interner<Shape>,
    seen: HashMap<String, usize>,
    identities: Vec<Identity>,
    resource_of: HashMap<String, usize>,
}

/// Returns text that identifies a type or resource within a component. Wasmtime interns a component's
/// types, but exposes the index only through `Debug`. `==` does not replace it: it walks the whole types, and
/// panics on resources of a component that is not instantiated. Equal texts mean the same type within one
/// component; the converse is not needed.
fn identity(ty: &impl Debug) -> String {
    format!("{ty:?}")
}

impl Shapes {
    /// Assigns indices to the scope's resources, and adds the names that they have in it.
    fn identify(&mut self, scope: Scope<ResourceType, Type>) -> Scope<usize, Type> {
        let interface = &scope.name;
        let resources = scope.resources.into_iter().map(|(name, resource)| {
            let key = identity(&resource);
            let index = *self.resource_of.entry(key).or_insert_with(|| {
                self.identities.push(Identity::new());
                self.identities.len() - 1
            });
            self.identities[index].push((interface.clone(), name.clone()));
            (name, index)
        });
        Scope {
            resources: resources.collect(),
            name: scope.name,
            functions: scope.functions,
            types: scope.types,
            instances: scope.instances,
        }
    }

    fn scope(&mut self, scope: Scope<usize, Type>) -> Scope<usize, usize> {
        scope.map_types(|ty| self.shape(&ty))
    }

    fn names(&self, types: &[(String, usize)]) -> Names {
        let mut names = Names::new();
        for (name, shape) in types {
            self.add_name(&mut names, name, *shape);
        }
        names
    }

    fn add_name(&self, names: &mut Names, name: &str, shape: usize) {
        if self.interned.entries[shape].kind.takes_name() {
            names.entry(shape).or_insert_with(|| name.to_string());
        }
    }

    /// Returns the shape of a type. The recursion is bounded: a valid type is at most 100 levels deep.
    fn shape(&mut self, ty: &Type) -> usize {
        let key = identity(ty);
        if let Some(&shape) = self.seen.get(&key) {
            return shape;
        }
        let mut resource = None;
        let mut length = 0;
        let (kind, fields) = match ty {
            Type::Bool => (Kind::Boolean, vec![]),
            Type::S8 => (Kind::S8, vec![]),
            Type::U8 => (Kind::U8, vec![]),
            Type::S16 => (Kind::S16, vec![]),
            Type::U16 => (Kind::U16, vec![]),
            Type::S32 => (Kind::S32, vec![]),
            Type::U32 => (Kind::U32, vec![]),
            Type::S64 => (Kind::S64, vec![]),
            Type::U64 => (Kind::U64, vec![]),
            Type::Float32 => (Kind::F32, vec![]),
            Type::Float64 => (Kind::F64, vec![]),
            Type::Char => (Kind::Character, vec![]),
            Type::String => (Kind::String, vec![]),
            Type::ErrorContext => (Kind::ErrorContext, vec![]),
            Type::List(list) => (Kind::List, vec![self.field("", Some(list.ty()))]),
            Type::Option(option) => (Kind::Option, vec![self.field("", Some(option.ty()))]),
            Type::Future(future) => (Kind::Future, vec![self.field("", future.ty())]),
            Type::Stream(stream) => (Kind::Stream, vec![self.field("", stream.ty())]),
            Type::FixedLengthList(list) => {
                length = list.len();
                (Kind::FixedLengthList, vec![self.field("", Some(list.ty()))])
            }
            Type::Map(map) => (
                Kind::Map,
                vec![
                    self.field("", Some(map.key())),
                    self.field("", Some(map.value())),
                ],
            ),
            Type::Result(result) => (
                Kind::Result,
                vec![
                    self.field("ok", result.ok()),
                    self.field("error", result.err()),
                ],
            ),
            Type::Tuple(tuple) => (
                Kind::Tuple,
                tuple.types().map(|ty| self.field("", Some(ty))).collect(),
            ),
            Type::Record(record) => (
                Kind::Record,
                record
                    .fields()
                    .map(|field| self.field(field.name, Some(field.ty)))
                    .collect(),
            ),
            Type::Variant(variant) => (
                Kind::Variant,
                variant
                    .cases()
                    .map(|case| self.field(case.name, case.ty))
                    .collect(),
            ),
            Type::Enum(cases) => (
                Kind::Enumeration,
                cases.names().map(|name| (name.to_string(), None)).collect(),
            ),
            Type::Flags(labels) => (
                Kind::Flags,
                labels
                    .names()
                    .map(|name| (name.to_string(), None))
                    .collect(),
            ),
            Type::Own(ty) => {
                resource = self.resource_of.get(&identity(ty)).copied();
                (Kind::Own, vec![])
            }
            Type::Borrow(ty) => {
                resource = self.resource_of.get(&identity(ty)).copied();
                (Kind::Borrow, vec![])
            }
        };
        let shape = self.interned.intern(Shape {
            kind,
            length,
            resource,
            fields,
        });
        self.seen.insert(key, shape);
        shape
    }

    fn field(&mut self, name: &str, ty: Option<Type>) -> (String, Option<usize>) {
        (name.to_string(), ty.map(|ty| self.shape(&ty)))
    }
}

/// Assigns the same index to equal values.
struct Interner<T> {
    entries: Vec<T>,
    index_of: HashMap<T, usize>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Interner {
            entries: Vec::new(),
            index_of: HashMap::new(),
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interner<T> {
    fn intern(&mut self, value: T) -> usize {
        if let Some(&index) = self.index_of.get(&value) {
            return index;
        }
        let index = self.entries.len();
        self.entries.push(value.clone());
        self.index_of.insert(value, index);
        index
    }
}

// ---- types with names -----------------------------------------------------------------------------

/// An entry of the encoded `types`.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Node {
    kind: Kind,
    name: String,
    /// An index into [`World::identities`].
    resource: Option<usize>,
    length: u32,
    fields: Vec<(String, Option<usize>)>,
}

struct Nodes<'a> {
    shapes: &'a Shapes,
    everywhere: &'a Names,
    interned: Interner<Node>,
}

impl Nodes<'_> {
    fn scope<R>(&mut self, scope: Scope<R, usize>) -> Scope<R, usize> {
        let own = self.shapes.names(&scope.types);
        let mut done = HashMap::new();
        scope.map_types(|shape| self.node(shape, &own, &mut done))
    }

    /// Returns the node of a shape. `done` maps shapes of this scope that already have a node.
    fn node(&mut self, shape: usize, own: &Names, done: &mut HashMap<usize, usize>) -> usize {
        if let Some(&node) = done.get(&shape) {
            return node;
        }
        let shapes = self.shapes;
        let structure = &shapes.interned.entries[shape];
        let fields = structure
            .fields
            .iter()
            .map(|(name, ty)| (name.clone(), ty.map(|ty| self.node(ty, own, done))))
            .collect();
        let name = own.get(&shape).or_else(|| self.everywhere.get(&shape));
        let node = self.interned.intern(Node {
            kind: structure.kind,
            name: name.cloned().unwrap_or_default(),
            resource: structure.resource,
            length: structure.length,
            fields,
        });
        done.insert(shape, node);
        node
    }
}

// ---- bytes ----------------------------------------------------------------------------------------

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn u32(&mut self, value: usize) -> Result<(), Error> {
        let value = u32::try_from(value).map_err(|_| {
            Error::new(Code::InvalidComponent, "the component's world is too large")
        })?;
        self.bytes.extend(value.to_le_bytes());
        Ok(())
    }

    fn str(&mut self, text: &str) -> Result<(), Error> {
        self.u32(text.len())?;
        self.bytes.extend(text.as_bytes());
        Ok(())
    }

    fn list<T>(
        &mut self,
        items: &[T],
        mut write: impl FnMut(&mut Writer, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.u32(items.len())?;
        items.iter().try_for_each(|item| write(self, item))
    }

    fn reference(&mut self, ty: Option<usize>) -> Result<(), Error> {
        self.u32(ty.map_or(0, |index| index + 1))
    }

    fn field(&mut self, (name, ty): &(String, Option<usize>)) -> Result<(), Error> {
        self.str(name)?;
        self.reference(*ty)
    }

    fn named(&mut self, (name, ty): &(String, usize)) -> Result<(), Error> {
        self.str(name)?;
        self.reference(Some(*ty))
    }

    fn function(&mut self, function: &Function<usize>) -> Result<(), Error> {
        self.str(&function.name)?;
        self.bytes.push(u8::from(function.is_async));
        self.list(&function.parameters, Writer::named)?;
        self.reference(function.result)
    }

    fn scope(&mut self, scope: &Scope<usize, usize>) -> Result<(), Error> {
        self.list(&scope.functions, Writer::function)?;
        self.list(&scope.types, Writer::named)?;
        self.list(&scope.resources, Writer::named)
    }

    fn side(&mut self, side: &Side<usize, usize>) -> Result<(), Error> {
        self.list(&side.interfaces, |out, interface| {
            out.str(&interface.name)?;
            out.scope(interface)?;
            out.list(&interface.instances, |out, name| out.str(name))
        })?;
        self.scope(&side.root)?;
        self.list(&side.unsupported, |out, text| out.str(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{Config, Engine};

    fn world(wat: &str) -> World {
        let mut config = Config::new();
        config
            .wasm_component_model_async(true)
            .wasm_component_model_error_context(true)
            .wasm_component_model_map(true)
            .wasm_component_model_fixed_length_lists(true);
        let engine = Engine::new(&config).unwrap();
        read(&wasmtime::component::Component::new(&engine, wat).unwrap())
    }

    /// Formats a type: `Record item{id:U32,tags:List{:String}}`, `Own a:b/c.r`.
    fn text(world: &World, index: usize) -> String {
        let node = &world.types[index];
        let mut out = format!("{:?}", node.kind);
        let owner = node.resource.map(|index| &world.identities[index][0]);
        match owner.map_or(("", &*node.name), |(interface, name)| (interface, name)) {
            ("", "") => (),
            ("", name) => out += &format!(" {name}"),
            (interface, name) => out += &format!(" {interface}.{name}"),
        }
        if node.length != 0 {
            out += &format!(" {}", node.length);
        }
        if !node.fields.is_empty() {
            let field = |(name, ty): &(String, Option<usize>)| match ty {
                Some(ty) => format!("{name}:{}", text(world, *ty)),
                None => name.clone(),
            };
            let fields: Vec<_> = node.fields.iter().map(field).collect();
            out += &format!("{{{}}}", fields.join(","));
        }
        out
    }

    fn parameters(world: &World, function: &Function<usize>) -> Vec<String> {
        let types = function.parameters.iter();
        types.map(|(_, ty)| text(world, *ty)).collect()
    }

    #[test]
    fn reads_every_kind_of_type() {
        let world = world(
            r#"(component
            (type $r0 (record (field "id" u32) (field "price" float64)))
            (type $v0 (variant (case "all") (case "under" float32)))
            (import "i" (instance
                (export "item" (type $r (eq $r0)))
                (export "filter" (type $v (eq $v0)))
                (type $e0 (enum "info" "warning")) (export "level" (type $e (eq $e0)))
                (type $f0 (flags "read" "write")) (export "rights" (type $f (eq $f0)))
                (type $id0 u16) (export "id" (type $id (eq $id0)))
                (export "session" (type $s (sub resource)))
                (export "scalars" (func (param "a" bool) (param "b" s8) (param "c" u8)
                    (param "d" s16) (param "e" $id) (param "f" s32) (param "g" s64)
                    (param "h" u64) (param "i" char) (param "j" string)))
                (export "named" (func (param "a" $r) (param "b" $v) (param "c" $e) (param "d" $f)))
                (export "made" (func (param "a" (list $r)) (param "b" (option string))
                    (param "c" (tuple u8 $r)) (param "d" (result)) (param "e" (result u8))
                    (param "f" (result (error string))) (param "g" (own $s))
                    (param "h" (borrow $s)) (result (result $r (error $e)))))
                (export "later" (func async (param "a" (future)) (param "b" (future u8))
                    (param "c" (stream $r)) (param "d" error-context)
                    (param "e" (map string u8)) (param "f" (list u8 4))))
            )))"#,
        );
        let interface = &world.imports.interfaces[0];
        assert_eq!(interface.name, "i");
        let names: Vec<_> = interface.types.iter().map(|ty| &*ty.0).collect();
        assert_eq!(names, ["item", "filter", "level", "rights", "id"]);
        assert_eq!(text(&world, interface.types[4].1), "U16");
        assert_eq!(interface.resources[0].0, "session");
        let [scalars, named, made, later] = &*interface.functions else {
            panic!("four functions");
        };
        assert_eq!(
            parameters(&world, scalars).join(" "),
            "Boolean S8 U8 S16 U16 S32 S64 U64 Character String"
        );
        assert_eq!(
            parameters(&world, named),
            [
                "Record item{id:U32,price:F64}",
                "Variant filter{all,under:F32}",
                "Enumeration level{info,warning}",
                "Flags rights{read,write}",
            ]
        );
        assert_eq!(
            parameters(&world, made),
            [
                "List{:Record item{id:U32,price:F64}}",
                "Option{:String}",
                "Tuple{:U8,:Record item{id:U32,price:F64}}",
                "Result{ok,error}",
                "Result{ok:U8,error}",
                "Result{ok,error:String}",
                "Own i.session",
                "Borrow i.session",
            ]
        );
        assert_eq!(
            text(&world, made.result.unwrap()),
            "Result{ok:Record item{id:U32,price:F64},error:Enumeration level{info,warning}}"
        );
        assert!(!made.is_async && later.is_async);
        assert_eq!(
            parameters(&world, later),
            [
                "Future{}",
                "Future{:U8}",
                "Stream{:Record item{id:U32,price:F64}}",
                "ErrorContext",
                "Map{:String,:U8}",
                "FixedLengthList 4{:U8}",
            ]
        );
    }

    #[test]
    fn uses_the_names_of_the_interface_that_uses_a_type() {
        // Both records have the same structure, so Wasmtime interns them as one type.
        let world = world(
            r#"(component
            (import "a" (instance
                (type $t0 (record (field "x" u8))) (export "point" (type $t (eq $t0)))
                (export "f" (func (param "p" $t)))))
            (import "b" (instance
                (type $t0 (record (field "x" u8))) (export "first" (type $t (eq $t0)))
                (export "second" (type $u (eq $t)))
                (export "f" (func (param "p" $t) (param "q" $u) (param "r" (list $t)))))))"#,
        );
        let function = |index: usize| &world.imports.interfaces[index].functions[0];
        assert_eq!(parameters(&world, function(0)), ["Record point{x:U8}"]);
        assert_eq!(
            parameters(&world, function(1)),
            [
                "Record first{x:U8}",
                "Record first{x:U8}",
                "List{:Record first{x:U8}}"
            ]
        );
    }

    #[test]
    fn an_indirectly_used_type_keeps_the_name_of_its_interface() {
        let world = world(
            r#"(component
            (import "a" (instance $a
                (type $i0 (record (field "x" u8))) (export "item" (type $i (eq $i0)))
                (type $o0 (record (field "items" (list $i)))) (export "order" (type $o (eq $o0)))))
            (alias export $a "order" (type $order))
            (import "b" (instance
                (export "order" (type $o (eq $order)))
                (export "f" (func (param "o" $o)))))
            (import "bought" (type $bought (eq $order)))
            (import "g" (func (param "o" $bought))))"#,
        );
        let order = "Record order{items:List{:Record item{x:U8}}}";
        let used = &world.imports.interfaces[1].functions[0];
        assert_eq!(parameters(&world, used), [order]);
        assert_eq!(
            parameters(&world, &world.imports.root.functions[0]),
            [order]
        );
    }

    #[test]
    fn a_resource_belongs_to_the_first_interface_that_has_it() {
        let world = world(
            r#"(component
            (import "a:b/shop" (instance $a (export "basket" (type (sub resource)))))
            (alias export $a "basket" (type $basket))
            (import "a:b/user" (instance
                (export "bag" (type $b (eq $basket)))
                (export "f" (func (param "b" (borrow $b)) (result (own $b))))))
            (import "mine" (type $mine (sub resource)))
            (import "g" (func (param "m" (own $mine))))
            (core module $m (func (export "drop") (param i32)) (func (export "h") (param i32)))
            (core instance $m (instantiate $m))
            (type $made' (resource (rep i32)))
            (component $inner
                (import "basket" (type $b (sub resource)))
                (export "basket" (type $b)))
            (instance $inner (instantiate $inner (with "basket" (type $made'))))
            (export "a:b/shop" (instance $inner))
            (export $made "made" (type $made'))
            (func $h (param "m" (own $made)) (canon lift (core func $m "h")))
            (export "h" (func $h)))"#,
        );
        let shop = &world.imports.interfaces[0];
        let user = &world.imports.interfaces[1];
        assert_eq!(shop.resources[0].0, "basket");
        assert_eq!(user.resources[0].0, "bag");
        assert_eq!(
            parameters(&world, &user.functions[0]),
            ["Borrow a:b/shop.basket"]
        );
        let made = text(&world, user.functions[0].result.unwrap());
        assert_eq!(made, "Own a:b/shop.basket");
        let root = &world.imports.root;
        assert_eq!(parameters(&world, &root.functions[0]), ["Own mine"]);
        // The guest's resource has one identity, whichever export names it.
        let exported = &world.exports.root.functions[0];
        assert_eq!(parameters(&world, exported), ["Own a:b/shop.basket"]);
    }

    #[test]
    fn lists_what_cannot_be_linked() {
        let world = world(
            r#"(component
            (import "m" (core module))
            (import "a:b/c" (instance
                (export "inner" (instance (export "deep" (instance (export "g" (func))))))
                (export "empty" (instance
                    (type $t0 (enum "x")) (export "t" (type (eq $t0)))
                    (export "deep" (instance))))
                (export "f" (func)))))"#,
        );
        assert_eq!(
            world.imports.unsupported,
            ["module \"m\"", "instance \"inner\" in \"a:b/c\""]
        );
        assert_eq!(world.imports.interfaces[0].functions[0].name, "f");
        assert_eq!(world.imports.interfaces[0].instances, ["empty"]);
    }

    #[test]
    fn keeps_every_name_of_a_resource() {
        let world = world(
            r#"(component
            (import "a:b/host" (instance $host
                (export "r" (type $r (sub resource)))
                (export "s" (type (eq $r)))
                (export "other" (type (sub resource)))))
            (alias export $host "s" (type $s))
            (import "a:b/user" (instance (export "q" (type (eq $s)))))
            (import "top" (type (eq $s))))"#,
        );
        let name = |interface: &str, name: &str| (interface.to_string(), name.to_string());
        assert_eq!(
            world.identities,
            [
                vec![
                    name("a:b/host", "r"),
                    name("a:b/host", "s"),
                    name("a:b/user", "q"),
                    name("", "top")
                ],
                vec![name("a:b/host", "other")],
            ]
        );
        assert_eq!(
            world.imports.interfaces[1].resources,
            [("q".to_string(), 0)]
        );
    }

    #[test]
    fn writes_shared_types_once() {
        // Expanded, the last type has 2^18 leaves.
        let mut wat = String::from("(component (type $t0 (tuple u8 s8))");
        for depth in 1..=17 {
            let below = depth - 1;
            wat += &format!("(type $t{depth} (tuple $t{below} $t{below}))");
        }
        wat += "(import \"f\" (func (param \"p\" $t17))))";
        let world = world(&wat);
        assert_eq!(world.types.len(), 20);
        assert!(encode(&world).unwrap().len() < 1500);
    }

    #[test]
    fn encodes_as_documented() {
        // The same bytes are in tests/unit/wit/world_test.cc.
        let world = world(
            r#"(component
            (import "log" (func (param "m" string)))
            (import "a:b/c@1.0.0" (instance
                (type $e0 (enum "x")) (export "e" (type $e (eq $e0)))
                (export "r" (type $r (sub resource)))
                (export "f" (func async (param "r" (borrow $r)) (result $e))))))"#,
        );
        let wanted = "54574c44 02000000
            01000000 01000000 0b000000 613a622f6340312e302e30 01000000 72 03000000
            11 01000000 65 00000000 00000000 01000000 01000000 78 00000000
            16 00000000 01000000 00000000 00000000
            0c 00000000 00000000 00000000 00000000
            01000000 0b000000 613a622f6340312e302e30
            01000000 01000000 66 01 01000000 01000000 72 02000000 01000000
            01000000 01000000 65 01000000
            01000000 01000000 72 01000000 00000000
            01000000 03000000 6c6f67 00 01000000 01000000 6d 03000000 00000000
            00000000 00000000 00000000
            00000000 00000000 00000000 00000000 00000000";
        let bytes = encode(&world).unwrap();
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, wanted.split_whitespace().collect::<String>());
    }
}
