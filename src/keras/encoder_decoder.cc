#include "keras/encoder_decoder.h"

#include "crossload/error.h"

namespace crossload::keras {

ModelInputs decoder_inputs(const ModelInputs& inputs, const tf::Tensor& encoder_hidden_states) {
  ModelInputs result{{}, "decoder_"};
  for (const char* name : {"input_ids", "attention_mask", "inputs_embeds", "position_ids"}) {
    const std::optional<tf::Tensor> tensor = inputs.find(result.prefix + name);
    if (tensor) result.tensors.emplace(name, *tensor);
  }
  if (!result.find("input_ids") && !result.find("inputs_embeds")) {
    throw Error(ErrorKind::kUsage, "the decoder has no input; pass decoder_input_ids or decoder_inputs_embeds");
  }
  result.tensors.emplace("encoder_hidden_states", encoder_hidden_states);
  const std::optional<tf::Tensor> mask = inputs.find("attention_mask");
  if (mask) result.tensors.emplace("encoder_attention_mask", *mask);
  return result;
}

MadeInput made_encoder_outputs(const std::string& of) {
  return {"encoder_outputs", {of}, /*instead=*/true, /*gives_results=*/true};
}

ModelOutput& add_decoder_and_encoder(ModelOutput* result, const ModelOutput& decoder, const ModelOutput& encoder) {
  const auto list = [](const ModelOutput& output, const std::string& name) {
    for (const ModelOutput::Field& field : output.fields()) {
      if (field.name == name) return field.tensors;
    }
    return std::vector<tf::Tensor>();
  };
  result->add("decoder_hidden_states", list(decoder, "hidden_states"));
  result->add("decoder_attentions", list(decoder, "attentions"));
  result->add("cross_attentions", list(decoder, "cross_attentions"));
  result->add("encoder_last_hidden_state", encoder.at("last_hidden_state"));
  result->add("encoder_hidden_states", list(encoder, "hidden_states"));
  return result->add("encoder_attentions", list(encoder, "attentions"));
}

tf::Tensor shift_tokens_right(const tf::Tensor& ids, std::int64_t pad_token_id, std::int64_t decoder_start_token_id) {
  tf::Graph& graph = ids.graph();
  const auto id = [&](std::int64_t value) { return graph.constant(static_cast<std::int32_t>(value)); };
  const tf::Dims dims = tf::dims_of(ids);
  const tf::Tensor start = tf::fill(graph, {dims[0], 1}, id(decoder_start_token_id));
  const tf::Tensor earlier = tf::slice(ids, /*axis=*/1, 0, -1);
  const tf::Tensor shifted = tf::concat({start, earlier}, /*axis=*/1);
  return tf::where(tf::equal(shifted, id(-100)), id(pad_token_id), shifted);
}

}  // namespace crossload::keras
