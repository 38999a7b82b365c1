/// Compares the value path with Wasmtime's own dynamic `Val` calls, for random types and values.
///
/// Every value passes through a guest, with C++ or Wasmtime at either end; see `run_case`. generate.py
/// creates the types at build time. The values are created at run time:
///
///     TAIRITSU_SEED   the seed of the values; printed on failure
///     TAIRITSU_CASES  the number of values, over all types

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "engine/bridge.h"
#include "guest.h"
#include "runtime/core.h"
#include "subject.h"
#include "tairitsu/tairitsu.h"

extern "C" tairitsu::bridge::Error* tairitsu_oracle_call(tairitsu::bridge::Store* store,
                                                         tairitsu::bridge::Bytes name,
                                                         tairitsu::bridge::Bytes arguments,
                                                         tairitsu::bridge::Buffer** out);

namespace differential {

std::vector<SubjectFactory>& subjects() {
  static std::vector<SubjectFactory> list;
  return list;
}

/// Used by GoogleTest's messages.
void PrintTo(const SubjectFactory& factory, std::ostream* out) { *out << factory.name; }

namespace {

using tairitsu::Result;

std::uint64_t number_from_environment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  if (text == nullptr) return fallback;
  const std::string_view view = text;
  std::uint64_t number = fallback;
  if (std::from_chars(view.data(), view.data() + view.size(), number).ec != std::errc{}) {
    throw std::invalid_argument(fmt::format("invalid number in {}: '{}'", name, view));
  }
  return number;
}

constexpr std::string_view kEncodings[] = {"utf8", "utf16", "latin1+utf16"};

std::size_t first_difference(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

/// Returns the text around a position, short enough for a message.
std::string excerpt(std::string_view text, std::size_t position) {
  constexpr std::size_t kContext = 300;
  const std::size_t begin = position > kContext ? position - kContext : 0;
  const std::string_view part = text.substr(std::min(begin, text.size()), 2 * kContext);
  return fmt::format("{}{}{}", begin == 0 ? "" : "…", part, begin + part.size() < text.size() ? "…" : "");
}

/// The guest of a subject, which C++ and the oracle can call.
class Guest {
 public:
  static Result<Guest> create(const tairitsu::Engine& engine, Subject& subject, std::string_view encoding) {
    auto image = tairitsu::Image::from_text(engine, component_text(subject.type(), encoding));
    if (!image) return std::unexpected(std::move(image).error());
    std::shared_ptr<tairitsu::detail::ContainerCore> core;
    auto container =
        tairitsu::Container::builder(*image)
            .with_imports([&](tairitsu::Linker& linker) { return subject.define(linker); })
            .with_guest_initializer([&](tairitsu::GuestContext& guest) -> Result<tairitsu::GuestInstance> {
              core = guest.store.core();
              auto instance = guest.linker.instantiate(guest.store, guest.component);
              if (!instance) return std::unexpected(std::move(instance).error());
              if (auto bound = subject.bind(guest.component, core); !bound) {
                return std::unexpected(std::move(bound).error());
              }
              return tairitsu::GuestInstance{};
            })
            .build();
    if (!container) return std::unexpected(std::move(container).error());
    return Guest(*std::move(container), std::move(core));
  }

  /// Calls a function through Wasmtime's `Func::call`.
  Result<std::string> oracle(std::string_view function, std::string_view arguments) {
    namespace bridge = tairitsu::bridge;
    return core_->with_store([&](tairitsu::detail::GuestStore& store) -> Result<std::string> {
      auto buffer = bridge::create<bridge::BufferPtr>(tairitsu_oracle_call, store.bridge(),
                                                      bridge::borrow(function), bridge::borrow(arguments));
      if (!buffer) return std::unexpected(std::move(buffer).error());
      return std::string(bridge::as_text(bridge::tairitsu_bridge_buffer_bytes(buffer->get())));
    });
  }

 private:
  Guest(tairitsu::Container container, std::shared_ptr<tairitsu::detail::ContainerCore> core)
      : container_(std::move(container)), core_(std::move(core)) {}

  tairitsu::Container container_;
  std::shared_ptr<tairitsu::detail::ContainerCore> core_;
};

class Differential : public testing::TestWithParam<SubjectFactory> {
 protected:
  static void SetUpTestSuite() {
    seed = number_from_environment("TAIRITSU_SEED", 1);
    total_cases = number_from_environment("TAIRITSU_CASES", 20000);
    auto created = tairitsu::Engine::create();
    ASSERT_TRUE(created) << created.error().message();
    engine = *std::move(created);
  }
  static void TearDownTestSuite() {
    fmt::print("{} values of {} types, {} comparisons, TAIRITSU_SEED={}\n", values, types, comparisons, seed);
    engine.reset();
  }

  /// Compares one result. False ends the subject: its container may be in the error state.
  bool same(std::string_view what, const Result<std::string>& actual, std::string_view expected) {
    ++comparisons;
    if (actual && *actual == expected) return true;
    const std::string_view found = actual ? std::string_view(*actual) : actual.error().message();
    const std::size_t position = actual ? first_difference(expected, found) : 0;
    ADD_FAILURE() << what << (actual ? ": the value changed" : ": the call failed") << "\n  type     "
                  << excerpt(subject->type().definition(), 0) << "\n  encoding " << encoding
                  << "\n  expected " << excerpt(expected, position) << "\n  actual   "
                  << excerpt(found, position) << "\n  value " << number
                  << " of this type; reproduce with TAIRITSU_SEED=" << seed
                  << " TAIRITSU_CASES=" << total_cases << " --gtest_filter='*/" << GetParam().name << "'";
    return false;
  }
  bool succeeds(std::string_view what, const Result<void>& result) {
    if (result) return same(what, std::string(), {});
    return same(what, std::unexpected(result.error()), {});
  }
  bool host_saw(std::string_view what, std::string_view expected) {
    return same(what, subject->seen, expected);
  }

  bool run_case(Guest& guest) {
    Subject& s = *subject;
    return
        // C++ lowers; Wasmtime lifts, and C++ does, by value and as views.
        succeeds("C++ reset", s.reset()) && succeeds("C++ put", s.put()) &&
        same("C++ put, oracle get", guest.oracle("get", {}), s.list_text) &&
        same("C++ put, C++ get", s.get(), s.list_text) &&
        same("C++ put, C++ get as views", s.view(), s.list_text) &&
        // Wasmtime lowers, C++ lifts.
        succeeds("C++ reset", s.reset()) && same("oracle put", guest.oracle("put", s.list_text), {}) &&
        same("oracle put, oracle get", guest.oracle("get", {}), s.list_text) &&
        same("oracle put, C++ get", s.get(), s.list_text) &&
        same("oracle put, C++ get as views", s.view(), s.list_text) &&
        // Wasmtime calls, and a C++ host function returns.
        succeeds("C++ reset", s.reset()) &&
        same("oracle relay", guest.oracle("relay", s.value_text), s.value_text) &&
        host_saw("oracle relay, in the host function", s.value_text) &&
        same("oracle relay-list", guest.oracle("relay-list", s.list_text), s.list_text) &&
        host_saw("oracle relay-list, in the host function", s.list_text) &&
        same("oracle swap", guest.oracle("swap", s.swap_arguments), s.swapped_text) &&
        host_saw("oracle swap, in the host function", s.swap_arguments) &&
        // C++ is at both ends.
        succeeds("C++ reset", s.reset()) && same("C++ relay", s.relay(), s.value_text) &&
        host_saw("C++ relay, in the host function", s.value_text) &&
        same("C++ relay-list", s.relay_list(), s.list_text) &&
        host_saw("C++ relay-list, in the host function", s.list_text) &&
        same("C++ swap", s.swap(), s.swapped_text) &&
        host_saw("C++ swap, in the host function", s.swap_arguments);
  }

  static std::optional<tairitsu::Engine> engine;
  static std::uint64_t seed;
  static std::uint64_t total_cases;
  static std::uint64_t values;
  static std::uint64_t types;
  static std::uint64_t comparisons;

  std::unique_ptr<Subject> subject;
  std::string_view encoding;
  std::uint64_t number = 0;
};

std::optional<tairitsu::Engine> Differential::engine;
std::uint64_t Differential::seed = 0;
std::uint64_t Differential::total_cases = 0;
std::uint64_t Differential::values = 0;
std::uint64_t Differential::types = 0;
std::uint64_t Differential::comparisons = 0;

TEST_P(Differential, AgreesWithWasmtime) {
  subject = GetParam().make();
  ++types;
  const std::size_t encodings = has_strings(subject->type()) ? std::size(kEncodings) : 1;
  const std::uint64_t for_this_type = std::max<std::uint64_t>(total_cases / subjects().size(), encodings);
  // The values of a type do not depend on which other types run.
  std::uint64_t stream = seed;
  for (const char character : GetParam().name) {
    stream = stream * 1099511628211 + static_cast<unsigned char>(character);
  }
  Random streams(stream);
  for (std::size_t at = 0; at < encodings; ++at) {
    encoding = kEncodings[at];
    auto guest = Guest::create(*engine, *subject, encoding);
    ASSERT_TRUE(guest) << guest.error().message() << "\n" << component_text(subject->type(), encoding);
    for (std::uint64_t left = for_this_type / encodings + (at < for_this_type % encodings); left != 0;
         --left) {
      Random random(streams.next());
      subject->fill(random);
      ++values;
      ++number;
      if (!run_case(*guest)) return;
    }
  }
}

std::vector<SubjectFactory> sorted_subjects() {
  std::vector<SubjectFactory> list = subjects();
  std::ranges::sort(list, {}, [](const SubjectFactory& factory) { return factory.name; });
  return list;
}

std::string name_of(const testing::TestParamInfo<SubjectFactory>& subject) { return subject.param.name; }

INSTANTIATE_TEST_SUITE_P(Types, Differential, testing::ValuesIn(sorted_subjects()), name_of);

}  // namespace

}  // namespace differential
