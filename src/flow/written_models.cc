#include "flow/written_models.h"

#include "artifact/weight_formats.h"
#include "bytes/mapped_file.h"
#include "bytes/output_file.h"
#include "load/sentence.h"

namespace crossload::flow {
namespace {

/// What follows a transformer has a place where there are signatures.
bool has_signatures(const std::set<Format>& formats) {
  return formats.contains(Format::kSavedModel) || formats.contains(Format::kLitert);
}

/// The one of the formats that has most of a checkpoint.
Format richest(const std::set<Format>& formats) { return has_signatures(formats) ? Format::kSavedModel : Format::kH5; }

/// What a user of a traced model may miss.
std::vector<std::string> notes_of(const program::Program& program) {
  std::vector<std::string> notes = {
      "traced by torch.export: the graph is that of evaluation, so that variables can be trained and dropout is "
      "absent"};
  for (const program::FrozenAxis& axis : program.frozen) {
    notes.push_back("axis " + std::to_string(axis.axis) + " of " + axis.input + " is " + std::to_string(axis.size) +
                    " alone: PyTorch's own code fixes it when it is traced");
  }
  for (const program::HeldInput& held : program.held) {
    notes.push_back(held.name + " is " + held.value +
                    " alone: PyTorch takes its way through the model by these numbers, so that they are in the graph, "
                    "and no input");
  }
  return notes;
}

}  // namespace

WrittenModels::WrittenModels(const checkpoint::Checkpoint& checkpoint, const RunSettings& settings,
                             std::set<Format> formats, DType dtype,
                             const std::shared_ptr<const program::Program>& program)
    : checkpoint_(checkpoint),
      formats_(std::move(formats)),
      trusts_code_(settings.trust_remote_code),
      chosen_(program ? load::ModelClass{.program = program}
                      : load::choose_class(checkpoint, settings.override_model_class)),
      whole_(load::load_from_pytorch(checkpoint, chosen_.written_as(richest(formats_)), settings.ignore_tensors)) {
  whole_.weights->store_as(dtype);
  if (!whole_.model_class.sentence) return;
  transformer_ = load::load_from_pytorch(checkpoint, chosen_.written_as(Format::kH5), settings.ignore_tensors);
  transformer_->weights->store_as(dtype);
}

const load::LoadedModel& WrittenModels::of(Format format) const {
  return transformer_ && !has_signatures({format}) ? *transformer_ : whole_;
}

const load::LoadedModel& WrittenModels::of(const std::string& format) const {
  Format known = Format::kSavedModel;
  parse_format(format, &known);
  return of(known);
}

void WrittenModels::write_program(const std::filesystem::path& folder) const {
  if (!chosen_.program) return;
  const auto file = bytes::MappedFile::open(chosen_.program->file);
  bytes::OutputFile written(folder / artifact::kProgramFile);
  written.append(file->bytes());
  written.close();
}

artifact::ArtifactSource WrittenModels::source() const {
  const load::ModelClass& model_class = whole_.model_class;
  return {checkpoint_.folder(),     checkpoint_.files(),
          checkpoint_.config(),     model_class.pytorch_name(),
          model_class.model_type(), model_class.sentence ? checkpoint_.path() : std::filesystem::path()};
}

std::vector<std::filesystem::path> WrittenModels::files() const {
  return load::files_of(checkpoint_, whole_.model_class, trusts_code_);
}

std::filesystem::path WrittenModels::reference(const std::filesystem::path& named) const {
  return whole_.model_class.sentence ? named : checkpoint_.folder();
}

std::vector<std::string> WrittenModels::notes() const {
  std::vector<std::string> notes = whole_.weights->notes();
  if (chosen_.program) {
    const std::vector<std::string> of_program = notes_of(*chosen_.program);
    notes.insert(notes.end(), of_program.begin(), of_program.end());
  }
  if (!chosen_.sentence) return notes;
  const std::vector<std::string> of_modules = load::notes_of(*chosen_.sentence);
  notes.insert(notes.end(), of_modules.begin(), of_modules.end());
  if (!whole_.model_class.sentence) {
    notes.push_back(
        "sentence embeddings are in saved_model and litert alone, which --formats leaves out: this is the transformer");
    return notes;
  }
  std::string others;
  for (const Format format : formats_) {
    if (!has_signatures({format})) others += (others.empty() ? "" : ", ") + artifact::written_name(format);
  }
  if (!others.empty()) {
    notes.push_back(others +
                    ": the transformer alone, as Transformers 4 has it; sentence_embedding is a signature of " +
                    std::string(formats_.contains(Format::kSavedModel) ? "the SavedModel" : "model.tflite"));
  }
  return notes;
}

}  // namespace crossload::flow
