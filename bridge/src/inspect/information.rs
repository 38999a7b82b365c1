//! Describes a file: its parts, and its imports and exports with their types.

use super::outline::Outline;
use super::parts::{Budget, Item, ItemKind, Kind, Part};
use super::source::{Given, identify};
use super::wit_text::{WitText, decode};
use crate::error::Error;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use wit_component::{DecodedWasm, Output, WitPrinter};
use wit_parser::{Function, IndexMap, PackageId, Resolve, WorldItem, WorldKey};

/// The longest function type that is reported, in bytes.
const MAX_TYPE: usize = 64 << 10;

/// What C++ reads as JSON.
#[derive(Serialize)]
pub(super) struct Information {
    /// The size of the component that an artifact was compiled from.
    pub(super) source_size: u64,
    /// `sha256:…` of the binary; for an artifact, of the component that it was compiled from.
    pub(super) digest: String,
    pub(super) imports: Vec<Item>,
    pub(super) exports: Vec<Item>,
    pub(super) root: Part,
}

pub(super) fn information(bytes: &[u8]) -> Result<Information, Error> {
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
        // If decoding fails, function types are unknown, which is not an error.
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

/// Adds function types from one side of the world.
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

/// Formats a type as `tairitsu::FunctionType::to_string` does; empty if it is too long.
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
