#include "faults/fault.h"

#include <algorithm>
#include <cmath>

#include "crossload/error.h"
#include "load/loaded_model.h"
#include "tensor/layout.h"
#include "verify/verification.h"

namespace crossload::faults {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTraced = "traced_";

/// What a golden holds.
struct Golden {
  checkpoint::Checkpoint checkpoint;
  load::ModelClass model_class;
  fs::path trace;
};

Golden open_golden(const std::string& goldens, const std::string& name) {
  if (name.starts_with(kTraced)) {
    const fs::path folder = fs::path(goldens) / name;
    auto program = std::make_shared<const program::Program>(program::read_program(folder / "program.safetensors"));
    return {checkpoint::Checkpoint::open(folder), {.program = std::move(program)}, folder / "trace.safetensors"};
  }
  const fs::path file = fs::path(goldens) / (name + ".safetensors");
  checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(file);
  load::ModelClass model_class = load::choose_class(checkpoint.config());
  return {std::move(checkpoint), std::move(model_class), file};
}

[[noreturn]] void without_effect(const Fault& fault, const std::string& what) {
  throw Error(ErrorKind::kUsage, fault.golden + ", " + fault.what + ": " + what);
}

/// The configuration with some of its fields changed. Json values share, so the checkpoint's own changes with it.
checkpoint::Config changed(const checkpoint::Config& config, const Fault& fault) {
  for (const auto& [path, value] : fault.config) {
    bytes::Json object = config.json();
    std::string name = path;
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
      object = object.at(name.substr(0, dot));
      name = name.substr(dot + 1);
    }
    if (object.contains(name) && object.at(name).dump() == value.dump()) {
      without_effect(fault, path + " is " + value.dump() + " already");
    }
    object.set(name, value);
  }
  return config;
}

/// A golden's keys are those of its class, so no prefix has to be found as load_from_pytorch does.
load::LoadedModel load(const Golden& golden, const Fault& fault) {
  const auto& [checkpoint, model_class, trace] = golden;
  if (model_class.program) {
    if (!fault.config.empty()) without_effect(fault, "a traced model is its program, whatever the configuration says");
    return load::load_from_pytorch(checkpoint, model_class);
  }
  load::LoadedModel loaded{model_class, std::make_unique<keras::Weights>(checkpoint.tensors()), nullptr};
  for (const auto& [pattern, why] : model_class.head->ignores) loaded.weights->ignore(pattern, why);
  loaded.model = model_class.head->build(keras::Scope(loaded.weights.get()), changed(checkpoint.config(), fault));
  return loaded;
}

void read_right(const keras::Variable& variable, std::span<float> out) {
  keras::read_rows(variable, 0, tensor::row_count(variable.shape), out);
}

std::string type_of(const tf::Tensor& tensor) {
  return tensor.graph().library()->TF_OperationOpType(tensor.output().oper);
}

std::string scope_of(const tf::Tensor& tensor) {
  const std::string name = tensor.name();
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

/// Counts operations by scope and type while a graph is made.
class Numbers {
 public:
  int of(const tf::Tensor& tensor) { return counts_[scope_of(tensor) + "|" + type_of(tensor)]++; }

 private:
  std::map<std::string, int> counts_;
};

/// The edits of a fault, applied while its graph is made.
class Editor {
 public:
  explicit Editor(const Fault& fault) : fault_(fault), done_(fault.edits.size(), 0) {}

  tf::Tensor operator()(const tf::Tensor& made) {
    const int number = numbers_.of(made);
    tf::Tensor used = made;
    for (std::size_t i = 0; i < done_.size(); ++i) {
      const Edit& edit = fault_.edits[i];
      if (edit.type != type_of(made) || edit.scope != scope_of(made)) continue;
      if (edit.nth != kEach && edit.nth != number) continue;
      used = edit.change({made, &kept_});
      ++done_[i];
    }
    return used;
  }

  void check_all_done() const {
    for (std::size_t i = 0; i < done_.size(); ++i) {
      const Edit& edit = fault_.edits[i];
      if (done_[i] == 0) {
        without_effect(fault_, "there is no " + edit.type + " " + std::to_string(edit.nth) + " in " + edit.scope);
      }
    }
  }

 private:
  const Fault& fault_;
  Numbers numbers_;
  std::map<std::string, tf::Tensor> kept_;
  std::vector<int> done_;
};

/// All outputs but attentions, at every position alike: what v4's command asked for and compared.
bool v4_refuses(const verify::Trace& trace, const verify::Observation& observation) {
  constexpr double kMaxError = 5e-5;
  for (const std::string& name : trace.outputs()) {
    const tensor::TensorView& expected = *trace.find("output." + name);
    if (name.find("attentions") != std::string::npos || !is_floating(expected.dtype)) continue;
    const auto found = observation.outputs.find(name);
    if (found == observation.outputs.end() || found->second.shape != expected.shape) return true;
    const std::vector<float>& elements = found->second.elements;
    std::vector<float> wanted(elements.size());
    tensor::widen_to_float32(expected.dtype, expected.bytes.data(), static_cast<std::int64_t>(wanted.size()),
                             wanted.data());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!(std::abs(static_cast<double>(elements[i]) - static_cast<double>(wanted[i])) <= kMaxError)) return true;
    }
  }
  return false;
}

}  // namespace

bool is_traced(const Fault& fault) { return fault.golden.starts_with(kTraced); }

std::vector<float> Variables::values(const std::string& name) const {
  for (const keras::Variable& variable : weights_.variables()) {
    if (variable.name != name) continue;
    std::vector<float> values(static_cast<std::size_t>(element_count(variable.shape)));
    read_right(variable, values);
    return values;
  }
  throw Error(ErrorKind::kBadInput, "there is no variable " + name);
}

tf::Tensor Made::input(int index) const {
  const TF_Output from = tensor.graph().library()->TF_OperationInput(TF_Input{tensor.output().oper, index});
  return {&tensor.graph(), from};
}

std::string table_line(const Fault& fault, const Finding& finding) {
  const auto yes_or_no = [](bool yes) { return yes ? "yes" : "**no**"; };
  return "| " + fault.golden + " | " + fault.what + " | `" + fault.at + "` | " + yes_or_no(finding.detected) + " | " +
         yes_or_no(finding.located) + " |";
}

Observed Bench::observe(const Fault& fault) const {
  const Golden golden = open_golden(goldens_, fault.golden);
  const load::LoadedModel loaded = load(golden, fault);
  const Variables variables(*loaded.weights);
  bool changed_a_variable = fault.variables == nullptr;
  const verify::ReadVariable read = [&](const keras::Variable& variable, std::span<float> out) {
    read_right(variable, out);
    if (fault.variables == nullptr) return;
    const std::vector<float> right(out.begin(), out.end());
    fault.variables(variables, variable, out);
    changed_a_variable = changed_a_variable || !std::equal(out.begin(), out.end(), right.begin());
  };
  const auto editor = std::make_shared<Editor>(fault);
  verify::RunOptions options;
  options.call.training = fault.training;
  if (!fault.edits.empty()) options.substitute = [editor](const tf::Tensor& made) { return (*editor)(made); };

  verify::Trace trace = verify::Trace::open(golden.trace);
  verify::Observation observation =
      verify::observe(library_, options, *loaded.model, *loaded.weights, read, trace.inputs());
  editor->check_all_done();
  if (!changed_a_variable) without_effect(fault, "no variable has other values");
  return {std::move(trace), std::move(observation)};
}

Finding Bench::run(const Fault& fault) const {
  const auto [trace, observation] = observe(fault);
  const verify::Verification verification = verify::verify(trace, observation, {}, verify::Tolerances{});
  Finding finding;
  finding.detected = !verification.agrees();
  if (const verify::StageReport* first = verification.first_divergence()) {
    finding.first_divergence = first->path.empty() ? first->name : first->path;
  }
  for (const auto* reports : {&verification.stages, &verification.outputs}) {
    for (const verify::StageReport& report : *reports) {
      finding.max_error = std::max(finding.max_error, report.comparison.kept.tf_to_pt);
    }
  }
  finding.located = finding.detected && finding.first_divergence == fault.at;
  finding.detected_by_v4 = v4_refuses(trace, observation);
  return finding;
}

Finding Bench::run_sound(const std::string& golden) const { return run({.golden = golden, .what = "none", .at = ""}); }

std::string Bench::operations(const std::string& name) const {
  const Golden golden = open_golden(goldens_, name);
  const load::LoadedModel loaded = load::load_from_pytorch(golden.checkpoint, golden.model_class);
  std::string lines;
  Numbers numbers;
  verify::RunOptions options;
  options.substitute = [&](const tf::Tensor& made) {
    lines += scope_of(made) + " " + type_of(made) + " " + std::to_string(numbers.of(made)) + "\n";
    return made;
  };
  const verify::Trace trace = verify::Trace::open(golden.trace);
  const verify::Runner runner(library_, options, *loaded.model, *loaded.weights, read_right, trace.inputs());
  for (const keras::Variable& variable : loaded.weights->variables()) {
    lines += "variable " + variable.name + " " + to_string(variable.shape) + "\n";
  }
  return lines;
}

}  // namespace crossload::faults
