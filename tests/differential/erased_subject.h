/// A subject that uses only the codec of its type.
///
/// Calls of the public templates cost the compiler about two seconds per type, mostly for code that does not
/// depend on the type. This subject instantiates only the codec. The code around it, which chooses between flat
/// slots and memory in `CallFrame` and `TypedHostFunction`, is repeated without types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tairitsu/detail/signature.h>

#include "subject.h"

namespace differential {

/// A type-erased C++ type: its codec, and the functions of values.h.
struct Operations {
  std::uint32_t size;
  std::uint32_t align;
  std::uint32_t flat_count;
  bool in_memory;
  bool needs_check;
  tairitsu::Type (*type)();
  bool (*check)(tairitsu::detail::CheckContext&, const void*);
  bool (*lower)(tairitsu::detail::LowerContext&, const void*, tairitsu::abi::Slot*&);
  bool (*store)(tairitsu::detail::LowerContext&, const void*, std::size_t);
  bool (*lift)(tairitsu::detail::LiftContext&, const tairitsu::abi::Slot*&, void*);
  bool (*load)(tairitsu::detail::LiftContext&, std::size_t, void*);
  void* (*make)();
  void (*destroy)(void*);
  void (*fill)(Random&, void*);  ///< Null for views.
  void (*print)(const void*, std::string&);
};

template <typename T, bool IsView>
[[nodiscard]] constexpr Operations operations_of() {
  using Codec = tairitsu::detail::Codec<T>;
  using namespace tairitsu::detail;
  using tairitsu::abi::Slot;
  Operations operations{
      .size = Codec::size,
      .align = Codec::align,
      .flat_count = Codec::flat_count,
      .in_memory = Codec::in_memory,
      .needs_check = Codec::needs_check,
      .type = &Codec::type,
      .check = [](CheckContext& cx,
                  const void* value) { return Codec::check(cx, *static_cast<const T*>(value)); },
      .lower = [](LowerContext& cx, const void* value,
                  Slot*& slot) { return Codec::lower(cx, *static_cast<const T*>(value), slot); },
      .store = [](LowerContext& cx, const void* value,
                  std::size_t address) { return Codec::store(cx, *static_cast<const T*>(value), address); },
      .lift = [](LiftContext& cx, const Slot*& slot,
                 void* value) { return Codec::lift(cx, slot, *static_cast<T*>(value)); },
      .load = [](LiftContext& cx, std::size_t address,
                 void* value) { return Codec::load(cx, address, *static_cast<T*>(value)); },
      .make = []() -> void* { return new T(); },
      .destroy = [](void* value) { delete static_cast<T*>(value); },
      .fill = nullptr,
      .print = [](const void* value,
                  std::string& out) { Value<T>::print(*static_cast<const T*>(value), out); },
  };
  if constexpr (!IsView) {
    operations.fill = [](Random& random, void* value) { Value<T>::fill(random, *static_cast<T*>(value)); };
  }
  return operations;
}

template <typename T, bool IsView = false>
inline constexpr Operations kOperations = operations_of<T, IsView>();

/// A type-erased value.
class Box {
 public:
  explicit Box(const Operations& operations)
      : operations_(&operations), value_(operations.make(), operations.destroy) {}

  [[nodiscard]] const Operations& operations() const noexcept { return *operations_; }
  [[nodiscard]] void* get() const noexcept { return value_.get(); }

  void fill(Random& random) {
    *this = Box(*operations_);
    operations_->fill(random, get());
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    operations_->print(get(), out);
    return out;
  }

 private:
  const Operations* operations_;
  std::unique_ptr<void, void (*)(void*)> value_;
};

/// The operations of a type, of lists of it, and of lists of its views.
struct OperationsOfSubject {
  const Operations* value;
  const Operations* list;
  const Operations* list_of_views;
};

/// A subject with type-erased values.
class BoxedSubject : public Subject {
 public:
  explicit BoxedSubject(const OperationsOfSubject& operations)
      : operations_(operations),
        value_(*operations.value),
        other_(*operations.value),
        list_(*operations.list),
        byte_(kOperations<std::uint8_t>) {}

  [[nodiscard]] tairitsu::Type type() const override { return operations_.value->type(); }

  void fill(Random& random) override {
    for (Box* box : {&value_, &other_, &list_, &byte_}) box->fill(random);
    value_text = value_.text();
    list_text = list_.text();
    swap_arguments = value_text + '\n' + byte_.text() + '\n' + other_.text();
    swapped_text = '(' + other_.text() + ',' + byte_.text() + ',' + value_text + ')';
  }

 protected:
  OperationsOfSubject operations_;
  Box value_;
  Box other_;
  Box list_;
  Box byte_;
};

[[nodiscard]] std::unique_ptr<Subject> make_erased_subject(const OperationsOfSubject& operations);
/// As `make_erased_subject`, but calls pass dynamic values.
[[nodiscard]] std::unique_ptr<Subject> make_dynamic_subject(const OperationsOfSubject& operations);

/// Registers a type for both kinds of subjects. Used by generated files.
template <typename T, typename View>
struct Register {
  explicit Register(const char* name) {
    subjects().push_back({name, [] { return make_erased_subject(kAll); }});
    subjects().push_back({std::string(name) + "_dynamic", [] { return make_dynamic_subject(kAll); }});
  }
  static constexpr OperationsOfSubject kAll{&kOperations<T>, &kOperations<std::vector<T>>,
                                            &kOperations<std::vector<View>, !std::is_same_v<T, View>>};
};

}  // namespace differential
