#include "crossload/auto_model.h"

#include <optional>

#include "artifact/artifact_folder.h"
#include "artifact/artifact_writer.h"
#include "artifact/weight_formats.h"
#include "crossload/error.h"
#include "load/loaded_model.h"
#include "verify/runner.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

tensor::TensorView view_of(const Array& array) { return {array.dtype(), array.shape(), array.bytes(), nullptr}; }

Array dummy_input(const keras::InputSpec& input) {
  Shape shape;
  for (std::size_t i = 0; i < input.shape.size(); ++i) {
    shape.push_back(input.shape[i] >= 0 ? input.shape[i] : (i == 0 ? 1 : 2));
  }
  const auto count = static_cast<std::size_t>(element_count(shape));
  if (tf::is_floating(input.dtype)) return Array::of(shape, std::vector<float>(count, 1.0F));
  return Array::of(shape, std::vector<std::int32_t>(count, input.name == "token_type_ids" ? 0 : 1));
}

}  // namespace

class TFPreTrainedModel::State {
 public:
  State(load::LoadedModel model, fs::path folder, std::vector<fs::path> read, LoadOptions options)
      : loaded(std::move(model)), source(std::move(folder)), files(std::move(read)), options_(std::move(options)) {}

  /// Opened when it is first needed.
  const std::shared_ptr<const tf::Library>& library() {
    if (!library_) library_ = tf::Library::open({options_.tensorflow, /*onednn=*/false});
    return library_;
  }

  /// The graph for inputs of these names, types and ranks, made by the first call with them.
  verify::Runner& runner(const verify::Feeds& inputs, const CallOptions& options) {
    std::string key = std::to_string(options.training) + std::to_string(options.output_attentions) +
                      std::to_string(options.output_hidden_states);
    for (const auto& [name, view] : inputs) {
      key += ";" + name + ":" + std::to_string(is_floating(view.dtype)) + "," + std::to_string(view.shape.size());
    }
    std::unique_ptr<verify::Runner>& runner = runners_[key];
    if (!runner) runner = make_runner(inputs, options);
    return *runner;
  }

  const load::LoadedModel loaded;
  const fs::path source;
  const std::vector<fs::path> files;  // of PyTorch's that were read

 private:
  std::unique_ptr<verify::Runner> make_runner(const verify::Feeds& inputs, const CallOptions& options) {
    const auto read = [](const keras::Variable& variable, std::span<float> out) {
      keras::read_rows(variable, 0, tensor::row_count(variable.shape), out);
    };
    verify::RunOptions run;
    run.session.threads = options_.threads;
    run.call.training = options.training;
    run.call.output_attentions = options.output_attentions;
    run.call.output_hidden_states = options.output_hidden_states;
    run.stages = false;
    return std::make_unique<verify::Runner>(library(), run, *loaded.model, *loaded.weights, read, inputs);
  }

  const LoadOptions options_;
  std::shared_ptr<const tf::Library> library_;
  std::map<std::string, std::unique_ptr<verify::Runner>> runners_;
};

TFPreTrainedModel::TFPreTrainedModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
TFPreTrainedModel::TFPreTrainedModel(TFPreTrainedModel&&) noexcept = default;
TFPreTrainedModel& TFPreTrainedModel::operator=(TFPreTrainedModel&&) noexcept = default;
TFPreTrainedModel::~TFPreTrainedModel() = default;

std::string TFPreTrainedModel::class_name() const { return state_->loaded.model_class.tensorflow_name(); }

std::string TFPreTrainedModel::config_json() const { return state_->loaded.model->config().json().dump_pretty(); }

std::vector<std::string> TFPreTrainedModel::input_names() const {
  std::vector<std::string> names;
  for (const keras::InputSpec& input : state_->loaded.model->inputs()) names.push_back(input.name);
  return names;
}

NamedArrays TFPreTrainedModel::dummy_inputs() const {
  NamedArrays inputs;
  for (const keras::InputSpec& input : state_->loaded.model->serving()) inputs.emplace(input.name, dummy_input(input));
  return inputs;
}

std::vector<std::string> TFPreTrainedModel::variable_names() const {
  std::vector<std::string> names;
  for (const keras::Variable& variable : state_->loaded.weights->variables()) names.push_back(variable.name);
  return names;
}

NamedArrays TFPreTrainedModel::operator()(const NamedArrays& inputs, const CallOptions& options) const {
  verify::Feeds feeds;
  for (const auto& [name, array] : inputs) feeds.emplace(name, view_of(array));
  const verify::Observation observation = state_->runner(feeds, options).run(feeds);
  NamedArrays outputs;
  for (const auto& [name, values] : observation.outputs)
    outputs.emplace(name, Array::of(values.shape, values.elements));
  return outputs;
}

std::vector<std::string> TFPreTrainedModel::save_pretrained(const fs::path& folder, const SaveOptions& options) const {
  const load::LoadedModel& loaded = state_->loaded;
  artifact::ArtifactWriter artifact(folder,
                                    {state_->source, state_->files, loaded.model->config(),
                                     loaded.model_class.pytorch_name(), loaded.model_class.model_type()},
                                    options.formats, /*new_weights=*/true);
  for (const Format format : options.formats) {
    artifact::write_weights({loaded.model_class.tensorflow_name(), *loaded.model, *loaded.weights}, format,
                            options.max_shard_size, format == Format::kSavedModel ? state_->library() : nullptr,
                            artifact.path());
  }
  std::vector<std::string> files = artifact::files_below(artifact.path());
  artifact.commit();
  return files;
}

TFPreTrainedModel TFAutoClass::from_pretrained(const fs::path& folder, const LoadOptions& options) const {
  // TFAutoModel takes the base model of any checkpoint; the other families their class.
  std::optional<load::LoadedModel> loaded;
  std::vector<fs::path> files;
  if (options.from_pt) {
    const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(folder);
    loaded = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config(), name_));
    files = checkpoint.files();
  } else {
    loaded = load::load_from_tensorflow(folder, name_);
  }
  return TFPreTrainedModel(
      std::make_unique<TFPreTrainedModel::State>(std::move(*loaded), folder, std::move(files), options));
}

}  // namespace crossload
