/// The image store over an image layout and an artifact cache.
#pragma once

#include <filesystem>

#include "image/archive.h"
#include "image/artifact_cache.h"
#include "image/layout.h"
#include "image/sha256.h"
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

/// What lies above and makes stores: `ImageStore::open` is `src/engine`'s, who has a SHA-256 and
/// archives. Without these a store neither saves nor loads.
class StoreAccess {
 public:
  [[nodiscard]] static Result<ImageStore> open(const std::filesystem::path& data_folder, Sha256Factory sha256,
                                               ImageStoreOptions options = {}, ArchiveFormat archives = {});
};

}  // namespace tairitsu::detail
