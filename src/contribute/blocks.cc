#include "contribute/blocks.h"

#include <algorithm>
#include <regex>

#include "bytes/text_file.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;

/// Puts what a source defines as `Class::method(...) const {...}` in the place of `method(...) const;`.
std::string with_body(const std::string& text, const std::string& name, const std::string& definition) {
  const std::size_t at = definition.find(name + "::");
  if (at == std::string::npos) return text;
  const std::string method = definition.substr(at + name.size() + 2);
  const std::size_t close = closing_bracket(method, method.find('('));
  const std::size_t body = close == std::string::npos ? close : method.find_first_of("{:", close);
  if (body == std::string::npos) return text;
  return replace_all(text, method.substr(0, body) + ";", method);
}

std::string plain(const std::string& text) { return without_layout(code_of(text, /*with_strings=*/true)); }

/// `vocab = 30522;` of the struct, `sizes.vocab = config.integer("vocab_size", ...)` of the function.
std::vector<SizeField> fields_of(const std::string& sizes, const std::string& reader) {
  std::vector<SizeField> fields;
  const std::regex member("(\\w+) = ([^;]+);");
  for (std::sregex_iterator at(sizes.begin(), sizes.end(), member), end; at != end; ++at) {
    std::smatch found;
    const std::regex read("sizes\\." + (*at)[1].str() + " = config\\.(\\w+)\\(\"(\\w+)\"");
    const bool is_read = std::regex_search(reader, found, read);
    fields.push_back({is_read ? found[2].str() : "", is_read ? found[1].str() : "", (*at)[1], (*at)[2]});
  }
  return fields;
}

}  // namespace

std::string block_text(const Definition& definition) {
  return replace_all(plain(definition.text), definition.name, "@");
}

bool takes_call(const std::string& text) {
  return std::regex_search(text, std::regex("\\bcall\\([^{;]*\\bconst Call& \\w+\\)"));
}

Blocks read_blocks(const fs::path& root) {
  Blocks blocks;
  std::vector<fs::path> headers;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(root / "src" / "blocks", none)) {
    if (entry.path().extension() == ".h") headers.push_back(entry.path());
  }
  std::sort(headers.begin(), headers.end());
  for (const fs::path& header : headers) {
    const fs::path source = fs::path(header).replace_extension(".cc");
    const std::vector<Definition> bodies = fs::exists(source) ? read_block(source) : std::vector<Definition>();
    for (Definition& one : read_block(header)) {
      if (one.name.empty()) continue;
      blocks.names.insert(one.name);
      if (takes_call(one.text)) blocks.takers.insert(one.name);
      if (one.name == "BertSizes") blocks.bert_sizes = fields_of(code_of(one.text, true), bytes::read_text(source));
      if (!one.is_class) continue;
      one.text = plain(one.text);
      for (const Definition& body : bodies) one.text = with_body(one.text, one.name, plain(body.text));
      blocks.classes[block_text(one)] = one.name;
    }
  }
  return blocks;
}

}  // namespace crossload::contribute
