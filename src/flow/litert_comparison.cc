#include "flow/litert_comparison.h"

#include "artifact/artifact_folder.h"
#include "artifact/weight_formats.h"
#include "bytes/mapped_file.h"
#include "bytes/temporary_folder.h"
#include "crossload/error.h"
#include "flow/litert.h"
#include "flow/prove.h"

namespace crossload::flow {
namespace {

namespace fs = std::filesystem;
using Kind = CertificateCheck::Kind;

constexpr const char* kOtherwise = "move model.tflite out of the folder";

auto said_in(const Step& step) {
  return [&step](const std::string& what) { step.say("LiteRT: " + what); };
}

/// What is other in two files: nothing, or "12 of 5000 bytes are other ones, the first at 17".
std::string difference_of(const fs::path& one, const fs::path& other) {
  const auto a = bytes::MappedFile::open(one);
  const auto b = bytes::MappedFile::open(other);
  const auto [first, second] = std::pair(a->bytes(), b->bytes());
  if (first.size() != second.size())
    return "it has " + std::to_string(first.size()) + " bytes, wanted " + std::to_string(second.size());
  std::size_t count = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i] == second[i]) continue;
    if (count++ == 0) begin = i;
  }
  if (count == 0) return "";
  return std::to_string(count) + " of " + std::to_string(first.size()) + " bytes are other ones, the first at " +
         std::to_string(begin);
}

}  // namespace

verify::LitertReport compare_litert(const CompareOptions& options, const load::LoadedModel& loaded,
                                    const verify::Trace& trace, const std::shared_ptr<const tf::Library>& library,
                                    const Step& step) {
  step.begin();
  const RunSettings& settings = options.settings;
  const bytes::TemporaryFolder folder("litert");
  const verify::LitertProcess process(settings.python, folder.path(), kOtherwise);
  const exporting::ServedStages served = exporting::served_stages(library, *loaded.model, *loaded.weights);
  const bool look_inside = options.litert_type.value_or(LitertType::kFloat32) == LitertType::kFloat32;
  const verify::LitertRuns runs = process.run(options.artifact / artifact::kLitertFile, trace.path(),
                                              look_inside ? &served : nullptr, settings.threads, said_in(step));
  verify::LitertConversion file = runs.file;
  file.type = options.litert_type.value_or(file.type);
  return verify::judge_litert(file, runs, served, trace, tolerances_of(settings), options.litert_max_error);
}

CertificateCheck convert_litert_again(const bytes::Json& certified, const CompareOptions& options,
                                      const load::LoadedModel& source,
                                      const std::shared_ptr<const tf::Library>& library, const Step& step) {
  step.begin();
  const std::string subject = "replay: litert";
  const bytes::TemporaryFolder folder("litert");
  const fs::path made = folder.path() / artifact::kLitertFile;
  write_saved_model(source, library, folder.path());
  const verify::LitertProcess process(options.settings.python, folder.path(), kOtherwise);
  std::string converter;
  try {
    converter = process
                    .convert(folder.path() / artifact::kSavedModelFolder, litert_signatures(*source.model),
                             options.litert_type.value_or(LitertType::kFloat32), made, said_in(step))
                    .converter;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kEnvironment) throw;
    return {Kind::kNote, subject, std::string("was not made again: ") + error.what()};
  }
  const std::string difference = difference_of(options.artifact / artifact::kLitertFile, made);
  const std::string maker = "the converter of TensorFlow " + converter;
  if (difference.empty()) return {Kind::kHolds, subject, "is byte by byte what " + maker + " makes of the checkpoint"};
  const std::string before = certified.contains("converter") ? certified.at("converter").as_string() : "unknown";
  if (converter != before)
    return {Kind::kNote, subject, maker + " makes another file than the certified one, " + before + ", did"};
  return {Kind::kDiffers, subject, "is not what " + maker + " makes of the checkpoint: " + difference};
}

}  // namespace crossload::flow
