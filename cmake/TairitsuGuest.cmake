# tairitsu_add_guest(<name> SOURCES <file>... [WIT <file-or-directory> [WORLD <world>]] LANGUAGE C|CXX
#                    [COMMAND] [OPTIONS <compiler option>...] [OUTPUT <file>])
#
# Builds a component from C or C++ into OUTPUT, or ${CMAKE_BINARY_DIR}/guests/<name>.wasm: generates the guest
# bindings of the world, compiles them with the sources, and makes a component of the module. The
# sources include the bindings as "<world>.h" (C) or "<world>_cpp.h" (C++), with underscores for
# the hyphens of the world's name. Without WORLD it is the world whose name is that of the WIT file. COMMAND is
# for a program with a main(), which needs no WIT if it uses nothing but WASI.
#
# Adds the target <name>, whose property TAIRITSU_COMPONENT is the path of the component.

include("${CMAKE_CURRENT_LIST_DIR}/TairitsuBindings.cmake")

set(TAIRITSU_GUEST_DIRECTORY "${CMAKE_BINARY_DIR}/guests")

function(tairitsu_find_guest_compilers)
  find_program(TAIRITSU_GUEST_CLANG NAMES clang-19 DOC "Compiles guests written in C")
  find_program(TAIRITSU_GUEST_CLANGXX NAMES clang++-19 DOC "Compiles guests written in C++")
  if(NOT TAIRITSU_GUEST_CLANG OR NOT TAIRITSU_GUEST_CLANGXX)
    message(FATAL_ERROR "No compiler for guests: apt-get install clang-19 lld-19 wasi-libc "
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
    message(FATAL_ERROR "tairitsu_add_guest(${name}): WIT is missing, which only a COMMAND does without")
  endif()
  tairitsu_find_guest_compilers()

  if(arg_WIT)
    cmake_path(ABSOLUTE_PATH arg_WIT)
    if(NOT EXISTS "${arg_WIT}")
      message(FATAL_ERROR "tairitsu_add_guest(${name}): ${arg_WIT}: not found")
    endif()
    tairitsu_choose_world("tairitsu_add_guest(${name})")
  endif()
  set(folder "${TAIRITSU_GUEST_DIRECTORY}/${name}.dir")
  set(component "${TAIRITSU_GUEST_DIRECTORY}/${name}.wasm")
  if(arg_OUTPUT)
    cmake_path(ABSOLUTE_PATH arg_OUTPUT BASE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}" OUTPUT_VARIABLE component)
  endif()
  set(bindings_folder "${folder}/bindings")
  set(type_object "${bindings_folder}/${stem}_component_type.o")
  if(arg_LANGUAGE STREQUAL "C")
    set(compiler "${TAIRITSU_GUEST_CLANG}")
    set(options -std=gnu17)
    set(language c)
    set(bindings "${bindings_folder}/${stem}.c" "${bindings_folder}/${stem}.h")
  elseif(arg_LANGUAGE STREQUAL "CXX")
    set(compiler "${TAIRITSU_GUEST_CLANGXX}")
    set(options -std=c++23 -fno-exceptions -stdlib=libc++)
    set(language cpp)
    set(bindings "${bindings_folder}/${stem}.cpp" "${bindings_folder}/${stem}_cpp.h")
  else()
    message(FATAL_ERROR "tairitsu_add_guest(${name}): LANGUAGE is C or CXX, not ${arg_LANGUAGE}")
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
              "${bindings_folder}"
      DEPENDS tairitsu::cli ${wit_files}
      COMMENT "Generating the bindings of guest ${name}"
      VERBATIM)
  endif()

  # Each source on its own, so that each has its own dependency file.
  # The bindings too look into the sources' folders: the class of an exported resource is there.
  set(objects)
  set(includes)
  foreach(source IN LISTS arg_SOURCES)
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(GET source PARENT_PATH source_folder)
    list(APPEND includes "-I${source_folder}")
  endforeach()
  set(generated_source)
  if(arg_WIT)
    list(APPEND includes "-I${bindings_folder}")
    list(GET bindings 0 generated_source)
  endif()
  list(REMOVE_DUPLICATES includes)
  foreach(source IN LISTS arg_SOURCES generated_source)
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(GET source FILENAME file_name)
    set(object "${folder}/${file_name}.o")
    set(warnings -Wall -Wextra)
    if(source STREQUAL generated_source)
      set(object "${bindings_folder}/${file_name}.o")
      set(warnings -w)
    endif()
    # Ninja makes the directories of its outputs, Make does not.
    cmake_path(GET object PARENT_PATH object_folder)
    add_custom_command(
      OUTPUT "${object}"
      COMMAND "${CMAKE_COMMAND}" -E make_directory "${object_folder}"
      COMMAND "${compiler}" ${options} ${warnings} ${arg_OPTIONS} ${includes} -MD -MF "${object}.d"
              -c "${source}" -o "${object}"
      DEPENDS "${source}" ${bindings}
      DEPFILE "${object}.d"
      COMMENT "Compiling ${file_name} of guest ${name}"
      VERBATIM)
    list(APPEND objects "${object}")
  endforeach()

  add_custom_command(
    OUTPUT "${folder}/core.wasm"
    COMMAND "${compiler}" ${options} ${link_options} ${objects} ${type_object} -o "${folder}/core.wasm"
    DEPENDS ${objects} ${type_object}
    COMMENT "Linking guest ${name}"
    VERBATIM)
  cmake_path(GET component PARENT_PATH component_folder)
  add_custom_command(
    OUTPUT "${component}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${component_folder}"
    COMMAND tairitsu::cli componentize "${folder}/core.wasm" ${kind} --output "${component}"
    DEPENDS tairitsu::cli "${folder}/core.wasm"
    COMMENT "Making the component ${name}.wasm"
    VERBATIM)

  add_custom_target(${name} ALL DEPENDS "${component}")
  set_target_properties(${name} PROPERTIES TAIRITSU_COMPONENT "${component}")
endfunction()
