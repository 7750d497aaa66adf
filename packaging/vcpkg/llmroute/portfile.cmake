# An overlay port that installs the checkout it lies in: vcpkg install llmroute --overlay-ports=<checkout>/packaging/vcpkg
# vcpkg does not notice that the checkout has changed: vcpkg remove llmroute, and install it with VCPKG_BINARY_SOURCES=clear.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(VCPKG_BUILD_TYPE release) # header-only

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DLLMROUTE_BUILD_TESTS=OFF
    -DLLMROUTE_BUILD_EXAMPLES=OFF
    -DLLMROUTE_BUILD_BENCHMARKS=OFF
    -DLLMROUTE_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/llmroute)
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
