#include "crossload/record.h"

#include "checkpoint/checkpoint.h"
#include "crossload/error.h"
#include "flow/reference_trace.h"
#include "flow/steps.h"
#include "load/loaded_model.h"
#include "verify/reference.h"

namespace crossload {
namespace {

/// The class that PyTorch runs and what it takes in TensorFlow. A checkpoint that has no class here is left to PyTorch.
void choose_class_of(const RecordOptions& options, verify::ReferenceOptions* reference) {
  reference->model_class = options.override_model_class;
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(options.model);
  const checkpoint::Config& config = checkpoint.config();
  try {
    const load::ModelClass model_class = load::choose_class(checkpoint, options.override_model_class);
    reference->signature = flow::signature_text(*load::load_without_weights(config, model_class).model);
    reference->model_class = model_class.sentence ? load::kSentenceTransformer : model_class.pytorch_name();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kUnsupported) throw;
  }
}

}  // namespace

void record(const RecordOptions& options, const Progress& progress) {
  flow::Steps steps(progress);
  const flow::Step running = steps.add("starting Python");
  running.begin();
  verify::ReferenceOptions reference;
  reference.python = options.python;
  reference.threads = options.threads;
  reference.seed = options.seed;
  reference.trust_remote_code = options.trust_remote_code;
  reference.inputs = options.inputs;
  reference.grid = options.grid;
  if (options.dtype != DType::kF32) reference.weights = word_of(options.dtype);
  choose_class_of(options, &reference);
  verify::ReferenceProcess process(options.model, options.output, reference);
  process.wait([&](const std::string& what) { running.say("PyTorch: " + what); });
}

}  // namespace crossload
