// The folder of an artifact, written aside and put in its place at the end: a crash leaves the old one or none.
//
//   out/                                     the target
//   .out.crossload-4711-5d3f09a2/            what is being written, by process 4711; renamed to out at the end
//   .out.crossload-lock                      locked (flock) as long as somebody writes; without content
//
//   Staging staging("out");
//   write_h5(staging.path(), ...);
//   staging.commit();
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

namespace crossload::artifact {

/// Every failure is an Error(kEnvironment) that names the path.
class Staging {
 public:
  /// Makes the target's parent when it is missing and the temporary folder beside the target; removes the temporary
  /// folders that dead processes left there. Throws when another Staging, of any process, has this target.
  explicit Staging(const std::filesystem::path& target);
  /// Removes the temporary folder unless it was committed.
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// The temporary folder.
  const std::filesystem::path& path() const { return path_; }

  /// Waits until all files so far are on the disk; what commit() does about them then is short.
  void sync() const;

  /// Without it, commit() replaces the whole folder. Takes over the target's present files (hard links, or copies where
  /// the file system has none) whose path, relative to the target, is not yet in the temporary folder and is accepted;
  /// folders too, empty ones as well, and with their permissions. Those of the target itself stay in any case.
  void keep(const std::function<bool(const std::filesystem::path& relative)>& accept) const;

  /// Waits until all files are on the disk, and exchanges the folder with the target in one step (where the file system
  /// cannot, in two renames). The old folder is removed.
  void commit();

 private:
  class Lock;

  std::filesystem::path target_;
  std::unique_ptr<Lock> lock_;
  std::filesystem::path path_;
};

/// What commit() does where folders cannot be exchanged: target -> aside, fresh -> target, and back when that fails.
void replace_by_renames(const std::filesystem::path& fresh, const std::filesystem::path& target,
                        const std::filesystem::path& aside);

}  // namespace crossload::artifact
