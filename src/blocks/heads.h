// The heads that most architectures have, over a main layer of their own, as transformers/modeling_layers.py of
// Transformers 5 has them (GenericForTokenClassification and its kin).
//
// An architecture gives them its base class, which says what they need to know:
//
//   class TFBertPreTrainedModel : public Model {
//    public:
//     using MainLayer = TFBertMainLayer;             // made of (scope, config), and true or false for a pooler
//     static constexpr const char* kMainLayer = "bert";
//     explicit TFBertPreTrainedModel(const Config& config, std::size_t rank = 2);  // 3 for [batch, choices, length]
//     static HeadSizes head_sizes(const Config& config);
//   };
//
//   head<TokenClassification<TFBertPreTrainedModel>>("TFBertForTokenClassification", ...)
#pragma once

#include <type_traits>

#include "keras/keras.h"

namespace crossload::blocks {

using namespace keras;  // NOLINT: blocks are written in the vocabulary of keras

/// What a classifier is made of.
struct HeadSizes {
  std::int64_t hidden;
  double dropout;
};

/// What most heads return: their logits, hidden states and attentions.
ModelOutput with_logits(const Tensor& logits, const ModelOutput& outputs);

/// What the heads of an encoder and decoder return: their logits, and what both made.
ModelOutput with_decoder_logits(const Tensor& logits, const ModelOutput& outputs);

/// logits [batch, length, 2] -> start_logits and end_logits [batch, length]
ModelOutput with_span_logits(const Tensor& logits, const ModelOutput& outputs);

/// Throws Error(kBadInput) unless the configuration has two labels, start and end.
std::int64_t two_labels(const Config& config);

enum class Pooler { kNone, kWanted, kWhereSaved };

/// The main layer of a head, below the name that keys begin with. Layers that never have a pooler take no flag for it.
template <class PreTrained>
typename PreTrained::MainLayer main_layer(const Scope& scope, const Config& config, Pooler pooler) {
  using Main = typename PreTrained::MainLayer;
  if constexpr (std::is_constructible_v<Main, Scope, Config, bool>) {
    return Main(scope, config, pooler == Pooler::kWhereSaved ? scope.has_part("pooler") : pooler == Pooler::kWanted);
  } else {
    return Main(scope, config);
  }
}

/// The main layer alone.
template <class PreTrained>
class BaseModel : public PreTrained {
 public:
  BaseModel(const Scope& scope, const Config& config)
      : PreTrained(config),
        main(main_layer<PreTrained>(scope.in_tensorflow(PreTrained::kMainLayer), config, Pooler::kWhereSaved)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override { return main(inputs, call); }

  const typename PreTrained::MainLayer main;
};

/// A head that predicts words. `LMHead` is made of (scope, config, word embeddings); `LMHead::kScope` is its name, and
/// `LMHead::kHoldsEmbeddings` says whether Keras' weights file repeats the embeddings below it.
template <class PreTrained, class LMHead>
class MaskedLM : public PreTrained {
 public:
  MaskedLM(const Scope& scope, const Config& config)
      : PreTrained(config),
        main(main_layer<PreTrained>(scope / PreTrained::kMainLayer, config, Pooler::kNone)),
        lm_head(scope / LMHead::kScope, config, main.embeddings.word_embeddings) {
    if constexpr (LMHead::kHoldsEmbeddings)
      (scope / LMHead::kScope).holds(scope / PreTrained::kMainLayer / "embeddings");
  }

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = main(inputs, call);
    return with_logits(lm_head(outputs.at("last_hidden_state")), outputs);
  }

  const typename PreTrained::MainLayer main;
  const LMHead lm_head;
};

/// The same layers, for models that are decoders: what was attended to is returned too.
template <class PreTrained, class LMHead>
class CausalLM : public MaskedLM<PreTrained, LMHead> {
 public:
  using MaskedLM<PreTrained, LMHead>::MaskedLM;

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = this->main(inputs, call);
    return with_logits(this->lm_head(outputs.at("last_hidden_state")), outputs).add_from(outputs, {"cross_attentions"});
  }
};

/// A class for a sequence, from the pooler's output.
template <class PreTrained>
class SequenceClassification : public PreTrained {
 public:
  SequenceClassification(const Scope& scope, const Config& config)
      : PreTrained(config),
        main(main_layer<PreTrained>(scope / PreTrained::kMainLayer, config, Pooler::kWanted)),
        dropout(scope / "dropout", PreTrained::head_sizes(config).dropout),
        classifier(scope / "classifier", PreTrained::head_sizes(config).hidden, config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = main(inputs, call);
    return with_logits(classifier(dropout(outputs.at("pooler_output"), call)), outputs);
  }

  const typename PreTrained::MainLayer main;
  const Dropout dropout;
  const Dense classifier;
};

/// A score for each choice, from the pooler's output: inputs [batch, choices, length] are run as [batch * choices,
/// length] -> logits [batch, choices]
template <class PreTrained>
class MultipleChoice : public PreTrained {
 public:
  MultipleChoice(const Scope& scope, const Config& config)
      : MultipleChoice(scope, config, PreTrained::head_sizes(config).dropout) {}
  MultipleChoice(const Scope& scope, const Config& config, double dropout_rate)
      : PreTrained(config, /*rank=*/3),
        main(main_layer<PreTrained>(scope / PreTrained::kMainLayer, config, Pooler::kWanted)),
        dropout(scope / "dropout", dropout_rate),
        classifier(scope / "classifier", PreTrained::head_sizes(config).hidden, 1) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = main(fold_choices(inputs), call);
    const Tensor scores = classifier(dropout(outputs.at("pooler_output"), call));
    return with_logits(unfold_choices(scores, inputs), outputs);
  }

  const typename PreTrained::MainLayer main;
  const Dropout dropout;
  const Dense classifier;
};

/// A class for each token.
template <class PreTrained>
class TokenClassification : public PreTrained {
 public:
  TokenClassification(const Scope& scope, const Config& config)
      : PreTrained(config),
        main(main_layer<PreTrained>(scope / PreTrained::kMainLayer, config, Pooler::kNone)),
        dropout(scope / "dropout", PreTrained::head_sizes(config).dropout),
        classifier(scope / "classifier", PreTrained::head_sizes(config).hidden, config.num_labels()) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = main(inputs, call);
    return with_logits(classifier(dropout(outputs.at("last_hidden_state"), call)), outputs);
  }

  const typename PreTrained::MainLayer main;
  const Dropout dropout;
  const Dense classifier;
};

/// Where an answer begins and ends.
template <class PreTrained>
class QuestionAnswering : public PreTrained {
 public:
  QuestionAnswering(const Scope& scope, const Config& config)
      : PreTrained(config),
        main(main_layer<PreTrained>(scope / PreTrained::kMainLayer, config, Pooler::kNone)),
        qa_outputs(scope / "qa_outputs", PreTrained::head_sizes(config).hidden, two_labels(config)) {}

  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {
    const ModelOutput outputs = main(inputs, call);
    return with_span_logits(qa_outputs(outputs.at("last_hidden_state")), outputs);
  }

  const typename PreTrained::MainLayer main;
  const Dense qa_outputs;
};

}  // namespace crossload::blocks
