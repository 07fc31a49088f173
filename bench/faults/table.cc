#include "faults/table.h"

namespace crossload::faults {

std::vector<Fault> all_faults() {
  std::vector<Fault> all;
  for (const std::vector<Fault>& part : {faults_of_bert(), faults_of_roberta(), faults_of_other_encoders(),
                                         faults_of_deberta_v2(), faults_of_t5(), faults_of_bart(), faults_of_whisper(),
                                         faults_of_wav2vec2(), faults_of_clip(), faults_of_traced(), small_faults()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace crossload::faults
