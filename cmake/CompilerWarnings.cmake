option(TAIRITSU_WERROR "Treat compiler warnings as errors" OFF)

# Our own code is compiled with these; a user of the library is not asked to.
function(tairitsu_enable_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow)
  if(TAIRITSU_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
