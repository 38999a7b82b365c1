#include "tairitsu/program.h"

#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/module.h"
#include "runtime/component.h"
#include "runtime/core.h"
#include "runtime/image_file.h"
#include "wit/name.h"

namespace tairitsu {

namespace detail {

namespace {

/// Returns the exported `wasi:cli/run`, in the component's own version, or null. Prefers the newest version: a
/// Rust program for WASI 0.3 also exports one for 0.2, which only panics.
const Interface* find_run(const World& world) {
  return find_first_interface(world.exports, {"wasi:cli/run@0.3", "wasi:cli/run@0.2"});
}

}  // namespace

/// A command component or a core module.
class ProgramCore {
 public:
  struct Command {
    Image image;
    ExportIndexPtr run;
    std::shared_ptr<const Linked> linked;
  };
  struct Module {
    Engine engine;
    CompiledModule module;
  };
  std::variant<Command, Module> kind;
};

/// A run of a command component or a core module.
class ProcessCore {
 public:
  struct Command {
    std::shared_ptr<ContainerCore> container;
  };
  struct Module {
    Engine engine;
    std::shared_ptr<const InterruptCore> interrupt;
    GuestStore store;
    bool ticking = false;
    bool ran = false;
  };

  ProcessCore(std::shared_ptr<const ProgramCore> of, std::variant<Command, Module> what)
      : program(std::move(of)), kind(std::move(what)) {}
  ProcessCore(const ProcessCore&) = delete;
  ProcessCore& operator=(const ProcessCore&) = delete;
  ~ProcessCore() {
    if (const auto* module = std::get_if<Module>(&kind); module != nullptr && module->ticking) {
      module->engine.core()->end_ticking();
    }
  }

  Result<int> run(Command& command) {
    TAIRITSU_RETURN_IF_ERROR(command.container->instantiate());
    const auto& run = std::get<ProgramCore::Command>(program->kind).run;
    TAIRITSU_TRY(const bool succeeded, command.container->run_command(*run));
    return succeeded ? 0 : 1;
  }

  Result<int> run(Module& module) {
    if (std::exchange(module.ran, true))
      return fail(ErrorCode::container_stopped, "the process has already run");
    TAIRITSU_RETURN_IF_ERROR(module.store.run_module(std::get<ProgramCore::Module>(program->kind).module));
    return 0;
  }

  std::shared_ptr<const ProgramCore> program;
  std::variant<Command, Module> kind;
};

}  // namespace detail

using detail::ProcessCore;
using detail::ProgramCore;

Result<Program> Program::from_image(const Image& image) {
  const detail::ComponentCore& component = *image.component().core();
  const Interface* interface = detail::find_run(component.world);
  if (interface == nullptr) {
    return fail(ErrorCode::unsupported_type, "not a command component: it does not export wasi:cli/run");
  }
  TAIRITSU_TRY(auto run, component.compiled.find_export(interface->name, "run"));
  // Guests that wait in WASI run on a fiber, so that they can be interrupted.
  auto linked = detail::link(Linker().data(), image.component().core(), true);
  if (!linked && linked.error().code() == ErrorCode::missing_import) {
    return std::unexpected(
        linked.error().with_advice("A Program provides only WASI; use a Container to define other imports."));
  }
  if (!linked) return std::unexpected(linked.error());
  return Program(std::make_shared<const ProgramCore>(ProgramCore{
      ProgramCore::Command{.image = image, .run = std::move(run), .linked = *std::move(linked)}}));
}

Result<Program> Program::from_bytes(const Engine& engine, std::span<const std::byte> bytes) {
  auto image = Image::from_bytes(engine, bytes);
  if (image) return from_image(*image);
  if (image.error().code() != ErrorCode::is_core_module) return std::unexpected(image.error());
  TAIRITSU_TRY(auto module, detail::CompiledModule::compile(*engine.core(), bytes));
  return Program(std::make_shared<const ProgramCore>(
      ProgramCore{ProgramCore::Module{.engine = engine, .module = std::move(module)}}));
}

Result<Program> Program::from_file(const Engine& engine, const std::filesystem::path& path) {
  TAIRITSU_TRY(const auto bytes, detail::read_image_file(path));
  return detail::with_path(path, from_bytes(engine, bytes));
}

Result<Program> Program::from_trusted_artifact_file(const Engine& engine, const std::filesystem::path& path) {
  TAIRITSU_TRY(const bool is_module, detail::is_module_artifact(path));
  if (!is_module) {
    TAIRITSU_TRY(const auto image, Image::from_trusted_artifact_file(engine, path));
    return detail::with_path(path, from_image(image));
  }
  TAIRITSU_TRY(auto module, detail::with_path(path, detail::CompiledModule::from_trusted_artifact_file(
                                                        *engine.core(), path)));
  return Program(std::make_shared<const ProgramCore>(
      ProgramCore{ProgramCore::Module{.engine = engine, .module = std::move(module)}}));
}

Result<Program> Program::from_sealed_artifact_file(const Engine& engine, const std::filesystem::path& path,
                                                   const detail::ArtifactSeal& seal) {
  TAIRITSU_TRY(const bool is_module, detail::is_module_artifact(path));
  if (!is_module) {
    TAIRITSU_TRY(const auto image, Image::from_sealed_artifact_file(engine, path, seal));
    return detail::with_path(path, from_image(image));
  }
  TAIRITSU_TRY(auto module, detail::with_path(path, detail::CompiledModule::from_sealed_artifact_file(
                                                        *engine.core(), path, seal)));
  return Program(std::make_shared<const ProgramCore>(
      ProgramCore{ProgramCore::Module{.engine = engine, .module = std::move(module)}}));
}

Result<std::vector<std::byte>> Program::precompile() const {
  if (const auto* command = std::get_if<ProgramCore::Command>(&core_->kind)) {
    return command->image.precompile();
  }
  return std::get<ProgramCore::Module>(core_->kind).module.serialize();
}

Result<Process> Program::create(const WasiOptions& wasi, const Limits& limits) const {
  TAIRITSU_TRY(auto policy, detail::make_wasi_policy(wasi));
  if (const auto* command = std::get_if<ProgramCore::Command>(&core_->kind)) {
    const detail::ContainerOptions options{
        .limits = limits, .wasi = std::move(policy), .interruptible = true};
    TAIRITSU_TRY(auto container,
                 detail::ContainerCore::create(command->image, options, detail::HostStateHolder()));
    TAIRITSU_RETURN_IF_ERROR(container->prepare(command->linked));
    return Process(std::make_unique<ProcessCore>(core_, ProcessCore::Command{std::move(container)}));
  }
  const auto& module = std::get<ProgramCore::Module>(core_->kind);
  TAIRITSU_RETURN_IF_ERROR(detail::check_limits(module.engine.options(), limits));
  detail::StoreOptions options = detail::store_options(limits);
  options.wasi = policy.get();
  TAIRITSU_TRY(auto store, detail::GuestStore::create_for_module(*module.engine.core(), options));
  auto interrupt =
      std::make_shared<const detail::InterruptCore>(store.interrupt_handle(), module.engine.core());
  if (limits.deadline) module.engine.core()->begin_ticking();
  return Process(
      std::make_unique<ProcessCore>(core_, ProcessCore::Module{.engine = module.engine,
                                                               .interrupt = std::move(interrupt),
                                                               .store = std::move(store),
                                                               .ticking = limits.deadline.has_value()}));
}

Process::Process(std::unique_ptr<ProcessCore> core) : core_(std::move(core)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

Result<int> Process::run() {
  auto ended = std::visit([&](auto& kind) { return core_->run(kind); }, core_->kind);
  if (!ended && ended.error().code() == ErrorCode::guest_exited) return ended.error().exit_status();
  return ended;
}

InterruptHandle Process::interrupt_handle() const {
  if (const auto* module = std::get_if<ProcessCore::Module>(&core_->kind)) {
    return InterruptHandle(module->interrupt);
  }
  return InterruptHandle(std::get<ProcessCore::Command>(core_->kind).container->interrupt_core());
}

namespace {

/// Runs `body(store)`; returns an empty value if a call is running.
template <typename T, typename Body>
T with_store(ProcessCore& core, Body&& body) {
  if (auto* module = std::get_if<ProcessCore::Module>(&core.kind)) return body(module->store);
  return std::get<ProcessCore::Command>(core.kind)
      .container->with_store([&](detail::GuestStore& store) -> Result<T> { return body(store); })
      .value_or(T{});
}

}  // namespace

std::string Process::captured(unsigned stream) const {
  return with_store<std::string>(*core_, [&](detail::GuestStore& store) { return store.captured(stream); });
}

std::string Process::standard_output() const { return captured(0); }
std::string Process::standard_error() const { return captured(1); }

bool Process::standard_output_truncated() const noexcept {
  return with_store<bool>(*core_, [](detail::GuestStore& store) { return store.is_truncated(0); });
}

bool Process::standard_error_truncated() const noexcept {
  return with_store<bool>(*core_, [](detail::GuestStore& store) { return store.is_truncated(1); });
}

std::uint64_t Process::memory_bytes() const noexcept {
  return with_store<std::uint64_t>(*core_, [](detail::GuestStore& store) { return store.memory_bytes(); });
}

}  // namespace tairitsu
