// Traced models: what a lowered operation can get wrong, and weights in the wrong place.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

const std::string kLayer = "model/layers/0";
const std::string kAttention = kLayer + "/self_attn";
const std::string kBlock = "swin/encoder/layers/0/blocks/0";

/// Of four neighbouring patches the second and the third exchanged.
tf::Tensor patches_column_by_column(const Made& made) {
  return tf::concat({made.input(0), made.input(2), made.input(1), made.input(3)}, -1);
}

std::vector<Fault> faults_of_llama() {
  const std::string golden = "traced_llama";
  const std::string query = "model.layers.0.self_attn.q_proj";
  const std::string output = "model.layers.0.self_attn.o_proj";
  return {
      {.golden = golden,
       .what = "query and output kernels swapped",
       .at = query,
       .variables = swapped(kAttention + "/q_proj/weight", kAttention + "/o_proj/weight")},
      {.golden = golden,
       .what = "a square kernel not transposed",
       .at = output,
       .variables = only(kAttention + "/o_proj/weight", transposed())},
      {.golden = golden,
       .what = "layers 0 and 1 swapped",
       .at = query,
       .variables = swapped(kLayer + "/", "model/layers/1/")},
      {.golden = golden,
       .what = "rows of the embeddings off by one",
       .at = "model.embed_tokens",
       .variables = only("model/embed_tokens/weight", rows_moved_up())},
      {.golden = golden,
       .what = "a late kernel rounded to float16",
       .at = "model.layers.1.mlp.up_proj",
       .variables = only("model/layers/1/mlp/up_proj/weight", rounded_to_float16())},
      {.golden = golden, .what = "scores not scaled", .at = output, .edits = {{kAttention, "Mul", 4, first_input}}},
      {.golden = golden, .what = "mask dropped", .at = output, .edits = {{kAttention, "AddV2", 2, first_input}}},
      {.golden = golden,
       .what = "causal mask lets a token see the next one",
       .at = output,
       .edits = {{"model", "LessEqual", 0, one_later}}},
      {.golden = golden,
       .what = "softmax over the queries",
       .at = output,
       .edits = {{kAttention, "Softmax", 0, softmax_over_queries}}},
      {.golden = golden,
       .what = "half of the rotation without its sign",
       .at = output,
       .edits = {{kAttention, "Neg", 0, first_input}}},
      {.golden = golden,
       .what = "heads merged without transposing back",
       .at = output,
       .edits = {{kAttention, "Transpose", 4, reshaped_instead}}},
      {.golden = golden,
       .what = "residual missing",
       .at = "model.layers.0.post_attention_layernorm",
       .edits = {{kLayer, "AddV2", 0, first_input}}},
      {.golden = golden,
       .what = "sum of the squares instead of their mean",
       .at = "model.layers.0.input_layernorm",
       .edits = {{kLayer + "/input_layernorm", "Mean", 0, times(32)}}},
      {.golden = golden,
       .what = "SiLU without its first factor",
       .at = "model.layers.0.mlp.act_fn",
       .edits = {{kLayer + "/mlp/act_fn", "Mul", 0, second_input}}},
  };
}

std::vector<Fault> faults_of_modernbert() {
  const std::string golden = "traced_modernbert";
  return {
      {.golden = golden,
       .what = "output kernels of layers 0 and 1 swapped",
       .at = "model.layers.0.attn.Wo",
       .variables = swapped(kLayer + "/attn/Wo/weight", "model/layers/1/attn/Wo/weight")},
      {.golden = golden,
       .what = "GELU by tanh",
       .at = "model.layers.0.mlp.act",
       .edits = {{kLayer + "/mlp/act", "Mul", 2, gelu_by_tanh}}},
      {.golden = golden,
       .what = "epsilon of a layer norm off by 1e-4",
       .at = "model.embeddings.norm",
       .edits = {{"model/embeddings/norm", "AddV2", 0, plus(1e-4)}}},
      {.golden = golden,
       .what = "local attention without its window",
       .at = "model.layers.1.attn.Wo",
       .edits = {{"model", "SelectV2", 1, third_input}}},
  };
}

std::vector<Fault> faults_of_swin() {
  const std::string golden = "traced_swin";
  const std::string block = "swin.encoder.layers.0.blocks.0";
  return {
      {.golden = golden,
       .what = "height and width of the patches' kernel exchanged",
       .at = "swin.embeddings.patch_embeddings.projection",
       .variables = only("swin/embeddings/patch_embeddings/projection/weight", height_and_width_exchanged())},
      {.golden = golden,
       .what = "one element of a late kernel off by 1e-4",
       .at = "swin.encoder.layers.1.blocks.0.output.dense",
       .variables = only("swin/encoder/layers/1/blocks/0/output/dense/weight", added(0, 1e-4F))},
      {.golden = golden,
       .what = "windows cut without transposing",
       .at = block + ".attention.self.query",
       .edits = {{kBlock, "Transpose", 0, reshaped_instead}}},
      {.golden = golden,
       .what = "relative positions ignored",
       .at = block + ".attention.self.dropout",
       .edits = {{kBlock + "/attention/self", "AddV2", 1, first_input}}},
      {.golden = golden,
       .what = "patches merged column by column",
       .at = "swin.encoder.layers.0.downsample.norm",
       .edits = {{"swin/encoder/layers/0/downsample", "ConcatV2", 0, patches_column_by_column}}},
      {.golden = golden,
       .what = "GELU by tanh",
       .at = block + ".intermediate.intermediate_act_fn",
       .edits = {{kBlock + "/intermediate/intermediate_act_fn", "Mul", 2, gelu_by_tanh}}},
  };
}

}  // namespace

std::vector<Fault> faults_of_traced() {
  std::vector<Fault> all;
  for (const std::vector<Fault>& part : {faults_of_llama(), faults_of_modernbert(), faults_of_swin()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace crossload::faults
