//! WIT as text: reading packages, choosing a world, and handing both to C++.

use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, give, guard};
use serde::Serialize;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use wit_parser::{PackageId, Resolve, ResolveError, ResolveErrorKind, WorldId};

/// Reads a `.wit` file, a folder of them with the packages that they use in `deps/`, or a folder that
/// holds such a folder as `wit/`. `features` is a comma-separated list of `@unstable` features to
/// take in; `*` is all of them. A mistake is an error with the parser's file, line and caret.
/// Packages of WASI that are not there are those that are built in.
pub fn load(path: &str, features: &str) -> Result<(Resolve, PackageId), Error> {
    let path = wit_folder(path);
    with_wasi(features, |resolve| Ok(resolve.push_path(&path)?.0))
}

/// Reads the text of a `.wit` file, which errors call `wit`, with its nested packages; see [`load`].
fn parse(text: &str, features: &str) -> Result<(Resolve, PackageId), Error> {
    with_wasi(features, |resolve| resolve.push_str("wit", text))
}

/// WIT of WASI 0.2, and of 0.3, each file after those that it uses.
const WASI: &[&[&str]] = include!(concat!(env!("OUT_DIR"), "/wasi_wit.rs"));

/// Reads WIT by `push`, and again with WASI in place where the first try does not succeed: most WIT needs none,
/// and WIT that brings its own takes precedence.
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
    // Both only where both are used: bindings name the version where there are two of a package.
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

/// The patch version of WASI 0.2 that was looked for and is not there.
fn missing_patch(error: &anyhow::Error) -> Option<u64> {
    match error.downcast_ref::<ResolveError>()?.kind() {
        ResolveErrorKind::PackageNotFound { requested, .. } if requested.namespace == "wasi" => {
            let version = requested.version.as_ref()?;
            ((version.major, version.minor) == (0, 2)).then_some(version.patch)
        }
        _ => None,
    }
}

/// The text of a built-in package in this patch version of 0.2: the interfaces of one are those of the others, and
/// the runtime takes them all.
fn in_version(text: &str, patch: Option<u64>) -> Cow<'_, str> {
    const BUILT_IN: &str = "0.2.12";
    match patch {
        Some(patch) => Cow::Owned(text.replace(BUILT_IN, &format!("0.2.{patch}"))),
        None => Cow::Borrowed(text),
    }
}

/// Nothing read yet; what will be takes in `features`.
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

/// The folder `wit/` inside a project's folder, where that has no WIT of its own.
fn wit_folder(path: &str) -> PathBuf {
    let has_wit = |folder: &Path| {
        folder.read_dir().is_ok_and(|mut entries| {
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

/// The world of that name (`shop`, or `ns:pkg/shop@1.2.3` of any package that was read), or the
/// package's only one where `name` is empty. The error lists the worlds there are.
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
                (_, true) => "there is no world in this WIT: bindings are those of a world".to_owned(),
                (None, _) if resolve.packages[package].worlds.is_empty() => format!(
                    "the package '{}' has no world of its own; choose one of those that it uses:{worlds}",
                    resolve.packages[package].name
                ),
                (None, _) => format!("there are several worlds; choose one:{worlds}"),
                (Some(name), _) => {
                    // With a package's name the parser knows more, such as that a version has to be chosen.
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

/// What C++ reads: the parser's own JSON, and which world was chosen.
#[derive(Serialize)]
struct Resolved<'a> {
    world: usize,
    resolve: &'a Resolve,
}

/// The same where none was: which of the packages was asked for.
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

/// What was read, without a choice of a world.
fn whole((resolve, package): &(Resolve, PackageId)) -> Result<Buffer, Error> {
    json(&Loaded {
        package: package.index(),
        resolve,
    })
}

/// Reads WIT and chooses a world, see [`load`] and [`select_world`]. The buffer holds a JSON object:
/// `world` is an index into the `worlds` of `resolve`, which is as wit-parser writes it.
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
/// index into the `packages` of `resolve`, which is as wit-parser writes it.
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

/// The same of the text of a `.wit` file.
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
            .map_err(|_| Error::new(Code::InvalidArgument, "the WIT is not UTF-8"))?;
        let json = whole(&parse(text, features)?)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, json) };
        Ok(())
    })
}
