// Certificates: what verify_certificate finds, and what it does with hostile ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "checkpoint/checkpoint.h"
#include "crossload/convert.h"
#include "crossload/verify_certificate.h"
#include "forged_certificate.h"
#include "goldens.h"
#include "test_support.h"
#include "verify/certificate_check.h"
#include "verify/certificate_hash.h"
#include "verify/json_schema.h"
#include "verify/replay.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;
using Kind = CertificateCheck::Kind;
using testing::HasSubstr;

const fs::path kGolden = golden_path("bert_model");

/// A converted golden in a folder of its own, with a tokenizer's file below the certificate's eyes.
class Certificate : public testing::Test {
 protected:
  /// Converted once, copied for each test.
  static void SetUpTestSuite() {
    original_ = new TemporaryFolder;
    ConvertOptions options;
    options.model = kGolden;
    options.output = original_->path() / "artifact";
    options.formats = {Format::kH5};
    options.verify = false;
    convert(options);
  }
  static void TearDownTestSuite() { delete original_; }

  void SetUp() override { fs::copy(original_->path() / "artifact", artifact(), fs::copy_options::recursive); }

  fs::path artifact() const { return folder_.path() / "artifact"; }
  fs::path certificate() const { return artifact() / "crossload.json"; }
  const fs::path& folder() const { return folder_.path(); }

  VerifyCertificateResult check() const { return verify_certificate({.artifact = artifact()}); }

  /// The check that fails, "differs tf_model.h5: ..."; there must be one.
  CertificateCheck only_failure() const {
    const VerifyCertificateResult result = check();
    EXPECT_EQ(result.failed, 1U);
    for (const CertificateCheck& one : result.checks) {
      if (!one.holds()) return one;
    }
    ADD_FAILURE() << "all checks hold";
    return {};
  }

  /// The certificate changed by `change`, with a hash that fits again.
  void forge(const std::function<void(bytes::Json*)>& change) const {
    bytes::Json document = bytes::Json::parse(read_file(certificate()), "crossload.json");
    change(&document);
    document.set(verify::kCertificateHash, "");
    verify::seal(&document);
    write_file(certificate(), document.dump_pretty());
  }

  /// The same, with one file in `written`.
  void forge_written(const std::string& file) const {
    forge([&](bytes::Json* document) {
      bytes::Json entry = bytes::Json::object();
      entry.set("file", file);
      entry.set("bytes", 1);
      entry.set("sha256", std::string(64, '0'));
      document->at("written").push_back(entry);
    });
  }

 private:
  static TemporaryFolder* original_;
  TemporaryFolder folder_;
};

TemporaryFolder* Certificate::original_ = nullptr;

void change_byte(const fs::path& file, std::size_t at) {
  std::string bytes = read_file(file);
  bytes.at(at) = static_cast<char>(bytes[at] ^ 1);
  write_file(file, bytes);
}

TEST_F(Certificate, HoldsForWhatWasConverted) {
  const VerifyCertificateResult result = check();
  EXPECT_TRUE(result.holds());
  EXPECT_EQ(result.verdict, "not verified");
  EXPECT_EQ(result.checks.size(), 3U);  // itself, config.json, tf_model.h5
}

TEST_F(Certificate, HoldsWhereverTheFolderIs) {
  fs::rename(artifact(), folder() / "moved");
  EXPECT_TRUE(verify_certificate({.artifact = folder() / "moved"}).holds());
  fs::create_directory_symlink(folder() / "moved", folder() / "link");
  EXPECT_TRUE(verify_certificate({.artifact = folder() / "link"}).holds());
}

TEST_F(Certificate, HoldsWhereItLiesElsewhere) {
  fs::rename(certificate(), folder() / "certificate.json");
  EXPECT_ERROR(check(), ErrorKind::kBadInput, "name one that lies elsewhere with --certificate");
  EXPECT_TRUE(verify_certificate({.artifact = artifact(), .certificate = folder() / "certificate.json"}).holds());
}

TEST_F(Certificate, FindsAChangedByteInEveryFile) {
  for (const std::string name : {"config.json", "tf_model.h5"}) {
    const fs::path file = artifact() / name;
    const std::size_t size = fs::file_size(file);
    for (std::size_t at : {std::size_t{0}, size / 3, size / 2, size - 1}) {
      change_byte(file, at);
      const CertificateCheck failure = only_failure();
      EXPECT_EQ(failure.subject, name);
      EXPECT_EQ(failure.kind, Kind::kDiffers);
      EXPECT_THAT(failure.detail, HasSubstr("SHA-256"));
      change_byte(file, at);
    }
  }
  EXPECT_TRUE(check().holds());
}

TEST_F(Certificate, FindsEveryChangedByteInItself) {
  const std::string text = read_file(certificate());
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    bool found = false;
    try {
      const bytes::Json document = verify::parse_certificate(changed, "crossload.json");
      found = !verify::check_own_hash(document, changed).holds();
    } catch (const Error& error) {
      found = error.kind() == ErrorKind::kBadInput;
    }
    EXPECT_TRUE(found) << "at byte " << at << ": " << text.substr(at, 20);
  }
}

TEST_F(Certificate, FindsOtherFormsOfTheSameDocument) {
  const std::string text = read_file(certificate());
  const bytes::Json document = bytes::Json::parse(text, "crossload.json");
  for (const std::string& other : {document.dump(), text + "\n", " " + text, text.substr(0, text.size() - 1)}) {
    write_file(certificate(), other);
    EXPECT_EQ(only_failure().subject, "certificate");
  }
}

TEST_F(Certificate, FindsAFileThatIsGoneOrHasAnotherName) {
  fs::rename(artifact() / "tf_model.h5", artifact() / "tf_model_1.h5");
  const VerifyCertificateResult result = check();
  ASSERT_EQ(result.failed, 2U);
  EXPECT_EQ(result.checks[2].kind, Kind::kMissing);
  EXPECT_EQ(result.checks[2].subject, "tf_model.h5");
  EXPECT_EQ(result.checks[3].kind, Kind::kExtra);
  EXPECT_EQ(result.checks[3].subject, "tf_model_1.h5");
  fs::remove(artifact() / "tf_model_1.h5");
  EXPECT_EQ(only_failure().kind, Kind::kMissing);
}

TEST_F(Certificate, FindsASizeBeforeItHashes) {
  write_file(artifact() / "tf_model.h5", "short");
  EXPECT_THAT(only_failure().detail, HasSubstr("has 5 bytes, certified are "));
}

TEST_F(Certificate, RefusesExtraFilesThatLoadersTake) {
  for (const std::string name : {"model.safetensors", "model-00001-of-00002.safetensors", "tf_model-00001-of-00002.h5",
                                 "tokenizer.json", "generation_config.json", "saved_model/assets/words.txt"}) {
    fs::create_directories((artifact() / name).parent_path());
    write_file(artifact() / name, "x");
    const CertificateCheck failure = only_failure();
    EXPECT_EQ(failure.kind, Kind::kExtra) << name;
    EXPECT_EQ(failure.subject, name);
    fs::remove(artifact() / name);
  }
}

TEST_F(Certificate, NotesExtraFilesThatNoLoaderTakes) {
  for (const std::string name : {"README.md", "a.png", "b.png", "pytorch_model.bin"})
    write_file(artifact() / name, "x");
  const VerifyCertificateResult result = check();
  EXPECT_TRUE(result.holds());
  EXPECT_EQ(result.checks.back().kind, Kind::kNote);
  EXPECT_EQ(result.checks.back().detail, "not certified, and no loader takes them: README.md, a.png, b.png and 1 more");
}

TEST_F(Certificate, KnowsTheCheckpointThatItWasMadeFrom) {
  const fs::path checkpoint = folder() / "bert_model.safetensors";
  fs::copy_file(kGolden, checkpoint);
  for (const fs::path& given : {checkpoint, folder()}) {
    EXPECT_TRUE(verify_certificate({.artifact = artifact(), .checkpoint = given}).holds()) << given;
  }
  change_byte(checkpoint, fs::file_size(checkpoint) - 1);
  const VerifyCertificateResult result = verify_certificate({.artifact = artifact(), .checkpoint = folder()});
  EXPECT_EQ(result.failed, 1U);
  EXPECT_EQ(result.checks.back().subject, "checkpoint's bert_model.safetensors");
  EXPECT_ERROR(verify_certificate({.artifact = artifact(), .checkpoint = folder() / "nowhere"}), ErrorKind::kUsage,
               "nowhere: is not there");
}

TEST_F(Certificate, KnowsTheCheckpointsFilesInItsOwnFolder) {
  fs::copy_file(kGolden, artifact() / "model.safetensors");
  EXPECT_EQ(only_failure().kind, Kind::kExtra);
  forge([](bytes::Json* document) { document->at("read").at(0).set("file", "model.safetensors"); });
  const VerifyCertificateResult result = check();
  EXPECT_TRUE(result.holds());
  EXPECT_EQ(result.checks.back().detail, "PyTorch's, as the conversion read it");
  write_file(artifact() / "tokenizer.json", "x");
  EXPECT_TRUE(check().holds());
  EXPECT_EQ(check().checks.back().detail, "not certified: it is of the checkpoint that is here too");
  const std::string before = read_file(certificate());
  forge([](bytes::Json* document) {
    bytes::Json entry = bytes::Json::object();
    for (const auto& [name, value] : document->at("read").at(0).members()) entry.set(name, value);
    entry.set("file", "tokenizer.json");
    document->at("read").push_back(entry);
  });
  EXPECT_EQ(only_failure().subject, "tokenizer.json");  // it was read, and was another
  write_file(certificate(), before);
  write_file(artifact() / "tf_model_1.h5", "x");
  EXPECT_EQ(only_failure().subject, "tf_model_1.h5");
}

TEST_F(Certificate, RefusesNamesOutsideOfTheFolder) {
  write_file(folder() / "outside", "x");
  for (const std::string name :
       {"../outside", "/etc/passwd", "saved_model/../../outside", "..", ".", "a/", "./config.json"}) {
    const std::string before = read_file(certificate());
    forge_written(name);
    EXPECT_ERROR(check(), ErrorKind::kBadInput, "written[2].file: is \"" + name + "\", which is not a plain path");
    write_file(certificate(), before);
  }
  forge_written(std::string("config.json\0", 12));
  EXPECT_ERROR(check(), ErrorKind::kBadInput, "which is not a plain path");
}

TEST_F(Certificate, RefusesLinksOutOfTheFolder) {
  fs::rename(artifact() / "tf_model.h5", folder() / "tf_model.h5");
  fs::create_symlink("../tf_model.h5", artifact() / "tf_model.h5");
  EXPECT_THAT(only_failure().detail, HasSubstr("leads out of the folder"));
  fs::remove(artifact() / "tf_model.h5");
  fs::create_symlink("nowhere", artifact() / "tf_model.h5");
  EXPECT_THAT(only_failure().detail, HasSubstr("is a link to what is not there"));
  fs::remove(artifact() / "tf_model.h5");
  fs::create_symlink("tf_model.h5", artifact() / "tf_model.h5");
  EXPECT_THAT(only_failure().detail, HasSubstr("cannot be read"));
  fs::remove(artifact() / "tf_model.h5");
  fs::create_directory(artifact() / "tf_model.h5");
  EXPECT_THAT(only_failure().detail, HasSubstr("is not a regular file"));
  fs::remove(artifact() / "tf_model.h5");
  ASSERT_EQ(::mkfifo((artifact() / "tf_model.h5").c_str(), 0600), 0);
  EXPECT_THAT(only_failure().detail, HasSubstr("is not a regular file"));
}

TEST_F(Certificate, FindsAFolderThatIsALink) {
  fs::create_directory(folder() / "elsewhere");
  fs::create_directory_symlink(folder() / "elsewhere", artifact() / "saved_model");
  EXPECT_EQ(only_failure().kind, Kind::kExtra);
}

TEST_F(Certificate, FollowsLinksInsideTheHubsCache) {
  const fs::path repository = folder() / "models--ada--tiny";
  const fs::path snapshot = repository / "snapshots" / "0123";
  fs::create_directories(snapshot);
  fs::create_directories(repository / "blobs");
  for (const std::string name : {"config.json", "tf_model.h5", "crossload.json"}) {
    fs::rename(artifact() / name, repository / "blobs" / ("of-" + name));
    fs::create_symlink("../../blobs/of-" + name, snapshot / name);
  }
  EXPECT_TRUE(verify_certificate({.artifact = snapshot}).holds());
}

TEST_F(Certificate, SaysWhereItDoesNotMeetTheSchema) {
  const std::string text = read_file(certificate());
  const auto expect = [&](const std::function<void(bytes::Json*)>& change, const std::string& what) {
    forge(change);
    EXPECT_ERROR(check(), ErrorKind::kBadInput, "does not meet the schema of certificates: " + what);
    write_file(certificate(), text);
  };
  expect([](bytes::Json* document) { document->set("surprise", 1); },
         "the document: has \"surprise\", which is not known");
  expect([](bytes::Json* document) { document->set("crossload_certificate", "2"); },
         "crossload_certificate: is \"2\" where 2 is wanted");
  expect([](bytes::Json* document) { document->set("model", 1); }, "model: is 1 where string is wanted");
  expect([](bytes::Json* document) { document->at("settings").set("threads", 1.5); },
         "settings.threads: is 1.5 where integer is wanted");
  expect([](bytes::Json* document) { document->at("written").at(0).set("bytes", -1); },
         "written[0].bytes: is -1, less than 0");
  expect([](bytes::Json* document) { document->at("written").at(1).set("sha256", std::string(64, 'g')); },
         "written[1].sha256: is \"gggg");
  expect([](bytes::Json* document) { document->set("stages", bytes::Json::array()); }, "stages: must not be there");
  expect([](bytes::Json* document) { document->set("verdict", "agrees"); },
         "the document: has no \"further_divergences\"");
  expect([](bytes::Json* document) { document->at("ledger").at(0).set("fate", "lost"); },
         "ledger[0].fate: is \"lost\" where \"bound\" is wanted; or ");
}

TEST_F(Certificate, RefusesWhatIsNoCertificate) {
  const auto expect = [&](const std::string& text, const std::string& what) {
    write_file(certificate(), text);
    EXPECT_ERROR(check(), ErrorKind::kBadInput, what);
  };
  expect("", "not valid JSON");
  expect("{}", "is no certificate");
  expect("[]", "is no certificate");
  expect("{\"crossload_certificate\": 1}", "of version 1, this program knows 2");
  expect(std::string("{\"crossload_certificate\": 2").append(5000, '}'), "not valid JSON");
  expect(std::string(100'000, '['), "not valid JSON");
  std::string nested = "{\"crossload_certificate\": 2, \"ledger\": ";
  nested.append(2000, '[').append(2000, ']').append("}");
  expect(nested, "the document: has no \"certificate_sha256\"");
  expect("{\"crossload_certificate\": 99999999999999999999999}", "not valid JSON");
  expect("{\"crossload_certificate\": 1e999}", "not valid JSON");
  expect("{\"crossload_certificate\": 2, \"crossload_certificate\": 2}", "not valid JSON");
  fs::remove(certificate());
  ASSERT_EQ(::mkfifo(certificate().c_str(), 0600), 0);
  EXPECT_ERROR(check(), ErrorKind::kBadInput, "is not there or no file");
  EXPECT_ERROR(verify_certificate({.artifact = folder() / "nowhere"}), ErrorKind::kUsage, "is no folder");
}

TEST_F(Certificate, SurvivesHugeValues) {
  forge([](bytes::Json* document) {
    document->at("written").at(0).set("bytes", INT64_MAX);
    document->at("versions").set("crossload", std::string(1 << 20, 'x'));
  });
  EXPECT_EQ(only_failure().subject, "config.json");
  forge([](bytes::Json* document) { document->at("written").at(0).set("sha256", std::string(1 << 22, '0')); });
  EXPECT_ERROR(check(), ErrorKind::kBadInput, "is a string of 4194304 characters, more than the 64");
}

TEST_F(Certificate, CannotReplayWithoutAComparison) {
  EXPECT_ERROR(verify_certificate({.artifact = artifact(), .replay = true}), ErrorKind::kUsage, "--replay needs");
  const VerifyCertificateResult result =
      verify_certificate({.artifact = artifact(), .replay = true, .reference = kGolden});
  EXPECT_EQ(result.failed, 1U);
  EXPECT_THAT(result.checks.back().detail, HasSubstr("--no-verify"));
}

TEST_F(Certificate, WritesWhatItFound) {
  fs::remove(artifact() / "tf_model.h5");
  verify_certificate({.artifact = artifact(), .json = folder() / "result.json"});
  const bytes::Json result = bytes::Json::parse(read_file(folder() / "result.json"), "result.json");
  EXPECT_FALSE(result.at("holds").as_bool());
  EXPECT_EQ(result.at("failed").as_integer(), 1);
  EXPECT_EQ(result.at("checks").at(2).at("outcome").as_string(), "missing");
}

/// A verified artifact, and its certificate to change.
class Replay : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    ConvertOptions options;
    options.model = kGolden;
    options.settings.reference = kGolden;
    options.output = folder_->path() / "artifact";
    options.formats = {Format::kH5, Format::kSafetensors};  // a SavedModel's functions want more than a golden holds
    options.settings.threads = 2;
    options.settings.max_hidden_error = 2e-5;
    convert(options);
  }
  static void TearDownTestSuite() { delete folder_; }

  static fs::path artifact() { return folder_->path() / "artifact"; }
  static bytes::Json certificate() {
    return bytes::Json::parse(read_file(artifact() / "crossload.json"), "crossload.json");
  }

  /// The first check that fails when the comparison that ran again is `again`; empty when all hold.
  static std::string failure(const bytes::Json& again) {
    for (const CertificateCheck& check : verify::check_replay(certificate(), again)) {
      if (!check.holds()) return check.subject + ": " + check.detail;
    }
    return "";
  }

  /// The same when the certificate is changed so.
  static std::string failure_of(const std::function<void(bytes::Json*)>& change) {
    bytes::Json again = certificate();
    change(&again);
    return failure(again);
  }

  /// A list without its last element.
  static bytes::Json shortened(const bytes::Json& list) {
    bytes::Json result = bytes::Json::array();
    for (std::size_t i = 0; i + 1 < list.size(); ++i) result.push_back(list.at(i));
    return result;
  }

 private:
  static TemporaryFolder* folder_;
};

TemporaryFolder* Replay::folder_ = nullptr;

TEST_F(Replay, RunsTheComparisonAgain) {
  const VerifyCertificateResult result =
      verify_certificate({.artifact = artifact(), .checkpoint = kGolden, .replay = true, .reference = kGolden});
  EXPECT_TRUE(result.holds());
  EXPECT_EQ(result.verdict, "agrees");
  std::vector<std::string> subjects;
  for (const CertificateCheck& check : result.checks) subjects.push_back(check.subject);
  for (const std::string part : {"h5", "safetensors", "inputs", "verdict", "coverage", "numbers"}) {
    EXPECT_THAT(subjects, testing::Contains("replay: " + part));
  }
}

/// A certificate that was made to fit a changed weight, in the format that compare() does not look at.
TEST_F(Replay, FindsAForgedFormat) {
  const TemporaryFolder folder;
  const fs::path copy = folder.path() / "artifact";
  fs::copy(artifact(), copy, fs::copy_options::recursive);
  const fs::path weights = copy / "model.safetensors";
  change_byte(weights, fs::file_size(weights) - 1);
  forge_certificate(copy, "model.safetensors");
  EXPECT_TRUE(verify_certificate({.artifact = copy}).holds());
  const VerifyCertificateResult result =
      verify_certificate({.artifact = copy, .checkpoint = kGolden, .replay = true, .reference = kGolden});
  EXPECT_EQ(result.failed, 1U);
  const auto failure = std::find_if(result.checks.begin(), result.checks.end(),
                                    [](const CertificateCheck& check) { return !check.holds(); });
  ASSERT_NE(failure, result.checks.end());
  EXPECT_EQ(failure->subject, "replay: safetensors");
  EXPECT_THAT(failure->detail, HasSubstr("1 variable is not the checkpoint's: "));
}

TEST_F(Replay, DoesNotRunWhatIsNotCertified) {
  const TemporaryFolder copy;
  fs::copy(artifact(), copy.path() / "artifact", fs::copy_options::recursive);
  change_byte(copy.path() / "artifact" / "tf_model.h5", 1000);
  const VerifyCertificateResult result =
      verify_certificate({.artifact = copy.path() / "artifact", .replay = true, .reference = kGolden});
  EXPECT_EQ(result.failed, 1U);
  EXPECT_THAT(result.checks.back().detail, HasSubstr("was not run"));
}

TEST_F(Replay, FindsAnotherReference) {
  const fs::path other = golden_path("bert_left_padding");
  const VerifyCertificateResult result =
      verify_certificate({.artifact = artifact(), .replay = true, .reference = other});
  EXPECT_FALSE(result.holds());
}

TEST_F(Replay, TakesOtherLastBits) {
  EXPECT_EQ(failure(certificate()), "");
  EXPECT_EQ(failure_of([](bytes::Json* again) {
              again->at("stages").at(0).set("max_error", 9e-6);
              again->at("versions").set("torch", "3.0");
            }),
            "");
  EXPECT_EQ(failure_of([](bytes::Json* again) { again->set("verdict", "agrees by rounding"); }), "");
}

TEST_F(Replay, FindsWhatIsWorse) {
  EXPECT_THAT(failure_of([](bytes::Json* again) { again->set("verdict", "disagrees"); }),
              HasSubstr("certified is \"agrees\", now it is \"disagrees\""));
  EXPECT_THAT(failure_of([](bytes::Json* again) { again->at("stages").at(3).set("agrees", false); }),
              HasSubstr("certified to agree, now off"));
}

TEST_F(Replay, FindsWhatWasNotCompared) {
  EXPECT_THAT(failure_of([](bytes::Json* again) { again->set("stages", shortened(again->at("stages"))); }),
              HasSubstr("certified and not compared now: "));
  EXPECT_THAT(failure_of([](bytes::Json* again) { again->at("outputs").at(0).set("path", "output.other"); }),
              HasSubstr("compared now and not certified: output.other"));
  EXPECT_THAT(failure_of([](bytes::Json* again) { again->at("coverage").set("serving_default", true); }),
              HasSubstr("serving_default: certified is false, now it is true"));
  bytes::Json again = certificate();
  bytes::Json cell = bytes::Json::object();
  cell.set("name", "length_1");
  bytes::Json cells = bytes::Json::array();
  cells.push_back(cell);
  again.set("cells", cells);
  EXPECT_THAT(failure(again), HasSubstr("compared now and not certified: cell length_1"));
}

TEST_F(Replay, FindsOtherInputs) {
  EXPECT_THAT(
      failure_of([](bytes::Json* again) { again->at("inputs").at("input_ids").set("sha256", std::string(64, '0')); }),
      HasSubstr("are others than the certified ones: input_ids"));
  EXPECT_THAT(failure_of([](bytes::Json* again) { again->set("inputs", bytes::Json::object()); }),
              HasSubstr("are others than the certified ones: "));
  // The same shapes with other last bits, as another processor's sine makes them, are taken.
  bytes::Json sounds = certificate();
  bytes::Json input = bytes::Json::object();
  for (const auto& [name, value] : sounds.at("inputs").at("input_ids").members()) input.set(name, value);
  input.set("dtype", "F32");
  sounds.at("inputs").set("input_values", input);
  bytes::Json others = certificate();
  bytes::Json other = bytes::Json::object();
  for (const auto& [name, value] : input.members()) other.set(name, value);
  other.set("sha256", std::string(64, '0'));
  others.at("inputs").set("input_values", other);
  EXPECT_EQ(verify::check_replay(sounds, others).front().kind, Kind::kNote);
}

TEST(JsonSchema, RefusesKeywordsItDoesNotKnow) {
  const auto made = [](const std::string& text) { verify::JsonSchema schema(bytes::Json::parse(text, "schema")); };
  EXPECT_ERROR(made(R"({"dependentRequired": {}})"), ErrorKind::kBadInput, "\"dependentRequired\" is not known");
  EXPECT_ERROR(made(R"({"properties": {"a": {"anyOf": [{"format": "date"}]}}})"), ErrorKind::kBadInput, "\"format\"");
  EXPECT_ERROR(made(R"({"items": {"$ref": "#/$defs/a"}})"), ErrorKind::kBadInput, "which is not in $defs");
  EXPECT_ERROR(made(R"({"items": {"$ref": "http://example.org/a"}})"), ErrorKind::kBadInput, "which is not in $defs");
  made(verify::certificate_schema());
}

TEST(JsonSchema, JudgesAsTheStandardSays) {
  const auto fault = [](const std::string& schema, const std::string& document) {
    return verify::JsonSchema(bytes::Json::parse(schema, "schema"))
        .fault(bytes::Json::parse(document, "document"))
        .value_or("");
  };
  EXPECT_EQ(fault(R"({"type": "integer"})", "3.0"), "");
  EXPECT_EQ(fault(R"({"type": "integer"})", "true"), "the document: is true where integer is wanted");
  EXPECT_EQ(fault(R"({"type": ["integer", "null"]})", "null"), "");
  EXPECT_EQ(fault(R"({"const": 2})", "2.0"), "");
  EXPECT_EQ(fault(R"({"enum": ["a", null]})", "\"b\""), "the document: is \"b\" where one of [\"a\",null] is wanted");
  EXPECT_EQ(fault(R"({"maxLength": 2})", "\"äö\""), "");
  EXPECT_EQ(fault(R"({"minimum": 1})", "\"text\""), "");
  EXPECT_EQ(fault(R"({"oneOf": [{"type": "integer"}, {"minimum": 0}]})", "1"),
            "the document: fits more than one of its forms");
  EXPECT_EQ(fault(R"({"additionalProperties": {"type": "string"}})", R"({"a": 1})"), "a: is 1 where string is wanted");
  EXPECT_EQ(fault(R"({"items": {"properties": {"a": false}}})", R"([{}, {"a": 1}])"), "[1].a: must not be there");
  EXPECT_EQ(fault(R"({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": false})", "{}"),
            "the document: must not be there");
}

}  // namespace
}  // namespace crossload
