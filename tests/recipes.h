// The recipes of the goldens, tests/goldens/*.json. docs/goldens.md describes them.
#pragma once

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "bytes/text_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"

namespace crossload {

struct Recipe {
  std::string name;
  std::string class_name;  // in PyTorch
  bytes::Json config;      // completed from the file's, with model_type and architectures
  bool in_transformers_5;  // false where the file says why that has no such model
};

inline bool is_in_transformers_5(const bytes::Json& document, const std::string& name) {
  if (!document.contains("not_in_transformers_5")) return true;
  for (const auto& [pattern, why] : document.at("not_in_transformers_5").members()) {
    if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return false;
  }
  return true;
}

/// The recipes of models in a file, in order.
inline std::vector<Recipe> read_recipes(const std::filesystem::path& file) {
  const bytes::Json document = bytes::Json::parse(bytes::read_text(file), file.string());
  std::vector<Recipe> recipes;
  for (const bytes::Json& one : document.at("recipes").elements()) {
    if (!one.contains("class")) continue;
    const std::string recipe_name = one.at("name").as_string();
    Recipe recipe{recipe_name, one.at("class").as_string(), bytes::Json::object(),
                  is_in_transformers_5(document, recipe_name)};
    for (const auto& [name, value] : document.at("config").members()) recipe.config.set(name, value);
    if (one.contains("config")) {
      for (const auto& [name, value] : one.at("config").members()) recipe.config.set(name, value);
    }
    bytes::Json architectures = bytes::Json::array();
    architectures.push_back(recipe.class_name);
    recipe.config.set("architectures", architectures);
    recipes.push_back(std::move(recipe));
  }
  return recipes;
}

/// The files of recipes in a folder, by name.
inline std::vector<std::filesystem::path> recipe_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace crossload
