/// The C ABI of the bridge. Only src/engine includes it.
///
/// Every function that can fail returns an `Error*`, null for success, and writes its result through
/// an out pointer only on success. Each object is freed once, by the `_free` function of its type;
/// freeing null does nothing. An `Engine`, a `Component`, an `InstancePre` and an `HttpClient` may be used
/// from any thread, the other objects by one at a time. Nothing unwinds out of these functions.

#pragma once

// Generated from bridge/src by `make bridge-header`; edit the Rust source instead.

#include <cstddef>
#include <cstdint>
#include "tairitsu/abi.h"

namespace tairitsu {
namespace bridge {

/// What an entry is. Mirrors `tairitsu::detail::ArchiveKind`; C++ asserts that the two agree.
enum class ArchiveKind : uint8_t {
  File,
  Folder,
  Link,
  Device,
  Sparse,
  Other,
};

/// Where an exchange failed. Mirrors `tairitsu::oci::TransportFault`; C++ asserts that the two agree.
enum class HttpFault : uint8_t {
  Request,
  Source,
  Connect,
  Tls,
  Timeout,
  CutOff,
};

/// Mirrors `tairitsu::ErrorCode` in `include/tairitsu/error.h`; C++ asserts that the two agree.
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

/// The entries of an archive, in its order. One thread at a time.
struct ArchiveReader;

/// Writes an archive. One thread at a time.
struct ArchiveWriter;

/// Bytes that the bridge owns; `tairitsu_bridge_buffer_free` releases them.
struct Buffer;

/// A compiled component; `tairitsu_bridge_component_free` releases it.
struct Component;

/// A Wasmtime engine. Any thread may use it.
struct Engine;

/// A failure on its way to C++: a code, a message, and a Wasm backtrace where guest code ran.
struct Error;

/// A function (or another item) that a component exports, looked up once for all its instances.
struct ExportIndex;

/// A function of one store's instance.
struct Function;

/// What a generator wrote: file names and contents, sorted by name.
struct GeneratedFiles;

/// An answer whose body is still to be read. One thread at a time; it keeps its client's connections.
struct HttpAnswer;

/// Connections to servers. Any thread may use it, several at once.
struct HttpClient;

/// A component with its imports resolved. Any thread may make instances from it.
struct InstancePre;

/// Cuts off calls from any thread.
struct InterruptHandle;

/// A linker for one component: C++ has matched the imports already, so that names are the
/// component's own. Used by one thread at a time.
struct Linker;

/// A compiled core module with its imports resolved; `tairitsu_bridge_module_free` releases it. Any thread may
/// run it.
struct Module;

/// A running server.
struct Server;

/// A hash that is fed piece by piece. One thread at a time.
struct Sha256Stream;

/// One guest: its store and, once instantiated, its instance. One thread at a time.
struct Store;

/// A policy that stores share: what is shared lives as long as they do.
struct WasiPolicy;

/// Gives the next bytes of an archive: how many were written to `to`, 0 at the end, less on failure.
using ArchiveSource = ptrdiff_t(*)(void *context, uint8_t *to, size_t size);

/// Borrowed bytes, or borrowed UTF-8 text. Valid as long as whatever it points into.
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

/// Takes the next bytes of an archive; false on failure.
using ArchiveSink = bool(*)(void *context, const uint8_t *data, size_t size);

/// Mirrors `tairitsu::CompileLimits`.
struct CompileLimits {
  /// Blocks, loops and conditions in one another.
  uint32_t nesting;
  /// The body of one function, in bytes.
  uint64_t function_bytes;
  /// All core modules together.
  uint32_t functions;
  /// Components and core modules, at any depth.
  uint32_t modules;
  /// Components in one another.
  uint32_t module_depth;
  /// Types, imports, exports, instances, aliases and canonical functions, at any depth.
  uint32_t items;
  uint64_t source_bytes;
};

/// Mirrors `tairitsu::EngineOptions`. Of the stack's size 0 is Wasmtime's default.
struct EngineConfig {
  bool pooling;
  bool fuel;
  bool epochs;
  bool async_abi;
  bool debug_info;
  bool parallel_compilation;
  /// 0 none, 1 speed, 2 speed and size.
  uint8_t optimization;
  size_t max_wasm_stack;
  /// A folder for compiled components; empty for no cache.
  Bytes cache_folder;
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
  /// All containers together; the type's largest value for no limit.
  uint64_t max_total_memory_bytes;
  uint32_t max_total_descriptors;
  CompileLimits compile_limits;
};

/// A module that implements the imports of one module name in terms of a component's.
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
  /// The body, where there is no source.
  Bytes body;
  /// Gives the next bytes of the body: how many were written to `to`, 0 at the end, less on failure.
  /// Null for none.
  ptrdiff_t (*source)(void *context, uint8_t *to, size_t size);
  void *source_context;
  uint64_t source_size;
  uint64_t idle_ms;
  uint64_t total_ms;
};

/// Mirrors what C++ knows of a host function.
struct HostFunctionDefinition {
  abi::HostFunctionCallback callback;
  /// Passed to the callback. Outlives whatever is linked with the function.
  void *data;
  /// The parameters' flat slots, 0 to 16; more than 16 stands for 'in memory'.
  uint32_t parameter_count;
  /// The result's flat slots: 0 or 1, where 1 stands for 'in memory' too.
  uint32_t result_count;
  /// What the parameters need of the guest: 0 nothing, 1 its memory, 2 its handles.
  uint8_t parameters_need;
};

/// Mirrors `tairitsu::Limits` and what else a store is made with. A limit of 0 is one; none at all is
/// the type's largest value, but for the deadline, where it is 0.
struct StoreConfig {
  /// Handed to host functions; the C++ core of the container.
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
  /// What the guest may see of its host; null where it imports no WASI. Used while the store is made.
  const WasiPolicy *wasi;
};

/// A request that is over. The texts are valid during the call.
struct ServedRequest {
  uint64_t id;
  Bytes method;
  /// The path with its query.
  Bytes target;
  Bytes peer;
  Bytes error;
  Bytes backtrace;
  Bytes full_backtrace;
  uint64_t body_bytes;
  uint64_t nanoseconds;
  uint16_t status;
  /// A value of `tairitsu::ErrorCode`, where `error` is not empty.
  uint8_t error_code;
};

/// What the server asks C++ for. All may be called from several threads at a time, until `release` is.
struct ServerCallbacks {
  void *data;
  /// Told of each request when it is over. Null where nobody wants to know.
  void (*served)(void *data, const ServedRequest *request);
  /// Makes what the host's functions find in a store, for one instance; null where that fails. Not there
  /// where the component imports none of the host's functions.
  void *(*make_context)(void *data);
  /// Frees it, after its store.
  void (*free_context)(void *data, void *context);
  /// What a host function said that failed in the context's instance; empty where none did. Valid until the
  /// context is used again. There where `make_context` is.
  Bytes (*explain)(void *data, void *context);
  /// Called once, when nothing calls the others any more.
  void (*release)(void *data);
};

/// Mirrors `tairitsu::HttpServerStatistics`.
struct ServerStatistics {
  uint64_t connections;
  /// In a guest now.
  uint64_t requests;
  uint64_t queued;
  uint64_t served;
  /// For want of room.
  uint64_t rejected;
  /// By a guest that trapped, ran out of something or gave no answer.
  uint64_t failed;
  /// Connections that were closed for want of room.
  uint64_t refused;
  /// Clients that were too slow to send or to read.
  uint64_t timed_out;
  uint64_t instances;
};

/// What the host wants to be told. Both may be called from any thread, until `release` is.
struct WasiCallbacks {
  void *data;
  /// A line, without its end, of stream 0 (standard output) or 1 (standard error).
  void (*line)(void *data, uint32_t stream, Bytes text);
  /// Something was denied, of a kind (a value of [`Denial`]) and written as the rule that allows it, as a
  /// name or as a path. Null where nobody wants to know.
  void (*denied)(void *data, uint8_t kind, Bytes rule);
  /// Called once, when nothing calls the others any more.
  void (*release)(void *data);
};

extern "C" {

/// Writes the sizes and offsets of the structs above, in the order that the C++ test expects, and
/// returns how many there are; writes no more than `capacity`.
///
/// # Safety
/// `out` is valid for `capacity` writes.
size_t tairitsu_bridge_abi_layout(size_t *out, size_t capacity);

/// From now on the process exits with this status where there is no memory left, instead of with an abort. For a
/// process that does nothing but compile, within limits that its parent has set.
void tairitsu_bridge_exit_without_memory(int32_t status);

/// Begins to read an archive, which may have `most` bytes when it is unpacked. Fails with `InvalidManifest`
/// where it is compressed by something else than gzip, and with `Io` where the source fails.
///
/// # Safety
/// The source may be called on the thread that uses the reader until that is freed; `out` is valid for a
/// write.
Error *tairitsu_bridge_archive_reader_new(ArchiveSource source,
                                          void *context,
                                          uint64_t most,
                                          ArchiveReader **out);

/// Goes on to the next entry, past what was not read of the one before; `found` says whether there is one.
/// Where there is none the source has been read to its end. Fails with `InvalidManifest` for what is no
/// archive, is cut off or too large, and with `Io` where the source fails; the reader is not used again then.
///
/// # Safety
/// `reader` is a live reader, and `entry` and `found` are valid for a write.
Error *tairitsu_bridge_archive_reader_next(ArchiveReader *reader, ArchiveEntry *entry, bool *found);

/// Reads the next bytes of the entry into `to`; `count` is how many, 0 at its end. Fails as
/// `tairitsu_bridge_archive_reader_next` does.
///
/// # Safety
/// `reader` is a live reader, `to` points at `size` writable bytes, and `count` is valid for a write.
Error *tairitsu_bridge_archive_reader_read(ArchiveReader *reader, uint8_t *to, size_t size, size_t *count);

/// # Safety
/// `reader` is null or a live reader, not used afterwards.
void tairitsu_bridge_archive_reader_free(ArchiveReader *reader);

/// Begins to write an archive.
///
/// # Safety
/// The sink may be called on the thread that uses the writer until that is freed; `out` is valid for a write.
Error *tairitsu_bridge_archive_writer_new(ArchiveSink sink, void *context, ArchiveWriter **out);

/// Begins a file of `size` bytes. Fails with `InvalidArgument` for a path that is too long, and where the
/// file before is not complete; with `Io` where the sink fails.
///
/// # Safety
/// `writer` is a live writer, and `path` is readable.
Error *tairitsu_bridge_archive_writer_begin(ArchiveWriter *writer, Bytes path, uint64_t size);

/// Writes the next bytes of the file. Fails as `tairitsu_bridge_archive_writer_begin` does.
///
/// # Safety
/// `writer` is a live writer, and `bytes` are readable.
Error *tairitsu_bridge_archive_writer_write(ArchiveWriter *writer, Bytes bytes);

/// Ends the archive. Fails as `tairitsu_bridge_archive_writer_begin` does. Once.
///
/// # Safety
/// `writer` is a live writer.
Error *tairitsu_bridge_archive_writer_finish(ArchiveWriter *writer);

/// # Safety
/// `writer` is null or a live writer, not used afterwards.
void tairitsu_bridge_archive_writer_free(ArchiveWriter *writer);

/// Seals an artifact for a cache, in place. The key has 32 bytes.
///
/// # Safety
/// `artifact` points to `size` bytes that may be written; `key` and `name` are readable.
Error *tairitsu_bridge_artifact_seal(uint8_t *artifact, size_t size, Bytes key, Bytes name);

/// Compiles a component from a binary or from text. With `from_core_module` the bytes are a core
/// module, which gets the WASI preview 1 adapter if it needs it.
///
/// # Safety
/// `engine` is live, `bytes` readable, `out` valid for a write.
Error *tairitsu_bridge_component_compile(const Engine *engine,
                                         Bytes bytes,
                                         bool from_core_module,
                                         Component **out);

/// Loads a precompiled artifact from memory: the bytes are copied.
///
/// # Safety
/// As for `tairitsu_bridge_component_compile`; and the artifact comes from a trusted source, for
/// its machine code runs as it is.
Error *tairitsu_bridge_component_from_trusted_artifact(const Engine *engine, Bytes bytes, Component **out);

/// The same from a file, which is mapped and not copied: it must not change while in use.
///
/// # Safety
/// As for `tairitsu_bridge_component_from_trusted_artifact`.
Error *tairitsu_bridge_component_from_trusted_artifact_file(const Engine *engine,
                                                            Bytes path,
                                                            Component **out);

/// The same of a cache's file, which was put there with the key and under the name: `ArtifactDamaged` if not, before
/// any of its code is mapped.
///
/// # Safety
/// `engine` is live; `path`, `key` and `name` readable; `out` valid for a write. Nobody but the key's owner has it.
Error *tairitsu_bridge_component_from_sealed_artifact_file(const Engine *engine,
                                                           Bytes path,
                                                           Bytes key,
                                                           Bytes name,
                                                           Component **out);

/// Writes the compiled component as an artifact that the two functions above load.
///
/// # Safety
/// `component` is live, `out` valid for a write.
Error *tairitsu_bridge_component_serialize(const Component *component, Buffer **out);

/// SHA-256 of the WebAssembly binary, 32 bytes. Valid until the component is freed.
///
/// # Safety
/// `component` is live.
Bytes tairitsu_bridge_component_digest(const Component *component);

/// The size of the WebAssembly binary in bytes.
///
/// # Safety
/// `component` is live.
uint64_t tairitsu_bridge_component_size(const Component *component);

/// Whether the component uses the component model's async ABI: its guest code runs on a fiber.
///
/// # Safety
/// `component` is live.
bool tairitsu_bridge_component_uses_async_abi(const Component *component);

/// # Safety
/// `component` is null or live, not used afterwards.
void tairitsu_bridge_component_free(Component *component);

/// Looks up an export: `name` in the exported interface `interface`, or at the root where that is
/// empty. Both as the component spells them.
///
/// # Safety
/// `component` is live, the names readable, `out` valid for a write.
Error *tairitsu_bridge_component_export(const Component *component,
                                        Bytes interface,
                                        Bytes name,
                                        ExportIndex **out);

/// # Safety
/// `export` is null or live, not used afterwards.
void tairitsu_bridge_export_free(ExportIndex *export_);

/// Makes an engine.
///
/// # Safety
/// `options` is readable, `out` valid for a write.
Error *tairitsu_bridge_engine_new(const EngineConfig *options, Engine **out);

/// Components, stores and linkers made from the engine keep what they need of it.
///
/// # Safety
/// `engine` is null or a live engine, not used afterwards.
void tairitsu_bridge_engine_free(Engine *engine);

/// Says which artifacts the engine takes: text of 32 hexadecimal digits, the same for engines of one version
/// with options that compile to the same code for the same kind of processor.
///
/// # Safety
/// `engine` is live, `out` valid for a write.
Error *tairitsu_bridge_engine_fingerprint(const Engine *engine, Buffer **out);

/// Moves the engine's epoch on by one tick: running guests look at their deadlines.
///
/// # Safety
/// `engine` is a live engine.
void tairitsu_bridge_engine_increment_epoch(const Engine *engine);

/// Panics inside the guard, for the test that panics become errors.
Error *tairitsu_bridge_panic_for_test();

/// The code, a value of `tairitsu::ErrorCode`.
///
/// # Safety
/// `error` is a live error.
uint8_t tairitsu_bridge_error_code(const Error *error);

/// The message, outermost context first. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
Bytes tairitsu_bridge_error_message(const Error *error);

/// The Wasm backtrace, empty where no guest code was running. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
Bytes tairitsu_bridge_error_backtrace(const Error *error);

/// The same with all of its frames: the other counts those of a language's runtime. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
Bytes tairitsu_bridge_error_full_backtrace(const Error *error);

/// The status that a guest exited with.
///
/// # Safety
/// `error` is a live error.
int32_t tairitsu_bridge_error_exit_status(const Error *error);

/// # Safety
/// `error` is null or a live error, not used afterwards.
void tairitsu_bridge_error_free(Error *error);

/// The buffer's bytes, valid until it is freed.
///
/// # Safety
/// `buffer` is a live buffer.
Bytes tairitsu_bridge_buffer_bytes(const Buffer *buffer);

/// # Safety
/// `buffer` is null or a live buffer, not used afterwards.
void tairitsu_bridge_buffer_free(Buffer *buffer);

/// Makes a component from a core module, see [`componentize`]. `kind` is 0 for a command where the
/// module exports `_start` and a reactor otherwise, 1 for a reactor, 2 for a command. `wit_path`,
/// `world` and `features` choose the world as in [`wit::load`] and [`wit::select_world`]; an empty
/// path for the one that the module carries.
///
/// # Safety
/// All bytes are readable during the call, `adapters` points at `adapter_count` of them or is null
/// where that is 0; `out` is valid for a write.
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

/// How many files there are.
///
/// # Safety
/// `files` is live.
size_t tairitsu_bridge_generated_files_count(const GeneratedFiles *files);

/// The name of a file, relative to the folder it belongs in; empty past the last one. Valid until
/// the files are freed.
///
/// # Safety
/// `files` is live.
Bytes tairitsu_bridge_generated_files_name(const GeneratedFiles *files, size_t index);

/// The contents of a file; empty past the last one. Valid until the files are freed.
///
/// # Safety
/// `files` is live.
Bytes tairitsu_bridge_generated_files_bytes(const GeneratedFiles *files, size_t index);

/// # Safety
/// `files` is null or live, not used afterwards.
void tairitsu_bridge_generated_files_free(GeneratedFiles *files);

/// Makes a client; `options` are JSON. Fails with `Io` for a file of certificates that cannot be used.
///
/// # Safety
/// `options` is readable and `out` is valid for a write.
Error *tairitsu_bridge_http_client_new(Bytes options, HttpClient **out);

/// Its answers may still be read.
///
/// # Safety
/// `client` is null or a live client, not used afterwards.
void tairitsu_bridge_http_client_free(HttpClient *client);

/// Sends a request and waits for the head of its answer. Where it fails, `fault` says where.
///
/// # Safety
/// `client` is a live client, what `call` points at is readable, its source may be called from any thread
/// until this returns, and `fault` and `out` are valid for a write.
Error *tairitsu_bridge_http_send(const HttpClient *client,
                                 const HttpCall *call,
                                 HttpFault *fault,
                                 HttpAnswer **out);

/// The status of an answer: 200 and so on.
///
/// # Safety
/// `answer` is a live answer.
uint16_t tairitsu_bridge_http_answer_status(const HttpAnswer *answer);

/// Names in lower case and values, each followed by a zero byte. Valid until the answer is freed.
///
/// # Safety
/// `answer` is a live answer.
Bytes tairitsu_bridge_http_answer_headers(const HttpAnswer *answer);

/// Reads the next bytes of the body into `to`; `count` is how many, 0 at the end. Where it fails, `fault`
/// says how.
///
/// # Safety
/// `answer` is a live answer that no other thread uses, `to` points at `size` writable bytes, and `fault`
/// and `count` are valid for a write.
Error *tairitsu_bridge_http_answer_read(HttpAnswer *answer,
                                        uint8_t *to,
                                        size_t size,
                                        HttpFault *fault,
                                        size_t *count);

/// Gives up what was not read.
///
/// # Safety
/// `answer` is null or a live answer, not used afterwards.
void tairitsu_bridge_http_answer_free(HttpAnswer *answer);

/// Writes the WIT of a component, of a core module that carries its world, or of a WIT package encoded
/// as WebAssembly, binary or text, into a new buffer. Other packages are nested after the main one.
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_inspect_wit(Bytes bytes, Buffer **out);

/// Writes the binary of WebAssembly text, or a binary as it is, into a new buffer.
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_to_binary(Bytes bytes, Buffer **out);

/// The same as `tairitsu_bridge_inspect_wit` of a `.wit` file or of a folder, see [`wit::load`].
///
/// # Safety
/// `path` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_inspect_wit_source(Bytes path, Bytes features, Buffer **out);

/// Tells what a component, a core module, an encoded WIT package or a precompiled artifact has in it. The
/// buffer holds a JSON object, see [`Information`].
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_inspect(Bytes bytes, Buffer **out);

/// Makes a linker with the given parts of WASI in it, of which each is a bit: see
/// `tairitsu_bridge_wasi_part`. Those of 0.3 need an interruptible one.
///
/// # Safety
/// `engine` is live, `out` valid for a write.
Error *tairitsu_bridge_linker_new(const Engine *engine, uint8_t wasi, bool interruptible, Linker **out);

/// # Safety
/// `linker` is null or live, not used afterwards.
void tairitsu_bridge_linker_free(Linker *linker);

/// Defines a function in `interface`, or at the root where that is empty.
///
/// # Safety
/// `linker` is live, the rest readable; the callback may be called from any thread that runs a
/// container, as often as its guest likes.
Error *tairitsu_bridge_linker_define_function(Linker *linker,
                                              Bytes interface,
                                              Bytes name,
                                              const HostFunctionDefinition *definition);

/// Defines a resource of the host. `resource_type` is its id, the same in every handle of it.
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

/// Stores made from it keep what they need.
///
/// # Safety
/// `pre` is null or live, not used afterwards.
void tairitsu_bridge_instance_pre_free(InstancePre *pre);

/// Compiles a core module from a binary or from text.
///
/// # Safety
/// `engine` is live, `bytes` readable, `out` valid for a write.
Error *tairitsu_bridge_module_compile(const Engine *engine, Bytes bytes, Module **out);

/// Loads a precompiled artifact from a file, which is mapped and must not change while in use.
///
/// # Safety
/// As for `tairitsu_bridge_module_compile`; and the artifact comes from a trusted source, for its machine code
/// runs as it is.
Error *tairitsu_bridge_module_from_trusted_artifact_file(const Engine *engine,
                                                         Bytes path,
                                                         Module **out);

/// The same of a cache's file, which was put there with the key and under the name: `ArtifactDamaged` if not, before
/// any of its code is mapped.
///
/// # Safety
/// `engine` is live; `path`, `key` and `name` readable; `out` valid for a write. Nobody but the key's owner has it.
Error *tairitsu_bridge_module_from_sealed_artifact_file(const Engine *engine,
                                                        Bytes path,
                                                        Bytes key,
                                                        Bytes name,
                                                        Module **out);

/// Whether the file is a precompiled artifact of a core module.
///
/// # Safety
/// `path` is readable, `out` valid for a write.
Error *tairitsu_bridge_artifact_is_module(Bytes path, bool *out);

/// Writes the compiled module as an artifact that the function above loads.
///
/// # Safety
/// `module` is live, `out` valid for a write.
Error *tairitsu_bridge_module_serialize(const Module *module, Buffer **out);

/// # Safety
/// `module` is null or live, not used afterwards.
void tairitsu_bridge_module_free(Module *module);

/// Starts a server for `pre`: it listens when this returns. The callbacks' `release` is called where this
/// fails, too.
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

/// Where the server listens, as `ADDRESS:PORT`; with `admin` where it answers for its operator, empty for
/// nowhere. Valid until the server is freed.
///
/// # Safety
/// `server` is live.
Bytes tairitsu_bridge_server_address(const Server *server, bool admin);

/// Takes no more connections and waits until those that are there have ended, but no longer than `nanoseconds`:
/// whether they did. Any thread but the server's own.
///
/// # Safety
/// `server` is live.
bool tairitsu_bridge_server_drain(const Server *server,
                                  uint64_t nanoseconds);

/// # Safety
/// `server` is live.
ServerStatistics tairitsu_bridge_server_statistics(const Server *server);

/// Cuts off what runs, after waiting for it for some seconds at most.
///
/// # Safety
/// `server` is null or live, not used afterwards.
void tairitsu_bridge_server_free(Server *server);

/// Begins a stream. Freed by `tairitsu_bridge_sha256_free`; null only where there is no memory left.
Sha256Stream *tairitsu_bridge_sha256_new();

/// # Safety
/// `stream` is a live stream, and `bytes` are readable.
void tairitsu_bridge_sha256_update(Sha256Stream *stream, Bytes bytes);

/// Writes the 32 bytes of the hash to `to`; the stream begins anew.
///
/// # Safety
/// `stream` is a live stream, and `to` points at 32 writable bytes.
void tairitsu_bridge_sha256_finish(Sha256Stream *stream, uint8_t *to);

/// # Safety
/// `stream` is null or a live stream, not used afterwards.
void tairitsu_bridge_sha256_free(Sha256Stream *stream);

/// Makes a store for an instance of `pre`.
///
/// # Safety
/// `engine` and `pre` are live and of one engine, `config` readable, its `wasi` null or live, `out` valid for a
/// write; `config.context` outlives the store.
Error *tairitsu_bridge_store_new(const Engine *engine,
                                 const InstancePre *pre,
                                 const StoreConfig *config,
                                 Store **out);

/// Makes a store for one run of a core module.
///
/// # Safety
/// As for `tairitsu_bridge_store_new`; `config.wasi` is not null.
Error *tairitsu_bridge_store_new_for_module(const Engine *engine, const StoreConfig *config, Store **out);

/// Runs a core module as a command. That it ends by `proc_exit` is the error `GuestExited`.
///
/// # Safety
/// `store` was made by `tairitsu_bridge_store_new_for_module`, for the engine of `module`, and is used once.
Error *tairitsu_bridge_store_run_module(Store *store, const Module *module);

/// Calls a function of the type of `wasi:cli/run#run`, of 0.2 or 0.3: whether it succeeded.
///
/// # Safety
/// `store` is live and instantiated, and no call runs in it; `export` is of its component, `out` valid for a
/// write.
Error *tairitsu_bridge_store_run_command(Store *store, const ExportIndex *export_, bool *out);

/// Instantiates the component in the store: the guest's initialisers run.
///
/// # Safety
/// `store` is live and was made for `pre`, which is live.
Error *tairitsu_bridge_store_instantiate(Store *store, const InstancePre *pre);

/// Frees the store and the guest in it. No guest code runs.
///
/// # Safety
/// `store` is null or live, not used afterwards, and no call runs in it.
void tairitsu_bridge_store_free(Store *store);

/// The function behind an export, in this store. The C++ side has checked its type.
///
/// # Safety
/// `store` and `export` are live and of one component, `out` valid for a write.
Error *tairitsu_bridge_store_function(Store *store, const ExportIndex *export_, Function **out);

/// # Safety
/// `function` is null or live, not used afterwards.
void tairitsu_bridge_function_free(Function *function);

/// Calls a function: `frame` lowers its parameters and lifts its result. After an error the guest
/// must not be entered again.
///
/// # Safety
/// `store` is live and `function` is of it; no other call runs in the store; `frame` is live.
Error *tairitsu_bridge_store_call(Store *store, const Function *function, abi::Frame *frame);

/// Drops a guest's resource: its destructor runs in the guest where the handle owns it.
///
/// # Safety
/// `store` is live and no call runs in it; `handle` came from it and is not used afterwards.
Error *tairitsu_bridge_store_drop_resource(Store *store, const abi::Handle *handle);

/// The fuel that is left; an error where the engine does not count fuel.
///
/// # Safety
/// `store` is live and no call runs in it, `out` valid for a write.
Error *tairitsu_bridge_store_fuel(const Store *store, uint64_t *out);

/// Sets the fuel that is left.
///
/// # Safety
/// `store` is live and no call runs in it.
Error *tairitsu_bridge_store_set_fuel(Store *store, uint64_t fuel);

/// The bytes of linear memory that the guest has.
///
/// # Safety
/// `store` is live and no call runs in it.
uint64_t tairitsu_bridge_store_memory_bytes(const Store *store);

/// What the guest has written so far to a captured stream: 0 standard output, 1 standard error.
///
/// # Safety
/// `store` is live and no call runs in it, `out` valid for a write.
Error *tairitsu_bridge_store_captured(const Store *store, uint32_t stream, Buffer **out);

/// Whether the guest tried to write more to a captured stream than is kept.
///
/// # Safety
/// `store` is live and no call runs in it.
bool tairitsu_bridge_store_captured_is_truncated(const Store *store, uint32_t stream);

/// A handle that cuts off the store's calls; it may outlive the store.
///
/// # Safety
/// `store` is live.
InterruptHandle *tairitsu_bridge_store_interrupt_handle(const Store *store);

/// Cuts off the call that runs now, if one does; `for_good` also those that come. Where the guest
/// computes, the engine's epoch has to move on for it to notice. Any thread.
///
/// # Safety
/// `handle` is live.
void tairitsu_bridge_interrupt(const InterruptHandle *handle, bool for_good);

/// # Safety
/// `handle` is null or live, not used afterwards.
void tairitsu_bridge_interrupt_handle_free(InterruptHandle *handle);

/// # Safety
/// `text` is readable.
bool tairitsu_bridge_is_utf8(Bytes text);

/// The part of WASI that `interface` is in, e.g. `wasi:io/streams@0.2.9`, as a bit for
/// `tairitsu_bridge_linker_new`; 0 where the linkers do not define it.
///
/// # Safety
/// `interface` is readable.
uint8_t tairitsu_bridge_wasi_part(Bytes interface);

/// Reads a policy. Stores can share it; it outlives their making, not them. The callbacks' `release` is
/// called where this fails, too.
///
/// # Safety
/// `json` is readable, `callbacks` null or readable, `out` valid for a write.
Error *tairitsu_bridge_wasi_policy_new(Bytes json, const WasiCallbacks *callbacks, WasiPolicy **out);

/// # Safety
/// `policy` is null or live, not used afterwards.
void tairitsu_bridge_wasi_policy_free(WasiPolicy *policy);

/// Reads WIT and chooses a world, see [`load`] and [`select_world`]. The buffer holds a JSON object:
/// `world` is an index into the `worlds` of `resolve`, which is as wit-parser writes it.
///
/// # Safety
/// `path`, `world` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_wit_resolve(Bytes path, Bytes world, Bytes features, Buffer **out);

/// Reads WIT without choosing a world, see [`load`]. The buffer holds a JSON object: `package` is an
/// index into the `packages` of `resolve`, which is as wit-parser writes it.
///
/// # Safety
/// `path` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_wit_load(Bytes path, Bytes features, Buffer **out);

/// The same of the text of a `.wit` file.
///
/// # Safety
/// `text` and `features` are readable during the call; `out` is valid for a write.
Error *tairitsu_bridge_wit_parse(Bytes text, Bytes features, Buffer **out);

/// Writes the component's world, as the module's documentation says, into a new buffer.
///
/// # Safety
/// `component` is live; `out` is valid for a write.
Error *tairitsu_bridge_component_world(const Component *component, Buffer **out);

}  // extern "C"

}  // namespace bridge
}  // namespace tairitsu
