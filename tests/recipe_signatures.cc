// Writes the signatures of the TensorFlow models of the goldens, for the recorder, which makes those models by PyTorch:
// one JSON object {recipe: signature}.
//
//     recipe_signatures OUTPUT.json tests/goldens/bert.json ...
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <vector>

#include "crossload/error.h"
#include "flow/reference_trace.h"
#include "load/loaded_model.h"
#include "recipes.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

bytes::Json signatures_of(const std::vector<fs::path>& files) {
  bytes::Json signatures = bytes::Json::object();
  for (const fs::path& file : files) {
    for (const Recipe& recipe : read_recipes(file)) {
      const checkpoint::Config config(recipe.config);
      const load::LoadedModel loaded = load::load_without_weights(config, load::choose_class(config));
      signatures.set(recipe.name, bytes::Json::parse(flow::signature_text(*loaded.model), recipe.name));
    }
  }
  return signatures;
}

}  // namespace
}  // namespace crossload

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: recipe_signatures OUTPUT.json RECIPES.json...\n");
    return 2;
  }
  try {
    const std::string text = crossload::signatures_of({arguments + 2, arguments + count}).dump_pretty();
    std::ofstream output(arguments[1], std::ios::binary);
    output << text;
    output.close();
    if (output) return 0;
    std::fprintf(stderr, "recipe_signatures: %s: cannot be written\n", arguments[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "recipe_signatures: %s\n", error.what());
  }
  return 1;
}
