#include "flow/litert.h"

#include <limits>

#include "artifact/artifact_folder.h"
#include "artifact/weight_formats.h"
#include "crossload/error.h"
#include "export/saved_model_graph.h"
#include "flow/prove.h"

namespace crossload::flow {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServingDefault = "serving_default";

/// The converter leaves assertions out, and LiteRT has none.
void require_no_checks(const program::Program& program) {
  if (program.checks.empty()) return;
  throw Error(ErrorKind::kUnsupported,
              program.class_name +
                  ": model.tflite would give other numbers than PyTorch's, and not say so, where a "
                  "SavedModel fails with \"" +
                  program.checks.front().message + "\": LiteRT has no Assert; leave litert out of --formats");
}

auto said_in(const Step& step) {
  return [&step](const std::string& what) { step.say("LiteRT: " + what); };
}

}  // namespace

std::vector<std::string> litert_signatures(const keras::Model& model) {
  std::vector<std::string> signatures = model.interface().own_signatures;
  signatures.insert(signatures.begin(), kServingDefault);
  return signatures;
}

void write_saved_model(const load::LoadedModel& loaded, const std::shared_ptr<const tf::Library>& library,
                       const fs::path& folder) {
  constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  artifact::write_weights({loaded.model_class.tensorflow_name(), *loaded.model, *loaded.weights}, Format::kSavedModel,
                          kNoLimit, library, folder);
}

LitertModel::LitertModel(const ConvertOptions& options, const load::LoadedModel& loaded,
                         const std::shared_ptr<const tf::Library>& library)
    : options_(options), loaded_(loaded), library_(library) {
  if (!options.formats.contains(Format::kLitert)) return;
  if (loaded.model_class.program) require_no_checks(*loaded.model_class.program);
  temporary_.emplace("litert");
  process_.emplace(options.settings.python, temporary_->path(), "leave litert out of --formats");
}

void LitertModel::write(const fs::path& artifact, const Step& step) {
  fs::path folder = artifact;
  if (!options_.formats.contains(Format::kSavedModel)) {
    folder = temporary_->path();
    write_saved_model(loaded_, library_, folder);
  }
  report_.emplace();
  report_->conversion = process_->convert(folder / artifact::kSavedModelFolder, litert_signatures(*loaded_.model),
                                          options_.litert.type, artifact / artifact::kLitertFile, said_in(step));
}

WrittenWeights LitertModel::open_weights(const fs::path& artifact) const {
  WrittenWeights written = artifact::open_written(options_.formats, artifact);
  if (!written.empty()) return written;
  written = artifact::open_written({Format::kSavedModel}, temporary_->path());
  written.front().first = name_of(Format::kLitert);
  return written;
}

const verify::LitertReport* LitertModel::report(const fs::path& artifact, const verify::Trace* trace,
                                                const std::optional<Step>& step) {
  if (!report_) return nullptr;
  if (trace == nullptr) return &*report_;
  step->begin();
  const exporting::ServedStages served = exporting::served_stages(library_, *loaded_.model, *loaded_.weights);
  const bool look_inside = options_.litert.type == LitertType::kFloat32;
  const verify::LitertRuns runs =
      process_->run(artifact / artifact::kLitertFile, trace->path(), look_inside ? &served : nullptr,
                    options_.settings.threads, said_in(*step));
  report_ = verify::judge_litert(report_->conversion, runs, served, *trace, tolerances_of(options_.settings),
                                 options_.litert.max_error);
  return &*report_;
}

}  // namespace crossload::flow
