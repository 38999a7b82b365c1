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

/// What a command component exports: the interface, in the component's own version. The newest one if there are
/// several: a Rust program for WASI 0.3 also exports that of 0.2, which only panics.
const Interface* find_run(const World& world) {
  return find_first_interface(world.exports, {"wasi:cli/run@0.3", "wasi:cli/run@0.2"});
}

}  // namespace

/// A component that is a command, or a core module.
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

/// A run of either.
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
    TAIRITSU_CHECK(command.container->instantiate());
    const auto& run = std::get<ProgramCore::Command>(program->kind).run;
    TAIRITSU_TRY(const bool succeeded, command.container->run_command(*run));
    return succeeded ? 0 : 1;
  }

  Result<int> run(Module& module) {
    if (std::exchange(module.ran, true)) return fail(ErrorCode::container_stopped, "the process ran already");
    TAIRITSU_CHECK(module.store.run_module(std::get<ProgramCore::Module>(program->kind).module));
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
    return fail(ErrorCode::unsupported_type,
                "the component is no program, for it exports no wasi:cli/run of WASI 0.2 or 0.3");
  }
  TAIRITSU_TRY(auto run, component.compiled.find_export(interface->name, "run"));
  // What waits in WASI runs on a fiber, so that it can be interrupted.
  auto linked = detail::link(Linker().data(), image.component().core(), true);
  if (!linked && linked.error().code() == ErrorCode::missing_import) {
    return std::unexpected(
        linked.error().with_advice("A program gets WASI alone; a Container can give its guest more."));
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
  return detail::about(path, from_bytes(engine, bytes));
}

Result<Program> Program::from_trusted_artifact_file(const Engine& engine, const std::filesystem::path& path) {
  TAIRITSU_TRY(const bool is_module, detail::is_module_artifact(path));
  if (!is_module) {
    TAIRITSU_TRY(const auto image, Image::from_trusted_artifact_file(engine, path));
    return detail::about(path, from_image(image));
  }
  TAIRITSU_TRY(auto module,
               detail::about(path, detail::CompiledModule::from_trusted_artifact_file(*engine.core(), path)));
  return Program(std::make_shared<const ProgramCore>(
      ProgramCore{ProgramCore::Module{.engine = engine, .module = std::move(module)}}));
}

Result<Program> Program::from_sealed_artifact_file(const Engine& engine, const std::filesystem::path& path,
                                                   const detail::ArtifactSeal& seal) {
  TAIRITSU_TRY(const bool is_module, detail::is_module_artifact(path));
  if (!is_module) {
    TAIRITSU_TRY(const auto image, Image::from_sealed_artifact_file(engine, path, seal));
    return detail::about(path, from_image(image));
  }
  TAIRITSU_TRY(auto module, detail::about(path, detail::CompiledModule::from_sealed_artifact_file(
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
    TAIRITSU_CHECK(container->prepare(command->linked));
    return Process(std::make_unique<ProcessCore>(core_, ProcessCore::Command{std::move(container)}));
  }
  const auto& module = std::get<ProgramCore::Module>(core_->kind);
  TAIRITSU_CHECK(detail::check_limits(module.engine.options(), limits));
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

/// Runs `body(store)`, or answers nothing where a call runs.
template <typename Answer, typename Body>
Answer with_store(ProcessCore& core, Body&& body) {
  if (auto* module = std::get_if<ProcessCore::Module>(&core.kind)) return body(module->store);
  return std::get<ProcessCore::Command>(core.kind)
      .container->with_store([&](detail::GuestStore& store) -> Result<Answer> { return body(store); })
      .value_or(Answer{});
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
