// JSON documents. The one place that knows the JSON library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct json_t;

namespace crossload::bytes {

/// A JSON value; copies share it. Objects keep the order of their members. The accessors throw Error(kBadInput) that
/// names the document and the member when the value has another type.
///
///     Json config = Json::parse(text, "config.json");
///     std::int64_t layers = config.at("num_hidden_layers").as_integer();
///
///     Json object = Json::object();
///     object.set("verdict", "agrees");
///     std::string text = object.dump();
class Json {
 public:
  /// null
  Json();
  Json(std::int64_t value);
  Json(int value) : Json(static_cast<std::int64_t>(value)) {}
  Json(std::size_t value) : Json(static_cast<std::int64_t>(value)) {}
  /// NaN and infinities, which JSON lacks, become the strings "NaN", "Infinity" and "-Infinity".
  Json(double value);
  Json(bool value);
  Json(std::string_view value);
  Json(const std::string& value) : Json(std::string_view(value)) {}
  Json(const char* value) : Json(std::string_view(value)) {}
  static Json object();
  static Json array();

  /// Parses one document of UTF-8. `where` (a file's name) begins each later error. Rejects duplicate members and more
  /// than 2048 levels. NaN and Infinity, which Python writes, are read as null, 1e999 and -1e999 are errors.
  static Json parse(std::string_view text, const std::string& where);

  /// The same as RFC 8259 has it, without NaN and Infinity. Of members with one name the last counts, as in the parsers
  /// of most languages.
  static Json parse_strict(std::string_view text, const std::string& where);

  bool is_null() const;
  bool is_object() const;
  bool is_array() const;
  bool is_string() const;
  bool is_integer() const;
  bool is_number() const;
  bool is_bool() const;

  std::int64_t as_integer() const;
  double as_number() const;
  bool as_bool() const;
  std::string as_string() const;

  /// Elements of an array or members of an object; 0 for the rest.
  std::size_t size() const;
  Json at(std::size_t index) const;
  bool contains(const std::string& name) const;
  Json at(const std::string& name) const;
  std::vector<std::pair<std::string, Json>> members() const;
  std::vector<Json> elements() const;

  void set(const std::string& name, const Json& value);
  void push_back(const Json& value);

  /// One line, or indented by two blanks with a line end at the end.
  std::string dump() const;
  std::string dump_pretty() const;

 private:
  Json(json_t* owned, std::string where);
  static Json parse(std::string_view text, const std::string& where, std::size_t flags);
  [[noreturn]] void wrong_type(const char* wanted) const;

  std::shared_ptr<json_t> value_;
  std::string where_;
};

}  // namespace crossload::bytes
