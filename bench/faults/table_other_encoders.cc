// ALBERT, DistilBERT and ELECTRA.
#include <cmath>

#include "faults/changes.h"
#include "faults/table.h"

namespace crossload::faults {
namespace {

const std::string kAlbertLayer = "albert/encoder/albert_layer_groups_._0/albert_layers_._0";
const std::string kAlbertModule = "encoder.albert_layer_groups.0.albert_layers.0";
const std::string kDistilAttention = "distilbert/transformer/layer_._0/attention";

}  // namespace

std::vector<Fault> faults_of_other_encoders() {
  return {
      {.golden = "albert_model",
       .what = "gelu instead of gelu_new",
       .at = kAlbertModule + ".activation",
       .config = {{"hidden_act", "gelu"}}},
      {.golden = "albert_model",
       .what = "residual after the feed-forward part missing",
       .at = kAlbertModule + ".full_layer_layer_norm",
       .edits = {{kAlbertLayer, "AddV2", kEach, first_input}}},
      {.golden = "albert_model",
       .what = "projection of the embeddings without bias",
       .at = "encoder.embedding_hidden_mapping_in",
       .variables = only("albert/encoder/embedding_hidden_mapping_in/bias", zeros())},
      {.golden = "albert_relative_key",
       .what = "relative scores scaled as BERT's",
       .at = kAlbertModule + ".attention.attention_dropout",
       .edits = {{kAlbertLayer + "/attention", "AddV2", 2,
                  [](const Made& made) { return made.input(0) + made.input(1) * std::sqrt(1.0 / 8.0); }}}},
      {.golden = "albert_groups",
       .what = "groups of layers swapped",
       .at = "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.query",
       .variables = swapped("albert/encoder/albert_layer_groups_._0/", "albert/encoder/albert_layer_groups_._1/")},
      {.golden = "albert_for_masked_lm",
       .what = "no activation in the head",
       .at = "predictions.activation",
       .edits = {{"predictions/activation", "Mul", 5, [](const Made& made) { return 2.0 * made.input(0); }}}},
      {.golden = "albert_for_pre_training",
       .what = "dropout left on",
       .at = "albert.embeddings.dropout",
       .training = true},
      {.golden = "distilbert_model",
       .what = "padding mask ignored",
       .at = "transformer.layer.0.attention.dropout",
       .edits = {{kDistilAttention, "SelectV2", 0, third_input}}},
      {.golden = "distilbert_model",
       .what = "mask the wrong way round",
       .at = "transformer.layer.0.attention.dropout",
       .edits = {{kDistilAttention, "SelectV2", 0,
                  [](const Made& made) { return tf::where(made.input(0), made.input(2), made.input(1)); }}}},
      {.golden = "distilbert_model",
       .what = "query not scaled",
       .at = "transformer.layer.0.attention.dropout",
       .edits = {{kDistilAttention, "RealDiv", 0, first_input}}},
      {.golden = "distilbert_model",
       .what = "epsilon of the embeddings' layer norm 1e-5 instead of 1e-12",
       .at = "embeddings.LayerNorm",
       .edits = {{"distilbert/embeddings/LayerNorm", "AddV2", 0, plus(1e-5)}}},
      {.golden = "distilbert_model",
       .what = "epsilon of a later layer norm 1e-5 instead of 1e-12",
       .at = "transformer.layer.0.output_layer_norm",
       .edits = {{"distilbert/transformer/layer_._0/output_layer_norm", "AddV2", 0, plus(1e-5)}},
       .reason = "activations have a variance of 1.5 and more there, so it changes nothing by more than 8.6e-6, less "
                 "than the limit of 1e-5"},
      {.golden = "distilbert_model",
       .what = "the two layer norms swapped",
       .at = "transformer.layer.0.sa_layer_norm",
       .variables = swapped("distilbert/transformer/layer_._0/sa_layer_norm/",
                            "distilbert/transformer/layer_._0/output_layer_norm/")},
      {.golden = "distilbert_sinusoidal",
       .what = "sines and cosines in two halves instead of alternating",
       .at = "embeddings.position_embeddings",
       .variables = only("distilbert/embeddings/position_embeddings/embeddings", columns_in_two_halves())},
      {.golden = "distilbert_for_sequence_classification",
       .what = "head without ReLU",
       .at = "dropout",
       .edits = {{"", "Relu", 0, first_input}}},
      {.golden = "electra_for_pre_training",
       .what = "projection of the embeddings without bias",
       .at = "electra.embeddings_project",
       .variables = only("electra/embeddings_project/bias", zeros())},
      {.golden = "electra_for_pre_training",
       .what = "no activation in the discriminator's head",
       .at = "discriminator_predictions.activation",
       .edits = {{"discriminator_predictions/activation", "Mul", 2,
                  [](const Made& made) { return 2.0 * made.input(0); }}}},
      {.golden = "electra_summary_mean",
       .what = "summary of the first token instead of the mean",
       .at = "sequence_summary.first_dropout",
       .config = {{"summary_type", "first"}}},
      {.golden = "electra_for_masked_lm",
       .what = "one row of the word embeddings from the next",
       .at = "electra.embeddings.word_embeddings",
       .variables = only("electra/embeddings/word_embeddings/weight", row_from_the_next(23))},
      {.golden = "electra_cross_attention",
       .what = "cross attention left out",
       .at = "encoder.layer.0.crossattention.output.LayerNorm",
       .edits = {{"electra/encoder/layer_._0/crossattention/output", "AddV2", 0, second_input}}},
  };
}

}  // namespace crossload::faults
