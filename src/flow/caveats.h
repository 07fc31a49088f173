// What agreement does not say: NaN and infinity are in both frameworks, and numbers that rounding decides are in none twice.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "artifact/weight_formats.h"
#include "keras/weights.h"
#include "verify/verification.h"

namespace crossload::flow {

/// A sentence that names the tensors of the checkpoint which hold them; nothing when all are finite.
std::optional<std::string> note_of_weights(const std::vector<artifact::NotFinite>& found,
                                           const std::vector<keras::LedgerEntry>& ledger);

/// A sentence that names the outputs which hold them in both frameworks.
std::optional<std::string> note_of_outputs(const verify::Verification& verification);

/// A sentence that names the tensors that agree by rounding, where rounding moves PyTorch's by more than a hundredth of the
/// largest: a fault could hide there.
std::optional<std::string> note_of_unstable(const verify::Verification& verification);

}  // namespace crossload::flow
