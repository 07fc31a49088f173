// TensorFlow's C library, opened at run time.
//
// Linking against libtensorflow_cc.so.2 (1.1 GB, 470,000 symbols) takes minutes; opening it takes seconds. It is looked
// for in this order: the path given, CROSSLOAD_TENSORFLOW, the active virtual environment, a `.venv` beside the program
// or in the working folder, the system's libraries.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tf/c_api.h"

namespace crossload::tf {

struct LibraryOptions {
  /// libtensorflow_cc.so.2, or a folder that has it: a virtual environment or the package `tensorflow`. May be empty.
  std::filesystem::path path;
  /// oneDNN's kernels are faster on some machines and round differently; off makes a run reproducible.
  bool onednn = false;
};

/// The functions of the C API, resolved. Use as `library->TF_NewGraph()`.
class Library {
 public:
  /// Throws Error(kEnvironment) when the library is missing, broken, or older than 2.13.
  static std::shared_ptr<const Library> open(const LibraryOptions& options = {});

  std::string version() const { return TF_Version(); }
  const std::filesystem::path& path() const { return path_; }

#define CROSSLOAD_DECLARE(name, result, arguments) result(*name) arguments = nullptr;
  CROSSLOAD_TF_FUNCTIONS(CROSSLOAD_DECLARE)
#undef CROSSLOAD_DECLARE

 private:
  Library() = default;
  void resolve(void* handle);
  /// The first session of a process looks for devices; done here, it is quiet and out of the way of measurements.
  void start_devices() const;

  std::filesystem::path path_;
};

}  // namespace crossload::tf
