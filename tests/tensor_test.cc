// Element types, shapes, changes of layout, and mapped files.
#include <sys/stat.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "bytes/mapped_file.h"
#include "bytes/scratch_bytes.h"
#include "crossload/array.h"
#include "tensor/half.h"
#include "tensor/layout.h"
#include "test_support.h"

namespace crossload {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

TEST(DTypes, HaveTheNamesAndSizesOfSafetensors) {
  const std::map<std::string, std::pair<DType, std::size_t>> wanted = {
      {"BOOL", {DType::kBool, 1}}, {"U8", {DType::kU8, 1}},   {"I8", {DType::kI8, 1}},     {"I16", {DType::kI16, 2}},
      {"U16", {DType::kU16, 2}},   {"F16", {DType::kF16, 2}}, {"BF16", {DType::kBF16, 2}}, {"I32", {DType::kI32, 4}},
      {"U32", {DType::kU32, 4}},   {"F32", {DType::kF32, 4}}, {"F64", {DType::kF64, 8}},   {"I64", {DType::kI64, 8}},
      {"U64", {DType::kU64, 8}}};
  for (const auto& [name, expected] : wanted) {
    EXPECT_EQ(name_of(expected.first), name);
    EXPECT_EQ(size_of(expected.first), expected.second) << name;
    EXPECT_EQ(is_floating(expected.first), name.find('F') != std::string::npos) << name;
    DType parsed = DType::kBool;
    EXPECT_TRUE(parse_dtype(name, &parsed)) << name;
    EXPECT_EQ(parsed, expected.first) << name;
  }
}

TEST(DTypes, UnknownNamesAreNotParsed) {
  DType dtype = DType::kI16;
  for (const char* name : {"", "f32", "F8_E4M3", "F", "F32 ", "float32", "C64"}) {
    EXPECT_FALSE(parse_dtype(name, &dtype)) << name;
  }
  EXPECT_EQ(dtype, DType::kI16);
}

TEST(Shapes, CountTheirElements) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({5}), 5);
  EXPECT_EQ(element_count({2, 3, 7}), 42);
  EXPECT_EQ(element_count({2, 0, 7}), 0);
  EXPECT_EQ(element_count({0, kLargest}), 0);
  EXPECT_EQ(element_count({kLargest, 1}), kLargest);
  EXPECT_EQ(element_count({std::int64_t{1} << 31, std::int64_t{1} << 31}), std::int64_t{1} << 62);
}

TEST(Shapes, RefuseNegativeAndHugeSizes) {
  const std::string negative = ": a dimension is negative";
  EXPECT_ERROR(element_count({-1}), ErrorKind::kBadInput, "shape [-1]" + negative);
  EXPECT_ERROR(element_count({0, -3}), ErrorKind::kBadInput, "shape [0, -3]" + negative);
  EXPECT_ERROR(element_count({std::numeric_limits<std::int64_t>::min()}), ErrorKind::kBadInput, negative);
  const std::string huge = "the number of elements does not fit 63 bits";
  EXPECT_ERROR(element_count({kLargest, 2}), ErrorKind::kBadInput, "shape [9223372036854775807, 2]: " + huge);
  EXPECT_ERROR(element_count({std::int64_t{1} << 32, std::int64_t{1} << 31}), ErrorKind::kBadInput, huge);
  EXPECT_ERROR(element_count({std::int64_t{1} << 32, std::int64_t{1} << 32}), ErrorKind::kBadInput,
               huge);  // 0 in 64 bits
  EXPECT_ERROR(element_count({3, 3, 3, kLargest / 9}), ErrorKind::kBadInput, huge);
}

TEST(Shapes, ArePrintedAsInPython) {
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(to_string(Shape{4}), "[4]");
  EXPECT_EQ(to_string(Shape{2, -1, 0}), "[2, -1, 0]");
}

TEST(Arrays, OwnTheirElements) {
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const Array array = Array::of({2, 3}, values);
  values.assign(6, 0);
  EXPECT_EQ(array.dtype(), DType::kF32);
  EXPECT_EQ(array.shape(), (Shape{2, 3}));
  EXPECT_EQ(array.floats(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(Array::of({}, std::vector<float>{7}).floats(), std::vector<float>{7});
  EXPECT_EQ(Array::of({3, 0}, std::vector<float>{}).bytes().size(), 0U);
  EXPECT_EQ(Array::of({2}, std::vector<std::int32_t>{1, 2}).dtype(), DType::kI32);
  EXPECT_EQ(Array::of({2}, std::vector<std::int64_t>{1, 2}).bytes().size(), 16U);
  EXPECT_TRUE(Array().floats().empty());
}

TEST(Arrays, MustFitTheirShape) {
  const std::vector<float> five(5);
  EXPECT_ERROR(Array::of({2, 3}, five), ErrorKind::kUsage, "an array of shape [2, 3] cannot have 5 elements");
  EXPECT_ERROR(Array::of({}, five), ErrorKind::kUsage, "an array of shape [] cannot have 5 elements");
  EXPECT_ERROR(Array::of({-5}, five), ErrorKind::kBadInput, "negative");
  const Array ids = Array::of({1}, std::vector<std::int32_t>{1});
  EXPECT_ERROR(ids.floats(), ErrorKind::kUsage, "an array of I32 has no float32 elements");
}

/// A floating type of `exponent_bits` and `fraction_bits`, by the definition of IEEE 754.
float decode(std::uint32_t bits, int exponent_bits, int fraction_bits) {
  const auto fraction = static_cast<double>(bits & ((1U << fraction_bits) - 1));
  const int exponent = static_cast<int>((bits >> fraction_bits) & ((1U << exponent_bits) - 1));
  const int bias = (1 << (exponent_bits - 1)) - 1;
  double magnitude = 0;
  if (exponent == (1 << exponent_bits) - 1) {
    magnitude = fraction == 0 ? HUGE_VAL : std::nan("");
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, 1 - bias - fraction_bits);
  } else {
    magnitude = std::ldexp(fraction + std::ldexp(1.0, fraction_bits), exponent - bias - fraction_bits);
  }
  const bool negative = (bits >> (exponent_bits + fraction_bits)) != 0;
  return static_cast<float>(negative ? -magnitude : magnitude);
}

void expect_every_16_bit_pattern(DType dtype, int exponent_bits, int fraction_bits) {
  std::vector<std::uint16_t> patterns(1U << 16U);
  std::iota(patterns.begin(), patterns.end(), std::uint16_t{0});
  const tensor::TensorView view = view_of(dtype, {1 << 16}, bytes_of(patterns));
  std::vector<float> widened(patterns.size());
  tensor::widen_to_float32(dtype, view.bytes.data(), 1 << 16, widened.data());
  int wrong = 0;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const float wanted = decode(patterns[i], exponent_bits, fraction_bits);
    const bool same = std::isnan(wanted) ? std::isnan(widened[i]) : widened[i] == wanted;
    if (!same || std::signbit(widened[i]) != ((i >> 15U) != 0)) {
      ADD_FAILURE() << "pattern " << i << " is " << widened[i] << ", wanted " << wanted;
      if (++wrong > 3) return;
    }
  }
}

TEST(Widening, Float16InEveryPattern) { expect_every_16_bit_pattern(DType::kF16, 5, 10); }
TEST(Widening, BFloat16InEveryPattern) { expect_every_16_bit_pattern(DType::kBF16, 8, 7); }

TEST(Widening, Float64IsRoundedToNearestEven) {
  const std::vector<std::pair<double, float>> cases = {{0.1, 0.1F},
                                                       {-2.5, -2.5F},
                                                       {1 + 0x1p-24, 1.0F},            // half way: to even
                                                       {1 + 0x3p-24, 1 + 0x1p-22F},    // half way: to even
                                                       {1 + 0x1.8p-24, 1 + 0x1p-23F},  // above the half
                                                       {0x1p-150, 0.0F},               // half of the least subnormal
                                                       {0x1.8p-150, 0x1p-149F},
                                                       {3.5e38, std::numeric_limits<float>::infinity()},
                                                       {-1e300, -std::numeric_limits<float>::infinity()}};
  std::vector<double> doubles;
  for (const auto& [value, wanted] : cases) doubles.push_back(value);
  doubles.push_back(-0.0);
  doubles.push_back(std::nan(""));
  const tensor::TensorView view = view_of(DType::kF64, {static_cast<std::int64_t>(doubles.size())}, bytes_of(doubles));
  std::vector<float> out(doubles.size());
  tensor::copy_rows_as_float32(view, tensor::Layout::kSame, 0, static_cast<std::int64_t>(out.size()), out);
  for (std::size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(out[i], cases[i].second) << cases[i].first;
  EXPECT_TRUE(out[cases.size()] == 0 && std::signbit(out[cases.size()]));
  EXPECT_TRUE(std::isnan(out.back()));
}

TEST(Widening, Float32KeepsEveryBit) {
  const std::vector<std::uint32_t> bits = {0x7fa00001U, 0xffc12345U, 0x80000000U, 0x00000001U, 0x7f800000U};
  const tensor::TensorView view = view_of(DType::kF32, {5}, bytes_of(bits));
  std::vector<float> out(5);
  tensor::copy_rows_as_float32(view, tensor::Layout::kSame, 0, 5, out);
  for (std::size_t i = 0; i < bits.size(); ++i) EXPECT_EQ(std::bit_cast<std::uint32_t>(out[i]), bits[i]);
}

TEST(Widening, OtherTypesBecomeNoVariable) {
  for (const DType dtype : {DType::kBool, DType::kU8, DType::kI32, DType::kI64}) {
    const tensor::TensorView view = view_of(dtype, {1}, std::string(size_of(dtype), '\0'));
    std::vector<float> out(1);
    EXPECT_ERROR(tensor::copy_rows_as_float32(view, tensor::Layout::kSame, 0, 1, out), ErrorKind::kBadInput,
                 "a tensor of " + std::string(name_of(dtype)) + " cannot become a float32 variable");
  }
}

/// Elements 0, 1, ..., 250, 0, ... which every floating type holds.
float numbered(std::int64_t index) { return static_cast<float>(index % 251); }

tensor::TensorView numbered_tensor(DType dtype, const Shape& shape) {
  static const std::array<std::uint16_t, 251> halves = [] {
    std::array<std::uint16_t, 251> table{};
    for (std::uint32_t bits = 0; bits < 0x7c00U; ++bits) {
      const float value = decode(bits, 5, 10);
      if (value < 251 && value == std::floor(value)) {
        table.at(static_cast<std::size_t>(value)) = static_cast<std::uint16_t>(bits);
      }
    }
    return table;
  }();
  std::string bytes;
  for (std::int64_t i = 0; i < element_count(shape); ++i) {
    const float value = numbered(i);
    if (dtype == DType::kF16) {
      bytes += bytes_of(std::vector<std::uint16_t>{halves.at(static_cast<std::size_t>(value))});
    } else if (dtype == DType::kBF16) {
      bytes += bytes_of(std::vector<float>{value}).substr(2);
    } else if (dtype == DType::kF64) {
      bytes += bytes_of(std::vector<double>{static_cast<double>(value)});
    } else {
      bytes += bytes_of(std::vector<float>{value});
    }
  }
  return view_of(dtype, shape, bytes);
}

constexpr std::array kFloatingTypes = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64};

/// Copies rows of the laid-out tensor and compares each element with the source's at `source_index(row, rest)`, where
/// `rest` counts the elements of a row. Nothing beside the rows may be written.
void expect_rows(const tensor::TensorView& view, tensor::Layout layout, std::int64_t first, std::int64_t rows,
                 std::int64_t row_size,
                 const std::function<std::int64_t(std::int64_t row, std::int64_t rest)>& source_index) {
  const auto count = static_cast<std::size_t>(rows * row_size);
  std::vector<float> out(count + 2, -7);
  tensor::copy_rows_as_float32(view, layout, first, rows, std::span(out).subspan(1, count));
  EXPECT_EQ(out.front(), -7);
  EXPECT_EQ(out.back(), -7);
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const float wanted = numbered(source_index(first + index / row_size, index % row_size));
    ASSERT_EQ(out[i + 1], wanted) << name_of(view.dtype) << " " << to_string(view.shape) << " rows from " << first
                                  << ", element " << i;
  }
}

/// Ranges of `rows` rows: all, none, the ends, and one across the edges of blocks.
std::vector<std::pair<std::int64_t, std::int64_t>> row_ranges(std::int64_t rows) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges = {{0, rows}, {0, 0}, {0, 1}, {rows - 1, 1}};
  if (rows > 3) ranges.insert(ranges.end(), {{1, rows - 2}, {rows / 2, 2}});
  if (rows > 34) ranges.insert(ranges.end(), {{31, 3}, {1, 33}});
  return ranges;
}

TEST(Layouts, TransposeAroundTheBlockSize) {
  for (const DType dtype : kFloatingTypes) {
    for (const std::int64_t outs : {1, 3, 31, 32, 33, 65}) {
      for (const std::int64_t ins : {1, 2, 31, 32, 33, 64, 67}) {
        const tensor::TensorView view = numbered_tensor(dtype, {outs, ins});
        EXPECT_EQ(tensor::apply_layout(tensor::Layout::kTranspose, view.shape), (Shape{ins, outs}));
        for (const auto& [first, rows] : row_ranges(ins)) {
          expect_rows(view, tensor::Layout::kTranspose, first, rows, outs,
                      [&](std::int64_t in, std::int64_t out) { return out * ins + in; });
        }
      }
    }
  }
}

TEST(Layouts, SameKeepsTheOrder) {
  for (const DType dtype : kFloatingTypes) {
    const tensor::TensorView view = numbered_tensor(dtype, {35, 2, 3});
    EXPECT_EQ(tensor::apply_layout(tensor::Layout::kSame, view.shape), view.shape);
    for (const auto& [first, rows] : row_ranges(35)) {
      expect_rows(view, tensor::Layout::kSame, first, rows, 6,
                  [](std::int64_t row, std::int64_t rest) { return row * 6 + rest; });
    }
  }
}

TEST(Layouts, Conv1D) {
  for (const DType dtype : kFloatingTypes) {
    constexpr std::int64_t kOuts = 5, kIns = 3, kWidth = 7;
    const tensor::TensorView view = numbered_tensor(dtype, {kOuts, kIns, kWidth});
    EXPECT_EQ(tensor::apply_layout(tensor::Layout::kConv1D, view.shape), (Shape{kWidth, kIns, kOuts}));
    for (const auto& [first, rows] : row_ranges(kWidth)) {
      expect_rows(view, tensor::Layout::kConv1D, first, rows, kIns * kOuts, [](std::int64_t x, std::int64_t rest) {
        const std::int64_t in = rest / kOuts, out = rest % kOuts;
        return (out * kIns + in) * kWidth + x;
      });
    }
  }
}

TEST(Layouts, Conv2D) {
  for (const DType dtype : kFloatingTypes) {
    constexpr std::int64_t kOuts = 4, kIns = 3, kHeight = 5, kWidth = 2;
    const tensor::TensorView view = numbered_tensor(dtype, {kOuts, kIns, kHeight, kWidth});
    EXPECT_EQ(tensor::apply_layout(tensor::Layout::kConv2D, view.shape), (Shape{kHeight, kWidth, kIns, kOuts}));
    for (const auto& [first, rows] : row_ranges(kHeight)) {
      expect_rows(view, tensor::Layout::kConv2D, first, rows, kWidth * kIns * kOuts,
                  [](std::int64_t y, std::int64_t rest) {
                    const std::int64_t x = rest / (kIns * kOuts), in = rest / kOuts % kIns, out = rest % kOuts;
                    return ((out * kIns + in) * kHeight + y) * kWidth + x;
                  });
    }
  }
}

TEST(Layouts, ScalarsAndEmptyTensors) {
  EXPECT_EQ(tensor::row_count({}), 1);
  EXPECT_EQ(tensor::row_elements({}), 1);
  EXPECT_EQ(tensor::row_count({4, 5, 6}), 4);
  EXPECT_EQ(tensor::row_elements({4, 5, 6}), 30);
  EXPECT_EQ(tensor::row_elements({4}), 1);
  const auto index = [](std::int64_t row, std::int64_t rest) { return row + rest; };
  expect_rows(numbered_tensor(DType::kBF16, {}), tensor::Layout::kSame, 0, 1, 1, index);
  expect_rows(view_of({0, 5}, {}), tensor::Layout::kTranspose, 0, 5, 0, index);
  expect_rows(view_of({5, 0}, {}), tensor::Layout::kTranspose, 0, 0, 5, index);
  expect_rows(view_of({2, 0, 3, 3}, {}), tensor::Layout::kConv2D, 0, 3, 0, index);
}

TEST(Layouts, RefuseAnotherRank) {
  EXPECT_ERROR(tensor::apply_layout(tensor::Layout::kTranspose, {2, 3, 4}), ErrorKind::kBadInput,
               "a tensor of shape [2, 3, 4] where one with 2 dimensions is expected");
  EXPECT_ERROR(tensor::apply_layout(tensor::Layout::kTranspose, {2}), ErrorKind::kBadInput,
               "shape [2] where one with 2 dimensions");
  EXPECT_ERROR(tensor::apply_layout(tensor::Layout::kConv1D, {2, 3}), ErrorKind::kBadInput,
               "one with 3 dimensions is expected");
  EXPECT_ERROR(tensor::apply_layout(tensor::Layout::kConv2D, {}), ErrorKind::kBadInput,
               "shape [] where one with 4 dimensions");
}

TEST(MappedFiles, HoldTheBytesAndOutliveTheName) {
  TemporaryFolder folder;
  const auto path = folder.path() / "x";
  write_file(path, std::string("ab\0c", 4));
  const auto file = bytes::MappedFile::open(path);
  std::filesystem::remove(path);
  EXPECT_EQ(file->path(), path);
  ASSERT_EQ(file->bytes().size(), 4U);
  EXPECT_EQ(std::memcmp(file->bytes().data(), "ab\0c", 4), 0);
}

TEST(MappedFiles, MayBeEmpty) {
  TemporaryFolder folder;
  write_file(folder.path() / "x", "");
  EXPECT_TRUE(bytes::MappedFile::open(folder.path() / "x")->bytes().empty());
}

TEST(MappedFiles, AreRegularFiles) {
  TemporaryFolder folder;
  const auto expect_failure = [](const std::filesystem::path& path, const std::string& why) {
    EXPECT_ERROR(bytes::MappedFile::open(path), ErrorKind::kBadInput, path.string() + ": cannot be read: " + why);
  };
  expect_failure(folder.path() / "missing", "No such file or directory");
  expect_failure(folder.path() / "missing" / "x", "No such file or directory");
  expect_failure(folder.path(), "it is not a regular file");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  expect_failure(folder.path() / "pipe", "it is not a regular file");  // and nobody waits for a writer
  expect_failure("/dev/zero", "it is not a regular file");
  std::filesystem::create_symlink("loop", folder.path() / "loop");
  expect_failure(folder.path() / "loop", "Too many levels of symbolic links");
}

TEST(ScratchBytes, AreZerosThatCanBeWritten) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, bytes::kMaxPrivateScratch, bytes::kMaxPrivateScratch + 1}) {
    const auto scratch = bytes::ScratchBytes::make(size);
    ASSERT_EQ(scratch->bytes().size(), size);
    for (std::byte& byte : scratch->bytes()) {
      ASSERT_EQ(byte, std::byte{0});
      byte = std::byte{7};
    }
  }
}

TEST(ScratchBytes, WithoutRoomAreAnErrorOfTheEnvironment) {
  EXPECT_ERROR(bytes::ScratchBytes::make(std::size_t{1} << 60), ErrorKind::kEnvironment,
               "no room for 1152921504606846976 bytes that must be copied: ");
}

// Values of IEEE 754's binary16: 11 bits, neighbours of 1 are 2^-10 apart, subnormals 2^-24.
TEST(HalfPrecision, EveryNumberHasItsBits) {
  for (std::uint32_t i = 0; i <= 0xffffU; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float half = tensor::float_of_float16(bits);
    const float brain = tensor::float_of_bfloat16(bits);
    ASSERT_TRUE(std::isnan(half) || tensor::float16_bits(half) == bits) << half;
    ASSERT_TRUE(std::isnan(brain) || tensor::bfloat16_bits(brain) == bits) << brain;
  }
  EXPECT_EQ(tensor::float16_bits(1), 0x3c00);
  EXPECT_EQ(tensor::float16_bits(-2), 0xc000);
  EXPECT_EQ(tensor::float16_bits(0x1.8p-24F), 2);  // a tie below the normal numbers, to even
  EXPECT_EQ(tensor::float16_bits(1e9F), 0x7c00);
  EXPECT_EQ(tensor::bfloat16_bits(1 + 0x1.8p-8F), 0x3f81);
  const float quiet = std::bit_cast<float>(0x7f800001U);  // whose upper half is infinity's
  EXPECT_TRUE(std::isnan(tensor::float_of_bfloat16(tensor::bfloat16_bits(quiet))));
  EXPECT_TRUE(std::isnan(tensor::float_of_float16(tensor::float16_bits(quiet))));
}

TEST(HalfPrecision, Float16RoundsToNearestEven) {
  EXPECT_EQ(tensor::through_float16(1), 1);
  EXPECT_EQ(tensor::through_float16(1 + 0x1p-11F), 1);            // a tie, to even
  EXPECT_EQ(tensor::through_float16(1 + 0x3p-11F), 1 + 0x1p-9F);  // a tie, to even
  EXPECT_EQ(tensor::through_float16(1 + 0x1.8p-11F), 1 + 0x1p-10F);
  EXPECT_EQ(tensor::through_float16(-0x1.fffp0F), -2);  // carries into the exponent
  EXPECT_EQ(tensor::through_float16(65504), 65504);
  EXPECT_EQ(tensor::through_float16(65519), 65504);
  EXPECT_TRUE(std::isinf(tensor::through_float16(65520)));
  EXPECT_EQ(tensor::through_float16(0x1p-24F), 0x1p-24F);
  EXPECT_EQ(tensor::through_float16(0x1p-25F), 0);  // a tie, to even
  EXPECT_EQ(tensor::through_float16(0x1.8p-24F), 0x1p-23F);
  EXPECT_EQ(tensor::through_float16(0x1p-14F - 0x1p-26F), 0x1p-14F);  // a subnormal becomes normal
  EXPECT_TRUE(std::signbit(tensor::through_float16(-0.0F)));
  EXPECT_TRUE(std::isnan(tensor::through_float16(std::nanf(""))));
}

TEST(HalfPrecision, BFloat16RoundsToNearestEven) {
  EXPECT_EQ(tensor::through_bfloat16(1 + 0x1p-8F), 1);  // a tie, to even
  EXPECT_EQ(tensor::through_bfloat16(1 + 0x3p-8F), 1 + 0x1p-6F);
  EXPECT_EQ(tensor::through_bfloat16(1 + 0x1.8p-8F), 1 + 0x1p-7F);
  EXPECT_EQ(tensor::through_bfloat16(1e-40F), std::bit_cast<float>(0x00010000U));  // a subnormal, of which 7 bits stay
  EXPECT_TRUE(std::isinf(tensor::through_bfloat16(3.4e38F)));
  EXPECT_TRUE(std::isnan(tensor::through_bfloat16(std::nanf(""))));
}

TEST(HalfPrecision, WhatWasWidenedStays) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    for (const auto& [dtype, through] :
         {std::pair(DType::kF16, &tensor::through_float16), std::pair(DType::kBF16, &tensor::through_bfloat16)}) {
      float value = 0;
      tensor::widen_to_float32(dtype, reinterpret_cast<const std::byte*>(&half), 1, &value);
      if (std::isnan(value)) continue;
      ASSERT_EQ(through(value), value) << bits;
    }
  }
}

}  // namespace
}  // namespace crossload
