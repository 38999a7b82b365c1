// Images: their sources, their properties, and invalid input.
#include <sys/stat.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "binaries.h"
#include "support.h"

namespace tairitsu::test {
namespace {

using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// From sha256sum.
constexpr std::string_view kEmptyComponentDigest =
    "sha256:24eaf3439a60c96764c4f2c92a0a81b52bd4fe5d5b91f090184a0f6486b1bf29";

constexpr std::string_view kAnswer = R"((component
  (core module $m (func (export "answer") (result i32) (i32.const 42)))
  (core instance $i (instantiate $m))
  (func (export "answer") (result u32) (canon lift (core func $i "answer")))))";

Result<Image> from_bytes(std::string_view bytes) { return Image::from_bytes(test_engine(), bytes_of(bytes)); }

Result<Image> from_core_module(std::string_view bytes) {
  return Image::from_core_module(test_engine(), bytes_of(bytes));
}

Result<Image> from_artifact(std::span<const std::byte> bytes) {
  return Image::from_trusted_artifact(test_engine(), bytes);
}

std::uint32_t answer_of(const Image& image) {
  Container container = start(image);
  return unwrap(function_of<std::uint32_t()>(container, "answer")());
}

/// A temporary directory for each test.
class ImageFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "tairitsu-image-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    // The engine's cache records its use in the background: a file may appear during the removal.
    std::error_code failed;
    for (int i = 0; i < 100; ++i) {
      std::filesystem::remove_all(directory_, failed);
      if (!failed) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    FAIL() << directory_ << ": " << failed.message();
  }

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path write(std::string_view name, std::span<const std::byte> bytes) {
    auto path = directory_ / name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::filesystem::path directory_;
};

using ImageArtifact = ImageFiles;
using ImageCache = ImageFiles;

// ---- Creating images

TEST(Image, IsCreatedFromComponentText) {
  const auto image = Image::from_text(test_engine(), kAnswer);
  ASSERT_OK(image);
  EXPECT_EQ(answer_of(*image), 42U);
  EXPECT_OK(from_bytes(kAnswer)) << "bytes may be text too";
  EXPECT_OK(from_bytes("\n  ;; a comment first\n" + std::string(kAnswer)));
}

TEST(Image, IsCreatedFromABinary) {
  const auto image = from_bytes(kEmptyComponent);
  ASSERT_OK(image);
  EXPECT_EQ(image->size(), kEmptyComponent.size());
  EXPECT_EQ(image->digest(), kEmptyComponentDigest);
}

TEST(Image, OfTextHasTheDigestOfItsBinary) {
  const auto image = Image::from_text(test_engine(), "(component)");
  ASSERT_OK(image);
  EXPECT_EQ(image->size(), kEmptyComponent.size());
  EXPECT_EQ(image->digest(), kEmptyComponentDigest);
}

TEST(Image, OfAFileHasTheDigestOfItsBytes) {
  const Image image = load("wasi_command.wasm");
  const auto same = from_bytes(read_guest("wasi_command.wasm"));
  ASSERT_OK(same);
  EXPECT_EQ(same->digest(), image.digest());
  EXPECT_EQ(image.size(), std::filesystem::file_size(guest_path("wasi_command.wasm")));
  EXPECT_NE(image.digest(), load("callback.wat").digest());
  EXPECT_THAT(image.digest(), ContainsRegex("^sha256:[0-9a-f]{64}$"));
}

TEST_F(ImageFiles, MayBePipes) {
  const auto path = directory() / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(path) << kAnswer; });
  const auto image = Image::from_file(test_engine(), path);
  writer.join();
  ASSERT_OK(image) << "a pipe has no size";
  EXPECT_EQ(answer_of(*image), 42U);
}

TEST(Image, KeepsItsEngineAlive) {
  std::optional<Image> image;
  {
    const Engine engine = unwrap(Engine::create({.epochs = true}));
    image = unwrap(Image::from_text(engine, kAnswer));
  }
  EXPECT_TRUE(image->engine().options().epochs);
  EXPECT_EQ(answer_of(*image), 42U);
}

// ---- Core modules

TEST(ImageOfACoreModule, GetsTheAdapterIfItUsesWasiPreview1) {
  const auto module = read_guest("wasi_command.dir/core.wasm");
  const auto image = from_core_module(module);
  ASSERT_OK(image);
  EXPECT_THAT(image->world().to_string(), HasSubstr("wasi:cli/run@0.2."));
  EXPECT_THAT(image->world().to_string(), HasSubstr("wasi:io/streams@0.2."));
  auto container = Container::builder(*image).with_wasi({.standard_output = Output::capture}).build();
  ASSERT_OK(container);
  const auto ran = function_of<std::expected<void, std::monostate>()>(*container, "run.run")();
  ASSERT_OK(ran);
  EXPECT_TRUE(ran->has_value());
  EXPECT_EQ(container->standard_output(), "0 arguments, 0 variables\n");
}

TEST(ImageOfACoreModule, HasTheWorldThatItWasLinkedWith) {
  const auto image = from_core_module(read_guest("wasi_guest.dir/core.wasm"));
  ASSERT_OK(image);
  EXPECT_THAT(image->world().to_string(), HasSubstr("sleep: func(milliseconds: u32)"));
  EXPECT_THAT(image->world().to_string(), HasSubstr("test:wasi/host@1.0.0"));
}

TEST(ImageOfACoreModule, NeedsNoWasi) {
  const auto image = from_core_module(kEmptyModule);
  ASSERT_OK(image);
  EXPECT_TRUE(image->world().imports.interfaces.empty());
  EXPECT_OK(Container::builder(*image).build());
  EXPECT_OK(from_core_module("(module (memory 1))")) << "text";
}

TEST(ImageOfACoreModule, RejectsOtherImports) {
  const auto image = from_core_module(R"((module (import "env" "surprise" (func))))");
  ASSERT_ERROR(image, invalid_component);
  EXPECT_THAT(message_of(image), HasSubstr("env"));
}

TEST(ImageOfACoreModule, RejectsAComponent) {
  for (const std::string_view component : {kAnswer, kEmptyComponent}) {
    const auto image = from_core_module(component);
    ASSERT_ERROR(image, is_component);
    EXPECT_THAT(message_of(image), HasSubstr("found a component"));
  }
}

TEST(ImageOfACoreModule, RejectsOtherBytes) {
  EXPECT_ERROR(from_core_module(""), not_wasm);
  EXPECT_ERROR(from_core_module("hello"), not_wasm);
  EXPECT_ERROR(from_core_module("(module"), not_wasm);
  EXPECT_ERROR(from_core_module(std::string(kEmptyModule) + "\x07\x7f"), invalid_component);
}

TEST(Image, RejectsACoreModule) {
  for (const std::string_view module : {kEmptyModule, std::string_view("(module)")}) {
    const auto image = from_bytes(module);
    ASSERT_ERROR(image, is_core_module);
    EXPECT_THAT(message_of(image), HasSubstr("from_core_module"));
  }
  const auto path = guest_path("wasi_command.dir/core.wasm");
  const auto file = Image::from_file(test_engine(), path);
  ASSERT_ERROR(file, is_core_module);
  EXPECT_THAT(message_of(file), StartsWith(path.string() + ": "));
}

// ---- Invalid input

TEST(Image, RejectsOtherBytes) {
  for (const std::string_view bytes :
       {std::string_view(""), std::string_view("hello"), std::string_view("{}"), std::string_view("\0", 1),
        std::string_view("\0asm", 4), std::string_view("\0asm\x0d\0\x01", 7),
        std::string_view("\0asm\x7f\0\x02\0", 8),
        std::string_view("\x7f"
                         "ELF\x02\x01\x01"),
        std::string_view("\xff\xfe\xfd"), std::string_view("#!/bin/sh\n")}) {
    EXPECT_ERROR(from_bytes(bytes), not_wasm) << bytes;
  }
}

TEST(Image, RejectsRandomBytes) {
  std::mt19937 random(42);
  for (int round = 0; round < 200; ++round) {
    std::string bytes(random() % 300, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_ERROR(from_bytes(bytes), not_wasm);
    const auto component = from_bytes(std::string(kEmptyComponent) + bytes);
    if (!component) {
      EXPECT_ERROR(component, invalid_component);
    }
  }
}

TEST(Image, ReportsWhereTextDoesNotParse) {
  const auto image = Image::from_text(test_engine(), "(component\n  (import 7))");
  ASSERT_ERROR(image, not_wasm);
  EXPECT_THAT(message_of(image), HasSubstr(":2:11"));
  EXPECT_ERROR(Image::from_text(test_engine(), "(component"), not_wasm);
}

TEST(Image, ReportsValidationErrors) {
  const auto image = Image::from_text(test_engine(), R"((component
    (core module $m (func (export "f") (result i32) (i64.const 1)))))");
  ASSERT_ERROR(image, invalid_component);
  EXPECT_THAT(message_of(image), HasSubstr("type mismatch"));
}

TEST(Image, RejectsATruncatedComponent) {
  const std::string whole = read_guest("wasi_command.wasm");
  int refused = 0;
  const std::size_t lengths = 300;
  for (std::size_t i = 0; i < lengths; ++i) {
    const auto image = from_bytes(std::string_view(whole).substr(0, whole.size() * i / lengths));
    // If a section happens to end there, the rest may be a valid component.
    if (image) continue;
    ++refused;
    EXPECT_THAT(image.error().code(), AnyOf(ErrorCode::not_wasm, ErrorCode::invalid_component));
    EXPECT_FALSE(image.error().message().empty());
  }
  EXPECT_GT(refused, 290);
}

TEST(Image, HandlesAComponentWithAFlippedBit) {
  const std::string whole = read_guest("wasi_command.wasm");
  std::mt19937 random(7);
  for (int round = 0; round < 15; ++round) {
    std::string changed = whole;
    changed[random() % changed.size()] ^= static_cast<char>(1 << random() % 8);
    const auto image = from_bytes(changed);
    if (image) continue;  // In a name or a constant, for example.
    EXPECT_THAT(image.error().code(),
                AnyOf(ErrorCode::not_wasm, ErrorCode::invalid_component, ErrorCode::is_core_module));
  }
}

TEST_F(ImageFiles, MustExist) {
  for (const auto& load_file : {Image::from_file, Image::from_trusted_artifact_file}) {
    const auto missing = load_file(test_engine(), "/nowhere/shop.wasm");
    ASSERT_ERROR(missing, io);
    EXPECT_THAT(message_of(missing), StartsWith("/nowhere/shop.wasm: "));
    EXPECT_THAT(message_of(missing), Not(HasSubstr("shop.wasm: /nowhere"))) << "the path appears once";
    EXPECT_THAT(message_of(missing), HasSubstr("No such file"));
    const auto refused = load_file(test_engine(), directory());
    ASSERT_ERROR(refused, io);
    EXPECT_THAT(message_of(refused), StartsWith(directory().string() + ": "));
  }
}

TEST_F(ImageFiles, AppearInMessages) {
  const auto path = write("readme.txt", bytes_of("hello"));
  const auto image = Image::from_file(test_engine(), path);
  ASSERT_ERROR(image, not_wasm);
  EXPECT_THAT(message_of(image), StartsWith(path.string() + ": "));
}

// ---- Worlds

TEST(ImageWorld, ListsImportsAndExportsWithTheirTypes) {
  const Image image = load("callback.wat");
  const World& world = image.world();

  ASSERT_EQ(world.imports.functions.size(), 1U);
  EXPECT_EQ(world.imports.functions[0].name, "call");
  EXPECT_EQ(world.imports.functions[0].type.to_string(), "func(n: u32) -> u32");
  ASSERT_EQ(world.imports.interfaces.size(), 1U);
  EXPECT_EQ(world.imports.interfaces[0].name, "test:callback/host@1.2.0");
  ASSERT_EQ(world.imports.interfaces[0].functions.size(), 1U);
  EXPECT_EQ(world.imports.interfaces[0].functions[0].type.to_string(), "func(number: u32)");

  std::map<std::string, std::string> functions;
  for (const auto& [name, type] : world.exports.functions) functions[name] = type.to_string();
  EXPECT_EQ(functions, (std::map<std::string, std::string>{{"run", "func(n: u32) -> u32"},
                                                           {"run-then-spin", "func(n: u32)"},
                                                           {"run-then-trap", "func(n: u32)"},
                                                           {"note", "func(number: u32)"},
                                                           {"add", "func(a: u32, b: u32) -> u32"}}));
  ASSERT_EQ(world.exports.interfaces.size(), 2U);
  EXPECT_EQ(world.exports.interfaces[1].name, "test:callback/large@2.0.1");
  EXPECT_EQ(world.exports.interfaces[1].functions[0].type.to_string(), "func(a: u64) -> u64");
}

TEST(ImageWorld, NamesAndDefinesTypes) {
  const Image image = load("forward.wat");
  const World& world = image.world();
  ASSERT_EQ(world.exports.interfaces.size(), 1U);
  const Interface& guest = world.exports.interfaces[0];
  EXPECT_EQ(guest.name, "test:forward/guest@1.2.3");
  ASSERT_EQ(guest.functions.size(), 8U);
  ASSERT_EQ(guest.types.size(), 2U);
  EXPECT_EQ(guest.types[0].name, "point");
  EXPECT_EQ(guest.types[0].type.definition(), "record { x: f64, y: f64, z: f64 }");
  for (const FunctionItem& function : guest.functions) {
    if (function.name != "list") continue;
    EXPECT_EQ(function.type.to_string(), "func(a: list<point>) -> list<point>");
    EXPECT_THAT(function.type.definition(), HasSubstr("list<record { x: f64"));
  }
}

TEST(ImageWorld, ListsResources) {
  const Image image = load("resources.wat");
  const World& world = image.world();
  EXPECT_EQ(world.imports.interfaces.at(0).resources, std::vector<std::string>{"ticket"});
  EXPECT_EQ(world.exports.interfaces.at(0).resources, std::vector<std::string>{"basket"});
  EXPECT_THAT(world.to_string(), HasSubstr("basket"));
  EXPECT_EQ(load("destructor.wat").world().exports.resources, std::vector<std::string>{"thing"});
}

// ---- Artifacts

TEST_F(ImageArtifact, EqualsItsImage) {
  const Image image = load("callback.wat");
  const auto artifact = image.precompile();
  ASSERT_OK(artifact);
  const auto in_memory = from_artifact(*artifact);
  ASSERT_OK(in_memory);
  const auto in_a_file =
      Image::from_trusted_artifact_file(test_engine(), write("callback.artifact", *artifact));
  ASSERT_OK(in_a_file);
  for (const Image& loaded : {*in_memory, *in_a_file}) {
    EXPECT_EQ(loaded.digest(), image.digest());
    EXPECT_EQ(loaded.size(), image.size());
    EXPECT_EQ(loaded.world().to_string(), image.world().to_string());
    EXPECT_EQ(loaded.precompile().value().size(), artifact->size());
  }
}

TEST_F(ImageArtifact, Runs) {
  const auto artifact = unwrap(unwrap(Image::from_text(test_engine(), kAnswer)).precompile());
  EXPECT_EQ(answer_of(unwrap(from_artifact(artifact))), 42U);
  const auto path = write("answer.artifact", artifact);
  EXPECT_EQ(answer_of(unwrap(Image::from_trusted_artifact_file(test_engine(), path))), 42U);
  const Engine same = unwrap(Engine::create());
  EXPECT_EQ(answer_of(unwrap(Image::from_trusted_artifact(same, artifact))), 42U);
}

TEST_F(ImageArtifact, IsDamagedIfTruncated) {
  const auto artifact = unwrap(unwrap(Image::from_text(test_engine(), kAnswer)).precompile());
  std::vector<std::size_t> lengths;
  for (std::size_t i = 0; i < 40; ++i) lengths.push_back(artifact.size() * i / 40);
  for (std::size_t missing = 1; missing <= 80; missing += 3) lengths.push_back(artifact.size() - missing);
  for (const std::size_t length : lengths) {
    const auto part = std::span(artifact).first(length);
    EXPECT_ERROR(from_artifact(part), artifact_damaged) << length;
    EXPECT_ERROR(Image::from_trusted_artifact_file(test_engine(), write("part.artifact", part)),
                 artifact_damaged)
        << length;
  }
}

TEST_F(ImageArtifact, IsDamagedIfBytesAreAdded) {
  auto artifact = unwrap(unwrap(Image::from_text(test_engine(), kAnswer)).precompile());
  artifact.push_back(std::byte{0});
  EXPECT_ERROR(from_artifact(artifact), artifact_damaged);
  // The end is right, but the length is not.
  auto longer = unwrap(unwrap(Image::from_text(test_engine(), kAnswer)).precompile());
  longer.insert(longer.begin(), std::byte{0});
  EXPECT_ERROR(from_artifact(longer), artifact_damaged);
}

// The trailer contains the digest: an artifact that claims another component is damaged as well.
TEST_F(ImageArtifact, IsDamagedIfABitOfItsTrailerIsFlipped) {
  const auto artifact = unwrap(unwrap(Image::from_text(test_engine(), kAnswer)).precompile());
  constexpr std::size_t kTrailer = 64;
  for (std::size_t at = artifact.size() - kTrailer; at < artifact.size(); ++at) {
    auto changed = artifact;
    changed[at] ^= std::byte{0x10};
    EXPECT_ERROR(from_artifact(changed), artifact_damaged) << artifact.size() - at;
    EXPECT_ERROR(Image::from_trusted_artifact_file(test_engine(), write("changed.artifact", changed)),
                 artifact_damaged);
  }
}

TEST_F(ImageArtifact, IsDamagedIfItIsAnotherFile) {
  const auto program = Image::from_trusted_artifact_file(test_engine(), "/proc/self/exe");
  ASSERT_ERROR(program, artifact_damaged);
  EXPECT_THAT(message_of(program), HasSubstr("/proc/self/exe: "));
  EXPECT_ERROR(from_artifact(bytes_of("hello")), artifact_damaged);
  EXPECT_ERROR(from_artifact({}), artifact_damaged);
  EXPECT_ERROR(from_artifact(bytes_of(kEmptyComponent)), artifact_damaged);
  EXPECT_ERROR(from_artifact(bytes_of(read_guest("wasi_command.wasm"))), artifact_damaged);

  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::string elf(4 << 20, '\0');
  file.read(elf.data(), static_cast<std::streamsize>(elf.size()));
  elf.resize(static_cast<std::size_t>(file.gcount()));
  EXPECT_ERROR(from_artifact(bytes_of(elf)), artifact_damaged);
}

TEST_F(ImageArtifact, IsNotAComponent) {
  const auto artifact = unwrap(unwrap(Image::from_text(test_engine(), kAnswer)).precompile());
  const auto image = Image::from_bytes(test_engine(), artifact);
  ASSERT_ERROR(image, not_wasm);
  EXPECT_THAT(message_of(image), HasSubstr("a precompiled artifact"));
}

TEST_F(ImageArtifact, RequiresAnEngineWithTheSameOptions) {
  const auto artifact = unwrap(unwrap(Image::from_text(test_engine(), kAnswer)).precompile());
  const auto path = write("answer.artifact", artifact);
  for (const EngineOptions& options : {EngineOptions{.fuel = true}, EngineOptions{.epochs = true}}) {
    const Engine other = unwrap(Engine::create(options));
    const auto in_memory = Image::from_trusted_artifact(other, artifact);
    ASSERT_ERROR(in_memory, artifact_mismatch);
    EXPECT_THAT(message_of(in_memory), HasSubstr("compile the component again"));
    EXPECT_ERROR(Image::from_trusted_artifact_file(other, path), artifact_mismatch);
  }
}

// ---- The async ABI

TEST(ImageWithTheAsyncAbi, NeedsAnEngineThatEnablesIt) {
  const auto refused = Image::from_file(test_engine(), guest_path("unsupported.wat"));
  ASSERT_ERROR(refused, async_abi_off);
  EXPECT_THAT(message_of(refused), HasSubstr("EngineOptions::async_abi"));

  const Engine engine = unwrap(Engine::create({.async_abi = true}));
  const auto image = Image::from_file(engine, guest_path("unsupported.wat"));
  ASSERT_OK(image);
  Container container = start(*image);
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "plain")()), 42U);
}

// ---- The cache

/// Returns the compiled components in a cache directory, with the properties that change when they are rewritten.
/// Wasmtime's other files there, statistics and locks, have an extension.
std::map<std::string, std::pair<ino_t, std::filesystem::file_time_type>> entries(
    const std::filesystem::path& directory) {
  std::map<std::string, std::pair<ino_t, std::filesystem::file_time_type>> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || entry.path().has_extension()) continue;
    struct stat status{};
    if (stat(entry.path().c_str(), &status) != 0) continue;
    found[entry.path().string()] = {status.st_ino, entry.last_write_time()};
  }
  return found;
}

TEST_F(ImageCache, IsSharedByEngines) {
  const auto cache = directory() / "created" / "when missing";
  const EngineOptions options{.cache_directory = cache};
  const Image first = unwrap(Image::from_text(unwrap(Engine::create(options)), kAnswer));
  const auto written = entries(cache);
  ASSERT_EQ(written.size(), 1U);

  const Image second = unwrap(Image::from_text(unwrap(Engine::create(options)), kAnswer));
  EXPECT_EQ(entries(cache), written) << "it was compiled again";
  EXPECT_EQ(second.digest(), first.digest());
  EXPECT_EQ(answer_of(second), 42U);

  unwrap(Image::from_text(unwrap(Engine::create(options)), "(component)"));
  EXPECT_EQ(entries(cache).size(), 2U);
}

TEST_F(ImageCache, IsSeparateForEachSetOfOptions) {
  const Image plain =
      unwrap(Image::from_text(unwrap(Engine::create({.cache_directory = directory()})), kAnswer));
  const Engine fuelled = unwrap(Engine::create({.fuel = true, .cache_directory = directory()}));
  Container container = unwrap(Container::builder(unwrap(Image::from_text(fuelled, kAnswer)))
                                   .with_limits({.fuel = 1'000'000})
                                   .build());
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "answer")()), 42U);
  EXPECT_EQ(entries(directory()).size(), 2U);
}

TEST_F(ImageCache, IsCompiledAgainIfDamaged) {
  const EngineOptions options{.cache_directory = directory()};
  unwrap(Image::from_text(unwrap(Engine::create(options)), kAnswer));
  ASSERT_EQ(entries(directory()).size(), 1U);
  std::ofstream(entries(directory()).begin()->first, std::ios::binary) << "garbage";
  EXPECT_EQ(answer_of(unwrap(Image::from_text(unwrap(Engine::create(options)), kAnswer))), 42U);
}

TEST_F(ImageCache, MayBeARelativePath) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory());
  const auto engine = Engine::create({.cache_directory = "cache"});
  std::filesystem::current_path(before);
  ASSERT_OK(engine);
  EXPECT_OK(Image::from_text(*engine, kAnswer));
  EXPECT_EQ(entries(directory() / "cache").size(), 1U);
}

TEST_F(ImageCache, MustBeADirectoryThatCanBeCreated) {
  const auto path = write("file", bytes_of("not a directory"));
  EXPECT_ERROR(Engine::create({.cache_directory = path / "cache"}), io);
}

}  // namespace
}  // namespace tairitsu::test
