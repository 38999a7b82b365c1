#include "commands/store.h"

#include <algorithm>

#include "commands/progress.h"
#include "commands/text.h"

namespace tairitsu::cli {
namespace {

/// The names of images that have the same repository, and another tag.
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
                  "Speak to this registry without TLS. Loopback ones that speak none need it not")
      ->type_name("HOST[:PORT]")
      ->allow_extra_args(false);
  command
      .add_option("--ca-file", flags.ca_file,
                  "Trust the certificates in this PEM file too, as those of a company's own registry")
      ->type_name("FILE");
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
          "When an image is pulled: 'missing' (the default), 'always' or 'never'")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"missing", "always", "never"}));
  add_registry_flags(command, source.registry);
}

Result<ImageStore> open_store() {
  TAIRITSU_TRY(const auto folder, default_data_folder());
  return ImageStore::open(folder);
}

Result<RegistryClient> make_client(const RegistryFlags& flags) {
  return RegistryClient::create({.plain_http = flags.plain_http, .ca_file = flags.ca_file});
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
        return fail(ErrorCode::not_found, "there is no image '" + source.name + "'; there is " + others);
      }
      return fail(ErrorCode::not_found,
                  "there is no image '" + source.name +
                      "', and no such file. 'tairitsu images' lists what there is; "
                      "'tairitsu import FILE NAME' makes an image, and a name with a registry, such as "
                      "ghcr.io/me/hello, is pulled");
    }
    if (source.pull == PullPolicy::never) {
      return fail(ErrorCode::not_found,
                  "there is no image '" + source.name + "', and --pull never says not to pull it");
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
  // The one control character that JSON lets stand.
  for (std::size_t at = 0; (at = text.find('\x7f', at)) != std::string::npos;) text.replace(at, 1, "\\u007f");
  return text + "\n";
}

}  // namespace tairitsu::cli
