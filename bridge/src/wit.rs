//! WIT as text: reading packages, choosing a world, and handing both to C++.

use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, give, guard};
use serde::Serialize;
use std::path::{Path, PathBuf};
use wit_parser::{PackageId, Resolve, WorldId};

/// Reads a `.wit` file, a folder of them with the packages that they use in `deps/`, or a folder that
/// holds such a folder as `wit/`. `features` is a comma-separated list of `@unstable` features to
/// take in; `*` is all of them. A mistake is an error with the parser's file, line and caret.
pub fn load(path: &str, features: &str) -> Result<(Resolve, PackageId), Error> {
    let mut resolve = empty(features);
    match resolve.push_path(wit_folder(path)) {
        Ok((package, _)) => Ok((resolve, package)),
        Err(error) => {
            let code = if error.root_cause().is::<std::io::Error>() {
                Code::Io
            } else {
                Code::InvalidArgument
            };
            Err(Error::new(code, resolve.render_error(&error)))
        }
    }
}

/// Reads the text of a `.wit` file, which errors call `wit`, with its nested packages; see [`load`].
fn parse(text: &str, features: &str) -> Result<(Resolve, PackageId), Error> {
    let mut resolve = empty(features);
    match resolve.push_str("wit", text) {
        Ok(package) => Ok((resolve, package)),
        Err(error) => Err(Error::new(
            Code::InvalidArgument,
            resolve.render_error(&error),
        )),
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
                    let detail = format!("{error:#}");
                    // The parser's word where it knows more, such as that a version has to be chosen.
                    let detail = match detail.contains("not found") {
                        true => String::new(),
                        false => format!(" ({detail})"),
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
