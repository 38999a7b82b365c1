#include "engine/bridge.h"

#include <memory>
#include <string>

namespace tairitsu::bridge {
namespace {

// A switch instead of a cast: the compiler warns if the bridge adds a code.
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

// Both enumerations have the same values, so codes can also be passed to the bridge.
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

}  // namespace tairitsu::bridge
