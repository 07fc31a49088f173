// The MetaGraphDef of a SavedModel: its functions and its serving signature.
#include "export/saved_model_functions.h"
#include "export/saved_model_proto.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  return fuzz::expect_error_or_success([&] {
    exporting::read_saved_functions(bytes, "x");
    exporting::read_serving_signature(bytes, "x");
  });
}
