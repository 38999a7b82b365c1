#include "commands/store.h"

#include <algorithm>

#include "commands/progress.h"
#include "commands/text.h"

namespace tairitsu::cli {
namespace {

/// Returns the names of images in the same repository, separated by commas.
std::string names_like(const ImageStore& store, const std::string& name) {
  const auto wanted = normalize_image_name(name);
  const auto images = store.images();
  if (!wanted || !images) return {};
  const std::string front = wanted->substr(0, wanted->rfind(':') + 1);
  std::string found;
  for (const StoredImage& image : *images) {
    for (const std::string& other : image.names) {
      if (other.starts_with(front)) found += (found.empty() ? "" : ", ") + printable(other);
    }
  }
  return found;
}

}  // namespace

void add_registry_flags(CLI::App& command, RegistryFlags& flags) {
  command
      .add_option("--plain-http", flags.plain_http,
                  "Use plain HTTP for this registry (not needed for registries on loopback addresses)")
      ->type_name("HOST[:PORT]")
      ->allow_extra_args(false);
  command.add_option("--ca-file", flags.ca_file, "Also trust the CA certificates in this PEM file")
      ->type_name("FILE")
      ->check(CLI::ExistingFile.description(""));
}

void add_pull_flags(CLI::App& command, ImageSource& source) {
  command
      .add_option_function<std::string>(
          "--pull",
          [&source](const std::string& when) {
            source.pull = when == "always"  ? PullPolicy::always
                          : when == "never" ? PullPolicy::never
                                            : PullPolicy::missing;
          },
          "Choose when to pull an image: missing, always or never (default: missing)")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"missing", "always", "never"}).description(""));
  add_registry_flags(command, source.registry);
}

Result<ImageStore> open_store() {
  TAIRITSU_TRY(const auto directory, default_data_directory());
  return ImageStore::open(directory);
}

Result<OciClient> make_client(const RegistryFlags& flags) {
  return OciClient::create({.plain_http = flags.plain_http, .ca_file = flags.ca_file});
}

Result<StoredImage> obtain_image(ImageStore& store, const ImageSource& source) {
  if (source.pull != PullPolicy::always) {
    auto image = find_image(store, source.name);
    const bool missing = !image && image.error().code() == ErrorCode::not_found;
    const auto registry = missing ? registry_of(source.name) : std::string();
    if (!missing) return image;
    if (!registry || registry->empty()) {
      const std::string others = names_like(store, source.name);
      if (!others.empty()) {
        return fail(ErrorCode::not_found, "image '" + source.name + "' not found; available: " + others);
      }
      return fail(ErrorCode::not_found,
                  "image '" + source.name +
                      "' not found, and no such file\n"
                      "Run 'tairitsu images' to list images, or 'tairitsu import FILE NAME' to create one.\n"
                      "To pull an image, include its registry in the name, as in ghcr.io/me/hello.");
    }
    if (source.pull == PullPolicy::never) {
      return fail(ErrorCode::not_found,
                  "image '" + source.name + "' not found locally, and --pull=never was given");
    }
  }
  TAIRITSU_TRY(const auto client, make_client(source.registry));
  TransferProgress progress(TransferProgress::Direction::pull);
  TAIRITSU_TRY(auto pulled, client.pull(store, source.name, progress.callback()));
  return std::move(pulled.image);
}

Result<std::string> stored_reference(const ImageStore& store, const std::string& typed) {
  TAIRITSU_TRY(const auto image, find_image(store, typed));
  const auto is_a_name = [&](const std::string& text) {
    return std::ranges::find(image.names, text) != image.names.end();
  };
  if (const auto name = normalize_image_name(typed); name && is_a_name(*name)) return *name;
  return is_a_name(typed) ? typed : image.digest;
}

nlohmann::ordered_json image_as_json(const StoredImage& image) {
  nlohmann::ordered_json json;
  json["digest"] = image.digest;
  json["names"] = image.names;
  if (!image.problem.empty()) {
    json["problem"] = image.problem;
    return json;
  }
  json["component_digest"] = image.component_digest;
  json["size"] = image.size;
  json["component_size"] = image.component_size;
  json["created"] = image.created;
  json["author"] = image.author;
  json["os"] = image.os;
  json["media_type"] = image.media_type;
  json["exports"] = image.exports;
  json["imports"] = image.imports;
  json["target"] = image.target;
  json["annotations"] = image.annotations;
  return json;
}

std::string to_text(const nlohmann::ordered_json& json, int indent) {
  std::string text = json.dump(indent, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
  // DEL is the one control character that JSON does not escape.
  for (std::size_t at = 0; (at = text.find('\x7f', at)) != std::string::npos;) text.replace(at, 1, "\\u007f");
  return text + "\n";
}

}  // namespace tairitsu::cli
