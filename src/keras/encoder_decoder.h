// What the models that have an encoder and a decoder share: the names of their inputs and outputs.
#pragma once

#include <cstdint>

#include "keras/given_or_made.h"
#include "keras/model.h"
#include "tf/ops.h"

namespace crossload::keras {

/// The inputs of a decoder under its own names: `decoder_input_ids` is its `input_ids`, so are `attention_mask`,
/// `inputs_embeds` and `position_ids`; the model's `attention_mask` is its `encoder_attention_mask`, and what the encoder returned its
/// `encoder_hidden_states`. Throws Error(kUsage) when neither ids nor embeddings of the decoder were passed.
ModelInputs decoder_inputs(const ModelInputs& inputs, const tf::Tensor& encoder_hidden_states);

/// `encoder_outputs` may be passed in place of what the encoder takes.
MadeInput made_encoder_outputs(const std::string& of);

/// What `encoder` returns for the inputs; its last hidden states [batch, length, features] alone where they were passed
/// as `encoder_outputs`.
template <class Encoder>
ModelOutput encoder_outputs(const ModelInputs& inputs, const Encoder& encoder) {
  ModelOutput outputs;
  const tf::Tensor last_hidden_state = given_or_made(inputs, "encoder_outputs", [&] {
    outputs = encoder(inputs);
    return outputs.at("last_hidden_state");
  });
  if (outputs.fields().empty()) outputs.add("last_hidden_state", last_hidden_state);
  return outputs;
}

/// What Seq2SeqModelOutput and its kin hold after their first field: `decoder_hidden_states`, `decoder_attentions`,
/// `cross_attentions`, `encoder_last_hidden_state`, `encoder_hidden_states`, `encoder_attentions`.
/// Source: transformers/modeling_outputs.py.
ModelOutput& add_decoder_and_encoder(ModelOutput* result, const ModelOutput& decoder, const ModelOutput& encoder);

/// int32 [batch, length]: the ids one position later, behind `decoder_start_token_id`; -100, which labels hold where no
/// loss is wanted, becomes `pad_token_id`.
tf::Tensor shift_tokens_right(const tf::Tensor& ids, std::int64_t pad_token_id, std::int64_t decoder_start_token_id);

}  // namespace crossload::keras
