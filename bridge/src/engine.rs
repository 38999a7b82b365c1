//! Engines: configuration, compiler settings, epochs.

use crate::account::Total;
use crate::compile_limits::CompileLimits;
use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, free, give, guard_shared};
use crate::shape::{PoolBounds, Shape};
use crate::wasi::Linkers;
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use wasmtime::{Cache, CacheConfig, Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Mirrors `tairitsu::EngineOptions`.
#[repr(C)]
pub struct EngineConfig {
    pub pooling: bool,
    pub fuel: bool,
    pub epochs: bool,
    pub async_abi: bool,
    pub debug_info: bool,
    pub parallel_compilation: bool,
    /// 0 none, 1 speed, 2 speed and size.
    pub optimization: u8,
    /// In bytes; 0 for Wasmtime's default.
    pub max_wasm_stack: usize,
    /// A directory for compiled components; empty for no cache.
    pub cache_directory: Bytes,
    pub pool_max_instances: u32,
    pub pool_max_core_instances: u32,
    pub pool_max_memories: u32,
    pub pool_max_tables: u32,
    pub pool_max_stacks: u32,
    pub pool_max_core_instances_per_component: u32,
    pub pool_max_memories_per_component: u32,
    pub pool_max_tables_per_component: u32,
    pub pool_max_memories_per_module: u32,
    pub pool_max_tables_per_module: u32,
    pub pool_max_memory_bytes: usize,
    pub pool_max_table_elements: usize,
    pub pool_max_core_instance_bytes: usize,
    pub pool_max_component_instance_bytes: usize,
    pub pool_memory_keep_resident: usize,
    pub pool_table_keep_resident: usize,
    pub pool_stack_keep_resident: usize,
    /// For all containers together; the type's largest value means no limit.
    pub max_total_memory_bytes: u64,
    pub max_total_descriptors: u32,
    pub compile_limits: CompileLimits,
}

/// What creating a store needs.
#[derive(Clone)]
pub struct Stores {
    pub engine: wasmtime::Engine,
    pub epochs: bool,
    pub fuel: bool,
    /// The limits for all containers of the engine together.
    pub total: Arc<Total>,
}

/// A Wasmtime engine. Any thread may use it.
pub struct Engine {
    pub engine: wasmtime::Engine,
    pub stores: Stores,
    async_abi: bool,
    pool: Option<PoolBounds>,
    pub wasi: Linkers,
    pub compile_limits: CompileLimits,
}

impl Engine {
    /// Fails if the engine cannot run guests of this shape. The message names the option that would allow it.
    pub fn admit(&self, shape: &Shape) -> Result<(), Error> {
        if shape.uses_async_abi && !self.async_abi {
            return Err(Error::new(
                Code::AsyncAbiOff,
                "the component uses the component model's async ABI, which the engine does not enable \
                 (EngineOptions::async_abi)",
            ));
        }
        match &self.pool {
            Some(pool) => shape.fits_in_pool(pool),
            None => Ok(()),
        }
    }
}

fn configure(options: &EngineConfig) -> Result<Config, Error> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.concurrency_support(options.async_abi);
    config.wasm_component_model_async(options.async_abi);
    // A 32-bit memory never outgrows the address space reserved for it. The value path relies on this:
    // a memory's address stays valid while lowering calls the guest's `realloc`.
    config.memory_may_move(false);
    config.consume_fuel(options.fuel);
    config.epoch_interruption(options.epochs);
    config.debug_info(options.debug_info);
    // Backtraces name file and line if the guest has DWARF, which is only read when the guest traps.
    config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    config.parallel_compilation(options.parallel_compilation);
    config.cranelift_opt_level(match options.optimization {
        0 => wasmtime::OptLevel::None,
        2 => wasmtime::OptLevel::SpeedAndSize,
        _ => wasmtime::OptLevel::Speed,
    });
    if options.max_wasm_stack != 0 {
        config.max_wasm_stack(options.max_wasm_stack);
        // The stack of a fiber holds the frames of the guest and of host functions.
        config.async_stack_size(options.max_wasm_stack + (1 << 20).max(options.max_wasm_stack));
    }
    // SAFETY: C++ passes a live string.
    let directory = unsafe { options.cache_directory.as_str()? };
    if !directory.is_empty() {
        let mut cache = CacheConfig::new();
        cache.with_directory(directory);
        let cache = Cache::new(cache).map_err(|e| Error::from_wasmtime(&e, Code::Io))?;
        config.cache(Some(cache));
    }
    if options.pooling {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    }
    Ok(config)
}

fn pool(options: &EngineConfig) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(options.pool_max_instances)
        .total_core_instances(options.pool_max_core_instances)
        .total_memories(options.pool_max_memories)
        .total_tables(options.pool_max_tables)
        .total_stacks(options.pool_max_stacks)
        .max_core_instances_per_component(options.pool_max_core_instances_per_component)
        .max_memories_per_component(options.pool_max_memories_per_component)
        .max_tables_per_component(options.pool_max_tables_per_component)
        .max_memories_per_module(options.pool_max_memories_per_module)
        .max_tables_per_module(options.pool_max_tables_per_module)
        .max_memory_size(options.pool_max_memory_bytes)
        .table_elements(options.pool_max_table_elements)
        .max_core_instance_size(options.pool_max_core_instance_bytes)
        .max_component_instance_size(options.pool_max_component_instance_bytes);
    pool.linear_memory_keep_resident(options.pool_memory_keep_resident);
    pool.table_keep_resident(options.pool_table_keep_resident);
    pool.async_stack_keep_resident(options.pool_stack_keep_resident);
    // With Linux 6.7 or later, only memory that the guest has touched is cleared. Otherwise all memory
    // that is kept resident is cleared for each instance.
    pool.pagemap_scan(wasmtime::Enabled::Auto);
    pool
}

fn pool_bounds(options: &EngineConfig) -> PoolBounds {
    PoolBounds {
        core_instances_per_component: options.pool_max_core_instances_per_component.into(),
        memories_per_component: options.pool_max_memories_per_component.into(),
        tables_per_component: options.pool_max_tables_per_component.into(),
        memories_per_module: options.pool_max_memories_per_module.into(),
        tables_per_module: options.pool_max_tables_per_module.into(),
        memory_bytes: options.pool_max_memory_bytes as u64,
        table_elements: options.pool_max_table_elements as u64,
        core_instance_bytes: options.pool_max_core_instance_bytes as u64,
        component_instance_bytes: options.pool_max_component_instance_bytes as u64,
    }
}

/// Creates an engine.
///
/// # Safety
/// `options` is readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_engine_new(
    options: *const EngineConfig,
    out: *mut *mut Engine,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let options = unsafe { &*options };
        let config = configure(options)?;
        let engine = wasmtime::Engine::new(&config)
            .map_err(|e| Error::from_wasmtime(&e, Code::InvalidArgument))?;
        let engine = Engine {
            engine: engine.clone(),
            stores: Stores {
                engine,
                epochs: options.epochs,
                fuel: options.fuel,
                total: Arc::new(Total::new(
                    options.max_total_memory_bytes,
                    options.max_total_descriptors as usize,
                )),
            },
            async_abi: options.async_abi,
            pool: options.pooling.then(|| pool_bounds(options)),
            wasi: Linkers::default(),
            compile_limits: options.compile_limits,
        };
        // SAFETY: the caller's promise.
        unsafe { give(out, engine) };
        Ok(())
    })
}

/// Frees the engine. Its components, stores and linkers stay valid.
///
/// # Safety
/// `engine` is null or a live engine, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_engine_free(engine: *mut Engine) {
    // SAFETY: the caller's promise.
    unsafe { free(engine) }
}

/// Hashes values that expose their content only through `Hash`.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0 // Never called: only the digest is used.
    }
}

/// Returns what identifies the artifacts that an engine can load.
pub fn fingerprint(engine: &wasmtime::Engine) -> [u8; 16] {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.0.finalize()[..16]);
    first
}

/// Writes what identifies the artifacts that the engine can load: 32 hexadecimal digits. They are equal for engines
/// of the same version whose options produce the same code for the same kind of processor.
///
/// # Safety
/// `engine` is live, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_engine_fingerprint(
    engine: *const Engine,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let fingerprint = fingerprint(unsafe { &(*engine).engine });
        let text: String = fingerprint
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(text.into_bytes())) };
        Ok(())
    })
}

/// Advances the engine's epoch by one tick, so that running guests check their deadlines.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_engine_increment_epoch(engine: *const Engine) {
    // SAFETY: the caller's promise.
    unsafe { (*engine).engine.increment_epoch() }
}

/// Panics inside the guard, to test that panics become errors.
#[unsafe(no_mangle)]
pub extern "C" fn tairitsu_bridge_panic_for_test() -> *mut Error {
    guard_shared(|| panic!("requested by a test"))
}
