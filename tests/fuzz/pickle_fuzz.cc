// Pickles, opcode by opcode.
#include "checkpoint/unpickler.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const fuzz::Input input({data, size});
  return fuzz::expect_error_or_success([&] {
    const checkpoint::Pickle pickle = checkpoint::unpickle(input.bytes(), "x");
    if (pickle.root == nullptr || pickle.end > size) std::abort();
  });
}
