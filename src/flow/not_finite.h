// Notes about NaN and infinity, on which two frameworks may agree and say nothing.
#pragma once

#include <string>
#include <vector>

#include "artifact/weight_formats.h"
#include "keras/weights.h"
#include "verify/verification.h"

namespace crossload::flow {

void note_weights(const std::vector<artifact::NotFinite>& found, const std::vector<keras::LedgerEntry>& ledger,
                  std::vector<std::string>* notes);
void note_outputs(const verify::Verification& verification, std::vector<std::string>* notes);

}  // namespace crossload::flow
