// Reading which functions a SavedModel offers, from object graphs made by hand.
#include "export/saved_model_functions.h"

#include <gmock/gmock.h>

#include <protozero/pbf_writer.hpp>

#include "test_support.h"

namespace crossload {
namespace {

using protozero::pbf_writer;
using testing::ElementsAre;
using testing::IsEmpty;

std::string message(const std::function<void(pbf_writer*)>& fill) {
  std::string bytes;
  pbf_writer writer(bytes);
  fill(&writer);
  return bytes;
}

// StructuredValue
std::string tensor(const std::string& name, const std::vector<std::int64_t>& sizes, int dtype) {
  const std::string shape = message([&](pbf_writer* w) {
    for (const std::int64_t size : sizes) w->add_message(2, message([&](pbf_writer* d) { d->add_int64(1, size); }));
  });
  const std::string spec = message([&](pbf_writer* w) {
    w->add_string(1, name);
    w->add_message(2, shape);
    w->add_enum(3, dtype);
  });
  return message([&](pbf_writer* w) { w->add_message(33, spec); });
}
std::string boolean(bool value) {
  return message([&](pbf_writer* w) { w->add_bool(14, value); });
}
std::string none() {
  return message([](pbf_writer* w) { w->add_message(1, std::string()); });
}
std::string sequence(protozero::pbf_tag_type field, const std::vector<std::string>& items) {
  const std::string inner = message([&](pbf_writer* w) {
    for (const std::string& item : items) w->add_message(1, item);
  });
  return message([&](pbf_writer* w) { w->add_message(field, inner); });
}
std::string list(const std::vector<std::string>& items) { return sequence(51, items); }
std::string tuple(const std::vector<std::string>& items) { return sequence(52, items); }
std::string pair(const std::string& key, const std::string& value) {
  return message([&](pbf_writer* w) {
    w->add_string(1, key);
    w->add_message(2, value);
  });
}
std::string dict(const std::vector<std::pair<std::string, std::string>>& members) {
  const std::string inner = message([&](pbf_writer* w) {
    for (const auto& [key, value] : members) w->add_message(1, pair(key, value));
  });
  return message([&](pbf_writer* w) { w->add_message(53, inner); });
}

struct Function {
  std::string name;
  std::string inputs = tuple({tuple({}), dict({})});
  std::string outputs = dict({});
  std::vector<std::int32_t> captures = {};
  std::vector<int> input_types = {};  // as the library declares them
  std::vector<int> output_types = {};
};

using Children = std::vector<std::pair<std::string, std::int32_t>>;

std::string object(const Children& children, const std::vector<std::string>& functions = {},
                   protozero::pbf_tag_type kind = 6) {
  return message([&](pbf_writer* w) {
    for (const auto& [name, node] : children) {
      w->add_message(1, message([&](pbf_writer* child) {
                       child->add_int32(1, node);
                       child->add_string(2, name);
                     }));
    }
    if (functions.empty()) return;
    w->add_message(kind, message([&](pbf_writer* holder) {
                     for (const std::string& name : functions) holder->add_string(1, name);
                   }));
  });
}

std::string meta_graph(const std::vector<std::string>& objects, const std::vector<Function>& functions) {
  const std::string library = message([&](pbf_writer* w) {
    for (const Function& function : functions) {
      const auto argument = [](int type) { return message([&](pbf_writer* a) { a->add_enum(3, type); }); };
      const std::string signature = message([&](pbf_writer* s) {
        s->add_string(1, function.name);
        for (const int type : function.input_types) s->add_message(2, argument(type));
        for (const int type : function.output_types) s->add_message(3, argument(type));
      });
      w->add_message(1, message([&](pbf_writer* f) { f->add_message(1, signature); }));
    }
  });
  const std::string graph = message([&](pbf_writer* w) {
    for (const std::string& node : objects) w->add_message(1, node);
    for (const Function& function : functions) {
      w->add_message(2, pair(function.name, message([&](pbf_writer* c) {
                               c->add_packed_int32(2, function.captures.begin(), function.captures.end());
                               c->add_message(3, function.inputs);
                               c->add_message(4, function.outputs);
                             })));
    }
  });
  return message([&](pbf_writer* w) {
    w->add_message(2, message([&](pbf_writer* g) { g->add_message(2, library); }));
    w->add_message(7, graph);
  });
}

constexpr int kFloat = 1;
constexpr int kInt32 = 3;
constexpr int kResource = 20;

/// A model with `__call__` and one signature; node 4 is a variable.
std::string sound() {
  const std::string ids = tensor("x", {-1, -1}, kInt32);
  const Function call = {.name = "call",
                         .inputs = tuple({tuple({dict({{"mask", ids}, {"ids", ids}}), boolean(false)}), dict({})}),
                         .outputs = dict({{"logits", tensor("y", {-1, 2}, kFloat)},
                                          {"hidden", tuple({tensor("a", {3}, kFloat), tensor("b", {4}, kFloat)})}}),
                         .captures = {4},
                         .input_types = {kInt32, kInt32, kResource},
                         .output_types = {kFloat, kFloat, kFloat}};
  const Function training = {.name = "training",
                             .inputs = tuple({tuple({dict({{"ids", ids}}), boolean(true)}), dict({})}),
                             .input_types = {kInt32}};
  const Function serving = {.name = "serving",
                            .inputs = tuple({tuple({}), dict({{"ids", ids}})}),
                            .outputs = dict({{"logits", tensor("logits", {-1, 2}, kFloat)}}),
                            .captures = {4},
                            .input_types = {kInt32, kResource},
                            .output_types = {kFloat}};
  return meta_graph(
      {object({{"__call__", 1}, {"signatures", 2}, {"call_and_return_conditional_losses", 1}}),
       object({}, {"call", "training"}), object({{"serving_default", 3}}), object({}, {"serving"}, 8), object({})},
      {call, training, serving});
}

std::vector<std::string> names(const std::vector<exporting::FunctionTensor>& tensors) {
  std::vector<std::string> found;
  for (const exporting::FunctionTensor& tensor : tensors) found.push_back(tensor.name);
  return found;
}

TEST(SavedFunctions, AreThoseOfMethodsAndSignatures) {
  const std::vector<exporting::SavedFunction> functions = exporting::read_saved_functions(sound(), "x");
  ASSERT_EQ(functions.size(), 3U);
  EXPECT_EQ(functions[0].label, "__call__(ids, mask)");
  EXPECT_FALSE(functions[0].training);
  EXPECT_THAT(names(functions[0].inputs), ElementsAre("ids", "mask"));  // as TensorFlow flattens: by key
  EXPECT_EQ(functions[0].inputs[0].shape, (Shape{-1, -1}));
  EXPECT_THAT(names(functions[0].outputs), ElementsAre("hidden.0", "hidden.1", "logits"));
  EXPECT_THAT(functions[0].captures, ElementsAre(4));
  EXPECT_EQ(functions[1].label, "__call__(ids, training=True)");
  EXPECT_TRUE(functions[1].training);
  EXPECT_EQ(functions[2].label, "serving_default");
  EXPECT_EQ(functions[2].name, "serving");
  EXPECT_TRUE(functions[2].is_signature);
  EXPECT_THAT(functions[2].output_types, ElementsAre(kFloat));
}

TEST(SavedFunctions, UnderTwoNamesAreReadOnce) {
  const Function call = {.name = "f"};
  const auto functions = exporting::read_saved_functions(
      meta_graph({object({{"__call__", 1}, {"serve", 1}}), object({}, {"f"})}, {call}), "x");
  ASSERT_EQ(functions.size(), 1U);
  EXPECT_EQ(functions[0].label, "__call__()");
}

TEST(SavedFunctions, TakeTensorsInAnyPlace) {
  const auto inputs = [](const std::string& signature, std::size_t count) {
    const Function call = {.name = "f", .inputs = signature, .input_types = std::vector<int>(count, kFloat)};
    return names(exporting::read_saved_functions(meta_graph({object({{"serve", 1}}), object({}, {"f"})}, {call}), "x")
                     .at(0)
                     .inputs);
  };
  const std::string x = tensor("x", {}, kFloat);
  const std::string y = tensor("y", {}, kFloat);
  EXPECT_THAT(inputs(tuple({tuple({x, none(), y}), dict({})}), 2), ElementsAre("x", "y"));
  EXPECT_THAT(inputs(tuple({tuple({x}), dict({{"b", y}})}), 2), ElementsAre("x", "b"));
  EXPECT_THAT(inputs(tuple({tuple({list({x, y})}), dict({})}), 2), ElementsAre("0", "1"));
  EXPECT_THAT(inputs(tuple({tuple({dict({{"a", tuple({x, y})}})}), dict({})}), 2), ElementsAre("a.0", "a.1"));
  EXPECT_THAT(inputs(tuple({tuple({}), dict({})}), 0), IsEmpty());
}

void expect_error(const std::string& bytes, const std::string& text) {
  EXPECT_ERROR(exporting::read_saved_functions(bytes, "model"), ErrorKind::kBadInput, "model: " + text);
}

TEST(SavedFunctions, SayWhatIsWrong) {
  const Function f = {.name = "f"};
  expect_error("", "has no object graph");
  expect_error("\xff", "its MetaGraphDef cannot be read");
  expect_error(meta_graph({object({{"__call__", 9}})}, {}), "its object graph names node 9 of 1");
  expect_error(meta_graph({object({{"__call__", -1}})}, {}), "its object graph names node -1 of 1");
  expect_error(meta_graph({object({{"__call__", 1}}), object({}, {"g"})}, {f}), "names the function g and does not");
  const Function other = {.name = "f", .input_types = {kFloat}};
  expect_error(meta_graph({object({{"__call__", 1}}), object({}, {"f"})}, {other}),
               "describes the function f with other arguments or results");
  std::string deep = tensor("x", {}, kFloat);
  for (int i = 0; i < 100; ++i) deep = list({deep});
  const Function nested = {.name = "f", .inputs = deep, .input_types = {kFloat}};
  expect_error(meta_graph({object({{"__call__", 1}}), object({}, {"f"})}, {nested}),
               "a signature is nested too deeply");
}

TEST(SavedFunctions, BrokenBytesAreAnErrorOrOtherFunctions) {
  const std::string whole = sound();
  const auto read = [](const std::string& bytes) {
    try {
      exporting::read_saved_functions(bytes, "x");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadInput);
    }
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    read(whole.substr(0, i));
    for (const char change : {'\x01', '\x80', '\xff', '\x10'}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ change);
      read(changed);
    }
  }
}

}  // namespace
}  // namespace crossload
