#include "flow/python_module.h"

#include "crossload/error.h"
#include "flow/steps.h"
#include "verify/reference.h"

namespace crossload::flow {
namespace {

namespace fs = std::filesystem;

void require_meaning(const RunSettings& settings, const fs::path& model) {
  const char* flag = !model.empty()                           ? "--model-name"
                     : settings.via == "class"                ? "--via class"
                     : !settings.override_model_class.empty() ? "--override-model-class"
                                                              : nullptr;
  if (flag == nullptr) return;
  throw Error(ErrorKind::kUsage, std::string(flag) +
                                     ": has no meaning beside --python-class, whose module is neither "
                                     "a checkpoint nor a model of Transformers; leave one out");
}

}  // namespace

PythonModule::PythonModule(const RunSettings& settings, const fs::path& model, const Progress& progress)
    : settings_(settings) {
  if (settings.python_class.empty()) return;
  require_meaning(settings, model);
  folder_.emplace("python-class");
  fs::create_directory(checkpoint());
  Steps steps(progress);
  const Step saving = steps.add("calling " + settings.python_class);
  saving.begin();
  verify::save_python_class(settings.python_class, checkpoint(), settings.python, [](const std::string&) {});
  settings_.via = "trace";
  if (settings_.name.empty()) settings_.name = settings.python_class;
}

fs::path PythonModule::checkpoint() const { return folder_->path() / "checkpoint"; }

}  // namespace crossload::flow
