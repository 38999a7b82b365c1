# tairitsu_add_guest(<name> SOURCES <file>... [WIT <file-or-directory> [WORLD <world>]] LANGUAGE C|CXX
#                    [COMMAND] [OPTIONS <compiler option>...] [OUTPUT <file>])
#
# Builds a component from C or C++ sources: generates the guest bindings of the world, compiles and links them with the
# sources, and turns the module into a component. OUTPUT defaults to ${CMAKE_BINARY_DIR}/guests/<name>.wasm. The sources
# include the bindings as "<world>.h" (C) or "<world>_cpp.h" (C++), with underscores instead of the hyphens in the
# world's name. WORLD defaults to the name of the WIT file. COMMAND is for programs with a main(), which need no WIT if
# they use only WASI.
#
# Adds the target <name>, whose property TAIRITSU_COMPONENT is the path of the component.

include("${CMAKE_CURRENT_LIST_DIR}/TairitsuBindings.cmake")

set(TAIRITSU_GUEST_DIRECTORY "${CMAKE_BINARY_DIR}/guests")

function(tairitsu_find_guest_compilers)
  find_program(TAIRITSU_GUEST_CLANG NAMES clang-19 DOC "Compiles guests written in C")
  find_program(TAIRITSU_GUEST_CLANGXX NAMES clang++-19 DOC "Compiles guests written in C++")
  if(NOT TAIRITSU_GUEST_CLANG OR NOT TAIRITSU_GUEST_CLANGXX)
    message(FATAL_ERROR "no compiler for guests found: apt-get install clang-19 lld-19 wasi-libc "
                        "libclang-rt-19-dev-wasm32 libc++-19-dev-wasm32 libc++abi-19-dev-wasm32")
  endif()
endfunction()

function(tairitsu_add_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "COMMAND" "WIT;WORLD;LANGUAGE;OUTPUT" "SOURCES;OPTIONS")
  foreach(needed IN ITEMS LANGUAGE SOURCES)
    if(NOT arg_${needed})
      message(FATAL_ERROR "tairitsu_add_guest(${name}): ${needed} is missing")
    endif()
  endforeach()
  if(NOT arg_WIT AND NOT arg_COMMAND)
    message(FATAL_ERROR "tairitsu_add_guest(${name}): WIT is missing, which is required without COMMAND")
  endif()
  tairitsu_find_guest_compilers()

  if(arg_WIT)
    cmake_path(ABSOLUTE_PATH arg_WIT)
    if(NOT EXISTS "${arg_WIT}")
      message(FATAL_ERROR "tairitsu_add_guest(${name}): ${arg_WIT}: not found")
    endif()
    tairitsu_choose_world("tairitsu_add_guest(${name})")
  endif()
  set(directory "${TAIRITSU_GUEST_DIRECTORY}/${name}.dir")
  set(component "${TAIRITSU_GUEST_DIRECTORY}/${name}.wasm")
  if(arg_OUTPUT)
    cmake_path(ABSOLUTE_PATH arg_OUTPUT BASE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}" OUTPUT_VARIABLE component)
  endif()
  set(bindings_directory "${directory}/bindings")
  set(type_object "${bindings_directory}/${stem}_component_type.o")
  if(arg_LANGUAGE STREQUAL "C")
    set(compiler "${TAIRITSU_GUEST_CLANG}")
    set(options -std=gnu17)
    set(language c)
    set(bindings "${bindings_directory}/${stem}.c" "${bindings_directory}/${stem}.h")
  elseif(arg_LANGUAGE STREQUAL "CXX")
    set(compiler "${TAIRITSU_GUEST_CLANGXX}")
    set(options -std=c++23 -fno-exceptions -stdlib=libc++)
    set(language cpp)
    set(bindings "${bindings_directory}/${stem}.cpp" "${bindings_directory}/${stem}_cpp.h")
  else()
    message(FATAL_ERROR "tairitsu_add_guest(${name}): invalid LANGUAGE '${arg_LANGUAGE}': expected C or CXX")
  endif()
  if(NOT arg_WIT)
    set(bindings)
    set(type_object)
  endif()
  list(APPEND options --target=wasm32-wasi -O2)
  set(kind --command)
  set(link_options)
  if(NOT arg_COMMAND)
    set(link_options -mexec-model=reactor)
    set(kind --reactor)
  endif()

  if(arg_WIT)
    add_custom_command(
      OUTPUT ${bindings} "${type_object}"
      COMMAND tairitsu::cli bindgen guest ${language} "${arg_WIT}" --world "${arg_WORLD}" --output
              "${bindings_directory}"
      DEPENDS tairitsu::cli ${wit_files}
      COMMENT "Generating the bindings of guest ${name}"
      VERBATIM)
  endif()

  # Each source is compiled separately and has its own dependency file. The bindings are compiled with the sources'
  # directories on the include path, because they include the classes of exported resources.
  set(objects)
  set(includes)
  foreach(source IN LISTS arg_SOURCES)
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(GET source PARENT_PATH source_directory)
    list(APPEND includes "-I${source_directory}")
  endforeach()
  set(generated_source)
  if(arg_WIT)
    list(APPEND includes "-I${bindings_directory}")
    list(GET bindings 0 generated_source)
  endif()
  list(REMOVE_DUPLICATES includes)
  foreach(source IN LISTS arg_SOURCES generated_source)
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(GET source FILENAME file_name)
    set(object "${directory}/${file_name}.o")
    set(warnings -Wall -Wextra)
    if(source STREQUAL generated_source)
      set(object "${bindings_directory}/${file_name}.o")
      set(warnings -w)
    endif()
    # Ninja creates the directories of its outputs, but Make does not.
    cmake_path(GET object PARENT_PATH object_directory)
    add_custom_command(
      OUTPUT "${object}"
      COMMAND "${CMAKE_COMMAND}" -E make_directory "${object_directory}"
      COMMAND "${compiler}" ${options} ${warnings} ${arg_OPTIONS} ${includes} -MD -MF "${object}.d"
              -c "${source}" -o "${object}"
      DEPENDS "${source}" ${bindings}
      DEPFILE "${object}.d"
      COMMENT "Compiling ${file_name} of guest ${name}"
      VERBATIM)
    list(APPEND objects "${object}")
  endforeach()

  add_custom_command(
    OUTPUT "${directory}/core.wasm"
    COMMAND "${compiler}" ${options} ${link_options} ${objects} ${type_object} -o "${directory}/core.wasm"
    DEPENDS ${objects} ${type_object}
    COMMENT "Linking guest ${name}"
    VERBATIM)
  cmake_path(GET component PARENT_PATH component_directory)
  add_custom_command(
    OUTPUT "${component}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${component_directory}"
    COMMAND tairitsu::cli componentize "${directory}/core.wasm" ${kind} --output "${component}"
    DEPENDS tairitsu::cli "${directory}/core.wasm"
    COMMENT "Creating the component ${name}.wasm"
    VERBATIM)

  add_custom_target(${name} ALL DEPENDS "${component}")
  set_target_properties(${name} PROPERTIES TAIRITSU_COMPONENT "${component}")
endfunction()
