#include "artifact/staging.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes/output_file.h"
#include "fake_weights.h"

namespace crossload {
namespace {

namespace fs = std::filesystem;

using Names = std::vector<std::string>;

/// Runs the action in a process of its own that ends without cleaning up, as a crash does.
template <class Action>
void crash_after(const Action& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    action();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
}

class StagingTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  fs::path target_ = folder_.path() / "out";
};

TEST_F(StagingTest, PutsANewFolderInItsPlace) {
  artifact::Staging staging(target_);
  EXPECT_EQ(staging.path().parent_path(), folder_.path());
  EXPECT_TRUE(staging.path().filename().string().starts_with(".out.crossload-" + std::to_string(::getpid()) + "-"));
  write_file(staging.path() / "a", "new");
  fs::create_directory(staging.path() / "sub");
  write_file(staging.path() / "sub" / "b", "new");
  EXPECT_FALSE(fs::exists(target_));
  staging.commit();
  EXPECT_EQ(read_file(target_ / "a"), "new");
  EXPECT_EQ(read_file(target_ / "sub" / "b"), "new");
}

TEST_F(StagingTest, LeavesNothingBeside) {
  {
    artifact::Staging staging(target_);
    staging.commit();
  }
  EXPECT_EQ(names_in(folder_.path()), Names{"out"});
  { artifact::Staging staging(target_); }
  EXPECT_EQ(names_in(folder_.path()), Names{"out"});
}

TEST_F(StagingTest, ReplacesTheOldFolder) {
  fs::create_directory(target_);
  write_file(target_ / "old", "old");
  {
    artifact::Staging staging(target_);
    write_file(staging.path() / "new", "new");
    EXPECT_EQ(names_in(target_), Names{"old"});
    staging.commit();
    EXPECT_EQ(names_in(target_), Names{"new"});
  }
  EXPECT_EQ(names_in(folder_.path()), Names{"out"});
}

TEST_F(StagingTest, WithoutCommitTheOldFolderStays) {
  fs::create_directory(target_);
  write_file(target_ / "old", "old");
  {
    artifact::Staging staging(target_);
    write_file(staging.path() / "new", "new");
  }
  EXPECT_EQ(names_in(target_), Names{"old"});
  EXPECT_EQ(names_in(folder_.path()), Names{"out"});
}

TEST_F(StagingTest, AfterACrashTheOldFolderStaysAndTheNextOneClears) {
  fs::create_directory(target_);
  write_file(target_ / "old", "old");
  crash_after([&] { write_file((new artifact::Staging(target_))->path() / "new", "half"); });
  EXPECT_EQ(names_in(target_), Names{"old"});
  EXPECT_EQ(names_in(folder_.path()).size(), 3U);  // and the temporary folder and the lock
  fs::create_directory(folder_.path() / ".out.crossload-notanumber");
  fs::create_directory(folder_.path() /
                       (".out.crossload-" + std::to_string(::getppid()) + "-1"));  // of a living process
  fs::create_directory(folder_.path() / (".other.crossload-" + std::to_string(1 << 30) + "-1"));
  artifact::Staging staging(target_);
  write_file(staging.path() / "new", "new");
  staging.commit();
  EXPECT_EQ(names_in(target_), Names{"new"});
  const Names left = names_in(folder_.path());
  EXPECT_EQ(left.size(), 5U);  // those three, out and the lock
}

TEST_F(StagingTest, TwoAtOnceAreRefused) {
  artifact::Staging first(target_);
  EXPECT_EQ(error_of([&] { artifact::Staging second(target_); }),
            "5 " + target_.string() + ": another conversion is writing it; wait for its end or give another folder");
  artifact::Staging other(folder_.path() / "other");
}

TEST_F(StagingTest, TwoInTurnAreWelcome) {
  for (int i = 0; i < 3; ++i) {
    artifact::Staging staging(target_);
    write_file(staging.path() / "number", std::to_string(i));
    staging.commit();
  }
  EXPECT_EQ(read_file(target_ / "number"), "2");
}

TEST_F(StagingTest, KeepsWhatItIsTold) {
  fs::create_directories(target_ / "sub");
  write_file(target_ / "pytorch_model.bin", "weights");
  write_file(target_ / "tf_model-00001-of-00002.h5", "old");
  write_file(target_ / "config.json", "old");
  write_file(target_ / "sub" / "notes", "notes");
  fs::create_symlink("sub/notes", target_ / "link");
  artifact::Staging staging(target_);
  write_file(staging.path() / "config.json", "new");
  staging.keep([](const fs::path& path) { return path.extension() != ".h5"; });
  EXPECT_TRUE(fs::exists(target_ / "pytorch_model.bin"));
  staging.commit();
  EXPECT_EQ(names_in(target_), (Names{"config.json", "link", "pytorch_model.bin", "sub"}));
  EXPECT_EQ(read_file(target_ / "config.json"), "new");
  EXPECT_EQ(read_file(target_ / "pytorch_model.bin"), "weights");
  EXPECT_EQ(read_file(target_ / "link"), "notes");
}

TEST_F(StagingTest, MakesTheParentsAndTakesAnySpelling) {
  const fs::path target = folder_.path() / "a" / "b" / "c" / "";
  artifact::Staging staging(target);
  staging.commit();
  EXPECT_TRUE(fs::is_directory(folder_.path() / "a" / "b" / "c"));
}

TEST_F(StagingTest, FollowsALinkToTheFolder) {
  fs::create_directory(folder_.path() / "real");
  fs::create_directory_symlink("real", target_);
  artifact::Staging staging(target_);
  write_file(staging.path() / "new", "new");
  staging.commit();
  EXPECT_TRUE(fs::is_symlink(target_));
  EXPECT_EQ(names_in(folder_.path() / "real"), Names{"new"});
}

TEST_F(StagingTest, RefusesAFile) {
  write_file(target_, "a file");
  EXPECT_EQ(error_of([&] { artifact::Staging staging(target_); }),
            "5 " + target_.string() + ": is a file; a folder is expected");
}

TEST_F(StagingTest, SaysWhatCannotBeWritten) {
  const std::string said = error_of([] { artifact::Staging staging("/proc/crossload/out"); });
  EXPECT_TRUE(said.starts_with("5 /proc/crossload: cannot be made: ")) << said;
  EXPECT_EQ(error_of([] { artifact::Staging staging("/"); }), "5 /: cannot be written: give a folder below it");
}

TEST_F(StagingTest, RenamesWhereFoldersCannotBeExchanged) {
  for (const char* name : {"fresh", "out"}) {
    fs::create_directory(folder_.path() / name);
    write_file(folder_.path() / name / name, "x");
  }
  artifact::replace_by_renames(folder_.path() / "fresh", target_, folder_.path() / "aside");
  EXPECT_EQ(names_in(folder_.path()), Names{"out"});
  EXPECT_EQ(names_in(target_), Names{"fresh"});
  // The new folder is not there: the old one comes back.
  const auto again = [&] { artifact::replace_by_renames(folder_.path() / "fresh", target_, folder_.path() / "aside"); };
  EXPECT_EQ(error_of(again), "5 " + target_.string() + ": cannot be replaced: No such file or directory");
  EXPECT_EQ(names_in(target_), Names{"fresh"});
}

TEST(WriteFile, WritesAndSaysWhatItCannot) {
  TemporaryFolder folder;
  bytes::write_file(folder.path() / "x", std::string("a\0b", 3));
  EXPECT_EQ(read_file(folder.path() / "x"), std::string("a\0b", 3));
  bytes::write_file(folder.path() / "x", "shorter");
  EXPECT_EQ(read_file(folder.path() / "x"), "shorter");
  EXPECT_EQ(error_of([&] { bytes::write_file(folder.path(), "x"); }),
            "5 " + folder.path().string() + ": cannot be written: Is a directory");
  EXPECT_EQ(error_of([] { bytes::write_file("/dev/full", "x"); }),
            "5 /dev/full: cannot be written: No space left on device; make room or write to another disk");
}

}  // namespace
}  // namespace crossload
