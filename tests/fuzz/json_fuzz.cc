// JSON documents, and config.json. What is written is read back to the same text.
#include "bytes/json.h"
#include "checkpoint/config.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const fuzz::Input input({data, size});
  fuzz::expect_error_or_success([&] {
    const std::string dumped = bytes::Json::parse(input.text(), "x").dump();
    if (bytes::Json::parse(dumped, "x").dump() != dumped) std::abort();
  });
  return fuzz::expect_error_or_success([&] {
    const checkpoint::Config config = checkpoint::Config::parse(std::string(input.text()), "x");
    config.model_type();
    config.architectures();
  });
}
