/// A type under test, behind an interface without templates.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tairitsu/component.h>
#include <tairitsu/container.h>
#include <tairitsu/linker.h>
#include <tairitsu/type.h>

#include "values.h"

namespace differential {

/// Holds two values of its type, a list of them and a byte, and makes every typed call with them. Each call returns
/// the result as text.
class Subject {
 public:
  virtual ~Subject() = default;

  [[nodiscard]] virtual tairitsu::Type type() const = 0;
  /// Replaces the values, and sets their texts.
  virtual void fill(Random& random) = 0;

  virtual tairitsu::Result<void> define(tairitsu::Linker& linker) = 0;
  virtual tairitsu::Result<void> bind(const tairitsu::Component& component,
                                      const std::shared_ptr<tairitsu::detail::ContainerCore>& core) = 0;

  virtual tairitsu::Result<void> reset() = 0;
  virtual tairitsu::Result<void> put() = 0;
  virtual tairitsu::Result<std::string> get() = 0;
  /// As `get`, but through views into the guest if the type has any.
  virtual tairitsu::Result<std::string> view() = 0;
  virtual tairitsu::Result<std::string> relay() = 0;
  virtual tairitsu::Result<std::string> relay_list() = 0;
  virtual tairitsu::Result<std::string> swap() = 0;

  /// The texts of the value, the list, and the arguments and the result of `swap`.
  std::string value_text;
  std::string list_text;
  std::string swap_arguments;
  std::string swapped_text;
  /// The arguments of the last call of a host function, one per line.
  std::string seen;
};

struct SubjectFactory {
  std::string name;
  std::unique_ptr<Subject> (*make)();
};

/// All subjects, in the order in which they were registered.
std::vector<SubjectFactory>& subjects();

}  // namespace differential
