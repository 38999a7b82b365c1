// A panic unwinds inside the bridge even if the bridge is one object with hidden Rust symbols.
#include <cstdint>
#include <iostream>

extern "C" void* tairitsu_bridge_panic_for_test();
extern "C" std::uint8_t tairitsu_bridge_error_code(const void* error);
extern "C" void tairitsu_bridge_error_free(void* error);

int main() {
  void* error = tairitsu_bridge_panic_for_test();
  if (error == nullptr) return 1;
  std::cout << "the panic was returned as error code " << int{tairitsu_bridge_error_code(error)} << '\n';
  tairitsu_bridge_error_free(error);
}
