// The model card, README.md: text under a header of YAML between two lines "---".
#pragma once

#include <optional>
#include <string>

namespace crossload::hub {

enum class CardEdit {
  kNone,     // the tag is there already
  kEdited,   // the text is the card with the tag
  kUnclear,  // the header is of a form that is not edited: the card stays as it is
};

struct EditedCard {
  CardEdit edit = CardEdit::kNone;
  std::string text;
};

/// Adds `tag` to the header's `tags`, changing nothing else: a line more in a list of lines, a word more in a list in
/// brackets, `tags:` at the header's end when it has none, a header when the card has none. Line ends stay as they are.
EditedCard with_tag(const std::string& card, const std::string& tag);

}  // namespace crossload::hub
