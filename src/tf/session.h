// Running a graph.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tf/graph.h"
#include "tf/operation_error.h"

namespace crossload::tf {

struct SessionOptions {
  /// Threads of one operation and between operations. Sums are split by threads, so another number may change last
  /// bits.
  int threads = 1;
  /// TensorFlow rewrites the graph and the functions that it calls before it runs them, as in every session by default. It
  /// takes longer than a few runs do. Else calls are replaced by what they call, and that runs as it is.
  bool rewrite = true;
};

/// A session on a graph of ours or on a SavedModel's.
class Session {
 public:
  using Feed = std::pair<Tensor, HostTensor>;

  Session(Graph* graph, const SessionOptions& options);
  /// Loads a SavedModel with the tag "serve" into the (empty) graph and restores its variables. Throws
  /// Error(kBadInput).
  static Session load(const std::filesystem::path& saved_model, Graph* graph, const SessionOptions& options,
                      std::string* meta_graph_def);
  ~Session();
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;

  /// Values of `fetches` in their order. Throws OperationError when an operation cannot compute its inputs, Error
  /// otherwise, with TensorFlow's message.
  std::vector<HostTensor> run(const std::vector<Feed>& feeds, const std::vector<Tensor>& fetches,
                              const std::vector<TF_Operation*>& targets = {});

 private:
  Session(Graph* graph, TF_Session* session) : graph_(graph), session_(session) {}
  OperationError failure(const std::string& message) const;

  Graph* graph_;
  TF_Session* session_;
};

}  // namespace crossload::tf
