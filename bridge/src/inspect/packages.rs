//! Determines which packages use types of which others.

use std::collections::{HashMap, HashSet};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentItem};
use wasmparser::names::{ComponentName, ComponentNameKind};
use wasmparser::types::Types;

/// The uses of types among packages, as wit-parser will see them.
pub(super) struct Packages<'a> {
    types: &'a Types,
    indices: HashMap<String, usize>,
    uses: Vec<HashSet<usize>>,
    /// The package whose interface defines the type; `None` at the root of a world.
    owners: HashMap<ComponentAnyTypeId, Option<usize>>,
}

impl<'a> Packages<'a> {
    pub(super) fn new(types: &'a Types) -> Packages<'a> {
        Packages {
            types,
            indices: HashMap::new(),
            uses: Vec::new(),
            owners: HashMap::new(),
        }
    }

    /// Adds an import or export. The recursion is shallow: wasmparser limits how deep types of components nest.
    pub(super) fn visit(&mut self, name: &str, item: &'a ComponentItem) {
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

    /// Returns the index of the package in an interface's name: `a:b` in `a:b/c`, with its version.
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

    /// Returns the length of the longest chain of packages that each use the next; `None` if there is a cycle.
    pub(super) fn longest_chain(&self) -> Option<usize> {
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
