// A module of the user's own, saved as a checkpoint, so that everything after that is as for any other.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "bytes/temporary_folder.h"
#include "crossload/progress.h"
#include "crossload/settings.h"

namespace crossload::flow {

class PythonModule {
 public:
  /// Saves what the settings' function returns, if they name one, or what `model` holds, if it is a file of
  /// torch.export.save (.pt2), into a folder that goes with this. Throws Error with Python's own message, and
  /// Error(kUsage) for settings that have no meaning for it and for a file that is not trusted.
  PythonModule(const RunSettings& settings, const std::filesystem::path& model, const Progress& progress);

  /// Whether there is one; else the next two say nothing.
  bool is_there() const { return folder_.has_value(); }
  std::filesystem::path checkpoint() const;
  const std::string& name() const { return settings_.python_class; }

  /// The options of a job as they are for the checkpoint.
  template <typename Options>
  Options applied_to(Options options) const {
    if (!is_there()) return options;
    options.model = checkpoint();
    options.settings = settings_;
    return options;
  }

 private:
  RunSettings settings_;
  std::optional<bytes::TemporaryFolder> folder_;
};

}  // namespace crossload::flow
