# cmake -D EXPECTED=<file> -P compare_output.cmake -- <program> [<argument>...]
#
# Runs the program, and fails if it does not exit with 0 or if its output differs from the file. Addresses in
# backtraces are not compared, because they depend on the guest's compiler.

set(command)
set(index 0)
while(NOT "${CMAKE_ARGV${index}}" STREQUAL "--")
  math(EXPR index "${index} + 1")
endwhile()
math(EXPR index "${index} + 1")
while(index LESS CMAKE_ARGC)
  list(APPEND command "${CMAKE_ARGV${index}}")
  math(EXPR index "${index} + 1")
endwhile()

execute_process(COMMAND ${command} OUTPUT_VARIABLE output RESULT_VARIABLE status)
string(REGEX REPLACE " +0x[0-9a-f]+" " 0x..." output "${output}")
file(READ "${EXPECTED}" expected)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${command} exited with ${status}; output:\n${output}")
endif()
if(NOT output STREQUAL expected)
  string(RANDOM LENGTH 8 suffix)
  set(got "${CMAKE_CURRENT_BINARY_DIR}/got-${suffix}.txt")
  file(WRITE "${got}" "${output}")
  execute_process(COMMAND diff --unified "${EXPECTED}" "${got}")
  file(REMOVE "${got}")
  message(FATAL_ERROR "the output of ${command} differs from ${EXPECTED}")
endif()
