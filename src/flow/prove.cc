#include "flow/prove.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>

#include "crossload/error.h"
#include "keras/calls.h"
#include "tensor/half.h"
#include "verify/runner.h"
#include "verify/saved_model_session.h"

namespace crossload::flow {
namespace {

using verify::FunctionRun;
using verify::Trace;
using verify::TraceCell;

/// Cells of this kind hold another set of inputs for a function of the SavedModel.
bool is_call(const TraceCell& cell) { return cell.name.starts_with("call:"); }

/// What a Runner is made for: names and ranks.
std::map<std::string, std::size_t> key_of(const Trace& trace) {
  std::map<std::string, std::size_t> key;
  for (const auto& [name, view] : trace.inputs()) key.emplace(name, view.shape.size());
  return key;
}

bool takes(const exporting::SavedFunction& function, const Trace& trace) {
  return function.inputs.size() == trace.inputs().size() &&
         std::all_of(function.inputs.begin(), function.inputs.end(), [&](const exporting::FunctionTensor& input) {
           const auto view = trace.inputs().find(input.name);
           return view != trace.inputs().end() && (!input.has_rank || input.shape.size() == view->second.shape.size());
         });
}

/// The run of PyTorch with a function's inputs: the main one, or a cell's on the weights as they are.
const Trace* run_with(const exporting::SavedFunction& function, const Trace& trace) {
  if (takes(function, trace)) return &trace;
  for (const TraceCell& cell : trace.cells()) {
    if (cell.weights.empty() && takes(function, cell.trace)) return &cell.trace;
  }
  return nullptr;
}

FunctionRun not_run(const exporting::SavedFunction& function) {
  FunctionRun run;
  run.label = function.label;
  run.training = function.training;
  for (const exporting::FunctionTensor& input : function.inputs) run.inputs.push_back(input.name);
  return run;
}

FunctionRun call(verify::SavedModelSession* session, std::size_t index, const Trace* trace) {
  FunctionRun run = not_run(session->functions()[index]);
  run.trace = trace;
  if (trace == nullptr) return run;
  try {
    run.outputs = session->run(index, trace->inputs());
  } catch (const Error& error) {
    run.error = error.what();
  }
  return run;
}

/// Functions with the run of PyTorch that each is held against.
using Asked = std::vector<std::pair<std::size_t, const Trace*>>;

/// All in one run of the session: it prepares the graph for each run anew, which costs more than the run. Where that
/// fails each runs by itself, so that the one that fails is known.
void call_together(verify::SavedModelSession* session, const Asked& asked, std::vector<FunctionRun>* runs) {
  try {
    std::vector<verify::FunctionCall> calls;
    for (const auto& [index, trace] : asked) calls.push_back({index, &trace->inputs()});
    std::vector<std::map<std::string, verify::Values>> outputs = session->run(calls);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto [index, trace] = asked[i];
      FunctionRun& run = (*runs)[index] = not_run(session->functions()[index]);
      run.trace = trace;
      run.outputs = std::move(outputs[i]);
    }
  } catch (const Error&) {
    for (const auto& [index, trace] : asked) (*runs)[index] = call(session, index, trace);
  }
}

/// Inputs of a run, and those that stand for the ones left out.
struct ExplicitInputs {
  verify::Feeds feeds;
  std::deque<std::vector<std::int32_t>> values;  // that feeds views

  /// Adds an input of one number everywhere.
  void fill(const std::string& name, std::int32_t value, const Shape& shape) {
    const auto count = static_cast<std::size_t>(element_count(shape));
    values.emplace_back(count, value);
    const auto bytes = std::as_bytes(std::span(values.back()));
    feeds.emplace(name, tensor::TensorView{DType::kI32, shape, bytes, nullptr});
  }
};

/// Functions that PyTorch was not asked about, each beside the one of the same body that takes every input.
class DefaultsCalls {
 public:
  DefaultsCalls(verify::SavedModelSession* session, const Trace& trace, const keras::Model& model)
      : session_(session), trace_(trace), model_(model) {}

  /// Functions of one label, which take the same inputs.
  void add(const std::vector<std::size_t>& indices, std::vector<FunctionRun>* runs) {
    const exporting::SavedFunction& function = session_->functions()[indices.front()];
    for (const std::size_t index : indices) (*runs)[index] = not_run(session_->functions()[index]);
    const verify::Feeds* recorded = recorded_for(function);
    if (recorded == nullptr) return;
    Comparison comparison{indices, 0, {}};
    for (const exporting::FunctionTensor& input : function.inputs) {
      comparison.inputs.feeds.emplace(input.name, recorded->at(input.name));
    }
    for (const keras::InputDefault& by : model_.interface().defaults) add(by, &comparison.inputs);
    const std::optional<std::size_t> whole = whole_of(function, comparison.inputs.feeds);
    if (!whole) return;
    comparison.whole = *whole;
    comparisons_.push_back(std::move(comparison));
  }

  void run(std::vector<FunctionRun>* runs) {
    try {
      std::vector<const Comparison*> all;
      for (const Comparison& comparison : comparisons_) all.push_back(&comparison);
      run_together(all, runs);
    } catch (const Error&) {
      for (const Comparison& comparison : comparisons_) run_alone(comparison, runs);
    }
  }

 private:
  struct Comparison {
    std::vector<std::size_t> indices;
    std::size_t whole;
    ExplicitInputs inputs;
  };

  /// See call_together. A function runs once in a run, so that those of one whole take turns.
  void run_together(const std::vector<const Comparison*>& comparisons, std::vector<FunctionRun>* runs) {
    std::vector<verify::FunctionCall> calls;
    std::map<std::size_t, std::vector<const Comparison*>> by_whole;
    std::size_t turns = 0;
    for (const Comparison* comparison : comparisons) {
      for (const std::size_t index : comparison->indices) calls.push_back({index, &comparison->inputs.feeds});
      std::vector<const Comparison*>& of_whole = by_whole[comparison->whole];
      of_whole.push_back(comparison);
      turns = std::max(turns, of_whole.size());
    }
    if (calls.empty()) return;
    std::vector<std::map<std::string, verify::Values>> outputs = session_->run(calls);
    for (std::size_t i = 0; i < calls.size(); ++i) (*runs)[calls[i].index].outputs = std::move(outputs[i]);
    for (std::size_t turn = 0; turn < turns; ++turn) {
      std::vector<verify::FunctionCall> wholes;  // the same functions in each turn, for which the graph is prepared
      std::vector<const Comparison*> compared;
      for (const auto& [whole, of_whole] : by_whole) {
        compared.push_back(of_whole[std::min(turn, of_whole.size() - 1)]);
        wholes.push_back({whole, &compared.back()->inputs.feeds});
      }
      outputs = session_->run(wholes);
      for (std::size_t i = 0; i < compared.size(); ++i) {
        for (const std::size_t index : compared[i]->indices) (*runs)[index].explicit_outputs = outputs[i];
      }
    }
  }

  void run_alone(const Comparison& comparison, std::vector<FunctionRun>* runs) {
    try {
      run_together({&comparison}, runs);
    } catch (const Error& error) {
      for (const std::size_t index : comparison.indices) (*runs)[index].error = error.what();
    }
  }

  /// The inputs of the main run, or a cell's, that hold all of the function's.
  const verify::Feeds* recorded_for(const exporting::SavedFunction& function) const {
    const auto holds = [&](const Trace& trace) {
      return std::ranges::all_of(function.inputs,
                                 [&](const auto& input) { return trace.inputs().contains(input.name); });
    };
    if (holds(trace_)) return &trace_.inputs();
    for (const TraceCell& cell : trace_.cells()) {
      if (holds(cell.trace)) return &cell.trace.inputs();
    }
    return nullptr;
  }

  void add(const keras::InputDefault& by, ExplicitInputs* inputs) const {
    const std::string* like = keras::first_of(by.like, inputs->feeds);
    if (inputs->feeds.contains(by.name) || like == nullptr) return;
    Shape shape = inputs->feeds.at(*like).shape;
    const Shape spec = keras::signature_of(model_, {by.name}).front().shape;
    shape.resize(std::min(shape.size(), spec.size()));
    for (std::size_t i = shape.size(); i < spec.size(); ++i) shape.push_back(spec[i]);
    inputs->fill(by.name, by.value, shape);
  }

  /// The first function of the same kind that takes just these inputs.
  std::optional<std::size_t> whole_of(const exporting::SavedFunction& function, const verify::Feeds& feeds) const {
    for (std::size_t i = 0; i < session_->functions().size(); ++i) {
      const exporting::SavedFunction& other = session_->functions()[i];
      const bool is_whole = other.inputs.size() == feeds.size() && other.inputs.size() > function.inputs.size() &&
                            other.training == function.training && !other.is_signature;
      if (is_whole && std::ranges::all_of(other.inputs, [&](const auto& input) { return feeds.contains(input.name); }))
        return i;
    }
    return std::nullopt;
  }

  verify::SavedModelSession* session_;
  const Trace& trace_;
  const keras::Model& model_;
  std::deque<Comparison> comparisons_;  // whose inputs stay where they are
};

/// Every function once, on the first inputs that it takes. One that differs in its name alone from another that ran, as
/// those by keyword do from those by dictionary, has its results.
std::vector<FunctionRun> call_all(verify::SavedModelSession* session, const Trace& trace, const keras::Model& model) {
  std::vector<FunctionRun> runs(session->functions().size());
  std::map<std::tuple<std::string, std::string, std::vector<std::int32_t>>, std::size_t> known;
  std::map<std::size_t, std::size_t> copies;  // of which
  Asked asked;
  std::map<std::string, std::vector<std::size_t>> not_asked;  // PyTorch, by label
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const exporting::SavedFunction& function = session->functions()[i];
    const auto [same, is_new] = known.emplace(std::tuple(function.label, function.computation, function.captures), i);
    if (!is_new) {
      copies.emplace(i, same->second);
    } else if (const Trace* reference = run_with(function, trace)) {
      asked.emplace_back(i, reference);
    } else {
      not_asked[function.label].push_back(i);
    }
  }
  call_together(session, asked, &runs);
  DefaultsCalls with_defaults(session, trace, model);
  for (const auto& [label, indices] : not_asked) with_defaults.add(indices, &runs);
  with_defaults.run(&runs);
  for (const auto& [copy, original] : copies) runs[copy] = runs[original];
  const auto is_serving = [](const FunctionRun& run) { return run.label == "serving_default"; };
  if (std::none_of(runs.begin(), runs.end(), is_serving)) {
    FunctionRun missing;
    missing.label = "serving_default";
    missing.error = "is not there";
    runs.push_back(std::move(missing));
  }
  return runs;
}

/// The signatures once more, by a session as TensorFlow's clients have it.
void call_signatures(verify::SavedModelSession* session, std::vector<FunctionRun>* runs) {
  for (std::size_t i = 0; i < session->functions().size(); ++i) {
    FunctionRun& run = (*runs)[i];
    if (session->functions()[i].is_signature && run.trace != nullptr && run.error.empty())
      run = call(session, i, run.trace);
  }
}

/// serving_default, or else the first function without training that takes a cell's inputs; and the signatures that have
/// a result of their own.
std::vector<FunctionRun> call_for_cell(verify::SavedModelSession* session, const Trace& cell,
                                       const std::vector<std::string>& own_signatures) {
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < session->functions().size(); ++i) {
    const exporting::SavedFunction& function = session->functions()[i];
    if (function.training || !takes(function, cell)) continue;
    if (!chosen || function.label == "serving_default") chosen = i;
  }
  if (!chosen) return {};
  std::vector<FunctionRun> runs = {call(session, *chosen, &cell)};
  for (std::size_t i = 0; i < session->functions().size(); ++i) {
    const exporting::SavedFunction& function = session->functions()[i];
    const bool is_own = std::ranges::find(own_signatures, function.label) != own_signatures.end();
    if (is_own && takes(function, cell)) runs.push_back(call(session, i, &cell));
  }
  return runs;
}

class Proof {
 public:
  Proof(const load::LoadedModel& loaded, const ProvedArtifact& artifact, const Trace& trace,
        const RunSettings& settings, const std::shared_ptr<const tf::Library>& library, const keras::Weights* source)
      : loaded_(loaded),
        variables_(artifact.variables),
        saved_model_(artifact.saved_model),
        trace_(trace),
        library_(library),
        tolerances_(tolerances_of(settings)),
        source_(source != nullptr ? *source : *loaded.weights) {
    options_.session.threads = settings.threads;
  }

  verify::Verification run() {
    verify::Verification result = prove_run(trace_, call_functions());
    if (result.failure) return result;
    // Cells with the inputs of the Runner at hand come first, those that change its variables last.
    std::vector<const TraceCell*> order;
    for (const TraceCell& cell : trace_.cells()) {
      if (!is_call(cell) || !session_ || !result.agrees()) order.push_back(&cell);
    }
    const auto rank = [&](const TraceCell* cell) {
      return std::tuple(!cell->weights.empty(), key_of(cell->trace) != key_of(trace_), key_of(cell->trace));
    };
    std::stable_sort(order.begin(), order.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
    for (const TraceCell* cell : order) result.cells.push_back(prove_cell(*cell));
    return result;
  }

 private:
  /// One session after the other: each holds the variables.
  std::vector<FunctionRun> call_functions() {
    if (saved_model_.empty()) return {};
    std::vector<FunctionRun> runs;
    {
      verify::SavedModelSession as_written(library_, options_.session, saved_model_);
      runs = call_all(&as_written, trace_, *loaded_.model);
    }
    session_.emplace(library_, tf::SessionOptions{options_.session.threads}, saved_model_);
    call_signatures(&*session_, &runs);
    return runs;
  }

  verify::ReadVariable reader(float (*rounding)(float)) const {
    return [this, rounding](const keras::Variable& variable, std::span<float> out) {
      variables_.read(stored_name(variable), out);
      if (rounding != nullptr) std::transform(out.begin(), out.end(), out.begin(), rounding);
    };
  }

  verify::Runner& runner_for(const Trace& trace) {
    auto key = key_of(trace);
    if (!runner_ || key != runner_key_) {
      runner_.reset();
      runner_.emplace(library_, options_, *loaded_.model, *loaded_.weights, reader(nullptr), trace.inputs());
      runner_key_ = std::move(key);
    }
    return *runner_;
  }

  verify::Verification prove_run(const Trace& trace, const std::vector<FunctionRun>& functions) {
    try {
      return verify::verify(trace, runner_for(trace).run(trace.inputs()), functions, tolerances_, &source_);
    } catch (const keras::ModuleError& error) {
      if (error.kind() == ErrorKind::kUnsupported) throw;
      return verify::failed(trace, error.failure());
    }
  }

  verify::CellReport prove_cell(const TraceCell& cell) {
    verify::CellReport report{cell.name, cell.what, {}, {}};
    for (const auto& [name, view] : cell.trace.inputs()) report.inputs.emplace(name, view.shape);
    if (!cell.weights.empty()) {
      runner_for(cell.trace)
          .assign(*loaded_.weights,
                  reader(cell.weights == "float16" ? tensor::through_float16 : tensor::through_bfloat16));
    }
    const bool as_stored = cell.weights.empty();
    report.verification =
        prove_run(cell.trace, session_ && as_stored
                                  ? call_for_cell(&*session_, cell.trace, loaded_.model->interface().own_signatures)
                                  : std::vector<FunctionRun>());
    verify::set_cell(&report.verification, cell.name);
    if (!as_stored) runner_.reset();  // its variables are not the artifact's any more
    return report;
  }

  const load::LoadedModel& loaded_;
  const exporting::StoredWeights& variables_;
  const std::filesystem::path saved_model_;
  const Trace& trace_;
  const std::shared_ptr<const tf::Library> library_;
  const verify::Tolerances tolerances_;
  const keras::Weights& source_;
  verify::RunOptions options_;
  std::optional<verify::SavedModelSession> session_;
  std::optional<verify::Runner> runner_;
  std::map<std::string, std::size_t> runner_key_;
};

}  // namespace

verify::Tolerances tolerances_of(const RunSettings& settings) {
  return {settings.max_error, settings.max_hidden_error.value_or(settings.max_error), settings.strict};
}

verify::Verification prove(const load::LoadedModel& loaded, const ProvedArtifact& artifact, const Trace& trace,
                           const RunSettings& settings, const std::shared_ptr<const tf::Library>& library,
                           const keras::Weights* source) {
  return Proof(loaded, artifact, trace, settings, library, source).run();
}

}  // namespace crossload::flow
