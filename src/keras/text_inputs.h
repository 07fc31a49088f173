// What models of text make of their inputs, and of those that were not passed.
#pragma once

#include "keras/given_or_made.h"
#include "keras/layers.h"
#include "keras/model.h"

namespace crossload::keras {

/// What a model of text takes, see text_interface.
struct TextInputs {
  std::size_t rank = 2;        // 3 for [batch, choices, length]
  bool token_type_ids = true;  // served, and not needed to call the model
  bool position_ids = true;
  std::int64_t embeds = 0;          // the width of inputs_embeds
  std::int64_t encoder = 0;         // the width of encoder_hidden_states, which a decoder may take; 0 for none
  bool attends_to_encoder = false;  // and is called with them
};

/// `inputs_embeds` may be passed in place of `input_ids`; `side` is "decoder_" for a decoder's.
MadeInput made_embeds(const std::string& side = "");
/// `position_ids` may be passed besides.
MadeInput made_positions(const std::string& side = "");

/// input_ids, attention_mask and token_type_ids as v4 serves them, and what else may be passed.
Interface text_interface(const TextInputs& inputs);

/// [batch, length, features]: `inputs_embeds`, or the rows of `table`, called with `input_ids`. Throws Error(kUsage)
/// when neither was passed.
template <class Table>
tf::Tensor embedded_words(const ModelInputs& inputs, const Table& table) {
  return given_or_made(inputs, "inputs_embeds", [&] { return table(inputs.at("input_ids")); });
}

/// `token_type_ids`, or zeros, [batch, length] for words [batch, length, features].
tf::Tensor token_type_ids(const ModelInputs& inputs, const tf::Tensor& words);

/// `position_ids`, or 0, 1, 2, ..., [1, length].
tf::Tensor position_ids(const ModelInputs& inputs, const tf::Tensor& words);

/// The same counted as RoBERTa and its kin do, [batch, length]: `position_ids`, or padding_idx + n for the n-th id of a
/// row that is not padding, and padding_idx for padding. Of `inputs_embeds` nothing tells what is padding.
tf::Tensor position_ids_after(std::int64_t padding_idx, const ModelInputs& inputs, const tf::Tensor& words);

/// The mask of that name, or ones, [batch, length] for states [batch, length, features].
tf::Tensor mask_or_ones(const ModelInputs& inputs, const std::string& name, const tf::Tensor& states);

/// What the layers of a model like BERT attend to besides their own input: masks to be added to scores, and where the
/// model is a decoder, what an encoder returned.
struct Memory {
  std::optional<tf::Tensor> attention_mask = std::nullopt;
  std::optional<tf::Tensor> encoder_hidden_states = std::nullopt;
  std::optional<tf::Tensor> encoder_attention_mask = std::nullopt;
};

/// The memory for hidden states [batch, length, features]. A decoder's mask hides later positions.
Memory memory_of(const ModelInputs& inputs, const tf::Tensor& hidden_states, bool is_decoder);

/// The memory of a decoder that always has an encoder, see decoder_inputs. Masks are [batch, length] alone.
Memory decoder_memory(const ModelInputs& inputs, const tf::Tensor& hidden_states);

/// [batch, choices, length, ...] of each input -> [batch * choices, length, ...]
ModelInputs fold_choices(const ModelInputs& inputs);
/// Scores [batch * choices, 1] of the folded inputs -> [batch, choices]
tf::Tensor unfold_choices(const tf::Tensor& scores, const ModelInputs& inputs);

}  // namespace crossload::keras
