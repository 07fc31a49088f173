#include "keras/text_inputs.h"

#include "keras/attention_mask.h"

namespace crossload::keras {

using tf::Tensor;

MadeInput made_embeds(const std::string& side) {
  return {side + "inputs_embeds", {side + "input_ids"}, /*instead=*/true};
}

MadeInput made_positions(const std::string& side) {
  return {side + "position_ids", {side + "input_ids", side + "inputs_embeds"}};
}

Interface text_interface(const TextInputs& inputs) {
  Interface interface;
  std::vector<std::string> served = {"input_ids", "attention_mask"};
  interface.calls.push_back({"input_ids"});
  const std::vector<std::string> words = {"input_ids", "inputs_embeds"};
  interface.defaults.push_back(ones_for(words));
  if (inputs.token_type_ids) {
    interface.defaults.push_back({"token_type_ids", 0, words});
    interface.calls.push_back(served);
    served.emplace_back("token_type_ids");
  }
  interface.serving = token_inputs(served, inputs.rank);
  if (inputs.position_ids) {
    interface.others = token_inputs({"position_ids"}, inputs.rank);
    interface.made.push_back(made_positions());
  }
  interface.made.push_back(made_embeds());
  Shape embeds(inputs.rank, -1);
  embeds.push_back(inputs.embeds);
  interface.others.push_back({"inputs_embeds", tf::DataType::kFloat, embeds});
  if (inputs.encoder > 0) {
    interface.others.push_back(states_input("encoder_hidden_states", inputs.encoder));
    interface.others.push_back(token_inputs({"encoder_attention_mask"}).front());
    interface.defaults.push_back(ones_for({"encoder_hidden_states"}, "encoder_attention_mask"));
  }
  if (inputs.attends_to_encoder) {
    served.insert(served.end(), {"encoder_hidden_states", "encoder_attention_mask"});
    interface.calls.push_back(served);
  }
  return interface;
}

Tensor token_type_ids(const ModelInputs& inputs, const Tensor& words) {
  if (const std::optional<Tensor> given = inputs.find("token_type_ids")) return *given;
  const tf::Dims dims = tf::dims_of(words);
  return tf::fill(words.graph(), {dims[0], dims[1]}, words.graph().constant(std::int32_t{0}));
}

Tensor position_ids(const ModelInputs& inputs, const Tensor& words) {
  return given_or_made(inputs, "position_ids",
                       [&] { return tf::expand_dims(tf::range(words.graph(), tf::dims_of(words)[1]), 0); });
}

namespace {

Tensor counted_after(std::int64_t padding_idx, const ModelInputs& inputs, const Tensor& words) {
  tf::Graph& graph = words.graph();
  if (inputs.find("inputs_embeds")) {
    const tf::Dims dims = tf::dims_of(words);
    const Tensor positions = tf::range(graph, dims[1]) + (padding_idx + 1);
    return tf::broadcast_to(tf::expand_dims(positions, 0), {dims[0], dims[1]});
  }
  const Tensor& ids = inputs.at("input_ids");
  const Tensor mask = 1 - tf::cast(tf::equal(ids, tf::like(ids, padding_idx)), tf::DataType::kInt32);
  return tf::cumsum(mask, /*axis=*/1) * mask + padding_idx;
}

}  // namespace

Tensor position_ids_after(std::int64_t padding_idx, const ModelInputs& inputs, const Tensor& words) {
  return given_or_made(inputs, "position_ids", [&] { return counted_after(padding_idx, inputs, words); });
}

Tensor mask_or_ones(const ModelInputs& inputs, const std::string& name, const Tensor& states) {
  if (const std::optional<Tensor> given = inputs.find(name)) return *given;
  const tf::Dims dims = tf::dims_of(states);
  return tf::fill(states.graph(), {dims[0], dims[1]}, states.graph().constant(1.0F));
}

Memory memory_of(const ModelInputs& inputs, const Tensor& hidden_states, bool is_decoder) {
  Memory memory;
  if (!is_decoder) {
    if (const std::optional<Tensor> mask = inputs.find("attention_mask")) {
      memory.attention_mask = extended_attention_mask(*mask);
    }
    return memory;
  }
  memory.attention_mask = causal_attention_mask(mask_or_ones(inputs, "attention_mask", hidden_states));
  memory.encoder_hidden_states = inputs.find("encoder_hidden_states");
  const std::optional<Tensor> encoder_attention_mask = inputs.find("encoder_attention_mask");
  if (memory.encoder_hidden_states && encoder_attention_mask) {
    memory.encoder_attention_mask = extended_attention_mask(*encoder_attention_mask);
  }
  return memory;
}

Memory decoder_memory(const ModelInputs& inputs, const Tensor& hidden_states) {
  const Tensor attention_mask = padding_mask(mask_or_ones(inputs, "attention_mask", hidden_states));
  Memory memory = {causal_attention_mask(attention_mask), inputs.at("encoder_hidden_states"), std::nullopt};
  const std::optional<Tensor> encoder_attention_mask = inputs.find("encoder_attention_mask");
  if (encoder_attention_mask)
    memory.encoder_attention_mask = extended_attention_mask(padding_mask(*encoder_attention_mask));
  return memory;
}

ModelInputs fold_choices(const ModelInputs& inputs) {
  ModelInputs folded = inputs;
  for (auto& [name, tensor] : folded.tensors) {
    const tf::Dims dims = tf::dims_of(tensor);
    tf::Dims rows(dims.begin() + 1, dims.end());
    rows.front() = -1;
    tensor = tf::reshape(tensor, rows);
  }
  return folded;
}

Tensor unfold_choices(const Tensor& scores, const ModelInputs& inputs) {
  const std::optional<Tensor> ids = inputs.find("input_ids");
  return tf::reshape(scores, {-1, tf::dims_of(ids ? *ids : inputs.at("inputs_embeds"))[1]});
}

}  // namespace crossload::keras
