// Traces of PyTorch: safetensors with lists in the metadata.
#include "fuzz_input.h"
#include "verify/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const fuzz::Input input({data, size});
  const std::filesystem::path path = fuzz::file_of(input.text(), "x.safetensors");
  return fuzz::expect_error_or_success([&] {
    const verify::Trace trace = verify::Trace::open(path);
    for (const auto& [name, view] : trace.inputs()) fuzz::touch(view);
    for (const verify::TracedStage& stage : trace.stages()) {
      for (const std::string& tensor : stage.tensors) trace.find("stage." + tensor);
    }
    trace.metadata("config");
  });
}
