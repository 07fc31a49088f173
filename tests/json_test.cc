// JSON documents and config.json: what is read, and what the errors say.
#include "bytes/json.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "checkpoint/config.h"
#include "test_support.h"

namespace crossload {
namespace {

using testing::ElementsAre;

bytes::Json parse(const std::string& text) { return bytes::Json::parse(text, "x.json"); }

void expect_invalid(const std::string& text, const std::string& why) {
  EXPECT_ERROR(parse(text), ErrorKind::kBadInput, "x.json: not valid JSON at line ");
  EXPECT_ERROR(parse(text), ErrorKind::kBadInput, why);
}

TEST(JsonParsing, EveryType) {
  const bytes::Json json =
      parse(R"({"n": null, "i": -7, "d": 1.5e-3, "t": true, "f": false, "s": "\u00e4\n", "a": [1, []], "o": {}})");
  EXPECT_TRUE(json.is_object());
  EXPECT_EQ(json.size(), 8U);
  EXPECT_TRUE(json.at("n").is_null());
  EXPECT_EQ(json.at("i").as_integer(), -7);
  EXPECT_EQ(json.at("i").as_number(), -7.0);
  EXPECT_EQ(json.at("d").as_number(), 1.5e-3);
  EXPECT_TRUE(json.at("t").as_bool());
  EXPECT_FALSE(json.at("f").as_bool());
  EXPECT_EQ(json.at("s").as_string(), "\xc3\xa4\n");
  EXPECT_EQ(json.at("a").at(std::size_t{0}).as_integer(), 1);
  EXPECT_EQ(json.at("a").elements().at(1).size(), 0U);
  EXPECT_EQ(json.at("o").members().size(), 0U);
  EXPECT_EQ(json.at("s").size(), 0U);
  EXPECT_TRUE(json.contains("n"));
  EXPECT_FALSE(json.contains("x"));
  EXPECT_FALSE(json.at("a").contains("x"));
  EXPECT_TRUE(parse("3").is_integer() && parse("3").is_number() && !parse("3").is_bool());
  EXPECT_TRUE(parse("3.0").is_number() && !parse("3.0").is_integer());
  EXPECT_TRUE(parse("[]").is_array() && parse("\"\"").is_string() && parse("true").is_bool());
}

TEST(JsonParsing, KeepsTheOrderOfMembers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : parse(R"({"z": 1, "a": 2, "m": {"y": 0, "b": 0}})").members()) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("z", "a", "m"));
}

TEST(JsonParsing, TakesNulInStrings) { EXPECT_EQ(parse(R"("a\u0000b")").as_string(), std::string("a\0b", 3)); }

TEST(JsonParsing, SaysWhatIsNoJson) {
  expect_invalid("", "");
  expect_invalid("{\"a\": }", "unexpected token");
  expect_invalid("{\"a\": 1,\n\"b\": 2,}", "at line 2");
  expect_invalid("{\"a\": 1} x", "end of file expected");
  expect_invalid("{\"a\": 1", "");
  expect_invalid("{'a': 1}", "");
  expect_invalid("{\"a\": 01}", "");
  expect_invalid("[1, 2", "");
  expect_invalid("\"open", "");
  expect_invalid("nul", "");
  expect_invalid("[\"\xff\"]", "unable to decode byte 0xff");
  expect_invalid("[\"\xc3\"]", "");
  expect_invalid(std::string("[1]\0[2]", 7), "");
  expect_invalid(R"({"a\u0000b": 1})", "");
  expect_invalid("// no comments\n1", "");
}

TEST(JsonParsing, RefusesDuplicateMembers) {
  expect_invalid(R"({"a": 1, "a": 1})", "duplicate object key");
  expect_invalid(R"({"o": {"a": 1, "\u0061": 2}})", "duplicate object key");
}

TEST(JsonParsing, RefusesNumbersThatDoNotFit) {
  EXPECT_EQ(parse("9223372036854775807").as_integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse("-9223372036854775808").as_integer(), std::numeric_limits<std::int64_t>::min());
  expect_invalid("9223372036854775808", "too big");
  expect_invalid("[1e999]", "overflow");
  expect_invalid("[-1e999]", "overflow");
  EXPECT_EQ(parse("1e-999").as_number(), 0.0);
}

TEST(JsonParsing, RefusesDepthBeforeTheStackEnds) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse(nested(2000)).is_array());
  expect_invalid(nested(2100), "depth");
  expect_invalid(nested(10'000'000), "depth");
  expect_invalid(std::string(10'000'000, '['), "depth");
}

TEST(JsonParsing, ReadsPythonsNumbersAsNull) {
  const bytes::Json json = parse(R"({"a": NaN, "b": [Infinity, -Infinity,NaN], "c": 2})");
  EXPECT_TRUE(json.at("a").is_null());
  for (const bytes::Json& element : json.at("b").elements()) EXPECT_TRUE(element.is_null());
  EXPECT_EQ(json.at("c").as_integer(), 2);
  EXPECT_TRUE(parse("NaN").is_null());
}

TEST(JsonParsing, LeavesTheSameWordsInStringsAlone) {
  const bytes::Json json = parse(R"({"NaN": "NaN", "\"Infinity": "\\", "x": ["-Infinity\"NaN", NaN, "\\\"NaN"]})");
  EXPECT_EQ(json.at("NaN").as_string(), "NaN");
  EXPECT_EQ(json.at("\"Infinity").as_string(), "\\");
  EXPECT_EQ(json.at("x").at(std::size_t{0}).as_string(), "-Infinity\"NaN");
  EXPECT_TRUE(json.at("x").at(std::size_t{1}).is_null());
  EXPECT_EQ(json.at("x").at(std::size_t{2}).as_string(), "\\\"NaN");
  expect_invalid("[1NaN]", "");
  expect_invalid("[NaN1]", "");
  expect_invalid("{NaN: 1}", "");
}

TEST(JsonAccess, NamesTheDocumentAndTheMember) {
  const bytes::Json json = parse(R"({"a": {"b": ["x", {"c": null}]}, "n": 1.0})");
  const auto expect = [](const auto& access, const std::string& text) {
    EXPECT_ERROR(access(), ErrorKind::kBadInput, text);
  };
  const bytes::Json list = json.at("a").at("b");
  expect([&] { json.at("z"); }, "x.json: has no \"z\"");
  expect([&] { json.at("a").at("z"); }, "x.json: \"a\": has no \"z\"");
  expect([&] { list.at(std::size_t{2}); }, "x.json: \"a\": \"b\": has no element 2");
  expect([&] { list.at(std::size_t{0}).as_integer(); },
         "x.json: \"a\": \"b\"[0]: is a string where an integer is expected");
  expect([&] { list.at(std::size_t{1}).at("c").as_string(); },
         "x.json: \"a\": \"b\"[1]: \"c\": is null where a string is expected");
  expect([&] { list.elements().at(1).as_bool(); }, "x.json: \"a\": \"b\"[1]: is an object where a boolean is expected");
  expect([&] { list.members(); }, "x.json: \"a\": \"b\": is an array where an object is expected");
  expect([&] { list.at("x"); }, "x.json: \"a\": \"b\": is an array where an object is expected");
  expect([&] { json.at(std::size_t{0}); }, "x.json: is an object where an array is expected");
  expect([&] { json.elements(); }, "x.json: is an object where an array is expected");
  expect([&] { json.at("n").as_integer(); }, "x.json: \"n\": is a number where an integer is expected");
  expect([&] { json.members().at(1).second.as_string(); }, "x.json: \"n\": is a number where a string is expected");
  expect([&] { parse("true").as_number(); }, "x.json: is a boolean where a number is expected");
}

TEST(JsonWriting, OneLineOrIndented) {
  bytes::Json list = bytes::Json::array();
  list.push_back(1);
  list.push_back(0.5);
  list.push_back(true);
  list.push_back(bytes::Json());
  list.push_back("a\"\\\n");
  bytes::Json object = bytes::Json::object();
  object.set("z", list);
  object.set("a", std::size_t{7});
  EXPECT_EQ(object.dump(), R"({"z":[1,0.5,true,null,"a\"\\\n"],"a":7})");
  bytes::Json small = bytes::Json::object();
  small.set("a", 1);
  EXPECT_EQ(small.dump_pretty(), "{\n  \"a\": 1\n}\n");
  EXPECT_EQ(bytes::Json::object().dump(), "{}");
  EXPECT_ERROR(list.set("a", 1), ErrorKind::kBadInput, "is an array where an object is expected");
  EXPECT_ERROR(object.push_back(1), ErrorKind::kBadInput, "is an object where an array is expected");
}

TEST(JsonWriting, NumbersComeBackExactly) {
  for (const double value : {0.1, 1.0 / 3.0, 1e-5, 5e-324, 1.7976931348623157e308, -0.0}) {
    EXPECT_EQ(parse(bytes::Json(value).dump()).as_number(), value);
  }
  for (const std::int64_t value :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(parse(bytes::Json(value).dump()).as_integer(), value);
  }
}

TEST(JsonWriting, WhatJsonLacksBecomesText) {
  EXPECT_EQ(bytes::Json(std::nan("")).dump(), "\"NaN\"");
  EXPECT_EQ(bytes::Json(HUGE_VAL).dump(), "\"Infinity\"");
  EXPECT_EQ(bytes::Json(-HUGE_VAL).dump(), "\"-Infinity\"");
  EXPECT_EQ(bytes::Json("\xff").dump(), "\"(not UTF-8)\"");
  EXPECT_EQ(parse(bytes::Json(std::string_view("a\0b", 3)).dump()).as_string(), std::string("a\0b", 3));
}

checkpoint::Config config(const std::string& text) { return checkpoint::Config::parse(text, "config.json"); }

TEST(Configs, GiveFieldsOrDefaults) {
  const checkpoint::Config c = config(R"({"i": 3, "d": 1e-12, "b": true, "s": "gelu", "none": null})");
  EXPECT_EQ(c.integer("i", 5), 3);
  EXPECT_EQ(c.number("i", 5), 3.0);
  EXPECT_EQ(c.number("d", 5), 1e-12);
  EXPECT_TRUE(c.flag("b", false));
  EXPECT_EQ(c.text("s", "relu"), "gelu");
  EXPECT_TRUE(c.has("i"));
  for (const char* name : {"none", "absent"}) {
    EXPECT_FALSE(c.has(name));
    EXPECT_EQ(c.integer(name, 5), 5);
    EXPECT_EQ(c.number(name, 0.5), 0.5);
    EXPECT_TRUE(c.flag(name, true));
    EXPECT_EQ(c.text(name, "relu"), "relu");
  }
}

TEST(Configs, NameTheFieldOfAnotherType) {
  const checkpoint::Config c = config(R"({"hidden_size": "768", "eps": [], "flag": 1, "act": {}})");
  const auto expect = [](const auto& access, const std::string& text) {
    EXPECT_ERROR(access(), ErrorKind::kBadInput, "config.json: " + text);
  };
  expect([&] { c.integer("hidden_size", 1); }, "\"hidden_size\": is a string where an integer is expected");
  expect([&] { c.number("eps", 1); }, "\"eps\": is an array where a number is expected");
  expect([&] { c.flag("flag", true); }, "\"flag\": is an integer where a boolean is expected");
  expect([&] { c.text("act", ""); }, "\"act\": is an object where a string is expected");
  expect([&] { c.model_type(); }, "has no \"model_type\"");
  expect([&] { config(R"({"model_type": null})").model_type(); }, "\"model_type\": is null where a string is expected");
  expect([&] { config("[]").model_type(); }, "is an array where an object is expected");
  expect([&] { config("{"); }, "not valid JSON at line 1");
}

TEST(Configs, ArchitecturesHaveNoTf) {
  EXPECT_THAT(config(R"({"architectures": ["BertModel", "TFBertForMaskedLM"]})").architectures(),
              ElementsAre("BertModel", "BertForMaskedLM"));
  EXPECT_THAT(config(R"({"architectures": []})").architectures(), testing::IsEmpty());
  EXPECT_THAT(config(R"({"architectures": null})").architectures(), testing::IsEmpty());
  EXPECT_THAT(config("{}").architectures(), testing::IsEmpty());
  EXPECT_ERROR(config(R"({"architectures": "BertModel"})").architectures(), ErrorKind::kBadInput,
               "config.json: \"architectures\": is a string where an array is expected");
  EXPECT_ERROR(config(R"({"architectures": [1]})").architectures(), ErrorKind::kBadInput,
               "config.json: \"architectures\"[0]: is an integer where a string is expected");
}

// The numbers are those of PretrainedConfig.from_dict(...).num_labels, Transformers 4.57.6.
TEST(Configs, CountLabelsAsTransformers) {
  EXPECT_EQ(config("{}").num_labels(), 2);
  EXPECT_EQ(config(R"({"num_labels": 5})").num_labels(), 5);
  EXPECT_EQ(config(R"({"id2label": {"0": "a"}})").num_labels(), 1);
  EXPECT_EQ(config(R"({"num_labels": 4, "id2label": null})").num_labels(), 4);
  EXPECT_EQ(config(R"({"num_labels": null, "id2label": {"0": "a", "1": "b", "2": "c"}})").num_labels(), 3);
  EXPECT_EQ(config(R"({"num_labels": 3, "id2label": {"0": "a", "1": "b"}})").num_labels(), 2);  // the names decide
  EXPECT_ERROR(config(R"({"num_labels": "3"})").num_labels(), ErrorKind::kBadInput, "\"num_labels\": is a string");
  EXPECT_ERROR(config(R"({"id2label": ["a"]})").num_labels(), ErrorKind::kBadInput,
               "\"id2label\": is an array where an object is expected");
}

TEST(Json, ErrorsAreOneLineWhateverTheDocumentHolds) {
  EXPECT_ERROR(bytes::Json::parse("{\"a\\\n\\\x1b[31m", "x"), ErrorKind::kBadInput, "x: not valid JSON");
  EXPECT_ERROR(bytes::Json::parse(R"({"a\n\u001b": 1})", "x").at("a\n\x1b").as_string(), ErrorKind::kBadInput,
               "x: \"a??\": is an integer where a string is expected");
  try {
    bytes::Json::parse("{\"a\\\n\\\x1b[31m", "x");
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find_first_of("\n\x1b"), std::string::npos);
  }
}

}  // namespace
}  // namespace crossload
