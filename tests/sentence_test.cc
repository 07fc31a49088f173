// Folders of sentence-transformers, made from a golden: a transformer, and modules that make an embedding of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "checkpoint/sentence_modules.h"
#include "checkpoint_folder.h"
#include "crossload/compare.h"
#include "crossload/convert.h"
#include "crossload/error.h"
#include "crossload/record.h"
#include "export/stored_weights.h"
#include "load/loaded_model.h"
#include "test_support.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;

/// Numbers that have no pattern, owned by the view.
tensor::TensorView numbers(const Shape& shape) {
  const auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < values->size(); ++i) (*values)[i] = static_cast<float>((i * 37 + 11) % 41) / 41 - 0.4F;
  return {DType::kF32, shape, std::as_bytes(std::span<const float>(*values)), values};
}

std::string entry(const std::string& name, const std::string& path, const std::string& type) {
  return R"({"idx": )" + name + R"(, "name": ")" + name + R"(", "path": ")" + path + R"(", "type": ")" + type + "\"}";
}

std::string of_package(const std::string& kind) { return "sentence_transformers.models." + kind; }

class Sentences : public testing::Test {
 protected:
  /// BERT, two poolings side by side, Dense, LayerNorm, Normalize.
  Sentences() {
    make_checkpoint(model());
    width_ = checkpoint::Checkpoint::open(model()).config().integer("hidden_size", 0);
    const std::string twice = std::to_string(2 * width_);
    write(
        "1_Pooling/config.json",
        R"({"word_embedding_dimension": )" + std::to_string(width_) +
            R"(, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false})");
    write("2_Dense/config.json", R"({"in_features": )" + twice +
                                     R"(, "out_features": 5, "bias": true,
                                        "activation_function": "torch.nn.modules.activation.Tanh"})");
    write_safetensors(model() / "2_Dense" / "model.safetensors",
                      {{"linear.weight", numbers({5, 2 * width_})}, {"linear.bias", numbers({5})}});
    write("3_LayerNorm/config.json", R"({"dimension": 5})");
    write_safetensors(model() / "3_LayerNorm" / "model.safetensors",
                      {{"norm.weight", numbers({5})}, {"norm.bias", numbers({5})}});
    write_modules(
        {entry("1", "1_Pooling", of_package("Pooling")), entry("2", "2_Dense", of_package("Dense")),
         entry("3", "3_LayerNorm", of_package("LayerNorm")),
         entry("4", "4_Normalize", "sentence_transformers.sentence_transformer.modules.normalize.Normalize")});
  }

  fs::path model() const { return folder_.path() / "model"; }
  fs::path out() const { return folder_.path() / "out"; }
  fs::path trace() const { return folder_.path() / "trace.safetensors"; }

  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((model() / file).parent_path());
    write_file(model() / file, text);
  }
  void write_modules(const std::vector<std::string>& others, const std::string& path = "") const {
    std::string text = "[" + entry("0", path, of_package("Transformer"));
    for (const std::string& other : others) text += ", " + other;
    write("modules.json", text + "]");
  }
  void write_pooling(const std::string& fields) const {
    write("1_Pooling/config.json", R"({"embedding_dimension": )" + std::to_string(width_) + ", " + fields + "}");
  }

  load::LoadedModel load(const std::string& wanted = "") const {
    const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(model());
    return load::load_from_pytorch(checkpoint, load::choose_class(checkpoint, wanted));
  }

  void record() const {
    RecordOptions options;
    options.model = model();
    options.output = trace();
    crossload::record(options);
  }

  ConvertOptions options() const {
    ConvertOptions options;
    options.model = model();
    options.output = out();
    options.settings.reference = trace();
    return options;
  }

  bytes::Json certificate() const { return bytes::Json::parse(read_file(out() / "crossload.json"), "crossload.json"); }

  const TemporaryFolder folder_;
  std::int64_t width_ = 0;
};

std::vector<std::string> texts_of(const bytes::Json& list, const std::string& field) {
  std::vector<std::string> texts;
  for (const bytes::Json& element : list.elements()) texts.push_back(element.at(field).as_string());
  return texts;
}

TEST_F(Sentences, AreConvertedAsAWholeAndCompared) {
  record();
  const Outcome outcome = convert(options());
  EXPECT_TRUE(outcome.agrees);
  EXPECT_EQ(outcome.tensorflow_class, "SentenceTransformer");
  EXPECT_EQ(outcome.modules_compared, outcome.modules_traced);
  EXPECT_THAT(outcome.notes, Contains(HasSubstr("the transformer alone, as Transformers 4 has it")));
  const bytes::Json document = certificate();
  EXPECT_THAT(texts_of(document.at("stages"), "path"),
              IsSupersetOf({"1", "2.linear", "2.activation_function", "2", "3.norm", "3", "4"}));
  EXPECT_THAT(texts_of(document.at("ledger"), "tensor"),
              IsSupersetOf({"2.linear.weight", "2.linear.bias", "3.norm.weight", "3.norm.bias"}));
  EXPECT_THAT(texts_of(document.at("read"), "file"),
              IsSupersetOf({"config.json", "model.safetensors", "modules.json", "1_Pooling/config.json",
                            "2_Dense/config.json", "2_Dense/model.safetensors"}));
  // tf_model.h5 is the transformer's, which has no variable of the others.
  const auto names = exporting::open_h5_weights(out())->tensors();
  EXPECT_FALSE(names.contains("2/linear/kernel"));
  EXPECT_EQ(names.size() + 4, load().weights->variables().size());

  CompareOptions again;
  again.artifact = out();
  again.model = model();
  again.settings.reference = trace();
  const Outcome compared = compare(again);
  EXPECT_TRUE(compared.agrees);
  EXPECT_EQ(compared.tensorflow_class, "SentenceTransformer");
}

TEST_F(Sentences, ThatDifferAreFoundAtTheModule) {
  record();
  write_pooling(R"("pooling_mode": ["mean", "cls"])");
  ConvertOptions wrong = options();
  wrong.settings.json = folder_.path() / "certificate.json";
  EXPECT_FALSE(convert(wrong).agrees);
  const bytes::Json pooling = bytes::Json::parse(read_file(wrong.settings.json), "certificate.json");
  EXPECT_EQ(pooling.at("first_divergence").at("stage").as_string(), "1");

  write_pooling(R"("pooling_mode": ["cls", "mean"])");
  tensor::TensorView bias = numbers({5});
  const auto other = std::make_shared<std::vector<float>>(5, 0.5F);
  bias.bytes = std::as_bytes(std::span<const float>(*other));
  bias.owner = other;
  write_safetensors(model() / "2_Dense" / "model.safetensors",
                    {{"linear.weight", numbers({5, 2 * width_})}, {"linear.bias", bias}});
  EXPECT_FALSE(convert(wrong).agrees);
  const bytes::Json dense = bytes::Json::parse(read_file(wrong.settings.json), "certificate.json");
  EXPECT_EQ(dense.at("first_divergence").at("stage").as_string(), "2.linear");
}

TEST_F(Sentences, InAnOlderLayout) {
  fs::create_directories(model() / "0_Transformer");
  for (const char* file : {"config.json", "model.safetensors", "vocab.txt"}) {
    fs::rename(model() / file, model() / "0_Transformer" / file);
  }
  write_modules({entry("1", "1_Pooling", of_package("Pooling"))}, "0_Transformer");
  record();
  EXPECT_TRUE(convert(options()).agrees);
  EXPECT_THAT(texts_of(certificate().at("read"), "file"), Contains("0_Transformer/config.json"));
  EXPECT_TRUE(fs::exists(out() / "vocab.txt"));
  EXPECT_EQ(checkpoint::transformer_folder(out()), out());
}

TEST_F(Sentences, TheTransformerAloneByItsClass) {
  EXPECT_EQ(load("BertModel").model_class.name(), "TFBertModel");
  EXPECT_EQ(load("BertModel").model->interface().own_signatures.size(), 0U);
  EXPECT_EQ(load().model_class.name(), "SentenceTransformer");
}

TEST_F(Sentences, WithoutASavedModelAreTheTransformer) {
  ConvertOptions h5 = options();
  h5.verify = false;
  h5.formats = {Format::kH5};
  const Outcome outcome = convert(h5);
  EXPECT_EQ(outcome.tensorflow_class, "TFBertModel");
  EXPECT_THAT(outcome.notes, Contains(HasSubstr("sentence embeddings are in saved_model and litert alone")));
}

TEST_F(Sentences, InLitertAreASignature) {
  record();
  ConvertOptions litert = options();
  litert.formats = {Format::kLitert};
  const Outcome outcome = convert(litert);
  EXPECT_TRUE(outcome.agrees) << testing::PrintToString(outcome.findings);
  const bytes::Json file = certificate().at("litert");
  EXPECT_EQ(file.at("signatures").dump(), R"(["sentence_embedding","serving_default"])");
  EXPECT_THAT(texts_of(file.at("functions"), "name"), Contains("model.tflite sentence_embedding (ai_edge_litert)"));
  EXPECT_THAT(texts_of(file.at("outputs"), "name"), Contains("sentence_embedding.sentence_embedding"));
}

TEST_F(Sentences, OfUnknownModulesAreRefused) {
  const auto expect_refused = [&](const std::string& type, const std::string& why) {
    write_modules({entry("1", "1_Pooling", of_package("Pooling")), entry("2", "2_X", type)});
    EXPECT_ERROR(load(), ErrorKind::kUnsupported, "modules.json: module 2 is " + type + ", " + why);
    EXPECT_ERROR(load(), ErrorKind::kUnsupported, "--override-model-class");
  };
  expect_refused(of_package("CNN"), "which is not supported after a Transformer; supported are Dense, LayerNorm");
  expect_refused("my_code.Pooling", "whose code is the model's own");
  write("modules.json", "[" + entry("0", "", of_package("WordEmbeddings")) + "]");
  EXPECT_ERROR(load(), ErrorKind::kUnsupported, "and a model here begins with a Transformer");
  write_modules({entry("1", "", of_package("Normalize"))});
  EXPECT_ERROR(load(), ErrorKind::kUnsupported, "no Pooling follows the Transformer");
  write_modules({entry("1", "1_Pooling", of_package("Pooling")), entry("2", "1_Pooling", of_package("Pooling"))});
  EXPECT_ERROR(load(), ErrorKind::kUnsupported, "module 2 is a second Pooling");
}

TEST_F(Sentences, WithAWrongListOfModules) {
  const auto expect_bad = [&](const std::string& text, const std::string& why) {
    write("modules.json", text);
    EXPECT_ERROR(load(), ErrorKind::kBadInput, why);
  };
  expect_bad("{}", "modules.json: is no list of modules");
  expect_bad("[]", "modules.json: names no modules");
  expect_bad("[" + entry("0", "../x", of_package("Transformer")) + "]", "the path \"../x\" leads out of the folder");
  const std::string transformer = entry("0", "", of_package("Transformer"));
  expect_bad("[" + transformer + ", " + transformer + "]", "two modules are called \"0\"");
  expect_bad(R"([{"idx": 0, "name": "a/b", "path": "", "type": "x"}])",
             "a module is called \"a/b\"; a number is wanted");
  expect_bad(R"([{"idx": 0}])", "name");
}

TEST_F(Sentences, WithAWrongModule) {
  write_pooling(R"("pooling_mode": "median")");
  EXPECT_ERROR(load(), ErrorKind::kUnsupported, "1_Pooling/config.json: the pooling_mode \"median\" is not known");
  write_pooling(R"("pooling_mode_median": true)");
  EXPECT_ERROR(load(), ErrorKind::kUnsupported, "the field pooling_mode_median of a Pooling is not known");
  write("1_Pooling/config.json", R"({"embedding_dimension": 7})");
  EXPECT_ERROR(load(), ErrorKind::kBadInput, "embedding_dimension is 7, and what comes before has a width of ");
  write_pooling(R"("pooling_mode": "mean")");
  EXPECT_ERROR(load(), ErrorKind::kBadInput, "2_Dense/config.json: in_features is ");
  write_pooling(R"("pooling_mode": ["max", "lasttoken"])");
  write("3_LayerNorm/config.json", R"({"dimension": 6})");
  EXPECT_ERROR(load(), ErrorKind::kBadInput, "3_LayerNorm/config.json: dimension is 6, and what comes before");
  fs::remove(model() / "2_Dense" / "model.safetensors");
  EXPECT_ERROR(load(), ErrorKind::kBadInput, "2_Dense: has neither model.safetensors nor pytorch_model.bin");
  fs::remove(model() / "2_Dense" / "config.json");
  EXPECT_ERROR(load(), ErrorKind::kBadInput, "2_Dense/config.json: is not there, and module 2 is a Dense");
}

TEST_F(Sentences, LeavePromptsOut) {
  write_pooling(R"("pooling_mode": ["cls", "mean"], "include_prompt": false)");
  ConvertOptions unverified = options();
  unverified.verify = false;
  EXPECT_THAT(convert(unverified).notes, Contains(HasSubstr("include_prompt is false")));
}

}  // namespace
}  // namespace crossload
