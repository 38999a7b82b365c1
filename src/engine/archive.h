/// Tar and gzip over the bridge.
#pragma once

#include "base/archive.h"

namespace tairitsu::detail {

[[nodiscard]] ArchiveFormat make_archive_format();

}  // namespace tairitsu::detail
