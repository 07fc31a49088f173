// Choosing a class for a configuration, and binding it to checkpoints and artifacts. Needs no TensorFlow.
#include "load/loaded_model.h"

#include <gmock/gmock.h>

#include <limits>

#include "export/class_scope.h"
#include "export/safetensors_writer.h"
#include "export/stored_weights.h"
#include "goldens.h"
#include "test_support.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

load::ModelClass choose(const std::string& config, const std::string& wanted = "") {
  return load::choose_class(checkpoint::Config::parse(config, "config.json"), wanted);
}

std::string chosen(const std::string& config, const std::string& wanted = "") {
  return choose(config, wanted).head->name;
}

const std::string kBert = R"({"model_type": "bert"})";

std::string bert_with(const std::string& architectures) {
  return R"({"model_type": "bert", "architectures": [)" + architectures + "]}";
}

TEST(ChoosingAClass, ByTheConfiguration) {
  EXPECT_EQ(chosen(bert_with("\"BertForMaskedLM\"")), "TFBertForMaskedLM");
  EXPECT_EQ(chosen(bert_with("\"TFBertForQuestionAnswering\"")), "TFBertForQuestionAnswering");
  EXPECT_EQ(chosen(bert_with("")), "TFBertModel");
  EXPECT_EQ(chosen(kBert), "TFBertModel");
  EXPECT_EQ(choose(kBert).pytorch_name(), "BertModel");
  EXPECT_EQ(choose(kBert).architecture->model_type, "bert");
}

TEST(ChoosingAClass, ByAWishThatOverridesIt) {
  const std::string config = bert_with("\"BertForMaskedLM\"");
  EXPECT_EQ(chosen(config, "BertModel"), "TFBertModel");
  EXPECT_EQ(chosen(config, "TFBertLMHeadModel"), "TFBertLMHeadModel");
  EXPECT_EQ(chosen(bert_with("\"A\", \"B\""), "BertModel"), "TFBertModel");
  EXPECT_EQ(chosen(bert_with("\"NoSuchClass\""), "BertModel"), "TFBertModel");
}

TEST(ChoosingAClass, ByAFamily) {
  const std::map<std::string, std::string> families = {
      {"AutoModel", "TFBertModel"},
      {"AutoModelForPreTraining", "TFBertForPreTraining"},
      {"AutoModelForMaskedLM", "TFBertForMaskedLM"},
      {"AutoModelForCausalLM", "TFBertLMHeadModel"},
      {"AutoModelForNextSentencePrediction", "TFBertForNextSentencePrediction"},
      {"AutoModelForSequenceClassification", "TFBertForSequenceClassification"},
      {"AutoModelForMultipleChoice", "TFBertForMultipleChoice"},
      {"AutoModelForTokenClassification", "TFBertForTokenClassification"},
      {"AutoModelForQuestionAnswering", "TFBertForQuestionAnswering"},
      {"AutoModelForTextEncoding", "TFBertModel"},
  };
  for (const auto& [family, name] : families) {
    EXPECT_EQ(chosen(kBert, family), name);
    EXPECT_EQ(chosen(kBert, "TF" + family), name);
  }
}

TEST(ChoosingAClass, SaysWhatThereIs) {
  EXPECT_ERROR(choose(R"({"model_type": "no_such_type"})"), ErrorKind::kUnsupported,
               "model_type \"no_such_type\" has no TensorFlow architecture here; supported are ");
  EXPECT_ERROR(choose(R"({"model_type": "no_such_type"})", "BertModel"), ErrorKind::kUnsupported, "bert");
  const std::string heads = " is no class of bert here; supported are TFBertModel, ";
  EXPECT_ERROR(choose(bert_with("\"BertForRobots\"")), ErrorKind::kUnsupported, "TFBertForRobots" + heads);
  EXPECT_ERROR(choose(kBert, "TFBertForRobots"), ErrorKind::kUnsupported, "TFBertForRobots" + heads);
  EXPECT_ERROR(choose(kBert, "AutoModelForVision2Seq"), ErrorKind::kUnsupported, "TFAutoModelForVision2Seq" + heads);
  EXPECT_ERROR(choose(kBert, "tfbertmodel"), ErrorKind::kUnsupported, heads);
}

TEST(ChoosingAClass, WantsOneArchitecture) {
  EXPECT_ERROR(choose(bert_with("\"BertModel\", \"BertForMaskedLM\"")), ErrorKind::kBadInput,
               "config.json names 2 architectures; say which one with --override-model-class");
  EXPECT_ERROR(choose("{}"), ErrorKind::kBadInput,
               "config.json: has no \"model_type\", and does not name its class under \"architectures\"; give the "
               "class with --override-model-class, such as BertModel");
  EXPECT_ERROR(choose("{}", "AutoModelForMaskedLM"), ErrorKind::kBadInput, "TFAutoModelForMaskedLM is no class here");
}

TEST(ChoosingAClass, WithoutAModelType) {
  EXPECT_EQ(chosen(R"({"architectures": ["RobertaForMaskedLM"]})"), "TFRobertaForMaskedLM");
  EXPECT_EQ(chosen("{}", "TFBertModel"), "TFBertModel");
  EXPECT_EQ(choose(R"({"architectures": ["T5WithLMHeadModel"]})").architecture->model_type, "t5");
}

TEST(ChoosingAClass, ThereIsNoneForModelsOfTimm) {
  EXPECT_ERROR(choose(R"({"architecture": "resnet18", "pretrained_cfg": {}})"), ErrorKind::kUnsupported,
               "model_type \"timm_wrapper\" has no TensorFlow architecture here");
}

TEST(ChoosingAClass, ByNamesOfThePast) {
  EXPECT_EQ(chosen(R"({"model_type": "t5", "architectures": ["T5WithLMHeadModel"]})"), "TFT5ForConditionalGeneration");
  EXPECT_EQ(chosen(R"({"model_type": "bart", "architectures": ["BartForMaskedLM"]})"),
            "TFBartForConditionalGeneration");
  EXPECT_EQ(chosen(R"({"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForMaskedLM"]})"), "TFWav2Vec2ForCTC");
  EXPECT_EQ(chosen(bert_with("\"FlaxBertForMaskedLM\"")), "TFBertForMaskedLM");
}

TEST(Registry, EveryTypeHasItsClassesAndTheyAreTheirOwn) {
  std::vector<std::string> types, names;
  for (const keras::Architecture& architecture : models::registry()) {
    ASSERT_FALSE(architecture.heads.empty()) << architecture.model_type;
    EXPECT_THAT(types, testing::Not(Contains(architecture.model_type)));
    EXPECT_THAT(architecture.source, HasSubstr("transformers/models/"));
    types.push_back(architecture.model_type);
    for (const keras::Head& head : architecture.heads) {
      EXPECT_THAT(head.name, testing::StartsWith("TF"));
      EXPECT_THAT(names, testing::Not(Contains(head.name)));
      names.push_back(head.name);
      for (const std::string& family : head.families) EXPECT_THAT(family, testing::StartsWith("TFAutoModel"));
    }
  }
  EXPECT_THAT(types, Contains("bert"));
}

// What to_snake_case of tf_keras 2.21 (utils/generic_utils.py) returns.
TEST(ClassScopes, AreKerasNamesOfModels) {
  const std::map<std::string, std::string> scopes = {
      {"TFBertModel", "tf_bert_model"},
      {"TFBertForPreTraining", "tf_bert_for_pre_training"},
      {"TFBertForMaskedLM", "tf_bert_for_masked_lm"},
      {"TFBertLMHeadModel", "tf_bert_lm_head_model"},
      {"TFBertForNextSentencePrediction", "tf_bert_for_next_sentence_prediction"},
      {"TFBertForSequenceClassification", "tf_bert_for_sequence_classification"},
      {"TFBertForMultipleChoice", "tf_bert_for_multiple_choice"},
      {"TFBertForTokenClassification", "tf_bert_for_token_classification"},
      {"TFBertForQuestionAnswering", "tf_bert_for_question_answering"},
      {"TFGPT2Model", "tfgpt2_model"},
      {"TFGPT2LMHeadModel", "tfgpt2lm_head_model"},
      {"TFT5ForConditionalGeneration", "tft5_for_conditional_generation"},
      {"TFT5EncoderModel", "tft5_encoder_model"},
      {"TFMT5Model", "tfmt5_model"},
      {"TFXLMRobertaForMaskedLM", "tfxlm_roberta_for_masked_lm"},
      {"TFDebertaV2ForMaskedLM", "tf_deberta_v2_for_masked_lm"},
      {"TFCLIPModel", "tfclip_model"},
      {"TFViTModel", "tf_vi_t_model"},
      {"TFOPTForCausalLM", "tfopt_for_causal_lm"},
      {"TFLayoutLMv3Model", "tf_layout_l_mv3_model"},
      {"TFData2VecVisionModel", "tf_data2_vec_vision_model"},
      {"TFWav2Vec2ForCTC", "tf_wav2_vec2_for_ctc"},
      {"TFXLNetLMHeadModel", "tfxl_net_lm_head_model"},
  };
  for (const auto& [name, scope] : scopes) EXPECT_EQ(exporting::class_scope(name), scope) << name;
}

using Tensors = std::map<std::string, tensor::TensorView>;

exporting::TensorToWrite written(const std::string& name, const tensor::TensorView& view) {
  return {name, view.dtype, view.shape, [view](const exporting::ByteSink& put) { put(view.bytes); }};
}

/// A folder with a golden's weights under the names that `rename` gives, and its configuration.
class BertFolder : public testing::Test {
 protected:
  template <class Rename>
  void write(const std::string& golden, const Rename& rename) const {
    const checkpoint::Checkpoint source = checkpoint::Checkpoint::open(golden_path(golden));
    std::vector<exporting::TensorToWrite> tensors;
    for (const auto& [key, view] : source.tensors()) {
      for (const std::string& name : rename(key)) tensors.push_back(written(name, view));
    }
    write_safetensors(path() / "model.safetensors", std::move(tensors), {{"format", "pt"}});
    write_file(path() / "config.json", source.config().json().dump());
  }

  static std::vector<std::string> unchanged(const std::string& key) { return {key}; }

  load::LoadedModel load(const std::string& wanted) const {
    const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(path());
    return load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config(), wanted));
  }

  fs::path path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

const keras::Variable& find(const load::LoadedModel& loaded, const std::string& name) {
  for (const keras::Variable& variable : loaded.weights->variables()) {
    if (variable.name == name) return variable;
  }
  throw std::runtime_error("no variable " + name);
}

std::vector<float> values_of(const keras::Variable& variable) {
  std::vector<float> values(static_cast<std::size_t>(element_count(variable.shape)));
  keras::read_rows(variable, 0, tensor::row_count(variable.shape), values);
  return values;
}

/// The golden's tensor, as it is or transposed.
std::vector<float> golden_values(const std::string& golden, const std::string& key, bool transposed) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(golden_path(golden));
  const tensor::TensorView& view = checkpoint.tensors().at(key);
  const std::vector<float> values = floats_of(view);
  if (!transposed) return values;
  std::vector<float> result;
  const auto columns = static_cast<std::size_t>(view.shape[1]);
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t i = c; i < values.size(); i += columns) result.push_back(values[i]);
  }
  return result;
}

constexpr const char* kKernel = "bert/encoder/layer_._1/intermediate/dense/kernel";
constexpr const char* kKey = "encoder.layer.1.intermediate.dense.weight";  // [24, 16]

TEST_F(BertFolder, TheBaseModelOfItsOwnCheckpoint) {
  write("bert_model", unchanged);
  const load::LoadedModel loaded = load("");
  EXPECT_EQ(loaded.model_class.head->name, "TFBertModel");
  EXPECT_EQ(loaded.weights->variables().size(), 39U);
  EXPECT_EQ(loaded.weights->ledger().size(), 39U);
  EXPECT_EQ(find(loaded, kKernel).shape, (Shape{16, 24}));
  EXPECT_EQ(values_of(find(loaded, kKernel)), golden_values("bert_model", kKey, /*transposed=*/true));
  EXPECT_EQ(loaded.model->config().model_type(), "bert");
}

TEST_F(BertFolder, TheBaseModelOfAHeadsCheckpoint) {
  write("bert_for_sequence_classification", unchanged);
  const load::LoadedModel loaded = load("BertModel");
  EXPECT_EQ(find(loaded, kKernel).key, kKey);  // the prefix "bert." is gone
  EXPECT_EQ(values_of(find(loaded, kKernel)),
            golden_values("bert_for_sequence_classification", std::string("bert.") + kKey, /*transposed=*/true));
  std::vector<std::string> ignored;
  for (const keras::LedgerEntry& entry : loaded.weights->ledger()) {
    if (entry.fate == keras::LedgerEntry::Fate::kIgnored) ignored.push_back(entry.key + ": " + entry.detail);
  }
  EXPECT_THAT(ignored,
              testing::ElementsAre("classifier.bias: part of BertForSequenceClassification, which this class lacks",
                                   "classifier.weight: part of BertForSequenceClassification, which this class lacks"));
}

TEST_F(BertFolder, AHeadWhoseBaseHasNoPrefix) {
  write("bert_model", unchanged);
  EXPECT_ERROR(
      load("BertForSequenceClassification"), ErrorKind::kBadInput,
      path().string() +
          ": the checkpoint does not fit the model; 2 missing: classifier.weight, classifier.bias; the head's alone "
          "are "
          "missing: give the class that was saved with --override-model-class, or BertModel for the model without");
  EXPECT_ERROR(load("BertForTokenClassification"), ErrorKind::kBadInput,
               "; 2 missing: classifier.weight, classifier.bias; the head's alone");
}

TEST_F(BertFolder, ABaseModelSavedWithAPrefix) {
  write("bert_model", [](const std::string& key) { return std::vector<std::string>{"bert." + key}; });
  EXPECT_EQ(values_of(find(load(""), kKernel)), golden_values("bert_model", kKey, /*transposed=*/true));
}

TEST_F(BertFolder, ATensorWithAndWithoutThePrefixIsNotDropped) {
  write("bert_model", [](const std::string& key) {
    std::vector<std::string> names = {"bert." + key};
    if (key == "pooler.dense.bias") names.push_back(key);
    return names;
  });
  EXPECT_ERROR(load(""), ErrorKind::kBadInput, "pooler.dense.bias");
}

TEST_F(BertFolder, AHeadThatTheConfigurationDoesNotName) {
  write("bert_for_masked_lm", unchanged);
  EXPECT_EQ(load("").model_class.head->name, "TFBertForMaskedLM");
  EXPECT_ERROR(load("BertForQuestionAnswering"), ErrorKind::kBadInput, "2 missing: qa_outputs.weight, qa_outputs.bias");
}

TEST_F(BertFolder, ABaseModelWithoutAPooler) {
  write("bert_for_masked_lm", unchanged);
  const load::LoadedModel loaded = load("BertModel");
  EXPECT_EQ(loaded.weights->variables().size(), 37U);
  EXPECT_THAT(loaded.weights->notes(), testing::ElementsAre(HasSubstr("the checkpoint has no pooler, so")));
  const fs::path artifact = path() / "artifact";  // the checkpoint's own file is mapped
  fs::create_directory(artifact);
  fs::copy_file(path() / "config.json", artifact / "config.json");
  exporting::write_tf_safetensors(artifact, "tf_bert_model", loaded.weights->top_layers(),
                                  std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(load::load_from_tensorflow(artifact, "BertModel").weights->variables().size(), 37U);
  // Heads that read it need it.
  EXPECT_ERROR(load("BertForNextSentencePrediction"), ErrorKind::kBadInput, "bert.pooler.dense.weight");
}

TEST_F(BertFolder, APoolerOfWhichAPartIsMissing) {
  write("bert_model", [](const std::string& key) {
    return key == "pooler.dense.bias" ? std::vector<std::string>{} : std::vector<std::string>{key};
  });
  EXPECT_ERROR(load(""), ErrorKind::kBadInput, "1 missing: pooler.dense.bias; ");
}

TEST_F(BertFolder, APrefixThatIsInTheWay) {
  const std::string advice = "\"model.\" in front of the names is in the way";
  write("bert_for_masked_lm", [](const std::string& key) { return std::vector<std::string>{"model." + key}; });
  EXPECT_ERROR(load(""), ErrorKind::kBadInput, advice);
  EXPECT_ERROR(load(""), ErrorKind::kBadInput,
               "model.bert.embeddings.LayerNorm.bias is bert.embeddings.LayerNorm.bias of BertForMaskedLM");
  write("bert_model", [](const std::string& key) { return std::vector<std::string>{"model." + key}; });
  EXPECT_ERROR(load(""), ErrorKind::kBadInput, advice);
  EXPECT_ERROR(load(""), ErrorKind::kBadInput,
               "model.embeddings.LayerNorm.bias is embeddings.LayerNorm.bias of BertModel");
}

TEST_F(BertFolder, TensorsOfTheUsersOwn) {
  write("bert_model", [](const std::string& key) {
    std::vector<std::string> names = {key};
    if (key == "pooler.dense.bias") names.push_back("crf.transitions");
    return names;
  });
  EXPECT_ERROR(load(""), ErrorKind::kBadInput,
               "1 unexpected: crf.transitions; BertModel has no place for them: let them go with --ignore-tensors "
               "'crf.transitions=REASON'");
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(path());
  const load::LoadedModel loaded =
      load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()), {{"crf.*", "mine"}});
  EXPECT_EQ(loaded.weights->ledger().size(), 40U);
  EXPECT_ERROR(load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()), {{"crf", "mine"}}),
               ErrorKind::kUsage, "--ignore-tensors crf: no tensor");
}

TEST_F(BertFolder, AConfigurationWithoutAModelType) {
  write("bert_for_masked_lm", unchanged);
  bytes::Json fields = bytes::Json::object();
  for (const auto& [name, value] : checkpoint::Checkpoint::open(path()).config().json().members()) {
    if (name != "model_type") fields.set(name, value);
  }
  write_file(path() / "config.json", fields.dump());
  const load::LoadedModel loaded = load("");
  EXPECT_EQ(loaded.model_class.head->name, "TFBertForMaskedLM");
  EXPECT_EQ(loaded.model->config().model_type(), "bert");
}

TEST_F(BertFolder, AConfigurationOfAnotherSize) {
  write("bert_model", unchanged);
  write_file(
      path() / "config.json",
      R"({"model_type": "bert", "vocab_size": 65, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
                 "intermediate_size": 24, "max_position_embeddings": 32})");
  EXPECT_ERROR(load(""), ErrorKind::kBadInput, "16 missing: encoder.layer.2.attention.self.query.weight, ");
  EXPECT_ERROR(load(""), ErrorKind::kBadInput, "embeddings.word_embeddings.weight is [64, 16], wanted [65, 16]");
}

TEST_F(BertFolder, ATensorThatIsTied) {
  write("bert_for_masked_lm", [](const std::string& key) {
    std::vector<std::string> names = {key};
    if (key == "bert.embeddings.word_embeddings.weight") names.push_back("cls.predictions.decoder.weight");
    if (key == "cls.predictions.bias") names.push_back("cls.predictions.decoder.bias");
    return names;
  });
  const load::LoadedModel loaded = load("");
  std::vector<std::string> tied;
  for (const keras::LedgerEntry& entry : loaded.weights->ledger()) {
    if (entry.fate == keras::LedgerEntry::Fate::kTied) tied.push_back(entry.key + " to " + entry.detail);
  }
  EXPECT_THAT(tied, testing::ElementsAre("cls.predictions.decoder.bias to cls.predictions.bias",
                                         "cls.predictions.decoder.weight to bert.embeddings.word_embeddings.weight"));
}

/// Transformers 5 saves both and computes with the decoder's; with tied ones they are one.
TEST_F(BertFolder, TheBiasOfAnUntiedHeadIsTheDecoders) {
  const auto rename = [](const std::string& key) {
    std::vector<std::string> names = {key};
    if (key == "cls.predictions.bias") names.push_back("cls.predictions.decoder.bias");
    return names;
  };
  write("bert_untied", rename);
  EXPECT_EQ(find(load(""), "mlm___cls/predictions/bias").key, "cls.predictions.decoder.bias");
  write("bert_for_masked_lm", rename);
  EXPECT_EQ(find(load(""), "mlm___cls/predictions/bias").key, "cls.predictions.bias");
}

TEST_F(BertFolder, AnArtifactBecomesTheSameModel) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(golden_path("bert_for_masked_lm"));
  const load::LoadedModel source = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()));
  write_file(path() / "config.json", checkpoint.config().json().dump());
  exporting::write_tf_safetensors(path(), "tf_bert_for_masked_lm", source.weights->top_layers(),
                                  std::numeric_limits<std::int64_t>::max());
  const load::LoadedModel loaded = load::load_from_tensorflow(path());
  EXPECT_EQ(loaded.model_class.head->name, "TFBertForMaskedLM");
  EXPECT_EQ(loaded.weights->variables().size(), source.weights->variables().size());
  EXPECT_EQ(values_of(find(loaded, kKernel)),
            golden_values("bert_for_masked_lm", std::string("bert.") + kKey, /*transposed=*/true));
  EXPECT_EQ(values_of(find(loaded, "mlm___cls/predictions/bias")),
            golden_values("bert_for_masked_lm", "cls.predictions.bias", /*transposed=*/false));
  EXPECT_ERROR(load::load_from_tensorflow(path(), "BertForNextSentencePrediction"), ErrorKind::kBadInput,
               "missing: bert/pooler/dense/kernel");
}

/// Transformers 5 saves the towers of CLIP without the level that all names of 4 begin with.
TEST(TowersOfClip, AreReadWithAndWithoutTheirOuterLevel) {
  const checkpoint::Checkpoint golden = checkpoint::Checkpoint::open(small_golden_path("clip"));
  const TemporaryFolder folder;
  for (const auto& [type, level] :
       {std::pair<std::string, std::string>{"text", "text_model."}, {"vision", "vision_model."}}) {
    for (const bool with_level : {true, false}) {
      std::vector<exporting::TensorToWrite> tensors;
      for (const auto& [key, view] : golden.tensors()) {
        if (!key.starts_with(level)) continue;
        tensors.push_back(written(with_level ? key : key.substr(level.size()), view));
      }
      bytes::Json config = bytes::Json::parse(golden.config().json().at(type + "_config").dump(), "config.json");
      config.set("architectures", bytes::Json::array());
      write_file(folder.path() / "config.json", config.dump());
      write_safetensors(folder.path() / "model.safetensors", tensors, {});
      const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(folder.path());
      const std::string name = type == "text" ? "CLIPTextModel" : "CLIPVisionModel";
      const load::LoadedModel loaded =
          load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config(), name));
      EXPECT_EQ(loaded.weights->ledger().size(), tensors.size());
      EXPECT_TRUE(loaded.weights->variables().front().key.starts_with(level));
    }
  }
}

TEST_F(BertFolder, WithoutAnArtifact) {
  write_file(path() / "config.json", kBert);
  EXPECT_ERROR(load::load_from_tensorflow(path()), ErrorKind::kBadInput,
               path().string() + ": holds no tf_model.h5, saved_model/ or model.safetensors");
  fs::remove(path() / "config.json");
  EXPECT_ERROR(load::load_from_tensorflow(path()), ErrorKind::kBadInput, "config.json: cannot be read");
}

}  // namespace
}  // namespace crossload
