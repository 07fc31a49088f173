// Every architecture against the small golden that the repository holds: what can be known without Python.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "converted_golden.h"
#include "crossload/convert.h"
#include "goldens.h"
#include "paths.h"
#include "recipes.h"
#include "test_files.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest = 120'000;  // bytes

/// "bert", ...: the names of the files of recipes.
std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const fs::path& file : recipe_files(source_folder() / "tests" / "goldens")) {
    names.push_back(file.stem().string());
  }
  return names;
}

/// Whatever the order of members.
bool equal(const bytes::Json& one, const bytes::Json& other) {
  if (!one.is_object() || !other.is_object()) return one.dump() == other.dump();
  if (one.size() != other.size()) return false;
  for (const auto& [name, value] : one.members()) {
    if (!other.contains(name) || !equal(value, other.at(name))) return false;
  }
  return true;
}

class SmallGolden : public testing::TestWithParam<std::string> {
 protected:
  fs::path path() const { return small_golden_path(GetParam()); }
};

TEST_P(SmallGolden, IsConvertedAndAgrees) {
  const TemporaryFolder folder;
  expect_converted(path(), folder.path() / "out");
}

TEST_P(SmallGolden, IsSmallAndOfItsRecipe) {
  EXPECT_LT(fs::file_size(path()), kLargest);
  const fs::path file = path().parent_path() / (GetParam() + ".json");
  const std::string name = path().stem().string();
  for (const Recipe& recipe : read_recipes(file)) {
    if (recipe.name != name) continue;
    const auto metadata = checkpoint::SafetensorsFile::open(path()).metadata();
    const bytes::Json made_of = bytes::Json::parse(metadata.at("recipe"), name);
    bytes::Json config = made_of.at("config");
    config.set("architectures", recipe.config.at("architectures"));
    EXPECT_EQ(made_of.at("class").as_string(), recipe.class_name);
    EXPECT_TRUE(equal(config, recipe.config))
        << recipe.config.dump() << "\nwas " << config.dump() << "\nrun make small-goldens";
    return;
  }
  FAIL() << file << " has no recipe " << name;
}

INSTANTIATE_TEST_SUITE_P(Models, SmallGolden, testing::ValuesIn(architectures()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace crossload
