//! WIT source: reading packages, choosing a world, and passing both to C++.

use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, give, guard};
use serde::Serialize;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use wit_parser::{
    Function, PackageId, Resolve, ResolveError, ResolveErrorKind, Type, TypeDefKind, TypeId,
    TypeOwner, WorldId, WorldItem,
};

/// The most declarations of interfaces, worlds and packages. The parser recurses once for each in a chain.
const MAX_DECLARED: usize = 1000;

/// The most bytes of source, and the most bytes if each `include` of a world repeated the whole source.
const MAX_SOURCE: u64 = 8 << 20;
const MAX_INCLUDED: u64 = 64 << 20;

/// How deep types may be nested; C++ has the same limit (`kMaxDepth`).
const MAX_DEPTH: u32 = 200;

/// The most types in all types and functions together, with aliases expanded: each use of an alias of a tuple, list
/// and so on counts all types that it stands for, as generated code spells them out.
const MAX_SPELLED: u64 = 500_000;

/// The same, but records and variants, which generated code names, also count all their fields at each use.
const MAX_WALKED: u64 = 10_000_000;

/// Reads a `.wit` file, a directory of `.wit` files with their dependencies in `deps/`, or a directory that
/// contains such a directory as `wit/`. `features` is a comma-separated list of `@unstable` features to
/// include; `*` includes all. WASI packages that are missing are taken from the built-in ones. Errors show
/// the file and line, with a caret.
pub fn load(path: &str, features: &str) -> Result<(Resolve, PackageId), Error> {
    let path = wit_directory(path);
    let mut source = Source::default();
    source.add_path(&path)?;
    let loaded = with_wasi(features, |resolve| Ok(resolve.push_path(&path)?.0))?;
    check_size(&loaded.0)?;
    Ok(loaded)
}

/// Parses the text of a `.wit` file with its nested packages; errors call the file `wit`. See [`load`].
fn parse(text: &str, features: &str) -> Result<(Resolve, PackageId), Error> {
    Source::default().add(text)?;
    let parsed = with_wasi(features, |resolve| resolve.push_str("wit", text))?;
    check_size(&parsed.0)?;
    Ok(parsed)
}

/// Counts in WIT source that has not been parsed yet, for limits that the parser does not have.
#[derive(Default)]
struct Source {
    bytes: u64,
    declared: usize,
    includes: u64,
}

impl Source {
    /// Adds the files that the parser will read. Unreadable files are left to the parser to report.
    fn add_path(&mut self, path: &Path) -> Result<(), Error> {
        if !path.is_dir() {
            return self.add_file(path);
        }
        self.add_directory(path, false)?;
        self.add_directory(&path.join("deps"), true)
    }

    fn add_directory(&mut self, directory: &Path, packages: bool) -> Result<(), Error> {
        let Ok(entries) = directory.read_dir() else {
            return Ok(());
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                if packages {
                    self.add_directory(&path, false)?;
                }
            } else if path.extension().is_some_and(|extension| extension == "wit") {
                self.add_file(&path)?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Error> {
        let Ok(metadata) = path.metadata() else {
            return Ok(());
        };
        if metadata.len() > MAX_SOURCE {
            return Err(Self::too_long());
        }
        if !metadata.is_file() {
            return Ok(());
        }
        match std::fs::read_to_string(path) {
            Ok(text) => self.add(&text),
            // An encoded package, which has its own limits.
            Err(_) => Ok(()),
        }
    }

    fn add(&mut self, text: &str) -> Result<(), Error> {
        self.bytes += text.len() as u64;
        for line in text.lines() {
            let code = line.split("//").next().unwrap_or_default();
            for word in code.split(|c: char| !c.is_ascii_alphanumeric() && !"-%_".contains(c)) {
                match word {
                    "interface" | "world" | "package" => self.declared += 1,
                    "include" => self.includes += 1,
                    _ => {}
                }
            }
        }
        if self.bytes > MAX_SOURCE {
            return Err(Self::too_long());
        }
        if self.declared > MAX_DECLARED {
            return Err(too_large(format!(
                "it declares more than {MAX_DECLARED} interfaces, worlds and packages"
            )));
        }
        if self.includes.saturating_mul(self.bytes) > MAX_INCLUDED {
            return Err(too_large(format!(
                "it includes worlds {} times in {} bytes of text",
                self.includes, self.bytes
            )));
        }
        Ok(())
    }

    fn too_long() -> Error {
        too_large(format!("it has more than {MAX_SOURCE} bytes"))
    }
}

/// Returns the types that `ty` directly consists of; empty for a resource.
pub fn parts(resolve: &Resolve, ty: &Type) -> Vec<Type> {
    match ty {
        Type::Id(id) => parts_of(&resolve.types[*id].kind),
        _ => Vec::new(),
    }
}

fn parts_of(kind: &TypeDefKind) -> Vec<Type> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.clone(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty).collect(),
        TypeDefKind::Result(result) => result.ok.into_iter().chain(result.err).collect(),
        TypeDefKind::Option(ty)
        | TypeDefKind::List(ty)
        | TypeDefKind::Type(ty)
        | TypeDefKind::FixedLengthList(ty, _) => vec![*ty],
        TypeDefKind::Map(key, value) => vec![*key, *value],
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().copied().collect(),
        TypeDefKind::Flags(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Handle(_)
        | TypeDefKind::Resource
        | TypeDefKind::Unknown => Vec::new(),
    }
}

/// The extent of a type with aliases expanded.
#[derive(Clone, Copy)]
struct Extent {
    depth: u32,
    /// How many types its generated code spells out. A record or variant counts once per use, without its fields.
    spelled: u64,
    /// The same, with the fields of records and variants.
    walked: u64,
}

impl Extent {
    const ONE: Extent = Extent {
        depth: 1,
        spelled: 1,
        walked: 1,
    };

    fn of_parts(parts: impl Iterator<Item = Extent>) -> Extent {
        parts.fold(Extent::ONE, |all, part| Extent {
            depth: all.depth.max(part.depth.saturating_add(1)),
            spelled: all.spelled.saturating_add(part.spelled),
            walked: all.walked.saturating_add(part.walked),
        })
    }
}

/// Fails if types are nested too deeply, or if there are too many of them with aliases expanded: a few lines can
/// stand for billions. Generators and decoders walk types recursively, so this check comes first.
pub fn check_size(resolve: &Resolve) -> Result<(), Error> {
    // A type follows those that it uses, so one pass without recursion suffices.
    let mut extents: Vec<Extent> = Vec::with_capacity(resolve.types.len());
    let used = |ty: &Type, extents: &[Extent]| match ty {
        Type::Id(id) => extents.get(id.index()).copied().unwrap_or(Extent {
            depth: u32::MAX,
            ..Extent::ONE
        }),
        _ => Extent::ONE,
    };
    let mut spelled = 0_u64;
    let mut walked = 0_u64;
    let mut largest: Option<(u64, String)> = None;
    let mut add = |extent: Extent, weight: u64, name: &dyn Fn() -> String| {
        if extent.depth > MAX_DEPTH {
            let name = name();
            return Err(too_large(format!(
                "{name} is nested more than {MAX_DEPTH} types deep"
            )));
        }
        spelled = spelled.saturating_add(weight);
        walked = walked.saturating_add(extent.walked);
        if largest
            .as_ref()
            .is_none_or(|(most, _)| extent.walked > *most)
        {
            largest = Some((extent.walked, name()));
        }
        Ok(())
    };
    for (id, def) in resolve.types.iter() {
        let parts = parts_of(&def.kind);
        let own = Extent::of_parts(parts.iter().map(|ty| used(ty, &extents)));
        let by_name = matches!(def.kind, TypeDefKind::Record(_) | TypeDefKind::Variant(_));
        extents.push(Extent {
            spelled: if by_name { 1 } else { own.spelled },
            ..own
        });
        // Anonymous types are counted where they are used.
        if let Some(name) = &def.name {
            add(own, own.spelled, &|| {
                format!("type '{}'", named(resolve, id, name))
            })?;
        }
    }
    for (name, function) in all_functions(resolve) {
        let types = function.params.iter().map(|param| &param.ty);
        let mut own = Extent::of_parts(types.chain(&function.result).map(|ty| used(ty, &extents)));
        // A function does not count as a level.
        own.depth -= 1;
        add(own, own.spelled, &|| {
            format!("function '{name}{}'", function.name)
        })?;
    }
    if spelled > MAX_SPELLED || walked > MAX_WALKED {
        let (most, name) = largest.unwrap_or_default();
        return Err(too_large(format!(
            "with aliases expanded, it has {} types; the limit is {MAX_SPELLED} \
             (with records and variants expanded too: {}; the limit is {MAX_WALKED}); {name} has the most, {}",
            or_more(spelled),
            or_more(walked),
            or_more(most)
        )));
    }
    Ok(())
}

fn too_large(what: String) -> Error {
    Error::new(Code::InvalidArgument, format!("WIT is too large: {what}"))
}

/// Formats a count that may have saturated.
fn or_more(count: u64) -> String {
    match count {
        u64::MAX => "2^64 or more".to_owned(),
        _ => count.to_string(),
    }
}

/// Returns the type's name, prefixed with that of its interface, if it has one.
fn named(resolve: &Resolve, id: TypeId, name: &str) -> String {
    match resolve.types[id].owner {
        TypeOwner::Interface(interface) => match resolve.id_of(interface) {
            Some(interface) => format!("{interface}#{name}"),
            None => name.to_owned(),
        },
        TypeOwner::World(_) | TypeOwner::None => name.to_owned(),
    }
}

/// Returns every function of interfaces and worlds, with the prefix of its displayed name.
fn all_functions(resolve: &Resolve) -> impl Iterator<Item = (String, &Function)> {
    let interfaces = resolve.interfaces.iter().flat_map(|(id, interface)| {
        let prefix = resolve.id_of(id).map_or(String::new(), |id| id + "#");
        let functions = interface.functions.values();
        functions.map(move |function| (prefix.clone(), function))
    });
    let worlds = resolve.worlds.iter().flat_map(|(_, world)| {
        let items = world.imports.values().chain(world.exports.values());
        items.filter_map(|item| match item {
            WorldItem::Function(function) => Some((String::new(), function)),
            WorldItem::Interface { .. } | WorldItem::Type { .. } => None,
        })
    });
    interfaces.chain(worlds)
}

/// The WIT of WASI 0.2 and of 0.3, each file after those that it uses.
const WASI: &[&[&str]] = include!(concat!(env!("OUT_DIR"), "/wasi_wit.rs"));

/// Reads WIT with `push`, and if that fails tries again with the built-in WASI packages. Most WIT does not need
/// them, and WIT that contains its own copy takes precedence.
fn with_wasi(
    features: &str,
    push: impl Fn(&mut Resolve) -> anyhow::Result<PackageId>,
) -> Result<(Resolve, PackageId), Error> {
    let mut resolve = empty(features);
    let error = match push(&mut resolve) {
        Ok(package) => return Ok((resolve, package)),
        Err(error) => error,
    };
    let message = resolve.render_error(&error);
    let patch = missing_patch(&error);
    // Both versions come last: if a package exists in two versions, bindings name the version.
    for versions in [&WASI[..1], &WASI[1..], WASI] {
        let mut with_wasi = empty(features);
        let mut texts = versions.iter().copied().flatten();
        let pushed = texts.try_for_each(|text| {
            let text = in_version(text, patch);
            with_wasi.push_str("wasi", &text).map(drop)
        });
        if pushed.is_ok()
            && let Ok(package) = push(&mut with_wasi)
        {
            return Ok((with_wasi, package));
        }
    }
    let code = match error.root_cause().is::<std::io::Error>() {
        true => Code::Io,
        false => Code::InvalidArgument,
    };
    Err(Error::new(code, message))
}

/// Returns the patch version of the WASI 0.2 package that was not found.
fn missing_patch(error: &anyhow::Error) -> Option<u64> {
    match error.downcast_ref::<ResolveError>()?.kind() {
        ResolveErrorKind::PackageNotFound { requested, .. } if requested.namespace == "wasi" => {
            let version = requested.version.as_ref()?;
            ((version.major, version.minor) == (0, 2)).then_some(version.patch)
        }
        _ => None,
    }
}

/// Returns the text of a built-in package with the given patch version of 0.2. All patch versions have the same
/// interfaces, and the runtime accepts them all.
fn in_version(text: &str, patch: Option<u64>) -> Cow<'_, str> {
    const BUILT_IN: &str = "0.2.12";
    match patch {
        Some(patch) => Cow::Owned(text.replace(BUILT_IN, &format!("0.2.{patch}"))),
        None => Cow::Borrowed(text),
    }
}

/// Returns an empty [`Resolve`] that will include `features`.
fn empty(features: &str) -> Resolve {
    let mut resolve = Resolve {
        all_features: features == "*",
        ..Resolve::default()
    };
    let names = features.split(',').map(str::trim);
    for name in names.filter(|name| !name.is_empty() && *name != "*") {
        resolve.features.insert(name.to_owned());
    }
    resolve
}

/// Returns the directory `wit/` in `path` if it exists and `path` itself contains no WIT, otherwise `path`.
fn wit_directory(path: &str) -> PathBuf {
    let has_wit = |directory: &Path| {
        directory.read_dir().is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| entry.path().extension().is_some_and(|e| e == "wit"))
            })
        })
    };
    let inner = Path::new(path).join("wit");
    if !has_wit(Path::new(path)) && inner.is_dir() {
        return inner;
    }
    PathBuf::from(path)
}

/// Returns the world with that name (`shop`, or `ns:pkg/shop@1.2.3` of any package that was read), or the
/// package's only world if `name` is empty. Fails with `NotFound`, and lists the worlds.
pub fn select_world(resolve: &Resolve, package: PackageId, name: &str) -> Result<WorldId, Error> {
    let wanted = (!name.is_empty()).then_some(name);
    resolve
        .select_world(&[package], wanted)
        .map_err(|error| {
            let own = resolve.packages[package].worlds.keys().cloned();
            let others = resolve.worlds.iter().filter_map(|(_, world)| {
                let id = world.package.filter(|id| *id != package)?;
                Some(resolve.id_of_name(id, &world.name))
            });
            let worlds = own
                .chain(others)
                .fold(String::new(), |list, world| list + "\n  " + &world);
            let message = match (wanted, worlds.is_empty()) {
                (_, true) => "there is no world in this WIT".to_owned(),
                (None, _) if resolve.packages[package].worlds.is_empty() => format!(
                    "the package '{}' has no world of its own; choose one of those that it uses:{worlds}",
                    resolve.packages[package].name
                ),
                (None, _) => format!("there are several worlds; choose one:{worlds}"),
                (Some(name), _) => {
                    // If the name contains a package, the parser knows more, such as that a version is needed.
                    let detail = match name.contains(':') {
                        true => format!(" ({error:#})"),
                        false => String::new(),
                    };
                    format!("there is no world '{name}'{detail}; there are:{worlds}")
                }
            };
            Error::new(Code::NotFound, message)
        })
}

/// What C++ reads if a world was chosen: the parser's JSON, and the index of the world.
#[derive(Serialize)]
struct Resolved<'a> {
    world: usize,
    resolve: &'a Resolve,
}

/// What C++ reads if no world was chosen: the parser's JSON, and the index of the main package.
#[derive(Serialize)]
struct Loaded<'a> {
    package: usize,
    resolve: &'a Resolve,
}

fn json(value: &impl Serialize) -> Result<Buffer, Error> {
    serde_json::to_vec(value)
        .map(Buffer)
        .map_err(|error| Error::new(Code::Internal, format!("writing WIT as JSON: {error}")))
}

/// Returns the JSON of [`Loaded`].
fn whole((resolve, package): &(Resolve, PackageId)) -> Result<Buffer, Error> {
    json(&Loaded {
        package: package.index(),
        resolve,
    })
}

/// Reads WIT and chooses a world, see [`load`] and [`select_world`]. The buffer holds a JSON object:
/// `world` is an index into the `worlds` of `resolve`, which is the JSON of wit-parser.
///
/// # Safety
/// `path`, `world` and `features` are readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wit_resolve(
    path: Bytes,
    world: Bytes,
    features: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (path, name, features) =
            unsafe { (path.as_str()?, world.as_str()?, features.as_str()?) };
        let (resolve, package) = load(path, features)?;
        let resolved = Resolved {
            world: select_world(&resolve, package, name)?.index(),
            resolve: &resolve,
        };
        let json = json(&resolved)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, json) };
        Ok(())
    })
}

/// Reads WIT without choosing a world, see [`load`]. The buffer holds a JSON object: `package` is an
/// index into the `packages` of `resolve`, which is the JSON of wit-parser.
///
/// # Safety
/// `path` and `features` are readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wit_load(
    path: Bytes,
    features: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (path, features) = unsafe { (path.as_str()?, features.as_str()?) };
        let json = whole(&load(path, features)?)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, json) };
        Ok(())
    })
}

/// Like `tairitsu_bridge_wit_load`, for the text of a `.wit` file.
///
/// # Safety
/// `text` and `features` are readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wit_parse(
    text: Bytes,
    features: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (text, features) = unsafe { (text.as_slice(), features.as_str()?) };
        let text = std::str::from_utf8(text)
            .map_err(|_| Error::new(Code::InvalidArgument, "invalid WIT: not UTF-8"))?;
        let json = whole(&parse(text, features)?)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, json) };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn refused(wit: &str) -> String {
        let Err(error) = parse(wit, "") else {
            panic!("it is accepted");
        };
        assert_eq!(error.code(), Code::InvalidArgument);
        error.message().to_owned()
    }

    /// Types that each use the previous one `width` times.
    fn tower(kind: &str, width: usize, height: usize) -> String {
        let mut wit = "package a:b; interface i { type t0 = tuple<u8, u8>; ".to_owned();
        for level in 1..height {
            let below = level - 1;
            match kind {
                "record" => {
                    let fields: String = (0..width).map(|n| format!("f{n}: t{below}, ")).collect();
                    _ = write!(wit, "record t{level} {{ {fields} }} ");
                }
                _ => {
                    let below = vec![format!("t{below}"); width].join(", ");
                    _ = write!(wit, "type t{level} = {kind}<{below}>; ");
                }
            }
        }
        _ = write!(
            wit,
            "f: func(x: t{}); }} world w {{ export i; }}",
            height - 1
        );
        wit
    }

    #[test]
    fn refuses_aliases_that_expand_to_billions_of_types() {
        for kind in ["tuple", "record"] {
            let message = refused(&tower(kind, 8, 12));
            assert!(message.contains("function 'a:b/i#f'"), "{message}");
        }
        // Saturates instead of wrapping around.
        refused(&tower("tuple", 8, 150));
        parse(&tower("tuple", 2, 12), "").unwrap();
    }

    #[test]
    fn refuses_a_long_chain_of_types() {
        let message = refused(&tower("list", 1, 20_000));
        assert!(message.contains("'a:b/i#t199'"), "{message}");
        parse(&tower("list", 1, 199), "").unwrap();
    }

    #[test]
    fn refuses_what_overwhelms_the_parser_before_parsing() {
        let chain = |count: usize, item: fn(usize) -> String| -> String {
            let items: String = (1..count).map(item).collect();
            format!("package a:b; {items}")
        };
        // Each uses the previous one, and the parser follows the chain recursively.
        let interfaces = |count| {
            let uses = chain(count, |n| {
                format!("interface i{n} {{ use i{}.{{t}}; }} ", n - 1)
            });
            format!(
                "{uses} interface i0 {{ type t = u8; }} world w {{ export i{}; }}",
                count - 1
            )
        };
        refused(&interfaces(20_000));
        parse(&interfaces(100), "").unwrap();
        refused(&chain(20_000, |n| format!("world w{n} {{ }} ")));
        let included = chain(900, |n| {
            format!("world w{n} {{ include w{}; import f{n}: func(); }} ", n - 1)
        });
        refused(&format!(
            "{included} world w0 {{ }} // {}",
            "x".repeat(100_000)
        ));
        refused(&format!("package a:b; // {}", "x".repeat(9 << 20)));
        // Keywords in comments do not count.
        parse(
            &format!(
                "package a:b; world w {{ }}\n{}",
                "// interface world\n".repeat(2000)
            ),
            "",
        )
        .unwrap();
    }

    #[test]
    fn the_built_in_packages_are_far_below_the_limits() {
        let (resolve, _) = parse(
            "package a:b; world w { include wasi:http/proxy@0.2.12; }",
            "",
        )
        .unwrap();
        assert!(resolve.interfaces.len() < MAX_DECLARED / 10);
    }
}
