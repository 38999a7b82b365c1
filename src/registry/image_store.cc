#include "tairitsu/image_store.h"

#include "engine/archive.h"
#include "engine/http_client.h"
#include "image/store.h"

namespace tairitsu {

// Here, for the store does not know what computes its digests and reads its archives.
Result<ImageStore> ImageStore::open(const std::filesystem::path& data_folder, Options options) {
  return detail::StoreAccess::open(data_folder, detail::make_sha256, options, detail::make_archive_format());
}

}  // namespace tairitsu
