#include <string>

#include "greeter_cpp.h"

namespace exports::greeter {

wit::string Greet(wit::string name) {
  ::example::greeter::host::Log("greeting " + name.to_string());
  return wit::string::from_view("Hello, " + name.to_string() + "!");
}

void Fail() { __builtin_trap(); }

}  // namespace exports::greeter
