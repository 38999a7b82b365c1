// Linking a component's imports with the host's definitions, and looking up its exports.
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support.h"
#include "types.h"

namespace tairitsu::test {

/// Has the same name as `Point`, but lacks its last field.
struct ShortPoint {
  double x{};
  double y{};
};

/// A host resource that is only linked, never called.
struct UncalledTicket {};

/// A host resource with a name that is not the first one in any component.
struct Numbered {
  std::uint32_t number{};
};
struct OtherNumbered {};

/// Resources of a guest.
struct NamedS : GuestResource {
  using GuestResource::GuestResource;
};
struct NamedT : GuestResource {
  using GuestResource::GuestResource;
};

}  // namespace tairitsu::test

template <>
struct tairitsu::Describe<tairitsu::test::ShortPoint>
    : tairitsu::Record<tairitsu::test::ShortPoint, "point",
                       tairitsu::Field<"x", &tairitsu::test::ShortPoint::x>,
                       tairitsu::Field<"y", &tairitsu::test::ShortPoint::y>> {};
template <>
struct tairitsu::Describe<tairitsu::test::UncalledTicket>
    : tairitsu::HostResource<tairitsu::test::UncalledTicket, "ticket"> {};

template <>
struct tairitsu::Describe<tairitsu::test::Numbered> : tairitsu::HostResource<tairitsu::test::Numbered, "q"> {
};
template <>
struct tairitsu::Describe<tairitsu::test::OtherNumbered>
    : tairitsu::HostResource<tairitsu::test::OtherNumbered, "q"> {};
template <>
struct tairitsu::Describe<tairitsu::test::NamedS> : tairitsu::GuestResourceNamed<"s"> {};
template <>
struct tairitsu::Describe<tairitsu::test::NamedT> : tairitsu::GuestResourceNamed<"t"> {};

namespace tairitsu::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Define = std::function<Result<void>(Linker&)>;

/// Builds a container whose imports `define` defines.
Result<Container> build(const Image& image, Define define) {
  return Container::builder(image).with_imports(std::move(define)).build();
}

std::uint32_t twice(std::uint32_t n) { return 2 * n; }
void note(std::uint32_t) {}

/// Defines the imports of callback.wat.
Result<void> define_callback(Linker& linker) {
  TAIRITSU_RETURN_IF_ERROR(linker.define("call", twice));
  return linker.define("test:callback/host@1.2.0#note", note);
}

/// Builds callback.wat with the function `note` of its interface defined under each of `notes`.
Result<Container> build_callback(std::vector<std::string> notes) {
  return build(load("callback.wat"), [notes = std::move(notes)](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define("call", twice));
    for (const std::string& name : notes) TAIRITSU_RETURN_IF_ERROR(linker.define(name, note));
    return {};
  });
}

/// Returns a component that imports `f` with this type at the world's root and does not use it.
Result<Image> import_of_type(const Engine& engine, std::string_view type) {
  return Image::from_text(engine, "(component (import \"f\" (func " + std::string(type) + ")))");
}

// ---- Missing imports

TEST(LinkerMissingImports, AreAllListedWithTheirSignatures) {
  const auto built = Container::builder(load("forward.wat")).build();
  ASSERT_ERROR(built, missing_import);
  const std::string message = message_of(built);
  EXPECT_THAT(message, StartsWith("8 missing imports:"));
  EXPECT_THAT(message, HasSubstr("\n  test:forward/host@1.2.3#scalar: func(a: u32) -> u32\n"));
  EXPECT_THAT(message, HasSubstr("\n  test:forward/host@1.2.3#text: func(a: string) -> string\n"));
  EXPECT_THAT(message,
              HasSubstr("\n  test:forward/host@1.2.3#record: func(a: record { x: f64, y: f64, z: f64 }"));
  EXPECT_THAT(message, HasSubstr("\n  test:forward/host@1.2.3#list: func(a: list<record {"));
  EXPECT_THAT(message, HasSubstr("\n  test:forward/host@1.2.3#variant: func(a: variant { circle(f64), at("));
  EXPECT_THAT(message, HasSubstr("\n  test:forward/host@1.2.3#many: func(p0: u32, p1: u32, "));
  EXPECT_THAT(message, HasSubstr("\n  test:forward/host@1.2.3#nothing: func()\n"));
  EXPECT_THAT(message, HasSubstr("#maybe: func(a: option<string>) -> result<string, u32>\n"));
  // The advice names the builder, or the linker if the caller instantiates the component itself.
  EXPECT_THAT(built.error().advice(), HasSubstr("with_bindings"));
  EXPECT_THAT(built.error().advice(), HasSubstr("with_imports"));
  EXPECT_THAT(message, ::testing::EndsWith("\n" + built.error().advice()));
  EXPECT_EQ(message_of(Container::builder(load("forward.wat")).build_template()), message);
  const auto by_hand =
      Container::builder(load("forward.wat"))
          .with_guest_initializer([](GuestContext& guest) -> Result<GuestInstance> {
            TAIRITSU_TRY(auto instance, guest.linker.instantiate(guest.store, guest.component));
            return GuestInstance(std::move(instance));
          })
          .build();
  ASSERT_ERROR(by_hand, missing_import);
  EXPECT_THAT(by_hand.error().advice(), HasSubstr("Linker::define"));
  EXPECT_THAT(by_hand.error().advice(), ::testing::Not(HasSubstr("with_bindings")));
  const auto program = Program::from_image(load("forward.wat"));
  ASSERT_ERROR(program, unsupported_type);
}

TEST(LinkerMissingImports, AreOnlyTheUndefinedOnes) {
  const auto one = build_callback({});
  ASSERT_ERROR(one, missing_import);
  EXPECT_THAT(message_of(one), StartsWith("missing import:\n"
                                          "  test:callback/host@1.2.0#note: func(number: u32)\n"));
  const auto both = Container::builder(load("callback.wat")).build();
  ASSERT_ERROR(both, missing_import);
  EXPECT_THAT(message_of(both), HasSubstr("\n  call: func(n: u32) -> u32\n"));
  EXPECT_THAT(message_of(both), HasSubstr("\n  test:callback/host@1.2.0#note: func(number: u32)\n"));
}

TEST(LinkerMissingImports, IncludeThoseOfAPartlyDefinedInterface) {
  const auto built = build(load("forward.wat"), [](Linker& linker) {
    return linker.define("test:forward/host@1.2.3#nothing", [] {});
  });
  ASSERT_ERROR(built, missing_import);
  EXPECT_THAT(message_of(built), StartsWith("7 missing imports:"));
  EXPECT_THAT(message_of(built), Not(HasSubstr("#nothing")));
}

TEST(LinkerMissingImports, MayBeResources) {
  const auto built = Container::builder(load("resources.wat")).build();
  ASSERT_ERROR(built, missing_import);
  EXPECT_THAT(message_of(built), HasSubstr("\n  test:shop/host@1.0.0#ticket: resource\n"));
  EXPECT_THAT(message_of(built), HasSubstr("#[constructor]ticket: func(number: u32) -> ticket\n"));
  EXPECT_THAT(message_of(built), HasSubstr("#[method]ticket.number: func(self: borrow<ticket>) -> u32\n"));
  EXPECT_THAT(message_of(built), HasSubstr("#list: func() -> list<ticket>\n"));
}

TEST(LinkerMissingImports, AreReportedForATemplate) {
  EXPECT_ERROR(Container::builder(load("callback.wat")).build_template(), missing_import);
}

TEST(LinkerMissingImports, IncludeUnsupportedKinds) {
  const auto image = Image::from_text(test_engine(), R"((component
    (import "plug" (core module (export "f" (func))))))");
  ASSERT_OK(image);
  const auto built = Container::builder(*image).build();
  ASSERT_ERROR(built, missing_import);
  EXPECT_THAT(message_of(built), HasSubstr("module"));
  EXPECT_THAT(message_of(built), HasSubstr("plug"));
}

// ---- Types that do not match

template <typename F>
std::string mismatch_of(std::string_view name, F function) {
  const auto built = build(load("forward.wat"), [&](Linker& linker) {
    return linker.define("test:forward/host@1.2.3#" + std::string(name), function);
  });
  EXPECT_ERROR(built, type_mismatch);
  return message_of(built);
}

TEST(LinkerMismatch, OfAnImportShowsBothTypes) {
  EXPECT_EQ(mismatch_of("scalar", [](std::uint64_t) -> std::uint32_t { return 0; }),
            "import 'test:forward/host@1.2.3#scalar': parameter 1 ('a'): C++ has u64, the component has u32\n"
            "  C++:       func(u64) -> u32\n"
            "  component: func(a: u32) -> u32");
  EXPECT_THAT(mismatch_of("scalar", [](std::uint32_t) {}),
              HasSubstr("result: C++ has no value, the component has u32"));
  EXPECT_THAT(mismatch_of("scalar", [](std::uint32_t, bool) -> std::uint32_t { return 0; }),
              HasSubstr("C++ has 2 parameters, the component has 1"));
  EXPECT_THAT(mismatch_of("nothing", [] { return std::string(); }),
              HasSubstr("result: C++ has string, the component has no value"));
  EXPECT_THAT(mismatch_of("record", [](ShortPoint point) { return point; }),
              HasSubstr("parameter 1 ('a'): C++ has 2 fields, the component has 3"));
  EXPECT_THAT(mismatch_of("list", [](std::vector<ShortPoint> points) { return points; }),
              HasSubstr("parameter 1 ('a'), element: C++ has 2 fields, the component has 3"));
  EXPECT_THAT(
      mismatch_of("maybe", [](std::optional<std::string>) -> std::expected<std::string, bool> { return ""; }),
      HasSubstr("result, case 'error': C++ has bool, the component has u32"));
}

TEST(LinkerMismatch, IsReportedBeforeMissingImports) {
  EXPECT_THAT(mismatch_of("text", [](std::uint32_t) {}), Not(HasSubstr("missing")));
}

TEST(LinkerMismatch, OfAnExportShowsBothTypes) {
  const Container container = unwrap(build(load("callback.wat"), define_callback));
  const auto wrong = container.function<std::string(std::string_view)>("add");
  ASSERT_ERROR(wrong, type_mismatch);
  EXPECT_EQ(message_of(wrong),
            "function 'add': C++ has 1 parameter, the component has 2\n"
            "  C++:       func(string) -> string\n"
            "  component: func(a: u32, b: u32) -> u32");
  const auto result = container.function<std::uint64_t(std::uint32_t, std::uint32_t)>("add");
  ASSERT_ERROR(result, type_mismatch);
  EXPECT_THAT(message_of(result), HasSubstr("result: C++ has u64, the component has u32"));
  const auto in_interface = container.function<std::uint32_t(std::uint32_t)>("large.double");
  ASSERT_ERROR(in_interface, type_mismatch);
  EXPECT_THAT(message_of(in_interface), StartsWith("function 'test:callback/large@2.0.1#double': "));
  EXPECT_EQ(container.state(), ContainerState::running) << "the guest was not entered";
}

TEST(LinkerMismatch, OfAResourceShowsItsName) {
  const auto built = build(load("resources.wat"), [](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define_resource<UncalledTicket>("test:shop/host@1.0.0#ticket"));
    return linker.define("test:shop/host@1.0.0#take", [](UncalledTicket&) {});
  });
  ASSERT_ERROR(built, type_mismatch);
  EXPECT_THAT(message_of(built), HasSubstr("C++ has borrow<ticket>, the component has ticket"));
}

// ---- Resources with several names

/// A resource with other names in its interface, in a second one, and at the root. `run` creates one and passes it
/// on under each name.
constexpr std::string_view kAliases = R"((component
  (import "a:b/host@1.0.0" (instance $host
    (export "r" (type $r (sub resource)))
    (export "s" (type $s (eq $r)))
    (export "[constructor]r" (func (param "n" u32) (result (own $r))))
    (export "pass" (func (param "s" (own $s)) (result (own $s))))))
  (alias export $host "r" (type $r))
  (alias export $host "s" (type $s))
  (import "a:b/user" (instance $user
    (export "q" (type $q (eq $s)))
    (export "look" (func (param "q" (borrow $q)) (result u32)))))
  (import "top" (type $top (eq $r)))
  (import "take" (func $take (param "t" (own $top)) (result u32)))
  (core func $new (canon lower (func $host "[constructor]r")))
  (core func $pass (canon lower (func $host "pass")))
  (core func $look (canon lower (func $user "look")))
  (core func $take (canon lower (func $take)))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "pass" (func $pass (param i32) (result i32)))
    (import "" "look" (func $look (param i32) (result i32)))
    (import "" "take" (func $take (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) (local $r i32)
      (local.set $r (call $pass (call $new (local.get 0))))
      (i32.add (call $look (local.get $r)) (call $take (local.get $r)))))
  (core instance $i (instantiate $m (with "" (instance
    (export "new" (func $new)) (export "pass" (func $pass))
    (export "look" (func $look)) (export "take" (func $take))))))
  (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run")))))";

/// Defines the functions of `kAliases`.
Result<void> define_alias_functions(Linker& linker) {
  using Owned = std::unique_ptr<Numbered>;
  TAIRITSU_RETURN_IF_ERROR(linker.define("a:b/host@1.0.0#[constructor]r", [](std::uint32_t n) {
    return std::make_unique<Numbered>(Numbered{n});
  }));
  TAIRITSU_RETURN_IF_ERROR(linker.define("a:b/host@1.0.0#pass", [](Owned r) { return r; }));
  TAIRITSU_RETURN_IF_ERROR(linker.define("a:b/user#look", [](Numbered& r) { return r.number; }));
  return linker.define("take", [](Owned r) { return r->number; });
}

TEST(LinkerAliases, CanBeDefinedUnderAnyName) {
  const Image image = from_text(kAliases);
  for (const std::string_view name : {"a:b/host@1.0.0#r", "a:b/host@1.0.0#s", "a:b/user#q", "top"}) {
    SCOPED_TRACE(name);
    auto container = build(image, [&](Linker& linker) -> Result<void> {
      TAIRITSU_RETURN_IF_ERROR(linker.define_resource<Numbered>(name));
      return define_alias_functions(linker);
    });
    ASSERT_OK(container);
    EXPECT_EQ(unwrap(function_of<std::uint32_t(std::uint32_t)>(*container, "run")(21)), 42U);
  }
}

TEST(LinkerAliases, MayAllBeDefinedAsTheSameResource) {
  EXPECT_OK(build(from_text(kAliases), [](Linker& linker) -> Result<void> {
    for (const std::string_view name : {"a:b/host@1.0.0#r", "a:b/host@1.0.0#s", "a:b/user#q", "top"}) {
      TAIRITSU_RETURN_IF_ERROR(linker.define_resource<Numbered>(name));
    }
    return define_alias_functions(linker);
  }));
}

TEST(LinkerAliases, CannotBeDefinedAsDifferentResources) {
  for (const std::string_view name : {"a:b/host@1.0.0#s", "a:b/user#q", "top"}) {
    const auto built = build(from_text(kAliases), [&](Linker& linker) -> Result<void> {
      TAIRITSU_RETURN_IF_ERROR(linker.define_resource<Numbered>("a:b/host@1.0.0#r"));
      TAIRITSU_RETURN_IF_ERROR(linker.define_resource<OtherNumbered>(name));
      return define_alias_functions(linker);
    });
    ASSERT_ERROR(built, type_mismatch) << name;
    EXPECT_THAT(message_of(built), HasSubstr("import '" + std::string(name) + "'"));
    EXPECT_THAT(message_of(built), HasSubstr("'a:b/host@1.0.0#r'"));
  }
}

TEST(LinkerAliases, AreReportedOnceIfMissing) {
  const auto built = build(from_text(kAliases), define_alias_functions);
  ASSERT_ERROR(built, missing_import);
  EXPECT_THAT(message_of(built), StartsWith("missing import:\n  a:b/host@1.0.0#r: resource\n"));
}

TEST(LinkerAliases, AreOneResourceIfStubbed) {
  Container container = start(from_text(kAliases), [](Linker& linker) -> Result<void> {
    linker.stub_missing_imports();
    return linker.define("a:b/user#look", [](Numbered&) { return std::uint32_t{}; });
  });
  EXPECT_ERROR(function_of<std::uint32_t(std::uint32_t)>(container, "run")(1), missing_import);
  HostImports imports;
  imports.stub_missing_imports();
  EXPECT_OK(Container::builder(from_text(kAliases)).with_imports(imports).build());
}

TEST(LinkerAliases, AreOneResourceForDynamicFunctions) {
  for (const std::string_view name : {"a:b/host@1.0.0#r", "a:b/host@1.0.0#s", "a:b/user#q", "top"}) {
    SCOPED_TRACE(name);
    HostImports imports;
    ASSERT_OK(imports.define_resource<Numbered>(name));
    const auto number = [](std::span<const Value> arguments) -> Result<Value> {
      return Value(arguments[0].host_object().get<Numbered>()->number);
    };
    ASSERT_OK(imports.define("a:b/host@1.0.0#[constructor]r", [](std::span<const Value> arguments) {
      const auto n = unwrap(arguments[0].as<std::uint32_t>());
      return Result<Value>(Value::resource(HostObject(std::make_unique<Numbered>(Numbered{n}))));
    }));
    ASSERT_OK(imports.define("a:b/host@1.0.0#pass",
                             [](std::span<const Value> arguments) { return Result<Value>(arguments[0]); }));
    ASSERT_OK(imports.define("a:b/user#look", number));
    ASSERT_OK(imports.define("take", number));
    auto container = Container::builder(from_text(kAliases)).with_imports(imports).build();
    ASSERT_OK(container);
    EXPECT_EQ(unwrap(container->call_wave("run(21)")), "42");
  }
}

TEST(LinkerAliases, WorkForExportedResources) {
  const Image image = from_text(R"((component
    (type $r' (resource (rep i32)))
    (core func $new (canon resource.new $r'))
    (core module $m
      (import "" "new" (func $new (param i32) (result i32)))
      (func (export "make") (result i32) (call $new (i32.const 7)))
      (func (export "look") (param i32) (result i32) (local.get 0)))
    (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
    (func $make (result (own $r')) (canon lift (core func $i "make")))
    (func $look (param "r" (borrow $r')) (result u32) (canon lift (core func $i "look")))
    (component $shop
      (import "r" (type $r (sub resource)))
      (import "make" (func $make (result (own $r))))
      (import "look" (func $look (param "r" (borrow $r)) (result u32)))
      (export $r2 "q" (type $r))
      (export $s "s" (type $r2))
      (export "make" (func $make) (func (result (own $s))))
      (export "look" (func $look) (func (param "r" (borrow $r2)) (result u32))))
    (instance $shop (instantiate $shop (with "r" (type $r')) (with "make" (func $make)) (with "look" (func $look))))
    (export "a:b/shop" (instance $shop))))");
  const World& world = image.world();
  ASSERT_EQ(world.exports.interfaces.size(), 1U);
  ASSERT_EQ(world.exports.interfaces[0].aliases.size(), 1U);
  const ResourceAlias& alias = world.exports.interfaces[0].aliases[0];
  EXPECT_EQ(alias.name + " " + alias.interface_name + " " + alias.resource, "s a:b/shop q");
  Container container = start(image);
  const auto made = function_of<NamedS()>(container, "make")();
  ASSERT_OK(made);
  EXPECT_EQ(unwrap(function_of<std::uint32_t(const NamedS&)>(container, "look")(*made)), 7U);
  EXPECT_ERROR(container.function<NamedT()>("make"), type_mismatch);
}

// ---- Instances

TEST(LinkerInstances, WithoutFunctionsNeedNoDefinition) {
  const Image image = from_text(R"((component
    (import "empty" (instance))
    (import "a:b/c" (instance
      (export "inner" (instance (export "deep" (instance))))
      (export "typed" (instance (type $t (enum "x")) (export "t" (type (eq $t)))))))))");
  EXPECT_TRUE(image.world().imports.unsupported.empty());
  EXPECT_OK(Container::builder(image).build());
}

TEST(LinkerInstances, CannotContainInstancesWithFunctions) {
  const Image image = from_text(R"((component
    (import "a:b/c" (instance (export "inner" (instance (export "f" (func))))))))");
  const auto built = Container::builder(image).build();
  ASSERT_ERROR(built, missing_import);
  EXPECT_THAT(message_of(built), HasSubstr("instance \"inner\" in \"a:b/c\""));
}

/// Returns the error if `define` and the component's import have different kinds.
std::string other_kind(std::string_view import, Define define) {
  const auto built = build(from_text("(component (import " + std::string(import) + "))"), std::move(define));
  EXPECT_ERROR(built, type_mismatch);
  return message_of(built);
}

TEST(LinkerKinds, MustMatch) {
  const auto function = [](std::string_view name) {
    return [name](Linker& linker) { return linker.define(name, [] {}); };
  };
  const auto resource = [](std::string_view name) {
    return [name](Linker& linker) { return linker.define_resource<UncalledTicket>(name); };
  };
  EXPECT_EQ(other_kind(R"("f" (instance))", function("f")),
            "import 'f': C++ has a function, the component has an instance");
  EXPECT_EQ(other_kind(R"("f" (instance))", resource("f")),
            "import 'f': C++ has a resource, the component has an instance");
  EXPECT_EQ(other_kind(R"("a:b/c" (instance (export "i" (instance))))", function("a:b/c#i")),
            "import 'a:b/c#i': C++ has a function, the component has an instance");
  EXPECT_EQ(other_kind(R"("f" (type (sub resource)))", function("f")),
            "import 'f': C++ has a function, the component has a resource");
  EXPECT_EQ(other_kind(R"("f" (func))", resource("f")),
            "import 'f': C++ has a resource, the component has a function");
}

TEST(LinkerKinds, MayBothBeDefinedUnderOneName) {
  EXPECT_OK(build(from_text(R"((component (import "f" (func))))"), [](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define_resource<UncalledTicket>("f"));
    return linker.define("f", [] {});
  }));
}

// ---- Unsupported types

TEST(LinkerUnsupported, FunctionsAreRejectedByNameAtLookup) {
  const Engine engine = unwrap(Engine::create({.async_abi = true}));
  Container container = start(load(engine, "unsupported.wat"));
  const auto refused = [&](std::string_view name, std::string_view why) {
    const auto function = container.function<std::uint32_t(std::uint32_t)>(name);
    EXPECT_ERROR(function, unsupported_type);
    EXPECT_THAT(message_of(function), HasSubstr("function '" + std::string(name) + "'"));
    EXPECT_THAT(message_of(function), HasSubstr(why));
  };
  refused("echo-stream", "parameter 'a' uses stream<u8>");
  refused("take-stream", "stream<u8>");
  refused("echo-future", "future<u32>");
  refused("take-future", "future<u32>");
  refused("wait", "async");
  EXPECT_EQ(container.state(), ContainerState::running);
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "plain")()), 42U);
}

TEST(LinkerUnsupported, ImportsAreRejectedByName) {
  const Engine engine = unwrap(Engine::create({.async_abi = true}));
  for (const auto& [type, why] : {std::pair("(param \"a\" (stream u8))", "stream<u8>"),
                                  std::pair("(result (future string))", "future<string>")}) {
    const auto image = import_of_type(engine, type);
    ASSERT_OK(image);
    const auto built = build(*image, [](Linker& linker) { return linker.define("f", [] {}); });
    ASSERT_ERROR(built, unsupported_type);
    EXPECT_THAT(message_of(built), HasSubstr("import 'f'"));
    EXPECT_THAT(message_of(built), HasSubstr(why));
  }
}

TEST(LinkerUnsupported, ErrorContextIsRejectedWithTheComponent) {
  const Engine engine = unwrap(Engine::create({.async_abi = true}));
  const auto image = Image::from_file(engine, guest_path("unsupported_error_context.wat"));
  ASSERT_ERROR(image, invalid_component);
  EXPECT_THAT(message_of(image), HasSubstr("error-context"));
}

// ---- Names of definitions

TEST(LinkerNames, MustBeWellFormed) {
  Linker linker;
  for (const std::string_view name :
       {"", "#f", "a:b/c@1.0.0#", "a:b/c@1.0.0", "a#b#c", "a:b/c.f", "iface.f", "iface@1.0.0#f"}) {
    EXPECT_ERROR(linker.define(name, [] {}), invalid_argument) << name;
    EXPECT_ERROR(linker.define_resource<UncalledTicket>(name), invalid_argument) << name;
  }
  EXPECT_THAT(message_of(linker.define("host.f", [] {})), HasSubstr("full name"));
  // An interface written inside a world has neither package nor version.
  for (const std::string_view name :
       {"f", "iface#f", "a:b/c#f", "a:b/c@1.0.0#f", "a:b/c@1.0.0#[method]r.f"}) {
    EXPECT_OK(linker.define(name, [] {})) << name;
  }
}

TEST(LinkerNames, MustBeUnique) {
  Linker linker;
  ASSERT_OK(linker.define("a:b/c@1.0.0#f", [] {}));
  const auto again = linker.define("a:b/c@1.0.0#f", [](std::uint32_t) {});
  ASSERT_ERROR(again, already_exists);
  EXPECT_THAT(message_of(again), HasSubstr("'a:b/c@1.0.0#f'"));
  EXPECT_OK(linker.define("a:b/c@1.0.1#f", [] {}));
  EXPECT_OK(linker.define("a:b/c@1.0.0#g", [] {}));
  ASSERT_OK(linker.define("f", [] {}));
  EXPECT_ERROR(linker.define("f", [] {}), already_exists);
  ASSERT_OK(linker.define_resource<UncalledTicket>("a:b/c@1.0.0#f")) << "resources have a separate namespace";
  EXPECT_ERROR(linker.define_resource<UncalledTicket>("a:b/c@1.0.0#f"), already_exists);
}

TEST(LinkerNames, ReportDuplicatesToTheBuilder) {
  const auto built = build_callback({"test:callback/host@1.2.0#note", "test:callback/host@1.2.0#note"});
  EXPECT_ERROR(built, already_exists);
}

TEST(LinkerVersions, CompatibleOnesMatch) {
  for (const std::string_view version : {"1.2.0", "1.2.9", "1.3.0", "1.0.0"}) {
    EXPECT_OK(build_callback({"test:callback/host@" + std::string(version) + "#note"})) << version;
  }
  for (const std::string_view version : {"2.0.0", "0.2.0", "1.2.0-rc.1"}) {
    EXPECT_ERROR(build_callback({"test:callback/host@" + std::string(version) + "#note"}), missing_import)
        << version;
  }
  EXPECT_ERROR(build_callback({"test:other/host@1.2.0#note"}), missing_import);
  EXPECT_ERROR(build_callback({"note"}), missing_import) << "the world's root is not an interface";
}

/// Returns the version of the definition of `note` that is called.
std::string called_of(const std::vector<std::string>& versions) {
  std::string called;
  Container container = start("callback.wat", [&](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define("call", twice));
    for (const std::string& version : versions) {
      TAIRITSU_RETURN_IF_ERROR(linker.define("test:callback/host@" + version + "#note",
                                             [&called, version](std::uint32_t) { called += version; }));
    }
    return {};
  });
  unwrap(function_of<void(std::uint32_t)>(container, "note")(1));
  return called;
}

TEST(LinkerVersions, TheExactOneIsPreferredThenTheHighest) {
  EXPECT_EQ(called_of({"1.1.0", "1.2.0", "1.9.0"}), "1.2.0");
  EXPECT_EQ(called_of({"1.1.0", "1.10.0", "1.9.0", "2.0.0"}), "1.10.0");
}

TEST(LinkerDefinitions, BelongToTheirCopy) {
  Linker first;
  ASSERT_OK(first.define("call", twice));
  Linker second = first;
  EXPECT_ERROR(second.define("call", twice), already_exists);
  ASSERT_OK(second.define("other", twice));
  EXPECT_OK(first.define("other", twice));
  first = second;
  EXPECT_ERROR(first.define("other", twice), already_exists);
  const Linker moved = std::move(second);
  EXPECT_OK(build(load("callback.wat"), [&](Linker& linker) -> Result<void> {
    linker = moved;
    return linker.define("test:callback/host@1.2.0#note", note);
  }));
}

TEST(LinkerDefinitions, MayBeMoreThanAComponentImports) {
  EXPECT_OK(build(load("callback.wat"), [](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(define_callback(linker));
    TAIRITSU_RETURN_IF_ERROR(linker.define("unused", [](std::string_view) {}));
    TAIRITSU_RETURN_IF_ERROR(linker.define_resource<UncalledTicket>("test:shop/host@1.0.0#ticket"));
    return linker.define("test:callback/host@1.2.0#unused", [] {});
  }));
}

TEST(LinkerDefinitions, AreAddedByEachWithImports) {
  auto container =
      Container::builder(load("callback.wat"))
          .with_imports([](Linker& linker) { return linker.define("call", twice); })
          .with_imports([](Linker& linker) { return linker.define("test:callback/host@1.2.0#note", note); })
          .build();
  EXPECT_OK(container);
}

// ---- Host functions

/// Returns the result of callback.wat's `run(20)` with `call` as the host's function.
template <typename F>
Result<std::uint32_t> run_with(F call) {
  auto container = build(load("callback.wat"), [&](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define("call", std::move(call)));
    return linker.define("test:callback/host@1.2.0#note", note);
  });
  if (!container) return std::unexpected(container.error());
  auto result = function_of<std::uint32_t(std::uint32_t)>(*container, "run")(20);
  EXPECT_EQ(container->state(), result ? ContainerState::running : ContainerState::error);
  return result;
}

struct Multiply {
  std::uint32_t by;
  std::uint32_t operator()(std::uint32_t n) const noexcept { return by * n; }
};

TEST(HostFunction, MayBeAnyCallable) {
  EXPECT_EQ(unwrap(run_with(twice)), 40U);
  EXPECT_EQ(unwrap(run_with(&twice)), 40U);
  EXPECT_EQ(unwrap(run_with(Multiply{3})), 60U);
  EXPECT_EQ(unwrap(run_with([](std::uint32_t n) noexcept { return n; })), 20U);
  EXPECT_EQ(unwrap(run_with([](Caller&, std::uint32_t n) { return n + 1; })), 21U);
  EXPECT_EQ(unwrap(run_with([count = 0U](std::uint32_t n) mutable { return n + ++count; })), 21U);
  EXPECT_EQ(unwrap(run_with([p = std::make_shared<std::uint32_t>(5)](std::uint32_t n) { return *p + n; })),
            25U);
  EXPECT_EQ(unwrap(run_with(std::function<std::uint32_t(std::uint32_t)>(twice))), 40U);
  EXPECT_EQ(unwrap(run_with([](std::uint32_t n) -> Result<std::uint32_t> { return n + 2; })), 22U);
}

TEST(HostFunction, EndsTheGuestsCallWithItsError) {
  const auto failed = run_with(
      [](std::uint32_t) -> Result<std::uint32_t> { return fail(ErrorCode::not_found, "no such shop"); });
  ASSERT_ERROR(failed, not_found);
  EXPECT_EQ(message_of(failed), "call 'run': host function 'call': no such shop");
  EXPECT_THAT(failed.error().backtrace(), HasSubstr("wasm function")) << "where in the guest it was called";
}

TEST(HostFunction, EndsTheGuestsCallIfItThrows) {
  const auto thrown =
      run_with([](std::uint32_t) -> std::uint32_t { throw std::runtime_error("out of stock"); });
  ASSERT_ERROR(thrown, host_function);
  EXPECT_EQ(message_of(thrown), "call 'run': host function 'call' threw: out of stock");
  const auto other = run_with([](std::uint32_t) -> std::uint32_t { throw 7; });
  ASSERT_ERROR(other, host_function);
  EXPECT_THAT(message_of(other), HasSubstr("not a std::exception"));
}

TEST(HostFunction, WithoutAResultMayFailToo) {
  Container container = start("callback.wat", [](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define("call", twice));
    return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t number) -> Result<void> {
      if (number == 13) return fail(ErrorCode::invalid_argument, "bad luck");
      return {};
    });
  });
  auto call = function_of<void(std::uint32_t)>(container, "note");
  EXPECT_OK(call(12));
  const auto failed = call(13);
  ASSERT_ERROR(failed, invalid_argument);
  EXPECT_THAT(message_of(failed), HasSubstr("host function 'test:callback/host@1.2.0#note': bad luck"));
  EXPECT_ERROR(call(12), container_failed);
}

// ---- Names of functions

class FunctionNames : public ::testing::Test {
 protected:
  Container container_ = unwrap(build(load("callback.wat"), define_callback));

  Result<std::uint32_t> call(std::string_view name) {
    TAIRITSU_TRY(auto function, container_.function<std::uint32_t(std::uint32_t)>(name));
    return function(21);
  }
};

TEST_F(FunctionNames, MayBeFullOrShort) {
  EXPECT_EQ(unwrap(call("run")), 42U);
  EXPECT_EQ(unwrap(call("test:callback/small@1.2.0#double")), 42U);
  EXPECT_EQ(unwrap(call("test:callback/small@1.0.0#double")), 42U) << "the higher version is compatible";
  EXPECT_EQ(unwrap(call("test:callback/small#double")), 42U);
  EXPECT_EQ(unwrap(call("small.double")), 42U);
  EXPECT_EQ(unwrap(call("small#double")), 42U);
  EXPECT_EQ(unwrap(call("half")), 10U);
}

TEST_F(FunctionNames, AreAmbiguousIfSeveralMatch) {
  const auto ambiguous = call("double");
  ASSERT_ERROR(ambiguous, ambiguous_name);
  EXPECT_THAT(message_of(ambiguous), HasSubstr("'test:callback/small@1.2.0#double'"));
  EXPECT_THAT(message_of(ambiguous), HasSubstr("'test:callback/large@2.0.1#double'"));
}

TEST_F(FunctionNames, SuggestTheNearestIfNoneMatches) {
  const auto rum = call("rum");
  ASSERT_ERROR(rum, not_found);
  EXPECT_THAT(message_of(rum), HasSubstr("did you mean 'run'?"));
  EXPECT_THAT(message_of(call("run_then_spin")), HasSubstr("did you mean 'run-then-spin'"));
  EXPECT_THAT(message_of(call("small.doubel")), HasSubstr("'test:callback/small@1.2.0#double'"));
  const auto version = call("test:callback/small@2.0.0#double");
  ASSERT_ERROR(version, not_found);
  EXPECT_THAT(message_of(version), HasSubstr("only 'test:callback/small@1.2.0'"));
  EXPECT_ERROR(call("call"), not_found) << "it is an import";
  EXPECT_ERROR(call("nowhere.double"), not_found);
}

TEST_F(FunctionNames, MustBeWellFormed) {
  for (const std::string_view name : {"", "#double", "small#", "a#b#c", "test:callback/small@1.2.0.double"}) {
    EXPECT_ERROR(call(name), invalid_argument) << name;
  }
}

TEST_F(FunctionNames, MatchOnlyFunctions) {
  const Image image = load("forward.wat");
  EXPECT_ERROR(image.component().function<void()>("point"), not_found);
  EXPECT_ERROR(image.component().function<void()>("test:forward/guest@1.2.3"), invalid_argument);
}

}  // namespace
}  // namespace tairitsu::test
