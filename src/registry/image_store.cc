#include "tairitsu/image_store.h"

#include "engine/archive.h"
#include "engine/http_client.h"
#include "image/store.h"

namespace tairitsu {

// It is here because src/image does not depend on the engine, which computes digests and reads archives.
Result<ImageStore> ImageStore::open(const std::filesystem::path& data_directory, Options options) {
  return detail::StoreAccess::open(data_directory, detail::make_sha256, options,
                                   detail::make_archive_format());
}

}  // namespace tairitsu
