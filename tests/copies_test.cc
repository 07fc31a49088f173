// The marks `// Copied from` in src/models/, and the checker of them.
#include "contribute/copies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "temporary_folder.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSource = R"(
class TFBertOutput : public Module<TFBertOutput> {
 public:
  Tensor call(const Tensor& x) const { return dense(x); }

  const Dense dense;  // of Bert
};
)";

/// Two architectures in a folder: `bert` as above, and `electra` with the given text.
class Copies : public testing::Test {
 protected:
  std::vector<std::string> faults_of(const std::string& electra, bool fix = false) {
    std::ofstream(folder_.path() / "modeling_tf_bert.cc") << kSource;
    std::ofstream(folder_.path() / "modeling_tf_electra.cc") << electra;
    std::vector<std::string> texts;
    for (const CopyFault& fault : check_copies(folder_.path(), fix)) {
      texts.push_back(fault.file.filename().string() + ":" + std::to_string(fault.line) + ": " + fault.what);
    }
    return texts;
  }

  std::string electra() const {
    std::ostringstream text;
    text << std::ifstream(folder_.path() / "modeling_tf_electra.cc").rdbuf();
    return text.str();
  }

  const TemporaryFolder folder_;
};

constexpr const char* kCopy = R"(
// Copied from bert.TFBertOutput with Bert->Electra
class TFElectraOutput : public Module<TFElectraOutput> {
 public:
  Tensor call(const Tensor& x) const {
    return dense(x);
  }

  const Dense dense;  // of Electra
};
)";

TEST_F(Copies, LayoutDoesNotMatter) { EXPECT_THAT(faults_of(kCopy), testing::IsEmpty()); }

TEST_F(Copies, AChangedLineIsFoundAndFixed) {
  std::string changed = kCopy;
  changed.replace(changed.find("dense(x)"), 8, "other(x)");
  EXPECT_THAT(faults_of(changed), testing::ElementsAre(testing::AllOf(
                                      testing::HasSubstr("modeling_tf_electra.cc:2: the class is not TFBertOutput"),
                                      testing::HasSubstr("line 6 has \"other\" where \"dense\" is wanted"))));
  faults_of(changed, /*fix=*/true);
  EXPECT_THAT(faults_of(electra()), testing::IsEmpty());
  EXPECT_THAT(electra(), testing::HasSubstr("TFElectraOutput"));
}

TEST_F(Copies, WhatIsIgnoredMayDiffer) {
  std::string own = kCopy;
  own.insert(own.find("  const Dense dense;"), "  // Ignore copy\n  const Dense extra;\n\n");
  EXPECT_THAT(faults_of(own), testing::IsEmpty());
}

TEST_F(Copies, AllCasing) {
  const char* text = R"(
// Copied from bert.TFBertOutput with Bert->Electra all-casing
class TFElectraOutput : public Module<TFElectraOutput> {
 public:
  Tensor call(const Tensor& x) const { return dense(x); }

  const Dense dense;  // of Electra
};
)";
  EXPECT_THAT(faults_of(text), testing::IsEmpty());
}

TEST_F(Copies, MarksThatLeadNowhere) {
  EXPECT_THAT(faults_of("// Copied from roberta.TFX with A->B\nclass X {\n};\n"),
              testing::ElementsAre(testing::HasSubstr("there is no modeling_tf_roberta.cc")));
  EXPECT_THAT(faults_of("// Copied from bert.TFBertX with A->B\nclass X {\n};\n"),
              testing::ElementsAre(testing::HasSubstr("has no class TFBertX")));
  EXPECT_THAT(faults_of("// Copied from bert.TFBertOutput with A-B\nclass X {\n};\n"),
              testing::ElementsAre(testing::HasSubstr("the mark is not of the form")));
  EXPECT_THAT(faults_of("// Copied from bert.TFBertOutput with A->B\nint x;\n"),
              testing::ElementsAre(testing::HasSubstr("no class begins on the line below")));
}

TEST(CopiesInTheTree, AreWhatTheirMarksSay) {
  for (const CopyFault& fault : check_copies(fs::path(CROSSLOAD_SOURCE_DIR) / "src" / "models", /*fix=*/false)) {
    ADD_FAILURE() << fault.file.string() << ":" << fault.line << ": " << fault.what;
  }
}

}  // namespace
}  // namespace crossload::contribute
