// Folders of checkpoints, sound and not, and goldens opened as checkpoints.
#include "checkpoint/checkpoint.h"

#include <gmock/gmock.h>

#include "bytes/text_file.h"
#include "checkpoint/companions.h"
#include "goldens.h"
#include "test_support.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;

/// A file of float32 vectors of three elements: the tensor's place in the list, three times.
std::string file_of(const std::vector<std::string>& names) {
  std::string header = "{";
  std::string data;
  for (std::size_t i = 0; i < names.size(); ++i) {
    header += (i > 0 ? ",\"" : "\"") + names[i] + R"(":{"dtype":"F32","shape":[3],"data_offsets":[)" +
              std::to_string(12 * i) + "," + std::to_string(12 * i + 12) + "]}";
    data += bytes_of(std::vector<float>(3, static_cast<float>(i)));
  }
  return safetensors_bytes(header + "}", data);
}

std::string index_of(const std::string& weight_map) { return R"({"metadata":{},"weight_map":{)" + weight_map + "}}"; }

class Folder : public testing::Test {
 protected:
  Folder() { put("config.json", R"({"model_type": "bert"})"); }

  fs::path at(const std::string& name) const { return folder_.path() / name; }
  void put(const std::string& name, const std::string& bytes) const { write_file(at(name), bytes); }
  checkpoint::Checkpoint open() const { return checkpoint::Checkpoint::open(folder_.path()); }

  void expect_error(const std::string& text, ErrorKind kind = ErrorKind::kBadInput) const {
    EXPECT_ERROR(open(), kind, text);
    EXPECT_ERROR(open(), kind, folder_.path().string());
  }

  /// An index of "a" in shard 1 and "b" in shard 2, and these shards.
  void put_shards() const {
    put("model.safetensors.index.json", index_of(R"("a":"1.safetensors","b":"2.safetensors")"));
    put("1.safetensors", file_of({"a"}));
    put("2.safetensors", file_of({"b"}));
  }

 private:
  TemporaryFolder folder_;
};

std::vector<std::string> names_of(const checkpoint::Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const auto& [name, view] : checkpoint.tensors()) names.push_back(name);
  return names;
}

TEST_F(Folder, WithOneFile) {
  put("model.safetensors", file_of({"b", "a.weight"}));
  const checkpoint::Checkpoint checkpoint = open();
  EXPECT_EQ(checkpoint.config().model_type(), "bert");
  EXPECT_THAT(names_of(checkpoint), ElementsAre("a.weight", "b"));
  EXPECT_EQ(floats_of(checkpoint.tensors().at("a.weight")), (std::vector<float>{1, 1, 1}));
  EXPECT_THAT(checkpoint.files(), ElementsAre(at("config.json"), at("model.safetensors")));
  EXPECT_EQ(checkpoint.path(), at("config.json").parent_path());
}

TEST_F(Folder, ViewsOutliveTheCheckpoint) {
  put("model.safetensors", file_of({"a", "b"}));
  const tensor::TensorView view = open().tensors().at("b");
  fs::remove(at("model.safetensors"));
  EXPECT_EQ(floats_of(view), (std::vector<float>{1, 1, 1}));
}

TEST_F(Folder, WithShards) {
  put("model.safetensors.index.json", index_of(R"("a":"2.safetensors","b":"1.safetensors","c":"2.safetensors")"));
  put("1.safetensors", file_of({"b"}));
  put("2.safetensors", file_of({"c", "a"}));
  put("3.safetensors", "not named by the index");
  const checkpoint::Checkpoint checkpoint = open();
  EXPECT_THAT(names_of(checkpoint), ElementsAre("a", "b", "c"));
  EXPECT_EQ(floats_of(checkpoint.tensors().at("a")), (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(floats_of(checkpoint.tensors().at("c")), (std::vector<float>{0, 0, 0}));
  EXPECT_THAT(checkpoint.files(), ElementsAre(at("config.json"), at("model.safetensors.index.json"),
                                              at("1.safetensors"), at("2.safetensors")));
}

TEST_F(Folder, OneFileCountsBeforeAnIndex) {
  put_shards();
  put("model.safetensors", file_of({"c"}));
  EXPECT_THAT(names_of(open()), ElementsAre("c"));
}

TEST_F(Folder, IsNotThere) {
  EXPECT_ERROR(checkpoint::Checkpoint::open(at("nothing")), ErrorKind::kBadInput,
               at("nothing").string() + ": no such file or folder");
  EXPECT_ERROR(checkpoint::Checkpoint::open(""), ErrorKind::kBadInput, "no such file or folder");
}

TEST_F(Folder, WithoutConfiguration) {
  put("model.safetensors", file_of({"a"}));
  fs::remove(at("config.json"));
  expect_error(": has no config.json; is it a model's folder?");
}

TEST_F(Folder, WithABadConfiguration) {
  put("model.safetensors", file_of({"a"}));
  put("config.json", "{\"model_type\": \"bert\"\n\n");
  expect_error("config.json: not valid JSON at line ");
  put("config.json", "");
  expect_error("config.json: not valid JSON");
  fs::remove(at("config.json"));
  fs::create_directory(at("config.json"));
  expect_error("config.json: cannot be read: it is not a regular file");
}

TEST_F(Folder, WithoutWeights) {
  expect_error(": has neither model.safetensors nor model.safetensors.index.json");
  put("training_args.bin", "");
  expect_error(": has neither model.safetensors nor model.safetensors.index.json");
}

TEST_F(Folder, WithoutWeightsSaysWhatThereIs) {
  const std::pair<const char*, const char*> cases[] = {
      {"tf_model.h5", ": holds TensorFlow's weights (tf_model.h5) and none of PyTorch's"},
      {"tf_model.h5.index.json", ": holds TensorFlow's weights (tf_model.h5.index.json)"},
      {"saved_model.pb", ": is a SavedModel of TensorFlow"},
      {"flax_model.msgpack", ": holds Flax's weights (flax_model.msgpack) alone"},
      {"model.fp16.safetensors",
       ": has weights of the variant \"fp16\" alone (model.fp16.safetensors); in a copy of "
       "the folder, name it model.safetensors"},
      {"pytorch_model.fp16.bin", ": has weights of the variant \"fp16\" alone (pytorch_model.fp16.bin)"},
      {"model.safetensors.index.fp16.json", ": has weights of a variant alone (model.safetensors.index.fp16.json)"},
      {"last.ckpt", ": has last.ckpt, as Lightning saves it"},
      {"bert_model.ckpt.index", ": holds a checkpoint of TensorFlow 1 (bert_model.ckpt.index)"},
      {"model.onnx", ": holds a model of ONNX (model.onnx) alone"},
      {"m.gguf", ": holds a model of llama.cpp (m.gguf) alone"},
      {"best.pt", ": has best.pt, and none of the names that Transformers reads"},
      {"zero_to_fp32.py", ": holds DeepSpeed's parts of a checkpoint"},
      {"pytorch_model_fsdp.bin", ": has pytorch_model_fsdp.bin, which FSDP saved"},
      {"checkpoint-500", ": holds a trainer's checkpoints; give one of them, such as "},
      {"0_Transformer", ": is a model of Sentence Transformers; give its folder "},
      {"model.safetensors.incomplete", ": has model.safetensors.incomplete, an unfinished download"},
      {"model_index.json", ": is a pipeline of several models (model_index.json)"},
  };
  for (const auto& [file, text] : cases) {
    SCOPED_TRACE(file);
    put(file, "");
    expect_error(text);
    fs::remove(at("config.json"));
    expect_error(text);
    put("config.json", R"({"model_type": "bert"})");
    fs::remove(at(file));
  }
  put("adapter_config.json", "{}");
  expect_error(": holds an adapter (LoRA), which is no whole model", ErrorKind::kUnsupported);
}

TEST_F(Folder, WithFilesThatAreSomethingElse) {
  const std::pair<std::string, const char*> cases[] = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00", "it is a pointer of Git LFS, not the file itself"},
      {"\n<!DOCTYPE html><html>", "it is a web page (HTML)"},
      {"<?xml version='1.0'?><Error>", "it is an XML document"},
      {"Entry not found", "it is text that begins with \"Entry not found\"; download it again"},
      {std::string("\x89HDF\r\n\x1a\n") + std::string(8, '\0'), "it is an HDF5 file, as TensorFlow's tf_model.h5 is"},
      {std::string(64, '\0'), "its first bytes are all zero"},
      {"", "it is empty"},
      {"GGUF" + std::string(64, '\1'), "it is a GGUF file of llama.cpp"},
  };
  for (const char* file : {"pytorch_model.bin", "model.safetensors", "model.safetensors.index.json", "config.json"}) {
    for (const auto& [bytes, text] : cases) {
      SCOPED_TRACE(std::string(file) + ": " + text);
      put(file, bytes);
      expect_error(text);
      expect_error(file);
    }
    fs::remove(at(file));
    put("config.json", R"({"model_type": "bert"})");
  }
  put("model.safetensors", "PK\3\4" + std::string(64, '\1'));
  expect_error("model.safetensors: not a sound safetensors file: it is a zip archive, as torch.save writes; name it");
  fs::remove(at("model.safetensors"));
  put("pytorch_model.bin", file_of({"a"}));
  expect_error("pytorch_model.bin: not a sound PyTorch file: it is a safetensors file; name it model.safetensors");
}

TEST_F(Folder, OfWeightsThatNoModelHoldsSo) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"module.q.lora_A.default.weight", "module.q.lora_B.default.weight"},
       ": holds the tensors of an adapter (LoRA), module.q.lora_A.default.weight, module.q.lora_B.default.weight, "
       "which"},
      {{"q.weight", "q.SCB"}, ": its weights are quantized, as q.SCB say"},
      {{"q.qweight", "q.qzeros", "q.scales"}, ": its weights are quantized, as q.qweight, q.qzeros say"},
      {{"q.weight_orig", "q.weight_mask"}, ": its weights are being pruned by torch.nn.utils.prune, as q.weight_orig"},
  };
  for (const auto& [names, text] : cases) {
    put("model.safetensors", file_of(names));
    expect_error(text, ErrorKind::kUnsupported);
  }
  fs::remove(at("model.safetensors"));
  put("model.safetensors.index.json", index_of(R"("q.lora_A.weight":"1.safetensors")"));
  put("1.safetensors", file_of({"q.lora_A.weight"}));
  expect_error(": holds the tensors of an adapter (LoRA), q.lora_A.weight, which", ErrorKind::kUnsupported);
}

TEST_F(Folder, WhoseConfigurationSaysThatItIsQuantized) {
  put("model.safetensors", "not even read");
  put("config.json", R"({"model_type": "bert", "quantization_config": {"quant_method": "gptq", "bits": 4}})");
  expect_error("config.json: quantization_config is not supported: the weights are quantized by gptq; give",
               ErrorKind::kUnsupported);
  put("config.json", R"({"model_type": "bert", "pruned_heads": {"0": [1]}})");
  expect_error("config.json: pruned_heads is not supported", ErrorKind::kUnsupported);
  put("config.json", R"({"model_type": "bert", "pruned_heads": {}, "quantization_config": null})");
  put("model.safetensors", file_of({"a"}));
  EXPECT_THAT(names_of(open()), ElementsAre("a"));
}

TEST_F(Folder, OfTensorFlowsSafetensorsAlone) {
  put("model.safetensors", safetensors_bytes(R"({"__metadata__":{"format":"tf"}})", ""));
  expect_error(": its safetensors are TensorFlow's, and there are no weights of PyTorch's");
}

TEST_F(Folder, RemembersTheNamesOfTheFile) {
  put("model.safetensors", file_of({"_orig_mod.a.LayerNorm.gamma", "_orig_mod.b"}));
  const checkpoint::Checkpoint checkpoint = open();
  EXPECT_THAT(names_of(checkpoint), ElementsAre("a.LayerNorm.weight", "b"));
  EXPECT_EQ(checkpoint.named_tensors().in_file("a.LayerNorm.weight"), "_orig_mod.a.LayerNorm.gamma");
  EXPECT_EQ(checkpoint.named_tensors().in_file("b"), "_orig_mod.b");
}

TEST_F(Folder, WithABadPickle) {
  put("pytorch_model.bin.index.json", "{}");
  expect_error("pytorch_model.bin.index.json: has no \"weight_map\"");
  fs::remove(at("pytorch_model.bin.index.json"));
  put("pytorch_model.bin", "");
  expect_error("pytorch_model.bin: not a sound PyTorch file");
  put("model.safetensors", file_of({"a"}));
  EXPECT_EQ(open().tensors().size(), 1U) << "safetensors come first";
}

TEST_F(Folder, PartsOfAWeightNormHaveTodaysNames) {
  put("model.safetensors", file_of({"conv.weight_g", "conv.weight_v", "conv.weight_gain"}));
  const checkpoint::Checkpoint checkpoint = open();
  EXPECT_TRUE(checkpoint.tensors().contains("conv.parametrizations.weight.original0"));
  EXPECT_TRUE(checkpoint.tensors().contains("conv.parametrizations.weight.original1"));
  EXPECT_TRUE(checkpoint.tensors().contains("conv.weight_gain"));
  EXPECT_EQ(checkpoint.tensors().size(), 3U);
}

TEST_F(Folder, WithABadFile) {
  put("model.safetensors", file_of({"a"}) + "x");
  expect_error("model.safetensors: not a sound safetensors file: 1 bytes at the end belong to no tensor");
  fs::remove(at("model.safetensors"));
  fs::create_directory(at("model.safetensors"));
  expect_error("model.safetensors: cannot be read: it is not a regular file");
}

TEST_F(Folder, WithAMissingShard) {
  put_shards();
  fs::remove(at("2.safetensors"));
  expect_error(
      "model.safetensors.index.json: names the shard 2.safetensors, which is not there; download the folder again");
}

TEST_F(Folder, WithABadShard) {
  put_shards();
  put("2.safetensors", file_of({"b"}).substr(0, 70));
  expect_error("2.safetensors: not a sound safetensors file");
}

TEST_F(Folder, ShardsAreFilesOfTheFolder) {
  TemporaryFolder outside;
  write_file(outside.path() / "x.safetensors", file_of({"a"}));
  fs::create_directory(at("sub"));
  put("sub/x.safetensors", file_of({"a"}));
  const std::string up = "../" + outside.path().filename().string() + "/x.safetensors";
  for (const std::string& name : {up, (outside.path() / "x.safetensors").string(), std::string("sub/x.safetensors"),
                                  std::string("./1.safetensors"), std::string("/etc/passwd"), std::string(".."),
                                  std::string("."), std::string("")}) {
    put("model.safetensors.index.json", index_of("\"a\":\"" + name + "\""));
    expect_error("model.safetensors.index.json: names the shard \"" + name + "\", which is not a file of its folder");
  }
  put("1.safetensors", file_of({"a"}));
  put("model.safetensors.index.json", index_of(R"("a":"1.safetensors\u0000x")"));
  expect_error("model.safetensors.index.json: names the shard \"1.safetensors");
}

TEST_F(Folder, NamesThatTheSystemRefusesAreErrorsToo) {
  const std::string longest(300, 'x');
  put("model.safetensors.index.json", index_of("\"a\":\"" + longest + "\""));
  expect_error(longest + ": cannot be read: File name too long");
  EXPECT_ERROR(checkpoint::Checkpoint::open(at(longest)), ErrorKind::kBadInput,
               longest + ": cannot be read: File name too long");
  fs::create_symlink("model.safetensors", at("model.safetensors"));
  expect_error("model.safetensors: cannot be read: Too many levels of symbolic links");
}

TEST_F(Folder, WithABadIndex) {
  put("1.safetensors", file_of({"a"}));
  const std::string index = "model.safetensors.index.json: ";
  const auto expect = [&](const std::string& json, const std::string& text) {
    put("model.safetensors.index.json", json);
    expect_error(index + text);
  };
  expect("", "not valid JSON");
  expect("[]", "is an array where an object is expected");
  expect("{}", "has no \"weight_map\"");
  expect(R"({"weight_map": ["a"]})", "\"weight_map\": is an array where an object is expected");
  expect(R"({"weight_map": {"a": 1}})", "\"weight_map\": \"a\": is an integer where a string is expected");
  expect(R"({"weight_map": {"a": "1.safetensors", "a": "1.safetensors"}})", "not valid JSON");
}

TEST_F(Folder, IndexAndShardsMustNameTheSameTensors) {
  put_shards();
  put("2.safetensors", file_of({"b", "c"}));
  expect_error("2.safetensors: has the tensor c, which the index does not name");
  put("2.safetensors", file_of({"b", "a"}));
  expect_error("2.safetensors: has the tensor a, which the index puts into 1.safetensors");
  put("2.safetensors", file_of({"b"}));
  put("1.safetensors", file_of({}));
  expect_error("1.safetensors: lacks the tensor a, which the index puts there");
}

TEST_F(Folder, TextFilesHaveALimit) {
  put("notes", "12345");
  EXPECT_EQ(bytes::read_text(at("notes")), "12345");
  EXPECT_EQ(bytes::read_text(at("notes"), 5), "12345");
  EXPECT_ERROR(bytes::read_text(at("notes"), 4), ErrorKind::kBadInput,
               at("notes").string() + ": has 5 bytes; a text file of at most 4 is expected");
  EXPECT_ERROR(bytes::read_text(at("none")), ErrorKind::kBadInput, at("none").string() + ": cannot be read");
}

// The recipe of the golden: a BertModel of 2 layers, 64 words and 16 features.
TEST(Goldens, OpenAsCheckpoints) {
  const fs::path path = golden_path("bert_model");
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(path);
  EXPECT_EQ(checkpoint.config().model_type(), "bert");
  EXPECT_THAT(checkpoint.config().architectures(), ElementsAre("BertModel"));
  EXPECT_EQ(checkpoint.config().integer("hidden_size", 0), 16);
  EXPECT_EQ(checkpoint.tensors().size(), 5U + 2U * 16U + 2U);  // embeddings, layers, pooler
  EXPECT_EQ(checkpoint.tensors().at("embeddings.word_embeddings.weight").shape, (Shape{64, 16}));
  EXPECT_EQ(checkpoint.tensors().at("encoder.layer.1.intermediate.dense.weight").shape, (Shape{24, 16}));
  EXPECT_THAT(checkpoint.files(), ElementsAre(path));
  EXPECT_EQ(checkpoint.path(), path);
}

TEST(Goldens, KeepTheirElementType) {
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(golden_path("bert_bfloat16"));
  for (const auto& [name, view] : checkpoint.tensors()) EXPECT_EQ(view.dtype, DType::kBF16) << name;
}

TEST(Goldens, NeedAConfigurationAndWeights) {
  TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  const std::string tensor = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  write_file(path, safetensors_bytes("{" + tensor + "}", "x"));
  EXPECT_ERROR(checkpoint::Checkpoint::open(path), ErrorKind::kBadInput,
               path.string() + ": is a single file without a configuration; give the folder that holds config.json");
  write_file(path, safetensors_bytes(R"({"__metadata__":{"config":"{}"},)" + tensor + "}", "x"));
  EXPECT_ERROR(checkpoint::Checkpoint::open(path), ErrorKind::kBadInput, path.string() + ": holds no weights");
  write_file(path, safetensors_bytes(R"({"__metadata__":{"config":"{"},)" + tensor + "}", "x"));
  EXPECT_ERROR(checkpoint::Checkpoint::open(path), ErrorKind::kBadInput, path.string() + " (config): not valid JSON");
  write_file(path, "text");
  EXPECT_ERROR(checkpoint::Checkpoint::open(path), ErrorKind::kBadInput,
               path.string() + ": not a sound safetensors file");
}

TEST(ConfigOfTimm, IsOfTheWrapperOfTransformers) {
  const auto read = [](const std::string& fields) {
    return checkpoint::Config::parse(R"({"architecture": "resnet18", "pretrained_cfg": {})" + fields + "}", "c");
  };
  const checkpoint::Config classifier = read(R"(, "num_classes": 1000)");
  EXPECT_TRUE(classifier.has_model_type());
  EXPECT_EQ(classifier.model_type(), "timm_wrapper");
  EXPECT_EQ(classifier.architectures(), std::vector<std::string>{"TimmWrapperForImageClassification"});
  EXPECT_EQ(read("").architectures(), classifier.architectures());
  EXPECT_EQ(read(R"(, "num_classes": 0)").architectures(), std::vector<std::string>{"TimmWrapperModel"});
  EXPECT_EQ(read(R"(, "architectures": ["A"])").architectures(), std::vector<std::string>{"A"});
  EXPECT_EQ(read(R"(, "model_type": "bert")").model_type(), "bert");
  EXPECT_TRUE(read(R"(, "model_type": "bert")").architectures().empty());
  // Transformers and timm read it as it is.
  const std::string text = "{ }";
  EXPECT_EQ(checkpoint::config_text(classifier, "TimmWrapperForImageClassification", "timm_wrapper", text), text);
  EXPECT_FALSE(checkpoint::Config::parse(R"({"architecture": "resnet18"})", "c").has_model_type());
}

TEST(ConfigOfTransformers5, SaysOfT5WhatIsTiedIn4) {
  const auto read = [](const std::string& fields) {
    return checkpoint::Config::parse("{\"model_type\": \"t5\"" + fields + "}", "config.json");
  };
  const checkpoint::Config scaled = read(R"(, "scale_decoder_outputs": true, "tie_word_embeddings": true)");
  EXPECT_FALSE(scaled.is_changed());
  const checkpoint::Config unscaled = read(R"(, "scale_decoder_outputs": false, "tie_word_embeddings": true)");
  EXPECT_TRUE(unscaled.is_changed());
  EXPECT_FALSE(unscaled.flag("tie_word_embeddings", true));
  EXPECT_TRUE(unscaled.original().at("tie_word_embeddings").as_bool());
  EXPECT_FALSE(read(R"(, "tie_word_embeddings": false)").is_changed());
  EXPECT_FALSE(
      checkpoint::Config::parse(R"({"model_type": "bert", "scale_decoder_outputs": false})", "c").is_changed());
  // It is written as 4 reads it, whatever the text was.
  const std::string text = checkpoint::config_text(unscaled, "T5Model", "t5", R"({"model_type": "t5"})");
  EXPECT_FALSE(bytes::Json::parse(text, "config.json").at("tie_word_embeddings").as_bool());
}

}  // namespace
}  // namespace crossload
