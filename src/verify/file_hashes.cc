#include "verify/file_hashes.h"

#include <utility>

#include "bytes/digest.h"

namespace crossload::verify {

void FileHashes::start(const std::vector<std::filesystem::path>& files) {
  std::vector<std::packaged_task<std::string()>> tasks;
  for (const std::filesystem::path& file : files) {
    tasks.emplace_back([file] { return bytes::sha256_of_file(file); });
    hashes_[file] = tasks.back().get_future().share();
  }
  workers_.push_back(std::async(std::launch::async, [queue = std::move(tasks)]() mutable {
    for (std::packaged_task<std::string()>& task : queue) task();
  }));
}

std::string FileHashes::of(const std::filesystem::path& file) {
  const auto found = hashes_.find(file);
  return found != hashes_.end() ? found->second.get() : bytes::sha256_of_file(file);
}

}  // namespace crossload::verify
