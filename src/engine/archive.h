/// Tar and gzip over the bridge, as `src/image` wants them.
#pragma once

#include "image/archive.h"

namespace tairitsu::detail {

[[nodiscard]] ArchiveFormat make_archive_format();

}  // namespace tairitsu::detail
