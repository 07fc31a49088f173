// The protocol buffers of a TensorFlow 2 SavedModel.
//
//   saved_model.pb   SavedModel {
//                      schema version
//                      MetaGraphDef { tags, GraphDef, SaverDef, signatures, SavedObjectGraph }
//                    }
//   variables/       a TensorBundle; its entry _CHECKPOINTABLE_OBJECT_GRAPH is a TrackableObjectGraph
//
// The object graph has the interface of TF Hub's reusable SavedModel: `__call__(inputs, training=False)`, `variables`,
// `trainable_variables`, `regularization_losses`, and `signatures`.
// Source: tensorflow/core/protobuf/{saved_model,meta_graph,saved_object_graph,trackable_object_graph,struct}.proto.
#pragma once

#include <map>
#include <string>

#include "export/saved_model_graph.h"

namespace crossload::exporting {

/// The bytes of saved_model.pb. `scope` is the model's own level in the names of its variables ("tf_bert_model").
std::string saved_model_proto(const SavedModelGraph& graph, const keras::Weights& weights, const std::string& scope,
                              const std::string& tensorflow_version);

/// The bytes of the TrackableObjectGraph.
std::string trackable_object_graph(const SavedModelGraph& graph, const keras::Weights& weights,
                                   const std::string& scope);

/// The names of the nodes behind the inputs and outputs of `serving_default`.
struct ServingSignature {
  std::map<std::string, std::string> inputs;   // "input_ids" -> "serving_default_input_ids:0"
  std::map<std::string, std::string> outputs;  // "logits" -> "StatefulPartitionedCall:0"
};

/// Reads it from a serialized MetaGraphDef, of any SavedModel. Throws Error(kBadInput) when there is none.
ServingSignature read_serving_signature(const std::string& meta_graph_def, const std::string& where);

}  // namespace crossload::exporting
