option(TAIRITSU_WERROR "Treat compiler warnings as errors" OFF)

# The warnings for our own code. Users of the library do not inherit them.
function(tairitsu_enable_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False positives in std::string's operator+ (GCC bug 105651), and in copies of empty std::optional and
    # std::expected objects.
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-array-bounds -Wno-maybe-uninitialized)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A unity build includes the sources, so GCC treats their anonymous namespaces like those of headers.
    get_target_property(unity ${target} UNITY_BUILD)
    if(unity)
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # std::stable_sort of libstdc++ 12 uses a deprecated function.
    target_compile_options(${target} PRIVATE -Wno-deprecated-declarations)
  endif()
  if(TAIRITSU_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
