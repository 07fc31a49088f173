// Zip archives: the directory, zip64, inflating.
#include "checkpoint/zip_archive.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const fuzz::Input input({data, size});
  return fuzz::expect_error_or_success([&] {
    const checkpoint::ZipArchive archive = checkpoint::ZipArchive::parse(input.bytes(), input.owner, "x");
    for (const auto& [name, entry] : archive.entries()) {
      fuzz::expect_error_or_success([&, &name = name, &entry = entry] {
        if (archive.read(name).bytes.size() != entry.size) std::abort();
      });
    }
  });
}
