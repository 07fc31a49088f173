// A new architecture begun as a copy, and the checklist: each of its points broken once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "bytes/json.h"
#include "bytes/text_file.h"
#include "contribute/copies.h"
#include "contribute/readiness.h"
#include "contribute/scaffold.h"
#include "contribute/source_text.h"
#include "crossload/error.h"
#include "test_files.h"

namespace crossload::contribute {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const fs::path kSources = CROSSLOAD_SOURCE_DIR;

/// The files of the tree that the commands work on, to be broken.
class Tree : public testing::Test {
 protected:
  Tree() {
    fs::create_directories(root() / "src");
    fs::create_directories(root() / "tests" / "goldens");
    fs::create_directories(root() / "docs");
    fs::copy(kSources / "src" / "models", root() / "src" / "models");
    for (const fs::directory_entry& entry : fs::directory_iterator(kSources / "tests" / "goldens")) {
      const fs::path copy = root() / "tests" / "goldens" / entry.path().filename();
      if (entry.path().extension() == ".json") fs::copy(entry.path(), copy);
      if (entry.path().extension() == ".safetensors") fs::create_symlink(entry.path(), copy);
    }
    fs::copy(kSources / "README.md", root() / "README.md");
    fs::copy(kSources / "docs" / "models.md", root() / "docs" / "models.md");
  }

  fs::path root() const { return folder_.path(); }
  fs::path model(const std::string& name) const { return root() / "src" / "models" / ("modeling_tf_" + name + ".cc"); }

  /// Replaces the first occurrence, which must be there, and returns its line.
  int change(const fs::path& file, const std::string& from, const std::string& to) const {
    std::string text = bytes::read_text(file);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at == std::string::npos) return 0;
    text.replace(at, from.size(), to);
    write_file(file, text);
    return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  }

  /// "modeling_tf_bert.cc:12: training: ..."
  std::vector<std::string> findings(const std::string& name, bool fix = false) const {
    std::vector<std::string> lines;
    for (const Finding& one : check_readiness(root(), name, fix).missing) {
      lines.push_back(one.file.filename().string() + ":" + std::to_string(one.line) + ": " + one.point + ": " +
                      one.what);
    }
    return lines;
  }

  void expect_refused(const ScaffoldOptions& options, ErrorKind kind, const std::string& text) const {
    const auto before = architecture_names(root());
    try {
      add_new_model(options);
      ADD_FAILURE() << "not refused: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
    EXPECT_EQ(architecture_names(root()), before);
    EXPECT_FALSE(fs::exists(root() / "tests" / "goldens" / "brand_new_bert.json"));
  }

  ScaffoldOptions brand_new_bert() const { return {root(), "brand_new_bert", "bert", "", {}, ""}; }

 private:
  const TemporaryFolder folder_;
};

TEST_F(Tree, ReadyAsItIs) { EXPECT_THAT(findings(""), IsEmpty()); }

TEST_F(Tree, EveryArchitectureCanBeTheBase) {
  for (const std::string& base : architecture_names(root())) {
    const std::string name = "new_" + base;
    const Scaffold made = add_new_model({root(), name, base, "", {}, ""});
    EXPECT_THAT(check_training(made.model), IsEmpty()) << base;
    EXPECT_THAT(check_unmarked(made.model), IsEmpty()) << base;
    EXPECT_THAT(check_registration(made.model), IsEmpty()) << base;
    EXPECT_THAT(made.recipes, Not(IsEmpty())) << base;
    const bytes::Json recipe = bytes::Json::parse(bytes::read_text(made.recipe), made.recipe.string());
    if (const bytes::Json& config = recipe.at("config");
        config.contains("model_type")) {  // CLIP's recipes have one each
      EXPECT_EQ(config.at("model_type").as_string(), name);
    }
    EXPECT_NE(bytes::read_text(made.model).find("\"" + name + "\""), std::string::npos)
        << base << ": the registration's type";
    for (const CopyFault& fault : check_copies(root() / "src" / "models", /*fix=*/false)) {
      ADD_FAILURE() << fault.file << ":" << fault.line << ": " << fault.what;
    }
    fs::remove(made.model);
  }
}

TEST_F(Tree, ScaffoldIsRenamedAndMarked) {
  const Scaffold made = add_new_model(brand_new_bert());
  const std::string text = bytes::read_text(made.model);
  EXPECT_THAT(text,
              AllOf(HasSubstr("// BrandNewBert, as transformers/models/brand_new_bert/modeling_brand_new_bert.py"),
                    HasSubstr("// Copied from bert.TFBertSelfOutput with Bert->BrandNewBert\n"
                              "class TFBrandNewBertSelfOutput"),
                    HasSubstr("Architecture modeling_tf_brand_new_bert()"), Not(HasSubstr("class TFBert"))));
  EXPECT_THAT(bytes::read_text(made.recipe),
              AllOf(HasSubstr("\"brand_new_bert_model\""), HasSubstr("\"BrandNewBertModel\"")));
  EXPECT_EQ(made.heads.size(), 9U);
}

TEST_F(Tree, ANameThatHoldsTheBasesName) {
  const Scaffold made = add_new_model({root(), "rebert", "bert", "Rebert", {}, ""});
  EXPECT_THAT(bytes::read_text(made.model), Not(HasSubstr("Rerebert")));
  EXPECT_THAT(bytes::read_text(made.model), HasSubstr("with bert->rebert, Bert->Rebert"));
  EXPECT_THAT(check_copies(root() / "src" / "models", /*fix=*/true), IsEmpty());
}

TEST_F(Tree, HeadsThatAreNotWantedFallAway) {
  ScaffoldOptions options = brand_new_bert();
  options.heads = {"ForMaskedLM"};
  const Scaffold made = add_new_model(options);
  EXPECT_THAT(made.heads, ElementsAre("TFBrandNewBertModel", "TFBrandNewBertForMaskedLM"));
  const std::string text = bytes::read_text(made.model);
  EXPECT_THAT(text, AllOf(HasSubstr("TFBrandNewBertWithMLMHead"), Not(HasSubstr("QuestionAnswering")),
                          Not(HasSubstr("classifier_dropout(")), Not(HasSubstr("no_mlm"))));
  EXPECT_THAT(bytes::read_text(made.recipe), Not(HasSubstr("ForTokenClassification")));
}

TEST_F(Tree, TheConfigurationSetsDefaults) {
  const fs::path config = root() / "config.json";
  write_file(config, R"({"hidden_size": 32, "vocab_size": 99, "new_scale": 2.5, "hidden_act": "relu"})");
  ScaffoldOptions options = brand_new_bert();
  options.config = config;
  const Scaffold made = add_new_model(options);
  EXPECT_THAT(made.from_config, testing::UnorderedElementsAre("hidden_size: 768 -> 32", "vocab_size: 30522 -> 99",
                                                              "hidden_act: \"gelu\" -> \"relu\""));
  EXPECT_THAT(made.not_read, ElementsAre("new_scale"));
  EXPECT_THAT(bytes::read_text(made.model), HasSubstr("config.integer(\"hidden_size\", 32)"));
  EXPECT_THAT(check_copies(root() / "src" / "models", /*fix=*/false), IsEmpty());
}

TEST_F(Tree, MistakesWriteNothing) {
  ScaffoldOptions options = brand_new_bert();
  options.name = "bert";
  expect_refused(options, ErrorKind::kUsage, "exists; choose another name");
  options.name = "Brand-New";
  expect_refused(options, ErrorKind::kUsage, "is not a model_type");
  options = brand_new_bert();
  options.like = "bertha";
  expect_refused(options, ErrorKind::kUsage, "--like bertha: there is no such architecture here; there are albert");
  options = brand_new_bert();
  options.heads = {"ForPoetry"};
  expect_refused(options, ErrorKind::kUsage, "--heads ForPoetry: the base has no such head; it has Model");
  options = brand_new_bert();
  options.config = root() / "README.md";
  expect_refused(options, ErrorKind::kBadInput, "README.md");
}

TEST_F(Tree, TrainingNotPassedOn) {
  const int line = change(model("bert"), "dropout(LayerNorm(embeddings), training)", "dropout(LayerNorm(embeddings))");
  EXPECT_THAT(findings("bert"),
              ElementsAre(HasSubstr("modeling_tf_bert.cc:" + std::to_string(line) + ": training: TFBertEmbeddings")));
}

TEST_F(Tree, TrainingNotTaken) {
  change(model("bert"), "Tensor call(const ModelInputs& inputs, bool training) const {",
         "Tensor call(const ModelInputs& inputs) const {");
  EXPECT_THAT(findings("bert"), Contains(AllOf(HasSubstr("training: TFBertEmbeddings"), HasSubstr("bool training"))));
}

TEST_F(Tree, CopiesThatDiffer) {
  change(model("electra"), "// Copied from bert.", "// Copied from bart.");
  EXPECT_THAT(findings("electra"), Contains(AllOf(HasSubstr("modeling_tf_electra.cc"), HasSubstr(": copies: "))));
}

TEST_F(Tree, ACopyWithoutItsMark) {
  const Scaffold made = add_new_model(brand_new_bert());
  const int line = change(made.model, "// Copied from bert.TFBertSelfAttention with", "// Much like");
  EXPECT_THAT(findings("brand_new_bert"),
              Contains(AllOf(HasSubstr("brand_new_bert.cc:" + std::to_string(line + 1) + ": unmarked copy"),
                             HasSubstr("equals bert.TFBertSelfAttention"))));
}

TEST_F(Tree, FixWritesMissingMarksAndChangedCopies) {
  const Scaffold made = add_new_model(brand_new_bert());
  change(made.model, "// Copied from bert.TFBertSelfAttention with Bert->BrandNewBert\n", "");
  change(made.model, "return dropout(LayerNorm(embeddings), training)", "return dropout(LayerNorm(words), training)");
  EXPECT_THAT(findings("brand_new_bert"),
              AllOf(Contains(HasSubstr("unmarked copy")), Contains(HasSubstr(": copies: "))));
  std::vector<std::string> mended;
  for (const Finding& one : check_readiness(root(), "brand_new_bert", /*fix=*/true).mended) {
    mended.push_back(std::to_string(one.line) + ": " + one.point + ": " + one.what);
  }
  const std::string text = bytes::read_text(made.model);
  const auto line_of = [&](const std::string& what) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(text.find(what));
    return std::to_string(1 + std::count(text.begin(), end, '\n'));
  };
  const std::string mark = "// Copied from bert.TFBertSelfAttention with Bert->BrandNewBert";
  EXPECT_THAT(mended, ElementsAre(line_of(mark) + ": added: " + mark,
                                  line_of("  Tensor call(const ModelInputs& inputs, bool training)") +
                                      ": rewritten: TFBrandNewBertEmbeddings.call is written anew after "
                                      "bert.TFBertEmbeddings"));
  EXPECT_THAT(findings("brand_new_bert"),
              AllOf(Not(Contains(HasSubstr("unmarked copy"))), Not(Contains(HasSubstr(": copies: ")))));
}

TEST_F(Tree, IgnoredWithoutAReason) {
  const int line = change(model("bert"), "\"a buffer: 0, 1, 2, ...\"", "\"\"");
  EXPECT_THAT(findings("bert"), ElementsAre(HasSubstr(":" + std::to_string(line) + ": ignores: ")));
}

TEST_F(Tree, Names) {
  change(model("bert"), "\"TFBertForMaskedLM\"", "\"TFBertMaskedLM\"");
  EXPECT_THAT(findings("bert"),
              Contains(HasSubstr("names: the class TFBertForMaskedLM is registered as TFBertMaskedLM")));
  change(model("t5"), "\"TFAutoModelForSeq2SeqLM\"", "\"AutoModelForSeq2SeqLM\"");
  EXPECT_THAT(findings("t5"), ElementsAre(HasSubstr("names: AutoModelForSeq2SeqLM is no family")));
  change(model("albert"), ".py, 4.57.6", ".py");
  EXPECT_THAT(findings("albert"), ElementsAre(HasSubstr("names: the registration does not name the file")));
}

TEST_F(Tree, RecipesAndGoldens) {
  fs::remove(root() / "tests" / "goldens" / "bert_small.safetensors");
  EXPECT_THAT(findings("bert"), ElementsAre(AllOf(HasSubstr("bert.json:21: "), HasSubstr("has not been made"))));
  change(root() / "tests" / "goldens" / "bert.json", "\"bert_small\"", "\"bert_tiny\"");
  EXPECT_THAT(findings("bert"), ElementsAre(AllOf(HasSubstr("bert.json:1: "), HasSubstr("no recipe bert_small"))));
  change(root() / "tests" / "goldens" / "roberta.json", "\"RobertaForTokenClassification\"", "\"RobertaModel\"");
  EXPECT_THAT(findings("roberta"), ElementsAre(HasSubstr("recipe: TFRobertaForTokenClassification has no recipe")));
  fs::remove(root() / "tests" / "goldens" / "albert.json");
  EXPECT_THAT(findings("albert"), ElementsAre(HasSubstr("albert.json:1: recipe: is missing")));
}

TEST_F(Tree, Pages) {
  add_new_model(brand_new_bert());
  EXPECT_THAT(findings("brand_new_bert"),
              AllOf(Contains(AllOf(HasSubstr("README.md:"), HasSubstr("TFBrandNewBertModel"))),
                    Contains(HasSubstr("models.md:"))));
}

TEST_F(Tree, AnUnknownArchitecture) { EXPECT_THROW(check_readiness(root(), "bertha", /*fix=*/false), Error); }

}  // namespace
}  // namespace crossload::contribute
