#include "tf/operation_error.h"

#include <regex>

namespace crossload::tf {
namespace {

/// "[2, ?, 4]" of {2, -1, 4}.
std::string spelled(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + (shape[i] < 0 ? "?" : std::to_string(shape[i]));
  }
  return text + "]";
}

/// The same of every shape in a text.
std::string spelled(std::string text) {
  static const std::regex shape(R"(\[[-0-9?, ]*\])");
  std::smatch found;
  std::string result;
  while (std::regex_search(text, found, shape)) {
    result += found.prefix().str() + std::regex_replace(found[0].str(), std::regex(", ?"), ", ");
    text = found.suffix();
  }
  return result + text;
}

std::string spelled(const std::vector<Shape>& shapes) {
  std::string text;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == shapes.size() ? " and " : ", ") + spelled(shapes[i]);
  }
  return text;
}

}  // namespace

std::string failing_node(const std::string& message) {
  std::smatch found;
  return std::regex_search(message, found, std::regex(R"(\{\{node ([^}]+)\}\})")) ? found[1].str() : "";
}

std::string reason_of(const std::string& message, const std::vector<Shape>& inputs) {
  std::string text = message;
  // Of a run: "2 root error(s) found.\n  (0) INVALID_ARGUMENT: <what>\n\t [[{{node <name>}}]]\n ...".
  std::smatch found;
  if (std::regex_search(text, found, std::regex(R"(\(0\)\s+[A-Z_]+:\s*)"))) text = found.suffix();
  text = text.substr(0, text.find('\n'));
  // Of an operation that is made: "<what> for '{{node <name>}} = <definition>' with input shapes: <shapes>.".
  if (const std::size_t node = text.find("{{node "); node != std::string::npos) {
    const std::size_t quote = text.rfind(" for '", node);
    const std::size_t bracket = text.rfind(" [[", node);
    text = text.substr(0, quote != std::string::npos ? quote : bracket != std::string::npos ? bracket : node);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  static const std::regex two(R"(Incompatible shapes: (\[[^\]]*\]) (?:vs\.|and) (\[[^\]]*\]))");
  if (std::regex_search(text, found, two)) {
    return spelled("shapes " + found[1].str() + " and " + found[2].str() + " do not fit");
  }
  text = spelled(text);
  if (inputs.empty() || text.find('[') != text.rfind('[')) return text;
  if (text.starts_with("Dimensions must be equal") && inputs.size() == 2) {
    return "shapes " + spelled(inputs) + " do not fit: d" + text.substr(1);
  }
  return "inputs of shapes " + spelled(inputs) + ": " + text;
}

}  // namespace crossload::tf
