// DeBERTa-v2.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

const std::string kSelf = "deberta/encoder/layer_._0/attention/self";
const std::string kProbabilities = "encoder.layer.0.attention.self.dropout";

}  // namespace

std::vector<Fault> faults_of_deberta_v2() {
  return {
      {.golden = "deberta_v2_model",
       .what = "relative positions backwards",
       .at = kProbabilities,
       .edits = {{"deberta/encoder", "Sub", 0, negative}}},
      {.golden = "deberta_v2_buckets",
       .what = "shared buckets off by one",
       .at = kProbabilities,
       .edits = {{"deberta/encoder", "AddV2", 0, plus(1.0)}}},
      {.golden = "deberta_v2_buckets",
       .what = "buckets rounded down instead of up",
       .at = kProbabilities,
       .edits = {{"deberta/encoder", "Ceil", 0, first_input}}},
      {.golden = "deberta_v2_buckets",
       .what = "max_relative_positions 32 instead of 15",
       .at = kProbabilities,
       .config = {{"max_relative_positions", 32}}},
      {.golden = "deberta_v2_model",
       .what = "scores scaled for one product instead of three",
       .at = kProbabilities,
       .edits = {{kSelf, "RealDiv", 0, times(1.7320508)}}},
      {.golden = "deberta_v2_model",
       .what = "no position-to-content scores",
       .at = kProbabilities,
       .edits = {{kSelf, "AddV2", 4, first_input}}},
      {.golden = "deberta_v2_model",
       .what = "position-to-content scores not transposed",
       .at = kProbabilities,
       .edits = {{kSelf, "Transpose", 5, first_input}}},
      {.golden = "deberta_v2_model",
       .what = "relative embeddings not normalized",
       .at = "encoder.layer.0.attention.self.pos_dropout",
       .config = {{"norm_rel_ebd", "none"}}},
      {.golden = "deberta_v2_model",
       .what = "embeddings of padding not zeroed",
       .at = "embeddings.dropout",
       .edits = {{"deberta/embeddings", "Mul", 0, first_input}}},
      {.golden = "deberta_v2_model",
       .what = "layer_norm_eps 1e-5 instead of 1e-7",
       .at = "embeddings.LayerNorm",
       .config = {{"layer_norm_eps", 1e-5}}},
      {.golden = "deberta_v2_own_position_projections",
       .what = "position projections of key and query swapped",
       .at = "encoder.layer.0.attention.self.pos_key_proj",
       .variables = swapped(kSelf + "/pos_proj/", kSelf + "/pos_q_proj/")},
      {.golden = "deberta_v2_conv",
       .what = "convolution padded before instead of on both sides",
       .at = "encoder.conv.conv",
       .edits = {{"deberta/encoder/conv/conv", "Conv2D", 0, convolved(1, 2, 0)}}},
      {.golden = "deberta_v2_conv",
       .what = "convolution's kernel backwards",
       .at = "encoder.conv.conv",
       .variables = only("deberta/encoder/conv/conv/kernel", first_dimension_reversed())},
  };
}

}  // namespace crossload::faults
