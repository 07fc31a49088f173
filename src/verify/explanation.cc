#include "verify/explanation.h"

#include <algorithm>
#include <cstdlib>
#include <deque>

#include "bytes/json.h"
#include "tensor/layout.h"

namespace crossload::verify {
namespace {

/// What is compared with a stage that is off; it is read again only then, and no more of it than this many elements.
constexpr std::int64_t kElements = std::int64_t{1} << 26;

std::string place_of(const ObservedStage& stage) {
  return stage.file.empty() ? "" : stage.file + ":" + std::to_string(stage.line);
}

/// Of a model of two towers, those of the part that the module belongs to come first.
std::map<std::string, double> numbers_of_configuration(const Trace& trace, const std::string& module) {
  if (!trace.has_metadata("config")) return {};
  const bytes::Json config = bytes::Json::parse(trace.metadata("config"), trace.path().string() + " (config)");
  std::map<std::string, double> numbers;
  const auto add = [&](const bytes::Json& fields) {
    for (const auto& [name, value] : fields.members()) {
      if (value.is_number() || value.is_integer()) numbers.try_emplace(name, value.as_number());
    }
  };
  const bool is_vision = module.find("vision") != std::string::npos;
  for (const char* part : {is_vision ? "vision_config" : "text_config", is_vision ? "text_config" : "vision_config"}) {
    if (config.contains(part) && config.at(part).is_object()) add(config.at(part));
  }
  add(config);
  return numbers;
}

/// Collects a Suspect, and owns what it points into.
class Evidence {
 public:
  Evidence(const Trace& trace, const Observation& observation, std::size_t observed, const keras::Weights* weights)
      : trace_(trace), observation_(observation), stage_(observation.stages[observed]) {
    const auto traced = std::find_if(trace.stages().begin(), trace.stages().end(), [&](const TracedStage& candidate) {
      return candidate.path == stage_.path && candidate.call == stage_.call;
    });
    if (traced == trace.stages().end()) return;
    suspect_.path = stage_.path;
    suspect_.class_name = traced->class_name;
    for (std::size_t i = 0; i < std::min(traced->tensors.size(), stage_.outputs.size()); ++i) {
      if (stage_.outputs[i].kind != NumberKind::kFloating) continue;
      suspect_.tensorflow.push_back(numbers(stage_.outputs[i]));
      suspect_.pytorch.push_back(numbers(*trace.find("stage." + traced->tensors[i])));
    }
    add_reads();
    add_others(static_cast<std::size_t>(traced - trace.stages().begin()));
    if (weights != nullptr) add_parameters(*weights);
    suspect_.numbers = numbers_of_configuration(trace, stage_.path);
    add_mask();
  }

  const Suspect& suspect() const { return suspect_; }

 private:
  static Numbers numbers(const Values& values) { return {values.shape, values.elements}; }

  Numbers numbers(const tensor::TensorView& view) {
    std::vector<float>& values = storage_.emplace_back(static_cast<std::size_t>(element_count(view.shape)));
    if (is_floating(view.dtype)) {
      tensor::widen_to_float32(view.dtype, view.bytes.data(), static_cast<std::int64_t>(values.size()), values.data());
    } else {
      // A mask of integers or booleans: zero, or not.
      const std::size_t size = size_of(view.dtype);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const auto element = view.bytes.subspan(i * size, size);
        values[i] = std::all_of(element.begin(), element.end(), [](std::byte byte) { return byte == std::byte{}; })
                        ? 0.0F
                        : 1.0F;
      }
    }
    return {view.shape, values};
  }

  void add_reads() {
    for (const std::size_t index : stage_.reads) {
      const ObservedStage& read = observation_.stages[index];
      for (std::size_t i = 0; i < read.outputs.size(); ++i) {
        if (read.outputs[i].kind != NumberKind::kFloating) continue;
        const std::string part = read.outputs.size() == 1 ? "" : "." + std::to_string(i);
        suspect_.reads.push_back({read.path + part, numbers(read.outputs[i])});
      }
    }
  }

  bool has_shape(const Shape& shape) const {
    return std::any_of(suspect_.pytorch.begin(), suspect_.pytorch.end(),
                       [&](const Numbers& own) { return own.shape == shape; });
  }

  /// The nearest in the order of execution first, and what came before it before the rest.
  void add_others(std::size_t traced) {
    const std::vector<TracedStage>& stages = trace_.stages();
    std::int64_t elements = 0;
    const auto add = [&](const TracedStage& other) {
      for (const std::string& name : other.tensors) {
        const tensor::TensorView* view = trace_.find("stage." + name);
        if (!has_shape(view->shape) || elements > kElements) continue;
        elements += element_count(view->shape);
        suspect_.others.push_back({name, numbers(*view)});
      }
    };
    for (std::size_t i = traced; i-- > 0;) add(stages[i]);
    for (std::size_t i = traced + 1; i < stages.size(); ++i) add(stages[i]);
  }

  Numbers read(const keras::Variable& variable) {
    std::vector<float>& values = storage_.emplace_back(static_cast<std::size_t>(element_count(variable.shape)));
    read_rows(variable, 0, tensor::row_count(variable.shape), values);
    if (suspect_.class_name != "Linear" || variable.layout != tensor::Layout::kSame || variable.shape.size() != 2 ||
        suspect_.pytorch.empty() || suspect_.pytorch.front().shape.empty() ||
        variable.shape[0] != suspect_.pytorch.front().shape.back()) {
      return {variable.shape, values};
    }
    // A language model's output, whose variable is laid out as its table of words.
    const auto [rows, columns] = std::pair(variable.shape[0], variable.shape[1]);
    std::vector<float>& kernel = storage_.emplace_back(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto [row, column] = std::div(static_cast<std::int64_t>(i), columns);
      kernel[static_cast<std::size_t>(column * rows + row)] = values[i];
    }
    return {{columns, rows}, kernel};
  }

  void add_parameters(const keras::Weights& weights) {
    std::map<std::string, const keras::Variable*> by_key;
    for (const keras::Variable& variable : weights.variables()) {
      if (!variable.source.bytes.empty()) by_key.emplace(variable.key, &variable);  // none of a model without weights
    }
    const auto find = [&](const std::string& key) {
      const auto found = by_key.find(key);
      return found == by_key.end() ? nullptr : found->second;
    };
    const keras::Variable* weight = find(stage_.path + ".weight");
    if (weight == nullptr || element_count(weight->shape) > 4 * kElements) return;
    const auto parameters = [&](const std::string& module, const keras::Variable& of) {
      Parameters result{module, read(of), {}};
      if (const keras::Variable* bias = find(module + ".bias"); bias != nullptr) result.bias = read(*bias);
      return result;
    };
    suspect_.own = parameters(stage_.path, *weight);
    if (weight->shape.size() > 2 || suspect_.class_name.find("Embedding") != std::string::npos) return;
    std::int64_t elements = 0;
    for (const auto& [key, other] : by_key) {
      constexpr std::string_view kWeight = ".weight";
      if (other == weight || other->shape != weight->shape || other->layout != weight->layout ||
          !key.ends_with(kWeight)) {
        continue;
      }
      elements += element_count(other->shape);
      if (elements > kElements) return;
      suspect_.alike.push_back(parameters(key.substr(0, key.size() - kWeight.size()), *other));
    }
  }

  void add_mask() {
    // The trace says whose positions the rows are; a cross attention's keys are the encoder's.
    const bool reads_encoder = stage_.path.find("encoder_attn") != std::string::npos ||
                               stage_.path.find("EncDecAttention") != std::string::npos ||
                               stage_.path.find("cross") != std::string::npos;
    const bool is_decoder = stage_.path.starts_with("decoder") || stage_.path.find(".decoder.") != std::string::npos;
    const auto found = trace_.inputs().find(is_decoder && !reads_encoder ? "decoder_attention_mask" : "attention_mask");
    if (found != trace_.inputs().end()) suspect_.attention_mask = numbers(found->second);
  }

  const Trace& trace_;
  const Observation& observation_;
  const ObservedStage& stage_;
  std::deque<std::vector<float>> storage_;
  Suspect suspect_;
};

}  // namespace

const ObservedStage* caller_of(const Observation& observation, std::size_t observed) {
  const std::string& caller = observation.stages[observed].caller;
  // A module returns after those that it calls.
  for (std::size_t i = observed + 1; i < observation.stages.size() && !caller.empty(); ++i) {
    if (observation.stages[i].path == caller) return &observation.stages[i];
  }
  return nullptr;
}

std::string Explanation::place() const {
  std::string text = tensorflow_class;
  if (!tensorflow_source.empty()) text += ", " + tensorflow_source;
  if (!caller_class.empty()) text += ", called by " + caller_class;
  if (!caller_class.empty() && !caller_source.empty()) text += ", " + caller_source;
  return text;
}

Explanation explain(const Trace& trace, const Observation& observation, std::size_t observed,
                    const keras::Weights* weights, bool with_hint) {
  const ObservedStage& stage = observation.stages[observed];
  Explanation explanation{stage.class_name, place_of(stage)};
  const ObservedStage* caller = caller_of(observation, observed);
  if (caller != nullptr && !stage.file.starts_with("src/models/")) {
    explanation.caller_class = caller->class_name;
    explanation.caller_source = place_of(*caller);
  }
  if (!with_hint) return explanation;
  explanation.hint = hint(Evidence(trace, observation, observed, weights).suspect());
  if (explanation.hint.empty() && caller != nullptr) {
    // The context of many attentions is no stage: what is off first is the layer after it.
    const auto index = static_cast<std::size_t>(caller - observation.stages.data());
    explanation.hint = hint_of_probabilities(Evidence(trace, observation, index, nullptr).suspect());
  }
  return explanation;
}

std::string hint_of_output(const Trace& trace, const Observation& observation, const std::string& name) {
  const auto values = observation.outputs.find(name);
  const tensor::TensorView* wanted = trace.find("output." + name);
  if (values == observation.outputs.end() || wanted == nullptr || !is_floating(wanted->dtype) ||
      values->second.kind != NumberKind::kFloating) {
    return "";
  }
  std::deque<std::vector<float>> storage;
  const auto numbers = [&](const tensor::TensorView& view) {
    std::vector<float>& elements = storage.emplace_back(static_cast<std::size_t>(element_count(view.shape)));
    tensor::widen_to_float32(view.dtype, view.bytes.data(), static_cast<std::int64_t>(elements.size()),
                             elements.data());
    return Numbers{view.shape, elements};
  };
  Suspect suspect{.path = name, .class_name = "", .tensorflow = {}, .pytorch = {}};
  suspect.tensorflow = {{values->second.shape, values->second.elements}};
  suspect.pytorch = {numbers(*wanted)};
  for (const std::string& other : trace.outputs()) {
    const tensor::TensorView* view = trace.find("output." + other);
    if (other == name || !is_floating(view->dtype) || view->shape != wanted->shape) continue;
    suspect.others.push_back({"output." + other, numbers(*view)});
  }
  suspect.numbers = numbers_of_configuration(trace, name);
  return hint(suspect);
}

}  // namespace crossload::verify
