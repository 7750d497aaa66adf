// SPDX-License-Identifier: MIT
// For tests of what reads the environment.
#ifndef LLMROUTE_TESTS_ENVIRONMENT_VARIABLE_HPP
#define LLMROUTE_TESTS_ENVIRONMENT_VARIABLE_HPP

#include <cstdlib>
#include <string>

namespace tests {

/// An environment variable that has a value, or none, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    const char* old = std::getenv(name);
    had_ = old != nullptr;
    if (had_) before_ = old;
    set(value);
  }
  Variable(const Variable&) = delete;
  ~Variable() { set(had_ ? before_.c_str() : nullptr); }

 private:
  void set(const char* value) {
#if defined(_WIN32)
    _putenv_s(name_.c_str(), value == nullptr ? "" : value);
#else
    if (value == nullptr) unsetenv(name_.c_str());
    else setenv(name_.c_str(), value, 1);
#endif
  }
  std::string name_;
  bool had_ = false;
  std::string before_;
};

}  // namespace tests

#endif
