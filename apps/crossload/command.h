// What every command of the program offers to main.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace crossload::cli {

/// What to run when a command was given; returns the exit code.
using Action = std::function<int()>;

// Each adds its subcommand with its flags, and sets *action when that one is parsed.
void add_pt_to_tf(CLI::App* app, Action* action);
void add_add_new_model(CLI::App* app, Action* action);
void add_check(CLI::App* app, Action* action);
void add_compare(CLI::App* app, Action* action);
void add_record(CLI::App* app, Action* action);
void add_list(CLI::App* app, Action* action);
void add_inspect(CLI::App* app, Action* action);
void add_verify_certificate(CLI::App* app, Action* action);
void add_login(CLI::App* app, Action* action);
void add_logout(CLI::App* app, Action* action);
void add_whoami(CLI::App* app, Action* action);

}  // namespace crossload::cli
