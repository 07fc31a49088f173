// Traced programs: safetensors with a graph as JSON in the metadata.
#include "fuzz_input.h"
#include "program/program.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const fuzz::Input input({data, size});
  const std::filesystem::path path = fuzz::file_of(input.text(), "x.safetensors");
  return fuzz::expect_error_or_success([&] {
    const program::Program program = program::read_program(path);
    for (const auto& [name, view] : program.tensors) fuzz::touch(view);
    // What is relied on: a parameter's tensor is there, and its sizes are numbers.
    for (const program::Parameter& parameter : program.parameters) {
      if (!parameter.value.empty()) fuzz::touch(program.tensors.at(parameter.value));
      for (const program::Size& one : parameter.type.shape) static_cast<void>(std::get<std::int64_t>(one));
    }
  });
}
