#include "export/saved_model.h"

#include "bytes/output_file.h"
#include "export/saved_model_proto.h"
#include "export/tensor_bundle.h"

namespace crossload::exporting {

void write_saved_model(const std::filesystem::path& folder, const std::shared_ptr<const tf::Library>& library,
                       const keras::Model& model, const keras::Weights& weights, const std::string& scope) {
  std::filesystem::create_directories(folder / "variables");
  std::filesystem::create_directories(folder / "assets");
  const SavedModelGraph graph = build_saved_model_graph(library, model, weights);
  bytes::write_file(folder / "saved_model.pb", saved_model_proto(graph, weights, scope, library->version()));
  TensorBundleWriter bundle(folder / "variables" / "variables");
  for (std::size_t i = 0; i < weights.variables().size(); ++i) {
    bundle.add(variable_checkpoint_key(i), weights.variables()[i]);
  }
  bundle.add_string(std::string(kObjectGraphKey), trackable_object_graph(graph, weights, scope));
  bundle.finish();
}

}  // namespace crossload::exporting
