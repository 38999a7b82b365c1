#include "oci/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/file.h"
#include "oci/reference.h"
#include "oci/subprocess.h"
#include "oci/text.h"

namespace tairitsu::oci {

namespace {

/// Keeps the order of a file's keys.
using OrderedJson = nlohmann::ordered_json;

constexpr std::string_view kDockerHubKey = "https://index.docker.io/v1/";
constexpr std::size_t kMaxFile = std::size_t{16} << 20U;
/// What helpers call a user name where the secret is an identity token.
constexpr std::string_view kTokenUser = "<token>";

std::string key_of(std::string_view registry) {
  return std::string(registry == kDockerHub ? kDockerHubKey : registry);
}

/// The registry that a key of `auths` is for: keys were URLs once, and some tools still write such.
std::string_view registry_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
      break;
    }
  }
  const std::size_t slash = key.find('/');
  const std::string_view path = slash == std::string_view::npos ? std::string_view() : key.substr(slash);
  constexpr std::array<std::string_view, 6> kPaths = {"", "/", "/v1", "/v1/", "/v2", "/v2/"};
  // A longer path is for one repository alone.
  if (std::ranges::find(kPaths, path) == kPaths.end()) return {};
  const std::string_view host = key.substr(0, slash);
  return host == "index.docker.io" || host == "registry-1.docker.io" ? kDockerHub : host;
}

std::unexpected<Error> file_failure(const std::filesystem::path& path, std::string_view what, int error) {
  return fail(ErrorCode::io,
              path.string() + ": " + std::string(what) + ": " + std::generic_category().message(error));
}

/// An empty object where there is no file.
Result<OrderedJson> read_config(const std::filesystem::path& path) {
  if (path.empty()) return OrderedJson::object();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    // A folder in its way that may not be looked into is told, and so is a loop of links.
    if (status.type() == std::filesystem::file_type::not_found) return OrderedJson::object();
    return file_failure(path, "cannot be read", error.value());
  }
  if (!std::filesystem::is_regular_file(status))
    return fail(ErrorCode::io, path.string() + ": is no regular file");
  if (std::filesystem::file_size(path, error) > kMaxFile) {
    return fail(ErrorCode::io, path.string() + ": is too large for a configuration");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return file_failure(path, "cannot be read", errno);
  if (trimmed(text).empty()) return OrderedJson::object();
  OrderedJson json = OrderedJson::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::io, path.string() + ": is no JSON object");
  return json;
}

/// Replaces the file as a whole, or not at all.
Result<void> write_config(std::filesystem::path path, const OrderedJson& json) {
  if (path.empty())
    return fail(ErrorCode::io, "there is no folder for Docker's config.json: HOME is not set");
  std::string text;
  try {
    text = json.dump(1, '\t') + "\n";
  } catch (const OrderedJson::type_error&) {
    return fail(ErrorCode::invalid_argument, "credentials are not valid UTF-8");
  }
  std::error_code error;
  const auto linked = std::filesystem::weakly_canonical(path, error);
  if (!error) path = linked;
  const std::filesystem::path folder = path.parent_path();
  if (!std::filesystem::exists(folder, error)) {
    std::filesystem::create_directories(folder, error);
    if (error) return file_failure(folder, "cannot be made", error.value());
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  std::string aside = path.string() + ".XXXXXX";
  // Its mode is 0600 from the start.
  const int file = mkostemp(aside.data(), O_CLOEXEC);
  if (file < 0) return file_failure(path, "cannot be written", errno);
  int failed = detail::write_all(file, std::as_bytes(std::span(text)));
  if (failed == 0 && fsync(file) != 0) failed = errno;
  if (close(file) != 0 && failed == 0) failed = errno;
  if (failed == 0 && rename(aside.c_str(), path.c_str()) != 0) failed = errno;
  if (failed != 0) {
    unlink(aside.c_str());
    return file_failure(path, "cannot be written", failed);
  }
  return {};
}

/// The NAME of `docker-credential-NAME`; empty for none.
Result<std::string> helper_of(const OrderedJson& config, std::string_view registry) {
  std::string name;
  if (const auto helpers = config.find("credHelpers"); helpers != config.end() && helpers->is_object()) {
    for (const auto& [key, value] : helpers->items()) {
      if (registry_of(key) == registry && value.is_string()) name = value.get<std::string>();
    }
    const auto exact = helpers->find(key_of(registry));
    if (exact != helpers->end() && exact->is_string()) name = exact->get<std::string>();
  }
  if (name.empty()) name = text_at(config, "credsStore");
  const auto is_plain = [](char character) {
    return is_alphanumeric(character) || character == '-' || character == '_' || character == '.';
  };
  if (!std::ranges::all_of(name, is_plain)) {
    return fail(ErrorCode::io, "'" + printable(name, 100) + "' is no name of a credential helper");
  }
  return name;
}

bool says_not_found(std::string_view text) {
  // The protocol has no code for it: these are the words of every helper made with Docker's own package.
  return text.find("credentials not found") != std::string_view::npos;
}

/// Runs a verb of the helper's protocol; its standard output. Nothing where the helper has no such
/// credentials.
Result<std::optional<std::string>> ask_helper(const std::string& name, const std::string& verb,
                                              std::string_view input, std::chrono::milliseconds limit) {
  const std::string program = "docker-credential-" + name;
  TAIRITSU_TRY(ProgramOutcome outcome, run_program({program, verb}, input, limit));
  if (outcome.status == 0) return std::move(outcome.output);
  // By the protocol errors are on standard output, but what a helper's runtime has to say is not.
  std::string_view said = trimmed(outcome.output);
  if (said.empty()) said = outcome.errors;
  if (says_not_found(said)) return std::nullopt;
  while (said.ends_with('\n')) said.remove_suffix(1);
  std::string message = program + " " + verb + " failed with status " + std::to_string(outcome.status);
  if (!said.empty()) message += ": " + printable(said, 400);
  return fail(ErrorCode::io, std::move(message));
}

Result<std::optional<Credentials>> from_helper(const std::string& name, std::string_view registry,
                                               std::chrono::milliseconds limit) {
  TAIRITSU_TRY(const std::optional<std::string> answer, ask_helper(name, "get", key_of(registry), limit));
  if (!answer) return std::nullopt;
  const OrderedJson json = OrderedJson::parse(*answer, nullptr, false);
  if (!json.is_object()) {
    // What it answered may hold a secret: it is not shown.
    return fail(ErrorCode::io, "docker-credential-" + name + " get: the answer is no JSON object");
  }
  Credentials credentials;
  const std::string secret = text_at(json, "Secret");
  const std::string username = text_at(json, "Username");
  if (secret.empty()) return std::nullopt;
  if (username == kTokenUser) {
    credentials.identity_token = secret;
  } else {
    credentials.username = username;
    credentials.password = secret;
  }
  return credentials;
}

Result<std::optional<Credentials>> from_entry(const OrderedJson& entry, std::string_view key) {
  Credentials credentials = {.username = text_at(entry, "username"),
                             .password = text_at(entry, "password"),
                             .identity_token = text_at(entry, "identitytoken"),
                             .registry_token = text_at(entry, "registrytoken")};
  if (const std::string auth = text_at(entry, "auth"); !auth.empty()) {
    std::string decoded(detail::base64_size(auth), '\0');
    const bool is_base64 = detail::from_base64(auth, reinterpret_cast<std::byte*>(decoded.data()));
    const std::size_t colon = decoded.find(':');
    if (!is_base64 || colon == std::string::npos) {
      return fail(ErrorCode::io,
                  "the entry of '" + printable(key, 100) + "' is no base64 of a user name and password");
    }
    credentials.username = decoded.substr(0, colon);
    credentials.password = decoded.substr(colon + 1);
    // Docker once padded them.
    while (credentials.password.ends_with('\0')) credentials.password.pop_back();
  }
  // With a helper, the file has an empty entry as a note that there was a login.
  if (credentials == Credentials()) return std::nullopt;
  return credentials;
}

/// The keys of `auths` for a registry: its own first.
std::vector<std::string> keys_for(const OrderedJson& config, std::string_view registry) {
  std::vector<std::string> keys;
  const auto auths = config.find("auths");
  if (auths == config.end() || !auths->is_object()) return keys;
  const std::string own = key_of(registry);
  for (const auto& item : auths->items()) {
    if (item.key() == own) {
      keys.insert(keys.begin(), item.key());
    } else if (registry_of(item.key()) == registry) {
      keys.push_back(item.key());
    }
  }
  return keys;
}

/// The same of what a program was given.
Result<void> check_plain(const Credentials& credentials) {
  if (credentials.username.find(':') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "a user name of a registry has no ':'");
  }
  return {};
}

}  // namespace

CredentialFile::CredentialFile(CredentialOptions options) : options_(std::move(options)) {}

std::filesystem::path CredentialFile::path() const {
  if (!options_.folder.empty()) return options_.folder / "config.json";
  if (const char* folder = std::getenv("DOCKER_CONFIG"); folder != nullptr && *folder != '\0') {
    return std::filesystem::path(folder) / "config.json";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::filesystem::path(home) / ".docker" / "config.json";
  }
  return {};
}

Result<std::string> CredentialFile::helper(std::string_view registry) const {
  TAIRITSU_TRY(const OrderedJson config, read_config(path()));
  return helper_of(config, registry);
}

Result<std::optional<Credentials>> CredentialFile::find(std::string_view registry) const {
  const std::filesystem::path file = path();
  TAIRITSU_TRY(const OrderedJson config, read_config(file));
  TAIRITSU_TRY(const std::string helper, helper_of(config, registry));
  if (!helper.empty()) {
    TAIRITSU_TRY(std::optional<Credentials> found, from_helper(helper, registry, options_.helper_limit));
    if (found) return found;
  }
  for (const std::string& key : keys_for(config, registry)) {
    auto found = from_entry(config["auths"][key], key);
    if (!found) return std::unexpected(found.error().with_context(file.string()));
    if (*found) return found;
  }
  return std::nullopt;
}

Result<void> CredentialFile::store(std::string_view registry, const Credentials& credentials) const {
  TAIRITSU_CHECK(check_plain(credentials));
  const std::filesystem::path file = path();
  TAIRITSU_TRY(OrderedJson config, read_config(file));
  TAIRITSU_TRY(const std::string helper, helper_of(config, registry));
  OrderedJson entry = OrderedJson::object();
  if (!helper.empty()) {
    const bool is_token = !credentials.identity_token.empty();
    std::string input;
    try {
      input = OrderedJson{{"ServerURL", key_of(registry)},
                          {"Username", is_token ? std::string(kTokenUser) : credentials.username},
                          {"Secret", is_token ? credentials.identity_token : credentials.password}}
                  .dump();
    } catch (const OrderedJson::type_error&) {
      return fail(ErrorCode::invalid_argument, "credentials are not valid UTF-8");
    }
    TAIRITSU_TRY(const std::optional<std::string> done,
                 ask_helper(helper, "store", input, options_.helper_limit));
    if (!done) return fail(ErrorCode::io, "docker-credential-" + helper + " store: credentials not found");
  } else {
    if (!credentials.username.empty() || !credentials.password.empty()) {
      const std::string both = credentials.username + ":" + credentials.password;
      entry["auth"] = detail::to_base64(std::as_bytes(std::span(both)));
    }
    if (!credentials.identity_token.empty()) entry["identitytoken"] = credentials.identity_token;
    if (!credentials.registry_token.empty()) entry["registrytoken"] = credentials.registry_token;
  }
  if (const auto auths = config.find("auths"); auths == config.end() || !auths->is_object()) {
    config["auths"] = OrderedJson::object();
  }
  // An older spelling of the key would hold older credentials.
  const std::string own = key_of(registry);
  for (const std::string& key : keys_for(config, registry)) {
    if (key != own) config["auths"].erase(key);
  }
  config["auths"][own] = std::move(entry);
  return write_config(file, config);
}

Result<bool> CredentialFile::erase(std::string_view registry) const {
  const std::filesystem::path file = path();
  TAIRITSU_TRY(OrderedJson config, read_config(file));
  TAIRITSU_TRY(const std::string helper, helper_of(config, registry));
  bool erased = false;
  if (!helper.empty()) {
    TAIRITSU_TRY(const std::optional<Credentials> found,
                 from_helper(helper, registry, options_.helper_limit));
    if (found) {
      TAIRITSU_TRY(const std::optional<std::string> done,
                   ask_helper(helper, "erase", key_of(registry), options_.helper_limit));
      erased = done.has_value();
    }
  }
  const std::vector<std::string> keys = keys_for(config, registry);
  for (const std::string& key : keys) config["auths"].erase(key);
  if (!keys.empty()) {
    TAIRITSU_CHECK(write_config(file, config));
    erased = true;
  }
  return erased;
}

}  // namespace tairitsu::oci
