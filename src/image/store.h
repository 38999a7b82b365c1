/// The image store: an image layout and an artifact cache.
#pragma once

#include <filesystem>

#include "base/sha256.h"
#include "image/archive.h"
#include "image/artifact_cache.h"
#include "image/layout.h"
#include "tairitsu/image_store.h"

namespace tairitsu::detail {

class StoreState {
 public:
  StoreState(ImageLayout images, std::filesystem::path artifacts, ImageStoreOptions store_options,
             ArchiveFormat format)
      : layout(std::move(images)),
        artifact_directory(std::move(artifacts)),
        options(store_options),
        archives(std::move(format)) {}

  const ImageLayout layout;
  const std::filesystem::path artifact_directory;
  const ImageStoreOptions options;
  const ArchiveFormat archives;
};

/// Opens stores. `ImageStore::open` is in `src/registry`, which passes the engine's SHA-256 and archives; a store
/// without archives cannot save or load.
class StoreAccess {
 public:
  [[nodiscard]] static Result<ImageStore> open(const std::filesystem::path& data_directory,
                                               Sha256Factory sha256, ImageStoreOptions options = {},
                                               ArchiveFormat archives = {});
};

}  // namespace tairitsu::detail
