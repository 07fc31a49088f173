#include "keras/pretrained_model.h"

namespace crossload::keras {

ModelOutput TFPreTrainedModel::operator()(const ModelInputs& inputs, bool training) const {
  const ModuleCall running(graph_of(inputs), place_of("", typeid(*this), where_), "");
  try {
    return call(inputs, training);
  } catch (const tf::OperationError& error) {
    running.fail(error);
  }
}

}  // namespace crossload::keras
