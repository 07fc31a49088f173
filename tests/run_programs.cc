// Programs of a few operations each, lowered, run by TensorFlow, and compared with what PyTorch computed: the proof of
// the table of src/lowering/. tests/operations/ makes them.
//
//   run_programs --list                  the operations of the table, a line each
//   run_programs --from INDEX FILE...    one JSON object a program, from the INDEX-th of the first file on: `sample`,
//                                        `result` ("pass", "differs", "refused" while the graph was made, "fails" when
//                                        it ran), `text`
//
// A FILE is safetensors. Its metadata `programs` is a JSON list of {"sample", "runs", "program"}; tensors are
// "<index>.<constant of the program>", "<index>.<run>.input.<name>", "<index>.<run>.output.<name>", and "output64." for
// PyTorch's results in float64.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "bytes/json.h"
#include "checkpoint/safetensors.h"
#include "crossload/error.h"
#include "lowering/lowering.h"
#include "lowering/table.h"
#include "tf/library.h"
#include "tf/ops.h"
#include "tf/session.h"
#include "verify/comparison.h"
#include "verify/feeds.h"

namespace crossload {
namespace {

using bytes::Json;
using tensor::TensorView;
using Tensors = std::map<std::string, TensorView>;

/// What begins with the prefix, without it.
Tensors below(const Tensors& tensors, const std::string& prefix) {
  Tensors found;
  for (auto at = tensors.lower_bound(prefix); at != tensors.end() && at->first.starts_with(prefix); ++at) {
    found.emplace(at->first.substr(prefix.size()), at->second);
  }
  return found;
}

tf::HostTensor host(const std::shared_ptr<const tf::Library>& library, const TensorView& view) {
  tf::HostTensor value(library, tf::data_type_of(view.dtype), view.shape);
  if (!view.bytes.empty()) std::memcpy(library->TF_TensorData(value.get()), view.bytes.data(), view.bytes.size());
  return value;
}

struct Result {
  std::string kind = "pass";
  std::string text;
};

/// torch.testing.assert_close's defaults for types other than float32.
struct Close {
  double relative;
  double absolute;
};

double element(const tf::HostTensor& tensor, std::size_t i) {
  return tensor.dtype() == tf::DataType::kDouble ? tensor.values<double>()[i] : static_cast<double>(tensor.floats()[i]);
}

double element(const TensorView& view, std::size_t i) {
  double value = 0;
  std::memcpy(&value, view.bytes.data() + i * sizeof(value), sizeof(value));
  return value;
}

std::string pair_of(double tf, double pt, const std::string& at) {
  char text[128];
  std::snprintf(text, sizeof(text), "TensorFlow %.9g, PyTorch %.9g at ", tf, pt);
  return text + at;
}

/// Of float64.
std::string difference(const tf::HostTensor& tensor, const TensorView& view, const Close& close) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(element_count(view.shape)); ++i) {
    const double tf = element(tensor, i);
    const double pt = element(view, i);
    const bool same = (std::isnan(tf) && std::isnan(pt)) || tf == pt ||
                      std::abs(tf - pt) <= close.absolute + close.relative * std::abs(pt);
    if (!same) return pair_of(tf, pt, std::to_string(i));
  }
  return "";
}

std::string type_difference(const tf::HostTensor& tensor, const TensorView& view) {
  const tf::DataType wanted = tf::data_type_of(view.dtype);
  if (tensor.dtype() != wanted) return "TensorFlow " + name_of(tensor.dtype()) + ", PyTorch " + name_of(wanted);
  if (tensor.shape() != view.shape) {
    return "TensorFlow " + to_string(tensor.shape()) + ", PyTorch " + to_string(view.shape);
  }
  return "";
}

/// Empty when both agree. float32 by the project's rule, see verify::Rule.
std::string difference(const tf::HostTensor& tensor, const TensorView& view, const TensorView* float64) {
  if (const std::string types = type_difference(tensor, view); !types.empty()) return types;
  if (tensor.dtype() == tf::DataType::kDouble) return difference(tensor, view, Close{1e-7, 1e-7});
  verify::Rule rule;
  if (tensor.dtype() == tf::DataType::kHalf) rule.relative = 1e-3;
  if (tensor.dtype() == tf::DataType::kBFloat16) rule.relative = 1.6e-2;
  const auto found = verify::compare(verify::to_values(tensor), {&view, float64, nullptr}, {}, rule);
  if (found.agrees()) return "";
  return found.mismatch.empty() ? pair_of(found.worst_tf, found.worst_pt, to_string(found.worst_index))
                                : found.mismatch;
}

class Runner {
 public:
  Runner(const std::shared_ptr<const tf::Library>& library, const program::Program& program)
      : program_(program), graph_(library, keras::ModelGraph::Handles::kVariables) {}

  void lower() {
    lowering::require_known_operations(program_);
    keras::ModelInputs inputs;
    for (const program::Input& input : program_.inputs) {
      Shape shape;
      for (const program::Size& size : input.type.shape) {
        const auto* known = std::get_if<std::int64_t>(&size);
        shape.push_back(known == nullptr ? -1 : *known);
      }
      inputs.tensors.emplace(input.name, graph_.placeholder(input.type.dtype, shape, input.name));
    }
    lowering::Bound bound;
    for (const program::Parameter& parameter : program_.parameters) {
      bound.constants.emplace(parameter.node, program_.tensors.at(parameter.value));
    }
    // Through an operation each, as what is fed cannot be fetched.
    for (const tf::Tensor& output : lowering::lower(program_, bound, inputs, {program_.outputs, false}, &graph_)) {
      fetches_.push_back(tf::identity(output));
    }
    inputs_ = std::move(inputs);
  }

  /// Differences of one run, empty for none.
  std::string run(const Tensors& tensors) {
    std::vector<tf::Session::Feed> feeds;
    for (const auto& [name, tensor] : inputs_.tensors) {
      feeds.emplace_back(tensor, host(graph_.library(), tensors.at("input." + name)));
    }
    const auto values = tf::Session(&graph_, tf::SessionOptions{}).run(feeds, fetches_);
    std::string text;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string& name = program_.outputs[i].name;
      const auto float64 = tensors.find("output64." + name);
      const std::string found =
          difference(values[i], tensors.at("output." + name), float64 == tensors.end() ? nullptr : &float64->second);
      if (!found.empty()) text += (text.empty() ? "" : "; ") + name + ": " + found;
    }
    return text;
  }

 private:
  const program::Program& program_;
  keras::ModelGraph graph_;
  keras::ModelInputs inputs_;
  std::vector<tf::Tensor> fetches_;
};

Result result_of(const std::shared_ptr<const tf::Library>& library, const Json& entry, const Tensors& tensors) {
  std::string step = "refused";
  try {
    const auto program = program::parse_program(entry.at("program").dump(), "program", tensors);
    Runner runner(library, program);
    runner.lower();
    step = "fails";
    for (std::int64_t run = 0; run < entry.at("runs").as_integer(); ++run) {
      const std::string text = runner.run(below(tensors, std::to_string(run) + "."));
      if (!text.empty()) return {"differs", (run == 0 ? "" : "in other sizes: ") + text};
    }
    return {};
  } catch (const std::exception& error) {
    return {step, error.what()};
  }
}

void run(const std::shared_ptr<const tf::Library>& library, const std::string& file, std::size_t from) {
  const auto opened = checkpoint::SafetensorsFile::open(file);
  const std::vector<Json> entries = Json::parse(opened.metadata().at("programs"), file).elements();
  for (std::size_t i = from; i < entries.size(); ++i) {
    const Result result = result_of(library, entries[i], below(opened.tensors(), std::to_string(i) + "."));
    Json line = Json::object();
    line.set("sample", entries[i].at("sample"));
    line.set("result", result.kind);
    line.set("text", result.text);
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace crossload

int main(int count, char** words) {
  using namespace crossload;
  const std::vector<std::string> arguments(words + 1, words + count);
  try {
    if (arguments == std::vector<std::string>{"--list"}) {
      for (const std::string& op : lowering::operations().names()) std::printf("%s\n", op.c_str());
      return 0;
    }
    if (arguments.size() > 2 && arguments[0] == "--from") {
      const auto library = tf::Library::open();
      for (std::size_t i = 2; i < arguments.size(); ++i)
        run(library, arguments[i], i == 2 ? std::stoul(arguments[1]) : 0);
      return 0;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_programs: %s\n", error.what());
    return 3;
  }
  std::fprintf(stderr, "run_programs: give --list, or --from INDEX FILE...\n");
  return 2;
}
