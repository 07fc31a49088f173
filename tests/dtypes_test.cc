// A model whose inputs, outputs and variables have other types than float32: written, loaded, served and compared.
#include <protozero/pbf_reader.hpp>
#include <set>

#include "export/saved_model.h"
#include "export/saved_model_graph.h"
#include "export/saved_model_proto.h"
#include "export/tensor_bundle.h"
#include "graph_fixture.h"
#include "keras/model.h"
#include "keras/weights.h"
#include "tensor/half.h"
#include "verify/comparison.h"
#include "verify/runner.h"
#include "verify/saved_model_session.h"

namespace crossload::keras {
namespace {

using testing::ElementsAre;

constexpr float kBetween = 1 + 0x1p-9F;  // no bfloat16, which rounds it to 1; a float16

/// Scores of tokens by two tables, and what a generation or a mask makes of them.
class TFTyped : public Model {
 public:
  explicit TFTyped(const Scope& scope)
      : Model(checkpoint::Config(bytes::Json::object()),
              {.serving = {{"ids", tf::DataType::kInt64, {-1}}, {"scale", tf::DataType::kHalf, {}}}}),
        half_(scope.variable("half", "half", {3}, {.dtype = DType::kF16})),
        brain_(scope.variable("brain", "brain", {3}, {.dtype = DType::kBF16})),
        full_(scope.variable("full", "full", {3})) {}

  ModelOutput call(const ModelInputs& inputs, const Call&) const override {
    const tf::Tensor& ids = inputs.at("ids");
    ModelGraph& graph = ModelGraph::of(ids);
    const tf::Tensor half = tf::gather(graph.value(half_), ids);
    const tf::Tensor brain = tf::gather(graph.value(brain_), ids);
    const tf::Tensor scores = half + brain + tf::gather(graph.value(full_), ids);
    return ModelOutput()
        .add("best", tf::argmax(scores, 0))
        .add("brain", tf::cast(brain, tf::DataType::kBFloat16))
        .add("half", tf::cast(half, tf::DataType::kHalf) * inputs.at("scale"))
        .add("is_high", tf::greater(scores, 3))
        .add("next", ids + 1)
        .add("scores", scores);
  }

 private:
  const Variable& half_;
  const Variable& brain_;
  const Variable& full_;
};

class DTypes : public testing::Test {
 protected:
  Weights weights_{{{"half", view_of({3}, {kBetween, 2, -1})},
                    {"brain", view_of({3}, {kBetween, 2, -1})},
                    {"full", view_of({3}, {kBetween, 0, 7})}}};
  const TFTyped model_{Scope(&weights_)};
  const verify::Feeds feeds_ = {{"ids", view_of(DType::kI64, {2}, bytes_of(std::vector<std::int64_t>{0, 2}))},
                                {"scale", view_of(DType::kF32, {}, bytes_of(std::vector<float>{0.5F}))}};

  static void read(const Variable& variable, std::span<float> out) {
    read_rows(variable, 0, tensor::row_count(variable.shape), out);
  }

  /// By hand: half [1 + 2^-9, -1], brain [1, -1], full [1 + 2^-9, 7].
  static void expect_right(const std::map<std::string, verify::Values>& outputs) {
    ASSERT_EQ(outputs.size(), 6U);
    EXPECT_THAT(outputs.at("scores").elements, ElementsAre(3 + 0x1p-8F, 5));
    EXPECT_THAT(outputs.at("half").elements, ElementsAre(kBetween / 2, -0.5F));
    EXPECT_THAT(outputs.at("brain").elements, ElementsAre(1, -1));
    EXPECT_THAT(outputs.at("best").integers, ElementsAre(1));
    EXPECT_THAT(outputs.at("next").integers, ElementsAre(1, 3));
    EXPECT_THAT(outputs.at("is_high").integers, ElementsAre(1, 1));
    EXPECT_EQ(outputs.at("best").kind, verify::NumberKind::kInteger);
    EXPECT_EQ(outputs.at("is_high").kind, verify::NumberKind::kBoolean);
    EXPECT_EQ(outputs.at("half").kind, verify::NumberKind::kFloating);
    // And as the comparer sees them: the same numbers as PyTorch's, of its own widths.
    const auto compared = [&](const std::string& name, const tensor::TensorView& pytorch) {
      return verify::compare(outputs.at(name), {&pytorch, nullptr, nullptr}, {}, {});
    };
    EXPECT_TRUE(compared("best", view_of(DType::kI64, {}, bytes_of(std::vector<std::int64_t>{1}))).agrees());
    EXPECT_TRUE(compared("next", view_of(DType::kI64, {2}, bytes_of(std::vector<std::int64_t>{1, 3}))).agrees());
    EXPECT_FALSE(compared("next", view_of(DType::kI64, {2}, bytes_of(std::vector<std::int64_t>{1, 4}))).agrees());
    EXPECT_TRUE(compared("is_high", view_of(DType::kBool, {2}, "\1\1")).agrees());
    EXPECT_FALSE(compared("is_high", view_of({2}, {1, 1})).agrees());
    EXPECT_TRUE(
        compared("half", view_of(DType::kF16, {2},
                                 bytes_of(std::vector<std::uint16_t>{tensor::float16_bits(kBetween / 2), 0xb800})))
            .agrees());
  }
};

TEST_F(DTypes, AreObserved) {
  const verify::Observation observation = verify::observe(tf::library(), {}, model_, weights_, read, feeds_);
  expect_right(observation.outputs);
}

TEST_F(DTypes, AreWrittenAndServed) {
  TemporaryFolder folder;
  exporting::write_saved_model(folder.path(), tf::library(), model_, weights_, "tf_typed");
  verify::SavedModelSession session(tf::library(), {}, folder.path());
  // two signatures, and __call__ without and with training, as a dictionary and by keyword, int32 and int64
  ASSERT_EQ(session.functions().size(), 10U);
  std::multiset<int> widths;
  for (std::size_t i = 0; i < session.functions().size(); ++i) {
    SCOPED_TRACE(session.functions()[i].label);
    expect_right(session.run(i, feeds_));
    std::vector<std::string> types;
    for (const exporting::FunctionTensor& output : session.functions()[i].outputs) {
      types.push_back(output.name + " " + tf::name_of(static_cast<tf::DataType>(output.dtype)));
    }
    EXPECT_THAT(types, ElementsAre("best int32", "brain bfloat16", "half float16", "is_high bool", "next int64",
                                   "scores float32"));
    const int ids = static_cast<int>(session.functions()[i].input_types.front());
    widths.insert(ids);
  }
  EXPECT_EQ(widths.count(static_cast<int>(tf::DataType::kInt32)), 4U);
  EXPECT_EQ(widths.count(static_cast<int>(tf::DataType::kInt64)), 6U);  // as the model has it, and the signatures
  // And by the nodes that TensorFlow Serving feeds and fetches.
  tf::Graph graph(tf::library());
  std::string meta_graph;
  tf::Session server = tf::Session::load(folder.path(), &graph, {}, &meta_graph);
  const exporting::ServingSignature signature = exporting::read_serving_signature(meta_graph, "typed");
  const auto node = [&](const std::string& name) {
    const std::size_t colon = name.find(':');
    TF_Operation* operation = tf::library()->TF_GraphOperationByName(graph.get(), name.substr(0, colon).c_str());
    return tf::Tensor(&graph, TF_Output{operation, std::stoi(name.substr(colon + 1))});
  };
  std::vector<tf::Session::Feed> fed;
  for (const auto& [name, placeholder] : signature.inputs) {
    const tf::Tensor input = node(placeholder);
    fed.emplace_back(input, verify::to_host(tf::library(), name, feeds_.at(name), input.dtype()));
  }
  std::map<std::string, verify::Values> served;
  for (const auto& [name, output] : signature.outputs) {
    served.emplace(name, verify::to_values(server.run(fed, {node(output)}).front(), {}));
  }
  expect_right(served);
  // The variables take two bytes an element.
  const exporting::TensorBundle bundle = exporting::TensorBundle::open(folder.path() / "variables" / "variables");
  std::vector<DType> types;
  for (std::size_t i = 0; i < 3; ++i) types.push_back(bundle.tensor(exporting::variable_checkpoint_key(i)).dtype);
  EXPECT_THAT(types, ElementsAre(DType::kF16, DType::kBF16, DType::kF32));
  EXPECT_EQ(bundle.tensor(exporting::variable_checkpoint_key(1)).bytes.size(), 6U);
}

/// The messages of one field, one after the other.
std::vector<protozero::pbf_reader> messages(const std::vector<protozero::pbf_reader>& from, int field) {
  std::vector<protozero::pbf_reader> found;
  for (protozero::pbf_reader reader : from) {
    while (reader.next(static_cast<protozero::pbf_tag_type>(field))) found.push_back(reader.get_message());
  }
  return found;
}

// Python derives the gradients of a function from what it says of its resources; a session does not read that.
TEST_F(DTypes, OfCapturedResourcesAreTheirVariables) {
  const exporting::SavedModelGraph graph = exporting::build_saved_model_graph(tf::library(), model_, weights_);
  // GraphDef.library.function.signature.input_arg.handle_data
  std::vector<protozero::pbf_reader> found = {protozero::pbf_reader(graph.graph_def)};
  for (const int field : {2, 1, 1, 2, 7}) found = messages(found, field);
  std::vector<int> types;
  for (protozero::pbf_reader& handle : found) {
    ASSERT_TRUE(handle.next(1));
    types.push_back(handle.get_enum());
  }
  EXPECT_THAT(types, ElementsAre(19, 14, 1, 19, 14, 1));  // in both bodies; what wraps them captures variables
}

TEST_F(DTypes, OfVariablesAreFloating) {
  const Scope scope(&weights_);
  EXPECT_ERROR(scope.variable("half", "half", {3}, {.dtype = DType::kI64}), ErrorKind::kUnsupported,
               "half: a variable of int64; wanted float32, float16 or bfloat16");
}

TEST_F(DTypes, OfInputsMustHoldThem) {
  const tensor::TensorView wide = view_of(DType::kI64, {1}, bytes_of(std::vector<std::int64_t>{std::int64_t{1} << 40}));
  EXPECT_ERROR(verify::to_host(tf::library(), "ids", wide, tf::DataType::kInt32), ErrorKind::kUsage,
               "the input \"ids\" holds 1099511627776");
  EXPECT_ERROR(verify::to_host(tf::library(), "ids", wide, tf::DataType::kString), ErrorKind::kUnsupported, "string");
  const tf::HostTensor half = verify::to_host(tf::library(), "x", view_of({2}, {0.1F, -2}), tf::DataType::kHalf);
  EXPECT_EQ(half.dtype(), tf::DataType::kHalf);
  EXPECT_THAT(half.floats(), ElementsAre(0.0999755859375F, -2));
  EXPECT_ERROR(tf::HostTensor(tf::library(), tf::DataType::kInt32, {1}).floats(), ErrorKind::kUsage,
               "a tensor of int32 has no floating elements");
}

}  // namespace
}  // namespace crossload::keras
