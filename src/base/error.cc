#include "tairitsu/error.h"

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tairitsu {

struct Error::Data {
  ErrorCode code;
  std::string message;  ///< Ends with the advice.
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
  // Remove the previous advice and the line break before it.
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

namespace detail {

std::string current_exception_message() {
  try {
    throw;
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

}  // namespace detail

}  // namespace tairitsu
