# Part of tairitsu_discover_suites. ctest runs this script, which lists the suites of `suites_program` and writes the
# file `suites_list`, which adds a test for each.

execute_process(
  COMMAND "${suites_program}" --gtest_list_tests
  OUTPUT_VARIABLE output
  RESULT_VARIABLE status
  TIMEOUT 60)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "listing the tests of ${suites_program} failed: ${status}")
endif()
string(REPLACE ";" "" output "${output}")
string(REPLACE "\n" ";" lines "${output}")
set(text)
foreach(line IN LISTS lines)
  # The line of a suite ends with a dot, followed by the type if it is a typed suite. Its tests are indented.
  if(line MATCHES "^([A-Za-z0-9_/]+)\\.( +#.*)?$")
    set(suite "${CMAKE_MATCH_1}")
    string(APPEND text "add_test([==[${suite}]==] [==[${suites_program}]==] [==[--gtest_filter=${suite}.*]==])\n"
           "set_tests_properties([==[${suite}]==] PROPERTIES ${suites_properties})\n")
  endif()
endforeach()
if(NOT text)
  message(FATAL_ERROR "${suites_program} has no tests")
endif()
# Several instances may run at the same time, so the file is renamed into place.
string(RANDOM LENGTH 12 suffix)
file(WRITE "${suites_list}.${suffix}" "${text}")
file(RENAME "${suites_list}.${suffix}" "${suites_list}")
