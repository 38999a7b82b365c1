/// The engine behind `tairitsu::Engine`: Wasmtime's engine and the thread that advances its epoch.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "tairitsu/engine.h"
#include "tairitsu/error.h"

namespace tairitsu::bridge {
struct Engine;
}

namespace tairitsu::detail {

/// Returns how many descriptors the process may have open.
[[nodiscard]] std::uint32_t max_open_files() noexcept;

class EngineCore {
 public:
  [[nodiscard]] static Result<std::shared_ptr<EngineCore>> create(const EngineOptions& options);
  EngineCore(const EngineCore&) = delete;
  EngineCore& operator=(const EngineCore&) = delete;
  ~EngineCore();

  [[nodiscard]] const EngineOptions& options() const noexcept { return options_; }
  [[nodiscard]] const bridge::Engine* bridge() const noexcept { return engine_; }
  [[nodiscard]] Result<std::string> fingerprint() const;

  /// Makes computing guests check their deadlines and interrupts now. Any thread.
  void increment_epoch() const noexcept;

  /// The ticker thread advances the epoch while there are more calls of `begin_ticking` than of `end_ticking`.
  /// Any thread.
  void begin_ticking();
  void end_ticking() noexcept;

 private:
  EngineCore(const EngineOptions& options, bridge::Engine* engine) : options_(options), engine_(engine) {}
  void tick();

  EngineOptions options_;
  bridge::Engine* engine_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t tickers_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace tairitsu::detail
