// SPDX-License-Identifier: MIT
// A small file as one string, or why that cannot be.
#ifndef LLMROUTE_WIRE_TEXT_FILE_HPP
#define LLMROUTE_WIRE_TEXT_FILE_HPP

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "llmroute/failure.hpp"
#include "llmroute/result.hpp"
#include "llmroute/wire/printable.hpp"

namespace llmroute {

/// Into `text`. The path is as `std::fopen` takes it. A file of more than `most` bytes, which are whole MiB, is taken for
/// the wrong one.
inline Result<void> read_text_file(const std::string& path, std::size_t most, std::string& text) {
  const auto wrong = [&](std::string_view what) {
    return Failure{.kind = Kind::misconfigured, .message = printable(path, 1'000).append(what)};
  };
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr)
    return wrong(errno == ENOENT ? ": there is no such file" : ": cannot be opened: may this program read it?");
  text.clear();
  char piece[16'384];
  for (std::size_t n = 1; n > 0 && text.size() <= most; text.append(piece, n)) n = std::fread(piece, 1, sizeof piece, file);
  const bool failed = std::ferror(file) != 0;
  const bool folder = failed && errno == EISDIR;
  std::fclose(file);
  if (failed) return wrong(folder ? ": is a directory: name the file in it" : ": cannot be read to its end");
  if (text.size() > most) return wrong(": is larger than " + std::to_string(most >> 20) + " MiB: is it the right file?");
  return {};
}

}  // namespace llmroute

#endif
