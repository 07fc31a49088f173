// crossload: turns PyTorch checkpoints into TensorFlow models and proves that both agree.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string_view>

#include "command.h"
#include "crossload/error.h"
#include "crossload/version.h"

namespace {

constexpr int kUsage = static_cast<int>(crossload::ErrorKind::kUsage);
constexpr int kEnvironment = static_cast<int>(crossload::ErrorKind::kEnvironment);

constexpr const char* kFooter =
    "Exit codes: 0 agrees; 1 disagrees; 2 wrong usage; 3 a bad input file; 4 architecture or head not supported;\n"
    "5 environment (TensorFlow or PyTorch not found, disk full); 6 Hub or network.\n\n"
    "Example: crossload pt-to-tf --model-name ./my-bert --output ./my-bert-tf\n"
    "Each command has its own: crossload COMMAND --help";

int fail(const std::string& message, int code) {
  std::fprintf(stderr, "crossload: %s\n", message.c_str());
  return code;
}

/// A mapped file that becomes shorter ends in this signal. What was being written is removed by the next conversion.
extern "C" void input_is_gone(int) {
  constexpr std::string_view kMessage =
      "crossload: an input file was cut off, or its disk failed, while it was read; nothing was written; try again\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  ::_exit(static_cast<int>(crossload::ErrorKind::kBadInput));
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGBUS, input_is_gone);
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the limit of `ulimit -f` is an error like a full disk
  CLI::App app("Turns PyTorch checkpoints of Transformers into TensorFlow models and proves that both agree.",
               "crossload");
  app.set_version_flag("--version", crossload::version());
  app.require_subcommand(1);
  app.footer(kFooter);
  crossload::cli::Action action;
  crossload::cli::add_pt_to_tf(&app, &action);
  crossload::cli::add_compare(&app, &action);
  crossload::cli::add_verify_certificate(&app, &action);
  crossload::cli::add_record(&app, &action);
  crossload::cli::add_list(&app, &action);
  crossload::cli::add_add_new_model(&app, &action);
  crossload::cli::add_check(&app, &action);
  crossload::cli::add_inspect(&app, &action);
  crossload::cli::add_login(&app, &action);
  crossload::cli::add_logout(&app, &action);
  crossload::cli::add_whoami(&app, &action);
  try {
    app.parse(argc, argv);
    return action();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return fail(std::string(error.what()) + "; see crossload --help", kUsage);
  } catch (const crossload::Error& error) {
    return fail(error.what(), static_cast<int>(error.kind()));
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kEnvironment);
  } catch (const std::exception& error) {
    return fail(error.what(), kEnvironment);
  }
}
