// Whole files of torch.save, both containers.
#include "checkpoint/pytorch_file.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const fuzz::Input input({data, size});
  return fuzz::expect_error_or_success([&] {
    const checkpoint::PyTorchFile file = checkpoint::PyTorchFile::parse(input.bytes(), input.owner, "x");
    for (const auto& [name, view] : file.tensors()) fuzz::touch(view);
    checkpoint::without_wrapper_prefixes(file.tensors());
  });
}
