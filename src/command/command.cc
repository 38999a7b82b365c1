#include "tairitsu/command.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <ranges>

#include <fmt/format.h>

#include "base/nearest.h"
#include "tairitsu/function.h"

namespace tairitsu {
namespace {

std::string name_of(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      ::abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : type.name();
}

Error mismatch(std::string_view name, const std::type_info& wanted, const std::type_info& given) {
  const std::string wanted_name = name_of(wanted);
  const std::string given_name = name_of(given);
  return Error(ErrorCode::type_mismatch,
               fmt::format("command '{}' takes '{}', not {}'{}'", name, wanted_name,
                           given_name == wanted_name ? "another translation unit's " : "", given_name));
}

}  // namespace

// ---- WitCommandDispatcher ---------------------------------------------------------------------------

Result<void> WitCommandDispatcher::add(std::string name, std::shared_ptr<void> handler,
                                       const std::type_info& command) {
  if (name.empty()) return fail(ErrorCode::invalid_argument, "empty command name");
  if (handler == nullptr) {
    return fail(ErrorCode::invalid_argument, fmt::format("command '{}': the handler is null", name));
  }
  const std::scoped_lock lock(mutex_);
  const auto [entry, added] = handlers_.try_emplace(std::move(name));
  if (!added) {
    return fail(ErrorCode::already_exists, fmt::format("command '{}' already has a handler", entry->first));
  }
  entry->second = {.handler = std::move(handler), .command = &command, .pending = transaction()};
  return {};
}

Result<std::shared_ptr<void>> WitCommandDispatcher::find(std::string_view name,
                                                         const std::type_info& command) const {
  std::shared_ptr<void> handler;
  const std::type_info* wanted = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = handlers_.find(name);
    if (found != handlers_.end() && is_visible(found->second)) {
      handler = found->second.handler;
      wanted = found->second.command;
    }
  }
  if (handler == nullptr) return std::unexpected(not_found(name));
  if (*wanted != command) return std::unexpected(mismatch(name, *wanted, command));
  return handler;
}

Error WitCommandDispatcher::failed(std::string_view name, const Error& error) {
  return error.with_context(fmt::format("command '{}'", name));
}

Error WitCommandDispatcher::threw(std::string_view name) {
  return Error(ErrorCode::host_function,
               fmt::format("command '{}': the handler threw: {}", name, detail::current_exception_message()));
}

Error WitCommandDispatcher::not_found(std::string_view name) const {
  return Error(ErrorCode::not_found,
               fmt::format("no command '{}'{}", name, detail::suggestions("commands", name, names())));
}

bool WitCommandDispatcher::is_visible(const Entry& entry) {
  return entry.pending == nullptr || entry.pending->thread == std::this_thread::get_id();
}

bool WitCommandDispatcher::contains(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = handlers_.find(name);
  return found != handlers_.end() && is_visible(found->second);
}

std::vector<std::string> WitCommandDispatcher::names() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : handlers_) {
    if (is_visible(entry)) names.push_back(name);
  }
  return names;
}

std::size_t WitCommandDispatcher::size() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(handlers_, [](const auto& entry) { return is_visible(entry.second); }));
}

Result<void> WitCommandDispatcher::remove(std::string_view name) {
  std::shared_ptr<void> removed;  // Destroyed outside the lock.
  {
    const std::scoped_lock lock(mutex_);
    const auto found = handlers_.find(name);
    if (found != handlers_.end() && is_visible(found->second)) {
      removed = std::move(found->second.handler);
      handlers_.erase(found);
      return {};
    }
  }
  return std::unexpected(not_found(name));
}

Result<void> WitCommandDispatcher::register_interface(const WitInterface& interface) {
  auto done = all_or_nothing([&] { return interface.register_handlers(*this); });
  if (!done)
    return std::unexpected(done.error().with_context(fmt::format("interface '{}'", interface.name())));
  return {};
}

const WitCommandDispatcher::Transaction* WitCommandDispatcher::transaction() const {
  const auto inner_first = std::views::reverse(transactions_);
  const auto found = std::ranges::find(inner_first, std::this_thread::get_id(), &Transaction::thread);
  return found == inner_first.end() ? nullptr : *found;
}

Result<void> WitCommandDispatcher::all_or_nothing(const std::function<Result<void>()>& body) {
  const Transaction transaction{.thread = std::this_thread::get_id()};
  {
    const std::scoped_lock lock(mutex_);
    transactions_.push_back(&transaction);
  }
  Result<void> done;
  try {
    done = body();
  } catch (...) {
    done =
        fail(ErrorCode::host_function, "registering handlers threw: " + detail::current_exception_message());
  }
  end(transaction, done.has_value());
  return done;
}

void WitCommandDispatcher::end(const Transaction& transaction, bool keep) {
  decltype(handlers_) dropped;  // Destroyed outside the lock.
  const std::scoped_lock lock(mutex_);
  std::erase(transactions_, &transaction);
  const Transaction* outer = this->transaction();
  for (auto entry = handlers_.begin(); entry != handlers_.end();) {
    const auto next = std::next(entry);
    if (entry->second.pending == &transaction) {
      entry->second.pending = outer;
      if (!keep) dropped.insert(handlers_.extract(entry));
    }
    entry = next;
  }
}

// ---- CompositeWitInterface --------------------------------------------------------------------------

CompositeWitInterface::CompositeWitInterface(std::string name) : name_(std::move(name)) {}

Result<void> CompositeWitInterface::add(std::unique_ptr<const WitInterface> interface) {
  if (interface == nullptr) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}': the interface is null", name_));
  }
  const auto same_name = [&](const auto& other) { return other->name() == interface->name(); };
  if (std::ranges::any_of(interfaces_, same_name)) {
    return fail(ErrorCode::already_exists,
                fmt::format("'{}' already has an interface '{}'", name_, interface->name()));
  }
  interfaces_.push_back(std::move(interface));
  return {};
}

std::vector<std::string> CompositeWitInterface::names() const {
  std::vector<std::string> names;
  names.reserve(interfaces_.size());
  for (const auto& interface : interfaces_) names.emplace_back(interface->name());
  return names;
}

std::string_view CompositeWitInterface::name() const { return name_; }

Result<void> CompositeWitInterface::register_handlers(WitCommandDispatcher& dispatcher) const {
  return dispatcher.all_or_nothing([&]() -> Result<void> {
    for (const auto& interface : interfaces_)
      TAIRITSU_RETURN_IF_ERROR(dispatcher.register_interface(*interface));
    return {};
  });
}

// ---- SharedState ------------------------------------------------------------------------------------

namespace detail {

bool StateMutex::lock() {
  // Relaxed: no other thread ever stores this thread's id.
  if (holder_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return false;
  mutex_.lock();
  holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  return true;
}

void StateMutex::unlock() {
  holder_.store(std::thread::id(), std::memory_order_relaxed);
  mutex_.unlock();
}

Error state_in_use() {
  return Error(
      ErrorCode::reentrant_call,
      "the state is already locked by this thread: a handler must not dispatch to another handler that "
      "shares its state");
}

}  // namespace detail
}  // namespace tairitsu
