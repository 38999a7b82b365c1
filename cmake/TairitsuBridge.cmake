# Defines the Rust bridge as the imported library `tairitsu_bridge`. Cargo decides what is out of date, and always
# builds with optimisation. All presets, including sanitizers, share one cargo target directory. It is outside of the
# build directories, so that removing those does not require another build of Wasmtime.

find_program(TAIRITSU_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT TAIRITSU_CARGO)
  message(FATAL_ERROR "cargo not found: install Rust 1.95 or newer")
endif()

set(tairitsu_cargo_target "${PROJECT_SOURCE_DIR}/target")
if(DEFINED ENV{CARGO_TARGET_DIR})
  set(tairitsu_cargo_target "$ENV{CARGO_TARGET_DIR}")
  cmake_path(ABSOLUTE_PATH tairitsu_cargo_target BASE_DIRECTORY "${PROJECT_SOURCE_DIR}")
endif()
set(tairitsu_bridge_archive "${tairitsu_cargo_target}/release/libtairitsu_bridge.a")

add_custom_target(
  tairitsu_bridge_cargo
  COMMAND "${TAIRITSU_CARGO}" build --release --locked --package tairitsu-bridge
          --target-dir "${tairitsu_cargo_target}"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  BYPRODUCTS "${tairitsu_bridge_archive}"
  COMMENT "Building the bridge (the first build takes several minutes)"
  USES_TERMINAL)

find_package(Threads REQUIRED)
set(bridge_location "${tairitsu_bridge_archive}")
set(bridge_kind STATIC)
set(bridge_target tairitsu_bridge_cargo)
if(TAIRITSU_SANITIZE STREQUAL "thread")
  # Rust code is not instrumented, so the thread sanitizer does not see its locks and atomics. A separate shared library
  # makes it possible to suppress reports from the bridge only; see tests/tsan-suppressions.txt.
  set(bridge_location "${PROJECT_BINARY_DIR}/lib/libtairitsu_bridge.so")
  set(bridge_kind SHARED)
  set(bridge_target tairitsu_bridge_library)
  set(bridge_map "${PROJECT_BINARY_DIR}/bridge.map")
  file(CONFIGURE OUTPUT "${bridge_map}" CONTENT "{ global: tairitsu_bridge_*; local: *; };\n" @ONLY)
  add_custom_command(
    OUTPUT "${bridge_location}"
    COMMAND
      "${CMAKE_CXX_COMPILER}" -shared -Wl,-soname,libtairitsu_bridge.so -Wl,--whole-archive
      "${tairitsu_bridge_archive}" -Wl,--no-whole-archive -Wl,--gc-sections "-Wl,--version-script=${bridge_map}"
      -Wl,-z,defs -pthread -ldl -lm -o "${bridge_location}"
    DEPENDS tairitsu_bridge_cargo "${tairitsu_bridge_archive}" "${bridge_map}"
    COMMENT "Linking the bridge as a shared library"
    VERBATIM)
  add_custom_target(${bridge_target} DEPENDS "${bridge_location}")
endif()
add_library(tairitsu_bridge ${bridge_kind} IMPORTED GLOBAL)
add_dependencies(tairitsu_bridge ${bridge_target})
set_target_properties(
  tairitsu_bridge
  PROPERTIES IMPORTED_LOCATION "${bridge_location}"
             INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/bridge/include"
             INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
