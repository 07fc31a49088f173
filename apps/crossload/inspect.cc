// crossload inspect
#include "crossload/inspect.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "command.h"
#include "crossload/error.h"

namespace crossload::cli {
namespace {

int run(const std::string& path) {
  constexpr std::size_t kLongestValue = 60;
  const Inspected inspected = inspect(path);
  std::printf("%s: %s\n", path.c_str(), inspected.kind.c_str());
  for (const auto& [key, value] : inspected.metadata) {
    std::printf("  %s = %s%s\n", printable(key).c_str(), printable(value.substr(0, kLongestValue)).c_str(),
                value.size() > kLongestValue ? "..." : "");
  }
  std::size_t width = 0;
  for (const InspectedTensor& tensor : inspected.tensors) {
    width = std::max(width, printable(tensor.name).size());
  }
  std::int64_t elements = 0;
  for (const InspectedTensor& tensor : inspected.tensors) {
    const std::string dtype(name_of(tensor.dtype));
    std::printf("  %-*s  %-5s %s\n", static_cast<int>(width), printable(tensor.name).c_str(), dtype.c_str(),
                to_string(tensor.shape).c_str());
    elements += element_count(tensor.shape);
  }
  std::printf("%zu tensors, %lld elements\n", inspected.tensors.size(), static_cast<long long>(elements));
  return 0;
}

}  // namespace

void add_inspect(CLI::App* app, Action* action) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand("inspect", "Prints the names, types and shapes of the tensors in a file.");
  command->add_option("FILE", *path, "A safetensors file, a tf_model.h5, a SavedModel's folder, or a model's folder")
      ->required();
  command->footer(
      "Examples:\n"
      "  crossload inspect my-bert/pytorch_model.bin\n"
      "  crossload inspect my-bert-tf/saved_model");
  command->callback([path, action] { *action = [path] { return run(*path); }; });
}

}  // namespace crossload::cli
