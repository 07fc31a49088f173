#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <random>

#include "export/crc32c.h"
#include "export/h5_library.h"
#include "export/h5_reader.h"
#include "export/h5_writer.h"
#include "export/shards.h"
#include "fake_weights.h"

// For sanitizers: HDF5 asks for as much memory as a corrupt file says, copes with a refusal, and forgets some bytes
// then.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace crossload {
namespace {

namespace fs = std::filesystem;

struct Sum {
  std::size_t size;
  std::uint32_t crc32c;
  bool operator==(const Sum&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Sum& sum) { return out << sum.size << " " << std::hex << sum.crc32c; }

Sum sum_of(const fs::path& path) {
  const std::string bytes = read_file(path);
  return {bytes.size(), exporting::extend_crc32c(0, std::as_bytes(std::span(bytes.data(), bytes.size())))};
}

std::vector<float> values_of(const exporting::H5File& file, const std::string& name) {
  std::vector<float> values(static_cast<std::size_t>(element_count(file.tensors().at(name).shape)));
  file.read(name, 0, values);
  return values;
}

/// Opens the file and reads everything in it.
std::string error_of_reading(const fs::path& path) {
  return error_of([&] {
    const exporting::H5File file = exporting::H5File::open(path, exporting::H5Kind::kSingle);
    for (const auto& [name, tensor] : file.tensors()) values_of(file, name);
  });
}

class H5Test : public testing::Test {
 protected:
  std::vector<std::string> write(std::int64_t max_shard_size = exporting::kDefaultMaxShardSize) {
    return exporting::write_h5(folder_.path(), "tf_model", fake_.layers(), max_shard_size);
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "tf_model.h5";
  FakeWeights fake_;
};

// The sums are of files that tf_keras 2.21 (its functions for attributes) and h5py 3.14 wrote from the same values.
// They hold for HDF5 1.10 and 1.14; another version may lay out the same content in other places.
TEST_F(H5Test, IsByteForByteWhatKerasWrites) {
  fill_small(&fake_);
  EXPECT_EQ(write(), std::vector<std::string>{"tf_model.h5"});
  EXPECT_EQ(sum_of(path_), (Sum{24400, 0x84902f70U}));
}

TEST_F(H5Test, ListsOverTheLimitAreCutAsKerasCutsThem) {
  fake_.layer("block");
  for (int i = 0; i < 2000; ++i) {
    fake_.add("block/a_name_long_enough_that_a_thousand_of_them_fill_more_than_one_attribute/" + std::to_string(i),
              {1});
  }
  write();
  EXPECT_EQ(sum_of(path_), (Sum{930192, 0xb5d67d2dU}));
  const exporting::H5File file = exporting::H5File::open(path_, exporting::H5Kind::kSingle);
  EXPECT_EQ(file.tensors().size(), 2000U);
  EXPECT_EQ(values_of(file, "tf_model/" + fake_.variables()[1999].name + ":0"), fake_.expected(1999));
}

TEST_F(H5Test, ShardIsByteForByteWhatTransformersWrites) {
  fill_small(&fake_);
  EXPECT_EQ(
      write(/*max_shard_size=*/720),
      (std::vector<std::string>{"tf_model-00001-of-00002.h5", "tf_model-00002-of-00002.h5", "tf_model.h5.index.json"}));
  EXPECT_EQ(sum_of(folder_.path() / "tf_model-00001-of-00002.h5"), (Sum{14552, 0x37e64f3eU}));
  const exporting::H5File second =
      exporting::H5File::open(folder_.path() / "tf_model-00002-of-00002.h5", exporting::H5Kind::kShard);
  EXPECT_EQ(second.tensors().size(), 1U);  // the shared variable is in the first one
  EXPECT_EQ(values_of(second, "classifier/kernel:0"), fake_.expected(7));
}

TEST_F(H5Test, IsReadBack) {
  fill_small(&fake_);
  write();
  const exporting::H5File file = exporting::H5File::open(path_, exporting::H5Kind::kSingle);
  EXPECT_EQ(file.tensors().size(), fake_.variables().size());
  for (std::size_t i = 0; i < fake_.variables().size(); ++i) {
    const std::string name = "tf_model/" + fake_.variables()[i].name + ":0";
    EXPECT_EQ(file.tensors().at(name).shape, fake_.variables()[i].shape);
    EXPECT_EQ(values_of(file, name), fake_.expected(i));
  }
  std::vector<float> part(4);
  file.read("tf_model/main/dense/kernel:0", 3, part);
  const std::vector<float> whole = fake_.expected(2);
  EXPECT_EQ(part, std::vector<float>(whole.begin() + 3, whole.begin() + 7));
}

TEST_F(H5Test, LargeVariablesGoThroughInPieces) {
  fake_.layer("a")
      .add("long row", {1, 3, 1'500'000})
      .add("linear", {1'500, 2'000}, tensor::Layout::kTranspose)
      .add("patches", {800, 100, 6, 6}, tensor::Layout::kConv2D);
  write();
  const exporting::H5File file = exporting::H5File::open(path_, exporting::H5Kind::kSingle);
  for (std::size_t i = 0; i < fake_.variables().size(); ++i) {
    const std::string name = "tf_model/" + fake_.variables()[i].name + ":0";
    EXPECT_EQ(file.tensors().at(name).shape, fake_.variables()[i].shape);
    EXPECT_TRUE(values_of(file, name) == fake_.expected(i)) << name;
  }
}

TEST_F(H5Test, ModelsOwnVariablesAreBesideTheLayers) {
  fake_.layer("a").add("a/x", {2}).layer(std::string(exporting::kTopLevelWeights)).add("bias", {3});
  write();
  const exporting::H5File file = exporting::H5File::open(path_, exporting::H5Kind::kSingle);
  EXPECT_EQ(values_of(file, "tf_model/bias:0"), fake_.expected(1));
  EXPECT_EQ(file.tensors().size(), 2U);
}

TEST(H5Blocks, CoverAnyRangeInOrder) {
  const Shape shape = {3, 4, 5};
  for (std::int64_t first = 0; first <= 60; ++first) {
    for (std::int64_t count = 0; count <= 60 - first; ++count) {
      std::int64_t at = first;
      int blocks = 0;
      exporting::for_each_h5_block(shape, first, count, [&](const Shape& start, const Shape& size) {
        ++blocks;
        for (std::int64_t x = start[0]; x < start[0] + size[0]; ++x) {
          for (std::int64_t y = start[1]; y < start[1] + size[1]; ++y) {
            for (std::int64_t z = start[2]; z < start[2] + size[2]; ++z) EXPECT_EQ((x * 4 + y) * 5 + z, at++);
          }
        }
      });
      EXPECT_EQ(at, first + count);
      EXPECT_LE(blocks, first % 20 == 0 && count % 20 == 0 ? 1 : 5);
    }
  }
}

class CorruptH5 : public H5Test {
 protected:
  void SetUp() override {
    fill_small(&fake_);
    write();
    bytes_ = read_file(path_);
  }

  /// The error when `from` is `to` in the file.
  std::string error_with(const std::string& from, const std::string& to) {
    std::string bytes = bytes_;
    const std::size_t at = bytes.find(from);
    EXPECT_NE(at, std::string::npos);
    write_file(path_, bytes.replace(at, to.size(), to));
    return error_of_reading(path_);
  }

  std::string bytes_;
};

TEST_F(CorruptH5, CutFilesAreNoticed) {
  for (std::size_t size = 0; size < bytes_.size(); size += 61) {
    write_file(path_, bytes_.substr(0, size));
    const std::string said = error_of_reading(path_);
    EXPECT_TRUE(said.starts_with("3 " + path_.string() + ": cannot be opened as an HDF5 file: ")) << size << said;
  }
}

TEST_F(CorruptH5, OtherBytesAreAnErrorOrOtherValues) {
  std::mt19937 random(1);
  for (int i = 0; i < 1500; ++i) {
    std::string bytes = bytes_;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes[random() % bytes.size()] = '\xff';
    write_file(path_, bytes);
    const std::string said = error_of_reading(path_);
    EXPECT_TRUE(said == "no error" || said.find(path_.string()) != std::string::npos) << said;
  }
}

TEST_F(CorruptH5, OtherTypesAndShapesAreNamed) {
  const std::string dataset = "3 " + path_.string() + ": /classifier/tf_model/classifier/kernel:0: ";
  // A float of 4 bytes becomes an integer, and one with 7 bits of exponent. The first dataset is classifier's.
  EXPECT_EQ(error_with("\x11\x20\x1f", "\x10"), dataset + "is no array of float16, float32 or float64");
  EXPECT_EQ(error_with(std::string("\x17\x08\0\x17\x7f", 5), "\x17\x07"),
            dataset + "is no array of float16, float32 or float64");
  // [4, 2] becomes [2^40, 2].
  const std::string four_two("\4\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
  EXPECT_EQ(error_with(four_two, std::string("\0\0\0\0\0\1", 6)),
            dataset + "has shape [1099511627776, 2] and 32 bytes, which do not fit or are not in the file (cut off?)");
}

TEST_F(CorruptH5, CopiesOfASharedVariableMustBeEqual) {
  const std::vector<float> values = fake_.expected(0);
  const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  EXPECT_EQ(error_with(bytes, std::string(4, '\x41')),
            "3 " + path_.string() + ": /main/tf_model/main/embeddings/weight:0 and " +
                "/classifier/tf_model/main/embeddings/weight:0 are one variable with different values");
}

TEST_F(CorruptH5, RangesAndNamesAreChecked) {
  const exporting::H5File file = exporting::H5File::open(path_, exporting::H5Kind::kSingle);
  std::vector<float> out(4);
  EXPECT_EQ(error_of([&] { file.read("x", 0, out); }), "3 " + path_.string() + ": has no variable x");
  EXPECT_EQ(error_of([&] { file.read("tf_model/main/mean:0", 1, out); }),
            "3 " + path_.string() + ": tf_model/main/mean:0 has 3 elements; 4 from 1 on are asked for");
}

TEST_F(CorruptH5, WhatIsNoHdf5IsNamed) {
  write_file(path_, "version https://git-lfs.github.com/spec/v1");
  EXPECT_EQ(error_of_reading(path_),
            "3 " + path_.string() + ": cannot be opened as an HDF5 file: file signature not found");
  EXPECT_EQ(error_of_reading("/nonexistent.h5"),
            "3 /nonexistent.h5: cannot be opened as an HDF5 file: No such file or directory");
}

/// Lets no file grow over a size, as a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t bytes) {
    before_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    rlimit low = limit_;
    low.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &low);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    ::signal(SIGXFSZ, before_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*before_)(int);
  rlimit limit_;
};

TEST_F(CorruptH5, AFullDiskIsAnErrorWhereverItStrikes) {
  for (std::size_t size = 0; size < bytes_.size(); size += 512) {
    const std::string said = error_of([&] {
      const FileSizeLimit limit(size);
      write();
    });
    EXPECT_TRUE(said.starts_with("5 " + path_.string() + ": ")) << said;
    EXPECT_TRUE(said.ends_with(" cannot be written: File too large; make room or write to another disk")) << said;
  }
  EXPECT_EQ(error_of([&] { write(); }), "no error");
  EXPECT_TRUE(read_file(path_) == bytes_);
}

TEST_F(H5Test, SaysWhichFileCannotBeWritten) {
  const auto write_there = [&] {
    exporting::write_h5("/nonexistent", "tf_model", fake_.layers(), exporting::kDefaultMaxShardSize);
  };
  EXPECT_EQ(error_of(write_there), "5 /nonexistent/tf_model.h5: the file cannot be written: No such file or directory");
}

}  // namespace
}  // namespace crossload
