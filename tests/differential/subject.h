/// One type under test, behind an interface without templates.
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

/// Holds a value, a list and a byte of its type, and makes every typed call with them. Each call
/// gives the text of what came back.
class Subject {
 public:
  virtual ~Subject() = default;

  [[nodiscard]] virtual tairitsu::Type type() const = 0;
  /// Other values, and the texts of them.
  virtual void fill(Random& random) = 0;

  virtual tairitsu::Result<void> define(tairitsu::Linker& linker) = 0;
  virtual tairitsu::Result<void> bind(const tairitsu::Component& component,
                                      const std::shared_ptr<tairitsu::detail::ContainerCore>& core) = 0;

  virtual tairitsu::Result<void> reset() = 0;
  virtual tairitsu::Result<void> put() = 0;
  virtual tairitsu::Result<std::string> get() = 0;
  /// The same, read through views into the guest where the type has any.
  virtual tairitsu::Result<std::string> view() = 0;
  virtual tairitsu::Result<std::string> relay() = 0;
  virtual tairitsu::Result<std::string> relay_list() = 0;
  virtual tairitsu::Result<std::string> swap() = 0;

  /// What the value, the list, and the arguments and result of `swap` look like.
  std::string value_text;
  std::string list_text;
  std::string swap_arguments;
  std::string swapped_text;
  /// What a host function was called with last, its arguments one a line.
  std::string seen;
};

struct SubjectFactory {
  std::string name;
  std::unique_ptr<Subject> (*make)();
};

/// All of them, in the order of their names.
std::vector<SubjectFactory>& subjects();

}  // namespace differential
