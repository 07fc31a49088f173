// Running a program of tools/, which the build embeds, in a Python of the user's.
//
//     PythonFiles files(folder, recorder_files);
//     PythonProcess process({"PyTorch reference", "torch and transformers", ""}, python, {files.at("record_reference.py")});
//     process.wait([](const std::string& step) { ... });
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace crossload::verify {

/// Embedded files in a folder of their own, while this lives.
class PythonFiles {
 public:
  /// Makes `folder` and writes them into it: path, text, path, text, ..., nullptr. Throws Error(kEnvironment).
  PythonFiles(std::filesystem::path folder, const char* const* embedded);
  ~PythonFiles();
  PythonFiles(const PythonFiles&) = delete;
  PythonFiles& operator=(const PythonFiles&) = delete;

  std::filesystem::path at(const std::string& path) const { return folder_ / path; }
  /// Adds a file. Throws Error(kEnvironment).
  void write(const std::string& path, std::string_view text) const;

 private:
  void remove();

  std::filesystem::path folder_;
};

/// What errors say of a program.
struct PythonProgram {
  std::string name;       // "PyTorch reference"
  std::string packages;   // "torch and transformers"
  std::string otherwise;  // what else the user can do, to follow ", or "; empty for nothing
};

/// The program, started in the background.
class PythonProcess {
 public:
  /// `python` empty: CROSSLOAD_PYTHON, the active virtual environment, a `.venv` beside the program or in the working
  /// folder, python3. Throws Error(kEnvironment) when it cannot be started.
  PythonProcess(PythonProgram program, const std::filesystem::path& python, const std::vector<std::string>& arguments);
  /// Ends it if it still runs.
  ~PythonProcess();
  PythonProcess(const PythonProcess&) = delete;
  PythonProcess& operator=(const PythonProcess&) = delete;

  /// Waits for its end, and passes on what it says that it does. Throws Error with the program's own message and kind.
  void wait(const std::function<void(const std::string& step)>& progress);
  /// The same until it says that it does `step`.
  void wait_for(const std::string& step, const std::function<void(const std::string& step)>& progress);

 private:
  /// Passes on what it says until it says `last`, and is true then; false when it has ended.
  bool follow(const std::string& last, const std::function<void(const std::string& step)>& progress);
  /// Throws what it said when it failed.
  void finish();

  PythonProgram program_;
  std::string python_;
  std::string unread_;  // on its standard output, and not passed on yet
  std::string said_;    // on its standard error
  int process_ = -1;
  int output_ = -1;
  int errors_ = -1;
};

}  // namespace crossload::verify
