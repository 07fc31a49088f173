// RoBERTa, CamemBERT and XLM-RoBERTa.
#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {

std::vector<Fault> faults_of_roberta() {
  return {
      {.golden = "roberta_model",
       .what = "positions without padding_idx, from 1 on",
       .at = "embeddings.position_embeddings",
       .edits = {{"roberta/embeddings", "AddV2", 1, first_input}}},
      {.golden = "roberta_model",
       .what = "pad_token_id 0 instead of 1",
       .at = "embeddings.position_embeddings",
       .config = {{"pad_token_id", 0}}},
      {.golden = "roberta_model",
       .what = "padding has the position of the last token instead of its own",
       .at = "embeddings.position_embeddings",
       .edits = {{"roberta/embeddings", "Mul", 0, first_input}}},
      {.golden = "roberta_model",
       .what = "positions counted through padding",
       .at = "embeddings.position_embeddings",
       .edits = {{"roberta/embeddings", "Sub", 0, ones_instead}}},
      {.golden = "roberta_for_masked_lm",
       .what = "GELU by tanh in the head",
       .at = "lm_head.layer_norm",
       .edits = {{"lm_head", "Mul", 2, gelu_by_tanh}}},
      {.golden = "roberta_for_masked_lm",
       .what = "bias of the output projection missing",
       .at = "lm_head.decoder",
       .variables = only("lm_head/bias", zeros())},
      {.golden = "roberta_cross_attention",
       .what = "no causal mask",
       .at = "roberta.encoder.layer.0.attention.self.dropout",
       .edits = {{"roberta", "Mul", 0, second_input}}},
      {.golden = "roberta_cross_attention",
       .what = "encoder's mask not given to cross attention",
       .at = "roberta.encoder.layer.0.crossattention.self.dropout",
       .edits = {{"roberta/encoder/layer_._0/crossattention/self", "AddV2", 0, first_input}}},
      {.golden = "camembert_padding_inside",
       .what = "positions counted through padding",
       .at = "embeddings.position_embeddings",
       .edits = {{"roberta/embeddings", "Sub", 0, ones_instead}}},
      {.golden = "camembert_for_masked_lm",
       .what = "one element of a layer norm off by 1e-4",
       .at = "lm_head.layer_norm",
       .variables = only("lm_head/layer_norm/gamma", added(3, 1e-4F))},
      {.golden = "camembert_model",
       .what = "layer norms of attention and output swapped",
       .at = "encoder.layer.0.attention.output.LayerNorm",
       .variables = swapped("roberta/encoder/layer_._0/attention/output/LayerNorm/",
                            "roberta/encoder/layer_._0/output/LayerNorm/")},
      {.golden = "xlm_roberta_for_sequence_classification",
       .what = "head without tanh",
       .at = "classifier.dropout",
       .edits = {{"classifier", "Tanh", 0, first_input}}},
      {.golden = "xlm_roberta_padding_inside",
       .what = "a position's row taken from the next",
       .at = "embeddings.position_embeddings",
       .variables = only("roberta/embeddings/position_embeddings/embeddings", row_from_the_next(4))},
      {.golden = "xlm_roberta_model",
       .what = "value kernel of layer 1 from layer 0",
       .at = "encoder.layer.1.attention.self.value",
       .variables = only("roberta/encoder/layer_._1/attention/self/value/kernel",
                         values_of("roberta/encoder/layer_._0/attention/self/value/kernel"))},
      {.golden = "xlm_roberta_for_causal_lm",
       .what = "all kernels rounded to bfloat16",
       .at = "roberta.encoder.layer.0.attention.self.query",
       .variables =
           [](const Variables& variables, const keras::Variable& variable, std::span<float> out) {
             if (variable.name.ends_with("/kernel")) rounded_to_bfloat16()(variables, variable, out);
           }},
  };
}

}  // namespace crossload::faults
