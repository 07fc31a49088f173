// CLIP.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

const std::string kText = "clip/text_model";
const std::string kVision = "clip/vision_model";
const std::string kPatches = kVision + "/embeddings/patch_embedding";
const std::string kPatchesModule = "vision_model.embeddings.patch_embedding";

/// Of the channels, which come last.
tf::Tensor red_and_blue_exchanged(const Made& made) {
  const std::vector<tf::Tensor> channels = tf::split(made.tensor, 3, /*axis=*/3);
  return tf::concat({channels[2], channels[1], channels[0]}, /*axis=*/3);
}

}  // namespace

std::vector<Fault> faults_of_clip() {
  return {
      {.golden = "clip_model",
       .what = "pixels reshaped to NHWC instead of transposed",
       .at = kPatchesModule,
       .edits = {{kPatches, "Transpose", 0, reshaped_instead}}},
      {.golden = "clip_model",
       .what = "height and width of the patches' kernel exchanged",
       .at = kPatchesModule,
       .variables = only(kPatches + "/kernel", height_and_width_exchanged())},
      {.golden = "clip_model",
       .what = "patches column by column",
       .at = kPatchesModule,
       .edits = {{kPatches, "Transpose", 1,
                  [](const Made& made) {
                    return tf::transpose(made.input(0), {0, 3, 2, 1});
                  }}}},
      {.golden = "clip_model",
       .what = "red and blue exchanged",
       .at = kPatchesModule,
       .edits = {{kPatches, "Transpose", 0, red_and_blue_exchanged}}},
      {.golden = "clip_model",
       .what = "class embedding after the patches",
       .at = "vision_model.embeddings",
       .edits = {{kVision + "/embeddings", "ConcatV2", 0,
                  [](const Made& made) {
                    return tf::concat({made.input(1), made.input(0)}, 1);
                  }}}},
      {.golden = "clip_model",
       .what = "layer norm before the encoder left out",
       .at = "vision_model.pre_layrnorm",
       .edits = {{kVision + "/pre_layrnorm", "Mean", 0, noted(0, "states")},
                 {kVision + "/pre_layrnorm", "AddV2", 1, replaced_by("states")}}},
      {.golden = "clip_model",
       .what = "mean of the patches instead of the class token",
       .at = "vision_model.post_layernorm",
       .edits = {{kVision, "StridedSlice", 0,
                  [](const Made& made) { return tf::reduce_mean(made.input(0), {1}, /*keep_dims=*/false); }}}},
      {.golden = "clip_model",
       .what = "gelu instead of quick_gelu",
       .at = "text_model.encoder.layers.0.mlp.activation_fn",
       .config = {{"text_config.hidden_act", "gelu"}}},
      {.golden = "clip_model",
       .what = "no causal mask over the text",
       .at = "text_model.encoder.layers.0.self_attn.out_proj",
       .edits = {{kText, "AddV2", 0, first_input}}},
      {.golden = "clip_text_end_in_the_middle",
       .what = "text ends at the last </s> instead of the first",
       .at = "text_model",
       .edits = {{kText, "ArgMax", 0,
                  [](const Made& made) {
                    const tf::Tensor marks = made.input(0);
                    return tf::argmax(marks * tf::range(marks.graph(), tf::dims_of(marks)[1]), /*axis=*/1);
                  }}}},
      {.golden = "clip_text_old_eos",
       .what = "eos_token_id 2 of old configurations taken at its word",
       .at = "text_model",
       .edits = {{kText, "ArgMax", 0,
                  [](const Made& made) {
                    const tf::Tensor ids = made.input(0);
                    const tf::Tensor is_two = tf::equal(ids, tf::zeros_like(ids) + 2.0);
                    return tf::argmax(tf::cast(is_two, tf::DataType::kInt32), /*axis=*/1);
                  }}}},
      {.golden = "clip_model",
       .what = "layer_norm_eps 1e-6 instead of 1e-5",
       .at = "text_model.encoder.layers.0.layer_norm1",
       .config = {{"text_config.layer_norm_eps", 1e-6}}},
      {.golden = "clip_two_of_each",
       .what = "text ends at its last position",
       .at = "text_model",
       .edits = {{kText, "ArgMax", 0, [](const Made& made) { return tf::zeros_like(made.tensor) + 6.0; }}}},
      {.golden = "clip_two_of_each",
       .what = "embeddings not normalized",
       .at = "output.image_embeds",
       .edits = {{"clip", "RealDiv", 0, first_input}, {"clip", "RealDiv", 1, first_input}}},
      {.golden = "clip_two_of_each",
       .what = "logit_scale not exponentiated",
       .at = "output.logits_per_image",
       .edits = {{"clip", "Exp", 0, first_input}}},
      {.golden = "clip_two_of_each",
       .what = "logits of images and texts exchanged",
       .at = "output.logits_per_image",
       .edits = {{"clip", "Transpose", 0, first_input}}},
      {.golden = "clip_vision_model",
       .what = "one row of the positions from the next",
       .at = "vision_model.embeddings.position_embedding",
       .variables = only(kVision + "/embeddings/position_embedding/embeddings", row_from_the_next(2))},
  };
}

}  // namespace crossload::faults
