// A class under a mark `// Copied from` beside the class that it copies: how they differ, and the one brought up to
// date.
#pragma once

#include <string>
#include <vector>

#include "contribute/class_members.h"

namespace crossload::contribute {

/// A part of the class that was written anew.
struct Rewritten {
  std::size_t line;  // in the new text, from 0
  std::string what;  // "TFElectraOutput.call"
};

/// Members are compared by their words, in their order. A member that the copy ignores stands for the first of its name
/// in the original that the copy does not have; when there is none, it is one that the copy adds.
class CopiedClass {
 public:
  /// `source` with the mark's replacements made. All must live as long as this.
  CopiedClass(const Text& source, const ClassMembers& original, const Text& lines, const ClassMembers& copy);

  /// The first word that is not as it should be; empty when there is none.
  std::string difference() const;

  /// Why the copy must not be rewritten, and what to do: nothing of it may be lost that no mark gives away. Empty when
  /// it may be. `name`: of the original, "bert.TFBertOutput".
  std::string obstacle(const std::string& name) const;

  /// Puts the class as it should be in the place of the copy. What the copy ignores, and members that are right, stay
  /// as they are.
  std::vector<Rewritten> rewrite(Text* lines) const;

 private:
  enum class State { kIgnored, kReplaced, kEqual, kDiffers };
  /// A member of the original and what the copy has for it.
  struct Wanted {
    const Member* member;
    State state;
    const Member* own;  // kReplaced, kEqual: the copy's
  };
  /// Ignored members of the copy that follow each other, and the one before them.
  struct Group {
    std::size_t begin;  // lines
    std::size_t end;
    const Member* after;  // nullptr at the beginning
    std::vector<const Member*> members;
  };

  bool is_matched(const Member& member) const;
  const Wanted* named(const std::string& name, State state) const;
  std::vector<Group> groups() const;
  const Wanted* place_of(const Group& group) const;

  const Text& source_;
  const ClassMembers& original_;
  const Text& lines_;
  const ClassMembers& copy_;
  std::vector<Wanted> wanted_;
};

}  // namespace crossload::contribute
