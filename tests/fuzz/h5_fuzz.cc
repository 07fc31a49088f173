// HDF5 files as input: those of Keras.
#include "export/h5_reader.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  constexpr std::int64_t kMaxRead = 1 << 20;
  const fuzz::Input input({data, size});
  const std::filesystem::path path = fuzz::file_of(input.text(), "x.h5");
  for (const exporting::H5Kind kind : {exporting::H5Kind::kSingle, exporting::H5Kind::kShard}) {
    fuzz::expect_error_or_success([&] {
      const exporting::H5File file = exporting::H5File::open(path, kind);
      for (const auto& [name, tensor] : file.tensors()) {
        std::vector<float> values(static_cast<std::size_t>(std::min(kMaxRead, element_count(tensor.shape))));
        if (!values.empty()) file.read(name, 0, values);
      }
    });
  }
  return 0;
}
