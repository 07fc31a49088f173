#include "contribute/readiness.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "bytes/json.h"
#include "bytes/text_file.h"
#include "contribute/blocks.h"
#include "contribute/copies.h"
#include "contribute/naming.h"
#include "contribute/scaffold.h"
#include "contribute/source_text.h"
#include "crossload/error.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;

int line_at(const std::string& text, std::size_t position) {
  return 1 + static_cast<int>(std::count(
                 text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(position, text.size())), '\n'));
}

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex form(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), form), end; at != end; ++at) found.push_back((*at)[1]);
  return found;
}

/// The names by which a class calls what is of these types: its members, parameters, and the variables of loops.
std::set<std::string> callables(const std::string& text, const std::set<std::string>& types) {
  std::set<std::string> names;
  const std::regex member("\n  (?:const )?(?:std::(?:vector|optional|deque|unique_ptr)<(?:const )?)?(\\w+)>? (\\w+);");
  const std::regex parameter("const (\\w+)& (\\w+)[,)]");
  for (const std::regex& form : {member, parameter}) {
    for (std::sregex_iterator at(text.begin(), text.end(), form), end; at != end; ++at) {
      if (types.contains((*at)[1])) names.insert((*at)[2]);
    }
  }
  const std::regex loop("for \\(const \\w+& (\\w+) : (\\w+)\\)");
  for (std::sregex_iterator at(text.begin(), text.end(), loop), end; at != end; ++at) {
    if (names.contains((*at)[2])) names.insert((*at)[1]);
  }
  return names;
}

/// Of a constructor's list: `dropout(scope / "dropout", ...)` is no call.
bool is_construction(const std::string& arguments) { return has_word(arguments, "scope"); }

/// Whether the last argument is the class's own call, or a copy of it.
bool passes_call(const std::string& arguments, const std::string& text) {
  const std::string last = arguments.substr(arguments.rfind(',') + 1);
  const std::string word = last.substr(std::min(last.find_first_not_of(" \n"), last.size()));
  return word == "call" || text.find("Call " + word + " = call;") != std::string::npos;
}

void check_calls(const Definition& one, const std::set<std::string>& names, const fs::path& file,
                 std::vector<Finding>* findings) {
  for (const std::string& name : names) {
    const std::regex call("(^|[^\\w.>])(\\*?" + name + "(\\[\\w+\\])?|\\(\\*" + name + "\\))\\(");
    for (std::sregex_iterator at(one.text.begin(), one.text.end(), call), end; at != end; ++at) {
      const auto open = static_cast<std::size_t>(at->position() + at->length() - 1);
      const std::size_t close = closing_bracket(one.text, open);
      if (close == std::string::npos) continue;
      const std::string arguments = one.text.substr(open + 1, close - open - 1);
      if (is_construction(arguments) || passes_call(arguments, one.text)) continue;
      findings->push_back({file, one.line + line_at(one.text, open) - 1, "call",
                           one.name + " calls " + name +
                               " without its own `call`, so dropout stays off there when the model is fine-tuned; pass "
                               "`call` as the last argument"});
    }
  }
}

bool is_marked(const Definition& definition) { return definition.comment.find("// Copied from ") != std::string::npos; }

/// A class that stands in an architecture, and what of it may stand in another.
struct Placed {
  const SourceText* source;
  const Definition* definition;
  std::string name() const { return source->name + "." + definition->name; }
};

/// The class's text without comments and layout, with "@" for its model's name; nothing when it has none, or is so
/// small that an equal one is a coincidence.
std::string neutral(const SourceText& source, const Definition& definition, const std::set<std::string>& kept) {
  constexpr std::size_t kSmallest = 300;  // characters
  const std::string code = code_of(definition.text, /*with_strings=*/true);
  const std::string text = replaced(code, renaming(source, "@", "@"), kept);
  return text == code || text.size() < kSmallest ? "" : without_layout(text);
}

/// What add_marks writes.
std::string missing_mark(const Finding& unmarked) {
  return unmarked.what.substr(unmarked.what.rfind("// Copied from "));
}

/// Writes the marks that check_equals asks for, from the last line up. Returns them, from the first.
std::vector<Finding> add_marks(const fs::path& root, const std::string& name) {
  std::vector<Finding> findings = check_equals(root, name);
  std::erase_if(findings, [](const Finding& one) { return one.point != "unmarked copy"; });
  if (findings.empty()) return {};
  const fs::path file = model_file(root, name);
  std::string text = bytes::read_text(file);
  for (auto one = findings.rbegin(); one != findings.rend(); ++one) {
    std::size_t at = 0;
    for (int line = 1; line < one->line; ++line) at = text.find('\n', at) + 1;
    text.insert(at, missing_mark(*one) + "\n");
  }
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  if (!stream.flush()) throw Error(ErrorKind::kEnvironment, file.string() + ": cannot be written");
  std::vector<Finding> added;
  for (const Finding& one : findings) {
    added.push_back({file, one.line + static_cast<int>(added.size()), "added", missing_mark(one)});
  }
  return added;
}

/// Brings copies up to date until nothing changes: a copy may be the source of another.
void rewrite_copies(const fs::path& models, const std::set<std::string>& names, std::vector<Finding>* mended) {
  for (std::size_t before = mended->size() + 1; before != mended->size();) {
    before = mended->size();
    for (const CopyFault& fault : check_copies(models, /*fix=*/true, names)) {
      if (fault.mended) mended->push_back({fault.file, fault.line, "rewritten", fault.what});
    }
  }
}

std::string stem_name(const fs::path& file) { return file.stem().string().substr(std::string("modeling_tf_").size()); }

}  // namespace

std::vector<Finding> check_call(const fs::path& root, const std::string& name) {
  const SourceText source = read_source(model_file(root, name));
  std::set<std::string> types = read_blocks(root).takers;
  types.insert("Dropout");
  for (const Definition& one : source.definitions) {
    if (one.is_class && takes_call(one.text)) types.insert(one.name);
  }
  std::vector<Finding> findings;
  for (const Definition& one : source.definitions) {
    const std::set<std::string> names = callables(one.text, types);
    if (!one.is_class || names.empty()) continue;
    const bool has_call = one.text.find(" call(") != std::string::npos;
    if (has_call && !takes_call(one.text)) {
      findings.push_back({source.file, one.line, "call",
                          one.name + " has layers that behave differently in training, and its call does not take "
                                     "`const Call& call`; add it, and pass it on"});
    } else {
      check_calls(one, names, source.file, &findings);
    }
  }
  return findings;
}

std::vector<Finding> check_equals(const fs::path& root, const std::string& name) {
  const Blocks blocks = read_blocks(root);
  std::vector<SourceText> sources;
  std::set<std::string> origins;  // architectures that others copy from
  for (const std::string& one : architecture_names(root)) {
    sources.push_back(read_source(model_file(root, one)));
    for (const std::string& origin : matches(bytes::read_text(sources.back().file), "// Copied from (\\w+)\\.")) {
      origins.insert(origin);
    }
  }
  // Of equals, the source is the one that others copy from already, then the first by name.
  std::stable_sort(sources.begin(), sources.end(), [&](const SourceText& a, const SourceText& b) {
    return origins.contains(a.name) && !origins.contains(b.name);
  });
  std::map<std::string, std::vector<Placed>> equals;
  for (const SourceText& source : sources) {
    for (const Definition& one : source.definitions) {
      const std::string text = one.is_class ? neutral(source, one, blocks.names) : "";
      if (!text.empty()) equals[text].push_back({&source, &one});
    }
  }
  std::vector<Finding> findings;
  const auto add = [&](const Placed& at, const std::string& point, const std::string& what) {
    if (at.source->name != name) return;
    findings.push_back({at.source->file, at.definition->line, point, at.definition->name + what});
  };
  for (const SourceText& source : sources) {
    for (const Definition& one : source.definitions) {
      const auto block = one.is_class ? blocks.classes.find(block_text(one)) : blocks.classes.end();
      if (block == blocks.classes.end()) continue;
      add({&source, &one}, "block", " is " + block->second + " of src/blocks/ word for word; use the block");
    }
  }
  for (const auto& [text, places] : equals) {
    const Placed& first = places.front();
    for (std::size_t i = 1; i < places.size(); ++i) {
      const Placed& one = places[i];
      if (i >= 2) {
        add(one, "third copy",
            " equals " + first.name() + " and " + places[1].name() +
                " but for the model's name; make it a block in src/blocks/, which all of them use");
      } else if (!is_marked(*first.definition) && !is_marked(*one.definition)) {
        add(one, "unmarked copy",
            " equals " + first.name() + " but for the model's name, and both should stay equal; write above it: " +
                mark_of(first.source->name, *first.definition,
                        renaming(*first.source, one.source->camel, one.source->name), blocks.names));
      }
    }
  }
  std::sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) { return a.line < b.line; });
  return findings;
}

std::vector<Finding> check_registration(const fs::path& root, const std::string& name) {
  const SourceText source = read_source(model_file(root, name));
  const std::string whole = bytes::read_text(source.file);
  const std::string& text = source.registration;
  const std::size_t start = whole.size() - text.size();
  std::vector<Finding> findings;
  const auto add = [&](std::size_t position, const std::string& point, const std::string& what) {
    findings.push_back({source.file, line_at(whole, position), point, what});
  };
  const std::regex pair("\\{\"[^\"]+\",\\s*\"([^\"]*)\"\\}");
  for (std::sregex_iterator at(text.begin(), text.end(), pair), end; at != end; ++at) {
    if ((*at)[1].str().find_first_not_of(" .") == std::string::npos) {
      add(start + static_cast<std::size_t>(at->position()), "ignores",
          "a tensor of the checkpoint is ignored without a reason; say why the class has no place for it");
    }
  }
  const std::string prefix = "TF" + source.camel;
  const auto is_own = [&](const std::string& type) {
    return std::any_of(source.definitions.begin(), source.definitions.end(),
                       [&](const Definition& one) { return one.is_class && one.name == type; });
  };
  for (const RegisteredHead& head : source.heads) {
    if (is_own(head.type) && head.type != head.name) {
      add(start + head.begin, "names",
          "the class " + head.type + " is registered as " + head.name +
              "; from_pretrained finds it by that name, so both must be one");
    } else if (!head.name.starts_with(prefix)) {
      add(start + head.begin, "names", head.name + " does not begin with " + prefix + " as the base model does");
    }
  }
  for (const std::string& family : matches(text, "\"(\\w*AutoModel\\w*)\"")) {
    if (!family.starts_with("TFAutoModel")) {
      add(start + text.find("\"" + family + "\""), "names", family + " is no family; they begin with TFAutoModel");
    }
  }
  // An alias gives classes other families by their new names.
  for (const std::string& renamed : matches(text, "\\{\"(TF\\w+)\", \\{\"")) {
    const auto is_it = [&](const RegisteredHead& head) { return head.name == renamed; };
    if (std::none_of(source.heads.begin(), source.heads.end(), is_it)) {
      add(start + text.find("\"" + renamed + "\""), "names", source.alias_of + " has no class that becomes " + renamed);
    }
  }
  if (!std::regex_search(text, std::regex("transformers/models/\\w+/\\w+\\.py, [0-9]+\\.[0-9]+"))) {
    add(start, "names", "the registration does not name the file of Transformers and its version");
  }
  if (source.head.find("transformers/models/") == std::string::npos) {
    add(0, "names", "the file does not open with the file of Transformers that it mirrors, and the version");
  }
  return findings;
}

std::vector<Finding> check_recipe(const fs::path& root, const std::string& name) {
  const SourceText source = read_source(model_file(root, name));
  const fs::path recipe = recipe_file(root, name);
  if (!fs::exists(recipe)) {
    return {
        {recipe, 1, "recipe", "is missing, so no head of " + name + " is compared with PyTorch; begin with a copy"}};
  }
  const bytes::Json document = bytes::Json::parse(bytes::read_text(recipe), recipe.string());
  std::set<std::string> classes;
  std::set<std::string> names;
  for (const bytes::Json& one : document.at("recipes").elements()) {
    if (one.contains("class")) classes.insert("TF" + one.at("class").as_string());
    names.insert(one.at("name").as_string());
  }
  std::vector<Finding> findings;
  const std::string small = name + "_small";
  if (!names.contains(small)) {
    findings.push_back({recipe, 1, "recipe",
                        "has no recipe " + small +
                            ", whose trace (under 100 KB) stays in the repository, for tests "
                            "without Python"});
  } else if (!fs::exists(root / "tests" / "goldens" / (small + ".safetensors"))) {
    const std::string recipes = bytes::read_text(recipe);
    findings.push_back({recipe, line_at(recipes, recipes.find("\"" + small + "\"")), "recipe",
                        small + ".safetensors has not been made from this recipe; run make small-goldens"});
  }
  const std::string whole = bytes::read_text(source.file);
  for (const RegisteredHead& head : source.heads) {
    if (classes.contains(head.name)) continue;
    const std::size_t place = whole.find("\"" + head.name + "\"");  // nowhere in the file of an alias
    findings.push_back(
        {source.file, line_at(whole, place == std::string::npos ? 0 : place), "recipe",
         head.name + " has no recipe in tests/goldens/" + name + ".json; nothing compares it with PyTorch"});
  }
  return findings;
}

std::vector<Finding> check_pages(const fs::path& root, const std::string& name) {
  std::vector<Finding> findings;
  const std::string first = "TF" + read_source(model_file(root, name)).camel + "Model";
  for (const auto& [page, word] : {std::pair<fs::path, std::string>{"README.md", first},
                                   {fs::path("docs") / "models.md", "modeling_tf_" + name}}) {
    const std::string text = bytes::read_text(root / page);
    if (has_word(text, word)) continue;
    const std::size_t table = text.find(":begin -->");
    findings.push_back({root / page, line_at(text, table == std::string::npos ? 0 : table), "pages",
                        "its table of architectures has no " + word + "; run make docs"});
  }
  return findings;
}

Readiness check_readiness(const fs::path& root, const std::string& name, bool fix) {
  std::vector<std::string> names = architecture_names(root);
  if (!name.empty()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      std::string all;
      for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
      throw Error(ErrorKind::kUsage, "check " + name + ": there is no such architecture; there are " + all);
    }
    names = {name};
  }
  const fs::path models = root / "src" / "models";
  Readiness readiness;
  const auto take = [&](const std::vector<Finding>& more) {
    readiness.missing.insert(readiness.missing.end(), more.begin(), more.end());
  };
  const std::set<std::string> wanted(names.begin(), names.end());
  if (fix) {
    for (const std::string& one : names) {
      const std::vector<Finding> added = add_marks(root, one);
      readiness.mended.insert(readiness.mended.end(), added.begin(), added.end());
    }
    rewrite_copies(models, wanted, &readiness.mended);
  }
  // With `fix` they say too why they were not rewritten.
  for (const CopyFault& fault : check_copies(models, fix, wanted)) {
    if (!wanted.contains(stem_name(fault.file))) continue;
    readiness.missing.push_back({fault.file, fault.line, "copies", fault.what});
  }
  for (const std::string& one : names) {
    take(check_call(root, one));
    take(check_equals(root, one));
    take(check_registration(root, one));
    take(check_recipe(root, one));
    take(check_pages(root, one));
  }
  return readiness;
}

}  // namespace crossload::contribute
