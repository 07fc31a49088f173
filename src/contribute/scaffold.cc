#include "contribute/scaffold.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <regex>
#include <set>

#include "bytes/json.h"
#include "bytes/text_file.h"
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

fs::path model_file(const fs::path& root, const std::string& name) {
  return root / "src" / "models" / ("modeling_tf_" + name + ".cc");
}

fs::path recipe_file(const fs::path& root, const std::string& name) {
  return root / "tests" / "goldens" / (name + ".json");
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

/// The classes of the registration, in order.
std::vector<std::string> heads_of(const std::string& registration) {
  std::vector<std::string> heads;
  const std::regex form("head<(\\w+)>");
  for (std::sregex_iterator found(registration.begin(), registration.end(), form), end; found != end; ++found) {
    heads.push_back((*found)[1]);
  }
  return heads;
}

/// Of the base's classes those that are wanted; the base model always.
std::vector<std::string> chosen_heads(const std::vector<std::string>& all, const std::vector<std::string>& wanted,
                                      const std::string& old_prefix, const std::string& new_prefix) {
  if (wanted.empty()) return all;
  std::set<std::string> chosen = {all.front()};
  for (const std::string& word : wanted) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const std::string& head) {
      const std::string suffix = head.substr(std::min(head.size(), old_prefix.size() + 2));
      return word == suffix || word == head || word == "TF" + new_prefix + suffix || word == new_prefix + suffix;
    });
    if (found == all.end()) {
      std::vector<std::string> suffixes;
      for (const std::string& head : all) suffixes.push_back(head.substr(std::min(head.size(), old_prefix.size() + 2)));
      usage("--heads " + word + ": the base has no such head; it has " + joined(suffixes));
    }
    chosen.insert(*found);
  }
  std::vector<std::string> heads;
  std::copy_if(all.begin(), all.end(), std::back_inserter(heads),
               [&](const std::string& head) { return chosen.contains(head); });
  return heads;
}

/// The model_type that the registration gives; it may have a hyphen where the file's name has none.
std::string type_of(const std::string& registration, const std::string& name) {
  std::smatch found;
  return std::regex_search(registration, found, std::regex("return \\{\\s*\"([^\"]+)\"")) ? found[1].str() : name;
}

void remove_head(std::string* registration, const std::string& head) {
  const std::size_t begin = registration->find("head<" + head + ">(");
  std::size_t end = closing_bracket(*registration, registration->find('(', begin)) + 1;
  if (end < registration->size() && (*registration)[end] == ',') ++end;
  while (end < registration->size() && std::isspace(static_cast<unsigned char>((*registration)[end])) != 0) ++end;
  registration->erase(begin, end - begin);
}

/// Removes definitions that nothing else names, until every one is used: an unused function is a warning.
void remove_unused(SourceText* source) {
  for (bool removed = true; removed;) {
    removed = false;
    for (std::size_t i = 0; i < source->definitions.size(); ++i) {
      const Definition& one = source->definitions[i];
      if (one.is_fixed || one.name.empty()) continue;
      bool used = has_word(source->registration, one.name);
      for (std::size_t k = 0; k < source->definitions.size() && !used; ++k) {
        used = k != i && has_word(source->definitions[k].text, one.name);
      }
      if (used) continue;
      source->definitions.erase(source->definitions.begin() + static_cast<std::ptrdiff_t>(i));
      removed = true;
      break;
    }
  }
  // A pair of (pattern, reason) that no head names any more.
  const std::regex pair("\n  const std::pair<std::string, std::string> (\\w+) = [^;]*;");
  std::vector<std::string> unused;
  for (std::sregex_iterator found(source->registration.begin(), source->registration.end(), pair), end; found != end;
       ++found) {
    if (!has_word(replace_all(source->registration, found->str(), ""), (*found)[1].str()))
      unused.push_back(found->str());
  }
  for (const std::string& text : unused) source->registration = replace_all(source->registration, text, "");
}

bytes::Json read_config(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? path / "config.json" : path;
  const bytes::Json config = bytes::Json::parse(bytes::read_text(file), file.string());
  if (!config.is_object()) throw Error(ErrorKind::kBadInput, file.string() + ": is no JSON object");
  return config;
}

/// The value as C++ writes it as a default of `config.integer(...)` and the like; empty for what has no such form.
std::string as_default(const bytes::Json& value, const std::string& kind) {
  if (kind == "text" && value.is_string()) return bytes::Json(value.as_string()).dump();
  if (kind == "flag" && value.is_bool()) return value.as_bool() ? "true" : "false";
  if (kind == "integer" && value.is_integer()) return value.dump();
  if (kind == "number" && value.is_number()) return value.dump();
  return "";
}

const std::set<std::string> kOfEveryConfig = {
    "architectures", "model_type", "transformers_version", "torch_dtype", "dtype",
    "id2label",      "label2id",   "_name_or_path",        "use_cache",   "problem_type"};

/// Sets the defaults that the configuration knows better, in the text of one definition.
void apply_config(const bytes::Json& config, Definition* definition, Scaffold* result) {
  const std::regex form("config\\.(integer|number|text|flag)\\(\"(\\w+)\", (\"[^\"]*\"|[-+.\\w]+)\\)");
  std::string text;
  auto rest = definition->text.cbegin();
  for (std::sregex_iterator found(definition->text.begin(), definition->text.end(), form), end; found != end; ++found) {
    text.append(rest, (*found)[0].first);
    rest = (*found)[0].second;
    const std::string key = (*found)[2];
    const std::string old = (*found)[3];
    const std::string fresh = config.contains(key) ? as_default(config.at(key), (*found)[1]) : "";
    const bool same =
        fresh.empty() || fresh == old || ((*found)[1] == "number" && std::stod(fresh) == std::atof(old.c_str()));
    const std::string change = key + ": " + old + " -> " + fresh;
    std::vector<std::string>& changes = result->from_config;
    if (!same && std::find(changes.begin(), changes.end(), change) == changes.end()) changes.push_back(change);
    text += same ? found->str() : "config." + (*found)[1].str() + "(\"" + key + "\", " + fresh + ")";
  }
  text.append(rest, definition->text.cend());
  definition->text = text;
}

/// What names follow: the classes' and the model_type's.
struct Renaming {
  std::string from_camel, to_camel, from, to;
  std::string from_type;  // the base's model_type, "deberta-v2" where its file is deberta_v2

  std::string operator()(const std::string& text) const {
    const std::string renamed = replace_all(replace_all(text, from, to), from_camel, to_camel);  // see replacements()
    return from_type == from ? renamed : replace_all(renamed, "\"" + from_type + "\"", "\"" + to + "\"");
  }
  /// "bert.TFBertLayer with Bert->BrandNewBert, bert->brand_new_bert", naming only what the class has.
  std::string mark(const Definition& definition) const {
    const std::string with = replacements(definition.text, from_camel, to_camel, from, to);
    return "// Copied from " + from + "." + definition.name + (with.empty() ? "" : " with " + with) + "\n";
  }
};

std::string without_marks(const std::string& comment) {
  return std::regex_replace(comment, std::regex("// Copied from [^\n]*\n(//[^\n]*\n)*"), "");
}

std::string version_of(const SourceText& source) {
  std::smatch found;
  return std::regex_search(source.registration, found, std::regex("\\.py, ([0-9][^\"]*)\"")) ? found[1].str()
                                                                                             : "4.57.6";
}

std::string model_text(SourceText source, const Renaming& rename, const bytes::Json* config, Scaffold* result) {
  std::string text = "// " + rename.to_camel + ", as transformers/models/" + rename.to + "/modeling_" + rename.to +
                     ".py of Transformers " + version_of(source) + " has it.\n//\n// Begun as a copy of modeling_tf_" +
                     rename.from + ".cc: change what differs, and take the mark `Copied from` off what you change.\n" +
                     source.includes;
  bool after_class = true;
  for (Definition& definition : source.definitions) {
    const std::string mark = rename.mark(definition);
    const std::string before = definition.text;
    if (config != nullptr) apply_config(*config, &definition, result);
    const bool block = definition.is_class || !definition.comment.empty() ||
                       std::count(definition.text.begin(), definition.text.end(), '\n') > 1;
    if (after_class || block) text += "\n";
    text += rename(without_marks(definition.comment));
    if (definition.is_class && definition.text == before) text += mark;
    text += rename(definition.text);
    after_class = block;
  }
  return text + "\n" + rename(source.registration);
}

std::string recipe_text(const bytes::Json& document, const std::vector<std::string>& heads, const Renaming& rename,
                        Scaffold* result) {
  std::string text = "{\n  \"config\": " + rename(document.at("config").dump()) +
                     ",\n  \"inputs\": " + document.at("inputs").dump() + ",\n  \"recipes\": [\n";
  std::string list;
  for (const bytes::Json& recipe : document.at("recipes").elements()) {
    if (!recipe.contains("class")) continue;
    if (std::find(heads.begin(), heads.end(), "TF" + recipe.at("class").as_string()) == heads.end()) continue;
    list += (list.empty() ? "    " : ",\n    ") + rename(recipe.dump());
    result->recipes.push_back(rename(recipe.at("name").as_string()));
  }
  return text + list + "\n  ]\n}\n";
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
  const fs::path base_recipe = recipe_file(options.root, options.like);
  const bytes::Json recipes = bytes::Json::parse(bytes::read_text(base_recipe), base_recipe.string());
  const std::string base_type = type_of(source.registration, options.like);
  const Renaming rename{class_prefix(source), camel, options.like, options.name, base_type};
  const std::vector<std::string> all = heads_of(source.registration);
  const std::vector<std::string> heads = chosen_heads(all, options.heads, rename.from_camel, camel);
  for (const std::string& head : all) {
    if (std::find(heads.begin(), heads.end(), head) == heads.end()) remove_head(&source.registration, head);
  }
  remove_unused(&source);

  Scaffold result;
  result.model = model_file(options.root, options.name);
  result.recipe = recipe_file(options.root, options.name);
  for (const std::string& head : heads) result.heads.push_back(rename(head));
  bytes::Json config;
  if (!options.config.empty()) {
    config = read_config(options.config);
    std::string text = source.registration;
    for (const Definition& definition : source.definitions) text += definition.text;
    for (const auto& [key, value] : config.members()) {
      if (!kOfEveryConfig.contains(key) && text.find("\"" + key + "\"") == std::string::npos) {
        result.not_read.push_back(key);
      }
    }
  }
  const std::string model = model_text(source, rename, options.config.empty() ? nullptr : &config, &result);
  const std::string recipe = recipe_text(recipes, heads, rename, &result);
  write_new({{result.model, model}, {result.recipe, recipe}});
  return result;
}

}  // namespace crossload::contribute
