# SPDX-License-Identifier: MIT
# conan create . -s compiler.cppstd=20
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class LlmrouteConan(ConanFile):
    name = "llmroute"
    description = "Header-only C++20 library that routes chat requests across LLM providers"
    license = "MIT"
    topics = ("llm", "router", "failover", "openai", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True

    def set_version(self):
        config = load(self, os.path.join(self.recipe_folder, "include", "llmroute", "config.hpp"))
        parts = (re.search(rf"LLMROUTE_VERSION_{part} (\d+)", config)[1] for part in ("MAJOR", "MINOR", "PATCH"))
        self.version = ".".join(parts)

    def layout(self):
        basic_layout(self)

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "llmroute")
        self.cpp_info.set_property("cmake_target_name", "llmroute::llmroute")
        self.cpp_info.set_property("cmake_config_version_compat", "SameMinorVersion")
