#include "export/tensor_bundle.h"

#include <gtest/gtest.h>

#include <cstring>

#include "export/crc32c.h"
#include "export/table_check.h"
#include "fake_weights.h"

namespace crossload {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

exporting::FloatProducer values_of(std::vector<float> values) {
  return [values](const exporting::FloatSink& put) { put(values); };
}

std::vector<float> floats(const tensor::TensorView& view) {
  std::vector<float> values(view.bytes.size() / sizeof(float));
  std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
  return values;
}

// What TensorFlow 2.21 writes for tf.raw_ops.SaveV2 of
//   a/w = [[1, 2], [3, -4]], b = 0.5, e = zeros [0, 3], s = "hello".
const char* const kIndex =
    "00000608011a020801000313612f770801120812020802120208022810357023674700010d620801120020102804350638271f0001116508"
    "011206120012020803201435d8ea82a200010d73080712002014280a35ece0c029000000000100000000d79a5097000000000100000000c0"
    "f2a1b0000102740061000000000100000000c96371476608730e000000000000000000000000000000000000000000000000000000000000"
    "00000000000057fb808b247547db";
const char* const kData = "0000803f0000004000004040000080c00000003f05d9c69c4368656c6c6f";

void write_example(const std::filesystem::path& prefix) {
  exporting::TensorBundleWriter writer(prefix);
  writer.add("a/w", {2, 2}, values_of({1, 2, 3, -4}));
  writer.add("b", {}, values_of({0.5F}));
  writer.add("e", {0, 3}, values_of({}));
  writer.add_string("s", "hello");
  writer.finish();
}

// RFC 3720, appendix B.4.
TEST(Crc32c, HasTheValuesOfTheStandard) {
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  const std::string descending(ascending.rbegin(), ascending.rend());
  const std::string read_command = from_hex(
      "01c00000000000000000000000000000140000000000040000000014000000182800000000000000020000000000"
      "0000");
  for (const auto extend : {exporting::extend_crc32c, exporting::extend_crc32c_portable}) {
    EXPECT_EQ(extend(0, {}), 0U);
    EXPECT_EQ(extend(0, bytes_of("123456789")), 0xe3069283U);
    EXPECT_EQ(extend(0, bytes_of(std::string(32, '\0'))), 0x8a9136aaU);
    EXPECT_EQ(extend(0, bytes_of(std::string(32, '\xff'))), 0x62a8ab43U);
    EXPECT_EQ(extend(0, bytes_of(ascending)), 0x46dd794eU);
    EXPECT_EQ(extend(0, bytes_of(descending)), 0x113fdb5cU);
    EXPECT_EQ(extend(0, bytes_of(read_command)), 0xd9963a56U);
    EXPECT_EQ(extend(extend(0, bytes_of("12345")), bytes_of("6789")), 0xe3069283U);
  }
}

TEST(Crc32c, IsTheSameByTablesAndByInstruction) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>(i * i >> 3);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t size : {0U, 1U, 7U, 8U, 9U, 63U, 2900U}) {
      const auto part = bytes_of(text).subspan(begin, size);
      EXPECT_EQ(exporting::extend_crc32c(17, part), exporting::extend_crc32c_portable(17, part));
    }
  }
}

TEST(TensorBundle, IsWrittenAsTensorFlowWritesIt) {
  TemporaryFolder folder;
  write_example(folder.path() / "x");
  EXPECT_EQ(read_file(folder.path() / "x.index"), from_hex(kIndex));
  EXPECT_EQ(read_file(folder.path() / "x.data-00000-of-00001"), from_hex(kData));
}

TEST(TensorBundle, OfTensorFlowIsRead) {
  TemporaryFolder folder;
  write_file(folder.path() / "x.index", from_hex(kIndex));
  write_file(folder.path() / "x.data-00000-of-00001", from_hex(kData));
  const exporting::TensorBundle bundle = exporting::TensorBundle::open(folder.path() / "x");
  EXPECT_EQ(bundle.entries().size(), 4U);
  EXPECT_EQ(floats(bundle.tensor("a/w")), (std::vector<float>{1, 2, 3, -4}));
  EXPECT_EQ(bundle.tensor("a/w").shape, (Shape{2, 2}));
  EXPECT_EQ(floats(bundle.tensor("b")), std::vector<float>{0.5F});
  EXPECT_EQ(bundle.tensor("b").shape, Shape{});
  EXPECT_EQ(bundle.tensor("e").shape, (Shape{0, 3}));
  EXPECT_EQ(bundle.string("s"), "hello");
}

TEST(TensorBundle, TakesTensorsInAnyOrderAndManyOfThem) {
  TemporaryFolder folder;
  exporting::TensorBundleWriter writer(folder.path() / "x");
  constexpr int kCount = 12'000;  // an index of several blocks
  for (int i = kCount; i-- > 0;) {
    writer.add("variables/" + std::to_string(i) + "/.ATTRIBUTES/VARIABLE_VALUE", {1},
               values_of({static_cast<float>(i)}));
  }
  const std::string graph(100'000, 'g');
  writer.add_string(std::string(exporting::kObjectGraphKey), graph);
  writer.finish();
  const exporting::TensorBundle bundle = exporting::TensorBundle::open(folder.path() / "x");
  EXPECT_EQ(bundle.entries().size(), kCount + 1U);
  for (int i = 0; i < kCount; i += 997) {
    const std::string key = "variables/" + std::to_string(i) + "/.ATTRIBUTES/VARIABLE_VALUE";
    EXPECT_EQ(floats(bundle.tensor(key)), std::vector<float>{static_cast<float>(i)});
  }
  EXPECT_EQ(bundle.string(std::string(exporting::kObjectGraphKey)), graph);
}

TEST(TensorBundle, StreamsVariables) {
  TemporaryFolder folder;
  FakeWeights fake;
  fake.layer("a").add("big", {3'000, 1'000}, tensor::Layout::kTranspose).add("scalar", {});
  exporting::TensorBundleWriter writer(folder.path() / "x");
  writer.add("big", fake.variables()[0]);
  writer.add("scalar", fake.variables()[1]);
  writer.finish();
  const exporting::TensorBundle bundle = exporting::TensorBundle::open(folder.path() / "x");
  EXPECT_EQ(bundle.tensor("big").shape, (Shape{1'000, 3'000}));
  EXPECT_TRUE(floats(bundle.tensor("big")) == fake.expected(0));
  EXPECT_EQ(floats(bundle.tensor("scalar")), fake.expected(1));
}

TEST(TensorBundle, RefusesWhatItCannotWrite) {
  TemporaryFolder folder;
  const std::string where = "3 " + (folder.path() / "x").string() + ": cannot be written: ";
  exporting::TensorBundleWriter writer(folder.path() / "x");
  writer.add("a", {1}, values_of({1}));
  EXPECT_EQ(error_of([&] { writer.add("a", {1}, values_of({1})); }), where + "two tensors have the key \"a\"");
  EXPECT_EQ(error_of([&] {
              writer.add("b", {3}, values_of({1, 2}));
            }),
            where + "tensor b of shape [3] is given 8 bytes");
  EXPECT_EQ(error_of([] { exporting::TensorBundleWriter("/nonexistent/x"); }),
            "5 /nonexistent/x.data-00000-of-00001: cannot be written: No such file or directory");
}

class CorruptBundle : public testing::Test {
 protected:
  void write(const std::string& index, const std::string& data) {
    write_file(prefix_.string() + ".index", index);
    write_file(prefix_.string() + ".data-00000-of-00001", data);
  }
  /// Reads everything.
  std::string error() {
    return error_of([&] {
      const exporting::TensorBundle bundle = exporting::TensorBundle::open(prefix_);
      for (const auto& [key, entry] : bundle.entries()) {
        if (key == "s") {
          bundle.string(key);
        } else {
          bundle.tensor(key);
        }
      }
    });
  }

  TemporaryFolder folder_;
  std::filesystem::path prefix_ = folder_.path() / "x";
  std::string index_ = from_hex(kIndex);
  std::string data_ = from_hex(kData);
};

TEST_F(CorruptBundle, EveryFlippedByteOfTheDataIsNoticed) {
  for (std::size_t i = 0; i < data_.size(); ++i) {
    std::string data = data_;
    data[i] = static_cast<char>(data[i] ^ 0x10);
    write(index_, data);
    const std::string said = error();
    EXPECT_TRUE(said.starts_with("3 " + prefix_.string() + ".data-00000-of-00001: not a sound TensorBundle: ")) << said;
  }
  std::string data = data_;
  data[5] = 1;
  write(index_, data);
  EXPECT_EQ(error(),
            "3 " + prefix_.string() + ".data-00000-of-00001: not a sound TensorBundle: a/w has a wrong checksum");
}

TEST_F(CorruptBundle, EveryFlippedByteOfTheEntriesIsNoticed) {
  const std::size_t entries = index_.find(from_hex("c0f2a1b0")) - 9;  // then an empty block, which nobody needs
  for (std::size_t i = 0; i < index_.size(); ++i) {
    std::string index = index_;
    index[i] = static_cast<char>(index[i] ^ 0x10);
    write(index, data_);
    const std::string said = error();
    const bool is_noticed = said.starts_with("3 " + prefix_.string() + ".index: not a sound TensorBundle: ");
    EXPECT_TRUE(is_noticed || (i >= entries && said == "no error")) << i << " " << said;
  }
}

TEST_F(CorruptBundle, CutFilesAreNoticed) {
  for (std::size_t size = 0; size < index_.size(); ++size) {
    write(index_.substr(0, size), data_);
    EXPECT_TRUE(error().starts_with("3 " + prefix_.string() + ".index: ")) << size;
  }
  for (std::size_t size = 0; size < data_.size(); ++size) {
    write(index_, data_.substr(0, size));
    EXPECT_TRUE(error().starts_with("3 " + prefix_.string() + ".data-00000-of-00001: ")) << size;
  }
  write(index_, data_.substr(0, 12));
  EXPECT_EQ(error(),
            "3 " + prefix_.string() +
                ".data-00000-of-00001: not a sound TensorBundle: a/w begins at byte 0 and has 16 of 12 (cut off?)");
}

TEST_F(CorruptBundle, MissingFilesAndKeysAreNamed) {
  EXPECT_EQ(error(), "3 " + prefix_.string() + ".index: cannot be read: No such file or directory");
  write(index_, data_);
  const exporting::TensorBundle bundle = exporting::TensorBundle::open(prefix_);
  EXPECT_EQ(error_of([&] { bundle.tensor("c"); }), "3 " + prefix_.string() + ".index: has no tensor c");
  EXPECT_EQ(error_of([&] { bundle.tensor("s"); }),
            "4 " + prefix_.string() + ".index: s has TensorFlow's type 7, which is no type of numbers");
  EXPECT_EQ(error_of([&] { bundle.string("b"); }),
            "3 " + prefix_.string() + ".index: not a sound TensorBundle: b is no string scalar");
  std::filesystem::remove(prefix_.string() + ".data-00000-of-00001");
  EXPECT_EQ(error(), "3 " + prefix_.string() + ".data-00000-of-00001: cannot be read: No such file or directory");
}

/// A table without blocks: 16 bytes in front, then a footer with these two handles.
std::string table_with(const std::string& handles) {
  std::string footer = handles;
  footer.resize(40);
  return std::string(16, '\0') + footer + "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
}

TEST(DamagedTable, BlocksThatDoNotFitAreRefusedBeforeMemoryIsAskedFor) {
  const auto refusal = [](const std::string& table) -> std::string {
    try {
      exporting::check_table(std::as_bytes(std::span(table)), "x.index");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadInput);
      return error.what();
    }
    return "";
  };
  const std::string large = "\x84\x80\x80\x80\x80\x80\x80\x34";  // what fuzzing found
  EXPECT_EQ(
      refusal(table_with(std::string(3, '\0') + large)),
      "x.index: not a sound TensorBundle: a block of 29273397577908228 bytes at byte 0 does not fit its table (cut "
      "off?)");
  EXPECT_THAT(refusal(table_with(large + std::string(1, '\0'))), testing::HasSubstr("does not fit its table"));
  EXPECT_THAT(refusal(table_with(std::string(10, '\xff'))), testing::HasSubstr("a number of its table has no end"));
  std::string entry = table_with(std::string("\0\0\0\x08", 4));
  entry[1] = 100;  // the key's bytes
  EXPECT_THAT(refusal(entry), testing::HasSubstr("an entry of its table does not fit its block"));
}

}  // namespace
}  // namespace crossload
