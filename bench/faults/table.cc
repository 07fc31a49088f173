#include "faults/table.h"

namespace crossload::faults {

std::vector<Fault> all_faults() {
  std::vector<Fault> all;
  for (const auto& part : {faults_of_bert()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace crossload::faults
