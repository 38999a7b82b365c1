// Warnings for unsupported WIT, errors in WIT, and the choice of a world.
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bindgen/host.h"

namespace tairitsu::bindgen {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const fs::path kWit = fs::path(TAIRITSU_BINDGEN_TESTS) / "wit";

/// Each test has its own temporary directory.
class HostBindingsGenerator : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = fs::path(testing::TempDir()) / (std::string("tairitsu_bindgen_") + info->name());
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path write(const fs::path& name, std::string_view text) const {
    fs::create_directories((directory_ / name).parent_path());
    std::ofstream(directory_ / name, std::ios::binary) << text;
    return directory_ / name;
  }

  fs::path directory_;
};

std::string message_of(const Result<HostBindings>& result) {
  return result ? "succeeded" : result.error().message();
}

ErrorCode code_of(const Result<HostBindings>& result) {
  return result ? ErrorCode::internal : result.error().code();
}

std::string header_of(const Result<HostBindings>& result) {
  return result ? result->files.at(0).contents : result.error().message();
}

TEST_F(HostBindingsGenerator, WarnsAboutSkippedItems) {
  const auto result = generate_host_bindings({.wit = {.path = kWit / "async.wit"}});
  ASSERT_TRUE(result) << message_of(result);
  EXPECT_THAT(
      result->warnings,
      ElementsAre(
          "skipping 'test:asynchronous/mixed#bytes': not supported yet: it is or contains a stream",
          "skipping 'test:asynchronous/mixed#with-future': not supported yet: it is or contains a future",
          "skipping 'test:asynchronous/mixed#[method]thing.later': not supported yet: it is async",
          "skipping 'test:asynchronous/mixed#later': not supported yet: it is async",
          "skipping 'test:asynchronous/mixed#flow': not supported yet: it takes a stream",
          "skipping 'test:asynchronous/mixed#wrapped': not supported yet: it returns a future",
          "skipping 'test:asynchronous/mixed#context': not supported yet: it returns an error-context",
          "skipping 'run': not supported yet: it is async"));
}

TEST_F(HostBindingsGenerator, DoesNotWarnIfNothingIsSkipped) {
  for (const char* wit : {"shop.wit", "types.wit", "names.wit", "resources.wit", "versions"}) {
    const auto result = generate_host_bindings({.wit = {.path = kWit / wit}});
    ASSERT_TRUE(result) << message_of(result);
    EXPECT_THAT(result->warnings, IsEmpty()) << wit;
  }
}

TEST_F(HostBindingsGenerator, ListsTheWorldsIfTheNameIsUnknown) {
  const auto result = generate_host_bindings({.wit = {.path = kWit / "gates.wit", .world = "gate"}});
  EXPECT_EQ(code_of(result), ErrorCode::not_found);
  EXPECT_THAT(message_of(result), HasSubstr("gate"));
  EXPECT_THAT(message_of(result), HasSubstr("base"));
  EXPECT_THAT(message_of(result), HasSubstr("gates"));
}

TEST_F(HostBindingsGenerator, ListsTheWorldsIfNoneIsChosen) {
  const auto result = generate_host_bindings({.wit = {.path = kWit / "gates.wit"}});
  EXPECT_EQ(code_of(result), ErrorCode::not_found);
  EXPECT_EQ(message_of(result), "there are several worlds; choose one:\n  base\n  gates");
}

TEST_F(HostBindingsGenerator, ShowsTheLocationOfASyntaxError) {
  const fs::path file = write("wrong.wit", "package a:b;\n\nworld w {\n  import f: fun();\n}\n");
  const auto result = generate_host_bindings({.wit = {.path = file}});
  EXPECT_EQ(code_of(result), ErrorCode::invalid_argument);
  EXPECT_EQ(message_of(result),
            "expected ';', found '('\n"
            "     --> " +
                file.string() +
                ":4:16\n"
                "      |\n"
                "    4 |   import f: fun();\n"
                "      |                ^");
}

TEST_F(HostBindingsGenerator, ShowsTheLocationOfAnUnknownName) {
  const fs::path file =
      write("wrong.wit", "package a:b;\ninterface i {\n  f: func(x: missing);\n}\nworld w { import i; }\n");
  const auto result = generate_host_bindings({.wit = {.path = file}});
  EXPECT_EQ(code_of(result), ErrorCode::invalid_argument);
  EXPECT_THAT(message_of(result), HasSubstr("missing"));
  EXPECT_THAT(message_of(result), HasSubstr(file.string() + ":3:14"));
}

TEST_F(HostBindingsGenerator, NamesAMissingFile) {
  const auto result = generate_host_bindings({.wit = {.path = directory_ / "none.wit"}});
  EXPECT_EQ(code_of(result), ErrorCode::io);
  EXPECT_THAT(message_of(result), HasSubstr((directory_ / "none.wit").string()));
}

TEST_F(HostBindingsGenerator, NamesAPackageThatIsNotInDeps) {
  const fs::path file = write("a.wit", "package a:b;\nworld w {\n  import other:missing/i;\n}\n");
  const auto result = generate_host_bindings({.wit = {.path = file}});
  ASSERT_FALSE(result);
  EXPECT_THAT(message_of(result), HasSubstr("other:missing"));
}

TEST_F(HostBindingsGenerator, FailsIfThereIsNoWorld) {
  const fs::path file = write("a.wit", "package a:b;\ninterface i { f: func(); }\n");
  const auto result = generate_host_bindings({.wit = {.path = file}});
  EXPECT_EQ(code_of(result), ErrorCode::not_found);
  EXPECT_THAT(message_of(result), HasSubstr("world"));
}

TEST_F(HostBindingsGenerator, ReadsTheSubdirectoryNamedWit) {
  write("wit/a.wit", "package a:b;\nworld w { import other:dep/i; }\n");
  write("wit/deps/dep/i.wit", "package other:dep;\ninterface i { f: func(); }\n");
  const auto outside = generate_host_bindings({.wit = {.path = directory_}});
  const auto inside = generate_host_bindings({.wit = {.path = directory_ / "wit"}});
  ASSERT_TRUE(outside) << message_of(outside);
  ASSERT_TRUE(inside) << message_of(inside);
  EXPECT_EQ(header_of(outside), header_of(inside));
  EXPECT_THAT(header_of(outside), HasSubstr("namespace other::dep::i"));
}

TEST_F(HostBindingsGenerator, FindsAWorldOfAnotherPackage) {
  write("a.wit", "package a:b;\ninterface i { f: func(); }\n");
  write("deps/dep/w.wit", "package other:dep@1.2.3;\nworld w { export g: func(); }\n");
  const auto result = generate_host_bindings({.wit = {.path = directory_, .world = "other:dep/w@1.2.3"}});
  ASSERT_TRUE(result) << message_of(result);
  EXPECT_EQ(result->files.at(0).name, "w.h");
  EXPECT_THAT(header_of(result), HasSubstr("from other:dep@1.2.3, world w."));
}

TEST_F(HostBindingsGenerator, SkipsItemsOfDisabledFeatures) {
  const auto generate = [](const char* features) {
    return header_of(generate_host_bindings(
        {.wit = {.path = kWit / "gates.wit", .world = "gates", .features = features}}));
  };
  const auto off = generate("");
  EXPECT_THAT(off, HasSubstr(" old("));
  EXPECT_THAT(off, Not(HasSubstr("fancy")));
  EXPECT_THAT(off, Not(HasSubstr(" more(")));
  EXPECT_EQ(generate("another"), off);
  const auto on = generate("fancy");
  EXPECT_THAT(on, HasSubstr(" fancy("));
  EXPECT_THAT(on, HasSubstr(" more("));
  EXPECT_EQ(generate("*"), on);
  EXPECT_EQ(generate("another,fancy"), on);
}

TEST_F(HostBindingsGenerator, BeginsEveryFileWithTheBanner) {
  for (const bool header_only : {false, true}) {
    const auto result =
        generate_host_bindings({.wit = {.path = kWit / "shop.wit"}, .header_only = header_only});
    ASSERT_TRUE(result) << message_of(result);
    EXPECT_EQ(result->files.size(), header_only ? 1 : 2);
    for (const HostFile& file : result->files) EXPECT_TRUE(file.contents.starts_with(kBanner)) << file.name;
  }
}

TEST_F(HostBindingsGenerator, SkipsTheRuntimesWasiUnlessTheHostImplementsIt) {
  write("a.wit",
        "package a:b;\ninterface mine { f: func(); }\nworld w { import wasi:random/random@0.2.0; import "
        "mine; }\n");
  write("deps/random/r.wit",
        "package wasi:random@0.2.0;\ninterface random { get-random-u64: func() -> u64; }\n");
  const auto provided = generate_host_bindings({.wit = {.path = directory_}});
  ASSERT_TRUE(provided) << message_of(provided);
  EXPECT_THAT(provided->warnings, IsEmpty());
  EXPECT_THAT(header_of(provided), HasSubstr("namespace a::b::mine"));
  EXPECT_THAT(header_of(provided), Not(HasSubstr("get_random_u64")));
  const auto implemented = generate_host_bindings({.wit = {.path = directory_}, .provide_wasi = false});
  ASSERT_TRUE(implemented) << message_of(implemented);
  EXPECT_THAT(header_of(implemented), HasSubstr("get_random_u64"));
}

TEST_F(HostBindingsGenerator, KeepsBothNamesOfOneInterface) {
  const auto result = generate_host_bindings({.wit = {.path = kWit / "hostile/implements.wit"}});
  ASSERT_TRUE(result) << message_of(result);
  EXPECT_THAT(header_of(result), HasSubstr("\"primary#get\""));
  EXPECT_THAT(header_of(result), HasSubstr("\"backup#get\""));
}

TEST_F(HostBindingsGenerator, ReadsPackagesNestedInAFile) {
  const fs::path file = write("a.wit",
                              "package a:b;\npackage c:d@1.0.0 {\n  interface i { record r { x: u8 } }\n}\n"
                              "world w {\n  use c:d/i@1.0.0.{r};\n  import f: func(r: r) -> r;\n}\n");
  const auto result = generate_host_bindings({.wit = {.path = file}});
  ASSERT_TRUE(result) << message_of(result);
  EXPECT_THAT(header_of(result), HasSubstr("namespace c::d::i"));
}

}  // namespace
}  // namespace tairitsu::bindgen
