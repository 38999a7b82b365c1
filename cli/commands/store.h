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
#include "tairitsu/registry_client.h"

namespace tairitsu::cli {

struct RegistryFlags {
  std::vector<std::string> plain_http;
  std::filesystem::path ca_file;
};

void add_registry_flags(CLI::App& command, RegistryFlags& flags);

/// When an image is pulled that a command is given the name of.
enum class PullPolicy : std::uint8_t { missing, always, never };

struct ImageSource {
  std::string name;
  PullPolicy pull = PullPolicy::missing;
  RegistryFlags registry;
};

/// The flags; the name is the command's own business.
void add_pull_flags(CLI::App& command, ImageSource& source);

/// The store in the data folder.
[[nodiscard]] Result<ImageStore> open_store();
[[nodiscard]] Result<RegistryClient> make_client(const RegistryFlags& flags);

/// Finds an image, pulled first where the policy says so.
[[nodiscard]] Result<StoredImage> obtain_image(ImageStore& store, const ImageSource& source);

/// What the store calls the image that somebody means: the name, if that is what finds it, else its digest. Fails as
/// `find_image`.
[[nodiscard]] Result<std::string> stored_reference(const ImageStore& store, const std::string& typed);

/// An image as `--format json` has it.
[[nodiscard]] nlohmann::ordered_json image_as_json(const StoredImage& image);
/// In ASCII, with what a terminal would obey escaped; what is no UTF-8 is replaced. With a line's end.
[[nodiscard]] std::string to_text(const nlohmann::ordered_json& json, int indent = -1);

}  // namespace tairitsu::cli
