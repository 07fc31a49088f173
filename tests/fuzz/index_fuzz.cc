// model.safetensors.index.json and pytorch_model.bin.index.json beside one shard of each kind.
#include "checkpoint/checkpoint.h"
#include "fuzz_input.h"

namespace {

void make_folder(const std::string& shard, const std::string& bytes) {
  crossload::fuzz::file_of(R"({"model_type":"bert"})", "config.json");
  crossload::fuzz::file_of(bytes, shard);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossload;
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  static const bool made = [&] {
    make_folder("a.safetensors",
                std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header + "x");
    return true;
  }();
  if (!made) std::abort();
  const fuzz::Input input({data, size});
  fuzz::file_of(input.text(), "model.safetensors.index.json");
  return fuzz::expect_error_or_success([&] {
    const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(fuzz::folder());
    for (const auto& [name, view] : checkpoint.tensors()) fuzz::touch(view);
    for (const auto& path : checkpoint.files()) {
      if (path.parent_path() != fuzz::folder()) std::abort();  // nothing outside is read
    }
  });
}
