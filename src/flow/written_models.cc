#include "flow/written_models.h"

#include "artifact/weight_formats.h"
#include "load/sentence.h"

namespace crossload::flow {

WrittenModels::WrittenModels(const checkpoint::Checkpoint& checkpoint, const RunSettings& settings,
                             std::set<Format> formats, DType dtype)
    : checkpoint_(checkpoint),
      formats_(std::move(formats)),
      chosen_(load::choose_class(checkpoint, settings.override_model_class)),
      whole_(load::load_from_pytorch(
          checkpoint, chosen_.written_as(formats_.contains(Format::kSavedModel) ? Format::kSavedModel : Format::kH5),
          settings.ignore_tensors)) {
  whole_.weights->store_as(dtype);
  if (!whole_.model_class.sentence) return;
  transformer_ = load::load_from_pytorch(checkpoint, chosen_.written_as(Format::kH5), settings.ignore_tensors);
  transformer_->weights->store_as(dtype);
}

const load::LoadedModel& WrittenModels::of(Format format) const {
  return transformer_ && format != Format::kSavedModel ? *transformer_ : whole_;
}

const load::LoadedModel& WrittenModels::of(const std::string& format) const {
  Format known = Format::kSavedModel;
  parse_format(format, &known);
  return of(known);
}

artifact::ArtifactSource WrittenModels::source() const {
  const load::ModelClass& model_class = whole_.model_class;
  return {checkpoint_.folder(),
          checkpoint_.files(),
          checkpoint_.config(),
          model_class.pytorch_name(),
          model_class.architecture->model_type,
          model_class.sentence ? checkpoint_.path() : std::filesystem::path()};
}

std::vector<std::filesystem::path> WrittenModels::files() const {
  return load::files_of(checkpoint_, whole_.model_class);
}

std::filesystem::path WrittenModels::reference(const std::filesystem::path& named) const {
  return whole_.model_class.sentence ? named : checkpoint_.folder();
}

std::vector<std::string> WrittenModels::notes() const {
  std::vector<std::string> notes = whole_.weights->notes();
  if (!chosen_.sentence) return notes;
  const std::vector<std::string> of_modules = load::notes_of(*chosen_.sentence);
  notes.insert(notes.end(), of_modules.begin(), of_modules.end());
  if (!whole_.model_class.sentence) {
    notes.push_back(
        "sentence embeddings are in the SavedModel alone, which --formats leaves out: this is the transformer");
    return notes;
  }
  std::string others;
  for (const Format format : formats_) {
    if (format != Format::kSavedModel) others += (others.empty() ? "" : ", ") + artifact::written_name(format);
  }
  if (!others.empty()) {
    notes.push_back(others +
                    ": the transformer alone, as Transformers 4 has it; sentence_embedding is a signature of "
                    "the SavedModel");
  }
  return notes;
}

}  // namespace crossload::flow
