// The readiness checklist of an architecture, as far as its sources, goldens' recipes and pages tell.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace crossload::contribute {

/// One point of the checklist that is not met.
struct Finding {
  std::filesystem::path file;
  int line;           // from 1
  std::string point;  // "training", "copies", "unmarked copy", "ignores", "names", "recipe", "pages"
  std::string what;   // what is wrong, why it matters, what to do
};

/// Classes with Dropout, or with members that take `training`, take `bool training` and pass it on to each of them:
/// else fine-tuning runs without dropout, or a part of it does.
std::vector<Finding> check_training(const std::filesystem::path& file);

/// Classes of `file` that equal another file's after renaming and lack a mark `// Copied from`. Such copies drift
/// apart unseen. A pair of which either class is marked, or names no model, is sound.
std::vector<Finding> check_unmarked(const std::filesystem::path& file);

/// Every tensor that a head ignores has a reason; heads are TF classes in TFAuto families; the file mirrors one of
/// Transformers and names its version.
std::vector<Finding> check_registration(const std::filesystem::path& file);

/// tests/goldens/<name>.json exists and has a recipe for every head, and a small one whose trace is beside it.
std::vector<Finding> check_recipe(const std::filesystem::path& root, const std::string& name);

/// README.md and docs/models.md name the architecture.
std::vector<Finding> check_pages(const std::filesystem::path& root, const std::string& name);

struct Readiness {
  std::vector<Finding> missing;
  /// What was written into the sources, with `fix`: marks, and members of copies.
  std::vector<Finding> mended;
};

/// All of the above and check_copies, for one architecture or, with an empty name, for all. With `fix`, missing marks
/// are added and copies are rewritten after their source, in the files of these architectures. Throws Error(kUsage) for
/// an unknown name.
Readiness check_readiness(const std::filesystem::path& root, const std::string& name, bool fix);

}  // namespace crossload::contribute
