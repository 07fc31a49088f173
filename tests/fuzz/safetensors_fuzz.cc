// The safetensors format: header, offsets, data.
#include "checkpoint/safetensors.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const fuzz::Input input({data, size});
  return fuzz::expect_error_or_success([&] {
    const checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::parse(input.bytes(), input.owner, "x");
    for (const auto& [name, view] : file.tensors()) fuzz::touch(view);
  });
}
