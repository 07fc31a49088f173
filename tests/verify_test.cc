// Judging one tensor: which positions count, how far two frameworks are apart, and hashes of files.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bytes/digest.h"
#include "test_support.h"
#include "verify/comparison.h"
#include "verify/file_hashes.h"
#include "verify/kept_positions.h"

namespace crossload::verify {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr float kInfinityF = std::numeric_limits<float>::infinity();
const float kNaN = std::nanf("");

tensor::TensorView mask(const Shape& shape, const std::vector<std::int64_t>& values) {
  return view_of(DType::kI64, shape, bytes_of(values));
}

TEST(KeptPositions, AreAllWithoutAMask) {
  EXPECT_THAT(KeptPositions().of({2, 3}, {}), IsEmpty());
  EXPECT_THAT(KeptPositions(nullptr, false).of({2, 3}, {}), IsEmpty());
}

TEST(KeptPositions, OfTensorsWhoseRowsAreMasked) {
  const tensor::TensorView view =
      mask({2, 3}, {1, 1, 0, 0, 1, 1});  // the first is padded at the end, the second in front
  const KeptPositions kept(&view, false);
  EXPECT_THAT(kept.of({2, 3}, {}), ElementsAre(1, 1, 0, 0, 1, 1));
  EXPECT_THAT(kept.of({2, 3, 2}, {}), ElementsAre(1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(kept.of({2, 3, 1, 2}, {}), ElementsAre(1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(kept.of({2, 3, 0}, {}), IsEmpty());
}

TEST(KeptPositions, OfAttentionsAreByQuery) {
  const tensor::TensorView view = mask({2, 3}, {1, 1, 0, 0, 1, 1});
  const KeptPositions kept(&view, false);
  EXPECT_THAT(kept.of({2, 2, 3, 1}, {}),
              ElementsAre(1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1));  // [batch, heads, queries, keys]
  EXPECT_THAT(kept.of({2, 1, 3, 2}, {}), ElementsAre(1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1));
}

TEST(KeptPositions, OfAttentionsWithAsManyHeadsAsQueries) {
  const tensor::TensorView view = mask({1, 2}, {1, 0});
  EXPECT_THAT(KeptPositions(&view, false).of({1, 2, 2, 2}, {}), ElementsAre(1, 1, 0, 0, 1, 1, 0, 0));
  EXPECT_THAT(KeptPositions(&view, false).of({1, 2, 2, 1}, {}),
              ElementsAre(1, 0, 1, 0));  // an encoder's keys are as many as it likes
}

TEST(KeptPositions, OfOtherShapesAreAll) {
  const tensor::TensorView view = mask({2, 3}, {1, 1, 0, 0, 1, 1});
  const KeptPositions kept(&view, false);
  for (const Shape& shape :
       std::vector<Shape>{{}, {2}, {6}, {2, 5}, {3, 2}, {1, 3}, {6, 4}, {2, 4, 5, 3}, {2, 2, 2}, {1, 2, 3}}) {
    EXPECT_THAT(kept.of(shape, {}), IsEmpty()) << to_string(shape);
  }
}

TEST(KeptPositions, AMaskOfOnesExcludesNothing) {
  const tensor::TensorView view = mask({1, 2}, {1, 1});
  EXPECT_THAT(KeptPositions(&view, false).of({1, 2, 2}, {}), Each(true));
}

TEST(KeptPositions, OfMultipleChoiceAreFolded) {
  const tensor::TensorView view = mask({1, 2, 3}, {1, 1, 1, 1, 0, 0});
  const KeptPositions kept(&view, true);
  EXPECT_THAT(kept.of({2, 3}, {}), ElementsAre(1, 1, 1, 1, 0, 0));
  EXPECT_THAT(kept.of({2, 3, 1}, {}), ElementsAre(1, 1, 1, 1, 0, 0));
  EXPECT_THAT(kept.of({1, 2}, {}), IsEmpty());  // a logit a choice
}

TEST(KeptPositions, AMaskOfQueriesAndKeysExcludesNoRow) {
  const tensor::TensorView view = mask({2, 2, 2}, {1, 0, 1, 1, 0, 0, 0, 0});
  EXPECT_THAT(KeptPositions(&view, false).of({2, 2}, {}), IsEmpty());
  EXPECT_THAT(KeptPositions(&view, false).of({2, 2, 4}, {}), IsEmpty());
  EXPECT_THAT(KeptPositions(&view, false).of({4, 2}, {}), IsEmpty());  // it is no mask of choices
}

TEST(KeptPositions, MasksMayHaveAnyType) {
  for (const tensor::TensorView& view :
       {view_of(DType::kF32, {1, 3}, bytes_of(std::vector<float>{1, 0, 1})),
        view_of(DType::kBool, {1, 3}, {"\1\0\1", 3}),
        view_of(DType::kI32, {1, 3}, bytes_of(std::vector<std::int32_t>{1, 0, 256})),
        view_of(DType::kI64, {1, 3}, bytes_of(std::vector<std::int64_t>{1, 0, std::int64_t{1} << 40}))}) {
    EXPECT_THAT(KeptPositions(&view, false).of({1, 3}, {}), ElementsAre(1, 0, 1)) << name_of(view.dtype);
  }
}

TEST(KeptPositions, ASizeThatIsKnownBeforeTheRunIsNoLength) {
  const tensor::TensorView view = mask({2, 3}, {1, 1, 0, 0, 1, 1});
  const KeptPositions kept(&view, false);
  EXPECT_THAT(kept.of({2, 3}, {-1, 3}), IsEmpty());  // pooled: [batch, hidden] with a hidden size of 3
  EXPECT_THAT(kept.of({2, 3}, {-1, -1}), ElementsAre(1, 1, 0, 0, 1, 1));
  EXPECT_THAT(kept.of({2, 3, 1}, {-1, -1, 1}), ElementsAre(1, 1, 0, 0, 1, 1));
  EXPECT_THAT(kept.of({2, 3, 3, 1}, {-1, 3, -1, -1}),
              ElementsAre(1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1));
}

Values values_of(const Shape& shape, const std::vector<float>& elements) { return {shape, elements}; }

/// A comparison of vectors, all kept; nothing but the absolute limit agrees.
Comparison compared(const std::vector<float>& tf, const std::vector<float>& pt, double absolute, double relative = 0) {
  const Shape shape = {static_cast<std::int64_t>(pt.size())};
  const tensor::TensorView reference = view_of(shape, pt);
  return compare(values_of(shape, tf), {&reference, nullptr, nullptr}, {},
                 {.absolute = absolute, .relative = relative});
}

TEST(Comparing, EqualTensors) {
  const Comparison result = compared({1, -2, 0}, {1, -2, 0}, 0);
  EXPECT_EQ(result.kept.tf_to_pt, 0);
  EXPECT_EQ(result.relative, 0);
  EXPECT_FALSE(result.has_padded);
  EXPECT_FALSE(result.has_float64);
  EXPECT_EQ(result.verdict, Verdict::kAgrees);
  EXPECT_EQ(compared({}, {}, 0).verdict, Verdict::kAgrees);
  EXPECT_EQ(compared({-0.0F}, {0.0F}, 0).verdict, Verdict::kAgrees);
}

TEST(Comparing, TheLargestDifferenceCounts) {
  const Comparison result = compared({1, 3.5, -4.25, 8}, {1, 4, -5, 8}, 0.75);
  EXPECT_EQ(result.kept.tf_to_pt, 0.75);
  EXPECT_EQ(result.relative, 0.75 / 8);
  EXPECT_THAT(result.worst_index, ElementsAre(2));
  EXPECT_EQ(result.worst_tf, -4.25);
  EXPECT_EQ(result.worst_pt, -5);
  EXPECT_EQ(result.verdict, Verdict::kAgrees);  // the limit itself is within
  EXPECT_EQ(compared({1, 3.5, -4.25, 8}, {1, 4, -5, 8}, 0.74).verdict, Verdict::kDisagrees);
}

TEST(Comparing, TheWorstElementHasAnIndexInEveryDimension) {
  const tensor::TensorView pt = view_of({2, 2, 3}, std::vector<float>(12));
  std::vector<float> tf(12);
  tf[10] = 1;  // [1, 1, 1]
  EXPECT_THAT(compare(values_of({2, 2, 3}, tf), {&pt, nullptr, nullptr}, {}, {}).worst_index, ElementsAre(1, 1, 1));
  const tensor::TensorView scalar = view_of({}, {2});
  const Comparison result = compare(values_of({}, {3}), {&scalar, nullptr, nullptr}, {}, {});
  EXPECT_THAT(result.worst_index, IsEmpty());
  EXPECT_EQ(result.kept.tf_to_pt, 1);
}

TEST(Comparing, ShapesMustBeEqual) {
  const tensor::TensorView pt = view_of({2, 3}, std::vector<float>(6));
  const Comparison result =
      compare(values_of({3, 2}, std::vector<float>(6)), {&pt, nullptr, nullptr}, {}, {.absolute = kInfinity});
  EXPECT_EQ(result.mismatch, "TensorFlow [3, 2], PyTorch [2, 3]");
  EXPECT_FALSE(result.agrees());
  EXPECT_EQ(result.kept.tf_to_pt, kInfinity);
}

TEST(Comparing, IntegersAndBooleansAreEqualOrNot) {
  const tensor::TensorView pt =
      view_of(DType::kI64, {3}, bytes_of(std::vector<std::int64_t>{7, -1, std::int64_t{1} << 53}));
  const auto verdict = [&](const std::vector<std::int64_t>& tf) {
    const Values values = {.shape = {3}, .elements = {}, .kind = NumberKind::kInteger, .integers = tf};
    return compare(values, {&pt, nullptr, nullptr}, {}, {.absolute = kInfinity, .noise_multiple = kInfinity});
  };
  EXPECT_EQ(verdict({7, -1, std::int64_t{1} << 53}).verdict, Verdict::kAgrees);
  EXPECT_EQ(verdict({7, -2, std::int64_t{1} << 53}).verdict, Verdict::kDisagrees);
  EXPECT_EQ(verdict({7, -2, std::int64_t{1} << 53}).worst_pt, -1);
  EXPECT_THAT(verdict({7, -2, std::int64_t{1} << 53}).worst_index, ElementsAre(1));
  EXPECT_EQ(verdict({7, -1, (std::int64_t{1} << 53) + 1}).verdict, Verdict::kDisagrees);  // equal as doubles
  const tensor::TensorView flags = view_of(DType::kBool, {2}, {"\1\0", 2});
  const Values same = {.shape = {2}, .elements = {}, .kind = NumberKind::kBoolean, .integers = {1, 0}};
  const Values other = {.shape = {2}, .elements = {}, .kind = NumberKind::kBoolean, .integers = {1, 1}};
  EXPECT_TRUE(compare(same, {&flags, nullptr, nullptr}, {}, {}).agrees());
  EXPECT_FALSE(compare(other, {&flags, nullptr, nullptr}, {}, {}).agrees());
}

TEST(Comparing, KindsOfNumbersMustBeEqual) {
  const tensor::TensorView pt = view_of(DType::kI64, {1}, bytes_of(std::vector<std::int64_t>{7}));
  const Comparison result = compare(values_of({1}, {7}), {&pt, nullptr, nullptr}, {}, {});
  EXPECT_EQ(result.mismatch, "TensorFlow floating numbers, PyTorch integers");
  EXPECT_FALSE(result.agrees());
}

TEST(Comparing, NaNAndInfinityAgreeWithThemselvesAlone) {
  for (const float value : {kNaN, kInfinityF, -kInfinityF}) {
    EXPECT_EQ(compared({value, 1}, {value, 1}, 0).verdict, Verdict::kAgrees) << value;
    EXPECT_EQ(compared({value, 1}, {value, 1}, 0).not_finite, 1) << value;
    EXPECT_EQ(compared({value, 1}, {1, value}, 0).not_finite, 0) << value;
    EXPECT_EQ(compared({value, 1}, {value, 1}, 0).kept_elements, 2);
    for (const float other : {0.0F, 3e38F, value < 0 ? kInfinityF : -kInfinityF}) {
      EXPECT_EQ(compared({value}, {other}, 0).kept.tf_to_pt, kInfinity) << value << " " << other;
      EXPECT_FALSE(compared({value}, {other}, 1e30).agrees()) << value << " " << other;
      EXPECT_FALSE(compared({other}, {value}, 1e30).agrees()) << value << " " << other;
      EXPECT_FALSE(compared({other}, {value}, 1e30, /*relative=*/1).agrees()) << value << " " << other;
    }
  }
  EXPECT_FALSE(compared({kNaN}, {kInfinityF}, 1e30).agrees());
  const Comparison result = compared({1, kNaN, 2}, {1, 1, 4}, 0);
  EXPECT_THAT(result.worst_index, ElementsAre(1));
  EXPECT_TRUE(std::isnan(result.worst_tf));
}

TEST(Comparing, RoundingGrowsWithEachElement) {
  const std::vector<float> pt = {128, -0.5, 0};
  const std::vector<float> tf = {128.0625F, -0.5, 0};
  EXPECT_EQ(compared(tf, pt, 0.0625).verdict, Verdict::kAgrees);
  EXPECT_EQ(compared(tf, pt, 0.0624).verdict, Verdict::kDisagrees);
  EXPECT_EQ(compared(tf, pt, 0, 0x1p-11).verdict, Verdict::kRounding);  // 128 * 2^-11 is 0.0625
  EXPECT_EQ(compared(tf, pt, 0.031, 0x1p-12).verdict, Verdict::kDisagrees);
  EXPECT_EQ(compared(tf, pt, 0.03125, 0x1p-12).verdict, Verdict::kRounding);
  // Of its own size, not of the largest.
  EXPECT_EQ(compared({128, -0.5, 0.0625F}, pt, 0.0624, 0x1p-11).verdict, Verdict::kDisagrees);
  EXPECT_EQ(compared({-128.0625F}, {-128}, 0, 0x1p-11).verdict, Verdict::kRounding);
  EXPECT_EQ(compared(tf, pt, 0, 1).kept.tf_to_pt, 0.0625);  // what is reported does not change
}

TEST(Comparing, StrictlyRoundingDisagrees) {
  const tensor::TensorView pt = view_of({1}, {128});
  const auto verdict = [&](double absolute) {
    return compare(values_of({1}, {128.0625F}), {&pt, nullptr, nullptr}, {},
                   {.absolute = absolute, .relative = 0x1p-11, .strict = true})
        .verdict;
  };
  EXPECT_EQ(verdict(0), Verdict::kDisagrees);
  EXPECT_EQ(verdict(0.0625), Verdict::kAgrees);
}

TEST(Comparing, HalfPrecisionReferencesAreWidened) {
  const tensor::TensorView half =
      view_of(DType::kF16, {2}, bytes_of(std::vector<std::uint16_t>{0x3c00, 0xc000}));  // 1, -2
  const tensor::TensorView brain =
      view_of(DType::kBF16, {2}, bytes_of(std::vector<std::uint16_t>{0x3f80, 0xc000}));  // 1, -2
  for (const tensor::TensorView* view : {&half, &brain}) {
    EXPECT_EQ(compare(values_of({2}, {1.5, -2}), {view, nullptr, nullptr}, {}, {}).kept.tf_to_pt, 0.5);
  }
}

/// Vectors of a kept and an excluded position, with the run in float64.
struct Padded {
  std::vector<float> tf, pt;
  std::vector<double> float64;
  std::vector<float> noise;
};

Comparison compared(const Padded& p, double absolute = 1e-5, const std::vector<bool>& kept = {true, false},
                    NoisePool pool = NoisePool::kRow) {
  const Shape shape = {static_cast<std::int64_t>(p.pt.size())};
  const tensor::TensorView pt = view_of(shape, p.pt);
  const tensor::TensorView float64 = view_of(DType::kF64, shape, bytes_of(p.float64));
  const tensor::TensorView noise = view_of(shape, p.noise);
  return compare(values_of(shape, p.tf),
                 {&pt, p.float64.empty() ? nullptr : &float64, p.noise.empty() ? nullptr : &noise}, kept,
                 {.absolute = absolute, .relative = 0, .noise_multiple = 2, .pool = pool});
}

TEST(ComparingWithFloat64, DistancesOfKeptAndPaddedAreKeptApart) {
  const Comparison result = compared({{1.5, 12}, {1, 8}, {1.25, 9}, {0.125, 2}});
  EXPECT_TRUE(result.has_padded && result.has_float64);
  EXPECT_EQ(result.kept.tf_to_pt, 0.5);
  EXPECT_EQ(result.kept.tf_to_float64, 0.25);
  EXPECT_EQ(result.kept.pt_to_float64, 0.25);
  EXPECT_EQ(result.kept.noise, 0.125);
  EXPECT_EQ(result.padded.tf_to_pt, 4);
  EXPECT_EQ(result.padded.tf_to_float64, 3);
  EXPECT_EQ(result.padded.pt_to_float64, 1);
  EXPECT_EQ(result.padded.noise, 2);
  EXPECT_EQ(result.relative, 0.5);  // of the kept ones
}

TEST(ComparingWithFloat64, WithinTheLimitNeedsNoMore) {
  EXPECT_EQ(compared({{1, 1.5}, {1, 1}, {}, {}}, 0.5).verdict, Verdict::kAgrees);
  EXPECT_EQ(compared({{1, 1.5}, {1, 1}, {}, {}}, 0.4).verdict, Verdict::kDisagrees);
}

TEST(ComparingWithFloat64, AMultipleOfPyTorchsOwnDistanceIsRounding) {
  for (const bool padded : {false, true}) {  // the same at kept and at padded positions
    const auto verdict = [&](const Padded& p) { return compared(p, 1e-5, {true, !padded}).verdict; };
    EXPECT_EQ(verdict({{1, 12}, {1, 9}, {1, 10}, {}}), Verdict::kRounding);     // 2 <= 2 * 1
    EXPECT_EQ(verdict({{1, 12.5}, {1, 9}, {1, 10}, {}}), Verdict::kDisagrees);  // 2.5 > 2 * 1
    EXPECT_EQ(verdict({{1, 12.5}, {1, 9}, {1, 10}, {0, 1.25}}), Verdict::kRounding);
    EXPECT_EQ(verdict({{1, 12.75}, {1, 9}, {1, 10}, {0, 1.25}}), Verdict::kDisagrees);
    EXPECT_EQ(verdict({{1, 11}, {1, 9}, {1, 10}, {0, 0.25}}), Verdict::kDisagrees);  // the shaken runs know better
    // PyTorch's plain run is held to the same: a reference at odds with itself proves nothing.
    EXPECT_EQ(verdict({{1, 10}, {1, 12.5}, {1, 10}, {0, 1.25}}), Verdict::kRounding);
    EXPECT_EQ(verdict({{1, 10}, {1, 12.75}, {1, 10}, {0, 1.25}}), Verdict::kDisagrees);
  }
  EXPECT_EQ(compared({{1, 12}, {1, 10}, {1, 10}, {9, 0}}).verdict, Verdict::kDisagrees);  // noise of kept ones
  EXPECT_EQ(compared({{1, 12}, {1, 10}, {1, 10}, {9, 0}}, 1e-5, {true, true}).verdict, Verdict::kRounding);
  EXPECT_EQ(compared({{1, 12.5}, {1, 9}, {1, 10}, {}}).noise_ratio, 2.5);
}

TEST(ComparingWithFloat64, NoiseIsSharedByARowAndNoFurther) {
  constexpr std::int64_t kRow = kSmallestRow;
  const Shape shape = {2, kRow};
  std::vector<float> tf(2 * kRow, 1), pt(2 * kRow, 1), noise(2 * kRow, 0);
  const std::vector<double> exact(2 * kRow, 1);
  tf[1] = 1.5;
  const auto verdict = [&](std::size_t noisy, NoisePool pool) {
    std::vector<float> of_one = noise;
    of_one[noisy] = 0.25;
    const tensor::TensorView pt_view = view_of(shape, pt);
    const tensor::TensorView float64 = view_of(DType::kF64, shape, bytes_of(exact));
    const tensor::TensorView noise_view = view_of(shape, of_one);
    return compare(values_of(shape, tf), {&pt_view, &float64, &noise_view}, {},
                   {.relative = 0, .noise_multiple = 2, .pool = pool})
        .verdict;
  };
  EXPECT_EQ(verdict(1, NoisePool::kRow), Verdict::kRounding);
  EXPECT_EQ(verdict(kRow - 1, NoisePool::kRow), Verdict::kRounding);
  EXPECT_EQ(verdict(kRow, NoisePool::kRow), Verdict::kDisagrees);
  EXPECT_EQ(verdict(kRow, NoisePool::kTensor), Verdict::kRounding);
}

/// The verdict of two rows of 2 * kSmallestRow elements, of which the second of the first is 1.5 instead of 1.
struct TwoRows {
  static constexpr std::size_t kRow = 2 * kSmallestRow;
  std::vector<float> tf = std::vector<float>(2 * kRow, 1), pt = tf, noise = std::vector<float>(2 * kRow, 0);

  Verdict verdict() {
    tf[1] = 1.5;
    const Shape shape = {2, kRow};
    const std::vector<double> exact(pt.begin(), pt.end());
    const tensor::TensorView pt_view = view_of(shape, pt);
    const tensor::TensorView float64 = view_of(DType::kF64, shape, bytes_of(exact));
    const tensor::TensorView noise_view = view_of(shape, noise);
    return compare(values_of(shape, tf), {&pt_view, &float64, &noise_view}, {}, {.relative = 0, .noise_multiple = 2})
        .verdict;
  }
};

TEST(ComparingWithFloat64, NoiseThatIsNotKnownExcusesNothing) {
  TwoRows rows;
  rows.noise[5] = std::numeric_limits<float>::max();  // as the recorder writes infinity
  EXPECT_EQ(rows.verdict(), Verdict::kDisagrees);
  rows.noise[1] = std::numeric_limits<float>::max();
  EXPECT_EQ(rows.verdict(), Verdict::kDisagrees);
  rows.noise[6] = 0.25;
  EXPECT_EQ(rows.verdict(), Verdict::kRounding);
}

TEST(ComparingWithFloat64, NoiseOfAMaskIsSharedByMasksAlone) {
  TwoRows rows;
  rows.tf[5] = rows.pt[5] = -1e9F;
  rows.noise[5] = 64;
  EXPECT_EQ(rows.verdict(), Verdict::kDisagrees);
  rows.tf[6] = -1e9F + 64;
  rows.pt[6] = -1e9F;
  rows.noise[1] = 0.25;
  EXPECT_EQ(rows.verdict(), Verdict::kRounding);
  rows.noise[5] = 16;
  EXPECT_EQ(rows.verdict(), Verdict::kDisagrees);
}

TEST(ComparingWithFloat64, RowsThatTellTooLittleAreJoined) {
  TwoRows rows;
  const auto mask_from = [&](std::size_t first) {
    for (std::size_t i = first; i < TwoRows::kRow; ++i) rows.tf[i] = rows.pt[i] = -kInfinityF;
  };
  rows.noise[TwoRows::kRow] = 0.25;  // of the second row
  EXPECT_EQ(rows.verdict(), Verdict::kDisagrees);
  mask_from(kSmallestRow);
  EXPECT_EQ(rows.verdict(), Verdict::kDisagrees);
  mask_from(kSmallestRow - 1);
  EXPECT_EQ(rows.verdict(), Verdict::kRounding);
  std::rotate(rows.pt.begin(), rows.pt.begin() + TwoRows::kRow, rows.pt.end());  // the last row joins those before
  std::rotate(rows.tf.begin(), rows.tf.begin() + TwoRows::kRow, rows.tf.end());
  EXPECT_EQ(rows.verdict(), Verdict::kRounding);
}

TEST(ComparingWithFloat64, NaNIsNoNoise) {
  EXPECT_FALSE(compared({{1, kNaN}, {1, 1}, {1, 1}, {0, 9}}).agrees());
  EXPECT_FALSE(compared({{1, 1}, {1, kNaN}, {1, std::nan("")}, {0, 9}}).agrees());
  EXPECT_EQ(compared({{1, kNaN}, {1, kNaN}, {1, std::nan("")}, {0, 0}}, 0).verdict, Verdict::kAgrees);
  // One that is infinitely off in PyTorch excuses nothing beside it.
  EXPECT_FALSE(compared({{kInfinityF, 9}, {kInfinityF, 1}, {1, 1}, {0, 0}}, 1e-5, {true, true}).agrees());
}

TEST(ComparingWithFloat64, TheWorstElementIsOfTheWorstVerdict) {
  // The padded one is further off, and excused; the kept one is not.
  const Comparison result = compared({{1.5, 12}, {1, 9}, {1, 10}, {0, 1}});
  EXPECT_EQ(result.verdict, Verdict::kDisagrees);
  EXPECT_THAT(result.worst_index, ElementsAre(0));
  EXPECT_FALSE(result.worst_is_padded);
  const Comparison padded = compared({{1, 3, 2}, {1, 1, 1}, {}, {}}, 1, {false, false, false});
  EXPECT_THAT(padded.worst_index, ElementsAre(1));
  EXPECT_TRUE(padded.worst_is_padded);
  EXPECT_EQ(padded.worst_tf, 3);
  EXPECT_EQ(padded.kept.tf_to_pt, 0);
  EXPECT_FALSE(padded.agrees());
}

TEST(Sha256, FilesHashedAheadHaveTheSameHashes) {
  const TemporaryFolder folder;
  write_file(folder.path() / "a", "abc");
  write_file(folder.path() / "b", "");
  FileHashes hashes;
  hashes.start({folder.path() / "a", folder.path() / "none"});
  EXPECT_EQ(hashes.of(folder.path() / "a"), bytes::sha256_of_file(folder.path() / "a"));
  EXPECT_EQ(hashes.of(folder.path() / "a"), bytes::sha256_of_file(folder.path() / "a"));
  EXPECT_EQ(hashes.of(folder.path() / "b"), bytes::sha256_of_file(folder.path() / "b"));
  EXPECT_ERROR(hashes.of(folder.path() / "none"), ErrorKind::kBadInput, "none: cannot be read: No such file");
}

// The vectors of FIPS 180-2, appendix B, and of the empty message.
TEST(Sha256, KnownVectors) {
  TemporaryFolder folder;
  const auto hash = [&](const std::string& text) {
    write_file(folder.path() / "x", text);
    return bytes::sha256_of_file(folder.path() / "x");
  };
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_ERROR(bytes::sha256_of_file(folder.path() / "y"), ErrorKind::kBadInput, "y: cannot be read: No such file");
}

}  // namespace
}  // namespace crossload::verify
