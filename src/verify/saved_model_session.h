// A SavedModel opened as TensorFlow opens it, and every function that it offers, ready to be called.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "export/saved_model_functions.h"
#include "tf/session.h"
#include "verify/feeds.h"
#include "verify/values.h"

namespace crossload::verify {

/// A function, by its place in SavedModelSession::functions(), and what it is called with.
struct FunctionCall {
  std::size_t index;
  const Feeds* feeds;
};

class SavedModelSession {
 public:
  /// Loads the model and restores its variables. Throws Error(kBadInput).
  SavedModelSession(const std::shared_ptr<const tf::Library>& library, const tf::SessionOptions& options,
                    const std::filesystem::path& saved_model);

  const std::vector<exporting::SavedFunction>& functions() const { return functions_; }
  /// Calls functions()[index] with its inputs, taken from the feeds by name. The results by name, the members of a list
  /// as "hidden_states.0", .... Throws Error(kUsage) when an input is not among the feeds, and what TensorFlow says.
  std::map<std::string, Values> run(std::size_t index, const Feeds& feeds);
  /// Several in one run, none twice; the results in the order of the calls.
  std::vector<std::map<std::string, Values>> run(const std::vector<FunctionCall>& calls);

 private:
  struct Call {
    std::vector<tf::Tensor> arguments;  // placeholders of the inputs
    std::vector<tf::Tensor> results;
  };
  /// The variables' handles by node of the object graph: those with which the graph calls its signatures.
  std::map<std::int32_t, tf::Tensor> find_handles(const std::string& meta_graph_def);
  void add_call(const exporting::SavedFunction& function, const std::map<std::int32_t, tf::Tensor>& handles);

  std::string where_;
  std::unique_ptr<tf::Graph> graph_;
  std::optional<tf::Session> session_;
  std::vector<exporting::SavedFunction> functions_;
  std::vector<std::optional<Call>> calls_;  // none for what cannot be called
};

}  // namespace crossload::verify
