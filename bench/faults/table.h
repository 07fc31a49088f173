// The table of faults, in parts.
#pragma once

#include <vector>

#include "faults/fault.h"

namespace crossload::faults {

std::vector<Fault> faults_of_bert();
std::vector<Fault> faults_of_roberta();         // CamemBERT and XLM-RoBERTa too
std::vector<Fault> faults_of_other_encoders();  // ALBERT, DistilBERT, ELECTRA
std::vector<Fault> faults_of_deberta_v2();
std::vector<Fault> faults_of_t5();
std::vector<Fault> faults_of_bart();
std::vector<Fault> faults_of_whisper();
std::vector<Fault> faults_of_wav2vec2();
std::vector<Fault> faults_of_clip();
std::vector<Fault> faults_of_traced();  // Llama, ModernBERT and Swin, by torch.export
std::vector<Fault> small_faults();

}  // namespace crossload::faults
