#include "contribute/copied_class.h"

#include <algorithm>
#include <iterator>

namespace crossload::contribute {
namespace {

bool same_text(const Word& one, const Word& other) { return one.text == other.text; }

bool are_equal(const std::vector<Word>& one, const std::vector<Word>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), same_text);
}

void append(const Text& lines, std::size_t begin, std::size_t end, Text* out) {
  out->insert(out->end(), lines.begin() + static_cast<std::ptrdiff_t>(begin),
              lines.begin() + static_cast<std::ptrdiff_t>(end));
}

}  // namespace

CopiedClass::CopiedClass(const Text& source, const ClassMembers& original, const Text& lines, const ClassMembers& copy)
    : source_(source), original_(original), lines_(lines), copy_(copy) {
  for (const Member& member : original_.members) {
    Wanted wanted{&member, member.ignored ? State::kIgnored : State::kDiffers, nullptr};
    for (const Member& own : copy_.members) {
      if (member.ignored || own.ignored || own.name != member.name || is_matched(own)) continue;
      if (!are_equal(own.words, member.words)) continue;
      wanted.state = State::kEqual;
      wanted.own = &own;
      break;
    }
    wanted_.push_back(wanted);
  }
  for (const Member& own : copy_.members) {
    if (!own.ignored) continue;
    const auto found = std::find_if(wanted_.begin(), wanted_.end(), [&](const Wanted& one) {
      return one.state == State::kDiffers && one.member->name == own.name;
    });
    if (found == wanted_.end()) continue;
    found->state = State::kReplaced;
    found->own = &own;
  }
}

bool CopiedClass::is_matched(const Member& member) const {
  return std::any_of(wanted_.begin(), wanted_.end(), [&](const Wanted& one) { return one.own == &member; });
}

const CopiedClass::Wanted* CopiedClass::named(const std::string& name, State state) const {
  const auto found = std::find_if(wanted_.begin(), wanted_.end(),
                                  [&](const Wanted& one) { return one.state == state && one.member->name == name; });
  return found == wanted_.end() ? nullptr : &*found;
}

std::string CopiedClass::difference() const {
  std::vector<Word> wanted = original_.head;
  std::vector<Word> got = copy_.head;
  for (const Wanted& one : wanted_) {
    if (one.state != State::kEqual && one.state != State::kDiffers) continue;
    wanted.insert(wanted.end(), one.member->words.begin(), one.member->words.end());
  }
  for (const Member& own : copy_.members) {
    if (!own.ignored) got.insert(got.end(), own.words.begin(), own.words.end());
  }
  const auto [w, g] = std::mismatch(wanted.begin(), wanted.end(), got.begin(), got.end(), same_text);
  if (w == wanted.end() && g == got.end()) return "";
  const std::size_t line = g == got.end() ? copy_.end : g->line + 1;
  return "line " + std::to_string(line) + " has \"" + (g == got.end() ? "}" : g->text) + "\" where \"" +
         (w == wanted.end() ? "}" : w->text) + "\" is wanted";
}

std::string CopiedClass::obstacle(const std::string& name) const {
  for (const Member& own : copy_.members) {
    if (own.ignored || own.name.empty() || is_matched(own)) continue;
    const std::string where = "line " + std::to_string(own.code + 1) + ": " + copy_.name + "." + own.name;
    if (named(own.name, State::kDiffers) == nullptr) {
      return "not rewritten, since " + where + " is not in " + name +
             " and would be lost; take it out, or put `// Ignore copy` above it and an empty line below";
    }
    if (own.ignores_some) {
      return "not rewritten, since " + where +
             " has lines under `// Ignore copy` that would be lost; change the others by hand";
    }
  }
  return "";
}

std::vector<CopiedClass::Group> CopiedClass::groups() const {
  std::vector<Group> groups;
  const Member* before = nullptr;
  bool open = false;
  for (const Member& own : copy_.members) {
    if (own.ignored && !open) groups.push_back({own.begin, own.end, before, {}});
    open = own.ignored;
    if (own.ignored) {
      groups.back().end = own.end;
      groups.back().members.push_back(&own);
    } else {
      before = &own;
    }
  }
  return groups;
}

/// Where in the original it stands or what it follows; nullptr at the beginning.
const CopiedClass::Wanted* CopiedClass::place_of(const Group& group) const {
  for (const Wanted& one : wanted_) {
    const bool is_own = std::find(group.members.begin(), group.members.end(), one.own) != group.members.end();
    if (one.state == State::kReplaced && is_own) return &one;
  }
  if (group.after == nullptr) return nullptr;
  for (const Wanted& one : wanted_) {
    if (one.own == group.after) return &one;
  }
  const Wanted* const rewritten = named(group.after->name, State::kDiffers);
  return rewritten != nullptr || wanted_.empty() ? rewritten : &wanted_.back();
}

std::vector<Rewritten> CopiedClass::rewrite(Text* lines) const {
  std::vector<Rewritten> rewritten;
  Text fresh;
  if (!are_equal(original_.head, copy_.head)) rewritten.push_back({copy_.begin, copy_.name});
  append(source_, original_.begin, original_.body, &fresh);
  const std::vector<Group> own_parts = groups();
  bool after_own_part = false;  // which an empty line must end
  const auto add = [&](const Text& from, std::size_t begin, std::size_t end) {
    if (after_own_part && !trimmed(from[begin]).empty()) fresh.emplace_back();
    after_own_part = false;
    append(from, begin, end, &fresh);
  };
  const auto add_own_parts = [&](const Wanted* place) {
    for (const Group& group : own_parts) {
      if (place_of(group) != place) continue;
      add(lines_, group.begin, group.end);
      after_own_part = true;
    }
  };
  add_own_parts(nullptr);
  for (const Wanted& one : wanted_) {
    if (one.state == State::kEqual) add(lines_, one.own->begin, one.own->end);
    if (one.state == State::kDiffers) {
      add(source_, one.member->begin, one.member->end);
      const std::size_t line = copy_.begin + fresh.size() - (one.member->end - one.member->code);
      rewritten.push_back({line, copy_.name + "." + one.member->name});
    }
    add_own_parts(&one);
  }
  fresh.emplace_back("};");
  if (rewritten.empty()) rewritten.push_back({copy_.begin, "the order of " + copy_.name});
  const auto begin = lines->begin() + static_cast<std::ptrdiff_t>(copy_.begin);
  const auto end = lines->begin() + static_cast<std::ptrdiff_t>(copy_.end);
  lines->insert(lines->erase(begin, end), fresh.begin(), fresh.end());
  return rewritten;
}

}  // namespace crossload::contribute
