// What stands in a folder before a conversion, and what stands there afterwards.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "artifact/artifact_writer.h"
#include "bytes/digest.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/weight_files.h"
#include "checkpoint_folder.h"
#include "crossload/auto_model.h"
#include "crossload/convert.h"
#include "crossload/hub.h"
#include "test_support.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;

using Names = std::set<std::string>;
using Formats = std::set<Format>;

/// A few kilobytes: every tiny model is cut into several files.
constexpr std::int64_t kSmallShards = 20'000;

/// Every file below the folder, relative to it.
Names files_in(const fs::path& folder) {
  Names names;
  if (!fs::exists(folder)) return names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_directory()) names.insert(entry.path().lexically_relative(folder).string());
  }
  return names;
}

/// Files and what is in them.
std::map<std::string, std::string> hashes_in(const fs::path& folder) {
  std::map<std::string, std::string> hashes;
  for (const std::string& name : files_in(folder)) hashes[name] = bytes::sha256_of_file(folder / name);
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

/// A row of the table: what stands in the folder, what is asked for, what comes of it.
struct Row {
  const char* standing;  // words, see Table::prepare
  Formats formats;
  bool new_weights;
  const char* refused;  // what the error says; nullptr where the conversion is written
  Names after;          // besides what was there and is nobody's of the earlier conversion's
};

class Table : public Artifact {
 protected:
  fs::path out() const { return path("out"); }

  /// Makes the folder. Returns the names that must stay, whatever is converted.
  Names prepare(const std::string& standing) {
    fs::remove_all(out());
    std::istringstream words(standing);
    for (std::string word; words >> word;) {
      // The checkpoint that is converted, in its own folder.
      if (word == "own" || word == "own-shards") make_checkpoint(out(), "bert_model", word == "own-shards");
      if (word == "clone") fs::copy(model_, out());
      if (word == "other-pytorch") make_checkpoint(out(), "bert_for_masked_lm");
      if (word == "bin") write("pytorch_model.bin", "PyTorch");
      if (word == "bin-shard") write("pytorch_model-00001-of-00002.bin", "PyTorch");
      if (word == "bin-variant") write("pytorch_model.fp16.bin", "PyTorch");
      if (word == "pointer") write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n");
      if (word == "notes") {
        write("notes.txt", "mine");
        write("tf_model_notes.h5", "mine");
        write("tf_model-00001-of-00002.h5.old", "mine");
        write("sub/tf_model.h5", "mine");
        write("saved_model/assets.extra/tf_serving_warmup_requests", "mine");
      }
      if (word == "config") write("config.json", R"({"for": "another program"})");
      if (word == "readme-certificate") write("crossload.json", R"({"for": "another program"})");
    }
    const Names stay = files_in(out());
    words = std::istringstream(standing);
    for (std::string word; words >> word;) {
      if (word == "saved_model") write_saved_model("saved_model/");
      if (word == "saved_model/1") write_saved_model("saved_model/1/");
      if (word.starts_with("old-")) convert_earlier(word.substr(4));
    }
    return stay;
  }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((out() / name).parent_path());
    write_file(out() / name, text);
  }
  void write_saved_model(const std::string& folder) {
    for (const char* name :
         {"saved_model.pb", "fingerprint.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"}) {
      write(folder + name, "old");
    }
  }
  /// "h5", "safetensors-shards": by the same program, of another model unless that is in its own folder.
  void convert_earlier(const std::string& what) {
    ConvertOptions earlier = options(fs::exists(out() / "config.json") ? out() : other_, {Format::kH5});
    if (what.starts_with("safetensors")) earlier.formats = {Format::kSafetensors};
    if (what.starts_with("both")) earlier.formats = {Format::kH5, Format::kSafetensors};
    if (what.ends_with("shards")) earlier.max_shard_size = kSmallShards;
    earlier.new_weights = true;
    convert(earlier);
  }

  /// Sets one row's outcome against what it says.
  void check(const Row& row) {
    std::string formats;
    for (const Format format : row.formats) formats += format == Format::kH5 ? "h5 " : "safetensors ";
    SCOPED_TRACE(std::string(row.standing) + " | " + formats + (row.new_weights ? "| --new-weights" : ""));
    const Names stay = prepare(row.standing);
    const auto before = hashes_in(out());
    const bool own = std::string(row.standing).starts_with("own");
    const ConvertOptions asked = options(own ? out() : model_, row.formats, row.new_weights);
    if (row.refused != nullptr) {
      EXPECT_ERROR(convert(asked), ErrorKind::kUsage, row.refused);
      EXPECT_EQ(hashes_in(out()), before);
      return;
    }
    ASSERT_NO_THROW(convert(asked));
    Names wanted = row.after;
    wanted.insert(stay.begin(), stay.end());
    EXPECT_EQ(files_in(out()), wanted);
    for (const std::string& name : stay) EXPECT_EQ(bytes::sha256_of_file(out() / name), before.at(name)) << name;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path())) {
      EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
    }
  }

  const fs::path model_ = make_checkpoint(path("model"));
  const fs::path other_ = make_checkpoint(path("other"), "bert_for_masked_lm");
};

TEST_F(Table, WhatStandsThereAfterwards) {
  const Formats h5 = {Format::kH5};
  const Formats safetensors = {Format::kSafetensors};
  const Formats both = {Format::kH5, Format::kSafetensors};
  const Names with_h5 = {"config.json", "crossload.json", "tf_model.h5", "vocab.txt"};
  const Names with_safetensors = {"config.json", "crossload.json", "model.safetensors", "vocab.txt"};
  const Names with_both = {"config.json", "crossload.json", "model.safetensors", "tf_model.h5", "vocab.txt"};
  const Names beside = {"crossload.json", "tf_model.h5"};  // PyTorch's
  const char* const kHides = "leave safetensors out of --formats, or give another folder with --output";
  const char* const kOther = "is not what is converted; give another folder with --output";
  const char* const kAsk = "give --new-weights to replace them, or another folder with --output";
  const char* const kInTheWay = "with other contents than are to be written; move it away";
  const std::vector<Row> rows = {
      {"", h5, false, nullptr, with_h5},
      {"", both, true, nullptr, with_both},
      {"notes", h5, false, nullptr, with_h5},
      {"notes", both, true, nullptr, with_both},
      {"config", h5, false, kInTheWay, {}},
      {"config", h5, true, kInTheWay, {}},
      {"readme-certificate", h5, true, kInTheWay, {}},
      // PyTorch's weights: these, and others.
      {"own", h5, false, nullptr, beside},
      {"own notes", h5, true, nullptr, beside},
      {"own", safetensors, false, kHides, {}},
      {"own", both, true, kHides, {}},
      {"own-shards", h5, false, nullptr, beside},
      {"own-shards", safetensors, true, kHides, {}},
      {"own-shards", both, false, kHides, {}},
      {"clone", h5, false, nullptr, beside},
      {"clone", both, true, kHides, {}},
      {"clone bin", h5, false, nullptr, beside},  // PyTorch takes the safetensors, which are the same
      {"other-pytorch", h5, false, kOther, {}},
      {"other-pytorch", h5, true, kOther, {}},
      {"other-pytorch", both, true, kHides, {}},
      {"bin", h5, true, kOther, {}},
      {"bin", both, true, kHides, {}},
      {"bin-shard", safetensors, true, kHides, {}},
      {"bin-variant", both, true, kHides, {}},
      {"pointer", h5, true, kOther, {}},
      {"pointer", both, true, kHides, {}},
      // An earlier conversion, of another model.
      {"old-h5", h5, false, kAsk, {}},
      {"old-h5", safetensors, false, kAsk, {}},
      {"old-safetensors", h5, false, kAsk, {}},
      {"old-both-shards", h5, false, kAsk, {}},
      {"saved_model", h5, false, kAsk, {}},
      {"saved_model/1", h5, false, kAsk, {}},
      {"old-h5", h5, true, nullptr, with_h5},
      {"old-h5", safetensors, true, nullptr, with_safetensors},
      {"old-safetensors", h5, true, nullptr, with_h5},
      {"old-safetensors", both, true, nullptr, with_both},
      {"old-h5-shards", h5, true, nullptr, with_h5},
      {"old-h5-shards", safetensors, true, nullptr, with_safetensors},
      {"old-safetensors-shards", h5, true, nullptr, with_h5},
      {"old-safetensors-shards", safetensors, true, nullptr, with_safetensors},
      {"old-both-shards", both, true, nullptr, with_both},
      {"notes old-both-shards", h5, true, nullptr, with_h5},
      {"saved_model", h5, true, nullptr, with_h5},
      {"saved_model/1", h5, true, nullptr, with_h5},
      {"notes saved_model old-h5", safetensors, true, nullptr, with_safetensors},
      // Both.
      {"own old-h5", h5, false, kAsk, {}},
      {"own old-h5", h5, true, nullptr, beside},
      {"own old-h5-shards", h5, true, nullptr, beside},
      {"own saved_model notes", h5, true, nullptr, beside},
      {"own-shards old-h5", safetensors, true, kHides, {}},
  };
  for (const Row& row : rows) check(row);
}

TEST_F(Table, ShardsComeAndGo) {
  for (const char* standing : {"old-h5", "old-safetensors", "old-both-shards"}) {
    prepare(standing);
    ConvertOptions again = options(model_, {Format::kH5, Format::kSafetensors}, /*new_weights=*/true);
    again.max_shard_size = kSmallShards;
    const Outcome result = convert(again);
    Names written(result.files.begin(), result.files.end());
    EXPECT_EQ(files_in(out()), written) << standing;
    EXPECT_TRUE(written.contains("tf_model.h5.index.json") && written.contains("model.safetensors.index.json"));
  }
}

TEST_F(Table, WhatIsRemovedIsSaid) {
  prepare("old-both-shards");
  const Outcome result = convert(options(model_, {Format::kH5}, /*new_weights=*/true));
  EXPECT_THAT(result.notes, ElementsAre("removed from " + out().string() +
                                        ", left by an earlier conversion: model-00001-of-00002.safetensors, "
                                        "model-00002-of-00002.safetensors, model.safetensors.index.json and 3 more"));
  EXPECT_THAT(convert(options(model_, {Format::kH5}, /*new_weights=*/true)).notes, IsEmpty());
  write_saved_model("saved_model/");
  EXPECT_THAT(convert(options(model_, {Format::kH5}, /*new_weights=*/true)).notes,
              ElementsAre(EndsWith("left by an earlier conversion: saved_model/")));
  EXPECT_FALSE(fs::exists(out() / "saved_model"));
}

TEST_F(Table, TokenizersOfTheEarlierModelGoWithIt) {
  write_file(other_ / "tokenizer.json", "of the other");
  prepare("old-h5");
  ASSERT_TRUE(fs::exists(out() / "tokenizer.json"));
  convert(options(model_, {Format::kH5}, /*new_weights=*/true));
  EXPECT_FALSE(fs::exists(out() / "tokenizer.json"));
  EXPECT_EQ(read_file(out() / "vocab.txt"), "bert_model");
}

TEST_F(Table, WhatAUserChangedIsNotReplaced) {
  prepare("old-h5");
  write("vocab.txt", "mine");
  EXPECT_ERROR(convert(options(model_, {Format::kH5}, /*new_weights=*/true)), ErrorKind::kUsage,
               "vocab.txt: was changed since it was converted, and would be replaced; move it away");
  // Where nothing is to be put in its place it stays.
  fs::remove(model_ / "vocab.txt");
  convert(options(model_, {Format::kH5}, /*new_weights=*/true));
  EXPECT_EQ(read_file(out() / "vocab.txt"), "mine");
}

TEST_F(Table, TheConfigurationOfWeightsThatNobodyCertifiedGoesWithThem) {
  prepare("old-h5");
  fs::remove(out() / "crossload.json");  // as Transformers 4 saves
  EXPECT_THAT(convert(options(model_, {Format::kH5}, /*new_weights=*/true)).notes,
              ElementsAre("replaced in " + out().string() +
                          ", which stood beside the older weights: config.json, "
                          "vocab.txt"));
  EXPECT_EQ(read_file(out() / "vocab.txt"), "bert_model");
}

TEST_F(Table, FoldersInTheWayAreRefused) {
  for (const char* name : {"tf_model.h5", "config.json", "vocab.txt", "crossload.json"}) {
    fs::remove_all(out());
    write(std::string(name) + "/mine.txt", "mine");
    EXPECT_ERROR(convert(options(model_, {Format::kH5})), ErrorKind::kUsage, std::string(name) + ": is a folder");
    EXPECT_EQ(files_in(out()), Names{std::string(name) + "/mine.txt"});
  }
}

TEST_F(Table, BackupsThatNobodyLoadsStay) {
  prepare("old-safetensors");
  fs::rename(out() / "model.safetensors", out() / "model-old.safetensors");
  fs::remove(out() / "crossload.json");
  fs::remove(out() / "config.json");
  fs::remove(out() / "vocab.txt");
  convert(options(model_, {Format::kH5}));
  EXPECT_TRUE(fs::exists(out() / "model-old.safetensors"));
}

TEST_F(Table, EmptyFoldersAndPermissionsStay) {
  prepare("notes old-h5");
  fs::create_directories(out() / ".git" / "refs" / "heads");
  fs::permissions(out() / ".git", fs::perms::owner_all);
  fs::permissions(out(), fs::perms::owner_all);
  convert(options(model_, {Format::kH5}, /*new_weights=*/true));
  EXPECT_TRUE(fs::is_directory(out() / ".git" / "refs" / "heads"));
  EXPECT_EQ(fs::status(out() / ".git").permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(out()).permissions(), fs::perms::owner_all);
}

TEST_F(Table, PyTorchWeightsThatComeWhileItIsConvertedAreSeen) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(model_);
  fs::create_directories(out());
  artifact::ArtifactWriter artifact(out(), {model_, checkpoint.files(), checkpoint.config(), "BertModel", "bert"},
                                    {Format::kSafetensors},
                                    /*new_weights=*/false);
  write_file(artifact.path() / "model.safetensors", "new");
  write("pytorch_model.bin", "PyTorch");
  EXPECT_ERROR(artifact.commit(), ErrorKind::kUsage, "holds PyTorch's pytorch_model.bin");
  EXPECT_EQ(files_in(out()), Names{"pytorch_model.bin"});
}

TEST_F(Table, AnotherClassBesidePyTorchsWeightsLoadsAgain) {
  make_checkpoint(out(), "bert_for_sequence_classification");
  const std::string config = read_file(out() / "config.json");
  ConvertOptions base = options(out(), {Format::kH5});
  base.settings.override_model_class = "TFBertModel";
  convert(base);
  EXPECT_EQ(read_file(out() / "config.json"), config);
  EXPECT_EQ(artifact::ArtifactFolder(out()).certified_class(), "TFBertModel");
  EXPECT_EQ(TFAutoModel::from_pretrained(out()).class_name(), "TFBertModel");
}

TEST_F(Table, OwnersOfFiles) {
  prepare("own-shards bin bin-variant notes saved_model/1 old-h5-shards");
  const artifact::ArtifactFolder folder(out());
  for (const auto& [name, owner] : std::map<std::string, artifact::Owner>{
           {"model.safetensors.index.json", artifact::Owner::kPyTorch},
           {"model-00001-of-00002.safetensors", artifact::Owner::kPyTorch},
           {"pytorch_model.bin", artifact::Owner::kPyTorch},
           {"pytorch_model.fp16.bin", artifact::Owner::kPyTorch},
           {"tf_model.h5.index.json", artifact::Owner::kTensorFlow},
           {"crossload.json", artifact::Owner::kCertificate},
           {"config.json", artifact::Owner::kOther},
           {"vocab.txt", artifact::Owner::kOther},
           {"notes.txt", artifact::Owner::kOther},
           {"tf_model_notes.h5", artifact::Owner::kOther},
           {"sub/tf_model.h5", artifact::Owner::kOther},
           {"saved_model/assets.extra/tf_serving_warmup_requests", artifact::Owner::kOther},
       }) {
    EXPECT_EQ(folder.owner_of(name), owner) << name;
  }
  EXPECT_EQ(folder.formats(), Formats{Format::kH5});
}

TEST_F(Table, TensorFlowsSafetensorsAreNoPyTorchWeights) {
  convert(options(model_, {Format::kSafetensors}));
  EXPECT_THAT(checkpoint::pytorch_files(out()), IsEmpty());
  // What was written beside a .bin before it was refused: the .bin is read, and refused for what it is.
  write("pytorch_model.bin", "no pickle");
  EXPECT_EQ(checkpoint::pytorch_files(out()), std::vector<std::string>{"pytorch_model.bin"});
  EXPECT_ERROR(checkpoint::Checkpoint::open(out()), ErrorKind::kBadInput, "pytorch_model.bin");
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
  write_file(path("net.v2.pt2"), "x");
  const WorkingFolder here(folder_.path());
  EXPECT_EQ(default_output("opt-1.3b"), "opt-1.3b-tf");
  EXPECT_EQ(default_output("./opt-1.3b/"), "opt-1.3b-tf");
  EXPECT_EQ(default_output("./opt-1.3b/../opt-1.3b//"), "opt-1.3b-tf");
  EXPECT_EQ(default_output(model.string()), "opt-1.3b-tf");
  EXPECT_EQ(default_output("opt-1.3b/model.safetensors"), "opt-1.3b-tf");  // it stands for its folder
  EXPECT_EQ(default_output("some.golden.safetensors"), "some.golden-tf");
  EXPECT_EQ(default_output("net.v2.pt2"), "net.v2-tf");
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
