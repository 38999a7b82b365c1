/// The C ABI of the bridge. Only src/engine includes it.
///
/// Every function that can fail returns an `Error*`: null on success. It writes its result through an
/// out pointer, only on success. The `_free` function of an object's type frees it, once; freeing null
/// does nothing. An `Engine`, a `Component`, an `InstancePre` and an `HttpClient` may be used
/// from any thread, every other object by one thread at a time. Nothing unwinds out of these functions.

#pragma once

// Generated from bridge/src by `make bridge-header`; edit the Rust source instead.

#include <cstddef>
#include <cstdint>
#include "tairitsu/abi.h"

namespace tairitsu {
namespace bridge {

/// The kind of an entry. Mirrors `tairitsu::detail::ArchiveKind`; C++ asserts that the two match.
enum class ArchiveKind : uint8_t {
  File,
  Directory,
  Link,
  Device,
  Sparse,
  Other,
};

/// Where an exchange failed. Mirrors `tairitsu::detail::TransportFault`; C++ asserts that the two match.
enum class HttpFault : uint8_t {
  Request,
  Source,
  Connect,
  Tls,
  Timeout,
  CutOff,
};

/// Mirrors `tairitsu::ErrorCode` in `include/tairitsu/error.h`; C++ asserts that the two match.
enum class Code : uint8_t {
  Internal = 1,
  InvalidArgument,
  Io,
  NotWasm,
  InvalidComponent,
  IsCoreModule,
  IsComponent,
  ArtifactMismatch,
  ArtifactDamaged,
  MissingImport,
  TypeMismatch,
  UnsupportedType,
  NotFound,
  AmbiguousName,
  AlreadyExists,
  InUse,
  Trap,
  InvalidValue,
  HostFunction,
  FuelExhausted,
  DeadlineExceeded,
  Interrupted,
  MemoryLimit,
  TableLimit,
  InstanceLimit,
  HandleLimit,
  CopyLimit,
  PoolExhausted,
  ReentrantCall,
  ContainerStopped,
  ContainerFailed,
  GuestExited,
  AsyncAbiOff,
  UntrustedFile,
  DigestMismatch,
  InvalidManifest,
  Network,
  Unauthorized,
  RegistryRefused,
  SizeLimit,
  DescriptorLimit,
  CompileLimit,
};

/// Reads the entries of an archive in order. One thread at a time.
struct ArchiveReader;

/// Writes an archive. One thread at a time.
struct ArchiveWriter;

/// Bytes that the bridge owns; `tairitsu_bridge_buffer_free` frees them.
struct Buffer;

/// A compiled component; `tairitsu_bridge_component_free` frees it.
struct Component;

/// A Wasmtime engine. Any thread may use it.
struct Engine;

/// An error for C++: a code, a message, and a Wasm backtrace if guest code was running.
struct Error;

/// A component's export, looked up once for all instances.
struct ExportIndex;

/// An exported function of a store's instance.
struct Function;

/// Generated files: names and contents, sorted by name.
struct GeneratedFiles;

/// A pool of connections to servers. Several threads may use it concurrently.
struct HttpClient;

/// A response whose body has not been read yet. Only one thread may use it at a time. It keeps its client's connections
/// alive.
struct HttpResponse;

/// A component with its imports resolved. Any thread may instantiate it.
struct InstancePre;

/// Interrupts a store's calls from any thread.
struct InterruptHandle;

/// A linker for one component. C++ has matched the imports, so names are spelled as in the component.
/// One thread at a time.
struct Linker;

/// A compiled core module with its imports resolved; `tairitsu_bridge_module_free` frees it. Any thread may run it.
struct Module;

/// A running server.
struct Server;

/// An incremental SHA-256 hash. One thread at a time.
struct Sha256Stream;

/// One guest: its store and, once instantiated, its instance. One thread at a time.
struct Store;

/// A policy. Stores that use it share ownership of it.
struct WasiPolicy;

/// Reads the next bytes of an archive into `to`. Returns how many, 0 at the end, a negative number on failure.
using ArchiveSource = ptrdiff_t(*)(void *context, uint8_t *to, size_t size);

/// Borrowed bytes or UTF-8 text. Valid as long as the memory that it points into.
struct Bytes {
  const uint8_t *data;
  size_t size;
};

/// An entry of an archive. The path is valid until the reader is used again.
struct ArchiveEntry {
  Bytes path;
  ArchiveKind kind;
  uint64_t size;
};

/// Writes the next bytes of an archive. Returns false on failure.
using ArchiveSink = bool(*)(void *context, const uint8_t *data, size_t size);

/// Mirrors `tairitsu::CompileLimits`.
struct CompileLimits {
  /// How deep blocks, loops and conditions are nested.
  uint32_t nesting;
  /// The size of a function's body, in bytes.
  uint64_t function_bytes;
  /// Functions in all core modules together.
  uint32_t functions;
  /// Components and core modules, at any depth.
  uint32_t modules;
  /// How deep components are nested.
  uint32_t module_depth;
  /// Types, imports, exports, instances, aliases and canonical functions, at any depth.
  uint32_t items;
  uint64_t source_bytes;
};

/// Mirrors `tairitsu::EngineOptions`.
struct EngineConfig {
  bool pooling;
  bool fuel;
  bool epochs;
  bool async_abi;
  bool debug_info;
  bool parallel_compilation;
  /// 0 none, 1 speed, 2 speed and size.
  uint8_t optimization;
  /// In bytes; 0 for Wasmtime's default.
  size_t max_wasm_stack;
  /// A directory for compiled components; empty for no cache.
  Bytes cache_directory;
  uint32_t pool_max_instances;
  uint32_t pool_max_core_instances;
  uint32_t pool_max_memories;
  uint32_t pool_max_tables;
  uint32_t pool_max_stacks;
  uint32_t pool_max_core_instances_per_component;
  uint32_t pool_max_memories_per_component;
  uint32_t pool_max_tables_per_component;
  uint32_t pool_max_memories_per_module;
  uint32_t pool_max_tables_per_module;
  size_t pool_max_memory_bytes;
  size_t pool_max_table_elements;
  size_t pool_max_core_instance_bytes;
  size_t pool_max_component_instance_bytes;
  size_t pool_memory_keep_resident;
  size_t pool_table_keep_resident;
  size_t pool_stack_keep_resident;
  /// For all containers together; the type's largest value means no limit.
  uint64_t max_total_memory_bytes;
  uint32_t max_total_descriptors;
  CompileLimits compile_limits;
};

/// A core module that implements the imports from one module name on top of a component's imports.
struct Adapter {
  Bytes name;
  Bytes module;
};

/// A request. Borrowed for the call that sends it.
struct HttpCall {
  Bytes method;
  Bytes url;
  /// Names and values, each followed by a zero byte.
  Bytes headers;
  /// The body, if there is no source.
  Bytes body;
  /// Writes the next bytes of the body to `to` and returns their number, 0 at the end, negative on failure.
  /// May be null.
  ptrdiff_t (*source)(void *context, uint8_t *to, size_t size);
  void *source_context;
  uint64_t source_size;
  uint64_t idle_ms;
  uint64_t total_ms;
};

/// A host function of C++.
struct HostFunctionDefinition {
  abi::HostFunctionCallback callback;
  /// Passed to the callback. Outlives everything that the function is linked into.
  void *data;
  /// How many flat slots the parameters take; more than 16 means that they are in memory.
  uint32_t parameter_count;
  /// How many flat slots the result takes, 0 or 1; a result in memory counts as 1.
  uint32_t result_count;
  /// What lifting the parameters needs: 0 nothing, 1 the guest's memory, 2 its handles.
  uint8_t parameters_need;
};

/// Mirrors `tairitsu::Limits`, with the other parameters of a store. A limit of 0 permits nothing. The
/// type's largest value means no limit; for the deadline, 0 does.
struct StoreConfig {
  /// Passed to host functions: the container's core in C++.
  void *context;
  bool limit_fuel;
  uint64_t fuel;
  uint64_t deadline_nanoseconds;
  uint64_t max_memory_bytes;
  uint64_t max_table_elements;
  uint32_t max_instances;
  uint32_t max_handles;
  uint64_t max_copied_bytes;
  /// Open files and sockets.
  uint32_t max_descriptors;
  /// What the guest may access; null if it imports no WASI. Only read while the store is created.
  const WasiPolicy *wasi;
};

/// A finished request. The texts are valid during the call.
struct ServedRequest {
  uint64_t id;
  Bytes method;
  /// The path and query.
  Bytes target;
  Bytes peer;
  Bytes error;
  Bytes backtrace;
  Bytes full_backtrace;
  uint64_t body_bytes;
  uint64_t nanoseconds;
  uint16_t status;
  /// A value of `tairitsu::ErrorCode`, if `error` is not empty.
  uint8_t error_code;
};

/// The server's callbacks. Several threads may call them concurrently, until `release` is called.
struct ServerCallbacks {
  void *data;
  /// Called when a request is finished. May be null.
  void (*served)(void *data, const ServedRequest *request);
  /// Creates one instance's context, which the host functions find in its store. Returns null on failure. Not
  /// set if the component imports no host functions.
  void *(*make_context)(void *data);
  /// Frees a context, after its store.
  void (*free_context)(void *data, void *context);
  /// Returns the message of the host function that failed in the context's instance, empty if none failed. Valid
  /// until the context is used again. Set if `make_context` is.
  Bytes (*explain)(void *data, void *context);
  /// Called once, after the last call of the others.
  void (*release)(void *data);
};

/// Mirrors `tairitsu::HttpServerStatistics`.
struct ServerStatistics {
  uint64_t connections;
  /// Running in a guest.
  uint64_t requests;
  uint64_t queued;
  uint64_t served;
  /// Requests that were rejected because the queue was full.
  uint64_t rejected;
  /// Requests whose guest trapped, exceeded a limit or sent no response.
  uint64_t failed;
  /// Connections that were closed or not accepted because of a limit.
  uint64_t refused;
  /// Clients that sent or read too slowly.
  uint64_t timed_out;
  uint64_t instances;
};

/// The host's callbacks. Any thread may call them until `release` is called.
struct WasiCallbacks {
  void *data;
  /// Called with a line, without its end, of stream 0 (standard output) or 1 (standard error).
  void (*line)(void *data, uint32_t stream, Bytes text);
  /// Called when something was denied: its kind (a value of [`Denial`]), and the rule that would allow it, the
  /// name or the path. May be null.
  void (*denied)(void *data, uint8_t kind, Bytes rule);
  /// Called once, after the last call of the others.
  void (*release)(void *data);
};

extern "C" {

/// Writes up to `capacity` sizes and offsets of the structs above, in the order that the C++ test
/// expects. Returns how many there are.
///
/// # Safety
/// `out` is valid for `capacity` writes.
size_t tairitsu_bridge_abi_layout(size_t *out, size_t capacity);

/// Makes the process exit with this status when memory runs out, instead of aborting. For a process that only
/// compiles, within limits that its parent has set.
void tairitsu_bridge_exit_without_memory(int32_t status);

/// Creates a reader of an archive, which may have up to `most` bytes when unpacked. Fails with
/// `InvalidManifest` if the compression is unsupported, and with `Io` if the source fails.
///
/// # Safety
/// The source may be called on the thread that uses the reader, until the reader is freed; `out` is valid
/// for a write.
Error *tairitsu_bridge_archive_reader_new(ArchiveSource source,
                                          void *context,
                                          uint64_t most,
                                          ArchiveReader **out);

/// Advances to the next entry, skipping what was not read of the current one, and writes whether there is
/// one. If there is none, the source has been read to its end. Fails with `InvalidManifest` if the archive is
/// invalid, truncated or too large, and with `Io` if the source fails. After a failure the reader must not be
/// used again.
///
/// # Safety
/// `reader` is a live reader, and `entry` and `found` are valid for a write.
Error *tairitsu_bridge_archive_reader_next(ArchiveReader *reader, ArchiveEntry *entry, bool *found);

/// Reads the next bytes of the entry into `to` and writes how many to `count`, 0 at the entry's end. Fails as
/// `tairitsu_bridge_archive_reader_next` does.
///
/// # Safety
/// `reader` is a live reader, `to` points at `size` writable bytes, and `count` is valid for a write.
Error *tairitsu_bridge_archive_reader_read(ArchiveReader *reader, uint8_t *to, size_t size, size_t *count);

/// # Safety
/// `reader` is null or a live reader, and is not used afterwards.
void tairitsu_bridge_archive_reader_free(ArchiveReader *reader);

/// Creates a writer of an archive.
///
/// # Safety
/// The sink may be called on the thread that uses the writer, until the writer is freed; `out` is valid for a
/// write.
Error *tairitsu_bridge_archive_writer_new(ArchiveSink sink, void *context, ArchiveWriter **out);

/// Begins a file of `size` bytes. Fails with `InvalidArgument` if the path is too long or the previous file
/// is incomplete, and with `Io` if the sink fails.
///
/// # Safety
/// `writer` is a live writer, and `path` is readable.
Error *tairitsu_bridge_archive_writer_begin(ArchiveWriter *writer, Bytes path, uint64_t size);

/// Writes the next bytes of the file. Fails as `tairitsu_bridge_archive_writer_begin` does.
///
/// # Safety
/// `writer` is a live writer, and `bytes` are readable.
Error *tairitsu_bridge_archive_writer_write(ArchiveWriter *writer, Bytes bytes);

/// Writes the end of the archive; called once. Fails as `tairitsu_bridge_archive_writer_begin` does.
///
/// # Safety
/// `writer` is a live writer.
Error *tairitsu_bridge_archive_writer_finish(ArchiveWriter *writer);

/// # Safety
/// `writer` is null or a live writer, and is not used afterwards.
void tairitsu_bridge_archive_writer_free(ArchiveWriter *writer);

/// Seals an artifact for a cache, in place. The key has 32 bytes. Fails with `InvalidArgument` for another size, and
/// with `ArtifactDamaged`.
///
/// # Safety
/// `artifact` points at `size` writable bytes; `key` and `name` are readable.
Error *tairitsu_bridge_artifact_seal(uint8_t *artifact,
                                     size_t size,
                                     Bytes key,
                                     Bytes name);

/// Compiles a component from a binary or from text. If `from_core_module`, the bytes are a core
/// module, which gets the WASI preview 1 adapter if it needs it.
///
/// # Safety
/// `engine` is live, `bytes` readable, `out` valid for a write.
Error *tairitsu_bridge_component_compile(const Engine *engine,
                                         Bytes bytes,
                                         bool from_core_module,
                                         Component **out);

/// Loads a precompiled artifact from memory. The bytes are copied.
///
/// # Safety
/// As for `tairitsu_bridge_component_compile`. The artifact comes from a trusted source: its machine
/// code runs unchecked.
Error *tairitsu_bridge_component_from_trusted_artifact(const Engine *engine, Bytes bytes, Component **out);

/// Loads a precompiled artifact from a file, which is mapped and must not change while in use.
///
/// # Safety
/// As for `tairitsu_bridge_component_from_trusted_artifact`.
Error *tairitsu_bridge_component_from_trusted_artifact_file(const Engine *engine,
                                                            Bytes path,
                                                            Component **out);

/// Loads an artifact from a cache's file. Fails with `ArtifactDamaged`, before any of its code is mapped, if the
/// artifact was not put into the cache with this key and under this name.
///
/// # Safety
/// `engine` is live; `path`, `key` and `name` readable; `out` valid for a write. Only the cache's owner has the key.
Error *tairitsu_bridge_component_from_sealed_artifact_file(const Engine *engine,
                                                           Bytes path,
                                                           Bytes key,
                                                           Bytes name,
                                                           Component **out);

/// Serialises the compiled component as an artifact that the functions above load.
///
/// # Safety
/// `component` is live, `out` valid for a write.
Error *tairitsu_bridge_component_serialize(const Component *component, Buffer **out);

/// Returns the SHA-256 of the WebAssembly binary, 32 bytes. Valid until the component is freed.
///
/// # Safety
/// `component` is live.
Bytes tairitsu_bridge_component_digest(const Component *component);

/// Returns the size of the WebAssembly binary in bytes.
///
/// # Safety
/// `component` is live.
uint64_t tairitsu_bridge_component_size(const Component *component);

/// Returns whether the component uses the component model's async ABI, so that its code runs on a fiber.
///
/// # Safety
/// `component` is live.
bool tairitsu_bridge_component_uses_async_abi(const Component *component);

/// # Safety
/// `component` is null or live, and is not used afterwards.
void tairitsu_bridge_component_free(Component *component);

/// Looks up the export `name` of the interface `interface`, or of the root if `interface` is empty.
/// Both are spelled as in the component. Fails with `NotFound`.
///
/// # Safety
/// `component` is live, the names readable, `out` valid for a write.
Error *tairitsu_bridge_component_export(const Component *component,
                                        Bytes interface,
                                        Bytes name,
                                        ExportIndex **out);

/// # Safety
/// `export` is null or live, and is not used afterwards.
void tairitsu_bridge_export_free(ExportIndex *export_);

/// Creates an engine.
///
/// # Safety
/// `options` is readable, `out` valid for a write.
Error *tairitsu_bridge_engine_new(const EngineConfig *options, Engine **out);

/// Frees the engine. Its components, stores and linkers stay valid.
///
/// # Safety
/// `engine` is null or a live engine, and is not used afterwards.
void tairitsu_bridge_engine_free(Engine *engine);

/// Writes what identifies the artifacts that the engine can load: 32 hexadecimal digits. They are equal for engines
/// of the same version whose options produce the same code for the same kind of processor.
///
/// # Safety
/// `engine` is live, `out` valid for a write.
Error *tairitsu_bridge_engine_fingerprint(const Engine *engine,
                                          Buffer **out);

/// Advances the engine's epoch by one tick, so that running guests check their deadlines.
///
/// # Safety
/// `engine` is a live engine.
void tairitsu_bridge_engine_increment_epoch(const Engine *engine);

/// Panics inside the guard, to test that panics become errors.
Error *tairitsu_bridge_panic_for_test();

/// Returns the code, a value of `tairitsu::ErrorCode`.
///
/// # Safety
/// `error` is a live error.
uint8_t tairitsu_bridge_error_code(const Error *error);

/// Returns the message, outermost context first. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
Bytes tairitsu_bridge_error_message(const Error *error);

/// Returns the Wasm backtrace, in which the frames of language runtimes are only counted. Empty if no guest code
/// was running. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
Bytes tairitsu_bridge_error_backtrace(const Error *error);

/// Returns the Wasm backtrace with all frames. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
Bytes tairitsu_bridge_error_full_backtrace(const Error *error);

/// Returns the status that the guest exited with.
///
/// # Safety
/// `error` is a live error.
int32_t tairitsu_bridge_error_exit_status(const Error *error);

/// # Safety
/// `error` is null or a live error, and is not used afterwards.
void tairitsu_bridge_error_free(Error *error);

/// Returns the buffer's bytes, valid until it is freed.
///
/// # Safety
/// `buffer` is a live buffer.
Bytes tairitsu_bridge_buffer_bytes(const Buffer *buffer);

/// # Safety
/// `buffer` is null or a live buffer, and is not used afterwards.
void tairitsu_bridge_buffer_free(Buffer *buffer);

/// Converts a core module to a component, see [`componentize`]. `kind` is 0 for a command if the module
/// exports `_start` and a reactor otherwise, 1 for a reactor, 2 for a command. `wit_path`, `world` and
/// `features` choose the world as in [`wit::load`] and [`wit::select_world`]; if `wit_path` is empty, the
/// module carries its world.
///
/// # Safety
/// All bytes are readable during the call, `adapters` points at `adapter_count` adapters or is null if
/// there are none; `out` is valid for a write.
Error *tairitsu_bridge_componentize(Bytes module,
                                    uint8_t kind,
                                    Bytes wit_path,
                                    Bytes world,
                                    Bytes features,
                                    const Adapter *adapters,
                                    size_t adapter_count,
                                    Buffer **out);

/// Generates guest bindings, see [`generate_guest_bindings`]. `language` is 0 for C, 1 for C++.
///
/// # Safety
/// `wit_path`, `world` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_bindgen_guest(uint8_t language,
                                     Bytes wit_path,
                                     Bytes world,
                                     Bytes features,
                                     GeneratedFiles **out);

/// Returns how many files there are.
///
/// # Safety
/// `files` is live.
size_t tairitsu_bridge_generated_files_count(const GeneratedFiles *files);

/// Returns the name of a file, relative to the output directory; empty past the last file. Valid until
/// the files are freed.
///
/// # Safety
/// `files` is live.
Bytes tairitsu_bridge_generated_files_name(const GeneratedFiles *files, size_t index);

/// Returns the contents of a file; empty past the last file. Valid until the files are freed.
///
/// # Safety
/// `files` is live.
Bytes tairitsu_bridge_generated_files_bytes(const GeneratedFiles *files, size_t index);

/// # Safety
/// `files` is null or live, and is not used afterwards.
void tairitsu_bridge_generated_files_free(GeneratedFiles *files);

/// Creates a client; `options` is JSON. Fails with `Io` if the certificate file cannot be used.
///
/// # Safety
/// `options` is readable and `out` is valid for a write.
Error *tairitsu_bridge_http_client_new(Bytes options, HttpClient **out);

/// Frees a client. Its responses can still be read.
///
/// # Safety
/// `client` is null or a live client, and is not used afterwards.
void tairitsu_bridge_http_client_free(HttpClient *client);

/// Sends a request and waits for the head of the response. On failure sets `fault`.
///
/// # Safety
/// `client` is a live client, everything that `call` points to is readable, its source may be called from any
/// thread until this returns, and `fault` and `out` are valid for a write.
Error *tairitsu_bridge_http_send(const HttpClient *client,
                                 const HttpCall *call,
                                 HttpFault *fault,
                                 HttpResponse **out);

/// Returns the status code of a response, such as 200.
///
/// # Safety
/// `response` is a live response.
uint16_t tairitsu_bridge_http_response_status(const HttpResponse *response);

/// Returns the headers: names in lower case and values, each followed by a zero byte. Valid until the response is
/// freed.
///
/// # Safety
/// `response` is a live response.
Bytes tairitsu_bridge_http_response_headers(const HttpResponse *response);

/// Reads the next bytes of the body into `to` and sets `count` to their number, 0 at the end. On failure sets
/// `fault`.
///
/// # Safety
/// `response` is a live response that no other thread uses, `to` points to `size` writable bytes, and `fault`
/// and `count` are valid for a write.
Error *tairitsu_bridge_http_response_read(HttpResponse *response,
                                          uint8_t *to,
                                          size_t size,
                                          HttpFault *fault,
                                          size_t *count);

/// Frees a response and drops the rest of its body.
///
/// # Safety
/// `response` is null or a live response, and is not used afterwards.
void tairitsu_bridge_http_response_free(HttpResponse *response);

/// Writes the WIT of a component, of a core module that carries its world, or of a WIT package encoded
/// as WebAssembly into a new buffer. Other packages are nested after the main one.
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_inspect_wit(Bytes bytes, Buffer **out);

/// Converts WebAssembly text to a binary, in a new buffer. A binary is copied unchanged.
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_to_binary(Bytes bytes, Buffer **out);

/// Like `tairitsu_bridge_inspect_wit`, for a `.wit` file or a directory, see [`wit::load`].
///
/// # Safety
/// `path` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_inspect_wit_source(Bytes path, Bytes features, Buffer **out);

/// Describes a component, a core module, an encoded WIT package or a precompiled artifact. The buffer holds a
/// JSON object, see [`Information`].
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_inspect(Bytes bytes, Buffer **out);

/// Creates a linker that defines the given parts of WASI. Each part is a bit, see
/// `tairitsu_bridge_wasi_part`. The parts of WASI 0.3 need an interruptible linker.
///
/// # Safety
/// `engine` is live, `out` valid for a write.
Error *tairitsu_bridge_linker_new(const Engine *engine, uint8_t wasi, bool interruptible, Linker **out);

/// # Safety
/// `linker` is null or live, and is not used afterwards.
void tairitsu_bridge_linker_free(Linker *linker);

/// Defines a function in `interface`, or at the root if `interface` is empty.
///
/// # Safety
/// `linker` is live, the rest readable. Any thread that runs a container may call the callback.
Error *tairitsu_bridge_linker_define_function(Linker *linker,
                                              Bytes interface,
                                              Bytes name,
                                              const HostFunctionDefinition *definition);

/// Defines a host resource. `resource_type` is its id, which every handle of it contains.
///
/// # Safety
/// As for `tairitsu_bridge_linker_define_function`.
Error *tairitsu_bridge_linker_define_resource(Linker *linker,
                                              Bytes interface,
                                              Bytes name,
                                              uint32_t resource_type,
                                              abi::HostResourceDestructor destructor);

/// Resolves the component's imports against the linker, which can be freed afterwards.
///
/// # Safety
/// `linker` and `component` are live and of one engine, `out` valid for a write.
Error *tairitsu_bridge_linker_instantiate_pre(const Linker *linker,
                                              const Component *component,
                                              InstancePre **out);

/// Frees the component with resolved imports. Its stores stay valid.
///
/// # Safety
/// `pre` is null or live, and is not used afterwards.
void tairitsu_bridge_instance_pre_free(InstancePre *pre);

/// Compiles a core module from a binary or from text.
///
/// # Safety
/// `engine` is live, `bytes` readable, `out` valid for a write.
Error *tairitsu_bridge_module_compile(const Engine *engine, Bytes bytes, Module **out);

/// Loads a precompiled artifact from a file, which is mapped and must not change while in use.
///
/// # Safety
/// As for `tairitsu_bridge_module_compile`. The artifact comes from a trusted source: its machine code runs
/// unchecked.
Error *tairitsu_bridge_module_from_trusted_artifact_file(const Engine *engine, Bytes path, Module **out);

/// Loads an artifact from a cache's file. Fails with `ArtifactDamaged`, before any of its code is mapped, if the
/// artifact was not put into the cache with this key and under this name.
///
/// # Safety
/// `engine` is live; `path`, `key` and `name` readable; `out` valid for a write. Only the cache's owner has the key.
Error *tairitsu_bridge_module_from_sealed_artifact_file(const Engine *engine,
                                                        Bytes path,
                                                        Bytes key,
                                                        Bytes name,
                                                        Module **out);

/// Writes whether the file is a precompiled artifact of a core module. Fails with `Io` if it cannot be read.
///
/// # Safety
/// `path` is readable, `out` valid for a write.
Error *tairitsu_bridge_artifact_is_module(Bytes path, bool *out);

/// Serialises the compiled module as an artifact that the functions above load.
///
/// # Safety
/// `module` is live, `out` valid for a write.
Error *tairitsu_bridge_module_serialize(const Module *module, Buffer **out);

/// # Safety
/// `module` is null or live, and is not used afterwards.
void tairitsu_bridge_module_free(Module *module);

/// Starts a server for `pre`, which listens when this returns. The callbacks' `release` is also called if this
/// fails.
///
/// # Safety
/// `engine` and `pre` are live, of one engine, and `pre` was linked for an interruptible store; `config` is
/// readable, its `wasi` null or live, its `context` unused; `options` and `callbacks` are readable, `out` is
/// valid for a write.
Error *tairitsu_bridge_server_start(const Engine *engine,
                                    const InstancePre *pre,
                                    const StoreConfig *config,
                                    Bytes options,
                                    const ServerCallbacks *callbacks,
                                    Server **out);

/// Returns the address that the server listens on, as `ADDRESS:PORT`, or with `admin` its admin address, which is
/// empty if it has none. Valid until the server is freed.
///
/// # Safety
/// `server` is live.
Bytes tairitsu_bridge_server_address(const Server *server,
                                     bool admin);

/// Stops accepting connections and waits until the open ones have ended, for at most `nanoseconds`. Returns whether
/// they have. Any thread except the server's own may call this.
///
/// # Safety
/// `server` is live.
bool tairitsu_bridge_server_drain(const Server *server,
                                  uint64_t nanoseconds);

/// Returns the server's counters.
///
/// # Safety
/// `server` is live.
ServerStatistics tairitsu_bridge_server_statistics(const Server *server);

/// Stops and frees the server: interrupts what is running, and waits at most a few seconds for it to end.
///
/// # Safety
/// `server` is null or live, and is not used afterwards.
void tairitsu_bridge_server_free(Server *server);

/// Creates a stream, which `tairitsu_bridge_sha256_free` frees. Returns null only if memory is exhausted.
Sha256Stream *tairitsu_bridge_sha256_new();

/// # Safety
/// `stream` is a live stream, and `bytes` are readable.
void tairitsu_bridge_sha256_update(Sha256Stream *stream, Bytes bytes);

/// Writes the 32 bytes of the hash to `to` and resets the stream.
///
/// # Safety
/// `stream` is a live stream, and `to` points at 32 writable bytes.
void tairitsu_bridge_sha256_finish(Sha256Stream *stream, uint8_t *to);

/// # Safety
/// `stream` is null or a live stream, and is not used afterwards.
void tairitsu_bridge_sha256_free(Sha256Stream *stream);

/// Creates a store for an instance of `pre`.
///
/// # Safety
/// `engine` and `pre` are live and of one engine, `config` readable, its `wasi` null or live, `out` valid for a
/// write; `config.context` outlives the store.
Error *tairitsu_bridge_store_new(const Engine *engine,
                                 const InstancePre *pre,
                                 const StoreConfig *config,
                                 Store **out);

/// Creates a store for one run of a core module.
///
/// # Safety
/// As for `tairitsu_bridge_store_new`; `config.wasi` is not null.
Error *tairitsu_bridge_store_new_for_module(const Engine *engine, const StoreConfig *config, Store **out);

/// Runs a core module as a command. Fails with `GuestExited` if it calls `proc_exit`.
///
/// # Safety
/// `store` comes from `tairitsu_bridge_store_new_for_module`, for the engine of `module`, and is used once.
Error *tairitsu_bridge_store_run_module(Store *store, const Module *module);

/// Calls an export of the type of `wasi:cli/run#run`, of 0.2 or 0.3. Writes whether the guest reports success.
///
/// # Safety
/// `store` is live and instantiated, and no call runs in it; `export` belongs to its component, `out` is valid
/// for a write.
Error *tairitsu_bridge_store_run_command(Store *store,
                                         const ExportIndex *export_,
                                         bool *out);

/// Instantiates the component in the store, which runs the guest's initialisers.
///
/// # Safety
/// `store` is live and was created for `pre`, which is live.
Error *tairitsu_bridge_store_instantiate(Store *store, const InstancePre *pre);

/// Frees the store and the guest in it. No guest code runs.
///
/// # Safety
/// `store` is null or live, no call runs in it, and it is not used afterwards.
void tairitsu_bridge_store_free(Store *store);

/// Looks up an exported function in this store. C++ has checked its type. Fails with `NotFound`.
///
/// # Safety
/// `store` and `export` are live and belong to one component, `out` is valid for a write.
Error *tairitsu_bridge_store_function(Store *store, const ExportIndex *export_, Function **out);

/// # Safety
/// `function` is null or live, and is not used afterwards.
void tairitsu_bridge_function_free(Function *function);

/// Calls a function. `frame` lowers its parameters and lifts its result. After an error the guest
/// must not be entered again.
///
/// # Safety
/// `store` is live and `function` belongs to it; no other call runs in the store; `frame` is live.
Error *tairitsu_bridge_store_call(Store *store, const Function *function, abi::Frame *frame);

/// Drops a handle to a guest resource. If the handle owns the resource, its destructor runs in the guest.
///
/// # Safety
/// `store` is live and no call runs in it; `handle` comes from it and is not used afterwards.
Error *tairitsu_bridge_store_drop_resource(Store *store, const abi::Handle *handle);

/// Writes the remaining fuel. Fails with `InvalidArgument` if the engine does not count fuel.
///
/// # Safety
/// `store` is live and no call runs in it, `out` valid for a write.
Error *tairitsu_bridge_store_fuel(const Store *store, uint64_t *out);

/// Sets the remaining fuel. Fails with `InvalidArgument` if the engine does not count fuel.
///
/// # Safety
/// `store` is live and no call runs in it.
Error *tairitsu_bridge_store_set_fuel(Store *store, uint64_t fuel);

/// Returns how many bytes of linear memory the guest has.
///
/// # Safety
/// `store` is live and no call runs in it.
uint64_t tairitsu_bridge_store_memory_bytes(const Store *store);

/// Copies what the guest has written to a captured stream: 0 standard output, 1 standard error.
///
/// # Safety
/// `store` is live and no call runs in it, `out` valid for a write.
Error *tairitsu_bridge_store_captured(const Store *store, uint32_t stream, Buffer **out);

/// Returns whether the guest wrote more to a captured stream than was kept.
///
/// # Safety
/// `store` is live and no call runs in it.
bool tairitsu_bridge_store_captured_is_truncated(const Store *store, uint32_t stream);

/// Returns a handle that interrupts the store's calls. It may outlive the store.
///
/// # Safety
/// `store` is live.
InterruptHandle *tairitsu_bridge_store_interrupt_handle(const Store *store);

/// Interrupts the current call, if any; if `for_good`, every later call too. A guest that computes only
/// notices when the engine's epoch advances. Any thread may call this.
///
/// # Safety
/// `handle` is live.
void tairitsu_bridge_interrupt(const InterruptHandle *handle, bool for_good);

/// # Safety
/// `handle` is null or live, and is not used afterwards.
void tairitsu_bridge_interrupt_handle_free(InterruptHandle *handle);

/// Returns whether the text is valid UTF-8.
///
/// # Safety
/// `text` is readable.
bool tairitsu_bridge_is_utf8(Bytes text);

/// Returns the part of WASI that contains `interface`, such as `wasi:io/streams@0.2.9`, as a bit for
/// `tairitsu_bridge_linker_new`; 0 if the linkers do not define it.
///
/// # Safety
/// `interface` is readable.
uint8_t tairitsu_bridge_wasi_part(Bytes interface);

/// Creates a policy. Stores that use it share ownership, so that it may be freed before them. The callbacks'
/// `release` is also called if this fails.
///
/// # Safety
/// `json` is readable, `callbacks` null or readable, `out` valid for a write.
Error *tairitsu_bridge_wasi_policy_new(Bytes json, const WasiCallbacks *callbacks, WasiPolicy **out);

/// # Safety
/// `policy` is null or live, and is not used afterwards.
void tairitsu_bridge_wasi_policy_free(WasiPolicy *policy);

/// Reads WIT and chooses a world, see [`load`] and [`select_world`]. The buffer holds a JSON object:
/// `world` is an index into the `worlds` of `resolve`, which is the JSON of wit-parser.
///
/// # Safety
/// `path`, `world` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_wit_resolve(Bytes path, Bytes world, Bytes features, Buffer **out);

/// Reads WIT without choosing a world, see [`load`]. The buffer holds a JSON object: `package` is an
/// index into the `packages` of `resolve`, which is the JSON of wit-parser.
///
/// # Safety
/// `path` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_wit_load(Bytes path, Bytes features, Buffer **out);

/// Like `tairitsu_bridge_wit_load`, for the text of a `.wit` file.
///
/// # Safety
/// `text` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_wit_parse(Bytes text, Bytes features, Buffer **out);

/// Encodes the component's world into a new buffer. The format is documented in `world.rs`.
///
/// # Safety
/// `component` is live; `out` is valid for a write.
Error *tairitsu_bridge_component_world(const Component *component, Buffer **out);

}  // extern "C"

}  // namespace bridge
}  // namespace tairitsu
