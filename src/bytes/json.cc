#include "bytes/json.h"

#include <jansson.h>

#include <cmath>
#include <cstdlib>

#include "crossload/error.h"

namespace crossload::bytes {
namespace {

std::string type_name(const json_t* value) {
  switch (json_typeof(value)) {
    case JSON_OBJECT:
      return "an object";
    case JSON_ARRAY:
      return "an array";
    case JSON_STRING:
      return "a string";
    case JSON_INTEGER:
      return "an integer";
    case JSON_REAL:
      return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
      return "a boolean";
    case JSON_NULL:
      return "null";
  }
  return "?";
}

json_t* real_or_text(double value) {
  if (std::isnan(value)) return json_string("NaN");
  if (std::isinf(value)) return json_string(value > 0 ? "Infinity" : "-Infinity");
  return json_real(value);
}

/// Python's json module writes NaN, Infinity and -Infinity bare; outside strings they become null.
std::string without_python_numbers(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      result += c;
      if (c == '\\' && i + 1 < text.size()) {
        result += text[++i];
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    bool replaced = false;
    for (std::string_view word :
         {std::string_view("-Infinity"), std::string_view("Infinity"), std::string_view("NaN")}) {
      if (text.substr(i, word.size()) == word) {
        result += "null";
        i += word.size() - 1;
        replaced = true;
        break;
      }
    }
    if (replaced) continue;
    in_string = c == '"';
    result += c;
  }
  return result;
}

std::string dumped_with(const json_t* value, std::size_t flags, std::size_t digits) {
  char* text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
  if (text == nullptr) return "null";
  std::string result(text);
  std::free(text);
  return result;
}

/// With as few digits as read back to the same numbers: 1e-12 stays 1e-12.
std::string dumped(const json_t* value, std::size_t flags) {
  constexpr std::size_t kShort = 15;
  constexpr std::size_t kExact = 17;
  const std::string text = dumped_with(value, flags, kShort);
  json_t* again = json_loadb(text.data(), text.size(), JSON_DECODE_ANY | JSON_ALLOW_NUL, nullptr);
  const bool same = again != nullptr && json_equal(value, again) == 1;
  json_decref(again);
  return same ? text : dumped_with(value, flags, kExact);
}

}  // namespace

Json::Json() : Json(json_null(), "") {}
Json::Json(std::int64_t value) : Json(json_integer(value), "") {}
Json::Json(double value) : Json(real_or_text(value), "") {}
Json::Json(bool value) : Json(json_boolean(value), "") {}
Json::Json(std::string_view value) : Json(json_stringn(value.data(), value.size()), "") {
  if (value_ == nullptr) value_.reset(json_string("(not UTF-8)"), json_decref);
}
Json Json::object() { return Json(json_object(), ""); }
Json Json::array() { return Json(json_array(), ""); }

Json::Json(json_t* owned, std::string where) : value_(owned, json_decref), where_(std::move(where)) {}

Json Json::parse(std::string_view text, const std::string& where) {
  return parse(without_python_numbers(text), where, JSON_REJECT_DUPLICATES);
}

Json Json::parse_strict(std::string_view text, const std::string& where) { return parse(text, where, 0); }

Json Json::parse(std::string_view text, const std::string& where, std::size_t flags) {
  json_error_t error;
  json_t* value = json_loadb(text.data(), text.size(), flags | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
  if (value == nullptr) {
    throw Error(ErrorKind::kBadInput, where + ": not valid JSON at line " + std::to_string(error.line) + ", column " +
                                          std::to_string(error.column) + ": " + error.text);
  }
  return Json(value, where);
}

void Json::wrong_type(const char* wanted) const {
  throw Error(ErrorKind::kBadInput, where_ + ": is " + type_name(value_.get()) + " where " + wanted + " is expected");
}

bool Json::is_null() const { return json_is_null(value_.get()); }
bool Json::is_object() const { return json_is_object(value_.get()); }
bool Json::is_array() const { return json_is_array(value_.get()); }
bool Json::is_string() const { return json_is_string(value_.get()); }
bool Json::is_integer() const { return json_is_integer(value_.get()); }
bool Json::is_number() const { return json_is_number(value_.get()); }
bool Json::is_bool() const { return json_is_boolean(value_.get()); }

std::int64_t Json::as_integer() const {
  if (!is_integer()) wrong_type("an integer");
  return json_integer_value(value_.get());
}

double Json::as_number() const {
  if (!is_number()) wrong_type("a number");
  return json_number_value(value_.get());
}

bool Json::as_bool() const {
  if (!is_bool()) wrong_type("a boolean");
  return json_is_true(value_.get());
}

std::string Json::as_string() const {
  if (!is_string()) wrong_type("a string");
  return {json_string_value(value_.get()), json_string_length(value_.get())};
}

std::size_t Json::size() const {
  if (is_array()) return json_array_size(value_.get());
  return is_object() ? json_object_size(value_.get()) : 0;
}

Json Json::at(std::size_t index) const {
  if (!is_array()) wrong_type("an array");
  json_t* element = json_array_get(value_.get(), index);
  if (element == nullptr) {
    throw Error(ErrorKind::kBadInput, where_ + ": has no element " + std::to_string(index));
  }
  return Json(json_incref(element), where_ + "[" + std::to_string(index) + "]");
}

bool Json::contains(const std::string& name) const {
  return is_object() && json_object_get(value_.get(), name.c_str()) != nullptr;
}

Json Json::at(const std::string& name) const {
  if (!is_object()) wrong_type("an object");
  json_t* member = json_object_get(value_.get(), name.c_str());
  if (member == nullptr) throw Error(ErrorKind::kBadInput, where_ + ": has no \"" + name + "\"");
  return Json(json_incref(member), where_ + ": \"" + name + "\"");
}

std::vector<std::pair<std::string, Json>> Json::members() const {
  if (!is_object()) wrong_type("an object");
  std::vector<std::pair<std::string, Json>> result;
  const char* name = nullptr;
  json_t* member = nullptr;
  json_object_foreach(value_.get(), name, member) {
    result.emplace_back(name, Json(json_incref(member), where_ + ": \"" + name + "\""));
  }
  return result;
}

std::vector<Json> Json::elements() const {
  if (!is_array()) wrong_type("an array");
  std::vector<Json> result;
  for (std::size_t i = 0; i < size(); ++i) result.push_back(at(i));
  return result;
}

void Json::set(const std::string& name, const Json& value) {
  if (!is_object()) wrong_type("an object");
  json_object_set(value_.get(), name.c_str(), value.value_.get());
}

void Json::push_back(const Json& value) {
  if (!is_array()) wrong_type("an array");
  json_array_append(value_.get(), value.value_.get());
}

std::string Json::dump() const { return dumped(value_.get(), JSON_COMPACT); }
std::string Json::dump_pretty() const { return dumped(value_.get(), JSON_INDENT(2)) + "\n"; }

}  // namespace crossload::bytes
