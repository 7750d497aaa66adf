# cmake -DCOMPILER= -DFLAGS= -DINCLUDE= -DSOURCE= -P expect.cmake
# Compiles SOURCE and requires what its comments promise: that it fails, with exactly one error, and that our sentence and
# the user's type both stand in the first ten lines of the diagnostic, because nobody reads further.

file(STRINGS "${SOURCE}" expect REGEX "^// expect: " LIMIT_COUNT 1)
file(STRINGS "${SOURCE}" names REGEX "^// names: " LIMIT_COUNT 1)
string(REGEX REPLACE "^// expect: " "" expect "${expect}")
string(REGEX REPLACE "^// names: " "" names "${names}")
if(expect STREQUAL "")
  message(FATAL_ERROR "${SOURCE} has no line `// expect: ...`")
endif()

separate_arguments(flags NATIVE_COMMAND "${FLAGS}")
# LC_ALL: a translated compiler says neither `error:` nor what is looked for.
execute_process(
  COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C ${COMPILER} ${flags} -std=c++20 -fsyntax-only "-I${INCLUDE}" "${SOURCE}"
  RESULT_VARIABLE status OUTPUT_VARIABLE diagnostic ERROR_VARIABLE diagnostic)

set(verdict "")
if(expect STREQUAL "compiles")
  if(NOT status EQUAL 0)
    string(APPEND verdict "it must compile and does not\n")
  endif()
elseif(status EQUAL 0)
  string(APPEND verdict "it compiles and must not\n")
else()
  set(rest "${diagnostic}")
  set(head "")
  foreach(line RANGE 1 10)
    string(FIND "${rest}" "\n" end)
    if(end LESS 0)
      string(APPEND head "${rest}")
      break()
    endif()
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${rest}" 0 ${end} line)
    string(SUBSTRING "${rest}" ${end} -1 rest)
    string(APPEND head "${line}")
  endforeach()
  foreach(words IN ITEMS "${expect}" "${names}")
    string(FIND "${head}" "${words}" at)
    if(at LESS 0)
      string(APPEND verdict "\"${words}\" is not in the first ten lines\n")
    endif()
  endforeach()

  string(REGEX REPLACE "[][;]" "," countable "${diagnostic}")  # these mean something in a CMake list
  string(REGEX MATCHALL "[^\n]* error: " errors "${countable}")
  list(LENGTH errors count)
  if(NOT count EQUAL 1)
    string(APPEND verdict "${count} errors, and it must be one\n")
  endif()
endif()

if(NOT verdict STREQUAL "")
  message("${SOURCE}:\n${verdict}\nThe compiler said:\n${diagnostic}")
  message(FATAL_ERROR "not as expected")
endif()
message("as expected: ${expect}")
