# tairitsu_find_script_tools(<result-variable> PYTHON|JAVASCRIPT)
#
# Whether this machine has what the functions below need; where not, says what is missing.
#
# tairitsu_add_python_guest(<name> SOURCE <module.py> WIT <file> WORLD <world> REQUIREMENTS <file>
#                           OUTPUT <component>)
# tairitsu_add_javascript_guest(<name> SOURCE <module.js> WIT <file> WORLD <world> MANIFESTS <folder>
#                               OUTPUT <component>)
#
# Make a component of a script, with the target <name>. The tools, componentize-py and componentize-js,
# are installed into the build folder in the versions that REQUIREMENTS (for pip) or MANIFESTS (see
# scripts/setup-script-guests.sh) pin, when the first component is made and where the versions change.

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
  # Python can bring Node.js, where there is none that is new enough.
  if(language STREQUAL "JAVASCRIPT" AND missing)
    find_program(TAIRITSU_NODE node)
    find_program(TAIRITSU_NPM npm)
    set(version 0)
    if(TAIRITSU_NODE AND TAIRITSU_NPM)
      execute_process(COMMAND "${TAIRITSU_NODE}" -p process.versions.node OUTPUT_VARIABLE version ERROR_QUIET)
    endif()
    set(missing "Node.js 20 or newer with npm, or ${missing},")
    if(version VERSION_GREATER_EQUAL 20)
      set(missing)
    endif()
  endif()
  set(${result} ON PARENT_SCOPE)
  if(missing)
    message(STATUS "No guests in ${language}: ${missing} was not found")
    set(${result} OFF PARENT_SCOPE)
  endif()
endfunction()

# The tools of a language as files, for all targets of all folders: one rule in each folder would
# install them at the same time, hence a target.
function(tairitsu_script_tools_target language manifest files)
  if(NOT TARGET tairitsu_script_tools_${language})
    set(folder "${TAIRITSU_SCRIPT_TOOLS}/${language}")
    add_custom_command(
      OUTPUT "${folder}.stamp"
      COMMAND "${TAIRITSU_SCRIPT_SETUP}" ${language} "${folder}" "${manifest}"
      COMMAND "${CMAKE_COMMAND}" -E touch "${folder}.stamp"
      DEPENDS "${TAIRITSU_SCRIPT_SETUP}" ${files}
      COMMENT "Installing the tools for guests in ${language}"
      VERBATIM)
    add_custom_target(tairitsu_script_tools_${language} DEPENDS "${folder}.stamp")
  endif()
endfunction()

function(tairitsu_add_python_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE;WIT;WORLD;REQUIREMENTS;OUTPUT" "")
  foreach(path IN ITEMS SOURCE WIT REQUIREMENTS OUTPUT)
    cmake_path(ABSOLUTE_PATH arg_${path})
  endforeach()
  tairitsu_script_tools_target(python "${arg_REQUIREMENTS}" "${arg_REQUIREMENTS}")
  cmake_path(GET arg_SOURCE STEM module)
  cmake_path(GET arg_OUTPUT PARENT_PATH output_folder)
  # From a copy: componentize-py leaves a __pycache__ beside what it compiles.
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${name}.dir")
  add_custom_command(
    OUTPUT "${arg_OUTPUT}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${folder}" "${output_folder}"
    COMMAND "${CMAKE_COMMAND}" -E copy "${arg_SOURCE}" "${folder}"
    COMMAND "${TAIRITSU_SCRIPT_TOOLS}/python/bin/componentize-py" --quiet --wit-path "${arg_WIT}" --world
            "${arg_WORLD}" componentize --python-path "${folder}" "${module}" --output "${arg_OUTPUT}"
    DEPENDS tairitsu_script_tools_python "${TAIRITSU_SCRIPT_TOOLS}/python.stamp" "${arg_SOURCE}" "${arg_WIT}"
    COMMENT "Making a component of ${module}.py"
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
  cmake_path(GET arg_OUTPUT PARENT_PATH output_folder)
  # Without network and events, which the world would have to import.
  add_custom_command(
    OUTPUT "${arg_OUTPUT}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${output_folder}"
    COMMAND "${TAIRITSU_SCRIPT_TOOLS}/javascript/bin/componentize-js" "${arg_SOURCE}" --wit
            "${arg_WIT}" --world-name "${arg_WORLD}" --disable http fetch-event --out "${arg_OUTPUT}"
    DEPENDS tairitsu_script_tools_javascript "${TAIRITSU_SCRIPT_TOOLS}/javascript.stamp" "${arg_SOURCE}"
            "${arg_WIT}"
    COMMENT "Making a component of ${file_name}"
    VERBATIM)
  add_custom_target(${name} ALL DEPENDS "${arg_OUTPUT}")
  set_target_properties(${name} PROPERTIES TAIRITSU_COMPONENT "${arg_OUTPUT}")
endfunction()
