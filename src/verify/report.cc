#include "verify/report.h"

#include <string_view>

namespace crossload {

extern const char report_template[];  // report.html

namespace verify {
namespace {

constexpr std::string_view kPlace = "@CERTIFICATE@";

/// JSON that HTML cannot take for markup. These characters stand only inside strings of a JSON document, where an
/// escape means the same; without them no </script> and no <!-- is left.
std::string escaped_for_script(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    switch (c) {
      case '<':
        text += "\\u003c";
        break;
      case '>':
        text += "\\u003e";
        break;
      case '&':
        text += "\\u0026";
        break;
      default:
        text += c;
    }
  }
  return text;
}

}  // namespace

std::string report_html(const bytes::Json& certificate) {
  std::string page = report_template;
  return page.replace(page.find(kPlace), kPlace.size(), escaped_for_script(certificate.dump()));
}

}  // namespace verify
}  // namespace crossload
