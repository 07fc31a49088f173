// A class of a source cut into its members: runs of whole lines, each with a name, without a compiler.
//
//     1  class TFBertOutput : public Module<TFBertOutput> {
//     2   public:                                              "public"
//     3    Tensor call(const Tensor& x) const {                "call", lines 3 to 5
//     4      return dense(x);
//     5    }
//     6
//     7    // Ignore copy
//     8    const Dense dense;                                  "dense", lines 6 to 8, ignored
//     9  };
//
// What begins at a line `// Ignore copy` (with or without a reason after it) is ignored up to the next empty line
// between two members; inside a member, up to the next empty line or the end of the block that the mark is in.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace crossload::contribute {

using Text = std::vector<std::string>;  // a file's lines

/// A word and the line it is on.
struct Word {
  std::string text;
  std::size_t line;
};

struct Member {
  std::string name;           // "call", "dense", "public"; "" for comments at the end of the class
  std::size_t begin = 0;      // with the comments and empty lines above
  std::size_t code = 0;       // its first line that is neither
  std::size_t end = 0;        // behind its last line
  bool ignored = false;       // as a whole
  bool ignores_some = false;  // a part of it
  std::vector<Word> words;    // layout and ignored parts fall away
};

struct ClassMembers {
  std::string name;
  std::size_t begin = 0;  // the line `class ...`
  std::size_t end = 0;    // behind the line "};"
  std::size_t body = 0;   // the first line of its members
  std::vector<Word> head;
  std::vector<Member> members;
};

/// The class that begins on the line `from`; nothing when none does, or when it does not end in a line "};".
std::optional<ClassMembers> class_at(const Text& lines, std::size_t from);

/// The class of the name.
std::optional<ClassMembers> class_named(const Text& lines, const std::string& name);

/// Without blanks around it.
std::string trimmed(const std::string& text);

}  // namespace crossload::contribute
