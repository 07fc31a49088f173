// CamemBERT, as transformers/models/camembert/modeling_camembert.py of Transformers 4.57.6 has it: RoBERTa under
// another name.
#include "keras/architecture.h"

namespace crossload::models {

using keras::Architecture;

Architecture modeling_tf_roberta();

Architecture modeling_tf_camembert() {
  return keras::renamed(modeling_tf_roberta(), "Roberta", "Camembert",
                        {.model_type = "camembert",
                         .source = "transformers/models/camembert/modeling_camembert.py, 4.57.6",
                         .defaults = {{"vocab_size", 30522}},
                         .families = {{"TFCamembertModel", {"TFAutoModel"}}}});
}

}  // namespace crossload::models
