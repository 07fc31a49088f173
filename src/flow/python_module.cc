#include "flow/python_module.h"

#include "crossload/error.h"
#include "flow/steps.h"
#include "verify/reference.h"

namespace crossload::flow {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExported = ".pt2";  // of torch.export.save

bool is_exported(const fs::path& model) {
  std::error_code ignored;
  return model.extension() == kExported && !fs::is_directory(model, ignored);  // a checkpoint's folder may be called so
}

void require_meaning(const RunSettings& settings, const fs::path& model) {
  const char* flag = !model.empty()                           ? "--model-name"
                     : settings.via == "class"                ? "--via class"
                     : !settings.override_model_class.empty() ? "--override-model-class"
                                                              : nullptr;
  if (flag == nullptr) return;
  throw Error(ErrorKind::kUsage, std::string(flag) +
                                     ": has no meaning for a module of your own, which is neither "
                                     "a checkpoint nor a model of Transformers; leave it out");
}

/// PyTorch reads such a file, and what PyTorch reads can run code.
void require_trust(const RunSettings& settings, const fs::path& model) {
  if (settings.trust_remote_code) return;
  throw Error(ErrorKind::kUsage, model.string() +
                                     ": is read by torch.export.load, which runs what a file tells it to; if you "
                                     "trust who made it, add --trust-remote-code");
}

/// What is called: the settings' function, or an exported program in place of a checkpoint; empty for a checkpoint.
std::string module_of(const RunSettings& settings, const fs::path& model) {
  if (!settings.python_class.empty()) {
    require_meaning(settings, model);
    return settings.python_class;
  }
  if (!is_exported(model)) return {};
  require_trust(settings, model);
  require_meaning(settings, {});
  return model.string();
}

}  // namespace

PythonModule::PythonModule(const RunSettings& settings, const fs::path& model, const Progress& progress)
    : settings_(settings) {
  settings_.python_class = module_of(settings, model);
  if (settings_.python_class.empty()) return;
  folder_.emplace("python-class");
  fs::create_directory(checkpoint());
  Steps steps(progress);
  const Step saving = steps.add("calling " + settings_.python_class);
  saving.begin();
  verify::save_python_class(settings_.python_class, checkpoint(), settings.python, [](const std::string&) {});
  settings_.via = "trace";
  if (settings_.name.empty()) settings_.name = settings_.python_class;
}

fs::path PythonModule::checkpoint() const { return folder_->path() / "checkpoint"; }

}  // namespace crossload::flow
