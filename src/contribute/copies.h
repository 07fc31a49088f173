// Classes that one architecture copies from another, kept equal.
//
//   // Copied from bert.TFBertSelfOutput with Bert->Electra
//   class TFElectraSelfOutput : public Module<TFElectraSelfOutput> {
//
// The class below the mark must be the named class of modeling_tf_bert.cc after the replacements, whatever the layout
// of its lines. Several replacements are separated by commas: `with Bert->Electra, bert->electra`. `Bert->Electra
// all-casing` replaces bert->electra and BERT->ELECTRA too. What stands between `// Ignore copy` and the next empty
// line, on either side, is not compared. Source of the idea: utils/check_copies.py of Transformers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace crossload::contribute {

/// A mark whose class is not what it says.
struct CopyFault {
  std::filesystem::path file;
  int line;  // of the mark
  std::string what;
};

/// Checks every mark of the modeling_tf_*.cc in the folder. With `fix`, writes what the mark asks for in place of a
/// class that differs; format the file afterwards. Throws Error(kBadInput) when a file cannot be read or written.
std::vector<CopyFault> check_copies(const std::filesystem::path& folder, bool fix);

}  // namespace crossload::contribute
