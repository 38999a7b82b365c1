/// Programs: what has a beginning and an end, and answers an exit status. A program is a component that exports
/// `wasi:cli/run`, of WASI 0.2 or 0.3 (of 0.3 if it exports both), or a core module of WASI preview 1 with a
/// `_start`.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <tairitsu/container.h>
#include <tairitsu/engine.h>
#include <tairitsu/error.h>
#include <tairitsu/image.h>
#include <tairitsu/wasi.h>

namespace tairitsu {

namespace detail {
class ProgramCore;
class ProcessCore;
}  // namespace detail

/// One run of a program. Move-only; one thread at a time.
class Process {
 public:
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  /// Runs the program to its end, once: its exit status, where 0 is success. A component of 0.2 that does not
  /// succeed answers 1. Fails as a call does: with `trap`, at a limit, `interrupted`, and with `container_stopped`
  /// where it ran before.
  [[nodiscard]] Result<int> run();
  /// Cuts the run off, from any thread: at once where the program waits; where it computes, within an epoch tick
  /// if the engine has epochs, else not.
  [[nodiscard]] InterruptHandle interrupt_handle() const;

  /// What the program has written to captured streams, before, or after the run.
  [[nodiscard]] std::string standard_output() const;
  [[nodiscard]] std::string standard_error() const;
  /// Whether the program tried to write more to a captured stream than `WasiOptions::capture_capacity`: the
  /// beginning is kept, the rest is lost.
  [[nodiscard]] bool standard_output_truncated() const noexcept;
  [[nodiscard]] bool standard_error_truncated() const noexcept;
  /// Bytes of linear memory that it has.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;

 private:
  friend class Program;
  explicit Process(std::unique_ptr<detail::ProcessCore> core);
  [[nodiscard]] std::string captured(unsigned stream) const;
  std::unique_ptr<detail::ProcessCore> core_;
};

/// A compiled program. A shared handle: cheap to copy, usable from any thread.
class Program {
 public:
  /// Compiles a component or a core module, binary or text. A core module runs natively, with no adapter. Fails
  /// with `not_wasm`, `invalid_component`, `missing_import`, and with `unsupported_type` where it is no program.
  [[nodiscard]] static Result<Program> from_bytes(const Engine& engine, std::span<const std::byte> bytes);
  /// The same from a file; also `io`. Messages carry the path.
  [[nodiscard]] static Result<Program> from_file(const Engine& engine, const std::filesystem::path& path);
  /// Of a component that is compiled already. Fails with `unsupported_type` where it is no program, and with
  /// `missing_import` where it imports anything but WASI.
  [[nodiscard]] static Result<Program> from_image(const Image& image);
  /// Loads what `precompile` wrote, of a component or a core module. **Only what you trust**: see
  /// `Image::from_trusted_artifact_file`.
  [[nodiscard]] static Result<Program> from_trusted_artifact_file(const Engine& engine,
                                                                  const std::filesystem::path& path);

  /// The compiled code, for `from_trusted_artifact_file` on an engine of the same version and options.
  [[nodiscard]] Result<std::vector<std::byte>> precompile() const;

  /// Makes a process, which has not begun.
  [[nodiscard]] Result<Process> create(const WasiOptions& wasi, const Limits& limits = {}) const;

 private:
  friend class CompilationCache;
  [[nodiscard]] static Result<Program> from_sealed_artifact_file(const Engine& engine,
                                                                 const std::filesystem::path& path,
                                                                 const detail::ArtifactSeal& seal);
  explicit Program(std::shared_ptr<const detail::ProgramCore> core) : core_(std::move(core)) {}
  std::shared_ptr<const detail::ProgramCore> core_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23
