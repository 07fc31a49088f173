// The parts of the Hub's room that need no server: names, addresses, tokens, the cache, retries, the model card.
#include "crossload/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <sstream>
#include <thread>

#include "bytes/digest.h"
#include "bytes/file_lock.h"
#include "bytes/private_file.h"
#include "hub/blob_writer.h"
#include "hub/cache.h"
#include "hub/http.h"
#include "hub/model_card.h"
#include "hub/repository.h"
#include "hub/retry.h"
#include "hub/settings.h"
#include "hub/token.h"
#include "hub/upload.h"
#include "hub/url.h"
#include "test_files.h"
#include "test_support.h"

namespace crossload::hub {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Sets variables, and unsets all others that Settings reads, until the end of the test.
class Environment {
 public:
  struct Variable {
    const char* name;
    std::string value;
  };
  explicit Environment(std::initializer_list<Variable> values) {
    for (const char* name :
         {"HF_HOME", "XDG_CACHE_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN_PATH", "HF_ENDPOINT",
          "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "CROSSLOAD_HUB_TRIES",
          "HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
          "HOME", "NOT_SET"}) {
      const char* const value = std::getenv(name);
      if (value != nullptr) before_[name] = value;
      ::unsetenv(name);
      names_.push_back(name);
    }
    for (const auto& [name, value] : values) ::setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    for (const std::string& name : names_) ::unsetenv(name.c_str());
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::string> before_;
};

TEST(Repository, ReadsNames) {
  const auto plain = parse_repository("foo/bar");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->id, "foo/bar");
  EXPECT_EQ(plain->revision, "main");
  EXPECT_EQ(plain->folder_name(), "models--foo--bar");
  const auto full = parse_repository("hf://foo/bar@refs/pr/1");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->id, "foo/bar");
  EXPECT_EQ(full->revision, "refs/pr/1");
  EXPECT_EQ(parse_repository("gpt2")->folder_name(), "models--gpt2");
}

TEST(Repository, RefusesWhatIsNoName) {
  for (const char* name : {"", "/foo", "./foo", "../foo", "foo/", "foo/bar/baz", "foo--bar/x", "a..b", ".foo/bar",
                           "foo/bar.", "foo/bar.git", "foo bar", "foo/bar@", "foo/bar@../x", "foo/bar@a//b",
                           "foo/bar@/x", "foo/b\\r", "hf://", "foo/bar@a\nb"}) {
    std::string why;
    EXPECT_FALSE(parse_repository(name, &why)) << name;
    EXPECT_FALSE(why.empty()) << name;
  }
  EXPECT_FALSE(parse_repository(std::string(97, 'a')));
  EXPECT_TRUE(parse_repository(std::string(96, 'a')));
}

TEST(Repository, KnowsNamesOfTheHubFromFolders) {
  const TemporaryFolder folder;
  EXPECT_TRUE(is_hub_name("foo/bar"));
  EXPECT_TRUE(is_hub_name("hf://foo/bar"));
  EXPECT_FALSE(is_hub_name("./foo/bar"));
  EXPECT_FALSE(is_hub_name(folder.path().string()));
  EXPECT_FALSE(is_hub_name("/no/such/folder"));
  EXPECT_ERROR(is_hub_name("hf://foo/bar/baz"), ErrorKind::kUsage, "hf://foo/bar/baz: is no model of the Hub");
  EXPECT_ERROR(local_model("./no-such-folder"), ErrorKind::kBadInput, "no such file or folder");
}

TEST(Url, EncodesAndCompares) {
  EXPECT_EQ(percent_encoded("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(percent_encoded("a b/ä?#.txt", /*keep_slashes=*/true), "a%20b/%C3%A4%3F%23.txt");
  EXPECT_EQ(origin_of("https://HuggingFace.co/x?y"), "https://huggingface.co:443");
  EXPECT_EQ(origin_of("https://huggingface.co:443"), origin_of("https://huggingface.co"));
  EXPECT_NE(origin_of("http://huggingface.co"), origin_of("https://huggingface.co"));
  EXPECT_NE(origin_of("https://huggingface.co"), origin_of("https://huggingface.co.evil.org"));
  EXPECT_NE(origin_of("https://huggingface.co"), origin_of("https://huggingface.co@evil.org"));
  EXPECT_EQ(resolved("https://h.co/a/b?c", "/d"), "https://h.co/d");
  EXPECT_EQ(resolved("https://h.co/a", "https://s3.org/x?sig=1"), "https://s3.org/x?sig=1");
  EXPECT_EQ(shown("https://user:secret@h.co/a?X-Signature=secret#x"), "https://h.co/a");
}

TEST(Retry, WaitsLongerEachTimeAndAsTheServerSays) {
  EXPECT_EQ(pause_after(1, milliseconds(500), {}, 0), milliseconds(500));
  EXPECT_EQ(pause_after(3, milliseconds(500), {}, 0), milliseconds(2000));
  EXPECT_EQ(pause_after(9, milliseconds(500), {}, 0), milliseconds(8000));
  EXPECT_EQ(pause_after(1000000, milliseconds(500), {}, 0), milliseconds(8000));
  EXPECT_EQ(pause_after(3, milliseconds(500), {}, 1), milliseconds(1000));
  EXPECT_EQ(pause_after(1, milliseconds(500), seconds(30), 0.5), milliseconds(30000));
}

TEST(Retry, ReadsRetryAfter) {
  constexpr std::time_t kNow = 1'795'482'000;  // Tue, 24 Nov 2026 01:00:00 GMT
  EXPECT_EQ(parse_retry_after("7", kNow), seconds(7));
  EXPECT_EQ(parse_retry_after("Tue, 24 Nov 2026 01:00:30 GMT", kNow), seconds(30));
  EXPECT_EQ(parse_retry_after("Tue, 24 Nov 2026 00:00:00 GMT", kNow), seconds(0));
  for (const char* text : {"", "soon", "-5", "1.5", "7 s", "99999999999999999999", "Tue, 24 Nov 2026 01:00:30 CET"}) {
    EXPECT_FALSE(parse_retry_after(text, kNow)) << text;
  }
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(is_passing(status)) << status;
  for (const int status : {200, 304, 400, 401, 403, 404, 412, 501}) EXPECT_FALSE(is_passing(status)) << status;
}

TEST(Settings, FollowTheEnvironment) {
  {
    const Environment environment({{"HOME", "/home/ada"}});
    const Settings settings = Settings::from_environment();
    EXPECT_EQ(settings.endpoint, "https://huggingface.co");
    EXPECT_EQ(settings.cache, "/home/ada/.cache/huggingface/hub");
    EXPECT_EQ(settings.token_file, "/home/ada/.cache/huggingface/token");
    EXPECT_FALSE(settings.offline);
  }
  {
    const Environment environment(
        {{"HOME", "/home/ada"}, {"XDG_CACHE_HOME", "/x"}, {"HF_ENDPOINT", "http://mirror:80/hf//"}});
    EXPECT_EQ(Settings::from_environment().cache, "/x/huggingface/hub");
    EXPECT_EQ(Settings::from_environment().endpoint, "http://mirror:80/hf");
  }
  {
    const Environment environment({{"HOME", "/home/ada"}, {"HF_HOME", "~/hf"}, {"HF_HUB_OFFLINE", "yes"}});
    EXPECT_EQ(Settings::from_environment().cache, "/home/ada/hf/hub");
    EXPECT_TRUE(Settings::from_environment().offline);
  }
  {
    const Environment environment({{"HOME", "/home/ada"},
                                   {"HF_HUB_CACHE", "${HOME}/c/$NOT_SET"},
                                   {"HUGGINGFACE_HUB_CACHE", "/other"},
                                   {"HF_TOKEN_PATH", "$HOME/t"},
                                   {"HF_HUB_OFFLINE", "0"},
                                   {"TRANSFORMERS_OFFLINE", "1"}});
    const Settings settings = Settings::from_environment();
    EXPECT_EQ(settings.cache, "/home/ada/c/$NOT_SET");
    EXPECT_EQ(settings.token_file, "/home/ada/t");
    EXPECT_FALSE(settings.offline);  // as huggingface_hub: the second counts when the first is not set
  }
  for (const char* endpoint : {"huggingface.co", "ftp://h.co", "https://user:pass@h.co", "https://h.co/?x"}) {
    const Environment environment({{"HF_ENDPOINT", endpoint}});
    EXPECT_ERROR(Settings::from_environment(), ErrorKind::kUsage, "HF_ENDPOINT: is no address");
  }
  const Environment environment({{"CROSSLOAD_HUB_TRIES", "many"}});
  EXPECT_ERROR(Settings::from_environment(), ErrorKind::kUsage, "CROSSLOAD_HUB_TRIES=many");
}

TEST(Token, IsKeptPrivateAndFound) {
  const TemporaryFolder folder;
  const Environment environment({{"HF_HOME", folder.path().string()}});
  const Settings settings = Settings::from_environment();
  EXPECT_FALSE(find_token(settings));
  EXPECT_FALSE(forget_token(settings));
  const mode_t mask = ::umask(0);
  write_file(settings.token_file, "old");  // of everyone
  store_token(settings, Token(" hf_abc\r\n"));
  ::umask(mask);
  struct stat status;
  ASSERT_EQ(::stat(settings.token_file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(read_file(settings.token_file), "hf_abc");
  EXPECT_EQ(find_token(settings)->secret(), "hf_abc");
  ::setenv("HUGGING_FACE_HUB_TOKEN", "hf_old", 1);
  EXPECT_EQ(find_token(settings)->secret(), "hf_old");
  ::setenv("HF_TOKEN", "hf_new\n", 1);
  EXPECT_EQ(find_token(settings)->secret(), "hf_new");
  EXPECT_TRUE(token_is_in_environment());
  EXPECT_TRUE(forget_token(settings));
  EXPECT_FALSE(fs::exists(settings.token_file));
}

TEST(Token, IsNeverShown) {
  for (const char* text : {"hf_secret\nX-Evil: 1", "hf_secret hf_secret", "hf_s\xC3\xA4", "\x01hf_secret"}) {
    try {
      const Token token(text);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("secret")));
    }
  }
  EXPECT_ERROR(Token(" \n"), ErrorKind::kUsage, "is empty");
  const Token token("hf_secret");
  EXPECT_EQ(token.removed_from("a hf_secret b hf_secrethf_secret"), "a *** b ******");
  const Http http(Settings(), token);
  EXPECT_EQ(http.cleaned("bad token\nhf_secret\x1b[31m"), "bad token *** [31m");
  EXPECT_EQ(http.cleaned(std::string(1000, 'x')).size(), 303U);
}

TEST(Token, LeavesTheOtherStoredTokens) {
  const std::string stored = "[a]\nhf_token = hf_abc\n\n[b]\nhf_token = hf_abcd\n\n[c]\nhf_token=hf_abc\n";
  EXPECT_EQ(without_token(stored, Token("hf_abc")), "[b]\nhf_token = hf_abcd\n\n");
  EXPECT_EQ(without_token(stored, Token("hf_x")), stored);
}

TEST(Token, OfABrowserCanBeRenewed) {
  const std::string stored = "[a]\nhf_token = hf_a\n\n[b]\nhf_token = hf_b\nrefresh_token = r\nexpires_at = 1\n\n";
  EXPECT_FALSE(has_refresh_token(stored, Token("hf_a")));
  EXPECT_TRUE(has_refresh_token(stored, Token("hf_b")));
  EXPECT_EQ(without_token(stored, Token("hf_b")), "[a]\nhf_token = hf_a\n\n");
}

TEST(Cache, HasTheLayoutOfHuggingfaceHub) {
  const TemporaryFolder folder;
  const Cache cache(folder.path(), *parse_repository("foo/bar"));
  const std::string commit(40, 'a');
  EXPECT_EQ(cache.blob("e1"), folder.path() / "models--foo--bar/blobs/e1");
  EXPECT_EQ(cache.incomplete("e1"), folder.path() / "models--foo--bar/blobs/e1.incomplete");
  EXPECT_EQ(cache.lock("e1"), folder.path() / ".locks/models--foo--bar/e1.lock");
  EXPECT_EQ(cache.snapshot(commit), folder.path() / "models--foo--bar/snapshots" / commit);
  EXPECT_FALSE(cache.commit_of("main"));
  EXPECT_EQ(cache.commit_of(commit), commit);
  cache.remember("main", commit);
  cache.remember("refs/pr/1", commit);
  cache.remember(commit, commit);
  EXPECT_EQ(read_file(folder.path() / "models--foo--bar/refs/main"), commit);
  EXPECT_EQ(read_file(folder.path() / "models--foo--bar/refs/refs/pr/1"), commit);
  EXPECT_FALSE(fs::exists(folder.path() / "models--foo--bar/refs" / commit));
  write_file(folder.path() / "models--foo--bar/refs/broken", "../../x");
  EXPECT_FALSE(cache.commit_of("broken"));
}

TEST(Cache, LinksRelatively) {
  const TemporaryFolder folder;
  const Cache cache(folder.path(), *parse_repository("foo/bar"));
  const std::string commit(40, 'a');
  fs::create_directories(cache.blob("e1").parent_path());
  write_file(cache.blob("e1"), "content");
  cache.link("e1", commit, "config.json");
  cache.link("e1", commit, "1_Pooling/config.json");
  cache.link("e1", commit, "config.json");  // again
  EXPECT_EQ(fs::read_symlink(cache.snapshot(commit) / "config.json"), "../../blobs/e1");
  EXPECT_EQ(fs::read_symlink(cache.snapshot(commit) / "1_Pooling/config.json"), "../../../blobs/e1");
  EXPECT_EQ(read_file(cache.snapshot(commit) / "1_Pooling/config.json"), "content");
  EXPECT_EQ(std::distance(fs::directory_iterator(cache.snapshot(commit)), {}), 2);
}

TEST(Cache, KnowsWhatMayNameABlob) {
  EXPECT_EQ(normalized_etag("\"abc\""), "abc");
  EXPECT_EQ(normalized_etag("W/\"abc\""), "abc");
  EXPECT_TRUE(is_etag("0123abcdef"));
  for (const char* etag : {"", ".", "..", "../x", "a/b", ".hidden", "a b", "a\n"}) EXPECT_FALSE(is_etag(etag)) << etag;
  for (const char* path : {"", "/x", "x/", "a//b", "./a", "a/..", "../a", "a\\b", "a\nb"})
    EXPECT_FALSE(is_safe_path(path));
  for (const char* path : {"a", "a/b.c", "..a", "a..b/c"}) EXPECT_TRUE(is_safe_path(path)) << path;
}

TEST(FileLock, KeepsOthersOut) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "locks" / "x.lock";
  bool entered = false;
  std::jthread other;
  {
    const bytes::FileLock lock(path);
    other = std::jthread([&] {
      const bytes::FileLock second(path);
      entered = true;
    });
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_FALSE(entered);
  }
  other.join();
  EXPECT_TRUE(entered);
  EXPECT_TRUE(fs::exists(path));  // others may wait for it
}

TEST(FileLock, IsOfTheGroup) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.lock";
  const mode_t mask = ::umask(077);
  { const bytes::FileLock lock(path); }
  ::umask(mask);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0664));
  // One of a program that lets others read it alone.
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(path, fs::perms(0444));
  constexpr uid_t kNobody = 65534;
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  EXPECT_NO_THROW(bytes::FileLock{path});
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
}

TEST(BlobWriter, GoesOnAndProves) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.incomplete";
  {
    BlobWriter writer(path, 6);
    writer.append("abc");
  }
  {
    BlobWriter writer(path, 6);
    EXPECT_EQ(writer.done(), 3);
    writer.require_room();
    writer.append("def");
    writer.finish(folder.path() / "x");
  }
  EXPECT_EQ(read_file(folder.path() / "x"), "abcdef");
  write_file(path, "too many bytes");
  EXPECT_EQ(BlobWriter(path, 6).done(), 0);
  write_file(folder.path() / "hello", "hello\n");
  // As `git hash-object` and `sha256sum` say.
  EXPECT_EQ(bytes::git_sha1_of_file(folder.path() / "hello"), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(BlobWriter::hash_of(folder.path() / "hello", std::string(40, '0')),
            "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(BlobWriter::hash_of(folder.path() / "hello", std::string(64, '0')),
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
  EXPECT_EQ(BlobWriter::hash_of(folder.path() / "hello", "another-etag"), "");
}

TEST(BlobWriter, EndsWhenAnotherWritesToo) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.incomplete";
  BlobWriter first(path, 6);
  BlobWriter second(path, 6);  // where both were granted the lock
  first.append("abc");
  EXPECT_ERROR(second.append("abc"), ErrorKind::kEnvironment, "another process writes to it too");
  first.append("def");
  first.finish(folder.path() / "x");
  EXPECT_ERROR(second.append("abc"), ErrorKind::kEnvironment, "another process writes to it too");
  EXPECT_EQ(read_file(folder.path() / "x"), "abcdef");
}

TEST(BlobWriter, SaysThatTheDiskIsFull) {
  BlobWriter full("/dev/full", 1000);
  EXPECT_ERROR(full.append("abc"), ErrorKind::kEnvironment, "the disk is full (No space left on device)");
  const TemporaryFolder folder;
  const BlobWriter large(folder.path() / "x", 1LL << 60);
  EXPECT_ERROR(large.require_room(), ErrorKind::kEnvironment, "make room");
}

TEST(WholeFile, IsThereWholeOrNotAtAll) {
  const TemporaryFolder folder;
  bytes::write_whole(folder.path() / "a" / "b", "text", 0644);
  EXPECT_EQ(bytes::read_small(folder.path() / "a" / "b"), "text");
  EXPECT_FALSE(bytes::read_small(folder.path() / "none"));
  std::ofstream(folder.path() / "large") << std::string(2U << 20U, 'x');
  EXPECT_ERROR(bytes::read_small(folder.path() / "large"), ErrorKind::kEnvironment, "large: cannot be read");
  EXPECT_ERROR(bytes::write_whole(folder.path() / "large" / "x", "", 0600), ErrorKind::kEnvironment,
               "large: cannot be made");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path() / "a"), {}), 1);
}

TEST(Upload, EncodesInBase64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string("\0\xff", 2)), "AP8=");
}

void expect_card(const std::string& before, const std::string& after) {
  const EditedCard edited = with_tag(before, "tf");
  EXPECT_EQ(edited.edit, CardEdit::kEdited) << before;
  EXPECT_EQ(edited.text, after);
  EXPECT_EQ(with_tag(edited.text, "tf").edit, CardEdit::kNone) << edited.text;
}

TEST(ModelCard, GetsTheTagAndNothingElse) {
  expect_card("---\ntags:\n- a\n- b\n---\ntext\n", "---\ntags:\n- a\n- b\n- tf\n---\ntext\n");
  expect_card("---\ntags:\n  - a # why\n\n# next\nlicense: mit\n---\n",
              "---\ntags:\n  - a # why\n  - tf\n\n# next\nlicense: mit\n---\n");
  expect_card("---\r\ntags:\r\n- a\r\n---\r\ntext", "---\r\ntags:\r\n- a\r\n- tf\r\n---\r\ntext");
  expect_card("---\ntags: [a, 'b']  # two\nx: [tf]\n---\n", "---\ntags: [a, 'b', tf]  # two\nx: [tf]\n---\n");
  expect_card("---\ntags: []\n---\n", "---\ntags: [tf]\n---\n");
  expect_card("---\ntags: [ a, ]\n---\n", "---\ntags: [ a, tf ]\n---\n");
  expect_card("---\ntags:\n---\n", "---\ntags:\n- tf\n---\n");
  expect_card("---\nlicense: mit\nnested:\n  tags:\n  - tf\n---\ntags: no\n",
              "---\nlicense: mit\nnested:\n  tags:\n  - tf\ntags:\n- tf\n---\ntags: no\n");
  expect_card("---\n---\n", "---\ntags:\n- tf\n---\n");
  expect_card("# A model\n", "---\ntags:\n- tf\n---\n# A model\n");
  expect_card("", "---\ntags:\n- tf\n---\n");
  expect_card("\xEF\xBB\xBF---\ntags:\n- a\n---\n", "\xEF\xBB\xBF---\ntags:\n- a\n- tf\n---\n");
  expect_card("---\ntags:\n- tfjs\n- \"a: b\"\n---\n", "---\ntags:\n- tfjs\n- \"a: b\"\n- tf\n---\n");
}

TEST(ModelCard, StaysWhenTheTagIsThereOrTheHeaderUnclear) {
  for (const char* card :
       {"---\ntags:\n- tf\n---\n", "---\ntags:\n  - 'tf' # TensorFlow\n---\n", "---\ntags: [a, \"tf\"]\n---\n"}) {
    EXPECT_EQ(with_tag(card, "tf").edit, CardEdit::kNone) << card;
  }
  for (const char* card :
       {"---\ntags: a\n---\n", "---\ntags: [a,\n  b]\n---\n", "---\ntags:\n- a\n", "---\ntags: &x\n- a\n---\n",
        "---\ntags:\n- a\n  - b\n---\n", "---\ntags:\n  a: b\n---\n", "---\ntags: [a, [b]]\n---\n"}) {
    EXPECT_EQ(with_tag(card, "tf").edit, CardEdit::kUnclear) << card;
  }
}

class Publishing : public testing::Test {
 protected:
  Publishing() {
    model_.id = "foo/bar";
    model_.commit = std::string(40, 'a');
    write_file(folder_.path() / "tf_model.h5", "weights");
    certify("agrees", model_.label());
  }

  void certify(const std::string& verdict, const std::string& model, const std::string& file = "tf_model.h5") const {
    const std::string sha256 = bytes::sha256_of_file(folder_.path() / "tf_model.h5");
    std::ofstream(folder_.path() / "crossload.json")
        << R"({"model": ")" << model << R"(", "class": "TFBertModel", "verdict": ")" << verdict << R"(",
  "coverage": {"modules": 3, "compared": 3}, "stages": [{"path": "a", "max_error": 4.5e-6}],
  "tolerances": {"max_error": 1e-5, "max_hidden_error": 1e-5, "relative": 1.3e-6},
  "rounding": )"
        << (verdict == "agrees by rounding" ? "[{}, {}]" : "[]") << R"(,
  "outputs": [{"path": "output.logits", "max_error": 1.5e-6}, {"path": "output.last_hidden_state", "max_error": 2.5e-6}],
  "versions": {"crossload": "0.1.0", "tensorflow": "2.21.0", "torch": "2.13.0", "transformers": "4.57.6"},
  "read": [], "written": [{"file": ")"
        << file << R"(", "bytes": 7, "sha256": ")" << sha256 << R"("}]})";
  }

  TemporaryFolder folder_;
  HubModel model_;
  PublishOptions options_ = {folder_.path()};
};

TEST_F(Publishing, SaysWhatWasVerifiedAndHowToCheckIt) {
  options_.extra_description = "More.";
  const PublishText text = publish_text(model_, options_);
  EXPECT_EQ(text.title, "Add TF weights");
  for (const char* part :
       {"TFBertModel", "| outputs | 1.50e-06 | 1.00e-05 |", "| hidden states | 2.50e-06 | 1.00e-05 |",
        "| 3 of 3 modules | 4.50e-06 |", "crossload pt-to-tf --model-name foo/bar@refs/pr/N --no-pr", "\nMore.\n"}) {
    EXPECT_THAT(text.description, testing::HasSubstr(part));
  }
  EXPECT_THAT(text.description,
              testing::HasSubstr(bytes::sha256_of_file(folder_.path() / "tf_model.h5") + "  tf_model.h5\n"));
  model_.has_tensorflow = true;
  EXPECT_EQ(publish_text(model_, options_).title, "Update TF weights");
}

TEST_F(Publishing, SaysWhatOnlyRoundingExplains) {
  EXPECT_THAT(publish_text(model_, options_).description, testing::Not(testing::HasSubstr("rounding")));
  certify("agrees by rounding", model_.label());
  EXPECT_THAT(publish_text(model_, options_).description,
              testing::HasSubstr("no more than float32's rounding explains: 2 tensors, listed"));
}

TEST_F(Publishing, RefusesWhatIsNotCertified) {
  certify("disagrees", model_.label());
  EXPECT_ERROR(publish_text(model_, options_), ErrorKind::kUsage, "says \"disagrees\"; only what agrees is published");
  certify("not verified", model_.label());
  EXPECT_ERROR(publish_text(model_, options_), ErrorKind::kUsage, "says \"not verified\"");
  certify("agrees", "foo/bar@" + std::string(40, 'b'));
  EXPECT_ERROR(publish_text(model_, options_), ErrorKind::kUsage, "not about foo/bar@aaaa");
  certify("agrees", model_.label(), "saved_model/saved_model.pb");
  EXPECT_ERROR(publish_text(model_, options_), ErrorKind::kUsage, "names no tf_model.h5");
  fs::remove(folder_.path() / "crossload.json");
  EXPECT_ERROR(publish_text(model_, options_), ErrorKind::kUsage, "has no crossload.json");
}

TEST_F(Publishing, RefusesWhatChangedSince) {
  write_file(folder_.path() / "tf_model.h5", "WEIGHTS");
  EXPECT_ERROR(publish_text(model_, options_), ErrorKind::kUsage,
               "tf_model.h5: is not the file that crossload.json is about");
  write_file(folder_.path() / "tf_model.h5", "more weights");
  EXPECT_ERROR(publish_text(model_, options_), ErrorKind::kUsage, "it changed since");
  fs::remove(folder_.path() / "tf_model.h5");
  EXPECT_ERROR(publish_text(model_, options_), ErrorKind::kUsage, "it changed since");
}

}  // namespace
}  // namespace crossload::hub
