// XLM-RoBERTa, as transformers/models/xlm_roberta/modeling_xlm_roberta.py of Transformers 4.57.6 has it: RoBERTa under
// another name.
#include "keras/architecture.h"

namespace crossload::models {

using keras::Architecture;

Architecture modeling_tf_roberta();

Architecture modeling_tf_xlm_roberta() {
  return keras::renamed(modeling_tf_roberta(), "Roberta", "XLMRoberta",
                        {.model_type = "xlm-roberta",
                         .source = "transformers/models/xlm_roberta/modeling_xlm_roberta.py, 4.57.6",
                         .defaults = {{"vocab_size", 30522}}});
}

}  // namespace crossload::models
