# Defines what `cmake --install` and `cpack -G DEB` install: the shared and the static library, the program, the
# headers, and the package files for CMake and pkg-config.
#
# Inside the source tree, everything links with the target `tairitsu`. The installed libraries consist of the same
# objects and of the bridge as a single object, in which only the symbols `tairitsu_bridge_*` are global. Rust's archive
# also has global C symbols, such as ZSTD_compress, which would clash with a user's own libraries.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(tairitsu_package "${PROJECT_BINARY_DIR}/package")
set(tairitsu_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tairitsu")

# ---- The bridge as one object

file(READ "${PROJECT_SOURCE_DIR}/bridge/include/tairitsu_bridge.h" bridge_header)
string(REGEX MATCHALL "tairitsu_bridge_[a-z0-9_]+\\(" bridge_functions "${bridge_header}")
list(TRANSFORM bridge_functions REPLACE "^(.*)\\($" "-Wl,-u,\\1" OUTPUT_VARIABLE bridge_roots)
list(REMOVE_DUPLICATES bridge_roots)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
                                       "${PROJECT_SOURCE_DIR}/bridge/include/tairitsu_bridge.h")
file(MAKE_DIRECTORY "${tairitsu_package}")
list(JOIN bridge_roots "\n" bridge_roots)
file(CONFIGURE OUTPUT "${tairitsu_package}/bridge-roots" CONTENT "${bridge_roots}\n" @ONLY)

set(bridge_object "${tairitsu_package}/tairitsu_bridge.o")
set(bridge_script "${PROJECT_SOURCE_DIR}/cmake/tairitsu-bridge-object.ld")
# --force-group-allocation dissolves section groups: a linker would discard them in favour of another library's groups
# with the same names.
add_custom_command(
  OUTPUT "${bridge_object}"
  COMMAND
    "${CMAKE_CXX_COMPILER}" -fuse-ld=bfd -r -nostdlib -Wl,--gc-sections -Wl,--force-group-allocation
    "-Wl,-T,${bridge_script}" "@${tairitsu_package}/bridge-roots" "${tairitsu_bridge_archive}" -o
    "${bridge_object}.all"
  COMMAND "${CMAKE_OBJCOPY}" --strip-unneeded --wildcard "--keep-global-symbol=tairitsu_bridge_*"
          "${bridge_object}.all" "${bridge_object}"
  COMMAND "${CMAKE_COMMAND}" -E rm "${bridge_object}.all"
  DEPENDS tairitsu_bridge_cargo "${tairitsu_bridge_archive}" "${bridge_script}"
          "${tairitsu_package}/bridge-roots"
  COMMENT "Linking the bridge into one object"
  VERBATIM)
# Both libraries use the object, so a target builds it once.
add_custom_target(tairitsu_bridge_object DEPENDS "${bridge_object}")
set_source_files_properties("${bridge_object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)

# ---- The libraries

add_library(tairitsu_shared SHARED ${tairitsu_objects} "${bridge_object}")
add_library(tairitsu_static STATIC ${tairitsu_objects} "${bridge_object}")
foreach(library IN ITEMS tairitsu_shared tairitsu_static)
  add_dependencies(${library} tairitsu_bridge_object)
  target_compile_features(${library} INTERFACE cxx_std_23)
  target_include_directories(${library} INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${library} PRIVATE Threads::Threads ${CMAKE_DL_LIBS} m)
  # lib/ already has another libtairitsu.a.
  set_target_properties(
    ${library}
    PROPERTIES OUTPUT_NAME tairitsu
               LINKER_LANGUAGE CXX
               ARCHIVE_OUTPUT_DIRECTORY "${tairitsu_package}"
               LIBRARY_OUTPUT_DIRECTORY "${tairitsu_package}")
endforeach()

set(export_map "${tairitsu_package}/tairitsu.map")
configure_file("${PROJECT_SOURCE_DIR}/cmake/tairitsu.map.in" "${export_map}" @ONLY)
# With -Bsymbolic-functions, calls inside the library cannot be interposed.
target_link_options(
  tairitsu_shared PRIVATE -fuse-ld=bfd "LINKER:--version-script=${export_map}" LINKER:-z,defs
  LINKER:-Bsymbolic-functions)
# Until 1.0.0, minor versions may change the ABI.
set_target_properties(
  tairitsu_shared
  PROPERTIES EXPORT_NAME tairitsu
             VERSION "${PROJECT_VERSION}"
             SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}"
             LINK_DEPENDS "${export_map}")
set_target_properties(tairitsu_cli PROPERTIES EXPORT_NAME cli)

# ---- What is installed

# The static library has its own export file, because only its users need Threads.
install(TARGETS tairitsu_shared tairitsu_cli EXPORT tairitsuTargets)
install(TARGETS tairitsu_static EXPORT tairitsuStaticTargets)
foreach(export IN ITEMS tairitsuTargets tairitsuStaticTargets)
  install(EXPORT ${export} NAMESPACE tairitsu:: DESTINATION "${tairitsu_cmake_dir}")
endforeach()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tairitsu" TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
# The documentation has the same layout as in the source tree, so that its links work. Links to headers go through a
# symbolic link.
file(GLOB documents CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/*.md")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" ${documents} TYPE DOC)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" "${PROJECT_SOURCE_DIR}/examples" TYPE DOC
        PATTERN "__pycache__" EXCLUDE PATTERN "target" EXCLUDE PATTERN "node_modules" EXCLUDE)
file(RELATIVE_PATH headers_link "${CMAKE_INSTALL_FULL_DOCDIR}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
file(CREATE_LINK "${headers_link}" "${tairitsu_package}/include" SYMBOLIC)
install(FILES "${tairitsu_package}/include" TYPE DOC)
install(FILES "${PROJECT_SOURCE_DIR}/cmake/tsan-suppressions.txt" DESTINATION "${CMAKE_INSTALL_DATADIR}/tairitsu")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/tairitsuConfig.cmake.in" "${tairitsu_package}/tairitsuConfig.cmake"
  INSTALL_DESTINATION "${tairitsu_cmake_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${tairitsu_package}/tairitsuConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(
  FILES "${tairitsu_package}/tairitsuConfig.cmake" "${tairitsu_package}/tairitsuConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/TairitsuBindings.cmake" "${PROJECT_SOURCE_DIR}/cmake/TairitsuGuest.cmake"
  DESTINATION "${tairitsu_cmake_dir}")

# Paths are relative to the .pc file, unless the directories are absolute.
foreach(directory IN ITEMS LIB INCLUDE)
  string(TOLOWER "pc_${directory}dir" variable)
  set(${variable} "\${prefix}/${CMAKE_INSTALL_${directory}DIR}")
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${directory}DIR}")
    set(${variable} "${CMAKE_INSTALL_${directory}DIR}")
  endif()
endforeach()
file(RELATIVE_PATH pc_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
foreach(pc IN ITEMS tairitsu.pc tairitsu-static.pc)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${pc}.in" "${tairitsu_package}/${pc}" @ONLY)
  install(FILES "${tairitsu_package}/${pc}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()

# ---- The Debian package

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tairitsu)
set(CPACK_PACKAGE_VENDOR Tairitsu)
set(CPACK_PACKAGE_CONTACT Tairitsu)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "WebAssembly component runtime for C++ programs")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Tairitsu runs WebAssembly components in C++ programs: images, containers and
a registry, with typed calls both ways that are checked against WIT.

This package has the shared and the static library, the headers, and the
program tairitsu, which generates bindings and makes components.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_THREADS 0)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
    "g++ (>= 4:12), cmake (>= 3.25), clang-19, lld-19, wasi-libc, \
libclang-rt-19-dev-wasm32, libc++-19-dev-wasm32, libc++abi-19-dev-wasm32")
if(PROJECT_IS_TOP_LEVEL)
  include(CPack)
endif()
