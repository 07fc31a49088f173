// T5.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

const std::string kGolden = "t5_for_conditional_generation";
const std::string kEncoderSelf = "encoder/block_._0/layer_._0/SelfAttention";
const std::string kEncoderBias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias";
const std::string kDecoderSelf = "decoder.block.0.layer.0.SelfAttention.o";

}  // namespace

std::vector<Fault> faults_of_t5() {
  return {
      {.golden = kGolden, .what = "no causal mask", .at = kDecoderSelf, .edits = {{"decoder", "Mul", 0, second_input}}},
      {.golden = kGolden,
       .what = "causal mask lets a token see the next one",
       .at = kDecoderSelf,
       .edits = {{"decoder", "LessEqual", 0, one_later}}},
      {.golden = "t5_left_padding",
       .what = "decoder's padding mask ignored",
       .at = kDecoderSelf,
       .edits = {{"decoder", "Mul", 0, first_input}}},
      {.golden = kGolden,
       .what = "encoder's mask not given to cross attention",
       .at = "decoder.block.0.layer.1.EncDecAttention.o",
       .edits = {{"decoder/block_._0/layer_._1/EncDecAttention", "AddV2", 0, first_input}}},
      {.golden = kGolden,
       .what = "scores scaled by the root of the head's size",
       .at = "encoder.block.0.layer.0.SelfAttention.o",
       .edits = {{kEncoderSelf, "BatchMatMulV2", 0, times(0.40824829)}}},
      {.golden = kGolden,
       .what = "relative positions backwards",
       .at = kEncoderBias,
       .edits = {{kEncoderSelf, "Sub", 0, negative}}},
      {.golden = kGolden,
       .what = "one set of buckets for both directions",
       .at = kEncoderBias,
       .edits = {{kEncoderSelf, "AddV2", 1, first_input}}},
      {.golden = "t5_buckets",
       .what = "shared buckets off by one",
       .at = kEncoderBias,
       .edits = {{kEncoderSelf, "AddV2", 0, plus(1.0)}}},
      {.golden = "t5_buckets",
       .what = "relative_attention_max_distance 128 instead of 20",
       .at = kEncoderBias,
       .config = {{"relative_attention_max_distance", 128}}},
      {.golden = kGolden,
       .what = "later layers without the position bias",
       .at = "decoder.block.1.layer.0.SelfAttention.o",
       .edits = {{"decoder/block_._1/layer_._0/SelfAttention", "AddV2", 0, first_input}}},
      {.golden = kGolden,
       .what = "layer norm that subtracts the mean",
       .at = "encoder.block.0.layer.0.layer_norm",
       .edits = {{"encoder/block_._0/layer_._0/layer_norm", "Mul", 0,
                  [](const Made& made) { return made.tensor - tf::reduce_mean(made.tensor, {-1}, true); }}}},
      {.golden = kGolden,
       .what = "layer_norm_epsilon 1e-5 instead of 1e-6",
       .at = "encoder.block.0.layer.0.layer_norm",
       .config = {{"layer_norm_epsilon", 1e-5}}},
      {.golden = kGolden, .what = "dropout left on", .at = "encoder.dropout", .training = true},
      {.golden = kGolden,
       .what = "logits of a tied head not scaled",
       .at = "lm_head",
       .edits = {{"", "Mul", 0, first_input}}},
      {.golden = "t5_untied",
       .what = "head tied where it is not",
       .at = "lm_head",
       .config = {{"tie_word_embeddings", true}}},
      {.golden = "t5_gated_gelu",
       .what = "gelu instead of gelu_new",
       .at = "encoder.block.0.layer.1.DenseReluDense.act",
       .config = {{"dense_act_fn", "gelu"}}},
      {.golden = "t5_gated_gelu",
       .what = "gate and value swapped",
       .at = "encoder.block.0.layer.1.DenseReluDense.wi_0",
       .variables = swapped("encoder/block_._0/layer_._1/DenseReluDense/wi_0/",
                            "encoder/block_._0/layer_._1/DenseReluDense/wi_1/")},
      {.golden = kGolden,
       .what = "final layer norm of the decoder left out",
       .at = "decoder.final_layer_norm",
       .edits = {{"decoder/final_layer_norm", "Square", 0, noted(0, "states")},
                 {"decoder/final_layer_norm", "Mul", 1, replaced_by("states")}}},
      {.golden = "t5_fully_masked_row",
       .what = "mask of -1e9 instead of the lowest number",
       .at = "encoder.block.0.layer.0.SelfAttention",  // which returns the mask with its bias of positions
       .edits = {{"encoder", "Mul", 0, [](const Made& made) { return made.input(0) * -1e9; }}}},
  };
}

}  // namespace crossload::faults
