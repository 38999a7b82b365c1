/// Tar and gzip over the bridge.
#pragma once

#include "base/archive.h"

namespace tairitsu::detail {

/// Returns the archive format that the bridge reads and writes.
[[nodiscard]] ArchiveFormat make_archive_format();

}  // namespace tairitsu::detail
