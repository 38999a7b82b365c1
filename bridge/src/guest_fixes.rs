//! What wit-bindgen-cpp 0.60 gets wrong about resources, patched in the text that it writes.
//!
//! Its version is pinned: it shares wit-parser with Wasmtime. Each patch is an exact replacement. How
//! often it has to apply is counted in the WIT, and another number is [`Code::Internal`], so that a
//! new version of the generator cannot lose one unnoticed. What cannot be patched is refused before
//! anything is generated, see [`refuse`].

use crate::error::{Code, Error};
use crate::wit::parts;
use std::fmt::Write;
use wit_parser::{
    Function, FunctionKind, Handle, Resolve, Type, TypeDefKind, TypeId, TypeOwner, WorldId,
    WorldItem,
};

/// Defect: a resource that comes by way of the `use` of a `use` is looked up one step deep, and so
/// may be taken for the guest's own. Here every alias of a resource names the resource itself.
pub fn shorten_aliases(resolve: &mut Resolve) {
    let aliases: Vec<TypeId> = resolve.types.iter().map(|(id, _)| id).collect();
    for alias in aliases {
        let target = dealias(resolve, alias);
        if target != alias && matches!(resolve.types[target].kind, TypeDefKind::Resource) {
            resolve.types[alias].kind = TypeDefKind::Type(Type::Id(target));
        }
    }
}

fn dealias(resolve: &Resolve, mut id: TypeId) -> TypeId {
    while let TypeDefKind::Type(Type::Id(next)) = resolve.types[id].kind {
        id = next;
    }
    id
}

/// The functions of one side of a world, each with the name to show for it.
fn functions(resolve: &Resolve, world: WorldId, exported: bool) -> Vec<(String, &Function)> {
    let world = &resolve.worlds[world];
    let items = if exported {
        &world.exports
    } else {
        &world.imports
    };
    let mut functions = Vec::new();
    for (key, item) in items {
        match item {
            WorldItem::Function(function) => functions.push((function.name.clone(), function)),
            WorldItem::Interface { id, .. } => {
                let interface = resolve.name_world_key(key);
                functions.extend(
                    resolve.interfaces[*id]
                        .functions
                        .values()
                        .map(|function| (format!("{interface}#{}", function.name), function)),
                );
            }
            WorldItem::Type { .. } => {}
        }
    }
    functions
}

/// Shows every type in the tree of `ty` with its kind, as often as it occurs there.
fn visit(resolve: &Resolve, ty: &Type, see: &mut impl FnMut(&Type, Option<&TypeDefKind>)) {
    let kind = match ty {
        Type::Id(id) => Some(&resolve.types[*id].kind),
        _ => None,
    };
    see(ty, kind);
    for part in parts(resolve, ty) {
        visit(resolve, &part, see);
    }
}

fn has_handle(resolve: &Resolve, ty: &Type, own_only: bool) -> bool {
    let mut found = false;
    visit(resolve, ty, &mut |_, kind| {
        found |= match kind {
            Some(TypeDefKind::Handle(Handle::Own(_))) => true,
            Some(TypeDefKind::Handle(Handle::Borrow(_))) => !own_only,
            _ => false,
        };
    });
    found
}

/// Refuses what the C++ generator panics on, or writes C++ for that does not compile or work.
pub fn refuse(resolve: &Resolve, world: WorldId) -> Result<(), Error> {
    let unsupported = |what: String| {
        Error::new(
            Code::UnsupportedType,
            format!(
                "{what}, which C++ guest bindings cannot express: use `bindgen guest c` instead"
            ),
        )
    };
    let of_world = &resolve.worlds[world];
    for (key, item) in of_world.imports.iter().chain(&of_world.exports) {
        let name = resolve.name_world_key(key);
        match item {
            WorldItem::Type { id, .. } => {
                if matches!(resolve.types[*id].kind, TypeDefKind::Resource) {
                    return Err(unsupported(format!(
                        "world '{}' has the resource '{name}' outside an interface",
                        of_world.name
                    )));
                }
            }
            WorldItem::Interface { id, .. } => {
                for (type_name, id) in &resolve.interfaces[*id].types {
                    let what = match resolve.types[*id].kind {
                        TypeDefKind::Handle(_) => "a handle",
                        TypeDefKind::Future(_) => "a future",
                        TypeDefKind::Stream(_) => "a stream",
                        TypeDefKind::FixedLengthList(..) => "a list of fixed length",
                        _ => continue,
                    };
                    return Err(unsupported(format!(
                        "the type '{type_name}' of '{name}' is {what} with a name of its own"
                    )));
                }
            }
            WorldItem::Function(_) => {}
        }
    }
    for exported in [false, true] {
        for (name, function) in functions(resolve, world, exported) {
            if let Some(what) = refused(resolve, function, exported) {
                return Err(unsupported(format!("function '{name}' {what}")));
            }
            if !exported && let Some(list) = freed_list(resolve, function) {
                return Err(Error::new(
                    Code::UnsupportedType,
                    format!(
                        "function '{name}' takes a '{}', which C++ guest bindings would corrupt: the elements of a \
                         list that an imported function takes must not contain a result or an option with strings \
                         or lists in it. Use `bindgen guest c` instead, or pass one element at a time",
                        type_text(resolve, &list)
                    ),
                ));
            }
            if exported && let Some(list) = corrupted_list(resolve, function) {
                return Err(Error::new(
                    Code::UnsupportedType,
                    format!(
                        "function '{name}' returns a '{}', which C++ guest bindings would corrupt: the elements of \
                         a returned list must not contain an option, a result, a variant, a map or more than 32 \
                         flags. Use `bindgen guest c` instead, or return a list of handles to a resource whose \
                         methods return one element each",
                        type_text(resolve, &list)
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// A list in the function's result that is lowered wrongly: it is lowered over the C++ vector, element by element,
/// so an element has to lie in C++ as it does in the canonical ABI.
fn corrupted_list(resolve: &Resolve, function: &Function) -> Option<Type> {
    let mut found = None;
    visit(resolve, function.result.as_ref()?, &mut |ty, kind| {
        if let Some(TypeDefKind::List(element)) = kind
            && !lies_alike(resolve, element)
        {
            found = found.or(Some(*ty));
        }
    });
    found
}

/// A list in the parameters of an imported function whose elements are freed before the call: what a result or an
/// option holds is copied out of the caller's element, and the copy does not outlive its turn of the loop.
fn freed_list(resolve: &Resolve, function: &Function) -> Option<Type> {
    let owns_memory = |ty: &Type| {
        let mut found = false;
        visit(resolve, ty, &mut |ty, kind| {
            found |= matches!(ty, Type::String)
                || matches!(kind, Some(TypeDefKind::List(_) | TypeDefKind::Map(..)));
        });
        found
    };
    let mut found = None;
    for param in &function.params {
        visit(resolve, &param.ty, &mut |list, kind| {
            let Some(TypeDefKind::List(element)) = kind else {
                return;
            };
            visit(resolve, element, &mut |_, kind| {
                let freed = match kind {
                    Some(TypeDefKind::Result(result)) => {
                        result.ok.iter().chain(&result.err).any(owns_memory)
                    }
                    // An option of a string is a view.
                    Some(TypeDefKind::Option(ty)) => *ty != Type::String && owns_memory(ty),
                    _ => false,
                };
                if freed {
                    found = found.or(Some(*list));
                }
            });
        });
    }
    found
}

/// Whether a value of that type lies in C++ as it does in the canonical ABI. A nested list does, whatever its
/// elements are.
fn lies_alike(resolve: &Resolve, ty: &Type) -> bool {
    let Type::Id(id) = ty else { return true };
    match &resolve.types[*id].kind {
        TypeDefKind::Record(_) | TypeDefKind::Tuple(_) | TypeDefKind::Type(_) => {
            let parts = parts(resolve, ty);
            parts.iter().all(|part| lies_alike(resolve, part))
        }
        TypeDefKind::Flags(flags) => flags.flags.len() <= 32,
        TypeDefKind::Enum(_) | TypeDefKind::List(_) | TypeDefKind::Handle(_) => true,
        TypeDefKind::Option(_)
        | TypeDefKind::Result(_)
        | TypeDefKind::Variant(_)
        | TypeDefKind::Map(..)
        | TypeDefKind::FixedLengthList(..)
        | TypeDefKind::Future(_)
        | TypeDefKind::Stream(_)
        | TypeDefKind::Resource
        | TypeDefKind::Unknown => false,
    }
}

/// The type as WIT; what has a name by that.
fn type_text(resolve: &Resolve, ty: &Type) -> String {
    let id = match ty {
        Type::Bool => return "bool".to_owned(),
        Type::U8 => return "u8".to_owned(),
        Type::U16 => return "u16".to_owned(),
        Type::U32 => return "u32".to_owned(),
        Type::U64 => return "u64".to_owned(),
        Type::S8 => return "s8".to_owned(),
        Type::S16 => return "s16".to_owned(),
        Type::S32 => return "s32".to_owned(),
        Type::S64 => return "s64".to_owned(),
        Type::F32 => return "f32".to_owned(),
        Type::F64 => return "f64".to_owned(),
        Type::Char => return "char".to_owned(),
        Type::String => return "string".to_owned(),
        Type::ErrorContext => return "error-context".to_owned(),
        Type::Id(id) => *id,
    };
    let def = &resolve.types[id];
    if let Some(name) = &def.name {
        return name.clone();
    }
    let text = |ty: &Type| type_text(resolve, ty);
    let optional = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), text);
    match &def.kind {
        TypeDefKind::List(ty) => format!("list<{}>", text(ty)),
        TypeDefKind::FixedLengthList(ty, length) => format!("list<{}, {length}>", text(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", text(ty)),
        TypeDefKind::Map(key, value) => format!("map<{}, {}>", text(key), text(value)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(text).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Result(result) => match (&result.ok, &result.err) {
            (None, None) => "result".to_owned(),
            (ok, None) => format!("result<{}>", optional(ok)),
            (ok, err) => format!("result<{}, {}>", optional(ok), optional(err)),
        },
        TypeDefKind::Handle(Handle::Own(id)) => text(&Type::Id(*id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", text(&Type::Id(*id))),
        TypeDefKind::Type(ty) => text(ty),
        kind => kind.as_str().to_owned(),
    }
}

/// What is wrong with one function, `None` where nothing is.
fn refused(resolve: &Resolve, function: &Function, exported: bool) -> Option<&'static str> {
    if matches!(
        function.kind,
        FunctionKind::AsyncFreestanding
            | FunctionKind::AsyncMethod(_)
            | FunctionKind::AsyncStatic(_)
    ) {
        return Some("is asynchronous");
    }
    let parameters = || function.params.iter().map(|param| &param.ty);
    for ty in parameters().chain(&function.result) {
        let mut what = None;
        visit(resolve, ty, &mut |ty, kind| {
            let found = match (ty, kind) {
                (Type::ErrorContext, _) => Some("has an error context"),
                (_, Some(TypeDefKind::Future(_))) => Some("has a future"),
                (_, Some(TypeDefKind::Stream(_))) => Some("has a stream"),
                (_, Some(TypeDefKind::Map(..))) if has_handle(resolve, ty, false) => {
                    Some("has a map of resources")
                }
                (_, Some(TypeDefKind::FixedLengthList(..))) if has_handle(resolve, ty, false) => {
                    Some("has a list of fixed length of resources")
                }
                _ => None,
            };
            what = what.or(found);
        });
        if what.is_some() {
            return what;
        }
    }
    if exported {
        return None;
    }
    // It would be the constructor that moves.
    if let FunctionKind::Constructor(resource) = function.kind
        && let [only] = function.params.as_slice()
        && let Type::Id(id) = only.ty
        && let TypeDefKind::Handle(Handle::Own(id)) = resolve.types[id].kind
        && dealias(resolve, id) == resource
        && !fallible(resolve, function)
    {
        return Some("makes a resource of one of the same type");
    }
    // Such a list comes as a span of const elements, from which nothing can be moved.
    parameters()
        .any(|ty| has_const_list(resolve, ty, false))
        .then_some("takes a list of owned resources inside of a list or an option")
}

/// Whether there is a list with owned handles below a list or an option, as far as spans reach: the
/// fields of records and variants are vectors.
fn has_const_list(resolve: &Resolve, ty: &Type, below: bool) -> bool {
    let Type::Id(id) = ty else { return false };
    match &resolve.types[*id].kind {
        TypeDefKind::List(element) => {
            (below && has_handle(resolve, element, true)) || has_const_list(resolve, element, true)
        }
        TypeDefKind::Option(ty) => has_const_list(resolve, ty, true),
        TypeDefKind::Tuple(tuple) => {
            let mut types = tuple.types.iter();
            types.any(|ty| has_const_list(resolve, ty, below))
        }
        TypeDefKind::Type(ty) => has_const_list(resolve, ty, below),
        _ => false,
    }
}

/// A constructor that gives a `result`, and so becomes a static function.
fn fallible(resolve: &Resolve, function: &Function) -> bool {
    matches!(function.result, Some(Type::Id(id)) if matches!(resolve.types[id].kind, TypeDefKind::Result(_)))
}

/// How often each patch has to apply, or did.
#[derive(Default, PartialEq, Eq, Debug)]
struct Counts {
    /// Borrowed imported resources that exported functions are given.
    lent: usize,
    /// Owned exported resources that exported functions are given.
    taken: usize,
    /// Owned imported resources that exported functions give, outside anything but a tuple.
    returned: usize,
    /// Lists that imported functions are given; more where one is in a list of fixed length.
    lowered: usize,
    /// Lists that come in, to either side; more where one is in a list of fixed length.
    lifted: usize,
    /// Classes of imported resources.
    assigned: usize,
    /// Owned exported resources that exported functions are declared with; those of records are
    /// patched too.
    owned: usize,
}

impl Counts {
    /// Out of the WIT, as the generator left it: there an interface that is imported and exported
    /// is two.
    fn wanted(resolve: &Resolve, world: WorldId) -> Counts {
        let mut counts = Counts::default();
        let imported = |id: TypeId| match resolve.types[dealias(resolve, id)].owner {
            TypeOwner::Interface(owner) => resolve.worlds[world]
                .imports
                .values()
                .any(|item| matches!(item, WorldItem::Interface { id, .. } if *id == owner)),
            TypeOwner::World(_) | TypeOwner::None => false,
        };
        // Those whose elements are not simply copied, as the generator tells them.
        let lists = |ty: &Type| {
            let mut count = 0;
            visit(resolve, ty, &mut |_, kind| {
                if let Some(TypeDefKind::List(element)) = kind {
                    let copied =
                        resolve.all_bits_valid(element) && !has_handle(resolve, element, false);
                    count += usize::from(!copied);
                }
            });
            count
        };
        for (_, function) in functions(resolve, world, true) {
            for param in &function.params {
                visit(resolve, &param.ty, &mut |_, kind| match kind {
                    Some(TypeDefKind::Handle(Handle::Borrow(id))) if imported(*id) => {
                        counts.lent += 1;
                    }
                    Some(TypeDefKind::Handle(Handle::Own(id))) if !imported(*id) => {
                        counts.taken += 1;
                    }
                    _ => {}
                });
                counts.lifted += lists(&param.ty);
                counts.owned += spelled_owned(resolve, &param.ty, &|id| !imported(id));
            }
            // A constructor's result is not written.
            let constructor = matches!(function.kind, FunctionKind::Constructor(_));
            if let Some(ty) = &function.result
                && (!constructor || fallible(resolve, function))
            {
                counts.returned += returned(resolve, ty, &imported);
                counts.owned += spelled_owned(resolve, ty, &|id| !imported(id));
            }
        }
        for item in resolve.worlds[world].imports.values() {
            if let WorldItem::Interface { id, .. } = item {
                let types = resolve.interfaces[*id].types.values();
                counts.assigned += types
                    .filter(|id| matches!(resolve.types[**id].kind, TypeDefKind::Resource))
                    .count();
            }
        }
        for (_, function) in functions(resolve, world, false) {
            counts.lowered += function
                .params
                .iter()
                .map(|param| lists(&param.ty))
                .sum::<usize>();
            counts.lifted += function.result.iter().map(lists).sum::<usize>();
        }
        counts
    }
}

fn returned(resolve: &Resolve, ty: &Type, imported: &impl Fn(TypeId) -> bool) -> usize {
    let Type::Id(id) = ty else { return 0 };
    match &resolve.types[*id].kind {
        TypeDefKind::Handle(Handle::Own(id)) => usize::from(imported(*id)),
        TypeDefKind::Type(ty) => returned(resolve, ty, imported),
        TypeDefKind::Tuple(tuple) => tuple
            .types
            .iter()
            .map(|ty| returned(resolve, ty, imported))
            .sum(),
        _ => 0,
    }
}

/// The owned handles that are spelled where `ty` is: not those in records and variants.
fn spelled_owned(resolve: &Resolve, ty: &Type, counted: &impl Fn(TypeId) -> bool) -> usize {
    let Type::Id(id) = ty else { return 0 };
    match &resolve.types[*id].kind {
        TypeDefKind::Handle(Handle::Own(id)) => usize::from(counted(*id)),
        TypeDefKind::Record(_) | TypeDefKind::Variant(_) => 0,
        _ => parts(resolve, ty)
            .iter()
            .map(|ty| spelled_owned(resolve, ty, counted))
            .sum(),
    }
}

fn lost(defect: &str) -> Error {
    Error::new(
        Code::Internal,
        format!("the C++ generator changed: cannot patch {defect} any more (guest_fixes.rs)"),
    )
}

fn check(defect: &str, right: bool) -> Result<(), Error> {
    right.then_some(()).ok_or_else(|| lost(defect))
}

/// Patches the files of a world; `resolve` is the one that they were generated from.
pub fn patch(
    resolve: &Resolve,
    world: WorldId,
    files: &mut [(String, Vec<u8>)],
) -> Result<(), Error> {
    let wanted = Counts::wanted(resolve, world);
    let mut done = Counts::default();
    let classes: Vec<String> = files
        .iter()
        .filter_map(|(name, _)| class_header(name))
        .collect();
    for (name, contents) in files {
        let is_class = class_header(name).is_some();
        if !is_class && !name.ends_with(".cpp") && !name.ends_with(".h") {
            continue;
        }
        let text = std::str::from_utf8(contents).map_err(|_| lost("a file that is not text"))?;
        let patched = if name == "wit.h" {
            patch_support(text)?
        } else if name.ends_with(".cpp") {
            patch_source(text, &mut done)?
        } else {
            let text = patch_declarations(text, &classes, &mut done);
            if is_class {
                text
            } else {
                patch_includes(&text, &classes)?
            }
        };
        *contents = patched.into_bytes();
    }
    check(
        "a borrowed imported resource that an exported function is given",
        done.lent == wanted.lent,
    )?;
    check(
        "an exported resource that an exported function is given",
        done.taken == wanted.taken,
    )?;
    check(
        "an imported resource that an exported function gives",
        done.returned == wanted.returned,
    )?;
    check(
        "a list of resources that an imported function is given",
        done.lowered >= wanted.lowered,
    )?;
    check("a list that comes in", done.lifted >= wanted.lifted)?;
    check(
        "the assignment of an imported resource",
        done.assigned == wanted.assigned,
    )?;
    check(
        "an exported resource that is named before its class",
        done.owned >= wanted.owned,
    )
}

/// `exports-….h` of a file that its author fills in, under which name it is handed out or not.
fn class_header(name: &str) -> Option<String> {
    let name = name.strip_suffix(".template").unwrap_or(name);
    (name.starts_with("exports-") && name.ends_with(".h")).then(|| name.to_owned())
}

/// Defect: assigning to a vector frees it without destroying its elements, whose handles leak.
fn patch_support(text: &str) -> Result<String, Error> {
    const ASSIGNED: &str = "    if (data_ && length>0) {\n      free(data_);\n";
    check(
        "the assignment of a vector",
        text.matches(ASSIGNED).count() == 1,
    )?;
    Ok(text.replace(
        ASSIGNED,
        "    if (this == &b) return *this;\n    if (data_ && length>0) {\n      \
         for (size_t i=0;i<length;++i) { data_[i].~T(); }\n      free((void*)data_);\n",
    ))
}

/// Defect: the class of an exported resource comes before all types, so that it can use none. Here
/// it is declared before them, and comes after them.
fn patch_includes(text: &str, classes: &[String]) -> Result<String, Error> {
    const DEFECT: &str = "where the class of an exported resource is included";
    let mut declarations = String::new();
    let mut includes = String::new();
    let mut rest = text.to_owned();
    for header in classes {
        let include = format!("#include \"{header}\"\n");
        check(DEFECT, rest.matches(&include).count() == 1)?;
        rest = rest.replace(&include, "");
        includes += &include;
        let path = header.trim_end_matches(".h").replace('-', "::");
        let (namespace, class) = path.rsplit_once("::").ok_or_else(|| lost(DEFECT))?;
        _ = writeln!(declarations, "namespace {namespace} {{ class {class}; }}");
    }
    if classes.is_empty() {
        return Ok(rest);
    }
    let last = rest.rfind("\n#include ").ok_or_else(|| lost(DEFECT))? + 1;
    let begin = last + rest[last..].find('\n').ok_or_else(|| lost(DEFECT))? + 1;
    let end = rest.rfind("#endif").ok_or_else(|| lost(DEFECT))?;
    check(DEFECT, begin <= end)?;
    Ok([
        &rest[..begin],
        "// The guest's own resources; their classes are included at the end.\n",
        &declarations,
        &rest[begin..end],
        "// These may use all that is declared above.\n",
        &includes,
        &rest[end..],
    ]
    .concat())
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Patches the declarations in a header.
fn patch_declarations(text: &str, classes: &[String], done: &mut Counts) -> String {
    let is_class = |name: &str| {
        let mut names = classes.iter().filter_map(|header| {
            let path = header.strip_suffix(".h")?;
            path.rsplit('-').next()
        });
        names.any(|class| class == name)
    };
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        if !line.trim_start().starts_with("//") {
            // Defect: an exported function that gives an imported resource is declared to give a
            // reference to it, to something that ends with the function.
            if let Some(parameters) = line.find('(') {
                let (head, tail) = line.split_at(parameters);
                done.returned += head.matches("&&").count();
                line = head.replace("&&", "") + tail;
            }
            // The same inside of a tuple; a parameter's name follows where it is none.
            line = line.replace("&&,", ",").replace("&&>", ">");
            line = patch_assignment(&line, done);
            line = patch_owned(&line, &is_class, done);
        }
        out += &line;
        out.push('\n');
    }
    out
}

/// Defect: assigning to an imported resource asserts that there was none, instead of dropping it.
fn patch_assignment(line: &str, done: &mut Counts) -> String {
    let code = line.trim();
    let Some((class, _)) = code.split_once("& operator=(") else {
        return line.to_owned();
    };
    if code != format!("{class}& operator=({class}&&) = default;") {
        return line.to_owned();
    }
    done.assigned += 1;
    format!(
        "{}{class}& operator=({class}&& other) {{ {class} taken(std::move(other)); \
         std::swap(handle, taken.handle); return *this; }}",
        indent(line)
    )
}

/// `Class::Owned` needs the class. What it stands for does not, and so may be used before it.
fn patch_owned(line: &str, is_class: &impl Fn(&str) -> bool, done: &mut Counts) -> String {
    const OWNED: &str = "::Owned";
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(OWNED) {
        let end = at + OWNED.len();
        let head = &rest[..at];
        let begin = head
            .rfind(|c: char| !is_name(c) && c != ':')
            .map_or(0, |before| before + 1);
        let class = &head[begin..];
        let whole = !rest[end..].starts_with(is_name);
        if whole && is_class(class.rsplit("::").next().unwrap_or(class)) {
            done.owned += 1;
            out += &format!("{}wit::ResourceExportBase<{class}>{OWNED}", &head[..begin]);
        } else {
            out += &rest[..end];
        }
        rest = &rest[end..];
    }
    out + rest
}

/// What a call holds until it returns; in the source that uses it.
const CALL_CLASS: &str = r#"
// What a call holds until it returns.
namespace {
class TairitsuCall {
public:
  TairitsuCall() = default;
  TairitsuCall(TairitsuCall const &) = delete;
  TairitsuCall &operator=(TairitsuCall const &) = delete;
  ~TairitsuCall() {
    while (Held *last = held_) {
      held_ = last->next;
      last->end(last);
    }
  }

  // A resource that the caller lends: the callee has to drop its handle.
  template <class R> std::reference_wrapper<const R> lent(int32_t handle) {
    auto *lent = new Lent<R>{{held_, [](Held *held) { delete static_cast<Lent<R> *>(held); }},
                             R(wit::ResourceImportBase{handle})};
    held_ = lent;
    return lent->resource;
  }

  // Memory for the elements of a list.
  uint8_t *memory(size_t size) {
    static_assert(sizeof(Held) <= 16);
    auto *held = (Held *)malloc(16 + size);
    if (!held) abort();
    *held = {held_, [](Held *held) { free(held); }};
    held_ = held;
    return (uint8_t *)held + 16;
  }

private:
  struct Held {
    Held *next;
    void (*end)(Held *);
  };
  template <class R> struct Lent : Held {
    R resource;
  };
  Held *held_ = nullptr;
};
} // namespace

"#;

/// Patches the functions in the source.
fn patch_source(text: &str, done: &mut Counts) -> Result<String, Error> {
    const DEFECT: &str = "the functions of the C++ source";
    let lines: Vec<&str> = text.lines().collect();
    let mut out: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut exported = false;
    let mut body = 0;
    let mut first_include = None;
    let mut any_call = false;
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index];
        index += 1;
        if depth == 0 {
            if first_include.is_none() && line.starts_with("#include <cstdlib>") {
                first_include = Some(out.len() + 1);
            }
            // Attributes stand on the line before an exported function.
            exported |= line.contains("__export_name__(");
        }
        let before = depth;
        depth = (depth + line.matches('{').count())
            .checked_sub(line.matches('}').count())
            .ok_or_else(|| lost(DEFECT))?;
        if before == 0 {
            out.push(line.to_owned());
            if depth > 0 {
                body = out.len();
            } else if line.contains('}') {
                exported = false;
            }
            continue;
        }
        if let Some(list) = (!exported)
            .then(|| lowered_list(&lines[index - 1..]))
            .flatten()
        {
            // The second of these lines has no braces.
            out.extend(list);
            done.lowered += 1;
            index += 1;
            continue;
        }
        let mut patched = line.to_owned();
        if exported {
            patched = patch_lent(&patched, done);
            patched = patch_taken(&patched, done);
        }
        out.push(patched);
        if let Some(number) = lifted_list(line)
            && lines.get(index).is_some_and(|line| line.trim() == "}")
        {
            // Defect: the memory in which a list comes is never freed.
            let end = lines[index];
            out.push(end.to_owned());
            out.push(format!(
                "{}if (_len{number} > 0) free((void*)_base{number});",
                indent(end)
            ));
            depth = depth.checked_sub(1).ok_or_else(|| lost(DEFECT))?;
            done.lifted += 1;
            index += 1;
        }
        if depth == 0 {
            exported = false;
            if out[body..]
                .iter()
                .any(|line| line.contains("tairitsu_call."))
            {
                out.insert(body, "  TairitsuCall tairitsu_call;".to_owned());
                any_call = true;
            }
        }
    }
    check(DEFECT, depth == 0)?;
    if any_call {
        let at = first_include.ok_or_else(|| lost(DEFECT))?;
        out.insert(at, format!("#include <functional>\n{CALL_CLASS}"));
    }
    Ok(out.join("\n") + "\n")
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// The end of the bracket that is open at the beginning of `text`.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// Defect: the handle of an imported resource that is lent is used as a pointer to it. It has to
/// become a resource, and that has to live until the function returns.
fn patch_lent(line: &str, done: &mut Counts) -> String {
    const BEGIN: &str = "std::ref(*(";
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(BEGIN) {
        let after = at + BEGIN.len();
        let found = rest[after..].split_once(" *)").and_then(|(class, tail)| {
            let named = class.chars().all(|c| is_name(c) || c == ':');
            // One of the guest's own comes as a pointer.
            (named && !class.starts_with("exports::")).then_some(())?;
            let end = closing(tail)?;
            Some((class, &tail[..end], &tail[end + 1..]))
        });
        if let Some((class, operand, tail)) = found {
            out += &format!("{}tairitsu_call.lent<{class}>({operand})", &rest[..at]);
            done.lent += 1;
            rest = tail;
        } else {
            out += &rest[..after];
            rest = &rest[after..];
        }
    }
    out + rest
}

/// Defect: one of the guest's own resources that comes back to it keeps the handle that it had
/// before, which may belong to another resource by now, or to none.
fn patch_taken(line: &str, done: &mut Counts) -> String {
    let found = || {
        let begin = line.find("auto obj")?;
        let (variable, value) = line[begin + "auto ".len()..].split_once(" = ")?;
        let (class, value) = value.split_once("::Owned(")?;
        let value = value.strip_prefix(class)?.strip_prefix("::ResourceRep(")?;
        let end = closing(value)?;
        (&value[end..] == "));").then(|| format!("{line} {variable}->handle = {};", &value[..end]))
    };
    match found() {
        Some(patched) => {
            done.taken += 1;
            patched
        }
        None => line.to_owned(),
    }
}

/// Defect: a list for an imported function is lowered in place, over the caller's elements: what was
/// passed on still has its handle then, and drops it. Here it gets memory of its own. The argument
/// begins with the lines of such a list; what comes out stands for the first two.
fn lowered_list(lines: &[&str]) -> Option<[String; 2]> {
    let [pointer, length, head, base, ..] = lines else {
        return None;
    };
    let number = pointer
        .trim()
        .strip_prefix("auto _ptr")?
        .split_once(" = ")?
        .0;
    let expected = format!("auto _ptr{number} = (uint8_t*)(_vec{number}.data());");
    let expected_length = format!("auto _len{number} = (size_t)(_vec{number}.size());");
    let expected_head = format!("for (size_t i = 0; i < _len{number}; ++i) {{");
    if pointer.trim() != expected
        || length.trim() != expected_length
        || head.trim() != expected_head
    {
        return None;
    }
    let size = base
        .trim()
        .strip_prefix(&format!("auto _base = _ptr{number} + i * "))?
        .strip_suffix(';')?;
    let indent = indent(pointer);
    Some([
        format!("{indent}{expected_length}"),
        format!("{indent}auto _ptr{number} = tairitsu_call.memory(_len{number} * {size});"),
    ])
}

/// The number of the list whose elements this line puts into place.
fn lifted_list(line: &str) -> Option<&str> {
    let (number, _) = line
        .trim()
        .strip_prefix("_result")?
        .split_once(".initialize(i, ")?;
    (line.trim() == format!("_result{number}.initialize(i, std::move(_e{number}));"))
        .then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "package a:b;
        interface host {
          resource file { constructor(name: string); }
          send: func(files: list<file>, names: list<list<u8>>);
          get: func() -> list<file>;
        }
        interface api {
          use host.{file};
          record entry { doc: doc }
          resource doc {
            constructor(size: u32, file: borrow<file>);
            make: static func(entry: entry) -> file;
            name: func() -> string;
          }
          give: func(docs: list<doc>, lent: list<borrow<file>>) -> tuple<file, u8>;
          keep: func(doc: option<doc>) -> result<file, string>;
        }
        interface more {
          use api.{doc, file as f};
          take: func(doc: doc, f: f, lent: borrow<f>);
        }
        world w { import host; export api; export more; }";

    fn parsed(wit: &str) -> (Resolve, WorldId) {
        let mut resolve = Resolve::default();
        let package = resolve.push_source("test.wit", wit).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        (resolve, world)
    }

    fn generated(wit: &str) -> (Resolve, WorldId, Vec<(String, Vec<u8>)>) {
        let (mut resolve, world) = parsed(wit);
        refuse(&resolve, world).unwrap();
        shorten_aliases(&mut resolve);
        let mut files = wit_bindgen_core::Files::default();
        wit_bindgen_cpp::Opts::default()
            .build(None)
            .generate(&mut resolve, world, &mut files)
            .unwrap();
        let files = files
            .iter()
            .map(|(name, contents)| (name.to_owned(), contents.to_vec()))
            .collect();
        (resolve, world, files)
    }

    fn text_of(files: &[(String, Vec<u8>)], name: &str) -> String {
        let (_, contents) = files.iter().find(|(file, _)| file == name).unwrap();
        String::from_utf8(contents.clone()).unwrap()
    }

    #[test]
    fn every_defect_is_mended() {
        let (resolve, world, mut files) = generated(WIT);
        let wanted = Counts::wanted(&resolve, world);
        let expected = Counts {
            lent: 3,
            taken: 4,
            returned: 2,
            lowered: 2,
            lifted: 3,
            assigned: 1,
            owned: 3,
        };
        assert_eq!(wanted, expected);
        patch(&resolve, world, &mut files).unwrap();

        let source = text_of(&files, "w.cpp");
        assert!(source.contains("tairitsu_call.lent<a::b::host::File>(arg1)"));
        assert!(!source.contains("std::ref(*(a::b"));
        assert!(source.contains("::ResourceRep(arg0)); obj0->handle = arg0;"));
        assert_eq!(
            source.matches("->handle = ").count(),
            4 + 1,
            "and the imported constructor"
        );
        assert_eq!(source.matches("tairitsu_call.memory(").count(), 2);
        assert_eq!(source.matches("> 0) free((void*)_base").count(), 3);
        assert_eq!(source.matches("class TairitsuCall {").count(), 1);
        assert_eq!(source.matches("  TairitsuCall tairitsu_call;").count(), 4);

        let header = text_of(&files, "w_cpp.h");
        let include = header.find("#include \"exports-a-b-api-Doc.h\"").unwrap();
        assert!(include > header.find("struct Entry").unwrap());
        assert!(header.contains("namespace exports::a::b::api { class Doc; }"));
        assert!(header.contains("wit::ResourceExportBase<Doc>::Owned doc;"));
        assert!(header.contains("std::tuple<::a::b::host::File, uint8_t> Give("));
        assert!(!header.contains("operator=(File&&) = default"));
        assert!(!header.contains("File::Owned"), "the alias of an alias");
        let class = text_of(&files, "exports-a-b-api-Doc.h");
        assert!(class.contains("static ::a::b::host::File Make("));
        assert!(
            text_of(&files, "wit.h").contains(
                "data_[i].~T(); }\n      free((void*)data_);\n    }\n    data_ = b.data_;"
            )
        );
    }

    #[test]
    fn nothing_is_added_where_nothing_is_wrong() {
        let wit = "package a:b; world w { import f: func(s: string, l: list<u8>) -> string; }";
        let (resolve, world, mut files) = generated(wit);
        let before = text_of(&files, "w.cpp");
        patch(&resolve, world, &mut files).unwrap();
        assert_eq!(text_of(&files, "w.cpp"), before);
    }

    #[test]
    fn a_generator_that_writes_something_else_is_noticed() {
        let changes = [
            ("w.cpp", "std::ref(*(", "std::ref( *("),
            ("w.cpp", "::ResourceRep(arg0));", "::ResourceRep(arg0), 0);"),
            ("w.cpp", "auto _ptr0 =", "auto* _ptr0 ="),
            ("w.cpp", ".initialize(i,", ".emplace(i,"),
            ("w.cpp", "\n}\n", "\n}}\n"),
            (
                "w_cpp.h",
                "#include \"exports-a-b-api-Doc.h\"",
                "#include <exports>",
            ),
            ("w_cpp.h", "File&&, uint8_t> Give", "File, uint8_t> Give"),
            ("w_cpp.h", "File& operator=", "File &operator="),
            ("w_cpp.h", "::Owned", "::owned"),
            ("wit.h", "      free(data_);", "      release(data_);"),
        ];
        for (name, from, to) in changes {
            let (resolve, world, mut files) = generated(WIT);
            let file = files.iter_mut().find(|(file, _)| file == name).unwrap();
            let text = std::str::from_utf8(&file.1).unwrap();
            assert!(text.contains(from), "{from}");
            file.1 = text.replace(from, to).into_bytes();
            let error = patch(&resolve, world, &mut files).expect_err(from);
            assert_eq!(error.code(), Code::Internal, "{from}");
            assert!(error.message().contains("guest_fixes.rs"), "{from}");
        }
    }

    #[test]
    fn a_loan_ends_at_its_own_bracket() {
        let mut done = Counts::default();
        let line = "f(std::ref(*(a::B *)(int32_t) (arg1)), std::ref(*(exports::C *)arg2), std::ref(*(a::B *)l3));";
        assert_eq!(
            patch_lent(line, &mut done),
            "f(tairitsu_call.lent<a::B>((int32_t) (arg1)), std::ref(*(exports::C *)arg2), tairitsu_call.lent<a::B>(l3));"
        );
        assert_eq!(done.lent, 2);
    }

    #[test]
    fn an_owned_class_is_told_from_other_names() {
        let is_class = |name: &str| name == "Doc";
        let patched = |line| patch_owned(line, &is_class, &mut Counts::default());
        assert_eq!(
            patched("std::tuple<x::Doc::Owned, Doc::Owned> F(Entry::Owned e, Doc::OwnedToo d);"),
            "std::tuple<wit::ResourceExportBase<x::Doc>::Owned, wit::ResourceExportBase<Doc>::Owned> \
             F(Entry::Owned e, Doc::OwnedToo d);"
        );
    }

    #[test]
    fn what_cannot_be_mended_is_refused_by_name() {
        let host = "package a:b; interface host { resource file { constructor(name: string); }";
        let cases = [
            (
                "package a:b; world w { export f: async func(); }",
                "function 'f' is asynchronous",
            ),
            (
                "package a:b; world w { import f: func() -> option<future<u8>>; }",
                "function 'f' has a future",
            ),
            (
                "package a:b; world w { resource r; export f: func(r: r); }",
                "world 'w' has the resource 'r' outside an interface",
            ),
            (
                "package a:b; interface i { resource r { constructor(r: r); } } world w { import i; }",
                "function 'a:b/i#[constructor]r' makes a resource of one of the same type",
            ),
            (
                "package a:b; interface i { resource r; type t = borrow<r>; } world w { import i; }",
                "the type 't' of 'a:b/i' is a handle with a name of its own",
            ),
            (
                &format!(
                    "{host} f: func(l: tuple<u8, option<list<file>>>); }} world w {{ import host; }}"
                ),
                "function 'a:b/host#f' takes a list of owned resources inside of a list or an option",
            ),
            (
                &format!("{host} f: func(l: list<file, 2>); }} world w {{ import host; }}"),
                "function 'a:b/host#f' has a list of fixed length of resources",
            ),
        ];
        for (wit, message) in cases {
            let (resolve, world) = parsed(wit);
            let error = refuse(&resolve, world).unwrap_err();
            assert_eq!(error.code(), Code::UnsupportedType, "{wit}");
            assert!(error.message().starts_with(message), "{}", error.message());
            assert!(error.message().contains("`bindgen guest c`"));
        }
        let lists = [
            ("export f: func() -> list<v>", "returns a 'list<v>'"),
            ("export f: func() -> option<list<r>>", "returns a 'list<r>'"),
            (
                "export f: func() -> list<list<tuple<u8, v>>>",
                "returns a 'list<tuple<u8, v>>'",
            ),
            (
                "export f: func() -> list<option<string>>",
                "returns a 'list<option<string>>'",
            ),
            (
                "export f: func() -> result<list<result<r, u8>>>",
                "returns a 'list<result<r, u8>>'",
            ),
            (
                "import f: func(l: list<result<_, string>>)",
                "takes a 'list<result<_, string>>'",
            ),
            (
                "import f: func(l: list<option<tuple<string, u8>>>)",
                "takes a 'list<option<tuple<string, u8>>>'",
            ),
        ];
        let types =
            "variant v { a, b(u32) } record r { a: u8, v: v } record p { a: u8, b: list<string> }";
        let world = |item: &str| {
            parsed(&format!(
                "package a:b; interface t {{ {types} }} world w {{ use t.{{v, r, p}}; {item}; }}"
            ))
        };
        for (item, message) in lists {
            let (resolve, world) = world(item);
            let error = refuse(&resolve, world).unwrap_err();
            assert_eq!(error.code(), Code::UnsupportedType, "{item}");
            let message = format!("function 'f' {message}");
            assert!(error.message().starts_with(&message), "{}", error.message());
        }
        // These are right, as values that went through such guests show.
        for item in [
            "export f: func(l: list<v>, m: list<result<r, string>>) -> v",
            "export f: func() -> list<list<p>>",
            "export f: func() -> tuple<list<string>, list<tuple<tuple<u32, u8>, u8>>>",
            "import f: func(l: list<v>, m: list<option<string>>) -> list<result<r, string>>",
        ] {
            let (resolve, world) = world(item);
            refuse(&resolve, world).unwrap();
        }
        let fine =
            "f: func(l: list<file>, m: list<list<borrow<file>>>); } world w { import host; }";
        let (resolve, world) = parsed(&format!("{host} {fine}"));
        refuse(&resolve, world).unwrap();
    }
}
