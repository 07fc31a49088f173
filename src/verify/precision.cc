#include "verify/precision.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tensor/half.h"
#include "verify/choices.h"
#include "verify/judgement.h"
#include "verify/kept_positions.h"

namespace crossload::verify {
namespace {

std::vector<float> floats_of(const tensor::TensorView& view) {
  std::vector<float> values(static_cast<std::size_t>(element_count(view.shape)));
  tensor::widen_to_float32(view.dtype, view.bytes.data(), static_cast<std::int64_t>(values.size()), values.data());
  return values;
}

/// One flag an element, empty when all are kept.
std::vector<bool> kept(const Trace& trace, const std::string& output, const Shape& shape) {
  const auto mask = trace.inputs().find(trace.mask_of_output(output));
  const auto ids = trace.inputs().find("input_ids");
  const bool choices = ids != trace.inputs().end() && ids->second.shape.size() == 3;
  return mask == trace.inputs().end() ? std::vector<bool>() : KeptPositions(&mask->second, choices).of(shape, {});
}

OutputCost cost_of(const std::string& name, const Shape& shape, const std::vector<float>& rounded,
                   const std::vector<float>& exact, const std::vector<bool>& kept) {
  OutputCost cost{name};
  const auto is_kept = [&](std::size_t i) { return kept.empty() || kept[i]; };
  std::size_t count = 0;
  for (std::size_t i = 0; i < rounded.size(); ++i) {
    if (!is_kept(i)) continue;
    const double distance = std::abs(static_cast<double>(rounded[i]) - static_cast<double>(exact[i]));
    cost.worst = std::max(cost.worst, distance);
    cost.mean += distance;
    ++count;
  }
  if (count > 0) cost.mean /= static_cast<double>(count);
  const Choices choices = count_choices(name, shape, rounded, exact, kept);
  cost.choices = static_cast<std::size_t>(choices.rows);
  cost.changed = static_cast<std::size_t>(choices.changed);
  return cost;
}

}  // namespace

std::vector<OutputCost> output_costs(const Trace& trace) {
  std::vector<OutputCost> costs;
  for (const std::string& name : trace.outputs()) {
    const tensor::TensorView* rounded = trace.find("output." + name);
    const tensor::TensorView* exact = trace.find("exact.output." + name);
    const bool are_numbers = rounded != nullptr && exact != nullptr && rounded->shape == exact->shape &&
                             is_floating(rounded->dtype) && is_floating(exact->dtype);
    if (!are_numbers || is_on_request(name)) continue;
    costs.push_back(
        cost_of(name, rounded->shape, floats_of(*rounded), floats_of(*exact), kept(trace, name, rounded->shape)));
  }
  return costs;
}

std::optional<std::string> describe(const PrecisionCost& cost) {
  if (cost.rounded == 0) return std::nullopt;
  std::string text = fmt::format("{} rounds {} of {} variables", word_of(cost.dtype), cost.rounded, cost.variables);
  for (std::size_t i = 0; i < cost.outputs.size(); ++i) {
    const OutputCost& output = cost.outputs[i];
    text += fmt::format("{} {} is at most {:.2e} and on average {:.2e} from what it is in float32", i == 0 ? ":" : ";",
                        output.name, output.worst, output.mean);
    if (output.choices > 0)
      text += fmt::format(", the largest is another one in {} of {}", output.changed, output.choices);
  }
  return text;
}

}  // namespace crossload::verify
