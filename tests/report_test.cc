// The certificate as a page: what is in the file. What a browser makes of it is tested in acceptance/report_browser.py.
#include "verify/report.h"

#include <gmock/gmock.h>

#include <regex>
#include <string>

namespace crossload::verify {
namespace {

using testing::HasSubstr;
using testing::Not;

bytes::Json not_verified() {
  bytes::Json document = bytes::Json::object();
  document.set("crossload_certificate", 1);
  document.set("model", "tiny");
  document.set("class", "TFBertModel");
  document.set("verdict", "not verified");
  document.set("first_divergence", bytes::Json());
  return document;
}

/// All names are `name`.
bytes::Json named(const std::string& name) {
  bytes::Json document = not_verified();
  document.set("model", name);
  document.set("verdict", "disagrees");
  bytes::Json stage = bytes::Json::object();
  stage.set("path", name);
  stage.set("class", name);
  stage.set("agrees", false);
  stage.set("max_error", 0.5);
  bytes::Json stages = bytes::Json::array();
  stages.push_back(stage);
  document.set("stages", stages);
  return document;
}

/// What stands inside the element with the certificate, as a browser reads it: up to the first end tag.
std::string embedded(const std::string& page) {
  const std::string start = "<script type=\"application/json\" id=\"certificate\">";
  const std::size_t begin = page.find(start);
  EXPECT_NE(begin, std::string::npos);
  return page.substr(begin + start.size(), page.find("</script", begin) - begin - start.size());
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Report, HoldsTheCertificate) {
  const bytes::Json document = named("encoder.layer.0.attention");
  EXPECT_EQ(bytes::Json::parse(embedded(report_html(document)), "report").dump(), document.dump());
}

TEST(Report, IsAPageWithoutAVerificationToo) {
  const bytes::Json document = not_verified();
  const std::string page = report_html(document);
  EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0U);
  EXPECT_EQ(bytes::Json::parse(embedded(page), "report").dump(), document.dump());
}

TEST(Report, NoNameLeavesItsElement) {
  const std::string plain = report_html(named("plain"));
  for (const std::string name :
       {"</script><script>alert(1)</script>", "</SCRIPT >", "<!--<script>", "]]>", "&lt;/script&gt;", "@CERTIFICATE@",
        "\\u003c/script>", "\"'`\\", "$&$1", "\xe2\x80\xa8\xe2\x80\xae", "line\nend\ttab"}) {
    const bytes::Json document = named(name);
    const std::string page = report_html(document);
    const std::string inside = embedded(page);
    EXPECT_EQ(bytes::Json::parse(inside, "report").dump(), document.dump()) << name;
    EXPECT_THAT(inside, Not(HasSubstr("<"))) << name;
    EXPECT_THAT(inside, Not(HasSubstr(">"))) << name;
    EXPECT_THAT(inside, Not(HasSubstr("&"))) << name;
    EXPECT_EQ(count(page, "<script"), count(plain, "<script")) << name;
    // The rest of the page is the same for every certificate.
    EXPECT_EQ(page.size() - inside.size(), plain.size() - embedded(plain).size()) << name;
  }
}

TEST(Report, NeedsNoOtherFile) {
  const std::string page = report_html(not_verified());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_FALSE(
      std::regex_search(page, std::regex("<link|<img|<iframe|@import|url\\(|src=|fetch\\(|XMLHttp|import\\(")));
}

TEST(Report, MakesNoMarkupFromText) {
  const std::string page = report_html(not_verified());
  for (const char* unsafe : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("}) {
    EXPECT_THAT(page, Not(HasSubstr(unsafe)));
  }
}

}  // namespace
}  // namespace crossload::verify
