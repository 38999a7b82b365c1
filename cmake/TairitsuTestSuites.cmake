# tairitsu_discover_suites(<target> [PROPERTIES <name> <value>...])
#
# Adds a test for each suite of a GoogleTest program, with the suite's name. A process for each test, as with
# gtest_discover_tests, would cost more than most tests do. ctest lists the suites if the program is newer than the
# stored list, not the build, because sanitizers may need environment variables.

function(tairitsu_discover_suites target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PROPERTIES")
  set(script "${CMAKE_CURRENT_BINARY_DIR}/${target}_suites.cmake")
  list(JOIN arg_PROPERTIES " " properties)
  file(
    GENERATE
    OUTPUT "${script}"
    CONTENT
      "set(suites_program \"$<TARGET_FILE:${target}>\")
set(suites_list \"${CMAKE_CURRENT_BINARY_DIR}/${target}_suites_found.cmake\")
set(suites_properties \"${properties}\")
if(EXISTS \"\${suites_program}\")
  if(NOT EXISTS \"\${suites_list}\" OR \"\${suites_program}\" IS_NEWER_THAN \"\${suites_list}\")
    include(\"${PROJECT_SOURCE_DIR}/cmake/FindTestSuites.cmake\")
  endif()
  include(\"\${suites_list}\")
else()
  add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)
endif()
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${script}")
endfunction()
