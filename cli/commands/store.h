/// The image store and registries, as commands use them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tairitsu/error.h"
#include "tairitsu/image_store.h"
#include "tairitsu/oci_client.h"

namespace tairitsu::cli {

struct RegistryFlags {
  std::vector<std::string> plain_http;
  std::filesystem::path ca_file;
};

void add_registry_flags(CLI::App& command, RegistryFlags& flags);

/// When to pull the image that a command names.
enum class PullPolicy : std::uint8_t { missing, always, never };

struct ImageSource {
  std::string name;
  PullPolicy pull = PullPolicy::missing;
  RegistryFlags registry;
};

/// Adds `--pull` and the registry flags. The command adds the name itself.
void add_pull_flags(CLI::App& command, ImageSource& source);

/// Opens the store in the data directory.
[[nodiscard]] Result<ImageStore> open_store();
[[nodiscard]] Result<OciClient> make_client(const RegistryFlags& flags);

/// Finds an image, and pulls it first if the policy says so.
[[nodiscard]] Result<StoredImage> obtain_image(ImageStore& store, const ImageSource& source);

/// Returns the store's own reference to the image that `typed` refers to: its name if `typed` is one, otherwise its
/// digest. Fails like `find_image`.
[[nodiscard]] Result<std::string> stored_reference(const ImageStore& store, const std::string& typed);

/// Returns the image as `--format json` prints it.
[[nodiscard]] nlohmann::ordered_json image_as_json(const StoredImage& image);
/// Returns JSON in ASCII with a final newline. Escapes control characters and replaces invalid UTF-8.
[[nodiscard]] std::string to_text(const nlohmann::ordered_json& json, int indent = -1);

}  // namespace tairitsu::cli
