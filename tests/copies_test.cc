// The marks `// Copied from` in src/models/, and the checker of them.
#include "contribute/copies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "paths.h"
#include "test_files.h"

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
    write_file(folder_.path() / "modeling_tf_bert.cc", kSource);
    write_file(folder_.path() / "modeling_tf_electra.cc", electra);
    std::vector<std::string> texts;
    for (const CopyFault& fault : check_copies(folder_.path(), fix)) {
      texts.push_back(fault.file.filename().string() + ":" + std::to_string(fault.line) + ": " + fault.what);
    }
    return texts;
  }

  std::string electra() const { return read_file(folder_.path() / "modeling_tf_electra.cc"); }

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

/// kCopy with a method of its own in the place of the original's.
std::string with_own_call(const std::string& mark = "  // Ignore copy\n") {
  std::string own = kCopy;
  const std::size_t begin = own.find("  Tensor call");
  own.replace(
      begin, own.find("  }\n") + 4 - begin,
      mark + "  Tensor call(const Tensor& x) const {\n    const Tensor y = dense(x);\n\n    return y * 2;\n  }\n");
  return own;
}

TEST_F(Copies, AnIgnoredMethodStandsForTheOriginals) {
  EXPECT_THAT(faults_of(with_own_call()), testing::IsEmpty());
  EXPECT_THAT(faults_of(with_own_call("  // Ignore copy: doubled\n  // as in the paper\n")), testing::IsEmpty());
  EXPECT_THAT(faults_of(with_own_call("")), testing::SizeIs(1));
  EXPECT_THAT(faults_of(with_own_call("  // Ignore copying\n")), testing::SizeIs(1));
}

TEST_F(Copies, FixKeepsWhatIsIgnored) {
  const std::string own = with_own_call();
  faults_of(own, /*fix=*/true);
  EXPECT_EQ(electra(), own);
  // And when something else is rewritten.
  std::string changed = own;
  changed.replace(changed.find("const Dense dense;"), 18, "const Other dense;");
  EXPECT_THAT(faults_of(changed, /*fix=*/true),
              testing::ElementsAre("modeling_tf_electra.cc:12: TFElectraOutput.dense is written anew after "
                                   "bert.TFBertOutput"));
  EXPECT_EQ(electra(), own);
  // An added member keeps its place, and the empty line that ends it.
  changed = kCopy;
  const std::string added = "  // Ignore copy\n  Tensor more(const Tensor& x) const;\n  const Dense extra;\n\n";
  changed.insert(changed.find("  const Dense dense;"), added);
  const std::string whole = changed;
  changed.replace(changed.find("dense(x)"), 8, "other(x)");
  EXPECT_THAT(faults_of(changed, /*fix=*/true), testing::ElementsAre(testing::HasSubstr("TFElectraOutput.call is")));
  EXPECT_THAT(faults_of(electra()), testing::IsEmpty());
  EXPECT_THAT(electra(), testing::AllOf(testing::HasSubstr(added + "  const Dense dense;"),
                                        testing::HasSubstr("dense(x)"), testing::Not(testing::HasSubstr("other(x)"))));
}

TEST_F(Copies, FixEndsWhatIsIgnored) {
  std::string changed = kCopy;
  changed.insert(changed.find("  Tensor call"), "  // Ignore copy\n  const Dense first;\n\n");
  changed.replace(changed.find("dense(x)"), 8, "other(x)");
  faults_of(changed, /*fix=*/true);
  EXPECT_THAT(electra(),
              testing::HasSubstr("  const Dense first;\n\n  Tensor call(const Tensor& x) const { return dense"));
}

TEST_F(Copies, FixSaysWhatItRewrites) {
  std::string changed = kCopy;
  changed.replace(changed.find("dense(x)"), 8, "other(x)");
  changed.replace(changed.find("const Dense dense;"), 18, "const Other dense;");
  EXPECT_THAT(
      faults_of(changed, /*fix=*/true),
      testing::ElementsAre("modeling_tf_electra.cc:5: TFElectraOutput.call is written anew after bert.TFBertOutput",
                           "modeling_tf_electra.cc:7: TFElectraOutput.dense is written anew after bert.TFBertOutput"));
  EXPECT_THAT(faults_of(electra(), /*fix=*/true), testing::IsEmpty());
}

TEST_F(Copies, FixLosesNothingThatNoMarkGivesAway) {
  // A member that the original lacks.
  std::string own = kCopy;
  own.insert(own.find("  const Dense dense;"), "  Tensor mine(const Tensor& x) const { return x; }\n\n");
  EXPECT_THAT(faults_of(own, /*fix=*/true),
              testing::ElementsAre(testing::HasSubstr(
                  "not rewritten, since line 9: TFElectraOutput.mine is not in bert.TFBertOutput and would be lost; "
                  "take it out, or put `// Ignore copy` above it")));
  EXPECT_EQ(electra(), own);
  // Lines of its own inside a method that would be rewritten.
  own = kCopy;
  own.insert(own.find("    return dense(x)"), "    // Ignore copy\n    check(x);\n\n");
  EXPECT_THAT(faults_of(own), testing::IsEmpty());
  own.replace(own.find("dense(x)"), 8, "other(x)");
  EXPECT_THAT(faults_of(own, /*fix=*/true), testing::ElementsAre(testing::HasSubstr(
                                                "not rewritten, since line 5: TFElectraOutput.call has lines under "
                                                "`// Ignore copy` that would be lost")));
  EXPECT_EQ(electra(), own);
}

TEST_F(Copies, OnlyTheArchitecturesAskedForAreRewritten) {
  std::string changed = kCopy;
  changed.replace(changed.find("dense(x)"), 8, "other(x)");
  write_file(folder_.path() / "modeling_tf_bert.cc", kSource);
  write_file(folder_.path() / "modeling_tf_electra.cc", changed);
  EXPECT_THAT(check_copies(folder_.path(), /*fix=*/true, {"bert"}),
              testing::ElementsAre(testing::Field(&CopyFault::mended, false)));
  EXPECT_EQ(electra(), changed);
  EXPECT_THAT(check_copies(folder_.path(), /*fix=*/true, {"electra"}),
              testing::ElementsAre(testing::Field(&CopyFault::mended, true)));
  EXPECT_NE(electra(), changed);
}

TEST_F(Copies, AWrappedMarkIsAMark) {
  for (const char* mark : {"// Copied from bert.TFBertOutput\n// with Bert->Electra\n",
                           "// Copied from bert.TFBertOutput with Xyz->Abc,\n// Bert->Electra\n",
                           "// Copied from bert.TFBertOutput with Bert->Electra\n// all-casing\n"}) {
    std::string wrapped = kCopy;
    const std::string whole = "// Copied from bert.TFBertOutput with Bert->Electra\n";
    wrapped.replace(wrapped.find(whole), whole.size(), mark);
    EXPECT_THAT(faults_of(wrapped), testing::IsEmpty()) << mark;
    wrapped.replace(wrapped.find("dense(x)"), 8, "other(x)");
    EXPECT_THAT(faults_of(wrapped, /*fix=*/true), testing::ElementsAre(testing::HasSubstr(":6: "))) << mark;
    EXPECT_THAT(faults_of(electra()), testing::IsEmpty()) << mark;
    EXPECT_THAT(electra(), testing::HasSubstr(mark));
  }
}

TEST_F(Copies, OverloadsAndLiterals) {
  // The ignored overload stands for the one that has no equal; brackets and marks in literals are no brackets and
  // marks.
  const char* text = R"(
// Copied from bert.TFBertLayer with Bert->Electra
class TFElectraLayer : public Module<TFElectraLayer> {
 public:
  explicit TFElectraLayer(const Scope& scope)
      : Module(scope),
        dense{scope / "dense{(", '}'} {}

  Tensor call(const Tensor& x) const { return dense(x); }

  // Ignore copy
  Tensor call(const Tensor& x, int mine) const {
    return dense(x, "// Ignore copy", 1'000);

    // goes on behind an empty line
  }

 private:
  const Dense dense;
};
)";
  std::string bert = text;
  bert = bert.substr(bert.find("class "));
  const std::string own = bert.substr(bert.find("  // Ignore"), bert.find(" private:") - bert.find("  // Ignore"));
  bert.replace(bert.find(own), own.size(), "  Tensor call(const Tensor& x, int theirs) const { return x; }\n\n");
  for (std::size_t at = bert.find("Electra"); at != std::string::npos; at = bert.find("Electra")) {
    bert.replace(at, 7, "Bert");
  }
  std::ofstream(folder_.path() / "modeling_tf_bert.cc") << kSource << bert;
  write_file(folder_.path() / "modeling_tf_electra.cc", text);
  EXPECT_THAT(check_copies(folder_.path(), /*fix=*/true), testing::IsEmpty());
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
  for (const CopyFault& fault : check_copies(source_folder() / "src" / "models", /*fix=*/false)) {
    ADD_FAILURE() << fault.file.string() << ":" << fault.line << ": " << fault.what;
  }
}

}  // namespace
}  // namespace crossload::contribute
