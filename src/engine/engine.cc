#include "engine/engine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <string>
#include <system_error>

#include "engine/bridge.h"

namespace tairitsu {

namespace detail {

std::uint32_t max_open_files() noexcept {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1U << 20));
}

Result<std::shared_ptr<EngineCore>> EngineCore::create(const EngineOptions& options) {
  std::string cache_directory;
  if (!options.cache_directory.empty()) {
    std::error_code failed;  // The working directory may have been deleted.
    cache_directory = std::filesystem::absolute(options.cache_directory, failed).string();
    if (failed) return fail(ErrorCode::io, options.cache_directory.string() + ": " + failed.message());
  }
  const PoolOptions pool = options.pool.value_or(PoolOptions{});
  const bridge::EngineConfig config{
      .pooling = options.pool.has_value(),
      .fuel = options.fuel,
      .epochs = options.epochs,
      .async_abi = options.async_abi,
      .debug_info = options.debug_info,
      .parallel_compilation = options.parallel_compilation,
      .optimization = static_cast<std::uint8_t>(options.optimization),
      .max_wasm_stack = options.max_wasm_stack,
      .cache_directory = bridge::borrow(cache_directory),
      .pool_max_instances = pool.max_components,
      .pool_max_core_instances = pool.max_core_instances,
      .pool_max_memories = pool.max_memories,
      .pool_max_tables = pool.max_tables,
      .pool_max_stacks = pool.max_stacks,
      .pool_max_core_instances_per_component = pool.max_core_instances_per_component,
      .pool_max_memories_per_component = pool.max_memories_per_component,
      .pool_max_tables_per_component = pool.max_tables_per_component,
      .pool_max_memories_per_module = pool.max_memories_per_module,
      .pool_max_tables_per_module = pool.max_tables_per_module,
      .pool_max_memory_bytes = pool.max_memory_bytes,
      .pool_max_table_elements = pool.max_table_elements,
      .pool_max_core_instance_bytes = pool.max_core_instance_bytes,
      .pool_max_component_instance_bytes = pool.max_component_instance_bytes,
      .pool_memory_keep_resident = pool.memory_keep_resident,
      .pool_table_keep_resident = pool.table_keep_resident,
      .pool_stack_keep_resident = pool.stack_keep_resident,
      .max_total_memory_bytes = options.total_memory_bytes.value_or(UINT64_MAX),
      .max_total_descriptors = options.total_descriptors.value_or(max_open_files() / 2),
      .compile_limits =
          {
              .nesting = options.compile_limits.nesting,
              .function_bytes = options.compile_limits.function_bytes,
              .functions = options.compile_limits.functions,
              .modules = options.compile_limits.modules,
              .module_depth = options.compile_limits.module_depth,
              .items = options.compile_limits.items,
              .source_bytes = options.compile_limits.source_bytes,
          },
  };
  if (options.epochs && options.epoch_tick.count() <= 0) {
    return fail(ErrorCode::invalid_argument, "EngineOptions::epoch_tick must be positive");
  }
  bridge::Engine* engine = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_engine_new(&config, &engine)));
  return std::shared_ptr<EngineCore>(new EngineCore(options, engine));
}

EngineCore::~EngineCore() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  bridge::tairitsu_bridge_engine_free(engine_);
}

Result<std::string> EngineCore::fingerprint() const {
  TAIRITSU_TRY(auto buffer,
               bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_engine_fingerprint, engine_));
  return bridge::to_string(buffer);
}

void EngineCore::increment_epoch() const noexcept { bridge::tairitsu_bridge_engine_increment_epoch(engine_); }

void EngineCore::begin_ticking() {
  const std::scoped_lock lock(mutex_);
  if (++tickers_ > 1) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { tick(); });
  changed_.notify_all();
}

void EngineCore::end_ticking() noexcept {
  const std::scoped_lock lock(mutex_);
  --tickers_;
}

void EngineCore::tick() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (tickers_ == 0) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, options_.epoch_tick);
      increment_epoch();
    }
  }
}

}  // namespace detail

Result<Engine> Engine::create(const EngineOptions& options) {
  TAIRITSU_TRY(auto core, detail::EngineCore::create(options));
  return Engine(std::move(core));
}

Result<std::string> Engine::fingerprint() const { return core_->fingerprint(); }

void exit_when_out_of_memory(int status) noexcept {
  static int exit_status = 0;
  exit_status = status;
  std::set_new_handler([] { ::_exit(exit_status); });
  bridge::tairitsu_bridge_exit_without_memory(status);
}

const EngineOptions& Engine::options() const noexcept { return core_->options(); }

}  // namespace tairitsu
