// crossload verify-certificate
#include "crossload/verify_certificate.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command.h"
#include "crossload/error.h"
#include "run_flags.h"
#include "terminal.h"

namespace crossload::cli {
namespace {

const char* word_of(CertificateCheck::Kind kind) {
  switch (kind) {
    case CertificateCheck::Kind::kHolds:
      return "ok";
    case CertificateCheck::Kind::kNote:
      return "note";
    case CertificateCheck::Kind::kDiffers:
      return "DIFFERS";
    case CertificateCheck::Kind::kMissing:
      return "MISSING";
    case CertificateCheck::Kind::kExtra:
      return "EXTRA";
  }
  return "?";
}

/// Names from files may hold what terminals obey.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

void print(const VerifyCertificateResult& result) {
  std::size_t held = 0;
  for (const CertificateCheck& check : result.checks) {
    if (check.kind == CertificateCheck::Kind::kHolds) ++held;
    std::printf("%-8s %s: %s\n", word_of(check.kind), printable(check.subject).c_str(),
                printable(check.detail).c_str());
  }
  if (result.holds()) {
    std::printf("VERIFIED, %zu checks hold; the certificate says: %s\n", held, result.verdict.c_str());
  } else {
    std::printf("NOT VERIFIED, %zu of %zu checks fail\n", result.failed, result.failed + held);
  }
}

int run(const VerifyCertificateOptions& options) {
  VerifyCertificateResult result;
  {
    ProgressBar bar;
    result = verify_certificate(options, bar.callback());
  }
  print(result);
  return result.holds() ? 0 : static_cast<int>(ErrorKind::kDisagrees);
}

}  // namespace

void add_verify_certificate(CLI::App* app, Action* action) {
  auto options = std::make_shared<VerifyCertificateOptions>();
  CLI::App* command = app->add_subcommand(
      "verify-certificate", "Checks an artifact against its certificate: every file and, with --replay, the numbers.");
  command->add_option("DIR", options->artifact, "The artifact's folder")->required();
  command->add_option("--certificate", options->certificate, "The certificate (default: crossload.json in DIR)");
  command->add_option("--checkpoint", options->checkpoint,
                      "The PyTorch checkpoint it was made from, a folder or a .pt2: its files are checked too");
  CLI::Option* replay = command->add_flag(
      "--replay", options->replay,
      "Compare with PyTorch again, with the certificate's settings; needs --checkpoint or --reference");
  command
      ->add_option(
          "--reference", options->reference,
          "What PyTorch computes, for --replay: a trace made by `crossload record` (default: runs --checkpoint)")
      ->needs(replay);
  command
      ->add_option("--inputs", options->inputs,
                   "For --replay: the file of inputs that the certificate was made with, if it was with one")
      ->needs(replay);
  command->add_option("--json", options->json, "Write the result to this file");
  add_tensorflow_flag(command, &options->tensorflow);
  add_trust_flag(command, &options->trust_remote_code);
  add_python_flag(command, &options->python);
  command->footer(
      "Examples:\n"
      "  crossload verify-certificate ./my-bert-tf\n"
      "  crossload verify-certificate ./my-bert-tf --checkpoint ./my-bert --replay\n\n"
      "Exit codes: 0 all holds; 1 something differs, is missing or extra; 2 wrong usage; 3 the certificate cannot be\n"
      "read or does not meet the schema; others as the program's.");
  command->callback([options, action] { *action = [options] { return run(*options); }; });
}

}  // namespace crossload::cli
