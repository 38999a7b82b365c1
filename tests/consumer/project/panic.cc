// A panic unwinds inside the bridge, also where the bridge is one object with Rust's names hidden.
#include <cstdint>
#include <iostream>

extern "C" void* tairitsu_bridge_panic_for_test();
extern "C" std::uint8_t tairitsu_bridge_error_code(const void* error);
extern "C" void tairitsu_bridge_error_free(void* error);

int main() {
  void* error = tairitsu_bridge_panic_for_test();
  if (error == nullptr) return 1;
  std::cout << "the panic came back as the error code " << int{tairitsu_bridge_error_code(error)} << '\n';
  tairitsu_bridge_error_free(error);
}
