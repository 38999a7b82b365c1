# tairitsu_find_script_tools(<result-variable> PYTHON|JAVASCRIPT)
#
# Sets the variable to whether this machine has the tools that the functions below need. Reports missing tools.
#
# tairitsu_add_python_guest(<name> SOURCE <module.py> WIT <file> WORLD <world> REQUIREMENTS <file>
#                           OUTPUT <component>)
# tairitsu_add_javascript_guest(<name> SOURCE <module.js> WIT <file> WORLD <world> MANIFESTS <directory>
#                               OUTPUT <component>)
#
# Add the target <name>, which builds a component from a script. The tools, componentize-py and componentize-js, are
# installed into the build directory before the first component is built, and again when the pinned versions change.
# REQUIREMENTS (for pip) and MANIFESTS (see scripts/setup-script-guests.sh) pin the versions.

set(TAIRITSU_SCRIPT_TOOLS "${CMAKE_BINARY_DIR}/script-tools")
set(TAIRITSU_SCRIPT_SETUP "${CMAKE_CURRENT_LIST_DIR}/../scripts/setup-script-guests.sh")

function(tairitsu_find_script_tools result language)
  find_program(TAIRITSU_PYTHON python3)
  set(status 1)
  if(TAIRITSU_PYTHON)
    execute_process(COMMAND "${TAIRITSU_PYTHON}" -c "import ensurepip, venv" RESULT_VARIABLE status ERROR_QUIET)
  endif()
  set(missing)
  if(NOT status EQUAL 0)
    set(missing "Python 3 with venv (Debian: python3-venv)")
  endif()
  # If Node.js is missing or too old, it can be installed with pip.
  if(language STREQUAL "JAVASCRIPT" AND missing)
    find_program(TAIRITSU_NODE node)
    find_program(TAIRITSU_NPM npm)
    set(version 0)
    if(TAIRITSU_NODE AND TAIRITSU_NPM)
      execute_process(COMMAND "${TAIRITSU_NODE}" -p process.versions.node OUTPUT_VARIABLE version ERROR_QUIET)
    endif()
    set(missing "Node.js 20 or newer with npm, or ${missing}")
    if(version VERSION_GREATER_EQUAL 20)
      set(missing)
    endif()
  endif()
  set(${result} ON PARENT_SCOPE)
  if(missing)
    message(STATUS "Skipping guests in ${language}: ${missing} not found")
    set(${result} OFF PARENT_SCOPE)
  endif()
endfunction()

# Defines the target that installs the tools of a language. It is shared by all directories: separate rules would run at
# the same time.
function(tairitsu_script_tools_target language manifest files)
  if(NOT TARGET tairitsu_script_tools_${language})
    set(directory "${TAIRITSU_SCRIPT_TOOLS}/${language}")
    add_custom_command(
      OUTPUT "${directory}.stamp"
      COMMAND "${TAIRITSU_SCRIPT_SETUP}" ${language} "${directory}" "${manifest}"
      COMMAND "${CMAKE_COMMAND}" -E touch "${directory}.stamp"
      DEPENDS "${TAIRITSU_SCRIPT_SETUP}" ${files}
      COMMENT "Installing the tools for guests in ${language}"
      VERBATIM)
    add_custom_target(tairitsu_script_tools_${language} DEPENDS "${directory}.stamp")
  endif()
endfunction()

function(tairitsu_add_python_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE;WIT;WORLD;REQUIREMENTS;OUTPUT" "")
  foreach(path IN ITEMS SOURCE WIT REQUIREMENTS OUTPUT)
    cmake_path(ABSOLUTE_PATH arg_${path})
  endforeach()
  tairitsu_script_tools_target(python "${arg_REQUIREMENTS}" "${arg_REQUIREMENTS}")
  cmake_path(GET arg_SOURCE STEM module)
  cmake_path(GET arg_OUTPUT PARENT_PATH output_directory)
  # Uses a copy, because componentize-py writes a __pycache__ next to the source.
  set(directory "${CMAKE_CURRENT_BINARY_DIR}/${name}.dir")
  add_custom_command(
    OUTPUT "${arg_OUTPUT}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${directory}" "${output_directory}"
    COMMAND "${CMAKE_COMMAND}" -E copy "${arg_SOURCE}" "${directory}"
    COMMAND "${TAIRITSU_SCRIPT_TOOLS}/python/bin/componentize-py" --quiet --wit-path "${arg_WIT}" --world
            "${arg_WORLD}" componentize --python-path "${directory}" "${module}" --output "${arg_OUTPUT}"
    DEPENDS tairitsu_script_tools_python "${TAIRITSU_SCRIPT_TOOLS}/python.stamp" "${arg_SOURCE}" "${arg_WIT}"
    COMMENT "Componentizing ${module}.py"
    VERBATIM)
  add_custom_target(${name} ALL DEPENDS "${arg_OUTPUT}")
  set_target_properties(${name} PROPERTIES TAIRITSU_COMPONENT "${arg_OUTPUT}")
endfunction()

function(tairitsu_add_javascript_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE;WIT;WORLD;MANIFESTS;OUTPUT" "")
  foreach(path IN ITEMS SOURCE WIT MANIFESTS OUTPUT)
    cmake_path(ABSOLUTE_PATH arg_${path})
  endforeach()
  tairitsu_script_tools_target(
    javascript "${arg_MANIFESTS}"
    "${arg_MANIFESTS}/package.json;${arg_MANIFESTS}/package-lock.json;${arg_MANIFESTS}/requirements.txt")
  cmake_path(GET arg_SOURCE FILENAME file_name)
  cmake_path(GET arg_OUTPUT PARENT_PATH output_directory)
  # HTTP and fetch events are disabled, because the world would have to import their interfaces.
  add_custom_command(
    OUTPUT "${arg_OUTPUT}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${output_directory}"
    COMMAND "${TAIRITSU_SCRIPT_TOOLS}/javascript/bin/componentize-js" "${arg_SOURCE}" --wit
            "${arg_WIT}" --world-name "${arg_WORLD}" --disable http fetch-event --out "${arg_OUTPUT}"
    DEPENDS tairitsu_script_tools_javascript "${TAIRITSU_SCRIPT_TOOLS}/javascript.stamp" "${arg_SOURCE}"
            "${arg_WIT}"
    COMMENT "Componentizing ${file_name}"
    VERBATIM)
  add_custom_target(${name} ALL DEPENDS "${arg_OUTPUT}")
  set_target_properties(${name} PROPERTIES TAIRITSU_COMPONENT "${arg_OUTPUT}")
endfunction()
