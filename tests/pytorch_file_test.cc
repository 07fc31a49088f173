// pytorch_model.bin: every file of tests/fixtures/pytorch, which PyTorch wrote, against what PyTorch says it holds, bit
// by bit. `make pytorch-matrix` runs this over every combination.
#include "checkpoint/pytorch_file.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "paths.h"
#include "test_support.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

fs::path fixtures() {
  const char* folder = std::getenv("CROSSLOAD_PYTORCH_FIXTURES");
  return folder != nullptr ? fs::path(folder) : source_folder() / "tests/fixtures/pytorch";
}

std::vector<fs::path> files_with(const std::string& extension) {
  std::set<fs::path> sorted;
  for (const fs::directory_entry& entry : fs::directory_iterator(fixtures())) {
    if (entry.path().extension() == extension) sorted.insert(entry.path());
  }
  return {sorted.begin(), sorted.end()};
}

using Tensors = std::map<std::string, tensor::TensorView>;

void expect_same(const Tensors& read, const Tensors& wanted) {
  ASSERT_EQ(read.size(), wanted.size());
  for (const auto& [name, view] : wanted) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(read.contains(name));
    const tensor::TensorView& got = read.at(name);
    EXPECT_EQ(got.dtype, view.dtype);
    EXPECT_EQ(got.shape, view.shape);
    EXPECT_TRUE(std::equal(got.bytes.begin(), got.bytes.end(), view.bytes.begin(), view.bytes.end()));
  }
}

TEST(PyTorchFile, HoldsWhatPyTorchSays) {
  int cases = 0;
  for (const fs::path& expected : files_with(".safetensors")) {
    SCOPED_TRACE(expected.filename().string());
    const checkpoint::SafetensorsFile wanted = checkpoint::SafetensorsFile::open(expected);
    fs::path folder = expected;
    folder.replace_extension();
    if (fs::is_directory(folder)) {
      const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(folder);
      expect_same(checkpoint.tensors(), wanted.tensors());
    } else {
      const checkpoint::PyTorchFile file = checkpoint::PyTorchFile::open(folder.string() + ".bin");
      EXPECT_EQ(file.is_zip(), folder.filename().string().starts_with("zip"));
      expect_same(checkpoint::without_wrapper_prefixes(file.tensors()), wanted.tensors());
    }
    ++cases;
  }
  std::printf("%d cases read bit by bit\n", cases);
  EXPECT_GE(cases, 40);
}

TEST(PyTorchFile, RefusesWhatItCannotHold) {
  int cases = 0;
  for (const fs::path& expected : files_with(".error")) {
    SCOPED_TRACE(expected.filename().string());
    fs::path file = expected;
    file.replace_extension(".bin");
    try {
      checkpoint::PyTorchFile::open(file);
      ADD_FAILURE() << "was read";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::StartsWith(file.string() + ": "));
      EXPECT_THAT(error.what(), testing::HasSubstr(read_file(expected)));
      EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
    }
    ++cases;
  }
  std::printf("%d cases refused\n", cases);
  EXPECT_GE(cases, 30);
}

TEST(PyTorchFile, TiedTensorsShareTheirBytes) {
  for (const std::string container : {"zip", "legacy"}) {
    const checkpoint::PyTorchFile file = checkpoint::PyTorchFile::open(fixtures() / (container + "_tied.bin"));
    const auto at = [&](const char* name) { return file.tensors().at(name).bytes; };
    EXPECT_EQ(at("embed.weight").data(), at("head.weight").data());
    EXPECT_EQ(at("rows.weight").data(), at("embed.weight").data() + 16);
    EXPECT_EQ(at("turned.weight").data(), at("turned_too.weight").data());
    EXPECT_NE(at("turned.weight").data(), at("embed.weight").data());
  }
}

TEST(PyTorchFile, ViewsKeepTheFileAlive) {
  tensor::TensorView view;
  {
    const checkpoint::PyTorchFile file = checkpoint::PyTorchFile::open(fixtures() / "zip_contiguous.bin");
    view = file.tensors().at("float32.a.bias");
  }
  const checkpoint::SafetensorsFile wanted =
      checkpoint::SafetensorsFile::open(fixtures() / "zip_contiguous.safetensors");
  const std::span<const std::byte> bytes = wanted.tensors().at("float32.a.bias").bytes;
  EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), bytes.begin(), bytes.end()));
}

TEST(PyTorchFile, NamesWhatItLeavesOut) {
  const checkpoint::PyTorchFile file = checkpoint::PyTorchFile::open(fixtures() / "zip_wrapped_parameters.bin");
  EXPECT_EQ(file.skipped(), std::vector<std::string>{"step"});
}

/// Reads bytes that end where the memory does.
checkpoint::PyTorchFile parse(const std::string& bytes) {
  const auto copy = std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
  return checkpoint::PyTorchFile::parse(std::as_bytes(std::span<const char>(*copy)), copy, "x.bin");
}

TEST(DamagedPyTorchFiles, EveryTruncationIsRefused) {
  for (const char* name : {"zip_tied.bin", "legacy_tied.bin", "legacy_wrapped_both.bin"}) {
    const std::string bytes = read_file(fixtures() / name);
    ASSERT_FALSE(bytes.empty());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_ERROR(parse(bytes.substr(0, size)), ErrorKind::kBadInput, "x.bin: not a sound ") << name << " " << size;
    }
  }
}

TEST(DamagedPyTorchFiles, ChangedBytesAreReadWithinTheFileOrRefused) {
  for (const char* name : {"zip_tied.bin", "legacy_tied.bin"}) {
    const std::string sound = read_file(fixtures() / name);
    for (std::size_t at = 0; at < sound.size(); ++at) {
      for (const int value : {0, 1, 0x28, 0x2e, 0x7f, 0x80, 0xff}) {
        std::string bytes = sound;
        bytes[at] = static_cast<char>(value);
        try {
          const checkpoint::PyTorchFile file = parse(bytes);
          for (const auto& [key, view] : file.tensors()) {
            EXPECT_EQ(view.bytes.size(), static_cast<std::size_t>(element_count(view.shape)) * size_of(view.dtype));
          }
        } catch (const Error& error) {
          EXPECT_THAT(error.what(), testing::StartsWith("x.bin: "));
        }
      }
    }
  }
}

}  // namespace
}  // namespace crossload
