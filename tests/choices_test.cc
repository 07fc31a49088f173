// What logits choose, by numbers that are written here.
#include "verify/choices.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossload::verify {
namespace {

void expect_choices(const Choices& found, std::int64_t rows, std::int64_t changed) {
  EXPECT_EQ(found.rows, rows);
  EXPECT_EQ(found.changed, changed);
}

TEST(Choices, AreTheTokensAtKeptPositions) {
  // [batch 1, length 3, vocabulary 2]; the last position is padding.
  const std::vector<float> wanted = {1, 2, 3, 4, 5, 6};
  const std::vector<float> found = {1, 2, 4, 3, 6, 5};
  expect_choices(count_choices("logits", {1, 3, 2}, found, wanted, {}), 3, 2);
  expect_choices(count_choices("logits", {1, 3, 2}, found, wanted, {true, true, true, true, false, false}), 2, 1);
}

TEST(Choices, AreTheClassesOfEachInput) {
  const std::vector<float> wanted = {0.1F, 0.2F, 0.3F, 0.9F, 0.8F, 0.7F};
  const std::vector<float> found = {0.1F, 0.2F, 0.3F, 0.7F, 0.8F, 0.75F};
  expect_choices(count_choices("logits", {2, 3}, found, wanted, {}), 2, 1);
  expect_choices(count_choices("logits_per_image", {2, 3}, found, wanted, {}), 2, 1);
}

TEST(Choices, ArePositionsOfAnAnswerAmongThoseKept) {
  // Padded on the left; what padding holds is the largest, and is not chosen.
  const std::vector<float> wanted = {9, 1, 2, 9, 2, 1};
  const std::vector<float> found = {0, 1, 2, 0, 1, 2};
  const std::vector<bool> kept = {false, true, true, false, true, true};
  expect_choices(count_choices("start_logits", {2, 3}, found, wanted, kept), 2, 1);
}

TEST(Choices, AreSignsWhereEachTokenSaysYesOrNo) {
  const std::vector<float> wanted = {-1, 1, -1, 1};
  const std::vector<float> found = {-2, -0.5F, -0.1F, -1};
  expect_choices(count_choices("logits", {2, 2}, found, wanted, {true, true, true, false}), 3, 1);
}

TEST(Choices, AreNoneOfOtherOutputsAndOfOneNumber) {
  const std::vector<float> numbers = {1, 2};
  expect_choices(count_choices("last_hidden_state", {1, 2}, numbers, numbers, {}), 0, 0);
  expect_choices(count_choices("logits", {2, 1}, numbers, numbers, {}), 0, 0);
}

}  // namespace
}  // namespace crossload::verify
