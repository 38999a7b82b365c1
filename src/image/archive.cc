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

/// More than thousands of images have; an archive of empty files grows to no list without end.
constexpr std::size_t kMaxEntries = std::size_t{1} << 16U;
constexpr std::size_t kPieceSize = std::size_t{256} << 10U;
constexpr std::string_view kBlobFolder = "blobs/sha256/";
/// An older Docker's own list of what is in the archive.
constexpr std::string_view kDockerFile = "manifest.json";

auto refused(std::string_view problem) { return fail(ErrorCode::invalid_manifest, std::string(problem)); }

std::string_view name_of(ArchiveKind kind) {
  switch (kind) {
    case ArchiveKind::file:
      return "a file";
    case ArchiveKind::folder:
      return "a folder";
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

/// The path without `.` and double slashes, as `tar -C FOLDER -c .` writes them.
Result<std::string> plain_path(std::string_view path) {
  if (path.starts_with('/')) return refused("an absolute path");
  std::string plain;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused("a path that leads out of the archive");
    if (!plain.empty()) plain += '/';
    plain += part;
  }
  return plain;
}

class Unpacking {
 public:
  Unpacking(ArchiveReader& reader, LayoutTransaction& transaction, std::uint64_t most_of_blob)
      : reader_(reader), transaction_(transaction), most_of_blob_(most_of_blob), piece_(kPieceSize) {}

  Result<UnpackedLayout> run() {
    for (std::size_t count = 0;; ++count) {
      TAIRITSU_TRY(const std::optional<ArchiveEntry> entry, reader_.next());
      if (!entry) break;
      if (count == kMaxEntries) return refused(fmt::format("more than {} entries", kMaxEntries));
      if (auto taken = take(*entry); !taken) {
        return std::unexpected(taken.error().with_context(fmt::format("'{}'", printable(entry->path, 200))));
      }
    }
    TAIRITSU_CHECK(check_layout());
    TAIRITSU_CHECK(read_entries());
    return std::move(unpacked_);
  }

 private:
  Result<void> take(const ArchiveEntry& entry) {
    TAIRITSU_TRY(const std::string path, plain_path(entry.path));
    if (entry.kind == ArchiveKind::folder) return {};
    if (entry.kind != ArchiveKind::file) {
      return refused(fmt::format("{}, and only files are known", name_of(entry.kind)));
    }
    if (path == kIndexFile) return take_text(entry, kMaxIndexSize, index_);
    if (path == kLayoutFile) return take_text(entry, kMaxManifestSize, layout_);
    docker_ = docker_ || path == kDockerFile;
    std::string_view name = path;
    if (!name.starts_with(kBlobFolder)) return {};
    name.remove_prefix(kBlobFolder.size());
    std::string digest = std::string(kDigestPrefix).append(name);
    if (!is_digest(digest)) return {};
    return take_blob(entry, std::move(digest));
  }

  Result<void> take_text(const ArchiveEntry& entry, std::uint64_t most,
                         std::optional<std::vector<std::byte>>& into) {
    if (into) return refused("it is there twice");
    if (entry.size > most) return refused(too_large(entry, most));
    into.emplace();
    for (;;) {
      TAIRITSU_TRY(const std::span<const std::byte> piece, read());
      if (piece.empty()) return {};
      into->insert(into->end(), piece.begin(), piece.end());
    }
  }

  Result<void> take_blob(const ArchiveEntry& entry, std::string digest) {
    if (unpacked_.blobs.contains(digest)) return refused("it is there twice");
    if (entry.size > most_of_blob_) return refused(too_large(entry, most_of_blob_));
    TAIRITSU_TRY(LayoutBlobWriter blob, transaction_.writer(entry.size));
    for (;;) {
      TAIRITSU_TRY(const std::span<const std::byte> piece, read());
      if (piece.empty()) break;
      TAIRITSU_CHECK(blob.write(piece));
    }
    TAIRITSU_CHECK(blob.commit(digest, entry.size));
    unpacked_.blobs.emplace(std::move(digest), entry.size);
    return {};
  }

  Result<std::span<const std::byte>> read() {
    TAIRITSU_TRY(const std::size_t count, reader_.read(piece_));
    return std::span<const std::byte>(piece_).first(count);
  }

  static std::string too_large(const ArchiveEntry& entry, std::uint64_t most) {
    return fmt::format("it is too large: {} bytes, and {} are the most", entry.size, most);
  }

  [[nodiscard]] Result<void> check_layout() const {
    if (!index_ || !layout_) {
      return refused(fmt::format("no OCI image layout: there is no {}{}", index_ ? kLayoutFile : kIndexFile,
                                 docker_ ? "; archives of a Docker before 25 are not known" : ""));
    }
    TAIRITSU_TRY(const Json json, parse_json_object(*layout_, kLayoutFile));
    TAIRITSU_TRY(const std::string version, string_member(json, "imageLayoutVersion", kLayoutFile, true));
    if (version.starts_with("1.")) return {};
    return refused(fmt::format("layouts of version {} are not known, only 1.0.0", printable(version)));
  }

  Result<void> read_entries() {
    TAIRITSU_TRY(const Json index, parse_json_object(*index_, kIndexFile));
    const Json* manifests = member(index, "manifests");
    if (manifests == nullptr) return {};
    if (!manifests->is_array()) return refused("index.json: 'manifests' is not a list");
    for (const Json& entry : *manifests) {
      TAIRITSU_TRY(Descriptor descriptor, parse_descriptor(entry, fmt::format("{}: manifests[{}]", kIndexFile,
                                                                              unpacked_.entries.size())));
      // Docker has the tag alone in the other one.
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
  std::uint64_t most_of_blob_;
  std::vector<std::byte> piece_;
  std::optional<std::vector<std::byte>> index_;
  std::optional<std::vector<std::byte>> layout_;
  bool docker_ = false;
  UnpackedLayout unpacked_;
};

}  // namespace

Result<UnpackedLayout> unpack_layout(ArchiveReader& reader, LayoutTransaction& transaction,
                                     std::uint64_t most_of_blob) {
  return Unpacking(reader, transaction, most_of_blob).run();
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
  // First, so that who reads a stream knows what is to come.
  TAIRITSU_CHECK(writer.add(kLayoutFile, std::as_bytes(std::span(kLayoutText))));
  TAIRITSU_CHECK(writer.add(kIndexFile, std::as_bytes(std::span(index_text))));
  for (const auto& [digest, descriptor] : blobs) {
    TAIRITSU_TRY(const std::vector<std::byte> bytes, read(descriptor));
    TAIRITSU_CHECK(writer.add(blob_name(digest), bytes));
  }
  return writer.finish();
}

}  // namespace tairitsu::detail
