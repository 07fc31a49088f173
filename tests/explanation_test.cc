// The first divergence of a whole model in words: a golden is run with a fault, and the class, the places and the hint
// are those of the fault.
#include "verify/explanation.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "crossload/convert.h"
#include "goldens.h"
#include "load/loaded_model.h"
#include "tensorflow_library.h"
#include "test_support.h"
#include "verify/certificate_check.h"
#include "verify/describe.h"
#include "verify/json_schema.h"

namespace crossload::verify {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// A checkpoint that is a golden's but for a text of the same length in its configuration.
class Changed {
 public:
  Changed(const std::string& name, const std::string& from, const std::string& to) {
    std::string text = read_file(golden_path(name));
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_EQ(from.size(), to.size());
    text.replace(at, to.size(), to);
    write_file(path(), text);
  }
  fs::path path() const { return folder_.path() / "model.safetensors"; }

 private:
  TemporaryFolder folder_;
};

/// What a golden's trace says of a checkpoint whose variables may be changed as they are read.
Verification verified(const std::string& name, const fs::path& checkpoint_path,
                      const std::function<void(const keras::Variable&, std::span<float>)>& change = {}) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(checkpoint_path);
  const load::LoadedModel loaded = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()));
  const Trace trace = Trace::open(golden_path(name));
  const auto read = [&](const keras::Variable& variable, std::span<float> out) {
    keras::read_rows(variable, 0, tensor::row_count(variable.shape), out);
    if (change) change(variable, out);
  };
  const Observation observation = observe(tf::library(), {}, *loaded.model, *loaded.weights, read, trace.inputs());
  return verify(trace, observation, {}, Tolerances{}, &*loaded.weights);
}

std::string first_of(const Verification& verification) {
  const StageReport* first = verification.first_divergence();
  return first == nullptr ? "" : describe_divergence(*first);
}

/// A variable's values are those of the same elements of another one.
std::string with_values_of(const std::string& name, const std::string& variable_name, const std::string& other_name) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(golden_path(name));
  const load::LoadedModel loaded = load::load_from_pytorch(checkpoint, load::choose_class(checkpoint.config()));
  const auto& variables = loaded.weights->variables();
  const auto other = std::find_if(variables.begin(), variables.end(),
                                  [&](const keras::Variable& variable) { return variable.name == other_name; });
  EXPECT_NE(other, variables.end()) << other_name;
  return first_of(verified(name, golden_path(name), [&](const keras::Variable& variable, std::span<float> out) {
    if (variable.name == variable_name) keras::read_rows(*other, 0, tensor::row_count(other->shape), out);
  }));
}

TEST(Explanations, NoneWhereAllAgrees) { EXPECT_EQ(first_of(verified("bert_model", golden_path("bert_model"))), ""); }

TEST(Explanations, OfAnEpsilon) {
  const Changed checkpoint("bert_model", R"(\"layer_norm_eps\": 1e-12)", R"(\"layer_norm_eps\": 1e-03)");
  const std::string text = first_of(verified("bert_model", checkpoint.path()));
  EXPECT_THAT(text, StartsWith("embeddings.LayerNorm (LayerNorm, normalization.py:"));
  EXPECT_THAT(text, HasSubstr("; in TensorFlow LayerNormalization, src/keras/layers.cc:"));
  EXPECT_THAT(text, HasSubstr(", called by TFBertEmbeddings, src/blocks/bert_block.cc:"));
  EXPECT_THAT(text, EndsWith("; hint: TensorFlow computes with epsilon 0.001 where PyTorch has 1e-12"));
}

TEST(Explanations, OfAnActivation) {
  const Changed checkpoint("bert_model", R"(\"hidden_act\": \"gelu\")", R"(\"hidden_act\": \"silu\")");
  EXPECT_THAT(first_of(verified("bert_model", checkpoint.path())),
              AllOf(StartsWith("encoder.layer.0.intermediate.intermediate_act_fn (GELUActivation, activations.py:"),
                    EndsWith("hint: TensorFlow applies silu to encoder.layer.0.intermediate.dense, PyTorch gelu")));
}

TEST(Explanations, OfAVariable) {
  EXPECT_THAT(with_values_of("bert_model", "bert/encoder/layer_._0/attention/self/query/kernel",
                             "bert/encoder/layer_._0/attention/self/key/kernel"),
              EndsWith("hint: TensorFlow multiplies by the kernel of encoder.layer.0.attention.self.key"));
  const auto zero = [](const std::string& name) {
    return [name](const keras::Variable& variable, std::span<float> out) {
      if (variable.name == name) std::fill(out.begin(), out.end(), 0.0F);
    };
  };
  EXPECT_THAT(
      first_of(verified("bert_model", golden_path("bert_model"), zero("bert/encoder/layer_._1/output/dense/bias"))),
      AllOf(StartsWith("encoder.layer.1.output.dense (Linear, "),
            EndsWith("hint: TensorFlow lacks the bias: every row differs by it")));
  EXPECT_THAT(first_of(verified("bert_model", golden_path("bert_model"),
                                [](const auto& variable, std::span<float> out) {
                                  if (variable.name == "bert/encoder/layer_._1/output/dense/kernel") out[5] += 0.25F;
                                })),
              EndsWith("hint: one element of TensorFlow's kernel, [0, 5], is off by 0.25"));
  EXPECT_THAT(first_of(verified("bert_model", golden_path("bert_model"),
                                [](const auto& variable, std::span<float> out) {
                                  if (!variable.name.ends_with("position_embeddings/embeddings")) return;
                                  std::rotate(out.begin(), out.begin() + variable.shape[1], out.end());
                                })),
              HasSubstr("hint: TensorFlow takes row 1 at [0, 0] where PyTorch takes 0, 1 more everywhere"));
}

TEST(Explanations, OfAShape) {
  const Changed checkpoint("bert_model", R"(\"num_attention_heads\": 2)", R"(\"num_attention_heads\": 1)");
  // One head instead of two: the probabilities have another shape.
  EXPECT_THAT(first_of(verified("bert_model", checkpoint.path())),
              AllOf(StartsWith("encoder.layer.0.attention.self.dropout (Dropout, "),
                    HasSubstr("): they differ in shape or type: TensorFlow [2, 1, 7, 7], PyTorch [2, 2, 7, 7]; in "),
                    HasSubstr("called by TFBertSelfAttention, src/blocks/bert_block.cc:")));
}

// A conversion whose reference holds an id that the checkpoint's table has no row for: TensorFlow stops in the module
// that takes it, and that is a disagreement with a certificate, not an error.
TEST(Explanations, OfAConversionThatCannotRun) {
  const Trace trace = Trace::open(golden_path("bert_model"));
  const tensor::TensorView& ids = trace.inputs().at("input_ids");
  ASSERT_EQ(ids.dtype, DType::kI64);
  // With the tensor after it in the file, since the cells have the same ids.
  const tensor::TensorView& types = trace.inputs().at("token_type_ids");
  const auto text_of = [](const tensor::TensorView& view) {
    return std::string(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
  };
  const std::string before = text_of(ids) + text_of(types);
  std::string after = before;
  after[1] = 0x40;  // the first id becomes 16384 and more
  const Changed reference("bert_model", before, after);
  TemporaryFolder folder;
  ConvertOptions options;
  options.model = golden_path("bert_model");
  options.settings.reference = reference.path();
  options.output = folder.path() / "artifact";
  options.settings.json = folder.path() / "certificate.json";
  options.formats = {Format::kH5};
  const Outcome result = convert(options);
  EXPECT_FALSE(result.agrees);
  EXPECT_FALSE(result.written);
  EXPECT_FALSE(fs::exists(options.output));
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_THAT(
      result.findings.front(),
      AllOf(StartsWith("first divergence: embeddings.word_embeddings (Embedding, src/keras/layers."),
            HasSubstr("; called by TFBertEmbeddings, src/blocks/bert_block.cc:"),
            HasSubstr("): TensorFlow cannot compute "), HasSubstr("indices[0, 0] = 16"), HasSubstr(" is not in [0, ")));
  const bytes::Json certificate = bytes::Json::parse(read_file(options.settings.json), "certificate.json");
  EXPECT_EQ(JsonSchema(bytes::Json::parse(certificate_schema(), "schema")).fault(certificate).value_or(""), "");
  EXPECT_EQ(certificate.at("verdict").as_string(), "disagrees");
  EXPECT_EQ(certificate.at("first_divergence").at("path").as_string(), "embeddings.word_embeddings");
  EXPECT_EQ(certificate.at("first_divergence").at("tensorflow_class").as_string(), "Embedding");
}

TEST(Explanations, OfAModelThatCannotRun) {
  keras::ModuleFailure failure;
  failure.place = {"encoder", "TFBertEncoder", "src/models/modeling_tf_bert.cc", 9};
  failure.operation = "AddV2";
  failure.reason = "shapes [2] and [3] do not fit";
  const Verification verification = failed(Trace::open(golden_path("bert_model")), failure);
  EXPECT_FALSE(verification.agrees());
  EXPECT_GT(verification.modules_traced, 30U);
  EXPECT_EQ(
      verification.failure->text(),
      "encoder (TFBertEncoder, src/models/modeling_tf_bert.cc:9): TensorFlow cannot compute AddV2: shapes [2] and "
      "[3] do not fit");
}

}  // namespace
}  // namespace crossload::verify
