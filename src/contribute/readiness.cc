#include "contribute/readiness.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "bytes/json.h"
#include "bytes/text_file.h"
#include "contribute/copies.h"
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

bool takes_training(const Definition& definition) {
  return std::regex_search(definition.text, std::regex("\\bcall\\([^{;]*\\bbool (/\\*)?training"));
}

/// The names by which a class calls those of its members whose type is in `types`: the members, and the variables of
/// loops over them.
std::set<std::string> callables(const std::string& text, const std::set<std::string>& types) {
  std::set<std::string> names;
  const std::regex member("\n  (?:const )?(?:std::(?:vector|optional|deque|unique_ptr)<(?:const )?)?(\\w+)>? (\\w+);");
  for (std::sregex_iterator at(text.begin(), text.end(), member), end; at != end; ++at) {
    if (types.contains((*at)[1])) names.insert((*at)[2]);
  }
  const std::regex loop("for \\(const \\w+& (\\w+) : (\\w+)\\)");
  for (std::sregex_iterator at(text.begin(), text.end(), loop), end; at != end; ++at) {
    if (names.contains((*at)[2])) names.insert((*at)[1]);
  }
  return names;
}

/// The text without its constructor's list: `dropout(scope / "dropout", ...)` is no call.
bool is_construction(const std::string& arguments) { return arguments.find("scope") != std::string::npos; }

void check_calls(const Definition& one, const std::set<std::string>& types, const fs::path& file,
                 std::vector<Finding>* findings) {
  for (const std::string& name : callables(one.text, types)) {
    const std::regex call("(^|[^\\w.>])(\\*?" + name + "(\\[\\w+\\])?|\\(\\*" + name + "\\))\\(");
    for (std::sregex_iterator at(one.text.begin(), one.text.end(), call), end; at != end; ++at) {
      const auto open = static_cast<std::size_t>(at->position() + at->length() - 1);
      const std::size_t close = closing_bracket(one.text, open);
      if (close == std::string::npos) continue;
      const std::string arguments = one.text.substr(open + 1, close - open - 1);
      if (is_construction(arguments) || has_word(arguments, "training")) continue;
      findings->push_back({file, one.line + line_at(one.text, open) - 1, "training",
                           one.name + " calls " + name +
                               " without `training`, so dropout stays off there when the model is fine-tuned; pass "
                               "`training` as the last argument"});
    }
  }
}

/// The class's words after its model's name is taken out; nothing when it has none.
std::string neutral(const Definition& definition, const std::string& prefix, const std::string& name) {
  std::string text = definition.text;
  if (text.find(prefix) == std::string::npos) return "";
  text = replace_all(replace_all(text, prefix, "@Model@"), name, "@model@");
  text.erase(std::remove_if(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0; }),
             text.end());
  return text;
}

bool is_marked(const Definition& definition) { return definition.comment.find("// Copied from ") != std::string::npos; }

std::string missing_mark(const Finding& unmarked) {
  return unmarked.what.substr(unmarked.what.rfind("// Copied from "));
}

/// Writes the marks that check_unmarked asks for, from the last line up. Returns them, from the first.
std::vector<Finding> add_marks(const fs::path& file) {
  std::string text = bytes::read_text(file);
  const std::vector<Finding> findings = check_unmarked(file);
  for (auto one = findings.rbegin(); one != findings.rend(); ++one) {
    std::size_t at = 0;
    for (int line = 1; line < one->line; ++line) at = text.find('\n', at) + 1;
    text.insert(at, missing_mark(*one) + "\n");
  }
  if (findings.empty()) return {};
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

std::vector<Finding> check_training(const fs::path& file) {
  const SourceText source = read_source(file);
  std::set<std::string> types = {"Dropout", "BatchNormalization"};
  for (const Definition& one : source.definitions) {
    if (one.is_class && takes_training(one)) types.insert(one.name);
  }
  std::vector<Finding> findings;
  for (const Definition& one : source.definitions) {
    if (!one.is_class || callables(one.text, types).empty()) continue;
    const bool calls = one.text.find(" call(") != std::string::npos;
    if (calls && !takes_training(one)) {
      findings.push_back({file, one.line, "training",
                          one.name +
                              " has layers that behave differently in training, and its call does not take `bool "
                              "training`; add it, and pass it on"});
      continue;
    }
    check_calls(one, types, file, &findings);
  }
  return findings;
}

std::vector<Finding> check_unmarked(const fs::path& file) {
  constexpr std::size_t kSmallest = 300;  // characters; less is a coincidence
  const SourceText own = read_source(file);
  std::map<std::string, SourceText> sources;
  std::set<std::string> origins;  // architectures that others copy from
  for (const std::string& name : architecture_names(file.parent_path().parent_path().parent_path())) {
    const fs::path path = file.parent_path() / ("modeling_tf_" + name + ".cc");
    for (const std::string& origin : matches(bytes::read_text(path), "// Copied from (\\w+)\\."))
      origins.insert(origin);
    sources.emplace(name, read_source(path));
  }
  // Of two unmarked equals, the source is the one that others copy from already, then the first by name.
  const auto rank = [&](const std::string& name) { return std::pair(!origins.contains(name), name); };
  const std::string self = stem_name(file);
  std::map<std::string, std::pair<std::string, const Definition*>> others;  // by neutral text
  for (const auto& [name, source] : sources) {
    if (rank(name) >= rank(self)) continue;
    for (const Definition& one : source.definitions) {
      if (!one.is_class || is_marked(one)) continue;
      const std::string text = neutral(one, class_prefix(source), name);
      const auto known = others.find(text);
      if (text.size() < kSmallest || (known != others.end() && rank(known->second.first) < rank(name))) continue;
      others[text] = {name, &one};
    }
  }
  std::vector<Finding> findings;
  for (const Definition& one : own.definitions) {
    if (!one.is_class || is_marked(one)) continue;
    const auto found = others.find(neutral(one, class_prefix(own), self));
    if (found == others.end()) continue;
    const auto& [name, original] = found->second;
    const std::string mark =
        "// Copied from " + name + "." + original->name + " with " +
        replacements(original->text, class_prefix(sources.at(name)), class_prefix(own), name, self);
    findings.push_back({file, one.line, "unmarked copy",
                        one.name + " equals " + name + "." + original->name +
                            " but for the model's name, and both should stay equal; write above it: " + mark});
  }
  return findings;
}

std::vector<Finding> check_registration(const fs::path& file) {
  const SourceText source = read_source(file);
  const std::string whole = bytes::read_text(file);
  std::vector<Finding> findings;
  const auto add = [&](std::size_t position, const std::string& point, const std::string& what) {
    findings.push_back({file, line_at(whole, position), point, what});
  };
  const std::size_t start = whole.find(source.registration);
  const std::regex pair("\\{\"[^\"]+\", *\"([^\"]*)\"\\}");
  const std::string& text = source.registration;
  for (std::sregex_iterator at(text.begin(), text.end(), pair), end; at != end; ++at) {
    if ((*at)[1].str().find_first_not_of(" .") == std::string::npos) {
      add(start + static_cast<std::size_t>(at->position()), "ignores",
          "a tensor of the checkpoint is ignored without a reason; say why the class has no place for it");
    }
  }
  const std::string prefix = "TF" + class_prefix(source);
  const std::regex head("head<(\\w+)>\\(\\s*\"(\\w+)\"");
  for (std::sregex_iterator at(text.begin(), text.end(), head), end; at != end; ++at) {
    const std::size_t position = start + static_cast<std::size_t>(at->position());
    if ((*at)[1] != (*at)[2]) {
      add(position, "names",
          "the class " + (*at)[1].str() + " is registered as " + (*at)[2].str() +
              "; from_pretrained finds it by that name, so both must be one");
    } else if (!(*at)[1].str().starts_with(prefix)) {
      add(position, "names", (*at)[1].str() + " does not begin with " + prefix + " as the base model does");
    }
  }
  for (const std::string& family : matches(text, "\"(\\w*AutoModel\\w*)\"")) {
    if (!family.starts_with("TFAutoModel")) {
      add(start + text.find("\"" + family + "\""), "names", family + " is no family; they begin with TFAutoModel");
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
  const fs::path model = root / "src" / "models" / ("modeling_tf_" + name + ".cc");
  const fs::path recipe = root / "tests" / "goldens" / (name + ".json");
  if (!fs::exists(recipe)) {
    return {
        {recipe, 1, "recipe", "is missing, so no head of " + name + " is compared with PyTorch; begin with a copy"}};
  }
  const std::string whole = bytes::read_text(model);
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
  for (const std::string& head : matches(whole, "head<(\\w+)>")) {
    if (classes.contains(head)) continue;
    findings.push_back({model, line_at(whole, whole.find("head<" + head + ">")), "recipe",
                        head + " has no recipe in tests/goldens/" + name + ".json; nothing compares it with PyTorch"});
  }
  return findings;
}

std::vector<Finding> check_pages(const fs::path& root, const std::string& name) {
  std::vector<Finding> findings;
  const std::string first = "TF" + class_prefix(read_source(root / "src" / "models" / ("modeling_tf_" + name + ".cc")));
  for (const auto& [page, word] : {std::pair<fs::path, std::string>{"README.md", first + "Model"},
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
      const std::vector<Finding> added = add_marks(models / ("modeling_tf_" + one + ".cc"));
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
    const fs::path file = models / ("modeling_tf_" + one + ".cc");
    take(check_training(file));
    take(check_unmarked(file));
    take(check_registration(file));
    take(check_recipe(root, one));
    take(check_pages(root, one));
  }
  return readiness;
}

}  // namespace crossload::contribute
