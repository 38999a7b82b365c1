/// Includes the whole library, except the optional fmt.h and the developer tools in inspect.h and guest_tools.h. Start
/// with `Engine`, `Image` and `Container`:
///
/// | header | contents |
/// | --- | --- |
/// | error.h | `Result`, `Error`, `TAIRITSU_TRY` |
/// | engine.h | `Engine` and its options |
/// | image.h | `Image`: a compiled component |
/// | container.h | `Container`, its builder, limits and templates |
/// | linker.h | `Linker`: host functions and resources |
/// | function.h | `Function`: a typed function of a guest |
/// | describe.h | how C++ types represent WIT types, and how to describe your own |
/// | resource.h | resources of the host and of guests |
/// | wasi.h | `WasiOptions`: what a guest may access |
/// | program.h | `Program`: a guest that runs once and returns an exit status |
/// | http_server.h, http_server_options.h | `HttpServer`: guests that handle HTTP requests |
/// | compilation_cache.h | `CompilationCache`: compiled code on disk |
/// | registry.h | `Registry`: images and containers by name |
/// | image_store.h | `ImageStore`: images on disk, in an OCI image layout |
/// | oci_client.h | `OciClient`: pulls from and pushes to OCI registries |
/// | value.h | `Value`: a value of any WIT type, known at run time |
/// | dynamic_function.h | `DynamicFunction`: calls with values, WAVE text or JSON |
/// | host_imports.h | `HostImports`: host functions over values |
/// | wave.h, json.h | values as WAVE text and as JSON, and JSON Schemas |
/// | tools.h | `ToolSet`: functions by name, with JSON arguments and results |
/// | command.h | typed command dispatch on the host |
/// | wit.h | `WitLoader`: reads `.wit` files |
/// | bindings.h | support for generated bindings |
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
#include <tairitsu/oci_client.h>
#include <tairitsu/program.h>
#include <tairitsu/registry.h>
#include <tairitsu/resource.h>
#include <tairitsu/tools.h>
#include <tairitsu/type.h>
#include <tairitsu/value.h>
#include <tairitsu/wasi.h>
#include <tairitsu/wave.h>
#include <tairitsu/wit.h>

#endif  // TAIRITSU_NO_CXX23
