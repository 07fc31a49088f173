// Loads a PyTorch checkpoint, calls it, saves it for TensorFlow.
//
//   call_bert MODEL_FOLDER OUTPUT_FOLDER
#include <cstdio>
#include <exception>

#include "crossload/auto_model.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: call_bert MODEL_FOLDER OUTPUT_FOLDER\n");
    return 2;
  }
  try {
    const auto model = crossload::TFAutoModel::from_pretrained(argv[1], {.from_pt = true});
    const crossload::NamedArrays outputs = model(model.dummy_inputs());
    for (const auto& [name, values] : outputs) {
      std::printf("%s %s, first element %g\n", name.c_str(), crossload::to_string(values.shape()).c_str(),
                  static_cast<double>(values.floats().front()));
    }
    for (const std::string& file : model.save_pretrained(argv[2])) std::printf("wrote %s\n", file.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "call_bert: %s\n", error.what());
    return 1;
  }
  return 0;
}
