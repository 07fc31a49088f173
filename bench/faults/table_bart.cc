// BART.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

const std::string kGolden = "bart_for_conditional_generation";
const std::string kDecoderLayer = "model/decoder/layers.0";

}  // namespace

std::vector<Fault> faults_of_bart() {
  return {
      {.golden = kGolden,
       .what = "positions without the offset of 2",
       .at = "model.encoder.embed_positions",
       .edits = {{"model/encoder/embed_positions", "AddV2", 0, first_input}}},
      {.golden = "bart_scale_embedding",
       .what = "scale_embedding ignored",
       .at = "model.encoder.embed_tokens",
       .config = {{"scale_embedding", false}}},
      {.golden = kGolden,
       .what = "no causal mask",
       .at = "model.decoder.layers.0.self_attn.out_proj",
       .edits = {{"model/decoder", "Mul", 0, second_input}}},
      {.golden = kGolden,
       .what = "causal mask hides the token itself",
       .at = "model.decoder.layers.0.self_attn.out_proj",
       .edits = {{"model/decoder", "LessEqual", 0,
                  [](const Made& made) { return tf::less(made.input(0), made.input(1)); }}}},
      {.golden = kGolden,
       .what = "encoder's mask not given to cross attention",
       .at = "model.decoder.layers.0.encoder_attn.out_proj",
       .edits = {{kDecoderLayer + "/encoder_attn", "AddV2", 0, first_input}}},
      {.golden = "bart_left_padding",
       .what = "decoder's padding mask ignored",
       .at = "decoder.layers.0.self_attn.out_proj",
       .edits = {{"model/decoder", "Mul", 0, first_input}}},
      {.golden = kGolden,
       .what = "layer norm of what attention takes instead of what it adds up to",
       .at = "model.encoder.layers.0.self_attn_layer_norm",
       .edits = {{"model/encoder/layers.0", "AddV2", 0, noted_and_replaced(0, "residual", 1)},
                 {"model/encoder/layers.0/self_attn_layer_norm", "AddV2", 1, plus("residual")}}},
      {.golden = kGolden,
       .what = "layer norm of the embeddings left out",
       .at = "model.encoder.layernorm_embedding",
       .edits = {{"model/encoder/layernorm_embedding", "Mean", 0, noted(0, "states")},
                 {"model/encoder/layernorm_embedding", "AddV2", 1, replaced_by("states")}}},
      {.golden = kGolden,
       .what = "self and cross attention of a layer swapped",
       .at = "model.decoder.layers.0.self_attn.q_proj",
       .variables = swapped("model/decoder/layers.0/self_attn/", "model/decoder/layers.0/encoder_attn/")},
      {.golden = kGolden,
       .what = "final_logits_bias not added",
       .at = "output.logits",
       .edits = {{"", "AddV2", 0, first_input}}},
      {.golden = "bart_shifted",
       .what = "decoder's ids not shifted",
       .at = "model.decoder.embed_tokens",
       .edits = {{"model", "StridedSlice", 2, noted(0, "ids")}, {"model", "ConcatV2", 0, replaced_by("ids")}}},
      {.golden = "bart_shifted",
       .what = "decoder_start_token_id 2 instead of 5",
       .at = "model.decoder.embed_tokens",
       .config = {{"decoder_start_token_id", 2}}},
      {.golden = "bart_for_sequence_classification",
       .what = "head reads the first </s> instead of the last",
       .at = "classification_head.dropout",
       .edits = {{"", "Equal", 1,
                  [](const Made& made) { return tf::equal(made.input(0), tf::ones_like(made.input(0))); }}}},
      {.golden = kGolden,
       .what = "gelu_new instead of gelu",
       .at = "model.encoder.layers.0.activation_fn",
       .config = {{"activation_function", "gelu_new"}}},
      {.golden = kGolden, .what = "dropout left on", .at = "model.encoder.layers.0.self_attn.q_proj", .training = true},
  };
}

}  // namespace crossload::faults
