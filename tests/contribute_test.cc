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
#include "paths.h"
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

const fs::path kSources = source_folder();

/// The files of the tree that the commands work on, to be broken.
class Tree : public testing::Test {
 protected:
  Tree() {
    fs::create_directories(root() / "src");
    fs::create_directories(root() / "tests" / "goldens");
    fs::create_directories(root() / "docs");
    fs::copy(kSources / "src" / "models", root() / "src" / "models");
    fs::copy(kSources / "src" / "blocks", root() / "src" / "blocks");
    for (const fs::directory_entry& entry : fs::directory_iterator(kSources / "tests" / "goldens")) {
      const fs::path copy = root() / "tests" / "goldens" / entry.path().filename();
      if (entry.path().extension() == ".json") fs::copy(entry.path(), copy);
      if (entry.path().extension() == ".safetensors") fs::create_symlink(entry.path(), copy);
    }
    fs::copy(kSources / "README.md", root() / "README.md");
    fs::copy(kSources / "docs" / "models.md", root() / "docs" / "models.md");
  }

  fs::path root() const { return folder_.path(); }
  fs::path model(const std::string& name) const { return model_file(root(), name); }

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
    EXPECT_THAT(check_call(root(), name), IsEmpty()) << base;
    EXPECT_THAT(check_equals(root(), name), IsEmpty()) << base;
    EXPECT_THAT(check_registration(root(), name), IsEmpty()) << base;
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

TEST_F(Tree, OnlyWhatTheFileDefinesIsRenamed) {
  const std::string text = bytes::read_text(add_new_model(brand_new_bert()).model);
  EXPECT_THAT(text, AllOf(HasSubstr("class TFBrandNewBertMainLayer : public Module<TFBrandNewBertMainLayer>"),
                          HasSubstr("const TFBertEmbeddings embeddings;"), HasSubstr("bert_sizes(config)"),
                          HasSubstr("#include \"blocks/bert_block.h\""), HasSubstr("struct WordsHead : TFBertMLMHead"),
                          HasSubstr("kMainLayer = \"brand_new_bert\""),
                          HasSubstr("brand_new_bert(scope / \"brand_new_bert\", config"),
                          HasSubstr("head<TokenClassification<Base>>(\"TFBrandNewBertForTokenClassification\"")));
  EXPECT_THAT(text, HasSubstr("// Layers and heads that are not defined here are in blocks/bert_block.h and "
                              "blocks/heads.h.\n// Where one differs, copy its class from there into this file"));
  const std::string deberta = bytes::read_text(add_new_model({root(), "brand_new", "deberta_v2", "", {}, ""}).model);
  EXPECT_THAT(deberta, AllOf(HasSubstr(".model_type = \"brand_new\""), HasSubstr(".base_model_prefix = \"brand_new\""),
                             HasSubstr("class TFDisentangledSelfAttention"), Not(HasSubstr("\"deberta")),
                             Not(HasSubstr("class TFDeberta"))));
}

TEST_F(Tree, AnAliasGivesAnAlias) {
  const Scaffold made = add_new_model({root(), "brand_new", "camembert", "", {}, ""});
  EXPECT_EQ(made.alias_of, "roberta");
  EXPECT_THAT(made.heads, Contains("TFBrandNewForMaskedLM"));
  EXPECT_THAT(bytes::read_text(made.model),
              AllOf(HasSubstr("keras::renamed(modeling_tf_roberta(), \"Roberta\", \"BrandNew\""),
                    HasSubstr("the architecture roberta under another name"), HasSubstr("{{\"TFBrandNewModel\", "),
                    Not(HasSubstr("amembert"))));
  EXPECT_THAT(bytes::read_text(made.recipe),
              AllOf(HasSubstr("\"brand_new_small\""), HasSubstr("\"BrandNewForCausalLM\"")));
  expect_refused({root(), "other", "camembert", "", {"ForMaskedLM"}, ""}, ErrorKind::kUsage,
                 "camembert is roberta under another name, with all its heads; with --like roberta");
}

TEST_F(Tree, ScaffoldIsRenamedAndMarked) {
  const Scaffold made = add_new_model(brand_new_bert());
  const std::string text = bytes::read_text(made.model);
  EXPECT_THAT(text,
              AllOf(HasSubstr("// BrandNewBert, as transformers/models/brand_new_bert/modeling_brand_new_bert.py"),
                    HasSubstr("// Copied from bert.TFBertNSPHead with Bert->BrandNewBert\n"
                              "class TFBrandNewBertNSPHead"),
                    HasSubstr("Architecture modeling_tf_brand_new_bert()"), Not(HasSubstr("class TFBert"))));
  EXPECT_THAT(bytes::read_text(made.recipe),
              AllOf(HasSubstr("\"brand_new_bert_model\""), HasSubstr("\"BrandNewBertModel\"")));
  EXPECT_EQ(made.heads.size(), 9U);
}

TEST_F(Tree, ANameThatHoldsTheBasesName) {
  const Scaffold made = add_new_model({root(), "rebert", "bert", "Rebert", {}, ""});
  EXPECT_THAT(bytes::read_text(made.model), Not(HasSubstr("Rerebert")));
  EXPECT_THAT(bytes::read_text(made.model), HasSubstr("with Bert->Rebert, bert->rebert"));
  EXPECT_THAT(check_copies(root() / "src" / "models", /*fix=*/true), IsEmpty());
}

TEST_F(Tree, HeadsThatAreNotWantedFallAway) {
  ScaffoldOptions options = brand_new_bert();
  options.heads = {"ForMaskedLM"};
  const Scaffold made = add_new_model(options);
  EXPECT_THAT(made.heads, ElementsAre("TFBrandNewBertModel", "TFBrandNewBertForMaskedLM"));
  const std::string text = bytes::read_text(made.model);
  EXPECT_THAT(text, AllOf(HasSubstr("struct WordsHead"), HasSubstr("using Base = TFBrandNewBertPreTrainedModel;"),
                          Not(HasSubstr("QuestionAnswering")), Not(HasSubstr("PreTrainingHeads"))));
  EXPECT_THAT(bytes::read_text(made.recipe), Not(HasSubstr("ForTokenClassification")));
  // Electra's base model is a class of its own, and nothing else is over `Base`.
  const Scaffold electra = add_new_model({root(), "brand_new", "electra", "", {"ForMultipleChoice"}, ""});
  EXPECT_THAT(bytes::read_text(electra.model),
              AllOf(HasSubstr("TFBrandNewSequenceSummary"), Not(HasSubstr("using Base")), Not(HasSubstr("Generator"))));
}

TEST_F(Tree, TheConfigurationSetsDefaults) {
  const fs::path config = root() / "config.json";
  write_file(config, R"({"hidden_size": 32, "vocab_size": 99, "new_scale": 2.5, "hidden_act": "relu"})");
  ScaffoldOptions options = brand_new_bert();
  options.config = config;
  const Scaffold made = add_new_model(options);
  const std::vector<std::string> changes = {"vocab_size: 30522 -> 99", "hidden_size: 768 -> 32",
                                            "hidden_act: \"gelu\" -> \"relu\""};
  EXPECT_EQ(made.from_config, changes);
  EXPECT_THAT(made.not_read, ElementsAre("new_scale"));
  EXPECT_THAT(
      bytes::read_text(made.model),
      AllOf(HasSubstr("\n\nBertSizes sizes_of(const Config& config) {\n"
                      "  return bert_sizes(config, {.vocab = 99, .hidden = 32, .act = \"relu\"});\n}\n"),
            HasSubstr("embeddings(scope / \"embeddings\", sizes_of(config))"), Not(HasSubstr("bert_sizes(config)"))));
  EXPECT_THAT(check_copies(root() / "src" / "models", /*fix=*/false), IsEmpty());
}

TEST_F(Tree, TheConfigurationSetsDefaultsWhereTheyAreWritten) {
  const auto begun_as = [&](const std::string& base, const std::string& config) {
    std::ofstream(root() / "config.json") << config;
    return add_new_model({root(), "new_" + base, base, "", {}, root() / "config.json"});
  };
  const Scaffold electra = begun_as("electra", R"({"vocab_size": 30522, "embedding_size": 64, "hidden_size": 512,
                                                  "layer_norm_eps": 1e-5})");
  EXPECT_THAT(electra.from_config, ElementsAre("embedding_size: 128 -> 64", "hidden_size: 256 -> 512",
                                               testing::StartsWith("layer_norm_eps: 1e-12 -> ")));
  EXPECT_THAT(bytes::read_text(electra.model),
              HasSubstr("{.embedding = config.integer(\"embedding_size\", 64), .hidden = 512, "
                        ".heads = 4, .intermediate = 1024, .eps = 1"));
  const Scaffold t5 = begun_as("t5", R"({"d_model": 768, "dropout_rate": 0.1, "layer_norm_epsilon": 1e-6})");
  EXPECT_THAT(t5.from_config, ElementsAre("d_model: 512 -> 768"));
  EXPECT_THAT(bytes::read_text(t5.model), HasSubstr("config.integer(\"d_model\", 768)"));
  const Scaffold camembert = begun_as("camembert", R"({"vocab_size": 32005, "hidden_size": 768, "new_scale": 1})");
  EXPECT_THAT(camembert.from_config, ElementsAre("vocab_size: 30522 -> 32005"));
  EXPECT_THAT(camembert.not_read, ElementsAre("new_scale"));
  EXPECT_THAT(bytes::read_text(camembert.model), HasSubstr(".defaults = {{\"vocab_size\", 32005}}"));
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

TEST_F(Tree, CallNotPassedOn) {
  const int line = change(model("roberta"), "dropout(first_token, call)", "dropout(first_token)");
  EXPECT_THAT(findings("roberta"),
              ElementsAre(AllOf(HasSubstr("modeling_tf_roberta.cc:" + std::to_string(line) + ": call: "),
                                HasSubstr("TFRobertaClassificationHead calls dropout without its own `call`"))));
}

TEST_F(Tree, AnotherCallThanTheOneGiven) {
  const int line = change(model("deberta_v2"), "self(hidden_states, is_masked, relative, call)",
                          "self(hidden_states, is_masked, relative, Call())");
  EXPECT_THAT(findings("deberta_v2"),
              ElementsAre(HasSubstr(":" + std::to_string(line) + ": call: TFDebertaV2Attention")));
}

TEST_F(Tree, CallNotPassedToABlockInALoopOverLayers) {
  change(model("rembert"), "layer_module(hidden_states, memory, call)", "layer_module(hidden_states, memory)");
  EXPECT_THAT(findings("rembert"), Contains(HasSubstr("call: TFRemBertEncoder calls layer_module without")));
}

TEST_F(Tree, CallNotTaken) {
  change(model("t5"), "Tensor call(const Tensor& hidden_states, const Call& call) const { return wo(",
         "Tensor call(const Tensor& hidden_states) const { return wo(");
  EXPECT_THAT(findings("t5"), ElementsAre(AllOf(HasSubstr("call: TFT5DenseActDense"), HasSubstr("const Call& call"))));
}

TEST_F(Tree, CopiesThatDiffer) {
  const Scaffold made = add_new_model(brand_new_bert());
  const int line = change(made.model, "cls(outputs.at(\"pooler_output\"))", "cls(outputs.at(\"pooled\"))");
  EXPECT_THAT(findings("brand_new_bert"),
              Contains(AllOf(HasSubstr(": copies: the class is not TFBertForNextSentencePrediction"),
                             HasSubstr("line " + std::to_string(line) + " has \"pooled\""))));
}

TEST_F(Tree, ACopyWithoutItsMark) {
  const Scaffold made = add_new_model(brand_new_bert());
  const int line = change(made.model, "// Copied from bert.TFBertPreTrainingHeads with", "// Much like");
  EXPECT_THAT(findings("brand_new_bert"),
              Contains(AllOf(HasSubstr("brand_new_bert.cc:" + std::to_string(line + 1) + ": unmarked copy"),
                             HasSubstr("equals bert.TFBertPreTrainingHeads"))));
}

TEST_F(Tree, AThirdCopy) {
  add_new_model(brand_new_bert());
  add_new_model({root(), "even_newer", "bert", "", {}, ""});
  EXPECT_THAT(findings("brand_new_bert"), Not(Contains(HasSubstr(": third copy: "))));
  EXPECT_THAT(findings("even_newer"),
              Contains(HasSubstr(": third copy: TFEvenNewerPreTrainingHeads equals bert.TFBertPreTrainingHeads and "
                                 "brand_new_bert.TFBrandNewBertPreTrainingHeads but for the model's name; make it a "
                                 "block")));
}

TEST_F(Tree, AClassThatIsABlock) {
  const std::string copy = R"(class TFRobertaOutput : public Module<TFRobertaOutput> {
 public:
  TFRobertaOutput(const Scope& scope, const BertSizes& sizes)
      : Module(scope),
        dense(scope / "dense", sizes.intermediate, sizes.hidden),
        LayerNorm(scope / "LayerNorm", sizes.hidden, sizes.eps),
        dropout(scope / "dropout", sizes.dropout) {}

  /// A remark.
  Tensor call(const Tensor& hidden_states, const Tensor& input_tensor, const Call& call) const {
    return LayerNorm(residual(dropout(dense(hidden_states), call), input_tensor));
  }

  const Dense dense;
  const LayerNormalization LayerNorm;
  const Dropout dropout;
};

)";
  const int line = change(model("roberta"), "class TFRobertaMainLayer", copy + "class TFRobertaMainLayer");
  EXPECT_THAT(findings("roberta"),
              ElementsAre(HasSubstr("modeling_tf_roberta.cc:" + std::to_string(line) +
                                    ": block: TFRobertaOutput is TFBertOutput of src/blocks/ word for word")));
  change(model("roberta"), "call), input_tensor));", "call), hidden_states));");
  EXPECT_THAT(findings("roberta"), IsEmpty());
}

TEST_F(Tree, FixWritesMissingMarksAndChangedCopies) {
  const Scaffold made = add_new_model(brand_new_bert());
  change(made.model, "// Copied from bert.TFBertPreTrainingHeads with Bert->BrandNewBert\n", "");
  change(made.model, "cls(outputs.at(\"pooler_output\"))", "cls(outputs.at(\"pooled\"))");
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
  const std::string mark = "// Copied from bert.TFBertPreTrainingHeads with Bert->BrandNewBert";
  EXPECT_THAT(mended,
              ElementsAre(line_of(mark) + ": added: " + mark,
                          line_of("  ModelOutput call(const ModelInputs& inputs, const Call& call) const override {\n"
                                  "    const ModelOutput outputs = brand_new_bert(inputs, call);\n    return") +
                              ": rewritten: TFBrandNewBertForNextSentencePrediction.call is written anew after "
                              "bert.TFBertForNextSentencePrediction"));
  EXPECT_THAT(findings("brand_new_bert"),
              AllOf(Not(Contains(HasSubstr("unmarked copy"))), Not(Contains(HasSubstr(": copies: ")))));
}

TEST_F(Tree, IgnoredWithoutAReason) {
  const int line = change(model("bert"), "\"a buffer: 0, 1, 2, ...\"", "\"\"");
  EXPECT_THAT(findings("bert"), ElementsAre(HasSubstr(":" + std::to_string(line) + ": ignores: ")));
}

TEST_F(Tree, Names) {
  change(model("bert"), "\"TFBertForPreTraining\"", "\"TFBertPreTraining\"");
  EXPECT_THAT(findings("bert"),
              Contains(HasSubstr("names: the class TFBertForPreTraining is registered as TFBertPreTraining")));
  change(model("roberta"), "\"TFRobertaForMaskedLM\"", "\"TFBertForMaskedLM\"");
  EXPECT_THAT(findings("roberta"), Contains(HasSubstr("names: TFBertForMaskedLM does not begin with TFRoberta")));
  change(model("t5"), "\"TFAutoModelForSeq2SeqLM\"", "\"AutoModelForSeq2SeqLM\"");
  EXPECT_THAT(findings("t5"), ElementsAre(HasSubstr("names: AutoModelForSeq2SeqLM is no family")));
  change(model("albert"), ".py, 4.57.6", ".py");
  EXPECT_THAT(findings("albert"), ElementsAre(HasSubstr("names: the registration does not name the file")));
  change(model("camembert"), "{{\"TFCamembertModel\"", "{{\"TFCamenbertModel\"");
  EXPECT_THAT(findings("camembert"), Contains(HasSubstr("names: roberta has no class that becomes TFCamenbertModel")));
}

TEST_F(Tree, RecipesAndGoldens) {
  fs::remove(root() / "tests" / "goldens" / "bert_small.safetensors");
  EXPECT_THAT(findings("bert"), ElementsAre(AllOf(HasSubstr("bert.json:21: "), HasSubstr("has not been made"))));
  change(root() / "tests" / "goldens" / "bert.json", "\"bert_small\"", "\"bert_tiny\"");
  EXPECT_THAT(findings("bert"), ElementsAre(AllOf(HasSubstr("bert.json:1: "), HasSubstr("no recipe bert_small"))));
  change(root() / "tests" / "goldens" / "roberta.json", "\"RobertaForTokenClassification\"", "\"RobertaModel\"");
  EXPECT_THAT(findings("roberta"), ElementsAre(HasSubstr("recipe: TFRobertaForTokenClassification has no recipe")));
  change(root() / "tests" / "goldens" / "camembert.json", "\"CamembertForCausalLM\"", "\"CamembertModel\"");
  EXPECT_THAT(findings("camembert"), ElementsAre(HasSubstr("recipe: TFCamembertForCausalLM has no recipe")));
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
