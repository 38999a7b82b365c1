// A main function for the README's sample.
#include <iostream>

#include <tairitsu/error.h>

tairitsu::Result<std::string> greet(const char* file, std::string_view name);

int main(int, char** argv) {
  const auto greeting = greet(argv[1], "reader");
  std::cout << (greeting ? *greeting : greeting.error().message()) << '\n';
  return greeting && *greeting == "Hello, reader!" ? 0 : 1;
}
