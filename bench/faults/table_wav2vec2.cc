// Wav2Vec2.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

const std::string kFirstNorm = "wav2vec2/feature_extractor/conv_layers.0/layer_norm";
const std::string kPositions = "wav2vec2/encoder/pos_conv_embed";
const std::string kWeightNorm = kPositions + "/conv/weight/norm";
const std::string kWeightNormModule = "encoder.pos_conv_embed.conv.parametrizations.weight.0";

/// x [batch, channels, length]
tf::Tensor normalized_over_channels(const tf::Tensor& x) {
  const tf::Tensor mean = tf::reduce_mean(x, {1}, /*keep_dims=*/true);
  const tf::Tensor variance = tf::reduce_mean(tf::squared_difference(x, mean), {1}, /*keep_dims=*/true);
  return (x - mean) * tf::rsqrt(variance + 1e-5);
}

}  // namespace

std::vector<Fault> faults_of_wav2vec2() {
  return {
      {.golden = "wav2vec2_model",
       .what = "group norm over the channels instead of over time",
       .at = "feature_extractor.conv_layers.0.layer_norm",
       .edits = {{kFirstNorm, "Reshape", 0, noted(0, "x")},
                 {kFirstNorm, "Reshape", 1,
                  [](const Made& made) { return normalized_over_channels(made.kept->at("x")); }}}},
      {.golden = "wav2vec2_model",
       .what = "padded where it is not",
       .at = "feature_extractor.conv_layers.1.conv",
       .edits = {{"wav2vec2/feature_extractor/conv_layers.1/conv", "Conv2D", 0, convolved(2, 1, 0)}}},
      {.golden = "wav2vec2_conv_bias",
       .what = "conv_bias ignored",
       .at = "feature_extractor.conv_layers.0.conv",
       .config = {{"conv_bias", false}}},
      {.golden = "wav2vec2_model",
       .what = "weight norm without its g",
       .at = kWeightNormModule,
       .edits = {{kWeightNorm, "Mul", 0, second_input}}},
      {.golden = "wav2vec2_model",
       .what = "weight norm over the wrong axes",
       .at = kWeightNormModule,
       .edits = {{kWeightNorm, "Sum", 0,
                  [](const Made& made) {
                    return tf::reduce_sum(made.input(0), {1, 2}, /*keep_dims=*/true);
                  }}}},
      {.golden = "wav2vec2_model",
       .what = "first instead of last position dropped after an even kernel",
       .at = "encoder.pos_conv_embed.padding",
       .edits = {{kPositions + "/padding", "StridedSlice", 0,
                  [](const Made& made) { return tf::slice(made.input(0), 2, 1, tf::dims_of(made.input(0))[2]); }}}},
      {.golden = "wav2vec2_model",
       .what = "groups of the positions' convolution swapped",
       .at = "encoder.pos_conv_embed.conv",
       .edits = {{kPositions + "/conv", "ConcatV2", 0,
                  [](const Made& made) {
                    return tf::concat({made.input(1), made.input(0)}, 2);
                  }}}},
      {.golden = "wav2vec2_short_row",
       .what = "frames of padding not zeroed",
       .at = "encoder.pos_conv_embed.conv",
       .edits = {{"wav2vec2/encoder", "Mul", 0, first_input}}},
      {.golden = "wav2vec2_model",
       .what = "mask of frames one too long",
       .at = "encoder.pos_conv_embed.conv",
       .edits = {{"wav2vec2", "Sub", 2, first_input}}},
      {.golden = "wav2vec2_stable_layer_norm",
       .what = "do_stable_layer_norm ignored",
       .at = "wav2vec2.encoder.layer_norm",
       .config = {{"do_stable_layer_norm", false}}},
      {.golden = "wav2vec2_model",
       .what = "layer norm of attention left out",
       .at = "encoder.layers.0.layer_norm",
       .edits = {{"wav2vec2/encoder/layers.0/layer_norm", "Mean", 0, noted(0, "states")},
                 {"wav2vec2/encoder/layers.0/layer_norm", "AddV2", 1, replaced_by("states")}}},
      {.golden = "wav2vec2_weighted_layer_sum",
       .what = "weights of the layers without softmax",
       .at = "projector",
       .edits = {{"", "Softmax", 0, first_input}}},
      {.golden = "wav2vec2_weighted_layer_sum",
       .what = "mean over the frames of padding too",
       .at = "classifier",
       .edits = {{"", "LessEqual", 0, ones_instead}}},
      {.golden = "wav2vec2_model",
       .what = "gelu_new instead of gelu",
       .at = "feature_extractor.conv_layers.0.activation",
       .config = {{"feat_extract_activation", "gelu_new"}}},
      {.golden = "wav2vec2_model",
       .what = "epsilon of the group norm 1e-3 instead of 1e-5",
       .at = "feature_extractor.conv_layers.0.layer_norm",
       .edits = {{kFirstNorm, "AddV2", 0, plus(1e-3 - 1e-5)}}},
      {.golden = "wav2vec2_for_ctc",
       .what = "one kernel rounded to float16",
       .at = "lm_head",
       .variables = only("lm_head/kernel", rounded_to_float16())},
      {.golden = "wav2vec2_model",
       .what = "attention's softmax over the queries",
       .at = "encoder.layers.1.attention.out_proj",
       .edits = {{"wav2vec2/encoder/layers.1/attention", "Softmax", 0, softmax_over_queries}}},
  };
}

}  // namespace crossload::faults
