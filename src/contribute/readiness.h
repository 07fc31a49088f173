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
  std::string point;  // "call", "copies", "unmarked copy", "third copy", "block", "ignores", "names", "recipe", "pages"
  std::string what;   // what is wrong, why it matters, what to do
};

/// Classes with Dropout, or with members whose `call` takes a Call, take `const Call& call` and pass it on to each of
/// them: else fine-tuning runs without dropout, or a part of it does.
std::vector<Finding> check_call(const std::filesystem::path& root, const std::string& name);

/// Classes that stand elsewhere too, but for the model's name, where copies drift apart unseen: one that equals a class
/// of src/blocks/ is the block; a second one has a mark `// Copied from`; a third one is a reason for a block.
std::vector<Finding> check_equals(const std::filesystem::path& root, const std::string& name);

/// Every tensor that is ignored has a reason; heads begin as the base model does, and a class of the file is registered
/// under its own name, in TFAuto families; the file mirrors one of Transformers and names its version.
std::vector<Finding> check_registration(const std::filesystem::path& root, const std::string& name);

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
