// Lists the models that the installed library has, loads a checkpoint, and converts it without comparing.
//
//   consumer CHECKPOINT OUTPUT_FOLDER
#include <crossload/auto_model.h>
#include <crossload/convert.h>
#include <crossload/error.h>
#include <crossload/inspect.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  for (const crossload::ListedModel& model : crossload::list_models()) {
    for (const crossload::ListedHead& head : model.heads) {
      std::printf("%s %s\n", model.model_type.c_str(), head.name.c_str());
    }
  }
  try {
    const auto model = crossload::TFAutoModel::from_pretrained(argv[1], {.from_pt = true});
    std::printf("loaded %s\n", model.class_name().c_str());
    crossload::ConvertOptions options;
    options.model = argv[1];
    options.output = argv[2];
    options.formats = {crossload::Format::kH5, crossload::Format::kSafetensors};
    options.verify = false;
    for (const std::string& file : crossload::convert(options).files) std::printf("wrote %s\n", file.c_str());
  } catch (const crossload::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
  return 0;
}
