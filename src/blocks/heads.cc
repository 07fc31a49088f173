#include "blocks/heads.h"

namespace crossload::blocks {

ModelOutput with_logits(const Tensor& logits, const ModelOutput& outputs) {
  ModelOutput result;
  return result.add("logits", logits).add_from(outputs, {"hidden_states", "attentions"});
}

ModelOutput with_decoder_logits(const Tensor& logits, const ModelOutput& outputs) {
  ModelOutput result;
  return result.add("logits", logits)
      .add_from(outputs, {"decoder_hidden_states", "decoder_attentions", "cross_attentions",
                          "encoder_last_hidden_state", "encoder_hidden_states", "encoder_attentions"});
}

ModelOutput with_span_logits(const Tensor& logits, const ModelOutput& outputs) {
  ModelOutput result;
  result.add("start_logits", tf::select(logits, /*axis=*/2, /*index=*/0));
  result.add("end_logits", tf::select(logits, /*axis=*/2, /*index=*/1));
  return result.add_from(outputs, {"hidden_states", "attentions"});
}

std::int64_t two_labels(const Config& config) {
  if (config.num_labels() == 2) return 2;
  throw Error(ErrorKind::kBadInput, "config.json: question answering needs 2 labels (start, end), not " +
                                        std::to_string(config.num_labels()));
}

}  // namespace crossload::blocks
