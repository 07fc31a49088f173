// The functions of a SavedModel that stand before few bodies: which there are, and that they compute the same.
#include <protozero/pbf_reader.hpp>

#include "export/compact_function.h"
#include "export/saved_model.h"
#include "export/saved_model_graph.h"
#include "graph_fixture.h"
#include "keras/calls.h"
#include "keras/given_or_made.h"
#include "keras/weights.h"
#include "verify/saved_model_session.h"

namespace crossload::keras {
namespace {

using testing::ElementsAre;

/// ids * mask + kinds; of other words, twice these.
class TFMasked : public Model {
 public:
  explicit TFMasked(const Scope& scope)
      : Model(checkpoint::Config(bytes::Json::object()),
              {.serving = token_inputs({"ids", "mask", "kinds"}),
               .others = token_inputs({"words"}),
               .calls = {{"ids"}, {"words"}},
               .defaults = {ones_for({"ids"}, "mask"), {"kinds", 3, {"ids"}}}}) {
    scope.variable("unread", "unread", {1});
  }

  ModelOutput call(const ModelInputs& inputs, const Call&) const override {
    if (const std::optional<tf::Tensor> words = inputs.find("words")) return ModelOutput().add("sum", *words * 2);
    return ModelOutput().add("sum", inputs.at("ids") * inputs.at("mask") + inputs.at("kinds"));
  }
};

std::vector<std::string> names(const Signature& signature) {
  std::vector<std::string> found;
  for (const InputSpec& input : signature) found.push_back(input.name);
  return found;
}

TEST(SavedModelCalls, LeaveOutWhatHasADefault) {
  Weights weights({{"unread", view_of({1}, {0})}});
  const TFMasked model{Scope(&weights)};
  const std::vector<WholeCall> wholes = whole_calls(model);
  ASSERT_EQ(wholes.size(), 2U);  // {ids} is one of the first
  EXPECT_THAT(names(wholes[0].inputs), ElementsAre("ids", "kinds", "mask"));
  EXPECT_THAT(names(wholes[1].inputs), ElementsAre("words"));
  std::vector<std::vector<std::string>> sets;
  for (const Signature& inputs : partial_calls(model, wholes[0].inputs)) sets.push_back(names(inputs));
  EXPECT_THAT(sets, ElementsAre(ElementsAre("ids", "kinds", "mask"), ElementsAre("ids", "kinds"),
                                ElementsAre("ids", "mask"), ElementsAre("ids")));
  EXPECT_EQ(partial_calls(model, wholes[1].inputs).size(), 1U);
}

TEST(SavedModelCalls, FillWhatIsLeftOut) {
  const TemporaryFolder folder;
  Weights weights({{"unread", view_of({1}, {0})}});
  const TFMasked model{Scope(&weights)};
  exporting::write_saved_model(folder.path(), tf::library(), model, weights, "tf_masked");
  verify::SavedModelSession session(tf::library(), {}, folder.path());
  const auto ints = [](const std::vector<std::int64_t>& values) {
    return view_of(DType::kI64, {1, 2}, bytes_of(values));
  };
  const verify::Feeds feeds = {
      {"ids", ints({5, 7})}, {"mask", ints({1, 0})}, {"kinds", ints({10, 20})}, {"words", ints({4, 6})}};
  std::map<std::string, int> times;
  for (std::size_t i = 0; i < session.functions().size(); ++i) {
    const exporting::SavedFunction& function = session.functions()[i];
    SCOPED_TRACE(function.label);
    ++times[function.label];
    const auto takes = [&](const std::string& name) {
      return std::ranges::find(function.inputs, name, &exporting::FunctionTensor::name) != function.inputs.end();
    };
    std::vector<std::int64_t> wanted = {8, 12};
    if (!takes("words")) {
      wanted = {5 + (takes("kinds") ? 10 : 3), (takes("mask") ? 0 : 7) + (takes("kinds") ? 20 : 3)};
    }
    EXPECT_EQ(session.run(i, feeds).at("sum").integers, wanted);
  }
  EXPECT_EQ(times.size(), 12U);  // five sets of inputs, with and without training, and two signatures
  EXPECT_EQ(times.at("__call__(ids)"), 4);
  EXPECT_EQ(times.at("__call__(ids, kinds, mask, training=True)"), 4);
  EXPECT_EQ(times.at("serving_default"), 1);
}

/// words (ids doubled) * places (ids + 1), and what an encoder found, words + 100. Counts how often it was called.
class TFMaking : public Model {
 public:
  explicit TFMaking(const Scope& scope)
      : Model(checkpoint::Config(bytes::Json::object()),
              {.serving = token_inputs({"ids"}),
               .others = token_inputs({"words", "places", "found"}),
               .made = {{"places", {"ids", "words"}}, {"words", {"ids"}, true}, {"found", {"words"}, true, true}}}) {
    scope.variable("unread", "unread", {1});
  }

  ModelOutput call(const ModelInputs& inputs, const Call&) const override {
    ++calls;
    ModelOutput output;
    const tf::Tensor found = given_or_made(inputs, "found", [&] {
      const tf::Tensor words = given_or_made(inputs, "words", [&] { return inputs.at("ids") * 2; });
      output.add("words_seen", words);
      return words + 100;
    });
    const tf::Tensor places = given_or_made(inputs, "places", [&] {
      const std::optional<tf::Tensor> ids = inputs.find("ids");
      return (ids ? *ids : inputs.at("words")) + 1;
    });
    return output.add("product", found * places).add("found_hidden_states", std::vector<tf::Tensor>{found, places});
  }

  mutable int calls = 0;
};

TEST(SavedModelCalls, MakeWhatAnotherStandsFor) {
  const TemporaryFolder folder;
  Weights weights({{"unread", view_of({1}, {0})}});
  const TFMaking model{Scope(&weights)};
  std::vector<std::vector<std::string>> wholes;
  for (const WholeCall& call : whole_calls(model)) {
    wholes.push_back(names(call.inputs));
    EXPECT_THAT(names(call.body), ElementsAre("found", "places"));
  }
  EXPECT_THAT(wholes, ElementsAre(ElementsAre("ids"), ElementsAre("ids", "places"), ElementsAre("words"),
                                  ElementsAre("places", "words"), ElementsAre("found", "places")));
  exporting::write_saved_model(folder.path(), tf::library(), model, weights, "tf_making");
  // Bodies and makers, each for training and not: places of ids and of words, words, found with places.
  EXPECT_EQ(model.calls, 2 * 5);
  verify::SavedModelSession session(tf::library(), {}, folder.path());
  const auto ints = [](const std::vector<std::int64_t>& values) {
    return view_of(DType::kI64, {1, 2}, bytes_of(values));
  };
  const verify::Feeds feeds = {
      {"ids", ints({5, 7})}, {"places", ints({1, 3})}, {"words", ints({4, 6})}, {"found", ints({10, 20})}};
  std::map<std::string, std::vector<std::int64_t>> products;
  std::map<std::string, std::map<std::string, verify::Values>> all;
  for (std::size_t i = 0; i < session.functions().size(); ++i) {
    const std::string label = session.functions()[i].label;
    all[label] = session.run(i, feeds);
    const auto [known, is_new] = products.emplace(label, all[label].at("product").integers);
    EXPECT_EQ(known->second, all[label].at("product").integers) << label;
  }
  EXPECT_THAT(products.at("__call__(ids)"), ElementsAre(110 * 6, 114 * 8));
  EXPECT_THAT(products.at("__call__(ids, places)"), ElementsAre(110 * 1, 114 * 3));
  EXPECT_THAT(products.at("__call__(words)"), ElementsAre(104 * 5, 106 * 7));
  EXPECT_THAT(products.at("__call__(places, words)"), ElementsAre(104 * 1, 106 * 3));
  EXPECT_THAT(products.at("__call__(found, places)"), ElementsAre(10 * 1, 20 * 3));
  EXPECT_THAT(products.at("serving_default"), ElementsAre(110 * 6, 114 * 8));
  // What making it gives is there when it was made, and what is on request where it was asked for.
  EXPECT_THAT(all.at("__call__(places, words)").at("words_seen").integers, ElementsAre(4, 6));
  EXPECT_FALSE(all.at("__call__(found, places)").contains("words_seen"));
  EXPECT_FALSE(all.at("serving_default").contains("found_hidden_states"));
  EXPECT_THAT(all.at(kWithHiddenStates).at("found_hidden_states").integers, ElementsAre(110, 114, 6, 8));
}

/// Hidden states whose sizes are not all the same: ids, ids + 1, ...
class TFUneven : public Model {
 public:
  explicit TFUneven(const Scope& scope)
      : Model(checkpoint::Config(bytes::Json::object()), {.serving = token_inputs({"ids"})}) {
    scope.variable("unread", "unread", {1});
  }

  ModelOutput call(const ModelInputs& inputs, const Call&) const override {
    std::vector<tf::Tensor> states;
    for (int i = 0; i < 12; ++i) states.push_back(inputs.at("ids") + i);
    return ModelOutput().add("product", inputs.at("ids") * 2).add("hidden_states", states, /*is_even=*/false);
  }
};

TEST(SavedModelCalls, ReturnMembersOfUnevenListsByTheirNumbers) {
  const TemporaryFolder folder;
  Weights weights({{"unread", view_of({1}, {0})}});
  exporting::write_saved_model(folder.path(), tf::library(), TFUneven{Scope(&weights)}, weights, "tf_uneven");
  verify::SavedModelSession session(tf::library(), {}, folder.path());
  const verify::Feeds feeds = {{"ids", view_of(DType::kI64, {1, 1}, bytes_of(std::vector<std::int64_t>{5}))}};
  const auto found = std::ranges::find(session.functions(), kWithHiddenStates, [](const auto& f) { return f.label; });
  ASSERT_NE(found, session.functions().end());
  const auto outputs = session.run(static_cast<std::size_t>(found - session.functions().begin()), feeds);
  for (int i = 0; i < 12; ++i) {
    EXPECT_THAT(outputs.at("hidden_states." + std::to_string(i)).integers, ElementsAre(5 + i)) << i;
  }
}

TEST(CompactedFunction, HoldsEqualConstantsOnceAndNamesProducts) {
  tf::Graph graph(tf::library());
  const tf::Tensor x = graph.placeholder(tf::DataType::kFloat, {2, 2}, "x");
  tf::Tensor y = x;
  {
    const tf::NameScope scope(&graph, "module");
    y = tf::matmul(x * 2.0F + 2.0F, x) * 2.0F;
  }
  const std::string whole = graph.to_function("f", {x}, {y}, {"y"}).to_proto();
  const std::string small = exporting::compacted(whole);
  const auto nodes = [](const std::string& function) {
    std::map<std::string, std::string> found;  // name to op
    protozero::pbf_reader reader(function);
    while (reader.next(3)) {
      protozero::pbf_reader node = reader.get_message();
      std::string name;
      std::string op;
      while (node.next()) {
        if (node.tag() == 1) {
          name = node.get_string();
        } else if (node.tag() == 2) {
          op = node.get_string();
        } else {
          node.skip();
        }
      }
      found.emplace(name, op);
    }
    return found;
  };
  EXPECT_EQ(nodes(whole).size(), 7U);
  EXPECT_EQ(nodes(small).size(), 5U);  // three constants are one
  EXPECT_TRUE(std::ranges::any_of(nodes(small), [](const auto& node) { return node.first.starts_with("module/"); }));
  // And it computes what it did.
  tf::Graph caller(tf::library());
  caller.add_function(tf::Function::from_proto(tf::library(), small));
  const tf::Tensor fed = caller.placeholder(tf::DataType::kFloat, {2, 2}, "fed");
  const tf::Tensor called = caller.operation("StatefulPartitionedCall")
                                .inputs({fed})
                                .types("Tin", {tf::DataType::kFloat})
                                .types("Tout", {tf::DataType::kFloat})
                                .function("f", "f")
                                .output();
  tf::Session session(&caller, tf::SessionOptions());
  const auto one = tf::HostTensor::of<float>(tf::library(), {2, 2}, std::vector<float>{1, 0, 0, 1});
  EXPECT_THAT(session.run(std::vector<tf::Session::Feed>{{fed, one}}, {called}).front().floats(),
              ElementsAre(8, 4, 4, 8));
}

}  // namespace
}  // namespace crossload::keras
