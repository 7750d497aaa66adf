// SPDX-License-Identifier: MIT
// A text file that is replaced as a whole or grows line by line, each with the system before the call returns. That outlives
// the program's end, however it comes; for the machine's end, the file must lie on a disk that is told to keep up.
#ifndef LLMROUTE_POLICY_BUDGET_JOURNAL_HPP
#define LLMROUTE_POLICY_BUDGET_JOURNAL_HPP

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#include "llmroute/result.hpp"
#include "llmroute/wire/text_file.hpp"

namespace llmroute::budget::detail {

class Journal {
 public:
  Journal() noexcept = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal() { close(); }

  static constexpr std::size_t largest = std::size_t{256} << 20;

  /// What the file holds; nothing if there is none yet.
  Result<void> read(const std::string& path, std::string& text) {
    path_ = path;
    text.clear();
    found_ = true;
    if (exists(path) || errno != ENOENT) return read_text_file(path, largest, text);
    // Where a file cannot be renamed over another, a crash may leave the new one alone.
    if (exists(path + ".new")) return read_text_file(path + ".new", largest, text);
    found_ = false;
    return {};
  }
  /// There was a file to read.
  bool found() const noexcept { return found_; }

  /// False: nothing was changed, or the next `replace` sets it right; until then nothing is to be appended.
  bool replace(std::string_view text) {
    close();
    const std::string fresh = path_ + ".new";
    file_ = std::fopen(fresh.c_str(), "wb");
    if (file_ == nullptr) return false;
    const bool written = put(text);
    close();
    if (!written) return std::remove(fresh.c_str()), false;
    if (std::rename(fresh.c_str(), path_.c_str()) != 0) {
      std::remove(path_.c_str());
      if (std::rename(fresh.c_str(), path_.c_str()) != 0) return false;
    }
    file_ = std::fopen(path_.c_str(), "ab");
    grown_ = 0;
    return file_ != nullptr;
  }
  /// False: the line may be there in part; `replace` comes next.
  bool append(std::string_view line) {
    if (file_ == nullptr) return false;
    grown_ += line.size();
    if (put(line)) return true;
    close();
    return false;
  }
  bool is_open() const noexcept { return file_ != nullptr; }
  /// By how many bytes, since it was replaced.
  std::size_t grown() const noexcept { return grown_; }
  const std::string& path() const noexcept { return path_; }

 private:
  static bool exists(const std::string& path) {
    std::FILE* const f = std::fopen(path.c_str(), "rb");
    if (f != nullptr) std::fclose(f);
    return f != nullptr;
  }
  bool put(std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), file_) == text.size() && std::fflush(file_) == 0;
  }
  void close() noexcept {
    if (file_ != nullptr) std::fclose(file_);
    file_ = nullptr;
  }

  std::string path_{};
  std::FILE* file_ = nullptr;
  std::size_t grown_ = 0;
  bool found_ = false;
};

}  // namespace llmroute::budget::detail

#endif
