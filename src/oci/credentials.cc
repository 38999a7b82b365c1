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

/// Keeps the order of the file's keys.
using OrderedJson = nlohmann::ordered_json;

constexpr std::string_view kDockerHubKey = "https://index.docker.io/v1/";
constexpr std::size_t kMaxFile = std::size_t{16} << 20U;
/// The user name that helpers use if the secret is an identity token.
constexpr std::string_view kTokenUser = "<token>";

std::string key_of(std::string_view registry) {
  return std::string(registry == kDockerHub ? kDockerHubKey : registry);
}

/// Returns the registry of a key of `auths`. Keys were URLs once, and some tools still write those.
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
  // A longer path is for a single repository.
  if (std::ranges::find(kPaths, path) == kPaths.end()) return {};
  const std::string_view host = key.substr(0, slash);
  return host == "index.docker.io" || host == "registry-1.docker.io" ? kDockerHub : host;
}

std::unexpected<Error> invalid_config(const std::filesystem::path& path, std::string_view problem) {
  return fail(ErrorCode::io, "'" + path.string() + "': " + std::string(problem));
}

/// Returns an empty object if there is no file.
Result<OrderedJson> read_config(const std::filesystem::path& path) {
  if (path.empty()) return OrderedJson::object();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    // Other failures are reported: a directory that cannot be searched, a loop of symbolic links.
    if (status.type() == std::filesystem::file_type::not_found) return OrderedJson::object();
    return std::unexpected(detail::file_error(path, "read", error.value()));
  }
  if (!std::filesystem::is_regular_file(status)) return invalid_config(path, "not a regular file");
  if (std::filesystem::file_size(path, error) > kMaxFile) {
    return invalid_config(path, "larger than " + std::to_string(kMaxFile) + " bytes");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return std::unexpected(detail::file_error(path, "read", errno));
  if (trimmed(text).empty()) return OrderedJson::object();
  OrderedJson json = OrderedJson::parse(text, nullptr, false);
  if (!json.is_object()) return invalid_config(path, "not a JSON object");
  return json;
}

/// Replaces the file atomically.
Result<void> write_config(std::filesystem::path path, const OrderedJson& json) {
  if (path.empty()) return fail(ErrorCode::io, "no directory for Docker's config.json: HOME is not set");
  std::string text;
  try {
    text = json.dump(1, '\t') + "\n";
  } catch (const OrderedJson::type_error&) {
    return fail(ErrorCode::invalid_argument, "credentials are not valid UTF-8");
  }
  std::error_code error;
  const auto linked = std::filesystem::weakly_canonical(path, error);
  if (!error) path = linked;
  const std::filesystem::path directory = path.parent_path();
  if (!std::filesystem::exists(directory, error)) {
    std::filesystem::create_directories(directory, error);
    if (error) return std::unexpected(detail::file_error(directory, "create directory", error.value()));
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  std::string temporary = path.string() + ".XXXXXX";
  // mkostemp creates it with mode 0600.
  const int file = mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return std::unexpected(detail::file_error(path, "write", errno));
  int failed = detail::write_all(file, std::as_bytes(std::span(text)));
  if (failed == 0 && fsync(file) != 0) failed = errno;
  if (close(file) != 0 && failed == 0) failed = errno;
  if (failed == 0 && rename(temporary.c_str(), path.c_str()) != 0) failed = errno;
  if (failed != 0) {
    unlink(temporary.c_str());
    return std::unexpected(detail::file_error(path, "write", failed));
  }
  return {};
}

/// Returns the NAME of `docker-credential-NAME`; empty if there is no helper.
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
    return fail(ErrorCode::io, "invalid credential helper name '" + printable(name, 100) + "'");
  }
  return name;
}

bool says_not_found(std::string_view text) {
  // The protocol has no code for it. Every helper that uses Docker's own package prints these words.
  return text.find("credentials not found") != std::string_view::npos;
}

/// Runs a command of the helper protocol. Returns its standard output; nothing if the helper has no such
/// credentials.
Result<std::optional<std::string>> run_helper(const std::string& name, const std::string& verb,
                                              std::string_view input, std::chrono::milliseconds limit) {
  const std::string program = "docker-credential-" + name;
  TAIRITSU_TRY(ProgramOutcome outcome, run_program({program, verb}, input, limit));
  if (outcome.status == 0) return std::move(outcome.output);
  // The protocol puts errors on standard output, but the helper's runtime may write to standard error.
  std::string_view details = trimmed(outcome.output);
  if (details.empty()) details = outcome.errors;
  if (says_not_found(details)) return std::nullopt;
  while (details.ends_with('\n')) details.remove_suffix(1);
  std::string message = program + " " + verb + " failed with status " + std::to_string(outcome.status);
  if (!details.empty()) message += ": " + printable(details, 400);
  return fail(ErrorCode::io, std::move(message));
}

Result<std::optional<Credentials>> from_helper(const std::string& name, std::string_view registry,
                                               std::chrono::milliseconds limit) {
  TAIRITSU_TRY(const std::optional<std::string> output, run_helper(name, "get", key_of(registry), limit));
  if (!output) return std::nullopt;
  const OrderedJson json = OrderedJson::parse(*output, nullptr, false);
  if (!json.is_object()) {
    // The message does not show the output, which may contain a secret.
    return fail(ErrorCode::io, "docker-credential-" + name + " get: the output is not a JSON object");
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
                  "auths['" + printable(key, 100) + "']: 'auth' is not base64 of USER:PASSWORD");
    }
    credentials.username = decoded.substr(0, colon);
    credentials.password = decoded.substr(colon + 1);
    // Old versions of Docker padded the password.
    while (credentials.password.ends_with('\0')) credentials.password.pop_back();
  }
  // If a helper has the credentials, the file has an empty entry to record the login.
  if (credentials == Credentials()) return std::nullopt;
  return credentials;
}

/// Returns the keys of `auths` for a registry, its canonical key first.
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

Result<void> check_username(const Credentials& credentials) {
  if (credentials.username.find(':') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "invalid user name: it contains ':'");
  }
  return {};
}

}  // namespace

CredentialFile::CredentialFile(CredentialOptions options) : options_(std::move(options)) {}

std::filesystem::path CredentialFile::path() const {
  if (!options_.directory.empty()) return options_.directory / "config.json";
  if (const char* directory = std::getenv("DOCKER_CONFIG"); directory != nullptr && *directory != '\0') {
    return std::filesystem::path(directory) / "config.json";
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
    if (!found) return std::unexpected(found.error().with_context("'" + file.string() + "'"));
    if (*found) return found;
  }
  return std::nullopt;
}

Result<void> CredentialFile::store(std::string_view registry, const Credentials& credentials) const {
  TAIRITSU_RETURN_IF_ERROR(check_username(credentials));
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
                 run_helper(helper, "store", input, options_.helper_limit));
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
  // Another spelling of the key would keep outdated credentials.
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
                   run_helper(helper, "erase", key_of(registry), options_.helper_limit));
      erased = done.has_value();
    }
  }
  const std::vector<std::string> keys = keys_for(config, registry);
  for (const std::string& key : keys) config["auths"].erase(key);
  if (!keys.empty()) {
    TAIRITSU_RETURN_IF_ERROR(write_config(file, config));
    erased = true;
  }
  return erased;
}

}  // namespace tairitsu::oci
