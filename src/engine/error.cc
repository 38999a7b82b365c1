#include "tairitsu/error.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/bridge.h"

namespace tairitsu {

struct Error::Data {
  ErrorCode code;
  std::string message;  ///< With the advice.
  std::string advice;
  std::string backtrace;
  std::string full_backtrace;
  int exit_status;
};

Error::Error(ErrorCode code, std::string message, std::string backtrace, int exit_status,
             std::string full_backtrace)
    : Error(std::make_shared<const Data>(code, std::move(message), std::string(), std::move(backtrace),
                                         std::move(full_backtrace), exit_status)) {}

Error::Error(std::shared_ptr<const Data> data) noexcept : data_(std::move(data)) {}

ErrorCode Error::code() const noexcept { return data_->code; }

const std::string& Error::message() const noexcept { return data_->message; }

const std::string& Error::advice() const noexcept { return data_->advice; }

const std::string& Error::backtrace() const noexcept { return data_->backtrace; }

const std::string& Error::full_backtrace() const noexcept {
  return data_->full_backtrace.empty() ? data_->backtrace : data_->full_backtrace;
}

int Error::exit_status() const noexcept { return data_->exit_status; }

Error Error::with_context(std::string_view context) const {
  Data data = *data_;
  data.message.insert(0, std::string(context) + ": ");
  return Error(std::make_shared<const Data>(std::move(data)));
}

Error Error::with_advice(std::string_view advice) const {
  Data data = *data_;
  // With the line break before it.
  if (!data.advice.empty()) data.message.resize(data.message.size() - data.advice.size() - 1);
  data.advice = advice;
  if (!advice.empty()) data.message.append("\n").append(advice);
  return Error(std::make_shared<const Data>(std::move(data)));
}

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::internal:
      return "internal";
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::io:
      return "io";
    case ErrorCode::not_wasm:
      return "not_wasm";
    case ErrorCode::invalid_component:
      return "invalid_component";
    case ErrorCode::is_core_module:
      return "is_core_module";
    case ErrorCode::is_component:
      return "is_component";
    case ErrorCode::artifact_mismatch:
      return "artifact_mismatch";
    case ErrorCode::artifact_damaged:
      return "artifact_damaged";
    case ErrorCode::missing_import:
      return "missing_import";
    case ErrorCode::type_mismatch:
      return "type_mismatch";
    case ErrorCode::unsupported_type:
      return "unsupported_type";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::ambiguous_name:
      return "ambiguous_name";
    case ErrorCode::already_exists:
      return "already_exists";
    case ErrorCode::in_use:
      return "in_use";
    case ErrorCode::trap:
      return "trap";
    case ErrorCode::invalid_value:
      return "invalid_value";
    case ErrorCode::host_function:
      return "host_function";
    case ErrorCode::fuel_exhausted:
      return "fuel_exhausted";
    case ErrorCode::deadline_exceeded:
      return "deadline_exceeded";
    case ErrorCode::interrupted:
      return "interrupted";
    case ErrorCode::memory_limit:
      return "memory_limit";
    case ErrorCode::table_limit:
      return "table_limit";
    case ErrorCode::instance_limit:
      return "instance_limit";
    case ErrorCode::handle_limit:
      return "handle_limit";
    case ErrorCode::copy_limit:
      return "copy_limit";
    case ErrorCode::pool_exhausted:
      return "pool_exhausted";
    case ErrorCode::reentrant_call:
      return "reentrant_call";
    case ErrorCode::container_stopped:
      return "container_stopped";
    case ErrorCode::container_failed:
      return "container_failed";
    case ErrorCode::guest_exited:
      return "guest_exited";
    case ErrorCode::async_abi_off:
      return "async_abi_off";
    case ErrorCode::untrusted_file:
      return "untrusted_file";
    case ErrorCode::digest_mismatch:
      return "digest_mismatch";
    case ErrorCode::invalid_manifest:
      return "invalid_manifest";
    case ErrorCode::network:
      return "network";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::registry_refused:
      return "registry_refused";
    case ErrorCode::size_limit:
      return "size_limit";
    case ErrorCode::descriptor_limit:
      return "descriptor_limit";
    case ErrorCode::compile_limit:
      return "compile_limit";
  }
  return "unknown";
}

namespace bridge {
namespace {

// A switch, not a cast: the compiler names a code that is new in the bridge.
constexpr ErrorCode to_error_code(Code code) noexcept {
  switch (code) {
    case Code::Internal:
      return ErrorCode::internal;
    case Code::InvalidArgument:
      return ErrorCode::invalid_argument;
    case Code::Io:
      return ErrorCode::io;
    case Code::NotWasm:
      return ErrorCode::not_wasm;
    case Code::InvalidComponent:
      return ErrorCode::invalid_component;
    case Code::IsCoreModule:
      return ErrorCode::is_core_module;
    case Code::IsComponent:
      return ErrorCode::is_component;
    case Code::ArtifactMismatch:
      return ErrorCode::artifact_mismatch;
    case Code::ArtifactDamaged:
      return ErrorCode::artifact_damaged;
    case Code::MissingImport:
      return ErrorCode::missing_import;
    case Code::TypeMismatch:
      return ErrorCode::type_mismatch;
    case Code::UnsupportedType:
      return ErrorCode::unsupported_type;
    case Code::NotFound:
      return ErrorCode::not_found;
    case Code::AmbiguousName:
      return ErrorCode::ambiguous_name;
    case Code::AlreadyExists:
      return ErrorCode::already_exists;
    case Code::InUse:
      return ErrorCode::in_use;
    case Code::Trap:
      return ErrorCode::trap;
    case Code::InvalidValue:
      return ErrorCode::invalid_value;
    case Code::HostFunction:
      return ErrorCode::host_function;
    case Code::FuelExhausted:
      return ErrorCode::fuel_exhausted;
    case Code::DeadlineExceeded:
      return ErrorCode::deadline_exceeded;
    case Code::Interrupted:
      return ErrorCode::interrupted;
    case Code::MemoryLimit:
      return ErrorCode::memory_limit;
    case Code::TableLimit:
      return ErrorCode::table_limit;
    case Code::InstanceLimit:
      return ErrorCode::instance_limit;
    case Code::HandleLimit:
      return ErrorCode::handle_limit;
    case Code::CopyLimit:
      return ErrorCode::copy_limit;
    case Code::PoolExhausted:
      return ErrorCode::pool_exhausted;
    case Code::ReentrantCall:
      return ErrorCode::reentrant_call;
    case Code::ContainerStopped:
      return ErrorCode::container_stopped;
    case Code::ContainerFailed:
      return ErrorCode::container_failed;
    case Code::GuestExited:
      return ErrorCode::guest_exited;
    case Code::AsyncAbiOff:
      return ErrorCode::async_abi_off;
    case Code::UntrustedFile:
      return ErrorCode::untrusted_file;
    case Code::DigestMismatch:
      return ErrorCode::digest_mismatch;
    case Code::InvalidManifest:
      return ErrorCode::invalid_manifest;
    case Code::Network:
      return ErrorCode::network;
    case Code::Unauthorized:
      return ErrorCode::unauthorized;
    case Code::RegistryRefused:
      return ErrorCode::registry_refused;
    case Code::SizeLimit:
      return ErrorCode::size_limit;
    case Code::DescriptorLimit:
      return ErrorCode::descriptor_limit;
    case Code::CompileLimit:
      return ErrorCode::compile_limit;
  }
  return ErrorCode::internal;
}

// Both enumerations have the same values, so that codes can also be passed to the bridge.
constexpr bool codes_agree() {
  for (int value = 1; value <= static_cast<int>(ErrorCode::compile_limit); ++value) {
    if (to_error_code(static_cast<Code>(value)) != static_cast<ErrorCode>(value)) return false;
  }
  return true;
}
static_assert(codes_agree());

}  // namespace

tairitsu::Error take_error(Error* error) {
  const std::unique_ptr<Error, Deleter<tairitsu_bridge_error_free>> owned(error);
  return tairitsu::Error(to_error_code(static_cast<Code>(tairitsu_bridge_error_code(error))),
                         std::string(as_text(tairitsu_bridge_error_message(error))),
                         std::string(as_text(tairitsu_bridge_error_backtrace(error))),
                         tairitsu_bridge_error_exit_status(error),
                         std::string(as_text(tairitsu_bridge_error_full_backtrace(error))));
}

}  // namespace bridge
}  // namespace tairitsu
