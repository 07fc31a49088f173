// What stands in a folder before a conversion, and what stands there afterwards.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "checkpoint/checkpoint.h"
#include "checkpoint_folder.h"
#include "crossload/auto_model.h"
#include "crossload/convert.h"
#include "crossload/hub.h"
#include "tensor/digest.h"
#include "test_support.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using Names = std::set<std::string>;
using Formats = std::set<Format>;

/// A few kilobytes: every tiny model is cut into several files.
constexpr std::int64_t kSmallShards = 20'000;

/// Every file below the folder, relative to it.
Names files_in(const fs::path& folder) {
  Names names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_directory()) names.insert(entry.path().lexically_relative(folder).string());
  }
  return names;
}

/// Files and what is in them.
std::map<std::string, std::string> hashes_in(const fs::path& folder) {
  std::map<std::string, std::string> hashes;
  for (const std::string& name : files_in(folder)) hashes[name] = sha256_of_file(folder / name);
  return hashes;
}

class Artifact : public testing::Test {
 protected:
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  ConvertOptions options(const fs::path& model, const Formats& formats, bool new_weights = false) const {
    ConvertOptions options;
    options.model = model;
    options.output = path("out");
    options.formats = formats;
    options.verify = false;
    options.new_weights = new_weights;
    return options;
  }

  TemporaryFolder folder_;
};

TEST_F(Artifact, NewWeightsLeaveNoOlderOnesThatTransformersWouldTakeFirst) {
  const fs::path first = make_checkpoint(path("first"));
  const fs::path second = make_checkpoint(path("second"), "bert_for_masked_lm");
  convert(options(first, {Format::kH5, Format::kSafetensors}));
  convert(options(second, {Format::kH5}, /*new_weights=*/true));
  EXPECT_EQ(files_in(path("out")), (Names{"config.json", "crossload.json", "tf_model.h5", "vocab.txt"}));
}

TEST_F(Artifact, NewWeightsLeaveNoShardsOfTheOldOnes) {
  const fs::path first = make_checkpoint(path("first"));
  ConvertOptions in_shards = options(first, {Format::kH5, Format::kSafetensors});
  in_shards.max_shard_size = kSmallShards;
  convert(in_shards);
  ASSERT_TRUE(fs::exists(path("out") / "model.safetensors.index.json"));
  ASSERT_TRUE(fs::exists(path("out") / "tf_model.h5.index.json"));
  convert(options(first, {Format::kH5, Format::kSafetensors}, /*new_weights=*/true));
  EXPECT_EQ(files_in(path("out")),
            (Names{"config.json", "crossload.json", "model.safetensors", "tf_model.h5", "vocab.txt"}));
}

TEST_F(Artifact, ShardsOfOurOwnAreReplaced) {
  const fs::path first = make_checkpoint(path("first"));
  ConvertOptions in_shards = options(first, {Format::kSafetensors});
  in_shards.max_shard_size = kSmallShards;
  convert(in_shards);
  const Names before = files_in(path("out"));
  EXPECT_ERROR(convert(in_shards), ErrorKind::kUsage, "--new-weights");
  in_shards.new_weights = true;
  convert(in_shards);
  EXPECT_EQ(files_in(path("out")), before);
}

TEST_F(Artifact, SavePretrainedKeepsThePyTorchWeights) {
  for (const bool sharded : {false, true}) {
    const fs::path model = make_checkpoint(path(sharded ? "shards" : "single"), "bert_model", sharded);
    const auto before = hashes_in(model);
    const TFPreTrainedModel loaded = TFAutoModel::from_pretrained(model, {.from_pt = true});
    EXPECT_ERROR(loaded.save_pretrained(model, {.formats = {Format::kSafetensors}}), ErrorKind::kUsage, "PyTorch");
    EXPECT_EQ(hashes_in(model), before);
    loaded.save_pretrained(model, {.formats = {Format::kH5}});
    auto after = hashes_in(model);
    EXPECT_EQ(after.erase("tf_model.h5"), 1U);
    EXPECT_EQ(after, before);
  }
}

TEST_F(Artifact, OurSafetensorsNeverShadowABinFile) {
  const fs::path model = make_checkpoint(path("first"));
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"}) {
    fs::remove_all(path("out"));
    fs::create_directories(path("out"));
    write_file(path("out") / name, "weights");
    EXPECT_ERROR(convert(options(model, {Format::kSafetensors})), ErrorKind::kUsage, name) << name;
    EXPECT_EQ(files_in(path("out")), Names{name});
  }
}

/// The working folder while it lives.
class WorkingFolder {
 public:
  explicit WorkingFolder(const fs::path& folder) : before_(fs::current_path()) { fs::current_path(folder); }
  ~WorkingFolder() { fs::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  fs::path before_;
};

TEST_F(Artifact, IsNamedAfterTheModel) {
  const fs::path model = make_checkpoint(path("opt-1.3b"));
  write_file(path("some.golden.safetensors"), "x");
  const WorkingFolder here(folder_.path());
  EXPECT_EQ(default_output("opt-1.3b"), "opt-1.3b-tf");
  EXPECT_EQ(default_output("./opt-1.3b/"), "opt-1.3b-tf");
  EXPECT_EQ(default_output("./opt-1.3b/../opt-1.3b//"), "opt-1.3b-tf");
  EXPECT_EQ(default_output(model.string()), "opt-1.3b-tf");
  EXPECT_EQ(default_output("opt-1.3b/model.safetensors"), "opt-1.3b-tf");  // it stands for its folder
  EXPECT_EQ(default_output("some.golden.safetensors"), "some.golden-tf");
  EXPECT_EQ(default_output("foo/bar-1.3b@main"), "bar-1.3b-tf");
  EXPECT_EQ(default_output("hf://foo/bar.v2"), "bar.v2-tf");
  fs::create_directory_symlink("opt-1.3b", "link");
  EXPECT_EQ(default_output("link"), "link-tf");
}

TEST_F(Artifact, IsWrittenBesideTheModelThatIsTheWorkingFolder) {
  const fs::path model = fs::canonical(make_checkpoint(path("opt-1.3b")));
  fs::create_directory(model / "sub");
  const fs::path beside = model.parent_path() / "opt-1.3b-tf";
  {
    const WorkingFolder here(model);
    for (const char* name : {".", "./", "model.safetensors", "../opt-1.3b"}) {
      EXPECT_EQ(default_output(name), beside) << name;
    }
  }
  const WorkingFolder here(model / "sub");
  EXPECT_EQ(default_output(".."), beside);
  EXPECT_EQ(default_output("../../opt-1.3b"), beside);
}

}  // namespace
}  // namespace crossload
