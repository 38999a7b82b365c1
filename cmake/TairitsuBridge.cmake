# The Rust bridge as the imported library `tairitsu_bridge`. Cargo decides what is out of date, and
# always builds optimised: every preset, sanitizers too, shares one cargo target folder, which is
# outside the build folder so that cleaning that one does not cost a Wasmtime build.

find_program(TAIRITSU_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT TAIRITSU_CARGO)
  message(FATAL_ERROR "cargo was not found: install Rust 1.95 or newer")
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
  COMMENT "Building the bridge (the first time takes some minutes)"
  USES_TERMINAL)

find_package(Threads REQUIRED)
add_library(tairitsu_bridge STATIC IMPORTED GLOBAL)
add_dependencies(tairitsu_bridge tairitsu_bridge_cargo)
set_target_properties(
  tairitsu_bridge
  PROPERTIES IMPORTED_LOCATION "${tairitsu_bridge_archive}"
             INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/bridge/include"
             INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
