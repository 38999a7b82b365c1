/// The image store over an image layout and an artifact cache.
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
  StoreState(ImageLayout of, std::filesystem::path folder, ImageStoreOptions with, ArchiveFormat format)
      : layout(std::move(of)),
        artifact_folder(std::move(folder)),
        options(with),
        archives(std::move(format)) {}

  const ImageLayout layout;
  const std::filesystem::path artifact_folder;
  const ImageStoreOptions options;
  const ArchiveFormat archives;
};

/// Makes stores. `ImageStore::open` is in `src/registry`, which passes the engine's SHA-256 and archives; a store
/// without archives neither saves nor loads.
class StoreAccess {
 public:
  [[nodiscard]] static Result<ImageStore> open(const std::filesystem::path& data_folder, Sha256Factory sha256,
                                               ImageStoreOptions options = {}, ArchiveFormat archives = {});
};

}  // namespace tairitsu::detail
