#include "contribute/scaffold.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <optional>
#include <regex>
#include <set>

#include "bytes/json.h"
#include "bytes/text_file.h"
#include "contribute/blocks.h"
#include "contribute/config_defaults.h"
#include "contribute/naming.h"
#include "contribute/source_text.h"
#include "crossload/error.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void usage(const std::string& what) { throw Error(ErrorKind::kUsage, "add-new-model: " + what); }

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void check_name(const ScaffoldOptions& options, const std::string& camel) {
  if (!std::regex_match(options.name, std::regex("[a-z][a-z0-9]*(_[a-z0-9]+)*"))) {
    usage("the name \"" + options.name + "\" is not a model_type: small letters, digits and _, as in brand_new_bert");
  }
  if (!std::regex_match(camel, std::regex("[A-Z][A-Za-z0-9]*"))) {
    usage("\"" + camel + "\" cannot begin the names of classes: letters and digits, as in BrandNewBert");
  }
  for (const fs::path& file : {model_file(options.root, options.name), recipe_file(options.root, options.name)}) {
    if (fs::exists(file)) usage(file.string() + " exists; choose another name, or remove it first");
  }
  const std::vector<std::string> names = architecture_names(options.root);
  if (std::find(names.begin(), names.end(), options.like) == names.end()) {
    usage("--like " + options.like + ": there is no such architecture here; there are " + joined(names));
  }
}

/// "ForMaskedLM" of "TFBertForMaskedLM"
std::string suffix_of(const RegisteredHead& head, const SourceText& source) {
  return head.name.substr(std::min(head.name.size(), std::string_view("TF").size() + source.camel.size()));
}

/// Takes the heads that are not wanted out of the registration; the base model stays.
void keep_heads(SourceText* source, const std::vector<std::string>& wanted, const std::string& camel) {
  if (wanted.empty()) return;
  if (!source->alias_of.empty()) {
    usage("--heads: " + source->name + " is " + source->alias_of +
          " under another name, with all its heads; with --like " + source->alias_of + " the heads can be chosen");
  }
  std::set<std::string> chosen = {source->heads.front().name};
  for (const std::string& word : wanted) {
    const auto found = std::find_if(source->heads.begin(), source->heads.end(), [&](const RegisteredHead& head) {
      const std::string suffix = suffix_of(head, *source);
      return word == suffix || word == head.name || word == "TF" + camel + suffix || word == camel + suffix;
    });
    if (found == source->heads.end()) {
      std::vector<std::string> suffixes;
      for (const RegisteredHead& head : source->heads) suffixes.push_back(suffix_of(head, *source));
      usage("--heads " + word + ": the base has no such head; it has " + joined(suffixes));
    }
    chosen.insert(found->name);
  }
  std::string& text = source->registration;
  for (auto head = source->heads.rbegin(); head != source->heads.rend(); ++head) {
    if (chosen.contains(head->name)) continue;
    std::size_t end = head->end;
    if (end < text.size() && text[end] == ',') ++end;
    while (end < text.size() && std::isspace(static_cast<unsigned char>(text[end])) != 0) ++end;
    text.erase(head->begin, end - head->begin);
  }
  std::erase_if(source->heads, [&](const RegisteredHead& head) { return !chosen.contains(head.name); });
}

/// Removes definitions that nothing else names, until every one is used: an unused function is a warning.
void remove_unused(SourceText* source) {
  std::vector<Definition>& all = source->definitions;
  const auto is_unused = [&](const Definition& one) {
    if (one.name.empty() || has_word(code_of(source->registration, false), one.name)) return false;
    return std::none_of(all.begin(), all.end(), [&](const Definition& other) {
      return other.name != one.name && has_word(code_of(other.text, false), one.name);
    });
  };
  for (auto found = all.begin(); found != all.end();) {
    found = std::find_if(all.begin(), all.end(), is_unused);
    if (found != all.end()) all.erase(found);
  }
}

/// "blocks/bert_block.h and blocks/heads.h"
std::string blocks_of(const SourceText& source) {
  std::string list;
  const std::regex include("#include \"(blocks/\\w+\\.h)\"");
  for (std::sregex_iterator at(source.includes.begin(), source.includes.end(), include), end; at != end; ++at) {
    list += (list.empty() ? "" : " and ") + (*at)[1].str();
  }
  return list;
}

/// What opens the file.
std::string head_of(const SourceText& source, const std::string& camel, const std::string& name) {
  std::smatch found;
  const bool is_known = std::regex_search(source.registration, found, std::regex("\\.py, ([0-9][^\"]*)\""));
  std::string head = "// " + camel + ", as transformers/models/" + name + "/modeling_" + name + ".py of Transformers " +
                     (is_known ? found[1].str() : "4.57.6") + " has it";
  if (!source.alias_of.empty()) {
    return head + ":\n// the architecture " + source.alias_of + " under another name.\n";
  }
  head += ".\n//\n// Begun as a copy of modeling_tf_" + source.name +
          ".cc: change what differs, and take the mark `Copied from` off what you change.\n";
  const std::string blocks = blocks_of(source);
  if (blocks.empty()) return head;
  return head + "// Layers and heads that are not defined here are in " + blocks +
         ".\n// Where one differs, copy its class from there into this file, call it TF" + camel +
         "..., and change it here.\n";
}

/// `base`: without the defaults of a configuration; classes that it has changed carry no mark.
std::string model_text(const SourceText& source, const std::vector<Definition>& base,
                       const std::vector<Replacement>& replacements, const std::set<std::string>& kept,
                       const std::string& head) {
  std::string text = head + source.includes;
  const std::regex old_mark("// Copied from [^\n]*\n(//[^\n]*\n)*");
  bool after_block = true;
  for (const Definition& one : source.definitions) {
    const bool is_equal = std::any_of(base.begin(), base.end(), [&](const auto& old) { return old.text == one.text; });
    const bool is_block =
        one.is_class || !one.comment.empty() || std::count(one.text.begin(), one.text.end(), '\n') > 1;
    if (after_block || is_block) text += "\n";
    text += replaced(std::regex_replace(one.comment, old_mark, ""), replacements, kept);
    if (one.is_class && is_equal) text += mark_of(source.name, one, replacements, kept) + "\n";
    text += replaced(one.text, replacements, kept);
    after_block = is_block;
  }
  return text + (source.alias_of.empty() ? "\n" : "") + replaced(source.registration, replacements, kept);
}

/// The recipes of the heads that are left.
std::string recipe_text(const bytes::Json& document, const SourceText& source,
                        const std::vector<Replacement>& replacements, Scaffold* result) {
  const auto renamed = [&](const bytes::Json& json) { return replaced(json.dump(), replacements, {}); };
  std::string text = "{\n";
  for (const auto& [key, value] : document.members()) {
    if (key != "recipes") text += "  \"" + key + "\": " + renamed(value) + ",\n";
  }
  std::string list;
  for (const bytes::Json& recipe : document.at("recipes").elements()) {
    const auto is_class = [&](const RegisteredHead& head) {
      return recipe.contains("class") && head.name == "TF" + recipe.at("class").as_string();
    };
    if (std::none_of(source.heads.begin(), source.heads.end(), is_class)) continue;
    list += (list.empty() ? "    " : ",\n    ") + renamed(recipe);
    result->recipes.push_back(replaced(recipe.at("name").as_string(), replacements, {}));
  }
  return text + "  \"recipes\": [\n" + list + "\n  ]\n}\n";
}

/// Both files or none.
void write_new(const std::vector<std::pair<fs::path, std::string>>& files) {
  std::vector<fs::path> written;
  for (const auto& [path, text] : files) {
    const fs::path aside = path.string() + ".new";
    std::ofstream stream(aside, std::ios::binary);
    stream << text;
    stream.close();
    std::error_code failed;
    if (stream) fs::rename(aside, path, failed);
    if (stream && !failed) {
      written.push_back(path);
      continue;
    }
    fs::remove(aside, failed);
    for (const fs::path& one : written) fs::remove(one, failed);
    throw Error(ErrorKind::kEnvironment, path.string() + ": cannot be written; nothing was");
  }
}

}  // namespace

std::string camel_name(const std::string& name) {
  std::string camel;
  bool begins = true;
  for (char c : name) {
    if (c != '_') camel += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    begins = c == '_';
  }
  return camel;
}

std::vector<std::string> architecture_names(const fs::path& root) {
  const fs::path folder = root / "src" / "models";
  if (!fs::is_directory(folder)) {
    throw Error(ErrorKind::kBadInput, folder.string() + ": no such folder; run this in Crossload's sources");
  }
  constexpr std::string_view kPrefix = "modeling_tf_";
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() == ".cc" && stem.starts_with(kPrefix)) names.push_back(stem.substr(kPrefix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Scaffold add_new_model(const ScaffoldOptions& options) {
  const std::string camel = options.camel.empty() ? camel_name(options.name) : options.camel;
  check_name(options, camel);
  SourceText source = read_source(model_file(options.root, options.like));
  const Blocks blocks = read_blocks(options.root);
  const fs::path base_recipe = recipe_file(options.root, options.like);
  const bytes::Json recipes = bytes::Json::parse(bytes::read_text(base_recipe), base_recipe.string());
  const std::vector<Replacement> replacements = renaming(source, camel, options.name);
  keep_heads(&source, options.heads, camel);
  remove_unused(&source);

  Scaffold result;
  result.model = model_file(options.root, options.name);
  result.recipe = recipe_file(options.root, options.name);
  result.alias_of = source.alias_of;
  for (const RegisteredHead& head : source.heads) result.heads.push_back(replaced(head.name, replacements, {}));
  const std::vector<Definition> base = source.definitions;
  if (!options.config.empty()) {
    ConfigDefaults defaults(options.config, blocks);
    const std::string original =
        source.alias_of.empty() ? "" : bytes::read_text(model_file(options.root, source.alias_of));
    result.not_read = defaults.not_read(bytes::read_text(source.file) + original);
    defaults.apply(&source);
    result.from_config = defaults.changes();
  }
  const std::string head = head_of(source, camel, options.name);
  const std::string model = model_text(source, base, replacements, blocks.names, head);
  const std::string recipe = recipe_text(recipes, source, replacements, &result);
  write_new({{result.model, model}, {result.recipe, recipe}});
  return result;
}

}  // namespace crossload::contribute
