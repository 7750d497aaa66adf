// SPDX-License-Identifier: MIT
#include "llmroute/wire/text_file.hpp"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

#include "../catch.hpp"

using namespace llmroute;

TEST_CASE("a file is read whole, byte for byte, and what cannot be read says why") {
  constexpr std::size_t mib = std::size_t{1} << 20;
  const auto folder = std::filesystem::temp_directory_path() / ("llmroute-file-" + std::to_string(tests::seed()));
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "file.txt").string();
  const auto why = [&](const std::string& at) {
    std::string text;
    const Result<void> read = read_text_file(at, mib, text);
    if (read) return std::string();
    CHECK(read.error().kind == Kind::misconfigured);
    return read.error().message;
  };
  const auto read = [&] {
    std::string text = "old";
    return read_text_file(path, mib, text) ? text : "nothing";
  };
  CHECK(why(path) == path + ": there is no such file");
  CHECK_THAT(why(folder.string()), ContainsSubstring(folder.string()));

  const std::string odd("a\r\n\0b\xFF", 6);
  std::ofstream(path, std::ios::binary) << odd;
  CHECK(read() == odd);
  std::ofstream(path, std::ios::binary) << "";
  CHECK(read().empty());
  std::ofstream(path, std::ios::binary) << std::string(mib, 'x');
  CHECK(read().size() == mib);
  std::ofstream(path, std::ios::binary) << std::string(mib + 1, 'x');
  CHECK(why(path) == path + ": is larger than 1 MiB: is it the right file?");
  std::filesystem::remove_all(folder);
}
