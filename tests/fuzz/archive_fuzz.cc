/// Reads archives of images: tar, and tar in gzip. The entries are together no larger than allowed, or the archive is
/// rejected with a one-line message.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "base/text.h"
#include "check.h"
#include "engine/archive.h"

namespace {

using namespace tairitsu;
using test::check;

constexpr std::uint64_t kMaxSize = 1 << 20;

Result<void> read_all(detail::ArchiveReader& reader) {
  std::uint64_t total = 0;
  std::array<std::byte, 512> buffer;
  for (;;) {
    TAIRITSU_TRY(auto entry, reader.next());
    if (!entry) return {};
    std::uint64_t read = 0;
    for (;;) {
      TAIRITSU_TRY(auto count, reader.read(buffer));
      if (count == 0) break;
      check(count <= buffer.size(), "more bytes were read than fit in the buffer");
      read += count;
    }
    total += read;
    check(read <= entry->size && total <= kMaxSize, "an archive is larger than allowed", entry->path);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::uint8_t> rest(data, size);
  const detail::ArchiveSource source = [&rest](std::span<std::byte> into) -> Result<std::size_t> {
    const std::size_t count = std::min({into.size(), rest.size(), std::size_t{700}});
    if (count != 0) std::memcpy(into.data(), rest.data(), count);
    rest = rest.subspan(count);
    return count;
  };
  const auto reader = detail::make_archive_format().reader(source, kMaxSize);
  const auto done = reader ? read_all(**reader) : Result<void>(std::unexpected(reader.error()));
  if (!done) {
    const std::string& message = done.error().message();
    check(done.error().code() == ErrorCode::invalid_manifest, "unexpected error code", message);
    check(detail::printable(message, 4000) == message, "the message is not one line of text", message);
  }
  return 0;
}
