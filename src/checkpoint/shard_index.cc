#include "checkpoint/shard_index.h"

#include <span>

#include "bytes/text_file.h"
#include "checkpoint/foreign.h"
#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

bytes::Json read_json(const std::filesystem::path& file) {
  const std::string text = bytes::read_text(file);
  try {
    return bytes::Json::parse(text, file.string());
  } catch (const Error&) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    const std::string cause = foreign_file(std::as_bytes(std::span(text)));
    if (cause.empty() || (begin != std::string::npos && (text[begin] == '{' || text[begin] == '['))) throw;
    throw Error(ErrorKind::kBadInput, file.string() + ": not valid JSON: " + cause);
  }
}

std::map<std::string, std::string> read_shard_index(const std::filesystem::path& index) {
  std::map<std::string, std::string> weight_map;
  for (const auto& [tensor, file] : read_json(index).at("weight_map").members()) {
    if (!is_plain_name(file.as_string())) {
      throw Error(ErrorKind::kBadInput,
                  index.string() + ": names the shard \"" + file.as_string() + "\", which is not a file of its folder");
    }
    weight_map.emplace(tensor, file.as_string());
  }
  return weight_map;
}

}  // namespace crossload::checkpoint
