// Loading a model as Transformers does, calling it, and saving it.
//
//   auto model = crossload::TFAutoModel::from_pretrained("my-bert", {.from_pt = true});
//   const std::vector<std::int32_t> ids = {101, 7592, 102};
//   auto outputs = model({{"input_ids", crossload::Array::of({1, 3}, ids)}});
//   std::vector<float> hidden = outputs.at("last_hidden_state").floats();
//   model.save_pretrained("my-bert-tf");
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crossload/array.h"
#include "crossload/format.h"

namespace crossload {

struct LoadOptions {
  /// True: a PyTorch checkpoint (config.json and safetensors). False: TensorFlow weights, of ours or of Transformers v4
  /// (tf_model.h5, saved_model/, model.safetensors of TensorFlow).
  bool from_pt = false;
  /// Where TensorFlow's library is, see `--tensorflow`; it is opened by the first call.
  std::filesystem::path tensorflow = {};
  int threads = 1;
};

struct CallOptions {
  /// Dropout is active.
  bool training = false;
  bool output_attentions = false;
  bool output_hidden_states = false;
};

struct SaveOptions {
  std::set<Format> formats = {Format::kH5};
  std::int64_t max_shard_size = 10'000'000'000;
};

/// A loaded model. Moving is cheap. Not safe for calls from several threads at once.
class TFPreTrainedModel {
 public:
  TFPreTrainedModel(TFPreTrainedModel&&) noexcept;
  TFPreTrainedModel& operator=(TFPreTrainedModel&&) noexcept;
  ~TFPreTrainedModel();

  /// "TFBertForMaskedLM"
  std::string class_name() const;
  /// config.json as it was read.
  std::string config_json() const;
  /// The names that calls take; those of the serving signature first.
  std::vector<std::string> input_names() const;
  /// Small valid inputs: ones of shape [1, 2], zeros for token_type_ids.
  NamedArrays dummy_inputs() const;
  /// The variables' names in TensorFlow, without the class's scope and ":0".
  std::vector<std::string> variable_names() const;

  /// Runs the model. Integers may be of 32 or 64 bits. Throws Error(kUsage) for an unknown input or a wrong rank,
  /// Error(kBadInput) with TensorFlow's message when shapes do not fit.
  NamedArrays operator()(const NamedArrays& inputs, const CallOptions& options = {}) const;

  /// Writes config.json, the tokenizer's files and the weights into the folder, at once or not at all. TensorFlow
  /// weights that are there already go, in whatever format they are; everything else stays. Into a folder with the
  /// PyTorch weights that the model comes from, only weights are written, and no safetensors. Returns the files. Throws
  /// Error, kUsage when the folder cannot take them: it holds other PyTorch weights, or files of these names.
  std::vector<std::string> save_pretrained(const std::filesystem::path& folder, const SaveOptions& options = {}) const;

 private:
  friend class TFAutoClass;
  class State;
  explicit TFPreTrainedModel(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// A family of classes, one a model type: from_pretrained takes the member for the configuration's model_type. Throws
/// Error(kUnsupported) that lists what there is when the family has none.
class TFAutoClass {
 public:
  explicit TFAutoClass(std::string name) : name_(std::move(name)) {}
  TFPreTrainedModel from_pretrained(const std::filesystem::path& folder, const LoadOptions& options = {}) const;

 private:
  std::string name_;
};

// Each is called as in Python: TFAutoModelForMaskedLM::from_pretrained(folder, options).
#define CROSSLOAD_AUTO_CLASS(Name)                                                                                   \
  struct Name {                                                                                                      \
    static TFPreTrainedModel from_pretrained(const std::filesystem::path& folder, const LoadOptions& options = {}) { \
      return TFAutoClass(#Name).from_pretrained(folder, options);                                                    \
    }                                                                                                                \
  }
CROSSLOAD_AUTO_CLASS(TFAutoModel);
CROSSLOAD_AUTO_CLASS(TFAutoModelForAudioClassification);
CROSSLOAD_AUTO_CLASS(TFAutoModelForCausalLM);
CROSSLOAD_AUTO_CLASS(TFAutoModelForDocumentQuestionAnswering);
CROSSLOAD_AUTO_CLASS(TFAutoModelForImageClassification);
CROSSLOAD_AUTO_CLASS(TFAutoModelForMaskGeneration);
CROSSLOAD_AUTO_CLASS(TFAutoModelForMaskedImageModeling);
CROSSLOAD_AUTO_CLASS(TFAutoModelForMaskedLM);
CROSSLOAD_AUTO_CLASS(TFAutoModelForMultipleChoice);
CROSSLOAD_AUTO_CLASS(TFAutoModelForNextSentencePrediction);
CROSSLOAD_AUTO_CLASS(TFAutoModelForPreTraining);
CROSSLOAD_AUTO_CLASS(TFAutoModelForQuestionAnswering);
CROSSLOAD_AUTO_CLASS(TFAutoModelForSemanticSegmentation);
CROSSLOAD_AUTO_CLASS(TFAutoModelForSeq2SeqLM);
CROSSLOAD_AUTO_CLASS(TFAutoModelForSequenceClassification);
CROSSLOAD_AUTO_CLASS(TFAutoModelForSpeechSeq2Seq);
CROSSLOAD_AUTO_CLASS(TFAutoModelForTableQuestionAnswering);
CROSSLOAD_AUTO_CLASS(TFAutoModelForTextEncoding);
CROSSLOAD_AUTO_CLASS(TFAutoModelForTokenClassification);
CROSSLOAD_AUTO_CLASS(TFAutoModelForVision2Seq);
CROSSLOAD_AUTO_CLASS(TFAutoModelForZeroShotImageClassification);
CROSSLOAD_AUTO_CLASS(TFAutoModelWithLMHead);
#undef CROSSLOAD_AUTO_CLASS

}  // namespace crossload
