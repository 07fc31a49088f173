#include "verify/litert_process.h"

#include <cstring>
#include <span>

#include "bytes/output_file.h"
#include "bytes/text_file.h"
#include "checkpoint/safetensors.h"
#include "crossload/error.h"
#include "tensor/integers.h"
#include "verify/python_process.h"

namespace crossload {

/// tools/convert_litert.py and what it imports, embedded by the build: path, text, path, text, ..., nullptr.
extern const char* const litert_files[];

namespace verify {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "convert_litert.py";

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ",") + name;
  return all;
}

std::map<std::string, std::int64_t> counts(const bytes::Json& document) {
  std::map<std::string, std::int64_t> result;
  for (const auto& [name, count] : document.members()) result.emplace(name, count.as_integer());
  return result;
}

bytes::Json described(const exporting::ServedStages& served) {
  bytes::Json nodes = bytes::Json::array();
  for (const std::string& node : served.nodes) nodes.push_back(node);
  bytes::Json stages = bytes::Json::object();
  for (std::size_t i = 0; i < served.stages.size(); ++i) stages.set(std::to_string(i), served.stages[i].node);
  bytes::Json document = bytes::Json::object();
  document.set("nodes", nodes);
  document.set("stages", stages);
  return document;
}

/// What an interpreter returned: float32, or whole numbers.
Values values_of(const tensor::TensorView& view, const std::string& name, const Shape& symbolic) {
  Values values;
  values.symbolic = symbolic;
  values.shape = view.shape;
  if (view.dtype == DType::kF32) {
    values.elements.resize(view.bytes.size() / sizeof(float));
    std::memcpy(values.elements.data(), view.bytes.data(), view.bytes.size());
  } else if (view.dtype == DType::kI32 || view.dtype == DType::kI64 || view.dtype == DType::kBool) {
    values.kind = view.dtype == DType::kBool ? NumberKind::kBoolean : NumberKind::kInteger;
    const std::size_t width = size_of(view.dtype);
    for (std::size_t at = 0; at < view.bytes.size(); at += width)
      values.integers.push_back(tensor::integer_at(view.dtype, &view.bytes[at]));
  } else {
    throw Error(ErrorKind::kUnsupported, "model.tflite: returns " + name + " as " + std::string(name_of(view.dtype)) +
                                             ", wanted float32 or whole numbers");
  }
  return values;
}

/// "a/b/c" at the slashes.
std::vector<std::string> parts_of(const std::string& name, std::size_t count) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (parts.size() + 1 < count) {
    const std::size_t slash = name.find('/', begin);
    if (slash == std::string::npos) break;
    parts.push_back(name.substr(begin, slash - begin));
    begin = slash + 1;
  }
  parts.push_back(name.substr(begin));
  return parts;
}

/// What both reports say of a file.
LitertConversion file_of(const bytes::Json& document) {
  LitertConversion file;
  parse_litert_type(document.at("type").as_string(), &file.type);
  file.bytes = document.at("bytes").as_integer();
  for (const bytes::Json& name : document.at("signatures").elements()) file.signatures.push_back(name.as_string());
  file.operators = counts(document.at("operators"));
  return file;
}

LitertRuns read_results(const fs::path& path) {
  const checkpoint::SafetensorsFile file = checkpoint::SafetensorsFile::open(path);
  const bytes::Json about = bytes::Json::parse(file.metadata().at("litert"), path.string());
  LitertRuns result;
  result.file = file_of(about.at("file"));
  for (const bytes::Json& entry : about.at("interpreters").elements()) {
    result.interpreters.push_back({entry.at("name").as_string(), entry.at("version").as_string()});
  }
  std::map<std::string, Shape> symbolic;
  for (const auto& [name, sizes] : about.at("symbolic").members()) {
    for (const bytes::Json& size : sizes.elements()) symbolic[name].push_back(size.as_integer());
  }
  std::map<std::vector<std::string>, LitertRun> runs;
  for (const auto& [name, view] : file.tensors()) {
    const std::vector<std::string> parts = parts_of(name, 4);  // <run>/<interpreter>/<signature>/<output>
    if (parts.size() == 3 && parts[1] == "stage") {
      result.stages.emplace(std::stoul(parts[2]), values_of(view, name, symbolic[name]));
      continue;
    }
    LitertRun& run = runs[{parts.at(0), parts.at(1), parts.at(2)}];
    run.outputs.emplace(parts.at(3), values_of(view, name, symbolic[name]));
  }
  for (auto& [key, run] : runs) result.runs.push_back({key[0], key[1], key[2], std::move(run.outputs)});
  for (const bytes::Json& entry : about.at("failures").elements()) {
    result.runs.push_back({entry.at("run").as_string(),
                           entry.at("interpreter").as_string(),
                           entry.at("signature").as_string(),
                           {},
                           entry.at("error").as_string()});
  }
  return result;
}

}  // namespace

LitertConversion LitertProcess::convert(const fs::path& saved_model, const std::vector<std::string>& signatures,
                                        LitertType type, const fs::path& file, const Progress& progress) const {
  const fs::path report = folder_ / "litert.json";
  call({"convert", "--saved-model", saved_model.string(), "--signatures", joined(signatures), "--type",
        std::string(name_of(type)), "--output", file.string(), "--report", report.string()},
       progress);
  const bytes::Json document = bytes::Json::parse(bytes::read_text(report), report.string());
  LitertConversion conversion = file_of(document);
  conversion.converter = document.at("converter").as_string();
  for (const auto& [name, made_of] : document.at("rewritten").at("litert").members()) {
    conversion.made_of.emplace(name, counts(made_of));
  }
  return conversion;
}

LitertRuns LitertProcess::run(const fs::path& file, const fs::path& trace, const exporting::ServedStages* stages,
                              int threads, const Progress& progress) const {
  const fs::path output = folder_ / "litert.safetensors";
  std::vector<std::string> arguments = {"run",           "--model",      file.string(),
                                        "--trace",       trace.string(), "--output",
                                        output.string(), "--threads",    std::to_string(threads)};
  if (stages != nullptr) {
    const fs::path known = folder_ / "stages.json";
    bytes::write_file(known, described(*stages).dump());
    arguments.insert(arguments.end(), {"--stages", known.string()});
  }
  call(arguments, progress);
  return read_results(output);
}

void LitertProcess::call(const std::vector<std::string>& arguments, const Progress& progress) const {
  const PythonFiles files(folder_ / "program", litert_files);
  std::vector<std::string> words = {files.at(kProgram).string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  PythonProcess({"LiteRT", "tensorflow-cpu", otherwise_}, python_, words).wait(progress);
}

}  // namespace verify
}  // namespace crossload
