// Which classes there are, and which TFAutoModel families they are in, beside what Transformers 4 has
// (tests/fixtures/transformers_4.json, written by tools/record_v4.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "bytes/json.h"
#include "checkpoint/config.h"
#include "crossload/inspect.h"
#include "load/loaded_model.h"
#include "paths.h"
#include "test_support.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = source_folder();

/// {class: families} of one model_type in Transformers 4.
std::map<std::string, std::set<std::string>> classes_of_v4(const std::string& model_type) {
  static const bytes::Json recorded =
      bytes::Json::parse(read_file(kSource / "tests" / "fixtures" / "transformers_4.json"), "fixture");
  std::map<std::string, std::set<std::string>> found;
  for (const auto& [name, families] : recorded.at("models").at(model_type).at("classes").members()) {
    std::set<std::string>& of_class = found[name];
    for (const bytes::Json& family : families.elements()) of_class.insert(family.as_string());
  }
  return found;
}

class AutoClasses : public testing::TestWithParam<ListedModel> {};

TEST_P(AutoClasses, AreThoseOfTransformers4) {
  std::map<std::string, std::set<std::string>> ours;
  for (const ListedHead& head : GetParam().heads) ours[head.name] = {head.families.begin(), head.families.end()};
  EXPECT_EQ(ours, classes_of_v4(GetParam().model_type));
}

/// A family names one class of a model type, or from_pretrained could not choose.
TEST_P(AutoClasses, OneClassAFamily) {
  std::map<std::string, std::string> taken;
  for (const ListedHead& head : GetParam().heads) {
    for (const std::string& family : head.families) {
      EXPECT_TRUE(taken.emplace(family, head.name).second)
          << family << ": " << taken[family] << " and " << head.name << " of " << GetParam().model_type;
    }
  }
}

TEST_P(AutoClasses, EachFamilyIsInThePublicHeader) {
  const std::string header = read_file(kSource / "include" / "crossload" / "auto_model.h");
  for (const ListedHead& head : GetParam().heads) {
    for (const std::string& family : head.families) {
      EXPECT_THAT(header, testing::HasSubstr("CROSSLOAD_AUTO_CLASS(" + family + ");"));
    }
  }
}

checkpoint::Config config_of(const std::string& model_type, const std::string& architectures) {
  const std::string text = R"({"model_type": ")" + model_type + R"(", "architectures": )" + architectures + "}";
  return checkpoint::Config::parse(text, "config.json");
}

TEST_P(AutoClasses, ArchitecturesInTheConfigurationChooseTheHead) {
  const std::string& model_type = GetParam().model_type;
  for (const ListedHead& head : GetParam().heads) {
    const std::string in_pytorch = head.name.substr(2);
    EXPECT_EQ(load::choose_class(config_of(model_type, R"([")" + in_pytorch + R"("])")).head->name, head.name);
    // A family that is asked for wins over the configuration.
    for (const std::string& family : head.families) {
      const checkpoint::Config other =
          config_of(model_type, R"([")" + GetParam().heads.back().name.substr(2) + R"("])");
      EXPECT_EQ(load::choose_class(other, family).head->name, head.name) << family;
    }
  }
  EXPECT_EQ(load::choose_class(config_of(model_type, "[]")).head->name, GetParam().heads.front().name);
  EXPECT_ERROR(load::choose_class(config_of(model_type, R"(["NoSuchModel"])")), ErrorKind::kUnsupported,
               "TFNoSuchModel is no class of " + model_type);
}

INSTANTIATE_TEST_SUITE_P(Models, AutoClasses, testing::ValuesIn(list_models()), [](const auto& parameter) {
  std::string name = parameter.param.model_type;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace crossload
