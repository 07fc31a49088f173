#include "flow/summary.h"

#include <algorithm>
#include <cstdio>

#include "flow/litert_summary.h"
#include "verify/describe.h"

namespace crossload::flow {
namespace {

using verify::StageReport;

std::string scientific(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", value);
  return text;
}

/// The part of a model that a module belongs to: its path up to the first number, "encoder.layer.3" for all that is
/// inside that layer, or its first level.
std::string part_of(const std::string& path) {
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
    if (path[dot + 1] >= '0' && path[dot + 1] <= '9') return path.substr(0, path.find('.', dot + 1));
  }
  return path.substr(0, path.find('.'));
}

TableRow& row_of(std::vector<TableRow>* table, const std::string& name) {
  const auto found = std::find_if(table->begin(), table->end(), [&](const TableRow& row) { return row.name == name; });
  if (found != table->end()) return *found;
  TableRow row;
  row.name = name;
  row.max_error_padded = -1;
  return table->emplace_back(row);
}

void add_to_table(std::vector<TableRow>* table, const std::string& name, const StageReport& report) {
  TableRow& row = row_of(table, name);
  ++row.stages;
  row.max_error = std::max(row.max_error, report.comparison.kept.tf_to_pt);
  if (report.comparison.has_padded) {
    row.max_error_padded = std::max(row.max_error_padded, report.comparison.padded.tf_to_pt);
  }
  row.agrees = row.agrees && report.agrees();
  if (report.comparison.verdict == verify::Verdict::kRounding) ++row.rounding;
}

/// "agrees; 3 of 120 tensors are over 1e-05 by float32's rounding, TensorFlow nearer to float64 in 2"
std::string first_line(const verify::CertificateParts& parts) {
  const std::string verdict = verify::verdict_of(parts);
  if (verdict != "agrees by rounding") return verdict;
  const auto rounding = verify::tensors_that(parts, verify::Verdict::kRounding);
  const auto nearer = [](const StageReport* report) {
    const auto& [kept, padded] = std::pair(report->comparison.kept, report->comparison.padded);
    return report->comparison.has_float64 &&
           std::max(kept.tf_to_float64, padded.tf_to_float64) <= std::max(kept.pt_to_float64, padded.pt_to_float64);
  };
  char limit[32];
  std::snprintf(limit, sizeof(limit), "%g", parts.tolerances.max_error);
  return "agrees; " + std::to_string(rounding.size()) + " of " +
         std::to_string(rounding.size() + verify::tensors_that(parts, verify::Verdict::kAgrees).size()) +
         " tensors are over " + limit + " by float32's rounding, TensorFlow nearer to float64 in " +
         std::to_string(std::count_if(rounding.begin(), rounding.end(), nearer));
}

/// How many sentences of a kind are said; the certificate has all.
constexpr std::size_t kShown = 3;

std::string and_more(std::size_t count) {
  return count > kShown ? "and " + std::to_string(count - kShown) + " more, see --json" : "";
}

void add_some(const std::vector<std::string>& sentences, std::vector<std::string>* findings) {
  findings->insert(findings->end(), sentences.begin(),
                   sentences.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, sentences.size())));
  if (sentences.size() > kShown) findings->push_back(and_more(sentences.size()));
}

/// A cell that disagrees.
std::string describe(const verify::CellReport& cell) {
  const std::string begin = "cell " + cell.name + " (" + cell.what + "): ";
  if (cell.verification.failure) return begin + cell.verification.failure->text();
  if (const StageReport* off = cell.verification.first_divergence()) {
    StageReport unmarked = *off;  // the cell is named already
    unmarked.cell.clear();
    return begin + verify::describe_divergence(unmarked);
  }
  return begin + "not compared: " + cell.verification.not_compared.front();
}

/// What is over the limit by rounding: three tensors, and how many more.
std::vector<std::string> describe_rounding(std::vector<const StageReport*> rounding) {
  const auto larger = [](double verify::Distances::*field, const StageReport* report) {
    return std::max(report->comparison.kept.*field, report->comparison.padded.*field);
  };
  std::stable_sort(rounding.begin(), rounding.end(), [&](const StageReport* a, const StageReport* b) {
    return larger(&verify::Distances::tf_to_pt, a) > larger(&verify::Distances::tf_to_pt, b);
  });
  std::vector<std::string> lines;
  for (const StageReport* report : rounding) {
    if (lines.size() == kShown) {
      lines.push_back("and " + std::to_string(rounding.size() - kShown) +
                      " more, in the certificate under \"rounding\"");
      break;
    }
    lines.push_back(report->full_name() + ": " + scientific(larger(&verify::Distances::tf_to_pt, report)) +
                    " apart; from float64 TensorFlow " + scientific(larger(&verify::Distances::tf_to_float64, report)) +
                    ", PyTorch " + scientific(larger(&verify::Distances::pt_to_float64, report)) +
                    " and with shaken bits " + scientific(larger(&verify::Distances::noise, report)));
  }
  return lines;
}

/// Rows of the table, and what is wrong. What is only measured has no row.
void add_litert(const verify::LitertReport& litert, Outcome* result) {
  if (litert.conversion.type == LitertType::kFloat32) {
    for (const StageReport& report : litert.stages) add_to_table(&result->table, "model.tflite: modules", report);
    for (const verify::FunctionReport& function : litert.functions) {
      for (const StageReport& report : function.outputs) add_to_table(&result->table, function.label, report);
    }
  }
  if (const StageReport* first = litert.first_divergence(); first != nullptr)
    result->findings.push_back("first divergence in model.tflite: " + verify::describe_divergence(*first));
  std::vector<std::string> findings;
  for (const std::string& finding : litert.findings) findings.push_back("model.tflite: " + finding);
  add_some(findings, &result->findings);
}

}  // namespace

Outcome summarize(const verify::CertificateParts& parts, const std::string& certificate) {
  Outcome result;
  result.tensorflow_class = parts.tensorflow_class;
  result.certificate = certificate;
  result.verdict = verify::verdict_of(parts);
  for (const keras::LedgerEntry& entry : parts.ledger) {
    switch (entry.fate) {
      case keras::LedgerEntry::Fate::kBound:
        ++result.tensors_bound;
        break;
      case keras::LedgerEntry::Fate::kTied:
        ++result.tensors_tied;
        break;
      case keras::LedgerEntry::Fate::kIgnored:
        ++result.tensors_ignored;
        break;
    }
  }
  result.notes = parts.notes;
  if (parts.litert != nullptr) result.litert = describe_litert(*parts.litert, parts.verification != nullptr);
  if (parts.verification == nullptr) return result;
  const verify::Verification& verification = *parts.verification;
  result.verified = true;
  result.agrees = verification.agrees() && parts.binding.empty() &&
                  (parts.litert == nullptr || parts.litert->verdict() != verify::Verdict::kDisagrees);
  result.modules_traced = verification.modules_traced;
  result.modules_compared = verification.modules_compared;
  result.served = verification.served();
  result.verdict = first_line(parts);
  result.functions_run = static_cast<std::size_t>(
      std::count_if(verification.functions.begin(), verification.functions.end(), [](const auto& f) { return f.ran; }));
  result.functions = verification.functions.size();
  result.cells = verification.cells.size();
  for (const StageReport& report : verification.stages) add_to_table(&result.table, part_of(report.path), report);
  for (const StageReport& report : verification.outputs) {
    add_to_table(&result.table, report.name.substr(0, report.name.find('.', report.name.find('.') + 1)), report);
  }
  for (const verify::FunctionReport& function : verification.functions) {
    if (function.training) continue;
    for (const StageReport& report : function.outputs) add_to_table(&result.table, function.label, report);
  }
  for (const verify::CellReport& cell : verification.cells) {
    for (const auto verdict : {verify::Verdict::kAgrees, verify::Verdict::kRounding, verify::Verdict::kDisagrees}) {
      for (const StageReport* report : cell.verification.tensors_that(verdict)) {
        add_to_table(&result.table, "cell " + cell.name, *report);
      }
    }
  }
  if (parts.litert != nullptr) add_litert(*parts.litert, &result);
  if (verify::verdict_of(parts) == "agrees by rounding")
    result.rounding = describe_rounding(verify::tensors_that(parts, verify::Verdict::kRounding));
  for (const std::string& difference : parts.configuration) result.findings.push_back("configuration: " + difference);
  for (const verify::BindingFault& fault : parts.binding) {
    result.findings.push_back("binding: " + fault.variable + " (PyTorch's " + fault.key + "): " + fault.what);
  }
  if (!verification.not_compared.empty()) {
    std::string names;
    for (std::size_t i = 0; i < std::min(kShown, verification.not_compared.size()); ++i) {
      names += (i == 0 ? "" : "; ") + verification.not_compared[i];
    }
    const std::string more = and_more(verification.not_compared.size());
    result.findings.push_back("not compared: " + names + (more.empty() ? "" : "; " + more));
  }
  if (verification.failure) result.findings.push_back("first divergence: " + verification.failure->text());
  if (const StageReport* first = verification.first_divergence(); first != nullptr) {
    result.findings.push_back("first divergence: " + verify::describe_divergence(*first));
  }
  std::vector<std::string> others;
  for (std::size_t i = 1; i < verification.divergences.size(); ++i) {
    others.push_back("and by itself: " + verify::describe_divergence(verification.stages[verification.divergences[i]]));
  }
  add_some(others, &result.findings);
  std::vector<std::string> cells;
  for (const verify::CellReport& cell : verification.cells) {
    if (!cell.verification.agrees()) cells.push_back(describe(cell));
  }
  add_some(cells, &result.findings);
  return result;
}

}  // namespace crossload::flow
