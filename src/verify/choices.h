// What logits choose: tokens, classes, positions of an answer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "crossload/dtype.h"

namespace crossload::verify {

struct Choices {
  std::int64_t rows = 0;     // how many there are; 0 for an output that is no logits, or has one number a row
  std::int64_t changed = 0;  // how many are other ones
};

/// Of an output of a model ("start_logits") its numbers and those that they are compared with, of the same shape. A row
/// along the last axis chooses its largest number; of `logits` [batch, length], a yes or no for each token (ELECTRA's
/// discriminator), each number chooses by its sign. `kept`: one flag an element, empty when all are: a position that is
/// not kept neither chooses nor is chosen.
Choices count_choices(const std::string& output, const Shape& shape, std::span<const float> values,
                      std::span<const float> wanted, const std::vector<bool>& kept);

}  // namespace crossload::verify
