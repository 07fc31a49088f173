#include "verify/json_schema.h"

#include <regex.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string_view>
#include <vector>

#include "crossload/error.h"

namespace crossload::verify {
namespace {

using Fault = std::optional<std::string>;

constexpr std::array<std::string_view, 21> kKeywords = {
    "$schema",
    "title",
    "description",
    "$defs",
    "$ref",
    "type",
    "const",
    "enum",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "anyOf",
    "oneOf",
    "if",
    "then",
};
constexpr std::string_view kElse = "else";

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorKind::kBadInput, "JSON schema: " + what); }

std::string kind_of(const bytes::Json& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a boolean";
  if (value.is_integer()) return "an integer";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "an array" : "an object";
}

/// A value as an error quotes it.
std::string quoted(const bytes::Json& value) {
  constexpr std::size_t kLongest = 60;
  if (value.is_object() || value.is_array()) return kind_of(value);
  const std::string text = value.dump();
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

/// JSON Schema's type: 3.0 is an integer too.
bool has_type(const bytes::Json& value, const std::string& type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "integer") return value.is_number() && std::floor(value.as_number()) == value.as_number();
  refuse("there is no type \"" + type + "\"");
}

/// Of numbers, strings, booleans and null.
bool equal(const bytes::Json& a, const bytes::Json& b) {
  if (a.is_number() && b.is_number()) return a.as_number() == b.as_number();
  return a.dump() == b.dump();
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool matches(const std::string& text, const std::string& pattern) {
  regex_t expression;
  if (::regcomp(&expression, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) refuse("bad pattern " + pattern);
  const std::unique_ptr<regex_t, decltype(&::regfree)> guard(&expression, ::regfree);
  return ::regexec(&expression, text.c_str(), 0, nullptr, 0) == 0;
}

/// Validates by a schema whose $defs are those of `root`.
class Validator {
 public:
  explicit Validator(const bytes::Json& root) : root_(root) {}

  Fault check(const bytes::Json& value, const bytes::Json& schema, const std::string& at) const {
    if (schema.is_bool()) return schema.as_bool() ? Fault() : wrong(at, "must not be there");
    if (schema.contains("$ref")) {
      if (Fault fault = check(value, referred(schema.at("$ref").as_string()), at)) return fault;
    }
    if (Fault fault = check_value(value, schema, at)) return fault;
    if (value.is_string()) {
      if (Fault fault = check_text(value, schema, at)) return fault;
    }
    if (value.is_number()) {
      if (Fault fault = check_range(value, schema, at)) return fault;
    }
    if (value.is_array() && schema.contains("items")) {
      const bytes::Json items = schema.at("items");
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (Fault fault = check(value.at(i), items, at + "[" + std::to_string(i) + "]")) return fault;
      }
    }
    if (value.is_object()) {
      if (Fault fault = check_members(value, schema, at)) return fault;
    }
    return check_alternatives(value, schema, at);
  }

 private:
  static Fault wrong(const std::string& at, const std::string& what) {
    return (at.empty() ? "the document" : at) + ": " + what;
  }

  static std::string below(const std::string& at, const std::string& name) {
    return at.empty() ? name : at + "." + name;
  }

  bytes::Json referred(const std::string& reference) const {
    constexpr std::string_view kStart = "#/$defs/";
    if (!reference.starts_with(kStart)) refuse("$ref to " + reference + ", only #/$defs/NAME is known");
    return root_.at("$defs").at(reference.substr(kStart.size()));
  }

  static Fault check_value(const bytes::Json& value, const bytes::Json& schema, const std::string& at) {
    if (schema.contains("type")) {
      const bytes::Json type = schema.at("type");
      std::vector<bytes::Json> types = type.is_array() ? type.elements() : std::vector<bytes::Json>{type};
      std::string names;
      bool fits = false;
      for (const bytes::Json& name : types) {
        fits = fits || has_type(value, name.as_string());
        names += (names.empty() ? "" : " or ") + name.as_string();
      }
      if (!fits) return wrong(at, "is " + quoted(value) + " where " + names + " is wanted");
    }
    if (schema.contains("const") && !equal(value, schema.at("const"))) {
      return wrong(at, "is " + quoted(value) + " where " + schema.at("const").dump() + " is wanted");
    }
    if (schema.contains("enum")) {
      const std::vector<bytes::Json> allowed = schema.at("enum").elements();
      if (std::none_of(allowed.begin(), allowed.end(), [&](const bytes::Json& one) { return equal(value, one); })) {
        return wrong(at, "is " + quoted(value) + " where one of " + schema.at("enum").dump() + " is wanted");
      }
    }
    return {};
  }

  static Fault check_text(const bytes::Json& value, const bytes::Json& schema, const std::string& at) {
    const std::string text = value.as_string();
    const std::size_t length = characters(text);
    if (schema.contains("minLength") && length < static_cast<std::size_t>(schema.at("minLength").as_integer())) {
      return wrong(at, "is a string of " + std::to_string(length) + " characters, fewer than the " +
                           schema.at("minLength").dump() + " that are wanted");
    }
    if (schema.contains("maxLength") && length > static_cast<std::size_t>(schema.at("maxLength").as_integer())) {
      return wrong(at, "is a string of " + std::to_string(length) + " characters, more than the " +
                           schema.at("maxLength").dump() + " that are wanted");
    }
    if (schema.contains("pattern") && !matches(text, schema.at("pattern").as_string())) {
      return wrong(at, "is " + quoted(value) + ", which does not match " + schema.at("pattern").as_string());
    }
    return {};
  }

  static Fault check_range(const bytes::Json& value, const bytes::Json& schema, const std::string& at) {
    const double number = value.as_number();
    if (schema.contains("minimum") && number < schema.at("minimum").as_number()) {
      return wrong(at, "is " + quoted(value) + ", less than " + schema.at("minimum").dump());
    }
    if (schema.contains("maximum") && number > schema.at("maximum").as_number()) {
      return wrong(at, "is " + quoted(value) + ", more than " + schema.at("maximum").dump());
    }
    return {};
  }

  Fault check_members(const bytes::Json& value, const bytes::Json& schema, const std::string& at) const {
    if (schema.contains("required")) {
      for (const bytes::Json& name : schema.at("required").elements()) {
        if (!value.contains(name.as_string())) return wrong(at, "has no \"" + name.as_string() + "\"");
      }
    }
    const bytes::Json properties = schema.contains("properties") ? schema.at("properties") : bytes::Json::object();
    for (const auto& [name, member] : value.members()) {
      if (properties.contains(name)) {
        if (Fault fault = check(member, properties.at(name), below(at, name))) return fault;
      } else if (schema.contains("additionalProperties")) {
        const bytes::Json others = schema.at("additionalProperties");
        if (others.is_bool() && !others.as_bool()) return wrong(at, "has \"" + name + "\", which is not known here");
        if (Fault fault = check(member, others, below(at, name))) return fault;
      }
    }
    return {};
  }

  Fault check_alternatives(const bytes::Json& value, const bytes::Json& schema, const std::string& at) const {
    for (const char* const keyword : {"anyOf", "oneOf"}) {
      if (!schema.contains(keyword)) continue;
      std::size_t fitting = 0;
      std::string faults;
      for (const bytes::Json& alternative : schema.at(keyword).elements()) {
        const Fault fault = check(value, alternative, at);
        if (!fault) ++fitting;
        if (fault) faults += (faults.empty() ? "" : "; or ") + *fault;
      }
      if (fitting == 0) return faults;
      if (fitting > 1 && std::string_view(keyword) == "oneOf") return wrong(at, "fits more than one of its forms");
    }
    if (!schema.contains("if")) return {};
    const char* const branch = check(value, schema.at("if"), at) ? "else" : "then";
    return schema.contains(branch) ? check(value, schema.at(branch), at) : Fault();
  }

  const bytes::Json& root_;
};

/// Throws at a keyword that Validator does not know.
void require_known(const bytes::Json& schema, const bytes::Json& root) {
  if (schema.is_bool()) return;
  for (const auto& [keyword, value] : schema.members()) {
    if (keyword != kElse && std::find(kKeywords.begin(), kKeywords.end(), keyword) == kKeywords.end()) {
      refuse("the keyword \"" + keyword + "\" is not known");
    }
    if (keyword == "properties" || keyword == "$defs") {
      for (const auto& [name, member] : value.members()) require_known(member, root);
    } else if (keyword == "anyOf" || keyword == "oneOf") {
      for (const bytes::Json& member : value.elements()) require_known(member, root);
    } else if (keyword == "items" || keyword == "additionalProperties" || keyword == "if" || keyword == "then" ||
               keyword == kElse) {
      require_known(value, root);
    } else if (keyword == "$ref") {
      const std::string name = value.as_string().substr(value.as_string().rfind('/') + 1);
      if (value.as_string() != "#/$defs/" + name || !root.contains("$defs") || !root.at("$defs").contains(name)) {
        refuse("$ref to " + value.as_string() + ", which is not in $defs");
      }
    }
  }
}

}  // namespace

JsonSchema::JsonSchema(const bytes::Json& schema) : schema_(schema) { require_known(schema_, schema_); }

std::optional<std::string> JsonSchema::fault(const bytes::Json& document) const {
  return Validator(schema_).check(document, schema_, "");
}

}  // namespace crossload::verify
