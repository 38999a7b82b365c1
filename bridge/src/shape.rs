//! The properties of a component that decide how it runs and whether an engine can run it. They are read before
//! compilation, and kept in the artifact.

use crate::error::{Code, Error};
use crate::wasi;
use wasmtime_environ::component::{
    ComponentTypesBuilder, GlobalInitializer, InstantiateModule, Translator, VMComponentOffsets,
};
use wasmtime_environ::wasmparser::{Parser, Validator, WasmFeatures};
use wasmtime_environ::{
    HostPtr, Module, ModuleEnvironment, ModuleTypesBuilder, ScopeVec, StaticModuleIndex, Tunables,
    VMOffsets,
};

/// What one instance of a component, or of a core module, consists of.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Whether it only validates with the async ABI, or imports WASI 0.3.
    pub uses_async_abi: bool,
    pub has_shared_memory: bool,
    pub core_instances: u64,
    pub memories: u64,
    pub tables: u64,
    /// The maximum over the core modules.
    pub memories_per_module: u64,
    pub tables_per_module: u64,
    /// The largest initial size of a memory, and of a table.
    pub memory_bytes: u64,
    pub table_elements: u64,
    /// The minimum size of the engine's bookkeeping for one core instance, and for the whole component.
    pub core_instance_bytes: u64,
    pub component_instance_bytes: u64,
}

/// How many numbers represent a shape in an artifact.
pub const FIELDS: usize = 10;

/// The bounds of an engine's pool, from `tairitsu::PoolOptions`.
pub struct PoolBounds {
    pub core_instances_per_component: u64,
    pub memories_per_component: u64,
    pub tables_per_component: u64,
    pub memories_per_module: u64,
    pub tables_per_module: u64,
    pub memory_bytes: u64,
    pub table_elements: u64,
    pub core_instance_bytes: u64,
    pub component_instance_bytes: u64,
}

/// The features that Wasmtime implements on every processor and enables by default.
fn features(async_abi: bool) -> WasmFeatures {
    let mut features = WasmFeatures::default() | WasmFeatures::WASM3;
    features.set(WasmFeatures::CM_ASYNC, async_abi);
    features
}

impl Shape {
    /// Reads the shape of a component. Fails if it is invalid both without the async ABI and with it.
    pub fn of_component(binary: &[u8]) -> wasmtime::Result<Shape> {
        match Self::read_component(binary, false) {
            Ok(shape) => Ok(shape),
            Err(_) => Self::read_component(binary, true),
        }
    }

    fn read_component(binary: &[u8], async_abi: bool) -> wasmtime::Result<Shape> {
        let tunables = Tunables {
            concurrency_support: async_abi,
            ..Tunables::default_host()
        };
        let scope = ScopeVec::new();
        let mut validator = Validator::new_with_features(features(async_abi));
        let mut types = ComponentTypesBuilder::new(&validator);
        let (translation, modules) =
            Translator::new(&tunables, &mut validator, &mut types, &scope).translate(binary)?;
        let mut imports = translation.component.import_types.values();
        let mut shape = Shape {
            uses_async_abi: async_abi || imports.any(|(name, _)| wasi::is_async(name)),
            ..Shape::default()
        };
        for initializer in &translation.component.initializers {
            match initializer {
                GlobalInitializer::InstantiateModule(InstantiateModule::Static(index, _), _) => {
                    shape.add(&modules[*index].module);
                }
                GlobalInitializer::InstantiateModule(InstantiateModule::Import(..), _) => {
                    shape.core_instances += 1;
                }
                _ => {}
            }
        }
        let offsets = VMComponentOffsets::new(HostPtr, &translation.component);
        shape.component_instance_bytes += u64::from(offsets.size_of_vmctx());
        Ok(shape)
    }

    /// Reads the shape of a core module. Fails if it is invalid.
    pub fn of_module(binary: &[u8]) -> wasmtime::Result<Shape> {
        let tunables = Tunables::default_host();
        let mut validator = Validator::new_with_features(features(false));
        let mut types = ModuleTypesBuilder::new(&validator);
        let index = StaticModuleIndex::from_u32(0);
        let translation = ModuleEnvironment::new(&tunables, &mut validator, &mut types, index)
            .translate(Parser::new(0), binary)?;
        let mut shape = Shape::default();
        shape.add(&translation.module);
        Ok(shape)
    }

    /// Adds one instance of `module`.
    fn add(&mut self, module: &Module) {
        let memories = module.num_defined_memories() as u64;
        let tables = module.num_defined_tables() as u64;
        let bytes = u64::from(VMOffsets::new(HostPtr, module).size_of_vmctx());
        self.core_instances += 1;
        self.memories += memories;
        self.tables += tables;
        self.memories_per_module = self.memories_per_module.max(memories);
        self.tables_per_module = self.tables_per_module.max(tables);
        self.core_instance_bytes = self.core_instance_bytes.max(bytes);
        self.component_instance_bytes += bytes;
        for (_, memory) in module.memories.iter().skip(module.num_imported_memories) {
            let bytes = memory.minimum_byte_size().unwrap_or(u64::MAX);
            self.memory_bytes = self.memory_bytes.max(bytes);
            self.has_shared_memory |= memory.shared;
        }
        for (_, table) in module.tables.iter().skip(module.num_imported_tables) {
            self.table_elements = self.table_elements.max(table.limits.min);
        }
    }

    pub fn to_fields(self) -> [u64; FIELDS] {
        [
            u64::from(self.uses_async_abi) | u64::from(self.has_shared_memory) << 1,
            self.core_instances,
            self.memories,
            self.tables,
            self.memories_per_module,
            self.tables_per_module,
            self.memory_bytes,
            self.table_elements,
            self.core_instance_bytes,
            self.component_instance_bytes,
        ]
    }

    pub fn from_fields(fields: [u64; FIELDS]) -> Shape {
        let [
            flags,
            core_instances,
            memories,
            tables,
            memories_per_module,
            tables_per_module,
            memory_bytes,
            table_elements,
            core_instance_bytes,
            component_instance_bytes,
        ] = fields;
        Shape {
            uses_async_abi: flags & 1 != 0,
            has_shared_memory: flags & 2 != 0,
            core_instances,
            memories,
            tables,
            memories_per_module,
            tables_per_module,
            memory_bytes,
            table_elements,
            core_instance_bytes,
            component_instance_bytes,
        }
    }

    /// Fails with `InstanceLimit` if one instance has more than `max` core instances, memories or tables.
    pub fn fits_in_store(&self, max: u64) -> Result<(), Error> {
        let needs = [
            (self.core_instances, "core instances"),
            (self.memories, "memories"),
            (self.tables, "tables"),
        ];
        match needs.iter().find(|(count, _)| *count > max) {
            None => Ok(()),
            Some((count, what)) => Err(Error::new(
                Code::InstanceLimit,
                format!("the guest needs {count} {what}; its limit is {max}"),
            )),
        }
    }

    /// Fails if an instance does not fit into the pool even when the pool is empty.
    pub fn fits_in_pool(&self, pool: &PoolBounds) -> Result<(), Error> {
        if self.has_shared_memory {
            return Err(Error::new(
                Code::InvalidComponent,
                "unsupported shared memory: the engine uses a pool (EngineOptions::pool)",
            ));
        }
        #[rustfmt::skip]
        let bounds = [
            (self.core_instances, pool.core_instances_per_component,
             "core instances", "max_core_instances_per_component", Code::InstanceLimit),
            (self.memories, pool.memories_per_component,
             "memories", "max_memories_per_component", Code::InstanceLimit),
            (self.tables, pool.tables_per_component,
             "tables", "max_tables_per_component", Code::InstanceLimit),
            (self.memories_per_module, pool.memories_per_module,
             "memories in one core module", "max_memories_per_module", Code::InstanceLimit),
            (self.tables_per_module, pool.tables_per_module,
             "tables in one core module", "max_tables_per_module", Code::InstanceLimit),
            (self.memory_bytes, pool.memory_bytes,
             "bytes in one memory", "max_memory_bytes", Code::MemoryLimit),
            (self.table_elements, pool.table_elements,
             "elements in one table", "max_table_elements", Code::TableLimit),
            (self.core_instance_bytes, pool.core_instance_bytes,
             "bytes of bookkeeping for one core instance", "max_core_instance_bytes", Code::InstanceLimit),
            (self.component_instance_bytes, pool.component_instance_bytes,
             "bytes of bookkeeping", "max_component_instance_bytes", Code::InstanceLimit),
        ];
        match bounds.iter().find(|(needed, bound, ..)| needed > bound) {
            None => Ok(()),
            Some((needed, bound, what, option, code)) => Err(Error::new(
                *code,
                format!(
                    "too large for the engine's pool: it needs {needed} {what}; the limit is {bound} (PoolOptions::{option})"
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Shape {
        Shape::of_component(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn counts_instances_of_nested_components() {
        let shape = shape(
            r#"(component
                (component $c
                    (core module $m (memory 1) (memory 3) (table 7 funcref))
                    (core instance (instantiate $m))
                    (core instance (instantiate $m)))
                (instance (instantiate $c))
                (instance (instantiate $c)))"#,
        );
        assert!(!shape.uses_async_abi && !shape.has_shared_memory);
        assert_eq!(
            (shape.core_instances, shape.memories, shape.tables),
            (4, 8, 4)
        );
        assert_eq!((shape.memories_per_module, shape.tables_per_module), (2, 1));
        assert_eq!((shape.memory_bytes, shape.table_elements), (3 << 16, 7));
        assert_eq!(Shape::from_fields(shape.to_fields()), shape);
    }

    #[test]
    fn detects_every_use_of_the_async_abi() {
        for text in [
            r#"(component (type (func async)))"#,
            r#"(component (import "f" (func async)))"#,
            r#"(component (type (stream u8)))"#,
            r#"(component (type (future)))"#,
            r#"(component (core func (canon task.cancel)))"#,
            r#"(component (core func (canon backpressure.inc)))"#,
            r#"(component (core func (canon context.get i32 0)))"#,
            r#"(component (core func (canon waitable-set.new)))"#,
            r#"(component (core func (canon subtask.drop)))"#,
            r#"(component (component (component (type (stream)))))"#,
            r#"(component (import "wasi:random/random@0.3.0" (instance
                (export "get-random-u64" (func (result u64))))))"#,
            r#"(component (import "f" (func $f async)) (core module $m (memory (export "m") 1))
                (core instance $i (instantiate $m))
                (alias core export $i "m" (core memory $memory))
                (core func (canon lower (func $f) async (memory $memory))))"#,
        ] {
            assert!(shape(text).uses_async_abi, "{text}");
        }
        for text in [
            "(component)",
            r#"(component (import "async" (func)) (import "stream" (func)))"#,
            r#"(component (core module (func (export "[async-lower]f"))))"#,
        ] {
            assert!(!shape(text).uses_async_abi, "{text}");
        }
    }
}
