// crossload list
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <set>

#include "bytes/json.h"
#include "bytes/text_file.h"
#include "command.h"
#include "contribute/source_text.h"
#include "contribute/transformers_registry.h"
#include "crossload/error.h"
#include "crossload/inspect.h"

namespace crossload::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void print_markdown() {
  std::printf("| model_type | class | families |\n|---|---|---|\n");
  for (const ListedModel& model : list_models()) {
    for (const ListedHead& head : model.heads) {
      std::printf("| %s | %s | %s |\n", model.model_type.c_str(), head.name.c_str(), joined(head.families).c_str());
    }
  }
}

/// "7 goldens, worst 9.5e-07 in pooler"
std::string verified(const ListedHead& head) {
  const VerifiedGolden* worst = head.worst();
  if (worst == nullptr) return "no golden ran yet";
  int relative = 0;
  int padded = 0;
  for (const VerifiedGolden& golden : head.goldens) {
    relative += golden.relative > 0 ? 1 : 0;
    padded += golden.padded > 0 ? 1 : 0;
  }
  std::string text = fmt::format("{} golden{}, worst {:.1e} in {}", head.goldens.size(),
                                 head.goldens.size() == 1 ? "" : "s", worst->error, worst->worst);
  if (relative > 0) text += fmt::format("; {} by the relative rule", relative);
  if (padded > 0) text += fmt::format("; {} by the rule for padding", padded);
  return text;
}

void print_plain(const std::vector<ListedModel>& models) {
  for (const ListedModel& model : models) {
    std::printf("%s (%s)\n", model.model_type.c_str(), model.source.c_str());
    for (const ListedHead& head : model.heads) {
      std::printf("  %-36s %s\n", head.name.c_str(), joined(head.families).c_str());
      std::printf("  %-36s %s\n", "", verified(head).c_str());
    }
  }
}

/// One line a golden, worst first: the differences from PyTorch, and where each framework is from float64 there.
void print_goldens() {
  std::vector<VerifiedGolden> goldens;
  for (const ListedModel& model : list_models()) {
    for (const ListedHead& head : model.heads) goldens.insert(goldens.end(), head.goldens.begin(), head.goldens.end());
  }
  std::stable_sort(goldens.begin(), goldens.end(),
                   [](const VerifiedGolden& one, const VerifiedGolden& other) { return one.error > other.error; });
  std::printf("%-40s %7s %8s %8s %8s %8s  %8s %6s  %s\n", "golden", "modules", "|TF-PT|", "|TF-64|", "|PT-64|",
              "outputs", "relative", "padded", "worst");
  for (const VerifiedGolden& golden : goldens) {
    std::printf("%-40s %7d %8.1e %8.1e %8.1e %8.1e  %8d %6d  %s\n", golden.name.c_str(), golden.modules, golden.error,
                golden.tf_to_float64, golden.pt_to_float64, golden.output_error, golden.relative, golden.padded,
                golden.worst.c_str());
  }
}

void print_models(const std::vector<ListedModel>& models) {
  for (const ListedModel& model : models) std::printf("%s\n", model.model_type.c_str());
}

void print_heads(const std::vector<ListedModel>& models) {
  for (const ListedModel& model : models) {
    for (const ListedHead& head : model.heads) std::printf("%s\n", head.name.c_str());
  }
}

bytes::Json as_json(const ListedModel& model) {
  bytes::Json heads = bytes::Json::array();
  for (const ListedHead& head : model.heads) {
    bytes::Json families = bytes::Json::array();
    for (const std::string& family : head.families) families.push_back(family);
    bytes::Json one = bytes::Json::object();
    one.set("class", head.name);
    one.set("families", families);
    one.set("goldens", head.goldens.size());
    if (const VerifiedGolden* worst = head.worst()) {
      one.set("worst_error", worst->error);
      one.set("worst_stage", worst->worst);
      one.set("worst_golden", worst->name);
    }
    heads.push_back(one);
  }
  bytes::Json result = bytes::Json::object();
  result.set("model_type", model.model_type);
  result.set("source", model.source);
  result.set("heads", heads);
  return result;
}

/// The model_type that is asked for: itself, or the one of a folder's config.json.
std::string model_type_of(const std::string& target) {
  const std::filesystem::path path = target;
  const bool is_path = std::filesystem::exists(path) || target.find('/') != std::string::npos;
  if (!is_path) return target;
  const std::filesystem::path file = std::filesystem::is_directory(path) ? path / "config.json" : path;
  return bytes::Json::parse(bytes::read_text(file), file.string()).at("model_type").as_string();
}

/// Every architecture, or the one that `target` is: Error(kUnsupported) when it is not here.
std::vector<ListedModel> chosen(const std::string& target) {
  std::vector<ListedModel> models = list_models();
  if (target.empty()) return models;
  const std::string wanted = model_type_of(target);
  std::string all;
  for (const ListedModel& model : models) {
    if (model.model_type == wanted) return {model};
    if (std::find(model.other_model_types.begin(), model.other_model_types.end(), wanted) !=
        model.other_model_types.end()) {
      return {model};
    }
    all += (all.empty() ? "" : ", ") + model.model_type;
  }
  throw Error(ErrorKind::kUnsupported, "list: there is no TensorFlow architecture for the model_type " + wanted +
                                           "; there are " + all +
                                           "; docs/adding_a_tensorflow_model.md says how to add one");
}

void print_json(const std::vector<ListedModel>& models) {
  bytes::Json list = bytes::Json::array();
  for (const ListedModel& model : models) list.push_back(as_json(model));
  std::printf("%s", list.dump_pretty().c_str());
}

/// What the installed Transformers has and this build lacks; first what v4 had in TensorFlow.
void print_missing(const std::string& transformers) {
  const contribute::TransformersRegistry registry = contribute::read_transformers_registry(transformers);
  std::set<std::string> here;
  for (const ListedModel& model : list_models()) {
    here.insert(model.model_type);
    here.insert(model.other_model_types.begin(), model.other_model_types.end());
  }
  const auto print = [&](const std::string& title, const std::vector<std::string>& types) {
    std::vector<std::string> missing;
    std::copy_if(types.begin(), types.end(), std::back_inserter(missing),
                 [&](const std::string& type) { return !here.contains(type); });
    std::printf("%s: %zu of %zu\n", title.c_str(), missing.size(), types.size());
    for (const std::string& type : missing) std::printf("  %s\n", type.c_str());
  };
  print("missing here, in TensorFlow in Transformers " + registry.version, registry.tensorflow);
  std::vector<std::string> others;
  std::set_difference(registry.pytorch.begin(), registry.pytorch.end(), registry.tensorflow.begin(),
                      registry.tensorflow.end(), std::back_inserter(others));
  print("missing here, in PyTorch alone in Transformers " + registry.version, others);
}

struct Flags {
  std::string target, transformers;
  bool markdown = false, goldens = false, models = false, heads = false, json = false, missing = false;
};

void run(const Flags& flags) {
  if (flags.markdown) return print_markdown();
  if (flags.goldens) return print_goldens();
  if (flags.missing) return print_missing(flags.transformers);
  if (flags.json) return print_json(chosen(flags.target));
  const std::vector<ListedModel> models = chosen(flags.target);
  flags.models ? print_models(models) : flags.heads ? print_heads(models) : print_plain(models);
}

}  // namespace

void add_list(CLI::App* app, Action* action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app->add_subcommand("list", "Prints the architectures and heads that can be converted.");
  command->add_option("MODEL_TYPE|DIR", flags->target, "Only this: a model_type, or a folder with config.json");
  CLI::App* form = command->add_option_group("form", "What is printed");
  form->add_flag("--markdown", flags->markdown, "As the table of the README");
  form->add_flag("--goldens", flags->goldens, "What each golden gave when it last ran, worst first");
  form->add_flag("--models", flags->models, "The model_types alone");
  form->add_flag("--heads", flags->heads, "The classes alone");
  form->add_flag("--json", flags->json, "As JSON, with how each class was last verified");
  CLI::Option* missing = form->add_flag("--missing", flags->missing, "What the installed Transformers has besides");
  form->require_option(0, 1);
  command->add_option("--transformers", flags->transformers, "With --missing: the package's folder or its environment")
      ->needs(missing);
  command->footer(
      "Examples:\n"
      "  crossload list ./my-bert       # what this checkpoint can become\n"
      "  crossload list --goldens | head\n"
      "  crossload list --missing --transformers .venv");
  command->callback([flags, action] {
    *action = [flags] {
      run(*flags);
      return 0;
    };
  });
}

}  // namespace crossload::cli
