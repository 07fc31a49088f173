// Classes that one architecture copies from another, kept equal.
//
//   // Copied from bert.TFBertSelfOutput with Bert->Electra
//   class TFElectraSelfOutput : public Module<TFElectraSelfOutput> {
//
// The class below the mark must be the named class of modeling_tf_bert.cc after the replacements, whatever the layout
// of its lines. Several replacements are separated by commas: `with Bert->Electra, bert->electra`. `Bert->Electra
// all-casing` replaces bert->electra and BERT->ELECTRA too. Names of blocks (src/blocks/) stay: TFBertLayer is one
// class wherever it is used. A long mark goes on in further lines `// ...`. What stands between `// Ignore copy` and
// the next empty line is the class's own: a method there stands for that of the same name, other lines are added ones
// (class_members.h says where such a part ends). In the original it falls away. Source of the idea:
// utils/check_copies.py of Transformers.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace crossload::contribute {

/// A mark whose class is not what it says, or a part of the class that was written anew.
struct CopyFault {
  std::filesystem::path file;
  int line;  // of the mark; of the part in the new text
  std::string what;
  bool mended = false;
};

/// Checks every mark of the modeling_tf_*.cc in the folder. With `fix`, writes what the mark asks for in place of the
/// members that differ, in the architectures `only` (all when it is empty), and says so of each; format the file
/// afterwards. A class of which something would be lost that no mark gives away is left as it is. Throws
/// Error(kBadInput) when a file cannot be read or written.
std::vector<CopyFault> check_copies(const std::filesystem::path& folder, bool fix,
                                    const std::set<std::string>& only = {});

}  // namespace crossload::contribute
