// A folder of sentence-transformers as one model.
#pragma once

#include <memory>

#include "checkpoint/sentence_modules.h"
#include "keras/model.h"
#include "keras/weights.h"
#include "load/loaded_model.h"

namespace crossload::load {

/// The class that sentence-transformers makes of a transformer's configuration, whatever class was saved: the base
/// model, of T5 its encoder.
ModelClass transformer_class(const checkpoint::Config& config);

/// The transformer, and the modules bound behind it. Throws Error(kBadInput) or Error(kUnsupported), which name the file,
/// for modules whose configuration is wrong or not supported, or does not fit what comes before.
std::unique_ptr<keras::Model> with_sentence_modules(std::unique_ptr<keras::Model> transformer,
                                                    const checkpoint::SentenceModules& modules,
                                                    const keras::Scope& scope);

/// Sentences for the user about modules that depend on more than the inputs.
std::vector<std::string> notes_of(const checkpoint::SentenceModules& modules);

}  // namespace crossload::load
