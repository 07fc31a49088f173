#include "verify/saved_model_session.h"

#include <algorithm>
#include <charconv>

#include "crossload/error.h"
#include "export/saved_model_proto.h"

namespace crossload::verify {
namespace {

/// The operation of "StatefulPartitionedCall:0"; nullptr when the graph lacks it.
TF_Operation* operation_of(const tf::Graph& graph, const std::string& tensor) {
  return graph.library()->TF_GraphOperationByName(graph.get(), tensor.substr(0, tensor.find(':')).c_str());
}

tf::DataType data_type(int number) { return static_cast<tf::DataType>(number); }

std::vector<tf::DataType> data_types(const std::vector<int>& numbers) {
  std::vector<tf::DataType> types;
  for (const int number : numbers) types.push_back(data_type(number));
  return types;
}

}  // namespace

SavedModelSession::SavedModelSession(const std::shared_ptr<const tf::Library>& library,
                                     const tf::SessionOptions& options, const std::filesystem::path& saved_model)
    : where_(saved_model.string()), graph_(std::make_unique<tf::Graph>(library)) {
  std::string meta_graph;
  session_.emplace(tf::Session::load(saved_model, graph_.get(), options, &meta_graph));
  functions_ = exporting::read_saved_functions(meta_graph, where_);
  const std::map<std::int32_t, tf::Tensor> handles = find_handles(meta_graph);
  for (const exporting::SavedFunction& function : functions_) add_call(function, handles);
}

std::map<std::int32_t, tf::Tensor> SavedModelSession::find_handles(const std::string& meta_graph_def) {
  std::map<std::int32_t, tf::Tensor> handles;
  const exporting::ServingSignature signature = exporting::read_serving_signature(meta_graph_def, where_);
  const auto serving = std::find_if(functions_.begin(), functions_.end(), [](const exporting::SavedFunction& function) {
    return function.is_signature && function.label == "serving_default";
  });
  if (serving == functions_.end() || signature.outputs.empty()) return handles;
  TF_Operation* call = operation_of(*graph_, signature.outputs.begin()->second);
  const tf::Library& library = *graph_->library();
  if (call == nullptr || library.TF_OperationNumInputs(call) != static_cast<int>(serving->input_types.size())) {
    return handles;
  }
  for (std::size_t i = 0; i < serving->captures.size(); ++i) {
    const int input = static_cast<int>(serving->inputs.size() + i);
    handles.emplace(serving->captures[i], tf::Tensor(graph_.get(), library.TF_OperationInput(TF_Input{call, input})));
  }
  return handles;
}

void SavedModelSession::add_call(const exporting::SavedFunction& function,
                                 const std::map<std::int32_t, tf::Tensor>& handles) {
  const std::string prefix = "crossload/call_" + std::to_string(calls_.size());
  Call call;
  std::vector<tf::Tensor> arguments;
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    const exporting::FunctionTensor& input = function.inputs[i];
    call.arguments.push_back(
        graph_->placeholder(data_type(function.input_types[i]), input.shape, prefix + "/input_" + std::to_string(i)));
  }
  arguments = call.arguments;
  for (const std::int32_t node : function.captures) {
    const auto handle = handles.find(node);
    if (handle == handles.end()) {
      calls_.emplace_back();
      return;
    }
    arguments.push_back(handle->second);
  }
  call.results = graph_->operation("StatefulPartitionedCall", prefix)
                     .inputs(arguments)
                     .types("Tin", data_types(function.input_types))
                     .types("Tout", data_types(function.output_types))
                     .function("f", function.name)
                     .outputs();
  calls_.emplace_back(std::move(call));
}

std::map<std::string, Values> SavedModelSession::run(std::size_t index, const Feeds& feeds) {
  return run({FunctionCall{index, &feeds}}).front();
}

std::vector<std::map<std::string, Values>> SavedModelSession::run(const std::vector<FunctionCall>& calls) {
  std::vector<tf::Session::Feed> fed;
  std::vector<tf::Tensor> fetched;
  for (const auto& [index, feeds] : calls) {
    const exporting::SavedFunction& function = functions_.at(index);
    const std::optional<Call>& call = calls_.at(index);
    if (!call) {
      throw Error(ErrorKind::kBadInput, where_ + ": " + function.label +
                                            " reads something else than variables of the signature serving_default");
    }
    for (std::size_t i = 0; i < function.inputs.size(); ++i) {
      const std::string& name = function.inputs[i].name;
      const auto view = feeds->find(name);
      if (view == feeds->end()) {
        throw Error(ErrorKind::kUsage, where_ + ": " + function.label + " needs the input \"" + name + "\"");
      }
      fed.emplace_back(call->arguments[i],
                       to_host(graph_->library(), name, view->second, data_type(function.input_types[i])));
    }
    fetched.insert(fetched.end(), call->results.begin(), call->results.end());
  }
  const std::vector<tf::HostTensor> results = session_->run(fed, fetched);
  std::vector<std::map<std::string, Values>> outputs;
  auto result = results.begin();
  for (const auto& [index, feeds] : calls) {
    std::map<std::string, Values>& of_one = outputs.emplace_back();
    for (const exporting::FunctionTensor& output : functions_[index].outputs) {
      of_one.emplace(output.name, to_values(*result++, output.has_rank ? output.shape : Shape()));
    }
  }
  return outputs;
}

}  // namespace crossload::verify
