#include "contribute/config_defaults.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <regex>

#include "bytes/text_file.h"
#include "crossload/error.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPlainSizes = "bert_sizes(config)";

const std::set<std::string>& of_every_config() {
  static const std::set<std::string> fields = {
      "architectures", "model_type", "transformers_version", "torch_dtype", "dtype",
      "id2label",      "label2id",   "_name_or_path",        "use_cache",   "problem_type"};
  return fields;
}

/// The value as C++ writes it; empty for one that is not of the kind.
std::string as_literal(const bytes::Json& value, const std::string& kind) {
  const bool fits = (kind == "text" && value.is_string()) || (kind == "flag" && value.is_bool()) ||
                    (kind == "integer" && value.is_integer()) || (kind == "number" && value.is_number());
  return fits ? value.dump() : "";
}

std::string kind_of(const std::string& literal) {
  if (literal.starts_with('"')) return "text";
  if (literal == "true" || literal == "false") return "flag";
  return literal.find_first_of(".e") == std::string::npos ? "integer" : "number";
}

bool is_same(const std::string& one, const std::string& other, const std::string& kind) {
  return one == other || (kind == "number" && std::atof(one.c_str()) == std::atof(other.c_str()));
}

std::string replaced_matches(const std::string& text, const std::regex& form,
                             const std::function<std::string(const std::smatch&)>& replacement) {
  std::string result;
  auto rest = text.cbegin();
  for (std::sregex_iterator at(text.begin(), text.end(), form), end; at != end; ++at) {
    result.append(rest, (*at)[0].first).append(replacement(*at));
    rest = (*at)[0].second;
  }
  return result.append(rest, text.cend());
}

/// ".vocab = 30522, .act = ..." by its members.
std::map<std::string, std::string> initialisers(const std::string& list) {
  std::map<std::string, std::string> values;
  const std::regex form("\\.(\\w+) = ((?:[^(){},]|\\([^()]*\\))+)");
  for (std::sregex_iterator at(list.begin(), list.end(), form), end; at != end; ++at) values[(*at)[1]] = (*at)[2];
  return values;
}

}  // namespace

ConfigDefaults::ConfigDefaults(const fs::path& path, const Blocks& blocks) : blocks_(blocks) {
  const fs::path file = fs::is_directory(path) ? path / "config.json" : path;
  config_ = bytes::Json::parse(bytes::read_text(file), file.string());
  if (!config_.is_object()) throw Error(ErrorKind::kBadInput, file.string() + ": is no JSON object");
}

/// `old`, or what the configuration has in its place.
std::string ConfigDefaults::value_of(const std::string& key, const std::string& kind, const std::string& old) {
  const std::string fresh = config_.contains(key) ? as_literal(config_.at(key), kind) : "";
  if (fresh.empty() || is_same(fresh, old, kind)) return old;
  const std::string change = key + ": " + old + " -> " + fresh;
  if (std::find(changes_.begin(), changes_.end(), change) == changes_.end()) changes_.push_back(change);
  return fresh;
}

std::string ConfigDefaults::apply_calls(const std::string& text) {
  const std::regex form("config\\.(integer|number|text|flag)\\(\"(\\w+)\", (\"[^\"]*\"|[-+.\\w]+)\\)");
  return replaced_matches(text, form, [&](const std::smatch& call) {
    return "config." + call[1].str() + "(\"" + call[2].str() + "\", " + value_of(call[2], call[1], call[3]) + ")";
  });
}

/// `bert_sizes(config)` and `bert_sizes(config, {...})` with the initialisers that are wanted.
std::string ConfigDefaults::apply_sizes(const std::string& text) {
  std::smatch found;
  if (!std::regex_search(text, found, std::regex("bert_sizes\\(\\s*config"))) return text;
  const auto begin = static_cast<std::size_t>(found.position() + found.length());
  const std::size_t close = closing_bracket(text, text.find('(', static_cast<std::size_t>(found.position())));
  const std::string list = text.substr(begin, close - begin);
  const std::map<std::string, std::string> values = initialisers(list);
  std::string fresh;
  for (const SizeField& field : blocks_.bert_sizes) {
    const auto given = values.find(field.member);
    const std::string old = given == values.end() ? field.value : given->second;
    const std::string value = value_of(field.key, field.kind, old);
    if (given == values.end() && value == old) continue;
    fresh += (fresh.empty() ? "{." : ", .") + field.member + " = " + value;
  }
  if (!fresh.empty()) fresh = ", " + fresh + "}";
  return text.substr(0, begin) + fresh + text.substr(close);
}

std::string ConfigDefaults::apply_alias(const std::string& text) {
  const std::regex form("\\{\"(\\w+)\", ([-+.\\w]+|\"[^\"]*\")\\}");
  return replaced_matches(text, form, [&](const std::smatch& pair) {
    return "{\"" + pair[1].str() + "\", " + value_of(pair[1], kind_of(pair[2]), pair[2]) + "}";
  });
}

void ConfigDefaults::apply(SourceText* source) {
  if (!source->alias_of.empty()) {
    const std::size_t begin = source->registration.find(".defaults = ");
    if (begin == std::string::npos) return;
    const std::size_t end = closing_bracket(source->registration, source->registration.find('{', begin));
    const std::string defaults = source->registration.substr(begin, end - begin);
    source->registration.replace(begin, end - begin, apply_alias(defaults));
    return;
  }
  const auto takes_them = [&](const Definition& one) { return one.text.find(kPlainSizes) != std::string::npos; };
  std::vector<Definition>& definitions = source->definitions;
  const auto first = std::find_if(definitions.begin(), definitions.end(), takes_them);
  const std::string sizes = first == definitions.end() ? kPlainSizes : apply_sizes(kPlainSizes);
  for (Definition& one : definitions) {
    one.text = apply_calls(one.text);
    if (sizes != kPlainSizes) one.text = replace_all(one.text, kPlainSizes, "sizes_of(config)");
    if (!takes_them(one)) one.text = apply_sizes(one.text);
  }
  if (sizes == kPlainSizes) return;
  const std::string function = "BertSizes sizes_of(const Config& config) {\n  return " + sizes + ";\n}\n";
  definitions.insert(first, {"sizes_of", false, 0, "", function});
}

std::vector<std::string> ConfigDefaults::not_read(const std::string& code) const {
  std::vector<std::string> fields;
  const bool has_sizes = has_word(code, "bert_sizes");
  for (const auto& [key, value] : config_.members()) {
    const auto is_it = [&name = key](const SizeField& field) { return field.key == name; };
    const bool in_sizes = has_sizes && std::any_of(blocks_.bert_sizes.begin(), blocks_.bert_sizes.end(), is_it);
    if (!of_every_config().contains(key) && !in_sizes && code.find("\"" + key + "\"") == std::string::npos) {
      fields.push_back(key);
    }
  }
  return fields;
}

}  // namespace crossload::contribute
