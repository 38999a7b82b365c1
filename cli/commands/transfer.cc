// Registries at a terminal: pull, push, login, logout.
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
  command.add_option("NAME", options.name, "The image, with its registry: ghcr.io/me/hello:1")->required();
  command.add_flag("-q,--quiet", options.quiet, "Show no progress");
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

/// What the terminal was like before it was made silent; signal handlers have no other way to know.
termios before_silence{};

void end_silence(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_silence);
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// While it lives, what is typed does not appear. Ctrl-C leaves the terminal as it was.
class Silence {
 public:
  Silence() : silent_(::tcgetattr(STDIN_FILENO, &before_silence) == 0) {
    if (!silent_) return;
    for (const int signal : kSignals) std::signal(signal, end_silence);
    termios quiet = before_silence;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    if (!silent_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_silence);
    for (const int signal : kSignals) std::signal(signal, SIG_DFL);
    print_note("\n");
  }

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
  bool silent_;
};

/// A line that is typed; what is secret does not appear.
Result<std::string> ask(const char* what, bool secret) {
  if (::isatty(STDIN_FILENO) != 1) {
    return fail(ErrorCode::invalid_argument,
                "there is no terminal to ask at: give --username and --password-stdin");
  }
  // Before it asks, for who is asked may be quick.
  std::optional<Silence> silence;
  if (secret) silence.emplace();
  print_note(std::string(what) + ": ");
  std::string line;
  std::getline(std::cin, line);
  return line;
}

Result<void> login(LoginOptions options) {
  if (options.user.empty()) {
    TAIRITSU_TRY(options.user, ask("Username", false));
  }
  if (options.password_from_input) {
    // All of it but the end of the last line, as a file or `echo` has one.
    options.password.assign(std::istreambuf_iterator<char>(std::cin), {});
    while (options.password.ends_with('\n') || options.password.ends_with('\r')) options.password.pop_back();
  } else if (options.password.empty()) {
    TAIRITSU_TRY(options.password, ask("Password", true));
  }
  if (options.user.empty() || options.password.empty()) {
    return fail(ErrorCode::invalid_argument, "a login needs a user name and a password");
  }
  TAIRITSU_TRY(const auto client, make_client(options.flags));
  TAIRITSU_TRY(const auto file, client.login(options.registry, options.user, options.password));
  if (!file.empty()) {
    print_warning("the password is in " + file.string() +
                  " as plain text; a credential helper keeps it better (\"credsStore\" in that file)");
  }
  return write_stdout("Login Succeeded\n");
}

Result<void> logout(const std::string& registry) {
  TAIRITSU_TRY(const auto client, make_client({}));
  TAIRITSU_TRY(const bool had, client.logout(registry));
  return write_stdout(had ? "Removed the credentials for " + registry + "\n"
                          : "There were no credentials for " + registry + "\n");
}

}  // namespace

void add_pull(CLI::App& app) {
  auto* command = app.add_subcommand("pull", "Fetch an image from a registry");
  command->footer(
      "Prints the image's name. Credentials are Docker's: see 'tairitsu login'.\n\n"
      "Example:\n  tairitsu pull ghcr.io/me/hello:1");
  auto options = std::make_shared<TransferOptions>();
  add_transfer_options(*command, *options);
  command->callback([options] { end_unless(pull(*options)); });
}

void add_push(CLI::App& app) {
  auto* command = app.add_subcommand("push", "Send an image to a registry");
  command->footer(
      "Prints the image's digest. An image gets a name with a registry by 'tairitsu tag'.\n\n"
      "Example:\n  tairitsu tag hello:1 ghcr.io/me/hello:1\n"
      "  tairitsu push ghcr.io/me/hello:1");
  auto options = std::make_shared<TransferOptions>();
  add_transfer_options(*command, *options);
  command->callback([options] { end_unless(push(*options)); });
}

void add_login(CLI::App& app) {
  auto* command = app.add_subcommand("login", "Keep credentials for a registry");
  command->footer(
      "They are tried first, and kept where Docker keeps them: with a credential helper, or in plain text "
      "in\n"
      "its config.json. Docker's own logins are used too.\n\n"
      "Example:\n  tairitsu login ghcr.io -u me --password-stdin < token");
  auto options = std::make_shared<LoginOptions>();
  command->add_option("REGISTRY", options->registry, "host[:port]; without one it is Docker Hub");
  command->add_option("-u,--username", options->user, "The user")->type_name("NAME");
  auto* password =
      command
          ->add_option("-p,--password", options->password,
                       "The password. Others on the machine may see it there: better is --password-stdin")
          ->type_name("PASSWORD");
  command->add_flag("--password-stdin", options->password_from_input, "Read the password from standard input")
      ->excludes(password);
  add_registry_flags(*command, options->flags);
  command->callback([options] { end_unless(login(*options)); });
}

void add_logout(CLI::App& app) {
  auto* command = app.add_subcommand("logout", "Forget the credentials for a registry");
  command->footer("Example:\n  tairitsu logout ghcr.io");
  const auto registry = std::make_shared<std::string>("docker.io");
  command->add_option("REGISTRY", *registry, "host[:port]; without one it is Docker Hub");
  command->callback([registry] { end_unless(logout(*registry)); });
}

}  // namespace tairitsu::cli
