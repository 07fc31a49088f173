#include "tf/session.h"

#include <string_view>

#include "tf/buffer.h"
#include "tf/status.h"

namespace crossload::tf {
namespace {

/// ConfigProto { graph_options (10) { optimizer_options (3) { do_function_inlining (4): true },
///                                    rewrite_options (10) { disable_meta_optimizer (19): true } } }
constexpr std::string_view kNotRewritten("\x52\x09\x1a\x02\x20\x01\x52\x03\x98\x01\x01", 11);

/// A ConfigProto with intra_op_parallelism_threads (2) and inter_op_parallelism_threads (5), both varints.
std::string config_proto(const SessionOptions& options) {
  const auto field = [](int number, int value) {
    std::string bytes(1, static_cast<char>(number << 3));
    auto rest = static_cast<unsigned>(value);
    for (; rest >= 0x80; rest >>= 7U) bytes += static_cast<char>((rest & 0x7fU) | 0x80U);
    return bytes + static_cast<char>(rest);
  };
  const std::string threads = field(2, options.threads) + field(5, options.threads);
  return options.rewrite ? threads : threads + std::string(kNotRewritten);
}

class Options {
 public:
  Options(const Library& library, const SessionOptions& options)
      : library_(library), options_(library.TF_NewSessionOptions()) {
    const std::string config = config_proto(options);
    Status status(library_);
    library_.TF_SetConfig(options_, config.data(), config.size(), status);
    status.check("session options");
  }
  ~Options() { library_.TF_DeleteSessionOptions(options_); }
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  TF_SessionOptions* get() const { return options_; }

 private:
  const Library& library_;
  TF_SessionOptions* options_;
};

}  // namespace

Session::Session(Graph* graph, const SessionOptions& options) : graph_(graph), session_(nullptr) {
  const Library& library = *graph->library();
  const Options native(library, options);
  Status status(library);
  session_ = library.TF_NewSession(graph->get(), native.get(), status);
  status.check("starting a session");
}

Session Session::load(const std::filesystem::path& saved_model, Graph* graph, const SessionOptions& options,
                      std::string* meta_graph_def) {
  const Library& library = *graph->library();
  const Options native(library, options);
  const char* tag = "serve";
  Status status(library);
  Buffer buffer(library);
  TF_Session* session = library.TF_LoadSessionFromSavedModel(native.get(), nullptr, saved_model.c_str(), &tag, 1,
                                                             graph->get(), buffer, status);
  status.check("loading " + saved_model.string());
  *meta_graph_def = buffer.text();
  return {graph, session};
}

Session::Session(Session&& other) noexcept : graph_(other.graph_), session_(std::exchange(other.session_, nullptr)) {}

Session::~Session() {
  if (session_ == nullptr) return;
  const Library& library = *graph_->library();
  Status status(library);
  library.TF_CloseSession(session_, status);
  library.TF_DeleteSession(session_, status);
}

std::vector<HostTensor> Session::run(const std::vector<Feed>& feeds, const std::vector<Tensor>& fetches,
                                     const std::vector<TF_Operation*>& targets) {
  std::vector<TF_Output> inputs;
  std::vector<TF_Tensor*> input_values;
  for (const auto& [tensor, value] : feeds) {
    inputs.push_back(tensor.output());
    input_values.push_back(value.get());
  }
  std::vector<TF_Output> outputs;
  for (const Tensor& tensor : fetches) outputs.push_back(tensor.output());
  std::vector<TF_Tensor*> output_values(fetches.size(), nullptr);
  const Library& library = *graph_->library();
  Status status(library);
  library.TF_SessionRun(session_, nullptr, inputs.data(), input_values.data(), static_cast<int>(inputs.size()),
                        outputs.data(), output_values.data(), static_cast<int>(outputs.size()), targets.data(),
                        static_cast<int>(targets.size()), nullptr, status);
  if (!status.ok() && status.is_of_arguments()) throw failure(status.message());
  status.check("running the graph");
  std::vector<HostTensor> results;
  for (TF_Tensor* value : output_values) results.emplace_back(graph_->library(), value);
  return results;
}

OperationError Session::failure(const std::string& message) const {
  const std::string node = failing_node(message);
  TF_Operation* operation = graph_->library()->TF_GraphOperationByName(graph_->get(), node.c_str());
  return {"TensorFlow, running the graph: " + message,
          operation == nullptr ? "" : graph_->library()->TF_OperationOpType(operation), node, reason_of(message)};
}

}  // namespace crossload::tf
