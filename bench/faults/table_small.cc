// Faults that are small: the verification has to tell them from rounding.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

struct Place {
  std::string golden;
  std::string kernel;
  std::string at;
};

/// One late kernel of each architecture.
const std::vector<Place> kPlaces = {
    {"bert_model", "bert/encoder/layer_._1/attention/output/dense/kernel", "encoder.layer.1.attention.output.dense"},
    {"roberta_model", "roberta/encoder/layer_._1/intermediate/dense/kernel", "encoder.layer.1.intermediate.dense"},
    {"camembert_model", "roberta/encoder/layer_._1/attention/self/key/kernel", "encoder.layer.1.attention.self.key"},
    {"xlm_roberta_model", "roberta/pooler/dense/kernel", "pooler.dense"},
    {"albert_model", "albert/encoder/albert_layer_groups_._0/albert_layers_._0/ffn/kernel",
     "encoder.albert_layer_groups.0.albert_layers.0.ffn"},
    {"distilbert_model", "distilbert/transformer/layer_._1/ffn/lin2/kernel", "transformer.layer.1.ffn.lin2"},
    {"electra_for_pre_training", "electra/encoder/layer_._1/output/dense/kernel",
     "electra.encoder.layer.1.output.dense"},
    {"deberta_v2_model", "deberta/encoder/layer_._1/attention/self/value_proj/kernel",
     "encoder.layer.1.attention.self.value_proj"},
    {"t5_for_conditional_generation", "decoder/block_._1/layer_._2/DenseReluDense/wo/kernel",
     "decoder.block.1.layer.2.DenseReluDense.wo"},
    {"bart_for_conditional_generation", "model/decoder/layers.1/fc2/kernel", "model.decoder.layers.1.fc2"},
    {"whisper_for_conditional_generation", "model/decoder/layers.1/encoder_attn/v_proj/kernel",
     "model.decoder.layers.1.encoder_attn.v_proj"},
    {"wav2vec2_model", "wav2vec2/encoder/layers.1/feed_forward/output_dense/kernel",
     "encoder.layers.1.feed_forward.output_dense"},
    {"rembert_model", "rembert/encoder/layer_._1/intermediate/dense/kernel", "encoder.layer.1.intermediate.dense"},
    {"layoutlm_model", "layoutlm/encoder/layer_._1/attention/self/value/kernel",
     "encoder.layer.1.attention.self.value"},
    {"clip_model", "clip/text_model/encoder/layers_._0/mlp/fc2/kernel", "text_model.encoder.layers.0.mlp.fc2"},
};

}  // namespace

std::vector<Fault> small_faults() {
  std::vector<Fault> faults;
  for (const Place& place : kPlaces) {
    faults.push_back({.golden = place.golden,
                      .what = "one element of a late kernel off by 1e-4",
                      .at = place.at,
                      .variables = only(place.kernel, added(0, 1e-4F))});
    faults.push_back({.golden = place.golden,
                      .what = "a late kernel rounded to float16",
                      .at = place.at,
                      .variables = only(place.kernel, rounded_to_float16())});
  }
  return faults;
}

}  // namespace crossload::faults
