# tairitsu_add_bindings(<target> WIT <file-or-folder> [WORLD <world>] [FEATURES <name>...]
#                       [HEADER_ONLY] [IMPLEMENT_WASI])
#
# Generates the host bindings of a world and gives them to <target>, which includes them as
# "<world>.h", with underscores for the hyphens of the world's name. WORLD may be left out where there
# is one whose name is that of the WIT file. May be called several times for one target. Where several
# targets use a world, give its bindings to a library of their own, which passes the headers on.
#
# HEADER_ONLY: no source file is generated. IMPLEMENT_WASI: the host implements WASI's imports too.

# For the functions of the package, whose arguments begin with `arg_`: completes `arg_WORLD`, and sets
# `stem`, what the names of generated files begin with, and `wit_files`, on which they depend.
macro(tairitsu_choose_world caller)
  set(wit_files "${arg_WIT}")
  if(IS_DIRECTORY "${arg_WIT}")
    file(GLOB_RECURSE wit_files CONFIGURE_DEPENDS "${arg_WIT}/*.wit")
  endif()
  if(NOT arg_WORLD)
    # CMake has to know the names of the files before there is anything to read the WIT.
    if(IS_DIRECTORY "${arg_WIT}")
      message(FATAL_ERROR "${caller}: WORLD is missing")
    endif()
    cmake_path(GET arg_WIT STEM LAST_ONLY arg_WORLD)
  endif()
  # A world of another package is `ns:pkg/name@version`.
  string(REGEX REPLACE "^.*/|@.*$" "" stem "${arg_WORLD}")
  string(REPLACE "-" "_" stem "${stem}")
  string(TOLOWER "${stem}" stem)
endmacro()

function(tairitsu_add_bindings target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "HEADER_ONLY;IMPLEMENT_WASI" "WIT;WORLD" "FEATURES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tairitsu_add_bindings(${target}): unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_WIT)
    message(FATAL_ERROR "tairitsu_add_bindings(${target}): WIT is missing")
  endif()
  cmake_path(ABSOLUTE_PATH arg_WIT)
  if(NOT EXISTS "${arg_WIT}")
    message(FATAL_ERROR "tairitsu_add_bindings(${target}): ${arg_WIT}: not found")
  endif()
  tairitsu_choose_world("tairitsu_add_bindings(${target})")
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/tairitsu_bindings/${target}")
  set(files "${folder}/${stem}.h")
  set(options)
  if(arg_HEADER_ONLY)
    list(APPEND options --header-only)
  else()
    list(APPEND files "${folder}/${stem}.cc")
  endif()
  if(arg_IMPLEMENT_WASI)
    list(APPEND options --implement-wasi)
  endif()
  if(arg_FEATURES)
    list(JOIN arg_FEATURES "," features)
    list(APPEND options --features "${features}")
  endif()
  add_custom_command(
    OUTPUT ${files}
    COMMAND tairitsu::cli bindgen host "${arg_WIT}" --world "${arg_WORLD}" --output "${folder}" ${options}
    COMMAND "${CMAKE_COMMAND}" -E touch_nocreate ${files}
    DEPENDS tairitsu::cli ${wit_files}
    COMMENT "Generating the host bindings of ${arg_WORLD}"
    VERBATIM)
  # The sources of two worlds may define the same interfaces, which one translation unit cannot.
  set_source_files_properties(${files} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${files})
  get_target_property(kind ${target} TYPE)
  set(scope PUBLIC)
  if(kind STREQUAL "EXECUTABLE")
    set(scope PRIVATE)
  endif()
  target_include_directories(${target} ${scope} "$<BUILD_INTERFACE:${folder}>")
endfunction()
