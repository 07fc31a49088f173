// The safetensors format, read: files that are sound, and every way in which one can be wrong.
#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>

#include "test_support.h"

namespace crossload {
namespace {

checkpoint::SafetensorsFile parse(const std::string& bytes) {
  const auto copy = std::make_shared<std::string>(bytes);
  return checkpoint::SafetensorsFile::parse(std::as_bytes(std::span(*copy)), copy, "x.safetensors");
}

checkpoint::SafetensorsFile parse(const std::string& header, const std::string& data) {
  return parse(safetensors_bytes(header, data));
}

std::string text_of(const tensor::TensorView& view) {
  return {reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size()};
}

/// A whole file. `problem` is for the reader of this table; the error must hold `text`.
struct Malformed {
  std::string problem;
  std::string bytes;
  std::string text;
};

std::string length_and(std::uint64_t length, const std::string& rest) {
  return bytes_of(std::vector<std::uint64_t>{length}) + rest;
}

/// A file of one tensor "a" whose entry is given, and `size` bytes of data.
std::string one(const std::string& entry, std::size_t size) {
  return safetensors_bytes("{\"a\":" + entry + "}", std::string(size, 'd'));
}

const std::string kSound = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";

/// "a" at the first offsets and "b" at the second, both U8 vectors of the right sizes.
std::string two(std::size_t a, std::size_t a_end, std::size_t b, std::size_t b_end, std::size_t size) {
  const auto entry = [](std::size_t begin, std::size_t end) {
    return R"({"dtype":"U8","shape":[)" + std::to_string(end - begin) + R"(],"data_offsets":[)" +
           std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  return safetensors_bytes("{\"a\":" + entry(a, a_end) + ",\"b\":" + entry(b, b_end) + "}", std::string(size, 'd'));
}

std::vector<Malformed> malformed_files() {
  const std::string no_size = "tensor \"a\" has a data offset that is no size";
  const std::string lacks = "tensor \"a\" lacks dtype, shape or data_offsets";
  return {
      // The length and the bounds of the header.
      {"nothing", "", "it is empty; download it again"},
      {"the length is cut off", "\x02\0\0\0\0\0\0", "it has 1 bytes"},
      {"seven zeros", std::string(7, '\0'), "it has 7 bytes, too few for the header's length"},
      {"no header at all", length_and(0, ""), "its header does not begin with '{'"},
      {"an empty header before data", length_and(0, "{}"), "its header does not begin with '{'"},
      {"one byte over the format's limit", length_and(100'000'001, "{}"),
       "100000001 bytes long, the limit is 100000000"},
      {"a length of all ones", length_and(~std::uint64_t{0}, "{}"), "18446744073709551615 bytes long, the limit"},
      {"a length that wraps around with its own size", length_and(~std::uint64_t{0} - 7, "{}"),
       "the limit is 100000000"},
      {"the limit itself, in a short file", length_and(100'000'000, "{}"),
       "header of 100000000 bytes does not fit the file"},
      {"one byte more than there is", length_and(3, "{}"), "header of 3 bytes does not fit the file (cut off?)"},
      // The header as JSON.
      {"another format", "<!DOCTYPE html><html>", "it is a web page (HTML)"},
      {"text that is no object", safetensors_bytes("[]", ""), "its header does not begin with '{'"},
      {"an open object", safetensors_bytes("{", ""), "not valid JSON at line 1"},
      {"a header cut in the middle", length_and(20, "{\"a\":" + kSound), "not valid JSON"},
      {"a comma at the end", safetensors_bytes("{\"a\":" + kSound + ",}", "dddd"), "not valid JSON"},
      {"garbage after the object", safetensors_bytes("{} x", ""), "end of file expected"},
      {"zeros as padding", safetensors_bytes(std::string("{}\0\0", 4), ""), "not valid JSON"},
      {"a second object", safetensors_bytes("{}{}", ""), "end of file expected"},
      {"a name that is no UTF-8", safetensors_bytes("{\"\xff\":" + kSound + "}", "dddd"), "unable to decode byte 0xff"},
      {"a name with a NUL", safetensors_bytes("{\"a\\u0000\":" + kSound + "}", "dddd"), "not valid JSON"},
      {"the metadata twice", safetensors_bytes(R"({"__metadata__":{},"__met\u0061data__":{}})", ""),
       "it has the field \"__metadata__\" twice in one place"},
      {"a hostile depth", safetensors_bytes("{\"a\":" + std::string(1'000'000, '['), ""), "maximum parsing depth"},
      // An entry.
      {"an entry that is a list", one("[]", 0), lacks},
      {"an entry that is null", one("null", 0), lacks},
      {"no dtype", one(R"({"shape":[1],"data_offsets":[0,4]})", 4), lacks},
      {"no shape", one(R"({"dtype":"F32","data_offsets":[0,4]})", 4), lacks},
      {"no offsets", one(R"({"dtype":"F32","shape":[1]})", 4), lacks},
      {"a member twice", one(R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]})", 4),
       "it has the field \"dtype\" twice in one place"},
      {"a dtype that is a number", one(R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})", 4),
       "x.safetensors: \"a\": \"dtype\": is an integer where a string is expected"},
      // The shape.
      {"a shape that is a number", one(R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})", 4),
       "\"a\": \"shape\": is an integer where an array is expected"},
      {"a size that is text", one(R"({"dtype":"F32","shape":[1,"1"],"data_offsets":[0,4]})", 4),
       "\"a\": \"shape\"[1]: is a string where an integer is expected"},
      {"a fractional size", one(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})", 4),
       "\"shape\"[0]: is a number where an integer is expected"},
      {"a negative size", one(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", 4),
       "tensor \"a\": shape [-1]: a dimension is negative"},
      {"two negative sizes", one(R"({"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]})", 4),
       "a dimension is negative"},
      {"2^64 elements", one(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})", 0),
       "tensor \"a\": shape [4294967296, 4294967296]: the number of elements does not fit 63 bits"},
      {"2^62 elements of 8 bytes", one(R"({"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]})", 0),
       "tensor \"a\": shape [4611686018427387904]: the number of bytes overflows; download"},
      {"a size over 63 bits", one(R"({"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,0]})", 0),
       "not valid JSON"},
      // The offsets.
      {"offsets in an object", one(R"({"dtype":"F32","shape":[1],"data_offsets":{"begin":0,"end":4}})", 4),
       "tensor \"a\" needs two data offsets"},
      {"one offset", one(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", 4),
       "tensor \"a\" needs two data offsets"},
      {"three offsets", one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})", 8), "needs two data offsets"},
      {"a negative offset", one(R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})", 4), no_size},
      {"a fractional offset", one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4.0]})", 4), no_size},
      {"an offset in quotes", one(R"({"dtype":"F32","shape":[1],"data_offsets":["0",4]})", 4), no_size},
      {"an offset that is null", one(R"({"dtype":"F32","shape":[1],"data_offsets":[null,4]})", 4), no_size},
      {"reversed offsets", one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", 4),
       "tensor \"a\" lies at bytes 4 to 0 of 4"},
      {"an end behind the file", one(kSound, 3), "tensor \"a\" lies at bytes 0 to 4 of 3 (cut off?)"},
      {"no data at all", one(kSound, 0), "tensor \"a\" lies at bytes 0 to 4 of 0 (cut off?)"},
      {"an end near the largest number",
       one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]})", 4),
       "lies at bytes 0 to 9223372036854775807 of 4"},
      // Shape, type and offsets together.
      {"too few bytes", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", 4),
       "tensor \"a\" F32 [2] needs 8 bytes and has 4"},
      {"too many bytes", one(R"({"dtype":"F16","shape":[1,1],"data_offsets":[0,4]})", 4),
       "tensor \"a\" F16 [1, 1] needs 2 bytes and has 4"},
      {"a scalar without bytes", one(R"({"dtype":"I64","shape":[],"data_offsets":[0,0]})", 0),
       "I64 [] needs 8 bytes and has 0"},
      {"an empty tensor with bytes", one(R"({"dtype":"I64","shape":[3,0],"data_offsets":[0,8]})", 8),
       "I64 [3, 0] needs 0 bytes and has 8"},
      // All tensors together.
      {"an overlap", two(0, 5, 4, 8, 8), "tensor \"b\" begins at byte 4 inside the one before it, expected 5"},
      {"two at one place", two(0, 4, 0, 4, 4), "begins at byte 0 inside the one before it, expected 4"},
      {"one inside another", two(0, 8, 2, 4, 8), "tensor \"b\" begins at byte 2 inside the one before it, expected 8"},
      {"an empty one inside another", two(0, 8, 4, 4, 8), "tensor \"b\" begins at byte 4 inside the one before it"},
      {"a gap", two(0, 4, 5, 8, 8), "tensor \"b\" begins at byte 5 after a gap, expected 4"},
      {"a gap in front", two(4, 8, 8, 12, 12), "tensor \"a\" begins at byte 4 after a gap, expected 0"},
      {"bytes behind the last tensor", two(0, 4, 4, 8, 9), "1 bytes at the end belong to no tensor"},
      {"data without tensors", safetensors_bytes("{}", "dddd"), "4 bytes at the end belong to no tensor"},
      // The metadata.
      {"metadata that is a list", safetensors_bytes(R"({"__metadata__":[]})", ""),
       "\"__metadata__\": is an array where an object is expected"},
      {"metadata with a number", safetensors_bytes(R"({"__metadata__":{"seed":0}})", ""),
       "\"__metadata__\": \"seed\": is an integer where a string is expected"},
      {"metadata with null", safetensors_bytes(R"({"__metadata__":{"format":null}})", ""), "\"format\": is null"},
      {"a tensor with the metadata's name", safetensors_bytes("{\"__metadata__\":" + kSound + "}", "dddd"),
       "\"__metadata__\": \"shape\": is an array where a string is expected"},
  };
}

TEST(MalformedSafetensors, AreRefusedWithTheReason) {
  for (const Malformed& file : malformed_files()) {
    SCOPED_TRACE(file.problem);
    EXPECT_ERROR(parse(file.bytes), ErrorKind::kBadInput, file.text);
    EXPECT_ERROR(parse(file.bytes), ErrorKind::kBadInput, "x.safetensors: ");
  }
}

TEST(MalformedSafetensors, TypesThatTensorFlowLacksAreUnsupported) {
  for (const std::string dtype : {"F8_E4M3", "F8_E5M2", "F4", "C32", "f32", "", "float32"}) {
    EXPECT_ERROR(parse(one(R"({"dtype":")" + dtype + R"(","shape":[4],"data_offsets":[0,4]})", 4)),
                 ErrorKind::kUnsupported,
                 "x.safetensors: tensor \"a\" has dtype " + dtype + ", which TensorFlow variables cannot hold");
  }
}

TEST(Safetensors, ComplexNumbersArePairs) {
  const auto file = parse(one(R"({"dtype":"C64","shape":[3],"data_offsets":[0,24]})", 24));
  const tensor::TensorView& pairs = file.tensors().at("a");
  EXPECT_EQ(pairs.dtype, DType::kF32);
  EXPECT_EQ(pairs.shape, (Shape{3, 2}));
  EXPECT_EQ(pairs.bytes.size(), 24U);
}

TEST(MalformedSafetensors, SayWhatToDo) {
  EXPECT_ERROR(parse(one(kSound, 3)), ErrorKind::kBadInput, "; download or save the file again");
}

// Two small tensors, one of them empty, and metadata.
const std::string kSmall =
    safetensors_bytes(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                      R"("e":{"dtype":"I64","shape":[0],"data_offsets":[8,8]}}   )",
                      "12345678");

TEST(DamagedSafetensors, EveryTruncationIsRefused) {
  EXPECT_EQ(parse(kSmall).tensors().size(), 2U);
  for (std::size_t size = 0; size < kSmall.size(); ++size) {
    EXPECT_ERROR(parse(kSmall.substr(0, size)), ErrorKind::kBadInput, "x.safetensors: ");
  }
}

TEST(DamagedSafetensors, AnyChangedByteIsReadWithinTheFileOrRefused) {
  int read = 0;
  for (std::size_t at = 0; at < kSmall.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      auto bytes = std::make_shared<std::string>(kSmall);
      (*bytes)[at] = static_cast<char>(value);
      const std::span<const std::byte> whole = std::as_bytes(std::span(*bytes));
      try {
        const checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::parse(whole, bytes, "x.safetensors");
        ++read;
        for (const auto& [name, view] : file.tensors()) {
          EXPECT_EQ(view.bytes.size(), static_cast<std::size_t>(element_count(view.shape)) * size_of(view.dtype));
          EXPECT_TRUE(view.bytes.empty() || (view.bytes.data() >= whole.data() && &view.bytes.back() <= &whole.back()));
        }
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::StartsWith("x.safetensors: "));
      }
    }
  }
  EXPECT_GT(read, 8 * 256);  // the data may be anything
}

TEST(Safetensors, GiveTensorsAndMetadata) {
  const checkpoint::SafetensorsFile file =
      parse(R"({"b.weight":{"shape":[2,3],"data_offsets":[2,8],"dtype":"U8"},"a":{"dtype":"BF16","shape":[1],)"
            R"("data_offsets":[0,2]},"__metadata__":{"format":"pt","note":"\u00e4 \"x\""}})",
            "12abcdef");
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}, {"note", "\xc3\xa4 \"x\""}}));
  ASSERT_EQ(file.tensors().size(), 2U);
  const tensor::TensorView& a = file.tensors().at("a");
  EXPECT_EQ(a.dtype, DType::kBF16);
  EXPECT_EQ(a.shape, Shape{1});
  EXPECT_EQ(text_of(a), "12");
  const tensor::TensorView& b = file.tensors().at("b.weight");
  EXPECT_EQ(b.dtype, DType::kU8);
  EXPECT_EQ(b.shape, (Shape{2, 3}));
  EXPECT_EQ(text_of(b), "abcdef");
}

TEST(Safetensors, TakeWhatTheFormatAllows) {
  EXPECT_TRUE(parse("{}", "").tensors().empty());
  EXPECT_TRUE(parse("{}      \t\n\r ", "").tensors().empty());
  EXPECT_TRUE(parse(R"({"__metadata__":{}})", "").metadata().empty());
  const std::string unknown_member = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1],"note":{}})";
  EXPECT_EQ(text_of(parse("{\"a\":" + unknown_member + "}", "x").tensors().at("a")), "x");
  EXPECT_EQ(text_of(parse("{\"\":" + kSound + "}", "abcd").tensors().at("")), "abcd");
}

TEST(Safetensors, OfSeveralTensorsWithOneNameTheLastCounts) {
  const std::string other = R"({"dtype":"I32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_EQ(
      parse(safetensors_bytes("{\"a\":" + other + ",\"\\u0061\":" + kSound + "}", "dddd")).tensors().at("a").dtype,
      DType::kF32);
  EXPECT_EQ(parse(safetensors_bytes(R"({"__metadata__":{"k":"1","k":"2"}})", "")).metadata().at("k"), "2");
  EXPECT_TRUE(parse(safetensors_bytes(R"({"__metadata__":null})", "")).metadata().empty());
}

TEST(Safetensors, ScalarsEmptyAndUnalignedTensors) {
  const checkpoint::SafetensorsFile file = parse(
      R"({"odd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"scalar":{"dtype":"F64","shape":[],"data_offsets":[1,9]},)"
      R"("front":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},"middle":{"dtype":"F32","shape":[0],"data_offsets":[1,1]},)"
      R"("end":{"dtype":"F32","shape":[7,0],"data_offsets":[9,9]}})",
      "o12345678");
  EXPECT_EQ(text_of(file.tensors().at("odd")), "o");
  EXPECT_EQ(text_of(file.tensors().at("scalar")), "12345678");
  EXPECT_TRUE(file.tensors().at("scalar").shape.empty());
  for (const char* name : {"front", "middle", "end"}) EXPECT_TRUE(file.tensors().at(name).bytes.empty()) << name;
  EXPECT_EQ(file.tensors().at("end").shape, (Shape{7, 0}));
}

TEST(Safetensors, AreMappedAndKeptAliveByTheirViews) {
  TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  write_file(path, one(kSound, 4));
  tensor::TensorView view;
  {
    const checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::open(path);
    view = file.tensors().at("a");
  }
  std::filesystem::remove(path);
  EXPECT_EQ(text_of(view), "dddd");
  write_file(path, one(kSound, 3));
  EXPECT_ERROR(checkpoint::SafetensorsFile::open(path), ErrorKind::kBadInput,
               path.string() + ": not a sound safetensors file: ");
  EXPECT_ERROR(checkpoint::SafetensorsFile::open(folder.path()), ErrorKind::kBadInput, "it is not a regular file");
}

}  // namespace
}  // namespace crossload
