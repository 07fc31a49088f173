// TensorBundles. The input is the index; behind its last four bytes, which are the index's size, the data.
#include <cstring>

#include "export/tensor_bundle.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  if (size < 4) return 0;
  std::uint32_t index = 0;
  std::memcpy(&index, data + size - 4, 4);
  const fuzz::Input input({data, size - 4});
  const std::size_t split = std::min<std::size_t>(index, size - 4);
  fuzz::file_of(input.text().substr(0, split), "b.index");
  fuzz::file_of(input.text().substr(split), "b.data-00000-of-00001");
  return fuzz::expect_error_or_success([&] {
    const exporting::TensorBundle bundle = exporting::TensorBundle::open(fuzz::folder() / "b");
    for (const auto& [key, entry] : bundle.entries()) {
      fuzz::expect_error_or_success([&, &key = key] { fuzz::touch(bundle.tensor(key)); });
      fuzz::expect_error_or_success([&, &key = key] { bundle.string(key); });
    }
    bundle.variable_names();
  });
}
