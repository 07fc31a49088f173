// Whisper.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

const std::string kGolden = "whisper_for_conditional_generation";

}  // namespace

std::vector<Fault> faults_of_whisper() {
  return {
      {.golden = kGolden,
       .what = "features read as [frames, bins] without transposing",
       .at = "model.encoder.conv1",
       .edits = {{"model/encoder/conv1", "Transpose", 0, reshaped_instead}}},
      {.golden = kGolden,
       .what = "a convolution's kernel backwards",
       .at = "model.encoder.conv1",
       .variables = only("model/encoder/conv1/kernel", first_dimension_reversed())},
      {.golden = kGolden,
       .what = "padding SAME, which is none before and one after",
       .at = "model.encoder.conv2",
       .edits = {{"model/encoder/conv2", "Conv2D", 0, convolved(2, 0, 1)}}},
      {.golden = kGolden,
       .what = "GELU by tanh after the first convolution",
       .at = "model.encoder.conv2",
       .edits = {{"model/encoder", "Mul", 2, gelu_by_tanh}}},
      {.golden = kGolden,
       .what = "sines and cosines alternating instead of in two halves",
       .at = "model.encoder.embed_positions",
       .variables = only("model/encoder/embed_positions/weight", columns_in_two_halves())},
      {.golden = kGolden,
       .what = "decoder's positions start at 1",
       .at = "model.decoder.embed_positions",
       .edits = {{"model/decoder", "Range", 1, plus(1.0)}}},
      {.golden = kGolden,
       .what = "no causal mask",
       .at = "model.decoder.layers.0.self_attn.out_proj",
       .edits = {{"model/decoder", "Mul", 0, second_input}}},
      {.golden = "whisper_left_padding",
       .what = "decoder's padding mask ignored",
       .at = "decoder.layers.0.self_attn.out_proj",
       .edits = {{"model/decoder", "Mul", 0, first_input}}},
      {.golden = kGolden,
       .what = "query scaled twice",
       .at = "model.encoder.layers.0.self_attn.out_proj",
       .edits = {{"model/encoder/layers.0/self_attn", "Mul", 0,
                  [](const Made& made) { return made.tensor * made.input(1); }}}},
      {.golden = kGolden,
       .what = "layer norm after the residual instead of before attention",
       .at = "model.encoder.layers.0.self_attn_layer_norm",
       .edits = {{"model/encoder/layers.0/self_attn_layer_norm", "Mean", 0, noted(0, "states")},
                 {"model/encoder/layers.0/self_attn_layer_norm", "AddV2", 1, replaced_by("states")}}},
      {.golden = kGolden,
       .what = "residual of the cross attention missing",
       .at = "model.decoder.layers.1.final_layer_norm",
       .edits = {{"model/decoder/layers.1", "AddV2", 1, second_input}}},
      {.golden = kGolden,
       .what = "final layer norm of the decoder left out",
       .at = "model.decoder.layer_norm",
       .edits = {{"model/decoder/layer_norm", "Mean", 0, noted(0, "states")},
                 {"model/decoder/layer_norm", "AddV2", 1, replaced_by("states")}}},
      {.golden = kGolden,
       .what = "epsilon of a layer norm 1e-6 instead of 1e-5",
       .at = "model.decoder.layers.0.self_attn_layer_norm",
       .edits = {{"model/decoder/layers.0/self_attn_layer_norm", "AddV2", 0, plus(-9e-6)}}},
      {.golden = "whisper_untied",
       .what = "output projection tied where it is not",
       .at = "proj_out",
       .config = {{"tie_word_embeddings", true}}},
  };
}

}  // namespace crossload::faults
