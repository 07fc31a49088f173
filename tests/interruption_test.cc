// Conversions that do not end: killed, out of room, without permission, without their input, two at once. What was
// there before stays, or the new artifact is whole; the next conversion leaves nothing behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "bytes/digest.h"
#include "bytes/json.h"
#include "checkpoint/safetensors.h"
#include "goldens.h"
#include "paths.h"
#include "test_support.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

const std::string kCheckpoint = small_golden_path("bert").string();

/// The program in a process of its own.
class Conversion {
 public:
  struct Limits {
    rlim_t file_size = RLIM_INFINITY;
  };

  Conversion(const std::string& model, const fs::path& output, const fs::path& errors, Limits limits)
      : errors_(errors) {
    process_ = ::fork();
    if (process_ != 0) return;
    const int fd = ::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    const rlimit limit{limits.file_size, limits.file_size};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string program = crossload_program();
    ::execl(program.c_str(), program.c_str(), "pt-to-tf", "--model-name", model.c_str(), "--output", output.c_str(),
            "--no-verify", "--new-weights", "--formats", "h5,safetensors", nullptr);
    ::_exit(127);
  }
  Conversion(const std::string& model, const fs::path& output, const fs::path& errors)
      : Conversion(model, output, errors, Limits()) {}
  ~Conversion() {
    if (process_ > 0) wait();
  }
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;

  void kill_after(std::chrono::microseconds delay) {
    std::this_thread::sleep_for(delay);
    ::kill(process_, SIGKILL);
  }
  /// The exit code, or -1 when a signal ended it.
  int wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string errors() const { return read_file(errors_); }

 private:
  pid_t process_ = 0;
  fs::path errors_;
};

class Interruption : public testing::Test {
 protected:
  fs::path target() const { return folder_.path() / "work" / "out"; }
  fs::path errors() const { return folder_.path() / "errors"; }
  Conversion start(const std::string& model = kCheckpoint, Conversion::Limits limits = {}) const {
    fs::create_directories(target().parent_path());
    return Conversion(model, target(), errors(), limits);
  }

  /// Every file that the certificate names has the hash that it names. Returns false when there is no artifact.
  bool is_whole() const {
    if (!fs::exists(target())) return false;
    const bytes::Json certificate = bytes::Json::parse(read_file(target() / "crossload.json"), "crossload.json");
    std::set<std::string> names;
    for (const bytes::Json& file : certificate.at("written").elements()) {
      names.insert(file.at("file").as_string());
      EXPECT_EQ(bytes::sha256_of_file(target() / file.at("file").as_string()), file.at("sha256").as_string());
    }
    EXPECT_TRUE(names.contains("tf_model.h5") && names.contains("model.safetensors"));
    return true;
  }

  /// What lies beside the target.
  std::set<std::string> leftovers() const {
    std::set<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(target().parent_path())) {
      if (entry.path() != target()) names.insert(entry.path().filename());
    }
    return names;
  }

  /// How long a conversion takes that nobody disturbs.
  std::chrono::microseconds whole_time() const {
    const auto begin = std::chrono::steady_clock::now();
    Conversion conversion = start();
    EXPECT_EQ(conversion.wait(), 0) << conversion.errors();
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  }

  TemporaryFolder folder_;
};

TEST_F(Interruption, KilledAtAnyMomentLeavesTheOldArtifactOrTheNewOne) {
  constexpr int kKills = 210;  // of processes that were still at work
  constexpr int kMost = 2000;
  const auto longest = whole_time();
  fs::remove_all(target());
  std::mt19937 random(1);
  std::uniform_int_distribution<std::int64_t> delays(0, longest.count());
  int before = 0;  // killed before there was an artifact
  int late = 0;    // ended by itself
  int kills = 0;
  for (int i = 0; kills < kKills && i < kMost; ++i) {
    if (i % 50 == 0) fs::remove_all(target());
    if (i % 50 == 15 && !fs::exists(target())) whole_time();  // from here on there is an old artifact
    if (fs::exists(target())) write_file(target() / "mine.txt", "kept");
    const bool had_artifact = fs::exists(target());
    Conversion conversion = start();
    conversion.kill_after(std::chrono::microseconds(delays(random)));
    ++(conversion.wait() == 0 ? late : kills);
    before += is_whole() ? 0 : 1;
    if (had_artifact) {
      EXPECT_TRUE(is_whole());
      EXPECT_EQ(read_file(target() / "mine.txt"), "kept");
    }
    ASSERT_FALSE(HasFailure()) << "kill " << i;
  }
  std::printf("%d kills, of which %d before the first artifact; %d came after the end\n", kills, before, late);
  EXPECT_EQ(kills, kKills);
  Conversion last = start();
  EXPECT_EQ(last.wait(), 0) << last.errors();
  EXPECT_TRUE(is_whole());
  EXPECT_THAT(leftovers(), testing::IsEmpty());
}

TEST_F(Interruption, AFullDiskIsAnErrorOfTheEnvironment) {
  whole_time();
  const std::string old = read_file(target() / "crossload.json");
  const auto largest = static_cast<rlim_t>(fs::file_size(target() / "tf_model.h5"));
  constexpr rlim_t kLeast = 2048;  // standard error is a file too
  for (rlim_t size = kLeast; size < largest; size += largest / 20) {
    Conversion conversion = start(kCheckpoint, {size});
    EXPECT_EQ(conversion.wait(), 5) << size << ": " << conversion.errors();
    EXPECT_THAT(conversion.errors(), testing::HasSubstr("make room or write to another disk")) << size;
    EXPECT_EQ(read_file(target() / "crossload.json"), old);
    EXPECT_TRUE(is_whole());
    EXPECT_THAT(leftovers(), testing::IsEmpty()) << size;
  }
}

TEST_F(Interruption, AFolderThatCannotBeWrittenIsAnErrorOfTheEnvironment) {
  fs::create_directories(target().parent_path());
  // Not by permissions, which root passes over: a file where a folder is needed.
  Conversion conversion(kCheckpoint, errors() / "out", errors(), {});
  EXPECT_EQ(conversion.wait(), 5);
  EXPECT_THAT(conversion.errors(), testing::HasSubstr("cannot be"));
  Conversion in_proc(kCheckpoint, "/proc/crossload-out", errors(), {});
  EXPECT_EQ(in_proc.wait(), 5);
  EXPECT_THAT(in_proc.errors(), testing::HasSubstr("/proc/crossload-out"));
}

TEST_F(Interruption, AnInputThatVanishesOrIsCutOffIsBadInput) {
  whole_time();
  const std::string old = read_file(target() / "crossload.json");
  Conversion gone = start((folder_.path() / "gone").string());
  EXPECT_EQ(gone.wait(), 3);
  const std::string sound = read_file(kCheckpoint);
  const fs::path cut = folder_.path() / "cut.safetensors";
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{100}, sound.size() / 2, sound.size() - 1}) {
    write_file(cut, sound.substr(0, size));
    Conversion conversion = start(cut.string());
    EXPECT_EQ(conversion.wait(), 3) << size;
    EXPECT_THAT(conversion.errors(), testing::HasSubstr("cut.safetensors: not a sound safetensors file")) << size;
  }
  EXPECT_EQ(read_file(target() / "crossload.json"), old);
  EXPECT_THAT(leftovers(), testing::IsEmpty());
}

TEST_F(Interruption, AnInputThatIsCutOffWhileItIsReadIsBadInput) {
  constexpr int kTrials = 40;
  const auto longest = whole_time();
  const std::string old = read_file(target() / "tf_model.h5");
  const fs::path model = folder_.path() / "model.safetensors";
  int refused = 0;
  for (int i = 0; i < kTrials; ++i) {
    write_file(model, read_file(kCheckpoint));
    Conversion conversion = start(model.string());
    std::this_thread::sleep_for(longest * i / kTrials);
    fs::resize_file(model, 0);
    const int code = conversion.wait();
    EXPECT_TRUE(code == 0 || code == 3) << code << ": " << conversion.errors();
    if (code == 3) {
      EXPECT_THAT(conversion.errors(), testing::HasSubstr("crossload: "));
      ++refused;
    }
    EXPECT_EQ(read_file(target() / "tf_model.h5"), old);
  }
  EXPECT_GT(refused, 0);
  Conversion last = start();
  EXPECT_EQ(last.wait(), 0);
  EXPECT_THAT(leftovers(), testing::IsEmpty());
}

TEST_F(Interruption, OfManyConversionsIntoOneFolderEachIsWholeOrRefused) {
  fs::create_directories(target().parent_path());
  for (int round = 0; round < 10; ++round) {
    std::vector<std::unique_ptr<Conversion>> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(std::make_unique<Conversion>(kCheckpoint, target(), errors().string() + std::to_string(i)));
    }
    int ended = 0;
    for (const auto& conversion : all) {
      const int code = conversion->wait();
      ended += code == 0 ? 1 : 0;
      if (code != 0) {
        EXPECT_EQ(code, 5);
        EXPECT_THAT(conversion->errors(), testing::HasSubstr("another conversion is writing it"));
      }
    }
    EXPECT_GE(ended, 1);
    EXPECT_TRUE(is_whole());
    EXPECT_THAT(leftovers(), testing::IsEmpty());
  }
}

}  // namespace
}  // namespace crossload
