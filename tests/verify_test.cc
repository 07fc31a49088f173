// Judging one tensor: which positions count, how far two frameworks are apart, and hashes of files.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "tensor/digest.h"
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

TensorView mask(const Shape& shape, const std::vector<std::int64_t>& values) {
  return view_of(DType::kI64, shape, bytes_of(values));
}

TEST(KeptPositions, AreAllWithoutAMask) {
  EXPECT_THAT(KeptPositions().of({2, 3}), IsEmpty());
  EXPECT_THAT(KeptPositions(nullptr, 2).of({2, 3}), IsEmpty());
}

TEST(KeptPositions, OfTensorsWhoseRowsAreMasked) {
  const TensorView view = mask({2, 3}, {1, 1, 0, 0, 1, 1});  // the first is padded at the end, the second in front
  const KeptPositions kept(&view, 2);
  EXPECT_THAT(kept.of({2, 3}), ElementsAre(1, 1, 0, 0, 1, 1));
  EXPECT_THAT(kept.of({2, 3, 2}), ElementsAre(1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(kept.of({2, 3, 1, 2}), ElementsAre(1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(kept.of({2, 3, 0}), IsEmpty());
}

TEST(KeptPositions, OfAttentionsAreByQuery) {
  const TensorView view = mask({2, 3}, {1, 1, 0, 0, 1, 1});
  const KeptPositions kept(&view, 2);
  EXPECT_THAT(kept.of({2, 2, 3, 1}), ElementsAre(1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1));  // [batch, heads, queries, keys]
  EXPECT_THAT(kept.of({2, 1, 3, 2}), ElementsAre(1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1));
}

TEST(KeptPositions, OfAttentionsWithAsManyHeadsAsQueries) {
  const TensorView view = mask({1, 2}, {1, 0});
  EXPECT_THAT(KeptPositions(&view, 2).of({1, 2, 2, 2}), ElementsAre(1, 1, 0, 0, 1, 1, 0, 0));
  EXPECT_THAT(KeptPositions(&view, 2).of({1, 2, 2, 1}),
              ElementsAre(1, 0, 1, 0));  // an encoder's keys are as many as it likes
}

TEST(KeptPositions, OfOtherShapesAreAll) {
  const TensorView view = mask({2, 3}, {1, 1, 0, 0, 1, 1});
  const KeptPositions kept(&view, 2);
  for (const Shape& shape :
       std::vector<Shape>{{}, {2}, {6}, {2, 5}, {3, 2}, {1, 3}, {6, 4}, {2, 4, 5, 3}, {2, 2, 2}, {1, 2, 3}}) {
    EXPECT_THAT(kept.of(shape), IsEmpty()) << to_string(shape);
  }
}

TEST(KeptPositions, AMaskOfOnesExcludesNothing) {
  const TensorView view = mask({1, 2}, {1, 1});
  EXPECT_THAT(KeptPositions(&view, 2).of({1, 2, 2}), Each(true));
}

TEST(KeptPositions, OfMultipleChoiceAreFolded) {
  const TensorView view = mask({1, 2, 3}, {1, 1, 1, 1, 0, 0});
  const KeptPositions kept(&view, 3);
  EXPECT_THAT(kept.of({2, 3}), ElementsAre(1, 1, 1, 1, 0, 0));
  EXPECT_THAT(kept.of({2, 3, 1}), ElementsAre(1, 1, 1, 1, 0, 0));
  EXPECT_THAT(kept.of({1, 2}), IsEmpty());  // a logit a choice
}

TEST(KeptPositions, AMaskOfQueriesAndKeysExcludesNoRow) {
  const TensorView view = mask({2, 2, 2}, {1, 0, 1, 1, 0, 0, 0, 0});
  EXPECT_THAT(KeptPositions(&view, 2).of({2, 2}), IsEmpty());
  EXPECT_THAT(KeptPositions(&view, 2).of({2, 2, 4}), IsEmpty());
  EXPECT_THAT(KeptPositions(&view, 2).of({4, 2}), IsEmpty());  // it is no mask of choices
}

TEST(KeptPositions, MasksMayHaveAnyType) {
  for (const TensorView& view :
       {view_of(DType::kF32, {1, 3}, bytes_of(std::vector<float>{1, 0, 1})),
        view_of(DType::kBool, {1, 3}, {"\1\0\1", 3}),
        view_of(DType::kI32, {1, 3}, bytes_of(std::vector<std::int32_t>{1, 0, 256})),
        view_of(DType::kI64, {1, 3}, bytes_of(std::vector<std::int64_t>{1, 0, std::int64_t{1} << 40}))}) {
    EXPECT_THAT(KeptPositions(&view, 2).of({1, 3}), ElementsAre(1, 0, 1)) << name_of(view.dtype);
  }
}

/// A comparison of vectors under a relative tolerance of zero, all kept.
Comparison compared(const std::vector<float>& tf, const std::vector<float>& pt, double relative_tolerance = 0) {
  const Shape shape = {static_cast<std::int64_t>(pt.size())};
  const TensorView reference = view_of(shape, pt);
  return compare(shape, tf, {&reference, nullptr, nullptr}, {}, relative_tolerance);
}

TEST(Comparing, EqualTensors) {
  const Comparison result = compared({1, -2, 0}, {1, -2, 0});
  EXPECT_EQ(result.kept.tf_to_pt, 0);
  EXPECT_EQ(result.relative, 0);
  EXPECT_FALSE(result.has_padded);
  EXPECT_FALSE(result.has_float64);
  EXPECT_TRUE(result.agrees(0));
  EXPECT_TRUE(compared({}, {}).agrees(0));
  EXPECT_TRUE(compared({-0.0F}, {0.0F}).agrees(0));
}

TEST(Comparing, TheLargestDifferenceCounts) {
  const Comparison result = compared({1, 3.5, -4.25, 8}, {1, 4, -5, 8});
  EXPECT_EQ(result.kept.tf_to_pt, 0.75);
  EXPECT_EQ(result.relative, 0.75 / 8);
  EXPECT_THAT(result.worst_index, ElementsAre(2));
  EXPECT_EQ(result.worst_tf, -4.25);
  EXPECT_EQ(result.worst_pt, -5);
  EXPECT_TRUE(result.agrees(0.75));  // the limit itself is within
  EXPECT_FALSE(result.agrees(0.74));
}

TEST(Comparing, TheWorstElementHasAnIndexInEveryDimension) {
  const TensorView pt = view_of({2, 2, 3}, std::vector<float>(12));
  std::vector<float> tf(12);
  tf[10] = 1;  // [1, 1, 1]
  EXPECT_THAT(compare({2, 2, 3}, tf, {&pt, nullptr, nullptr}, {}, 0).worst_index, ElementsAre(1, 1, 1));
  const TensorView scalar = view_of({}, {2});
  const Comparison result = compare({}, std::vector<float>{3}, {&scalar, nullptr, nullptr}, {}, 0);
  EXPECT_THAT(result.worst_index, IsEmpty());
  EXPECT_EQ(result.kept.tf_to_pt, 1);
}

TEST(Comparing, ShapesMustBeEqual) {
  const TensorView pt = view_of({2, 3}, std::vector<float>(6));
  const Comparison result = compare({3, 2}, std::vector<float>(6), {&pt, nullptr, nullptr}, {}, 0);
  EXPECT_EQ(result.shape_mismatch, "TensorFlow [3, 2], PyTorch [2, 3]");
  EXPECT_FALSE(result.agrees(1e9));
  EXPECT_FALSE(result.agrees(kInfinity));
  EXPECT_EQ(result.kept.tf_to_pt, kInfinity);
}

TEST(Comparing, NaNAndInfinityAgreeWithThemselvesAlone) {
  for (const float value : {kNaN, kInfinityF, -kInfinityF}) {
    EXPECT_TRUE(compared({value, 1}, {value, 1}).agrees(0)) << value;
    for (const float other : {0.0F, 3e38F, value < 0 ? kInfinityF : -kInfinityF}) {
      EXPECT_EQ(compared({value}, {other}).kept.tf_to_pt, kInfinity) << value << " " << other;
      EXPECT_FALSE(compared({value}, {other}).agrees(1e30)) << value << " " << other;
      EXPECT_FALSE(compared({other}, {value}).agrees(1e30)) << value << " " << other;
      EXPECT_FALSE(compared({other}, {value}, /*relative_tolerance=*/1).agrees(1e30)) << value << " " << other;
    }
  }
  EXPECT_FALSE(compared({kNaN}, {kInfinityF}).agrees(1e30));
  const Comparison result = compared({1, kNaN, 2}, {1, 1, 4});
  EXPECT_THAT(result.worst_index, ElementsAre(1));
  EXPECT_TRUE(std::isnan(result.worst_tf));
}

TEST(Comparing, TheRelativeToleranceGrowsWithEachElement) {
  const std::vector<float> pt = {128, -0.5, 0};
  const std::vector<float> tf = {128.0625F, -0.5, 0};
  EXPECT_FALSE(compared(tf, pt).agrees(0.0624));
  EXPECT_TRUE(compared(tf, pt, 0x1p-11).agrees(0));  // 128 * 2^-11 is 0.0625
  EXPECT_FALSE(compared(tf, pt, 0x1p-12).agrees(0.031));
  EXPECT_TRUE(compared(tf, pt, 0x1p-12).agrees(0.03125));
  EXPECT_FALSE(compared({128, -0.5, 0.0625F}, pt, 0x1p-11).agrees(0.0624));  // of its own size, not of the largest
  EXPECT_TRUE(compared({-128.0625F}, {-128}, 0x1p-11).agrees(0));
  EXPECT_EQ(compared(tf, pt, 1).kept.tf_to_pt, 0.0625);  // what is reported does not change
}

TEST(Comparing, HalfPrecisionReferencesAreWidened) {
  const TensorView half = view_of(DType::kF16, {2}, bytes_of(std::vector<std::uint16_t>{0x3c00, 0xc000}));    // 1, -2
  const TensorView brain = view_of(DType::kBF16, {2}, bytes_of(std::vector<std::uint16_t>{0x3f80, 0xc000}));  // 1, -2
  for (const TensorView* view : {&half, &brain}) {
    EXPECT_EQ(compare({2}, std::vector<float>{1.5, -2}, {view, nullptr, nullptr}, {}, 0).kept.tf_to_pt, 0.5);
  }
}

/// Vectors of a kept and an excluded position, with the run in float64.
struct Padded {
  std::vector<float> tf, pt;
  std::vector<double> float64;
  std::vector<float> noise;
};

Comparison compared(const Padded& p) {
  const TensorView pt = view_of({2}, p.pt);
  const TensorView float64 = view_of(DType::kF64, {2}, bytes_of(p.float64));
  const TensorView noise = view_of({2}, p.noise);
  return compare({2}, p.tf, {&pt, p.float64.empty() ? nullptr : &float64, p.noise.empty() ? nullptr : &noise},
                 {true, false}, 0);
}

TEST(ComparingPadded, DistancesAreKeptApart) {
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
  EXPECT_EQ(result.relative, 0.5);                  // of the kept ones
  EXPECT_THAT(result.worst_index, ElementsAre(0));  // a kept one, though the other is worse
}

TEST(ComparingPadded, WithinTheLimitNeedsNoMore) {
  EXPECT_TRUE(compared({{1, 1.5}, {1, 1}, {}, {}}).agrees(0.5));
  EXPECT_FALSE(compared({{1, 1.5}, {1, 1}, {}, {}}).agrees(0.4));
}

TEST(ComparingPadded, MayBeTwiceAsFarFromFloat64AsPyTorch) {
  EXPECT_TRUE(compared({{1, 12}, {1, 9}, {1, 10}, {}}).agrees(1e-5));     // 2 <= 2 * 1
  EXPECT_FALSE(compared({{1, 12.5}, {1, 9}, {1, 10}, {}}).agrees(1e-5));  // 2.5 > 2 * 1
  EXPECT_TRUE(compared({{1, 12.5}, {1, 9}, {1, 10}, {0, 1.25}}).agrees(1e-5));
  EXPECT_FALSE(compared({{1, 12.75}, {1, 9}, {1, 10}, {0, 1.25}}).agrees(1e-5));
  EXPECT_FALSE(compared({{1, 12}, {1, 10}, {1, 10}, {9, 0}}).agrees(1e-5));  // noise of kept positions is not theirs
}

TEST(ComparingPadded, KeptPositionsHaveNoSuchExcuse) {
  const Comparison result = compared({{2, 1}, {1.5, 1}, {0, 1}, {9, 9}});
  EXPECT_FALSE(result.agrees(0.4));
  EXPECT_FALSE(result.kept_agrees(0.4));
  EXPECT_TRUE(result.padded_agrees(0.4));
}

TEST(ComparingPadded, NaNIsNoNoise) {
  EXPECT_FALSE(compared({{1, kNaN}, {1, 1}, {1, 1}, {0, 9}}).agrees(1e-5));
  EXPECT_FALSE(compared({{1, 1}, {1, kNaN}, {1, std::nan("")}, {0, 9}}).agrees(1e-5));
  EXPECT_TRUE(compared({{1, kNaN}, {1, kNaN}, {1, std::nan("")}, {0, 0}}).agrees(0));
}

TEST(ComparingPadded, TheWorstIsNamedWhenNoneIsKept) {
  const TensorView pt = view_of({3}, {1, 1, 1});
  const Comparison result =
      compare({3}, std::vector<float>{1, 3, 2}, {&pt, nullptr, nullptr}, {false, false, false}, 0);
  EXPECT_THAT(result.worst_index, ElementsAre(1));
  EXPECT_EQ(result.worst_tf, 3);
  EXPECT_EQ(result.kept.tf_to_pt, 0);
  EXPECT_FALSE(result.agrees(1));
}

TEST(Sha256, FilesHashedAheadHaveTheSameHashes) {
  const TemporaryFolder folder;
  write_file(folder.path() / "a", "abc");
  write_file(folder.path() / "b", "");
  FileHashes hashes;
  hashes.start({folder.path() / "a", folder.path() / "none"});
  EXPECT_EQ(hashes.of(folder.path() / "a"), sha256_of_file(folder.path() / "a"));
  EXPECT_EQ(hashes.of(folder.path() / "a"), sha256_of_file(folder.path() / "a"));
  EXPECT_EQ(hashes.of(folder.path() / "b"), sha256_of_file(folder.path() / "b"));
  EXPECT_ERROR(hashes.of(folder.path() / "none"), ErrorKind::kBadInput, "none: cannot be read: No such file");
}

// The vectors of FIPS 180-2, appendix B, and of the empty message.
TEST(Sha256, KnownVectors) {
  TemporaryFolder folder;
  const auto hash = [&](const std::string& text) {
    write_file(folder.path() / "x", text);
    return sha256_of_file(folder.path() / "x");
  };
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_ERROR(sha256_of_file(folder.path() / "y"), ErrorKind::kBadInput, "y: cannot be read: No such file");
}

}  // namespace
}  // namespace crossload::verify
