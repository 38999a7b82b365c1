// Commands for registries: pull, push, login, logout.
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "commands/command.h"
#include "commands/progress.h"
#include "commands/store.h"

namespace tairitsu::cli {
namespace {

struct TransferOptions {
  std::string name;
  bool quiet = false;
  RegistryFlags registry;
};

void add_transfer_options(CLI::App& command, TransferOptions& options) {
  command.add_option("NAME", options.name, "Image name with its registry, e.g. ghcr.io/me/hello:1")
      ->required();
  command.add_flag("-q,--quiet", options.quiet, "Do not show progress");
  add_registry_flags(command, options.registry);
}

Result<void> pull(const TransferOptions& options) {
  TAIRITSU_TRY(auto store, open_store());
  TAIRITSU_TRY(const auto client, make_client(options.registry));
  std::optional<PulledImage> pulled;
  {
    TransferProgress progress(TransferProgress::Direction::pull, options.quiet);
    TAIRITSU_TRY(pulled, client.pull(store, options.name, progress.callback()));
  }
  TAIRITSU_TRY(const std::string name, normalize_image_name(options.name));
  if (!options.quiet) {
    print_note("Digest: " + pulled->image.digest +
               "\nStatus: " + (pulled->changed ? "Downloaded " + name : name + " is up to date") + "\n");
  }
  return write_stdout(name + "\n");
}

Result<void> push(const TransferOptions& options) {
  TAIRITSU_TRY(const auto store, open_store());
  TAIRITSU_TRY(const auto client, make_client(options.registry));
  std::string digest;
  {
    TransferProgress progress(TransferProgress::Direction::push, options.quiet);
    TAIRITSU_TRY(digest, client.push(store, options.name, progress.callback()));
  }
  return write_stdout(digest + "\n");
}

// ---- login, logout

struct LoginOptions {
  std::string registry = "docker.io";
  std::string user;
  std::string password;
  bool password_from_input = false;
  RegistryFlags flags;
};

/// The terminal's settings before echo was turned off; global for the signal handler.
termios saved_terminal{};

void restore_terminal(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_terminal);
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// Turns the terminal's echo off while it lives. Signals such as Ctrl-C turn it on again.
class HiddenInput {
 public:
  HiddenInput() : hidden_(::tcgetattr(STDIN_FILENO, &saved_terminal) == 0) {
    if (!hidden_) return;
    for (const int signal : kSignals) std::signal(signal, restore_terminal);
    termios without_echo = saved_terminal;
    without_echo.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &without_echo);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;
  ~HiddenInput() {
    if (!hidden_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_terminal);
    for (const int signal : kSignals) std::signal(signal, SIG_DFL);
    print_note("\n");
  }

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
  bool hidden_;
};

/// Prompts for a line, without echo if it is secret.
Result<std::string> prompt(const char* what, bool secret) {
  if (::isatty(STDIN_FILENO) != 1) {
    return fail(ErrorCode::invalid_argument,
                "cannot prompt for credentials: standard input is not a terminal; pass --username and "
                "--password-stdin");
  }
  // Turns echo off before the prompt appears, because the user may type at once.
  std::optional<HiddenInput> hidden;
  if (secret) hidden.emplace();
  print_note(std::string(what) + ": ");
  std::string line;
  std::getline(std::cin, line);
  return line;
}

Result<void> login(LoginOptions options) {
  if (options.user.empty()) {
    TAIRITSU_TRY(options.user, prompt("Username", false));
  }
  if (options.password_from_input) {
    // Without the final newline, which files and `echo` have.
    options.password.assign(std::istreambuf_iterator<char>(std::cin), {});
    while (options.password.ends_with('\n') || options.password.ends_with('\r')) options.password.pop_back();
  } else if (options.password.empty()) {
    TAIRITSU_TRY(options.password, prompt("Password", true));
  }
  if (options.user.empty() || options.password.empty()) {
    return fail(ErrorCode::invalid_argument, "cannot log in: missing user name or password");
  }
  TAIRITSU_TRY(const auto client, make_client(options.flags));
  TAIRITSU_TRY(const auto file, client.login(options.registry, options.user, options.password));
  if (!file.empty()) {
    print_warning("the password is stored in plain text in " + file.string() +
                  "; to use a credential helper, set \"credsStore\" in that file");
  }
  return write_stdout("Login Succeeded\n");
}

Result<void> logout(const std::string& registry) {
  TAIRITSU_TRY(const auto client, make_client({}));
  TAIRITSU_TRY(const bool removed, client.logout(registry));
  return write_stdout(removed ? "Removed the credentials for " + registry + "\n"
                              : "No credentials found for " + registry + "\n");
}

}  // namespace

void add_pull(CLI::App& app) {
  auto* command = app.add_subcommand("pull", "Pull an image from a registry");
  command->footer(
      "Prints the image's name. Uses the credentials of 'tairitsu login' and 'docker login'.\n\n"
      "Examples:\n  tairitsu pull ghcr.io/me/hello:1");
  auto options = std::make_shared<TransferOptions>();
  add_transfer_options(*command, *options);
  command->callback([options] { exit_on_error(pull(*options)); });
}

void add_push(CLI::App& app) {
  auto* command = app.add_subcommand("push", "Push an image to a registry");
  command->footer(
      "Prints the image's digest. Use 'tairitsu tag' to give an image a name with a registry.\n\n"
      "Examples:\n  tairitsu tag hello:1 ghcr.io/me/hello:1\n"
      "  tairitsu push ghcr.io/me/hello:1");
  auto options = std::make_shared<TransferOptions>();
  add_transfer_options(*command, *options);
  command->callback([options] { exit_on_error(push(*options)); });
}

void add_login(CLI::App& app) {
  auto* command = app.add_subcommand("login", "Log in to a registry");
  command->footer(
      "Checks the credentials with the registry and stores them where Docker does: with a credential "
      "helper,\n"
      "or in plain text in config.json. Logins of Docker are used as well.\n\n"
      "Examples:\n  tairitsu login ghcr.io\n  tairitsu login ghcr.io -u me --password-stdin < token");
  auto options = std::make_shared<LoginOptions>();
  command->add_option("REGISTRY", options->registry, "Registry, as HOST[:PORT] (default: docker.io)");
  command->add_option("-u,--username", options->user, "Set the user name")->type_name("NAME");
  auto* password =
      command
          ->add_option("-p,--password", options->password,
                       "Set the password; other users can see command lines, so prefer --password-stdin")
          ->type_name("PASSWORD");
  command->add_flag("--password-stdin", options->password_from_input, "Read the password from standard input")
      ->excludes(password);
  add_registry_flags(*command, options->flags);
  command->callback([options] { exit_on_error(login(*options)); });
}

void add_logout(CLI::App& app) {
  auto* command = app.add_subcommand("logout", "Remove the stored credentials for a registry");
  command->footer("Examples:\n  tairitsu logout ghcr.io");
  const auto registry = std::make_shared<std::string>("docker.io");
  command->add_option("REGISTRY", *registry, "Registry, as HOST[:PORT] (default: docker.io)");
  command->callback([registry] { exit_on_error(logout(*registry)); });
}

}  // namespace tairitsu::cli
