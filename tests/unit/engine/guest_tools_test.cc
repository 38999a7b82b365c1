#include "tairitsu/guest_tools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "binaries.h"
#include "support.h"
#include "tairitsu/image.h"

namespace tairitsu {
namespace {

using test::kEmptyComponent;
using test::kEmptyModule;
using test::names_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using std::string_view_literals::operator""sv;

Result<std::vector<std::byte>> make_component(std::string_view module) {
  return componentize(std::as_bytes(std::span(module)));
}

TEST(Componentize, ReportsTheKindOfAnInvalidInput) {
  EXPECT_EQ(make_component("").error().code(), ErrorCode::not_wasm);
  EXPECT_EQ(make_component("(module)").error().code(), ErrorCode::not_wasm);
  EXPECT_EQ(make_component(kEmptyComponent).error().code(), ErrorCode::is_component);
  EXPECT_EQ(make_component(std::string(kEmptyModule) + "\x07\x7f").error().code(),
            ErrorCode::invalid_component);
}

TEST(Componentize, CreatesAComponent) {
  const auto component = make_component(kEmptyModule);
  ASSERT_TRUE(component.has_value()) << component.error().message();
  EXPECT_EQ(componentize(*component).error().code(), ErrorCode::is_component);
}

class GuestBindings : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path write(std::string_view wit) {
    auto path = directory_ / "test.wit";
    std::ofstream(path) << wit;
    return path;
  }

 private:
  std::filesystem::path directory_ =
      std::filesystem::path(::testing::TempDir()) /
      (std::string("tairitsu-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

std::vector<std::byte> bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

// (module (func (export "f") (param i32) (result i32) local.get 0))
constexpr std::string_view kIdentity =
    "\0asm\x01\0\0\0\x01\x06\x01\x60\x01\x7f\x01\x7f\x03\x02\x01\0\x07\x05\x01\x01"
    "f\0\0\x0a\x06\x01\x04\0\x20\0\x0b"sv;
// (module (import "extra" "g" (func)) (func (export "f") call 0))
constexpr std::string_view kCaller =
    "\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x0b\x01\x05"
    "extra\x01g\0\0\x03\x02\x01\0\x07\x05\x01\x01"
    "f\0\x01\x0a\x06\x01\x04\0\x10\0\x0b"sv;
// (module (func (export "g")))
constexpr std::string_view kAdapter =
    "\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01"
    "g\0\0\x0a\x04\x01\x02\0\x0b"sv;

TEST_F(GuestBindings, AreNotNeededIfTheWorldIsGiven) {
  const auto wit = write("package a:b;\nworld w { export f: func(x: u32) -> u32; }\nworld v {}\n");
  const auto made = componentize(bytes(kIdentity), {.wit = {.path = wit, .world = "w"}});
  ASSERT_TRUE(made.has_value()) << made.error().message();
  const auto engine = Engine::create();
  const auto image = Image::from_bytes(*engine, *made);
  ASSERT_TRUE(image.has_value()) << image.error().message();
  EXPECT_THAT(image->world().to_string(), HasSubstr("f: func(x: u32) -> u32"));
  EXPECT_EQ(componentize(bytes(kIdentity), {.wit = {.path = wit}}).error().code(), ErrorCode::not_found);
  const auto other = write("package a:b;\nworld w { export f: func(x: string); }\n");
  EXPECT_EQ(componentize(bytes(kIdentity), {.wit = {.path = other}}).error().code(),
            ErrorCode::invalid_component);
}

TEST_F(GuestBindings, WorkWithAdapters) {
  const WitSource wit{.path = write("package a:b;\nworld w { export f: func(); }\n")};
  const auto without = componentize(bytes(kCaller), {.wit = wit});
  ASSERT_FALSE(without.has_value());
  EXPECT_THAT(without.error().message(), HasSubstr("extra"));
  const auto with =
      componentize(bytes(kCaller), {.wit = wit, .adapters = {{.name = "extra", .module = bytes(kAdapter)}}});
  EXPECT_TRUE(with.has_value()) << with.error().message();
}

std::vector<std::string> names_of_filled(const std::vector<GeneratedFile>& files) {
  for (const auto& file : files) EXPECT_FALSE(file.contents.empty()) << file.name;
  return names_of(files);
}

TEST_F(GuestBindings, AreNamedAfterTheWorld) {
  const auto wit = write("package a:b;\nworld my-world { export f: func(x: string); }\n");
  const auto c = generate_guest_bindings({.language = GuestLanguage::c, .wit = {.path = wit}});
  ASSERT_TRUE(c.has_value()) << c.error().message();
  EXPECT_THAT(names_of_filled(*c), ElementsAre("my_world.c", "my_world.h", "my_world_component_type.o"));
  const auto cpp =
      generate_guest_bindings({.language = GuestLanguage::cpp, .wit = {.path = wit, .world = "my-world"}});
  ASSERT_TRUE(cpp.has_value()) << cpp.error().message();
  EXPECT_THAT(names_of_filled(*cpp),
              ElementsAre("my_world.cpp", "my_world_component_type.o", "my_world_cpp.h", "wit.h"));
}

TEST_F(GuestBindings, NeverReplaceTheAuthorsClass) {
  const auto wit =
      write("package a:b;\ninterface i { resource r { constructor(); } }\nworld w { export i; }\n");
  const auto files = generate_guest_bindings({.language = GuestLanguage::cpp, .wit = {.path = wit}});
  ASSERT_TRUE(files.has_value()) << files.error().message();
  EXPECT_THAT(names_of_filled(*files),
              ElementsAre("exports-a-b-i-R.h.template", "w.cpp", "w_component_type.o", "w_cpp.h", "wit.h"));
}

TEST_F(GuestBindings, ShowTheErrorInTheWit) {
  const auto wit = write("package a:b;\nworld w { export f: func(x: strin); }\n");
  const auto files = generate_guest_bindings({.language = GuestLanguage::c, .wit = {.path = wit}});
  ASSERT_FALSE(files.has_value());
  EXPECT_EQ(files.error().code(), ErrorCode::invalid_argument);
  EXPECT_THAT(files.error().message(), HasSubstr("test.wit:2:29"));
  EXPECT_THAT(files.error().message(), HasSubstr("^---"));
}

TEST_F(GuestBindings, NeedAnExistingWorld) {
  const auto wit = write("package a:b;\nworld w {}\nworld v {}\n");
  const auto choose = generate_guest_bindings({.language = GuestLanguage::c, .wit = {.path = wit}});
  EXPECT_EQ(choose.error().code(), ErrorCode::not_found);
  const auto unknown =
      generate_guest_bindings({.language = GuestLanguage::c, .wit = {.path = wit, .world = "x"}});
  EXPECT_EQ(unknown.error().code(), ErrorCode::not_found);
  const auto nowhere =
      generate_guest_bindings({.language = GuestLanguage::c, .wit = {.path = "/nowhere.wit"}});
  EXPECT_EQ(nowhere.error().code(), ErrorCode::io);
}

}  // namespace
}  // namespace tairitsu
