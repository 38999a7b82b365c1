# tairitsu_add_bindings(<target> WIT <file-or-directory> [WORLD <world>] [FEATURES <name>...]
#                       [HEADER_ONLY] [IMPLEMENT_WASI])
#
# Generates the host bindings of a world and adds them to <target>, whose sources include "<world>.h" (with
# underscores instead of the hyphens in the world's name). WORLD defaults to the name of the WIT file. You can call
# this several times for a target. If several targets use the same world, add its bindings to a library and link the
# targets with that.
#
# HEADER_ONLY does not generate a source file. With IMPLEMENT_WASI, the host implements WASI's imports too.

# Used by the functions of this package after cmake_parse_arguments with the prefix `arg`. Sets `arg_WORLD` if it is
# empty, `stem` (the beginning of the names of generated files), and `wit_files` (the files that they depend on).
macro(tairitsu_choose_world caller)
  set(wit_files "${arg_WIT}")
  if(IS_DIRECTORY "${arg_WIT}")
    file(GLOB_RECURSE wit_files CONFIGURE_DEPENDS "${arg_WIT}/*.wit")
  endif()
  if(NOT arg_WORLD)
    # CMake needs the file names before the program that reads the WIT is built.
    if(IS_DIRECTORY "${arg_WIT}")
      message(FATAL_ERROR "${caller}: WORLD is missing, which a WIT directory requires")
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
    message(FATAL_ERROR "tairitsu_add_bindings(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_WIT)
    message(FATAL_ERROR "tairitsu_add_bindings(${target}): WIT is missing")
  endif()
  cmake_path(ABSOLUTE_PATH arg_WIT)
  if(NOT EXISTS "${arg_WIT}")
    message(FATAL_ERROR "tairitsu_add_bindings(${target}): ${arg_WIT}: not found")
  endif()
  tairitsu_choose_world("tairitsu_add_bindings(${target})")
  set(directory "${CMAKE_CURRENT_BINARY_DIR}/tairitsu_bindings/${target}")
  set(files "${directory}/${stem}.h")
  set(options)
  if(arg_HEADER_ONLY)
    list(APPEND options --header-only)
  else()
    list(APPEND files "${directory}/${stem}.cc")
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
    COMMAND tairitsu::cli bindgen host "${arg_WIT}" --world "${arg_WORLD}" --output "${directory}" ${options}
    COMMAND "${CMAKE_COMMAND}" -E touch_nocreate ${files}
    DEPENDS tairitsu::cli ${wit_files}
    COMMENT "Generating host bindings of ${arg_WORLD}"
    VERBATIM)
  # The sources of two worlds may define the same interfaces, so they cannot share a translation unit.
  set_source_files_properties(${files} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${files})
  get_target_property(kind ${target} TYPE)
  set(scope PUBLIC)
  if(kind STREQUAL "EXECUTABLE")
    set(scope PRIVATE)
  endif()
  target_include_directories(${target} ${scope} "$<BUILD_INTERFACE:${directory}>")
endfunction()
