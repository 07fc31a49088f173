#include "summary.h"

#include <algorithm>
#include <cstdio>

namespace crossload {
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
  row.agrees = row.agrees && report.agrees;
}

std::string describe(const StageReport& report) {
  const verify::Comparison& comparison = report.comparison;
  std::string text = report.name;
  if (!report.class_name.empty())
    text += " (" + report.class_name + (report.source.empty() ? "" : ", " + report.source) + ")";
  if (!comparison.shape_mismatch.empty()) return text + ": shapes differ: " + comparison.shape_mismatch;
  if (!comparison.kept_agrees(report.tolerance.absolute)) {
    return text + ": max |TensorFlow - PyTorch| = " + scientific(comparison.kept.tf_to_pt) + " over " +
           scientific(report.tolerance.absolute) + ", worst at " + to_string(comparison.worst_index) + ": TensorFlow " +
           std::to_string(comparison.worst_tf) + ", PyTorch " + std::to_string(comparison.worst_pt);
  }
  return text + ": at padded positions TensorFlow is " + scientific(comparison.padded.tf_to_float64) +
         " from float64, PyTorch at most " +
         scientific(std::max(comparison.padded.pt_to_float64, comparison.padded.noise));
}

}  // namespace

ConvertResult summarize(const verify::CertificateParts& parts, const std::string& certificate) {
  ConvertResult result;
  result.tensorflow_class = parts.tensorflow_class;
  result.certificate = certificate;
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
  if (parts.verification == nullptr) return result;
  const verify::Verification& verification = *parts.verification;
  result.verified = true;
  result.agrees = verification.agrees() && parts.binding.empty();
  result.modules_traced = verification.modules_traced;
  result.modules_compared = verification.modules_compared;
  result.served = verification.served;
  for (const StageReport& report : verification.stages) add_to_table(&result.table, part_of(report.path), report);
  for (const StageReport& report : verification.outputs) {
    add_to_table(&result.table, report.name.substr(0, report.name.find('.', report.name.find('.') + 1)), report);
  }
  for (const std::string& difference : parts.configuration) result.findings.push_back("configuration: " + difference);
  for (const verify::BindingFault& fault : parts.binding) {
    result.findings.push_back("binding: " + fault.variable + " (PyTorch's " + fault.key + "): " + fault.what);
  }
  if (!verification.not_compared.empty()) {
    std::string names;
    for (const std::string& name : verification.not_compared) names += (names.empty() ? "" : ", ") + name;
    result.findings.push_back("not compared, because the TensorFlow model has no such stage: " + names);
  }
  if (const StageReport* first = verification.first_divergence(); first != nullptr) {
    result.findings.push_back("first divergence: " + describe(*first));
    for (std::size_t i = 1; i < verification.divergences.size(); ++i) {
      result.findings.push_back("and by itself: " + describe(verification.stages[verification.divergences[i]]));
    }
  }
  return result;
}

}  // namespace crossload
