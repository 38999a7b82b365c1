#include "image/archive.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"
#include "image/descriptor_json.h"
#include "image/layout_state.h"

namespace tairitsu::detail {

namespace {

/// Enough for thousands of images, and a limit for archives of empty files.
constexpr std::size_t kMaxEntries = std::size_t{1} << 16U;
constexpr std::size_t kBufferSize = std::size_t{256} << 10U;
constexpr std::string_view kBlobDirectory = "blobs/sha256/";
/// The index of archives of older Docker versions.
constexpr std::string_view kDockerFile = "manifest.json";

auto invalid_archive(std::string_view problem) {
  return fail(ErrorCode::invalid_manifest, std::string(problem));
}

std::string_view name_of(ArchiveKind kind) {
  switch (kind) {
    case ArchiveKind::file:
      return "a file";
    case ArchiveKind::directory:
      return "a directory";
    case ArchiveKind::link:
      return "a link";
    case ArchiveKind::device:
      return "a device or pipe";
    case ArchiveKind::sparse:
      return "a sparse file";
    case ArchiveKind::other:
      break;
  }
  return "of an unknown kind";
}

/// Removes `.` and double slashes from a path, which `tar -C DIRECTORY -c .` writes.
Result<std::string> normalized_path(std::string_view path) {
  if (path.starts_with('/')) return invalid_archive("an absolute path");
  std::string normalized;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return invalid_archive("a path that leaves the archive");
    if (!normalized.empty()) normalized += '/';
    normalized += part;
  }
  return normalized;
}

class LayoutUnpacker {
 public:
  LayoutUnpacker(ArchiveReader& reader, LayoutTransaction& transaction, std::uint64_t max_blob_size)
      : reader_(reader), transaction_(transaction), max_blob_size_(max_blob_size), buffer_(kBufferSize) {}

  Result<UnpackedLayout> run() {
    for (std::size_t count = 0;; ++count) {
      TAIRITSU_TRY(const std::optional<ArchiveEntry> entry, reader_.next());
      if (!entry) break;
      if (count == kMaxEntries) return invalid_archive(fmt::format("more than {} entries", kMaxEntries));
      if (auto unpacked = unpack(*entry); !unpacked) {
        return std::unexpected(
            unpacked.error().with_context(fmt::format("'{}'", printable(entry->path, 200))));
      }
    }
    TAIRITSU_RETURN_IF_ERROR(check_layout());
    TAIRITSU_RETURN_IF_ERROR(read_entries());
    return std::move(unpacked_);
  }

 private:
  Result<void> unpack(const ArchiveEntry& entry) {
    TAIRITSU_TRY(const std::string path, normalized_path(entry.path));
    if (entry.kind == ArchiveKind::directory) return {};
    if (entry.kind != ArchiveKind::file) {
      return invalid_archive(fmt::format("{}: only files are supported", name_of(entry.kind)));
    }
    if (path == kIndexFile) return unpack_text(entry, kMaxIndexSize, index_);
    if (path == kLayoutFile) return unpack_text(entry, kMaxManifestSize, layout_);
    docker_ = docker_ || path == kDockerFile;
    std::string_view name = path;
    if (!name.starts_with(kBlobDirectory)) return {};
    name.remove_prefix(kBlobDirectory.size());
    std::string digest = std::string(kDigestPrefix).append(name);
    if (!is_digest(digest)) return {};
    return unpack_blob(entry, std::move(digest));
  }

  Result<void> unpack_text(const ArchiveEntry& entry, std::uint64_t max_size,
                           std::optional<std::vector<std::byte>>& into) {
    if (into) return invalid_archive("duplicate entry");
    if (entry.size > max_size) return invalid_archive(too_large(entry, max_size));
    into.emplace();
    for (;;) {
      TAIRITSU_TRY(const std::span<const std::byte> bytes, read());
      if (bytes.empty()) return {};
      into->insert(into->end(), bytes.begin(), bytes.end());
    }
  }

  Result<void> unpack_blob(const ArchiveEntry& entry, std::string digest) {
    if (unpacked_.blobs.contains(digest)) return invalid_archive("duplicate entry");
    if (entry.size > max_blob_size_) return invalid_archive(too_large(entry, max_blob_size_));
    TAIRITSU_TRY(LayoutBlobWriter blob, transaction_.writer(entry.size));
    for (;;) {
      TAIRITSU_TRY(const std::span<const std::byte> bytes, read());
      if (bytes.empty()) break;
      TAIRITSU_RETURN_IF_ERROR(blob.write(bytes));
    }
    TAIRITSU_RETURN_IF_ERROR(blob.commit(digest, entry.size));
    unpacked_.blobs.emplace(std::move(digest), entry.size);
    return {};
  }

  Result<std::span<const std::byte>> read() {
    TAIRITSU_TRY(const std::size_t count, reader_.read(buffer_));
    return std::span<const std::byte>(buffer_).first(count);
  }

  static std::string too_large(const ArchiveEntry& entry, std::uint64_t max_size) {
    return fmt::format("too large: {} bytes; the limit is {}", entry.size, max_size);
  }

  [[nodiscard]] Result<void> check_layout() const {
    if (!index_ || !layout_) {
      return invalid_archive(
          fmt::format("not an OCI image layout: '{}' is missing{}", index_ ? kLayoutFile : kIndexFile,
                      docker_ ? "; archives of Docker before version 25 are not supported" : ""));
    }
    TAIRITSU_TRY(const Json json, parse_json_object(*layout_, kLayoutFile));
    TAIRITSU_TRY(const std::string version, string_member(json, "imageLayoutVersion", kLayoutFile, true));
    if (version.starts_with("1.")) return {};
    return invalid_archive(
        fmt::format("unsupported image layout version '{}', expected 1.0.0", printable(version)));
  }

  Result<void> read_entries() {
    TAIRITSU_TRY(const Json index, parse_json_object(*index_, kIndexFile));
    const Json* manifests = member(index, "manifests");
    if (manifests == nullptr) return {};
    if (!manifests->is_array()) return invalid_archive("index.json: 'manifests' is not a list");
    for (const Json& entry : *manifests) {
      TAIRITSU_TRY(Descriptor descriptor, parse_descriptor(entry, fmt::format("{}: manifests[{}]", kIndexFile,
                                                                              unpacked_.entries.size())));
      // Docker writes only the tag to the other annotation.
      const auto full = descriptor.annotations.find(std::string(kContainerdNameAnnotation));
      std::string name = full != descriptor.annotations.end() && !full->second.empty()
                             ? full->second
                             : std::string(name_in(entry));
      unpacked_.entries.push_back({std::move(descriptor), std::move(name)});
    }
    return {};
  }

  ArchiveReader& reader_;
  LayoutTransaction& transaction_;
  std::uint64_t max_blob_size_;
  std::vector<std::byte> buffer_;
  std::optional<std::vector<std::byte>> index_;
  std::optional<std::vector<std::byte>> layout_;
  bool docker_ = false;
  UnpackedLayout unpacked_;
};

}  // namespace

Result<UnpackedLayout> unpack_layout(ArchiveReader& reader, LayoutTransaction& transaction,
                                     std::uint64_t max_blob_size) {
  return LayoutUnpacker(reader, transaction, max_blob_size).run();
}

Result<void> pack_layout(ArchiveWriter& writer, std::span<const IndexEntry> entries,
                         const std::map<std::string, Descriptor>& blobs,
                         const std::function<Result<std::vector<std::byte>>(const Descriptor&)>& read) {
  Json manifests = Json::array();
  for (const IndexEntry& entry : entries) {
    manifests.push_back(with_name(to_json(entry.descriptor), entry.name));
  }
  const Json index = {
      {"schemaVersion", 2}, {"mediaType", kIndexMediaType}, {"manifests", std::move(manifests)}};
  TAIRITSU_TRY(const std::string index_text, to_json_text(index, kIndexFile));
  // First, so that a reader of a stream knows the images before their blobs.
  TAIRITSU_RETURN_IF_ERROR(writer.add(kLayoutFile, std::as_bytes(std::span(kLayoutText))));
  TAIRITSU_RETURN_IF_ERROR(writer.add(kIndexFile, std::as_bytes(std::span(index_text))));
  for (const auto& [digest, descriptor] : blobs) {
    TAIRITSU_TRY(const std::vector<std::byte> bytes, read(descriptor));
    TAIRITSU_RETURN_IF_ERROR(writer.add(blob_name(digest), bytes));
  }
  return writer.finish();
}

}  // namespace tairitsu::detail
