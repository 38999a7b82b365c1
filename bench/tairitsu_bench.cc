// The C++ side of the benchmarks. run.py compares these cases with those of the Rust peer.
//
// A case and its namesake in peer/src/cases.rs must do the same work: the same guest, the same data, and
// results with the same ownership. The environment variable TAIRITSU_BENCH_GUESTS lists the directories with
// guests, separated by colons. The first directory that contains a file is used.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <tairitsu/tairitsu.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "calls.h"
#include "host_calls.h"

namespace {

struct Point {
  double x{};
  double y{};
  double z{};

  bool operator==(const Point&) const = default;
};

}  // namespace

template <>
struct tairitsu::Describe<Point>
    : tairitsu::Record<Point, "point", tairitsu::Field<"x", &Point::x>, tairitsu::Field<"y", &Point::y>,
                       tairitsu::Field<"z", &Point::z>> {};

namespace {

using tairitsu::Container;
using tairitsu::ContainerTemplate;
using tairitsu::Engine;
using tairitsu::EngineOptions;
using tairitsu::ErrorCode;
using tairitsu::fail;
using tairitsu::Function;
using tairitsu::Image;
using tairitsu::Linker;
using tairitsu::Result;
using tairitsu::Value;

// ---- Guests

Result<std::filesystem::path> find_guest(std::string_view file) {
  const char* variable = std::getenv("TAIRITSU_BENCH_GUESTS");
  const std::string directories = variable == nullptr ? "" : variable;
  for (std::size_t begin = 0; begin < directories.size();) {
    const std::size_t end = std::min(directories.find(':', begin), directories.size());
    const auto path = std::filesystem::path(directories.substr(begin, end - begin)) / file;
    if (std::filesystem::is_regular_file(path)) return path;
    begin = end + 1;
  }
  return fail(ErrorCode::not_found,
              fmt::format("guest '{}' not found in '{}'; set TAIRITSU_BENCH_GUESTS to its directory, or use "
                          "bench/run.py",
                          file, directories));
}

Result<Image> load_guest(std::string_view file, const EngineOptions& options = {}) {
  TAIRITSU_TRY(auto path, find_guest(file));
  TAIRITSU_TRY(auto engine, Engine::create(options));
  return Image::from_file(engine, path);
}

template <typename Signature>
struct Callee {
  Container container;
  Function<Signature> function;
};

template <typename Signature>
Result<Callee<Signature>> make_callee(Result<Container> made, std::string_view name) {
  TAIRITSU_TRY(auto container, std::move(made));
  TAIRITSU_TRY(auto function, container.function<Signature>(name));
  return Callee<Signature>{std::move(container), std::move(function)};
}

// Instantiates calls.wat and finds a function of it.
template <typename Signature>
Result<Callee<Signature>> calls(std::string_view name) {
  TAIRITSU_TRY(auto image, load_guest("calls.wat"));
  return make_callee<Signature>(Container::builder(image).build(), name);
}

// ---- Registration

// Adds a benchmark. `make` creates the setup on the first run only, because Google Benchmark runs a benchmark
// several times. `measure` receives the state and the setup, and contains the timing loop.
template <typename Make, typename Measure>
void add(const char* name, Make make, Measure measure) {
  using Setup = typename std::invoke_result_t<Make>::value_type;
  auto setup = std::make_shared<std::optional<Setup>>();
  benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
    if (!*setup) {
      auto made = make();
      if (!made) return state.SkipWithError(made.error().message().c_str());
      setup->emplace(*std::move(made));
    }
    if (Result<void> measured = measure(state, **setup); !measured) {
      state.SkipWithError(measured.error().message().c_str());
    }
  })->UseRealTime();
}

Result<void> expect(bool as_expected) {
  if (!as_expected) return fail(ErrorCode::internal, "unexpected result of the guest");
  return {};
}

// ---- Calls

void add_scalar_calls() {
  add(
      "nop", [] { return calls<void()>("nop"); },
      [](benchmark::State& state, auto& setup) -> Result<void> {
        for (auto _ : state) TAIRITSU_RETURN_IF_ERROR(setup.function());
        return {};
      });
  const auto add_u32 = [](benchmark::State& state, auto& setup) -> Result<void> {
    std::uint32_t a = 1, b = 2;
    for (auto _ : state) {
      benchmark::DoNotOptimize(a);
      benchmark::DoNotOptimize(b);
      TAIRITSU_TRY(auto sum, setup.function(a, b));
      benchmark::DoNotOptimize(sum);
    }
    return {};
  };
  using Add = std::uint32_t(std::uint32_t, std::uint32_t);
  add("add-u32", [] { return calls<Add>("add"); }, add_u32);
  add(
      "wasi-async-add-u32",
      []() -> Result<Callee<Add>> {
        TAIRITSU_TRY(auto image, load_guest("wasi_add.wasm", {.epochs = true}));
        return make_callee<Add>(Container::builder(image).interruptible().build(), "add");
      },
      add_u32);
}

constexpr std::size_t kBytes = std::size_t{64} << 10;

std::vector<std::uint8_t> make_bytes() { return std::vector<std::uint8_t>(kBytes, 7); }

std::vector<Point> make_points() {
  std::vector<Point> points;
  for (int i = 0; i < 1000; ++i) points.push_back({.x = 1.0 * i, .y = 0.5 * i, .z = 0.25 * i});
  return points;
}

std::vector<std::string> make_strings() {
  std::vector<std::string> strings;
  for (int i = 0; i < 1000; ++i) strings.push_back(fmt::format("string number {}", i));
  return strings;
}

// Passes a list to the guest, which returns it as a new vector.
template <typename T>
void add_echo(const char* name, const char* function, std::vector<T> (*make_list)()) {
  add(
      name, [=] { return calls<std::vector<T>(std::span<const T>)>(function); },
      [=](benchmark::State& state, auto& setup) -> Result<void> {
        const std::vector<T> list = make_list();
        TAIRITSU_TRY(auto once, setup.function(list));
        TAIRITSU_RETURN_IF_ERROR(expect(once == list));
        for (auto _ : state) {
          TAIRITSU_TRY(auto back, setup.function(list));
          benchmark::DoNotOptimize(back.data());
          TAIRITSU_RETURN_IF_ERROR(expect(back.size() == list.size()));
        }
        return {};
      });
}

void add_lists() {
  add_echo("echo-bytes-64k", "echo-bytes", &make_bytes);
  add_echo("echo-points-1000", "echo-points", &make_points);
  add_echo("echo-strings-1000", "echo-strings", &make_strings);

  // The strings stay in the guest's memory.
  add(
      "echo-strings-1000-views",
      [] { return calls<std::vector<std::string_view>(std::span<const std::string>)>("echo-strings"); },
      [](benchmark::State& state, auto& setup) -> Result<void> {
        const std::vector<std::string> strings = make_strings();
        bool equal = false;
        TAIRITSU_RETURN_IF_ERROR(setup.function.read(
            [&](std::vector<std::string_view> back) { equal = std::ranges::equal(back, strings); }, strings));
        TAIRITSU_RETURN_IF_ERROR(expect(equal));
        for (auto _ : state) {
          std::size_t size = 0;
          auto visit = [&size](std::vector<std::string_view> back) {
            benchmark::DoNotOptimize(back.data());
            size = back.size();
          };
          TAIRITSU_RETURN_IF_ERROR(setup.function.read(visit, strings));
          TAIRITSU_RETURN_IF_ERROR(expect(size == strings.size()));
        }
        return {};
      });

  // The minimum work of echo-bytes-64k: a copy into the guest's memory, and a copy from there into a new vector.
  // The list has the same position in its page as in the guest, because the alignments of the source and the
  // destination affect the speed of a copy.
  struct Memory {
    std::vector<std::uint8_t> bytes = make_bytes();
    std::unique_ptr<std::uint8_t, decltype(&std::free)> pages{
        static_cast<std::uint8_t*>(std::aligned_alloc(4096, kBytes + 4096)), &std::free};
  };
  add(
      "memcpy-64k", []() -> Result<Memory> { return Memory(); },
      [](benchmark::State& state, Memory& setup) -> Result<void> {
        std::uint8_t* list = setup.pages.get() + 1024;
        for (auto _ : state) {
          std::memcpy(list, setup.bytes.data(), kBytes);
          benchmark::DoNotOptimize(list);
          benchmark::ClobberMemory();
          std::vector<std::uint8_t> back(list, list + kBytes);
          benchmark::DoNotOptimize(back.data());
          benchmark::ClobberMemory();
        }
        return {};
      });
}

// ---- Dynamic values

struct DynamicCallee {
  Container container;
  tairitsu::DynamicFunction function;
};

Result<DynamicCallee> dynamic_calls(std::string_view name) {
  TAIRITSU_TRY(auto image, load_guest("calls.wat"));
  TAIRITSU_TRY(auto container, Container::builder(image).build());
  TAIRITSU_TRY(auto function, container.dynamic_function(name));
  return DynamicCallee{std::move(container), std::move(function)};
}

// The measured time includes building the values and reading them back field by field. `x`, `y` and `z` are the
// keys for reading: names or indices.
template <typename Append, typename Key>
void add_value_points(const char* name, Append append, Key x, Key y, Key z) {
  add(
      name, [] { return dynamic_calls("echo-points"); },
      [=](benchmark::State& state, const DynamicCallee& setup) -> Result<void> {
        const std::vector<Point> points = make_points();
        const tairitsu::Type type = *setup.function.type().parameters[0].type;
        for (auto _ : state) {
          tairitsu::ListBuilder list(type);
          for (const Point& point : points) append(list, point);
          TAIRITSU_TRY(const Value built, list.build());
          TAIRITSU_TRY(const Value echoed, setup.function({built}));
          std::vector<Point> back;
          back.reserve(echoed.size());
          for (std::size_t i = 0; i < echoed.size(); ++i) {
            const Value point = echoed[i];
            const auto px = point[x].template get<double>();
            const auto py = point[y].template get<double>();
            const auto pz = point[z].template get<double>();
            TAIRITSU_RETURN_IF_ERROR(expect(px && py && pz));
            back.push_back({.x = *px, .y = *py, .z = *pz});
          }
          TAIRITSU_RETURN_IF_ERROR(expect(back == points));
        }
        return {};
      });
}

void add_values() {
  add(
      "val-add-u32", [] { return dynamic_calls("add"); },
      [](benchmark::State& state, const DynamicCallee& setup) -> Result<void> {
        std::uint32_t a = 1, b = 2;
        for (auto _ : state) {
          benchmark::DoNotOptimize(a);
          benchmark::DoNotOptimize(b);
          TAIRITSU_TRY(const Value sum, setup.function({a, b}));
          TAIRITSU_RETURN_IF_ERROR(expect(sum.get<std::uint32_t>() == a + b));
        }
        return {};
      });

  add_value_points(
      "val-echo-points-1000",
      [](tairitsu::ListBuilder& list, const Point& point) {
        list.add({{"x", point.x}, {"y", point.y}, {"z", point.z}});
      },
      "x", "y", "z");
  add_value_points(
      "val-echo-points-1000-fields",
      [](tairitsu::ListBuilder& list, const Point& point) { list.add({point.x, point.y, point.z}); }, 0, 1,
      2);
  add(
      "val-echo-bytes-64k", [] { return dynamic_calls("echo-bytes"); },
      [](benchmark::State& state, const DynamicCallee& setup) -> Result<void> {
        const std::vector<std::uint8_t> bytes = make_bytes();
        for (auto _ : state) {
          TAIRITSU_TRY(const Value back, setup.function({Value::list<std::uint8_t>(bytes)}));
          benchmark::DoNotOptimize(back.numbers<std::uint8_t>().data());
          TAIRITSU_RETURN_IF_ERROR(expect(back.size() == bytes.size()));
        }
        return {};
      });
}

// ---- Calls from the guest to the host

// Updated by the host functions, so that the compiler cannot remove their work.
struct Seen {
  std::uint64_t ticks = 0;
  std::uint64_t bytes = 0;
};

constexpr std::uint32_t kHostCalls = 10'000;  // Per call of the guest.

template <typename Signature>
struct HostCalls {
  std::unique_ptr<Seen> seen;
  Callee<Signature> callee;
};

template <typename Signature>
Result<HostCalls<Signature>> host_calls(std::string_view name) {
  auto seen = std::make_unique<Seen>();
  TAIRITSU_TRY(auto image, load_guest("host_calls.wat"));
  auto imports = [seen = seen.get()](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define("tick", [seen](std::uint32_t a) {
      ++seen->ticks;
      return a + 1;
    }));
    return linker.define("log", [seen](std::string_view line) {
      benchmark::DoNotOptimize(line.data());
      seen->bytes += line.size();
    });
  };
  TAIRITSU_TRY(auto callee,
               make_callee<Signature>(Container::builder(image).with_imports(imports).build(), name));
  return HostCalls<Signature>{std::move(seen), std::move(callee)};
}

void add_host_calls() {
  add(
      "host-call-u32", [] { return host_calls<std::uint32_t(std::uint32_t)>("run"); },
      [](benchmark::State& state, auto& setup) -> Result<void> {
        while (state.KeepRunningBatch(kHostCalls)) {
          setup.seen->ticks = 0;
          TAIRITSU_TRY(auto sum, setup.callee.function(kHostCalls));
          benchmark::DoNotOptimize(sum);
          TAIRITSU_RETURN_IF_ERROR(expect(setup.seen->ticks == kHostCalls));
        }
        return {};
      });
  add(
      "host-call-string", [] { return host_calls<void(std::uint32_t)>("runlog"); },
      [](benchmark::State& state, auto& setup) -> Result<void> {
        while (state.KeepRunningBatch(kHostCalls)) {
          setup.seen->bytes = 0;
          TAIRITSU_RETURN_IF_ERROR(setup.callee.function(kHostCalls));
          TAIRITSU_RETURN_IF_ERROR(expect(setup.seen->bytes == std::uint64_t{kHostCalls} * 34));
        }
        return {};
      });
}

// ---- Generated bindings

template <typename Bindings>
struct Bound {
  Container container;
  Bindings* guest;
};

template <typename Bindings>
Result<Bound<Bindings>> bind(Result<Container> made) {
  TAIRITSU_TRY(auto container, std::move(made));
  auto* guest = container.guest<Bindings>();
  return Bound<Bindings>{std::move(container), guest};
}

using bench::guests::Calls;

Result<Bound<Calls>> bound_calls() {
  TAIRITSU_TRY(auto image, load_guest("calls.wat"));
  return bind<Calls>(Container::builder(image).with_bindings<Calls>().build());
}

// Passes a list to the guest, which returns it as a new vector.
template <typename T>
void add_bound_echo(const char* name, std::vector<T> (*make_list)(),
                    Result<std::vector<T>> (Calls::*echo)(std::span<const T>)) {
  add(name, &bound_calls, [=](benchmark::State& state, auto& setup) -> Result<void> {
    const std::vector<T> list = make_list();
    TAIRITSU_TRY(auto once, (setup.guest->*echo)(list));
    TAIRITSU_RETURN_IF_ERROR(expect(once == list));
    for (auto _ : state) {
      TAIRITSU_TRY(auto back, (setup.guest->*echo)(list));
      benchmark::DoNotOptimize(back.data());
      TAIRITSU_RETURN_IF_ERROR(expect(back.size() == list.size()));
    }
    return {};
  });
}

std::vector<bench::guests::calls::Point> make_bound_points() {
  std::vector<bench::guests::calls::Point> points;
  for (int i = 0; i < 1000; ++i) points.push_back({.x = 1.0 * i, .y = 0.5 * i, .z = 0.25 * i});
  return points;
}

struct CountingHost final : bench::guests::host_calls::Host {
  Seen seen;
  Result<std::uint32_t> tick(std::uint32_t a) override {
    ++seen.ticks;
    return a + 1;
  }
  Result<void> log(std::string_view line) override {
    benchmark::DoNotOptimize(line.data());
    seen.bytes += line.size();
    return {};
  }
};

struct BoundHostCalls {
  std::unique_ptr<CountingHost> host;
  Bound<bench::guests::HostCalls> calls;
};

Result<BoundHostCalls> bound_host_calls() {
  TAIRITSU_TRY(auto image, load_guest("host_calls.wat"));
  auto host = std::make_unique<CountingHost>();
  TAIRITSU_TRY(auto calls,
               bind<bench::guests::HostCalls>(
                   Container::builder(image).with_bindings<bench::guests::HostCalls>(*host).build()));
  return BoundHostCalls{std::move(host), std::move(calls)};
}

void add_bindings() {
  add("bindings-nop", &bound_calls, [](benchmark::State& state, auto& setup) -> Result<void> {
    for (auto _ : state) TAIRITSU_RETURN_IF_ERROR(setup.guest->nop());
    return {};
  });
  add("bindings-add-u32", &bound_calls, [](benchmark::State& state, auto& setup) -> Result<void> {
    std::uint32_t a = 1, b = 2;
    for (auto _ : state) {
      benchmark::DoNotOptimize(a);
      benchmark::DoNotOptimize(b);
      TAIRITSU_TRY(auto sum, setup.guest->add(a, b));
      benchmark::DoNotOptimize(sum);
    }
    return {};
  });
  add_bound_echo("bindings-echo-bytes-64k", &make_bytes, &Calls::echo_bytes);
  add_bound_echo("bindings-echo-points-1000", &make_bound_points, &Calls::echo_points);
  add_bound_echo("bindings-echo-strings-1000", &make_strings, &Calls::echo_strings);
  add("bindings-host-call-u32", &bound_host_calls, [](benchmark::State& state, auto& setup) -> Result<void> {
    while (state.KeepRunningBatch(kHostCalls)) {
      setup.host->seen.ticks = 0;
      TAIRITSU_TRY(auto sum, setup.calls.guest->run(kHostCalls));
      benchmark::DoNotOptimize(sum);
      TAIRITSU_RETURN_IF_ERROR(expect(setup.host->seen.ticks == kHostCalls));
    }
    return {};
  });
  add("bindings-host-call-string", &bound_host_calls,
      [](benchmark::State& state, auto& setup) -> Result<void> {
        while (state.KeepRunningBatch(kHostCalls)) {
          setup.host->seen.bytes = 0;
          TAIRITSU_RETURN_IF_ERROR(setup.calls.guest->runlog(kHostCalls));
          TAIRITSU_RETURN_IF_ERROR(expect(setup.host->seen.bytes == std::uint64_t{kHostCalls} * 34));
        }
        return {};
      });
}

// ---- Instances and images

// Creates and destroys a container from a template.
template <typename Make>
void add_instantiate(const char* name, Make make) {
  add(name, make, [](benchmark::State& state, const ContainerTemplate& setup) -> Result<void> {
    for (auto _ : state) {
      TAIRITSU_TRY(auto container, setup.instantiate());
      benchmark::DoNotOptimize(container);
    }
    return {};
  });
}

void add_instances() {
  add_instantiate("instantiate", []() -> Result<ContainerTemplate> {
    TAIRITSU_TRY(auto image, load_guest("calls.wat"));
    return Container::builder(image).build_template();
  });
  add_instantiate("instantiate-pooling", []() -> Result<ContainerTemplate> {
    TAIRITSU_TRY(auto image, load_guest("calls.wat", {.pool = tairitsu::PoolOptions{}}));
    return Container::builder(image).build_template();
  });
  add_instantiate("instantiate-wasi-async", []() -> Result<ContainerTemplate> {
    TAIRITSU_TRY(auto image, load_guest("wasi_add.wasm", {.epochs = true}));
    return Container::builder(image).interruptible().build_template();
  });
}

Result<void> write_artifact(const Engine& engine, const std::filesystem::path& source,
                            const std::filesystem::path& artifact) {
  TAIRITSU_TRY(auto image, Image::from_file(engine, source));
  TAIRITSU_TRY(auto bytes, image.precompile());
  // Renamed into place, so that no other run maps an incomplete file.
  std::filesystem::path partial = artifact;
  partial += fmt::format(".{}.partial", getpid());
  std::ofstream file(partial, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code failed;
  if (file) std::filesystem::rename(partial, artifact, failed);
  if (!file || failed) return fail(ErrorCode::io, fmt::format("writing '{}' failed", artifact.string()));
  return {};
}

struct Artifact {
  Engine engine;
  std::filesystem::path path;
};

// The artifact of big.wasm, stored next to it. It is rebuilt if the component is newer or the engine is different.
Result<Artifact> big_artifact() {
  TAIRITSU_TRY(auto source, find_guest("big.wasm"));
  TAIRITSU_TRY(auto engine, Engine::create());
  std::filesystem::path path = source;
  path.replace_extension("tairitsu.cwasm");
  std::error_code missing;
  const auto written = std::filesystem::last_write_time(path, missing);
  if (missing || written <= std::filesystem::last_write_time(source) ||
      !Image::from_trusted_artifact_file(engine, path)) {
    TAIRITSU_RETURN_IF_ERROR(write_artifact(engine, source, path));
  }
  return Artifact{std::move(engine), std::move(path)};
}

// ---- A program from the store

// A compiled component in the store of TAIRITSU_HOME, and its artifact.
struct Stored {
  Engine engine;
  std::filesystem::path home;
  std::filesystem::path artifact;
};

constexpr std::string_view kStored = "js:1";
constexpr std::string_view kVerb = "environment";  // Prints nothing, because the environment is empty.

Result<Stored> stored_program() {
  TAIRITSU_TRY(auto home, tairitsu::default_data_directory());
  TAIRITSU_TRY(const auto store, tairitsu::ImageStore::open(home));
  TAIRITSU_TRY(const auto stored, store.find(kStored));
  TAIRITSU_TRY(const auto cache, tairitsu::CompilationCache::open(store.artifact_directory()));
  TAIRITSU_TRY(auto engine, Engine::create());
  TAIRITSU_RETURN_IF_ERROR(cache.image(engine, store, stored));
  // docs/formats/store.md defines this name.
  TAIRITSU_TRY(const auto fingerprint, engine.fingerprint());
  const std::string digits = stored.component_digest.substr(std::string_view("sha256:").size());
  std::filesystem::path artifact = store.artifact_directory() / fmt::format("{}-{}", digits, fingerprint);
  return Stored{std::move(engine), std::move(home), std::move(artifact)};
}

// Repeats what `tairitsu run NAME` does on its second run, except for the fiber, and measures the parts. Each part has
// a counter with its time in seconds.
void add_start() {
  add("start", &stored_program, [](benchmark::State& state, const Stored& setup) -> Result<void> {
    using Clock = std::chrono::steady_clock;
    const tairitsu::WasiOptions wasi{.arguments = {std::string(kStored), std::string(kVerb)}};
    Clock::time_point begin;
    const auto end_of = [&](const char* part) {
      const auto now = Clock::now();
      state.counters[part] += std::chrono::duration<double>(now - begin).count();
      begin = Clock::now();
    };
    for (auto _ : state) {
      begin = Clock::now();
      TAIRITSU_TRY(const auto engine, Engine::create());
      end_of("engine");
      TAIRITSU_TRY(const auto store, tairitsu::ImageStore::open(setup.home));
      TAIRITSU_TRY(const auto stored, store.find(kStored));
      end_of("find");
      TAIRITSU_TRY(const auto cache, tairitsu::CompilationCache::open(store.artifact_directory()));
      TAIRITSU_TRY(const auto image, cache.image(engine, store, stored));
      end_of("look up and load");
      TAIRITSU_TRY(const auto linked, Container::builder(image).with_wasi(wasi).build_template());
      end_of("link");
      TAIRITSU_TRY(auto container, linked.instantiate());
      end_of("instantiate");
      TAIRITSU_TRY(const Value result, container.call("run"));
      end_of("call");
      TAIRITSU_RETURN_IF_ERROR(expect(result.case_name() == "ok"));
      container.stop();
      end_of("end");
      TAIRITSU_TRY(const auto alone, Image::from_trusted_artifact_file(engine, setup.artifact));
      end_of("load");
    }
    for (auto& [part, counter] : state.counters) counter.flags = benchmark::Counter::kAvgIterations;
    return {};
  });
}

void add_images() {
  add("load-artifact", &big_artifact, [](benchmark::State& state, const Artifact& setup) -> Result<void> {
    for (auto _ : state) {
      TAIRITSU_TRY(auto image, Image::from_trusted_artifact_file(setup.engine, setup.path));
      benchmark::DoNotOptimize(image);
    }
    return {};
  });
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  add_scalar_calls();
  add_lists();
  add_values();
  add_host_calls();
  add_bindings();
  add_instances();
  add_images();
  add_start();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
