//! The engine: configuration, compilation settings, epochs.

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

/// Mirrors `tairitsu::EngineOptions`. Of the stack's size 0 is Wasmtime's default.
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
    pub max_wasm_stack: usize,
    /// A folder for compiled components; empty for no cache.
    pub cache_folder: Bytes,
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
    /// All containers together; the type's largest value for no limit.
    pub max_total_memory_bytes: u64,
    pub max_total_descriptors: u32,
    pub compile_limits: CompileLimits,
}

/// What stores are made with.
#[derive(Clone)]
pub struct Stores {
    pub engine: wasmtime::Engine,
    pub epochs: bool,
    pub fuel: bool,
    /// What all containers of the engine may have together.
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
    /// Fails if the engine cannot run what has such a shape, with the option that would let it.
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
    // A 32-bit memory never outgrows the address space that is reserved for it. The value path keeps
    // a memory's address over the calls of the guest's `realloc` that a lowering makes.
    config.memory_may_move(false);
    config.consume_fuel(options.fuel);
    config.epoch_interruption(options.epochs);
    config.debug_info(options.debug_info);
    // Backtraces name file and line where the guest has DWARF: read when a guest traps, not before.
    config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    config.parallel_compilation(options.parallel_compilation);
    config.cranelift_opt_level(match options.optimization {
        0 => wasmtime::OptLevel::None,
        2 => wasmtime::OptLevel::SpeedAndSize,
        _ => wasmtime::OptLevel::Speed,
    });
    if options.max_wasm_stack != 0 {
        config.max_wasm_stack(options.max_wasm_stack);
        // The stack of a fiber has to hold the guest's and the host functions' frames.
        config.async_stack_size(options.max_wasm_stack + (1 << 20).max(options.max_wasm_stack));
    }
    // SAFETY: C++ passes a live string.
    let folder = unsafe { options.cache_folder.as_str()? };
    if !folder.is_empty() {
        let mut cache = CacheConfig::new();
        cache.with_directory(folder);
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
    // Only what a guest has touched is cleared, where the kernel can tell (Linux 6.7): without this
    // keeping memory resident costs clearing all of it for each instance.
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

/// Makes an engine.
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

/// Components, stores and linkers made from the engine keep what they need of it.
///
/// # Safety
/// `engine` is null or a live engine, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_engine_free(engine: *mut Engine) {
    // SAFETY: the caller's promise.
    unsafe { free(engine) }
}

/// For values that say what they are by `Hash` alone.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0 // Never asked for: the digest is what counts.
    }
}

/// Says which artifacts an engine takes.
pub fn fingerprint(engine: &wasmtime::Engine) -> [u8; 16] {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.0.finalize()[..16]);
    first
}

/// Says which artifacts the engine takes: text of 32 hexadecimal digits, the same for engines of one version
/// with options that compile to the same code for the same kind of processor.
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

/// Moves the engine's epoch on by one tick: running guests look at their deadlines.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_engine_increment_epoch(engine: *const Engine) {
    // SAFETY: the caller's promise.
    unsafe { (*engine).engine.increment_epoch() }
}

/// Panics inside the guard, for the test that panics become errors.
#[unsafe(no_mangle)]
pub extern "C" fn tairitsu_bridge_panic_for_test() -> *mut Error {
    guard_shared(|| panic!("asked to"))
}
