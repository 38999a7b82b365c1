use super::information::{Information, information};
use super::outline::MAX_DEPTH;
use super::parts::{Item, ItemKind, Kind};
use super::wit_text::{quietly, wit_of};
use crate::error::{Code, Error};
use wit_parser::{PackageId, Resolve};

fn wit(text: &str) -> Result<String, Error> {
    wit_of(text.as_bytes())
}

fn described(bytes: impl AsRef<[u8]>) -> Information {
    information(bytes.as_ref()).unwrap()
}

fn refusal(text: &str) -> String {
    let error = wit(text).unwrap_err();
    assert_eq!(error.code(), Code::InvalidComponent);
    error.message().to_owned()
}

fn names(items: &[Item]) -> Vec<(&str, ItemKind)> {
    let names = items.iter().map(|item| (item.name.as_str(), item.kind));
    names.collect()
}

/// A component with a resource, a record, an inline interface, and parts.
const SHOP: &str = r#"(component $shop
  (import "example:shop/types@1.2.0" (instance $types
    (export "basket" (type $basket (sub resource)))
    (type $own (own $basket))
    (export "[constructor]basket" (func (result $own)))
    (type $item (record (field "id" u32) (field "price" f64)))
    (export "item" (type (eq $item)))))
  (alias export $types "basket" (type $basket))
  (import "log" (func (param "message" string)))
  (component $inner
    (core module $code (@producers (processed-by "compiler" "1.2")) (func (export "f")))
    (core module $other)
    (core instance $i (instantiate $code))
    (func (export "run") (canon lift (core func $i "f"))))
  (instance $i (instantiate $inner))
  (export "tools" (instance $i))
  (@custom "licenses" "Apache-2.0")
  (@custom "version" "1.2.0"))"#;

#[test]
fn describes_a_component_completely() {
    let binary = wat::parse_str(SHOP).unwrap();
    let info = described(&binary);
    assert_eq!(
        (info.root.kind, info.root.size),
        (Kind::Component, binary.len())
    );
    assert!(info.digest.starts_with("sha256:") && info.digest.len() == 7 + 64);
    assert_eq!(info.digest, described(SHOP).digest);
    assert_eq!(
        names(&info.imports),
        [
            ("example:shop/types@1.2.0", ItemKind::Interface),
            ("log", ItemKind::Function)
        ]
    );
    assert_eq!(
        names(&info.imports[0].items),
        [
            ("basket", ItemKind::Resource),
            ("[constructor]basket", ItemKind::Function),
            ("item", ItemKind::Type)
        ]
    );
    assert_eq!(names(&info.exports), [("tools", ItemKind::Interface)]);
    assert_eq!(names(&info.exports[0].items), [("run", ItemKind::Function)]);
    assert_eq!(info.imports[1].function_type, "func(message: string)");
    let constructor = &info.imports[0].items[1];
    assert_eq!(constructor.function_type, "func() -> basket");
    assert_eq!(info.root.name, "shop");
    assert_eq!(
        info.root.annotations,
        [
            ("licenses".to_owned(), "Apache-2.0".to_owned()),
            ("version".to_owned(), "1.2.0".to_owned())
        ]
    );
    let inner = &info.root.parts[0];
    assert_eq!(
        (inner.kind, inner.name.as_str()),
        (Kind::Component, "inner")
    );
    let [code, other] = &inner.parts[..] else {
        panic!("{} parts", inner.parts.len());
    };
    assert_eq!((code.kind, code.name.as_str()), (Kind::CoreModule, "code"));
    assert_eq!((other.name.as_str(), other.producers.len()), ("other", 0));
    let producer = ("processed-by", "compiler", "1.2");
    let (field, name, version) = &code.producers[0];
    assert_eq!((&**field, &**name, &**version), producer);
    assert!(code.size < inner.size && inner.size < info.root.size);
}

#[test]
fn names_parts_by_their_indices() {
    let info = described(
        r#"(component
          (import "m" (core module $imported))
          (core module $first)
          (alias outer 0 $first (core module $alias))
          (core module $second))"#,
    );
    let parts = info.root.parts.iter().map(|part| part.name.as_str());
    assert_eq!(parts.collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn groups_imports_of_a_core_module_by_module() {
    let info = described(
        r#"(module $m
          (import "env" "memory" (memory 1))
          (import "wasi_snapshot_preview1" "fd_write" (func))
          (import "env" "log" (func))
          (func (export "_start")))"#,
    );
    assert_eq!(
        (info.root.kind, info.root.name.as_str()),
        (Kind::CoreModule, "m")
    );
    assert_eq!(
        names(&info.imports),
        [
            ("env", ItemKind::Module),
            ("wasi_snapshot_preview1", ItemKind::Module)
        ]
    );
    assert_eq!(
        names(&info.imports[0].items),
        [("memory", ItemKind::Memory), ("log", ItemKind::Function)]
    );
    assert_eq!(names(&info.exports), [("_start", ItemKind::Function)]);
}

fn resolve(text: &str) -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("a.wit", text).unwrap();
    (resolve, package)
}

#[test]
fn prints_the_world_that_a_module_carries() {
    let error = wit("(module)").unwrap_err();
    assert_eq!(error.code(), Code::IsCoreModule);
    let (resolve, package) = resolve("package a:b; world w { export f: func(x: u8); }");
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wat::parse_str("(module)").unwrap();
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
    let text = wit_of(&module).unwrap();
    assert!(text.contains("export f: func(x: u8);"), "{text}");
    assert_eq!(
        described(&module).root.custom_sections[0].0,
        "component-type"
    );
}

#[test]
fn lists_interfaces_and_worlds_of_a_package() {
    let text = "package a:b@1.0.0; interface i { f: func(); } world w { import i; }";
    let (resolve, package) = resolve(text);
    let encoded = wit_component::encode(&resolve, package).unwrap();
    let info = described(&encoded);
    assert_eq!(
        (info.root.kind, info.root.name.as_str()),
        (Kind::WitPackage, "a:b@1.0.0")
    );
    assert_eq!(
        names(&info.exports),
        [("i", ItemKind::Interface), ("w", ItemKind::World)]
    );
    assert_eq!(names(&info.exports[0].items), [("f", ItemKind::Function)]);
    assert!(
        wit_of(&encoded)
            .unwrap()
            .starts_with("package a:b@1.0.0;\n")
    );
}

#[test]
fn nests_other_packages_in_wit() {
    let text = wit(SHOP).unwrap();
    assert!(
        text.starts_with("package root:component;\n\nworld root {\n"),
        "{text}"
    );
    assert!(text.contains("\npackage example:shop@1.2.0 {\n"), "{text}");
    let mut again = Resolve::default();
    again.push_source("a.wit", &text).unwrap();
}

#[test]
fn replaces_control_characters_in_documentation() {
    let (mut resolve, package) = resolve("package a:b; world w { export f: func(); }");
    let world = resolve.select_world(&[package], None).unwrap();
    resolve.worlds[world].docs.contents = Some("\u{1b}[2J gone\u{202e}\tand\r\nmore".to_owned());
    let text = wit_of(&wit_component::encode(&resolve, package).unwrap()).unwrap();
    assert!(
        text.contains("/// \u{fffd}[2J gone\u{fffd}\tand\n/// more\n"),
        "{text}"
    );
}

#[test]
fn reports_why_input_is_not_a_component() {
    let refusal = |bytes: &[u8]| {
        let error = information(bytes).err().unwrap();
        assert_eq!(error.code(), wit_of(bytes).unwrap_err().code());
        (error.code(), error.message().to_owned())
    };
    assert_eq!(refusal(b""), (Code::NotWasm, "it is empty".to_owned()));
    assert_eq!(refusal(b"hello").0, Code::NotWasm);
    assert_eq!(refusal(b"\xff\xfe\x00").0, Code::NotWasm);
    assert_eq!(refusal(b"(component (export").0, Code::NotWasm);
    assert_eq!(refusal(b"\0asm").0, Code::NotWasm);
    assert_eq!(refusal(b"\0asm\x07\0\x07\0").0, Code::NotWasm);
    let (code, message) = refusal(b"\0asm\x0d\0\x01\0\x00\x7f");
    assert_eq!(code, Code::InvalidComponent);
    assert!(
        message.starts_with("it is damaged or truncated, "),
        "{message}"
    );
}

/// Two packages whose interfaces use each other's types.
const CYCLE: &str = r#"(type $i (instance (type $r (record (field "x" u32))) (export "t" (type (eq $r)))))
  (type $j (instance (type $r (record (field "x" u32))) (export "t" (type (eq $r)))))
  (import "a:p/a" (instance $pa (type $i)))
  (import "a:q/a" (instance $qa (type $j)))
  (alias export $pa "t" (type $pt))
  (alias export $qa "t" (type $qt))
  (import "a:p/b" (instance (alias outer 1 $qt (type $x)) (export "u" (type (eq $x)))))
  (import "a:q/b" (instance (alias outer 1 $pt (type $x)) (export "u" (type (eq $x)))))"#;

/// The component that describes a world, as guest bindings put it into a module.
fn world_of(items: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          (@custom "wit-component-encoding" "\04\00")
          (type $package (component
            (type $world (component {items}))
            (export "a:b/w" (component (type $world)))))
          (export "w" (type $package)))"#
    );
    wat::parse_str(text).unwrap()
}

fn module_with(world: &[u8]) -> Vec<u8> {
    let name = b"component-type:w";
    let mut module = wat::parse_str("(module)").unwrap();
    module.push(0);
    wasm_size(&mut module, 1 + name.len() + world.len());
    wasm_size(&mut module, name.len());
    module.extend(name);
    module.extend(world);
    module
}

#[test]
fn refuses_packages_that_use_each_other() {
    let component = format!("(component {CYCLE})");
    let message = refusal(&component);
    assert!(message.contains("use each other's types"), "{message}");
    assert_eq!(described(&component).imports.len(), 4);
}

#[test]
fn refuses_packages_that_use_each_other_in_modules_and_packages() {
    let fine = world_of(r#"(import "c:d/i" (instance (export "f" (func))))"#);
    assert!(
        wit_of(&module_with(&fine))
            .unwrap()
            .contains("package c:d {")
    );
    let world = world_of(CYCLE);
    for bytes in [module_with(&world), world] {
        let error = wit_of(&bytes).unwrap_err();
        assert!(error.message().contains("each other"), "{error:?}");
        information(&bytes).unwrap();
    }
    let options = crate::guest_tools::ComponentizeOptions::default();
    let error = crate::guest_tools::componentize(&module_with(&world_of(CYCLE)), &options);
    assert!(error.unwrap_err().message().contains("each other"));
}

/// Packages that each use the next.
fn chain(length: usize) -> String {
    let mut text = "(component\n".to_owned();
    for i in 0..length {
        text += &format!(
            "(import \"a:p{i}/a\" (instance $i{i} (type $r (record (field \"x\" u32)))
               (export \"t\" (type (eq $r)))))
             (alias export $i{i} \"t\" (type $t{i}))\n"
        );
    }
    for i in 0..length - 1 {
        let used = i + 1;
        text += &format!(
            "(import \"a:p{i}/b\" (instance (alias outer 1 $t{used} (type $x)) (export \"u\" (type (eq $x)))))\n"
        );
    }
    text + ")"
}

#[test]
fn refuses_a_long_chain_of_packages() {
    assert!(wit(&chain(100)).unwrap().contains("package a:p99"));
    let message = refusal(&chain(300));
    assert!(message.contains("more than 200"), "{message}");
}

#[test]
fn refuses_what_wit_cannot_express() {
    let beyond_wit = [
        r#"(component (import "m" (core module)) (core module $m) (export "n" (core module $m)))"#,
        r#"(component (import "a:b/c" (instance (type $c (component)) (export "t" (type (eq $c))))))"#,
        r#"(component (import "a:b/c" (instance (export "i" (instance)))))"#,
        r#"(component (import "r" (type $r (sub resource))) (export "s" (type $r)))"#,
        r#"(component (import "a:b/c@1.0.0" (instance)) (import "a:b/c@1.0.1" (instance)))"#,
        r#"(component (type $t u8) (export "t" (type $t)))"#,
        r#"(component (import "t" (type $t (sub resource)))
          (import "a:b/c" (instance (alias outer 1 $t (type $u)) (export "u" (type (eq $u))))))"#,
        r#"(component (component $c) (export "c" (component $c)))"#,
    ];
    for text in beyond_wit {
        let code = wit(text).err().map(|error| error.code());
        assert!(
            matches!(code, None | Some(Code::InvalidComponent)),
            "{text}"
        );
        described(text);
    }
}

#[test]
fn limits_nesting() {
    let text = "(component ".repeat(150) + &")".repeat(150);
    // Text may be nested less deeply than binaries.
    assert!(information(text.as_bytes()).is_err());
    let mut binary = wat::parse_str("(component)").unwrap();
    for _ in 0..MAX_DEPTH + 1 {
        let mut outer = wat::parse_str("(component)").unwrap();
        outer.push(4);
        wasm_size(&mut outer, binary.len());
        outer.extend(binary);
        binary = outer;
    }
    let error = information(&binary).err().unwrap();
    assert_eq!(error.code(), Code::CompileLimit, "{error:?}");
    assert_eq!(wit_of(&binary).unwrap_err().code(), Code::CompileLimit);
}

fn wasm_size(bytes: &mut Vec<u8>, mut size: usize) {
    while size >= 0x80 {
        bytes.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
}

#[test]
fn limits_the_size_of_names() {
    let name = "long-".repeat(2000);
    let functions = (0..50)
        .map(|i| format!("(export \"{name}x{i}\" (func))\n"))
        .collect::<String>();
    let imports = (0..500)
        .map(|i| format!("(import \"i{i}\" (instance (type $i)))\n"))
        .collect::<String>();
    let text = format!("(component (type $i (instance {functions}))\n{imports})");
    let error = information(text.as_bytes()).err().unwrap();
    assert!(error.message().contains("more than 64 MiB"), "{error:?}");
    let message = refusal(&text);
    assert!(message.contains("64 MiB"), "{message}");
}

#[test]
fn refuses_long_wit() {
    let name = "long-".repeat(10_000) + "x";
    let parameters = (0..900)
        .map(|i| format!("(param \"p{i}\" $t)"))
        .collect::<String>();
    let text = format!(
        "(component (import \"i\" (instance (type $r (record (field \"x\" u8)))
           (export \"{name}\" (type $t (eq $r)))
           (export \"f\" (func {parameters})) (export \"g\" (func {parameters})))))"
    );
    let message = refusal(&text);
    assert!(message.contains("longer than 64 MiB"), "{message}");
}

#[test]
fn reports_damaged_bytes() {
    let binary = wat::parse_str(SHOP).unwrap();
    let harmless = |bytes: &[u8]| {
        for error in [information(bytes).err(), wit_of(bytes).err()] {
            let code = error.map(|error| error.code());
            assert!(
                matches!(code, None | Some(Code::InvalidComponent | Code::NotWasm)),
                "{code:?}"
            );
        }
    };
    for end in 0..binary.len() {
        harmless(&binary[..end]);
        assert!(information(&binary[..end]).is_err() || end >= 8);
    }
    for at in 0..binary.len() {
        for change in [1, 0x40, 0x80, 0xff] {
            let mut damaged = binary.clone();
            damaged[at] ^= change;
            harmless(&damaged);
        }
    }
}

#[test]
fn turns_a_panic_of_the_decoder_into_an_error() {
    let result: Result<(), Error> = quietly(|| panic!("the decoder fails"));
    assert_eq!(result.unwrap_err().code(), Code::InvalidComponent);
    assert_eq!(quietly(|| Ok(1)).unwrap(), 1);
}
