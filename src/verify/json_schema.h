// Whether a JSON document has the form that a JSON Schema asks for.
#pragma once

#include <optional>
#include <string>

#include "bytes/json.h"

namespace crossload::verify {

/// The part of JSON Schema (draft 2020-12) that docs/certificate.schema.json uses: type, const, enum, required,
/// properties, additionalProperties, items, minimum, maximum, minLength, maxLength, pattern (POSIX extended), anyOf,
/// oneOf, if with then and else, boolean schemas, $ref to "#/$defs/NAME". Any other keyword is an error, so that none
/// is passed over in silence. tests/certificate_schema_test.py holds the verdicts against Python's jsonschema.
///
///     const JsonSchema schema(Json::parse(text, "certificate.schema.json"));
///     if (const auto fault = schema.fault(document)) ...  // "stages[3].max_error: is a string where ..."
class JsonSchema {
 public:
  /// Throws Error(kBadInput) that names a keyword or reference it does not know.
  explicit JsonSchema(const bytes::Json& schema);

  /// What is wrong first, beginning with its place in the document; nothing when all is as asked.
  std::optional<std::string> fault(const bytes::Json& document) const;

 private:
  bytes::Json schema_;
};

}  // namespace crossload::verify
