option(TAIRITSU_WERROR "Treat compiler warnings as errors" OFF)

# Our own code is compiled with these; a user of the library is not asked to.
function(tairitsu_enable_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarms in std::string's operator+, GCC bug 105651, and in copies of std::optional and
    # std::expected that hold nothing.
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-array-bounds -Wno-maybe-uninitialized)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # In a unity build the sources are included, and GCC takes their anonymous namespaces for those of headers.
    get_target_property(unity ${target} UNITY_BUILD)
    if(unity)
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # libstdc++ 12 uses what it deprecates, in std::stable_sort.
    target_compile_options(${target} PRIVATE -Wno-deprecated-declarations)
  endif()
  if(TAIRITSU_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
