#include "wit/wit_name.h"

#include <gtest/gtest.h>

namespace tairitsu::detail {
namespace {

TEST(WitName, RecognizesLabels) {
  for (const char* label : {"a", "blue", "blue-RGB-2", "A", "x1-2y", "record"}) {
    EXPECT_TRUE(is_wit_label(label)) << label;
  }
  for (const char* label :
       {"", "-", "a-", "-a", "a--b", "2a", "aB", "a_b", "a.b", "a:b", "é", "[method]a.b"}) {
    EXPECT_FALSE(is_wit_label(label)) << label;
  }
}

TEST(WitName, EscapesKeywords) {
  EXPECT_EQ(escape_wit_label("record"), "%record");
  EXPECT_EQ(escape_wit_label("error-context"), "%error-context");
  EXPECT_EQ(escape_wit_label("records"), "records");
}

TEST(WitName, ParsesThePathOfAnInterface) {
  const auto path = parse_wit_path("example:shop/catalogue@1.2.0-rc.1+today");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->package, "example:shop@1.2.0-rc.1+today");
  EXPECT_EQ(path->label, "catalogue");
  EXPECT_FALSE(path->completed);
  EXPECT_EQ(path->full(), "example:shop/catalogue@1.2.0-rc.1+today");
  EXPECT_EQ(parse_wit_path("type:use/enum").value().full(), "%type:%use/%enum");
}

TEST(WitName, CompletesAVersionThatIsATrack) {
  EXPECT_EQ(parse_wit_path("a:b/c@1").value().full(), "a:b/c@1.0.0");
  EXPECT_EQ(parse_wit_path("a:b/c@0.2").value().full(), "a:b/c@0.2.0");
  EXPECT_TRUE(parse_wit_path("a:b/c@0.2").value().completed);
}

TEST(WitName, RejectsNamesWithoutAPath) {
  for (const char* name :
       {"", "catalogue", "a:b", "a:b/", "a:b:c/d", "a:b/c/d", "url=<https://a.b/c>", "a:b/c@", "a:b/c@x",
        "a:b/c@1.2.3.4", "a:b/c@01.2.3", "a:b/c@1.2.3-", "a:b/c@1.2.3-use"}) {
    EXPECT_FALSE(parse_wit_path(name)) << name;
  }
}

TEST(WitName, ParsesFunctionsOfResources) {
  const auto method = parse_wit_member("[method]basket.add");
  ASSERT_TRUE(method);
  EXPECT_EQ(method->kind, WitMember::Kind::method);
  EXPECT_EQ(method->resource, "basket");
  EXPECT_EQ(method->name, "add");
  EXPECT_EQ(parse_wit_member("[static]basket.merge").value().kind, WitMember::Kind::static_function);
  EXPECT_EQ(parse_wit_member("[constructor]basket").value().resource, "basket");
  EXPECT_FALSE(parse_wit_member("add"));
  EXPECT_FALSE(parse_wit_member("[method]basket"));
  EXPECT_FALSE(parse_wit_member("[other]basket.add"));
}

}  // namespace
}  // namespace tairitsu::detail
