/// All of Tairitsu. Start with `Engine`, `Image` and `Container`:
///
/// | header | has |
/// | --- | --- |
/// | error.h | `Result`, `Error`, `TAIRITSU_TRY` |
/// | engine.h | `Engine` and its options |
/// | image.h | `Image`: a compiled component |
/// | container.h | `Container`, its builder, its limits, templates |
/// | linker.h | `Linker`: host functions and resources |
/// | function.h | `Function`: a typed function of a guest |
/// | describe.h | how C++ types stand for WIT types, and how to describe your own |
/// | resource.h | resources of the host and of guests |
/// | wasi.h | `WasiOptions`: what a guest sees of its host |
/// | program.h | `Program`: what has a beginning, an end and an exit status |
/// | http_server.h, http_server_options.h | `HttpServer`: HTTP that guests answer |
/// | compilation_cache.h | `CompilationCache`: compiled code on disk |
/// | registry.h | `Registry`: images and containers by name |
/// | image_store.h | `ImageStore`: images on disk, in an OCI image layout |
/// | registry_client.h | `RegistryClient`: images from and to OCI registries |
/// | value.h | `Value`: a value of any WIT type, known when the program runs |
/// | dynamic_function.h | `DynamicFunction`: calls with values, text or JSON |
/// | host_imports.h | `HostImportRegistry`: host functions over values |
/// | wave.h, json.h | values as text and as JSON, and JSON Schemas |
/// | tools.h | `ToolRegistry`: functions by name, JSON in and out |
/// | command.h | typed command dispatch on the host |
/// | wit.h | `WitLoader`: what `.wit` files say |
/// | bindings.h | what generated bindings are built on |
/// | type.h | WIT types: what a component imports and exports |
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <tairitsu/bindings.h>
#include <tairitsu/command.h>
#include <tairitsu/compilation_cache.h>
#include <tairitsu/component.h>
#include <tairitsu/container.h>
#include <tairitsu/describe.h>
#include <tairitsu/dynamic_function.h>
#include <tairitsu/engine.h>
#include <tairitsu/error.h>
#include <tairitsu/function.h>
#include <tairitsu/host_imports.h>
#include <tairitsu/http_server.h>
#include <tairitsu/image.h>
#include <tairitsu/image_store.h>
#include <tairitsu/json.h>
#include <tairitsu/linker.h>
#include <tairitsu/program.h>
#include <tairitsu/registry.h>
#include <tairitsu/registry_client.h>
#include <tairitsu/resource.h>
#include <tairitsu/tools.h>
#include <tairitsu/type.h>
#include <tairitsu/value.h>
#include <tairitsu/wasi.h>
#include <tairitsu/wave.h>
#include <tairitsu/wit.h>

#endif  // TAIRITSU_NO_CXX23
