# cmake -DCOMPILER= -DFLAGS= -DINCLUDE= -DSOURCE= -DPROGRAM= -P run.cmake
# What somebody does who has a compiler and our include folder: no build system, warnings on, and the program runs.
separate_arguments(flags NATIVE_COMMAND "${FLAGS}")
cmake_path(GET PROGRAM PARENT_PATH folder)
file(MAKE_DIRECTORY "${folder}")
execute_process(
  COMMAND ${COMPILER} ${flags} -std=c++20 -Wall -Wextra -Werror "-I${INCLUDE}" "${SOURCE}" -o "${PROGRAM}"
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${PROGRAM}" COMMAND_ERROR_IS_FATAL ANY)
