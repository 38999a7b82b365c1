/// An OCI image layout on disk (image-spec, image-layout.md): content by digest, and names apart from it.
///
/// `docs/formats/store.md` describes the files, and why any number of processes can use them concurrently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"
#include "image/descriptor.h"
#include "tairitsu/error.h"

namespace tairitsu::detail {

/// An entry of `index.json`.
struct IndexEntry {
  Descriptor descriptor;
  std::string name;  ///< Empty if the entry has none.
};

/// A manifest to list under these names; without names it is listed once, unnamed.
struct LayoutImage {
  Descriptor manifest;
  std::vector<std::string> names;
};

/// Disk usage.
struct LayoutUsage {
  std::uint64_t blobs = 0;
  std::uint64_t blob_bytes = 0;
  std::uint64_t unused_blobs = 0;  ///< Of these, the blobs that `collect_garbage` would remove.
  std::uint64_t unused_bytes = 0;
  std::uint64_t writing_bytes = 0;  ///< In uncommitted transactions.
};

struct Garbage {
  std::vector<std::string> digests;
  std::uint64_t bytes = 0;
};

class LayoutState;
class TransactionState;

/// Streams one blob into a transaction. Use from one thread at a time.
class LayoutBlobWriter {
 public:
  LayoutBlobWriter(LayoutBlobWriter&&) noexcept;
  LayoutBlobWriter& operator=(LayoutBlobWriter&&) noexcept;
  ~LayoutBlobWriter();  ///< Discards an uncommitted blob.

  /// Fails with `digest_mismatch` if there are more bytes than the writer was created for, and with `io`.
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t written() const noexcept;
  /// Finishes the blob and syncs it to disk; it stays invisible until the transaction is committed. Fails with
  /// `digest_mismatch` for another digest or size, and with `io`.
  [[nodiscard]] Result<void> commit(std::string_view digest, std::uint64_t size);
  /// Finishes a blob whose digest is not known yet. Returns its digest.
  [[nodiscard]] Result<std::string> finish();

 private:
  friend class LayoutTransaction;
  class State;
  explicit LayoutBlobWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// New blobs of a layout, in a private directory until they are committed. They appear together with their image's
/// names or not at all; a process that dies leaves only that directory, which other processes remove. Several
/// threads may each write a blob.
class LayoutTransaction {
 public:
  LayoutTransaction(LayoutTransaction&&) noexcept;
  LayoutTransaction& operator=(LayoutTransaction&&) noexcept;
  ~LayoutTransaction();

  /// Creates a writer for up to `max_size` bytes.
  [[nodiscard]] Result<LayoutBlobWriter> writer(std::uint64_t max_size);
  /// Adds a blob from memory. Returns its digest.
  [[nodiscard]] Result<std::string> add(std::span<const std::byte> bytes);
  /// Adds a blob of the layout without writing it again, and protects it from garbage collection. Returns false if
  /// it is missing or damaged.
  [[nodiscard]] Result<bool> reuse(std::string_view digest, std::uint64_t size);

  /// Reads a blob of this transaction, or else of the layout. Fails as `ImageLayout::read` does.
  [[nodiscard]] Result<std::vector<std::byte>> read(const Descriptor& descriptor,
                                                    std::uint64_t max_size) const;

  /// Discards all other blobs.
  void retain(const std::set<std::string>& digests);

  /// Publishes the blobs, and lists the images under their names, atomically. A name moves from an existing image,
  /// and of two new images with one name the last gets it. Lists nothing if it fails: with `not_found` if a
  /// manifest refers to a blob that neither the transaction nor the layout has, with `io`, or with `in_use` if
  /// another process holds the lock for too long. Call it once.
  [[nodiscard]] Result<void> commit(std::span<const LayoutImage> images);
  /// Commits a single image.
  [[nodiscard]] Result<void> commit(const Descriptor& manifest, std::span<const std::string> names);

 private:
  friend class ImageLayout;
  explicit LayoutTransaction(std::shared_ptr<TransactionState> state);
  std::shared_ptr<TransactionState> state_;
};

/// A shared handle. Safe to use from any thread, and by several processes at once. It keeps no file open, and reading
/// takes no lock.
class ImageLayout {
 public:
  /// Opens a layout without creating anything: a missing directory is an empty layout. Fails with
  /// `invalid_manifest` if the directory is not a layout or has an unsupported version, or with `io`.
  [[nodiscard]] static Result<ImageLayout> open(const std::filesystem::path& directory, Sha256Factory sha256);

  /// Returns the entries of `index.json`, in order, including those of other tools. Fails with `invalid_manifest`
  /// or `io`.
  [[nodiscard]] Result<std::vector<IndexEntry>> entries() const;

  /// Reads and verifies a blob. Fails with `not_found`; with `digest_mismatch` if it is damaged (it is moved away,
  /// so that it can be pulled again) or has another size; with `invalid_manifest` if the descriptor's size is above
  /// `max_size`; with `io`.
  [[nodiscard]] Result<std::vector<std::byte>> read(const Descriptor& descriptor,
                                                    std::uint64_t max_size) const;
  /// Returns whether the blob's file exists, without verifying it.
  [[nodiscard]] bool contains(std::string_view digest) const;

  /// Begins a transaction; creates the layout if necessary. Fails with `io`, or `in_use` as `commit` does.
  [[nodiscard]] Result<LayoutTransaction> begin() const;

  /// Adds a name to a listed image. Fails with `not_found` if the digest is not listed.
  [[nodiscard]] Result<void> add_name(std::string_view digest, std::string_view name) const;
  /// Removes the entries for which `chosen` returns true. Returns their number. Their content stays until the
  /// garbage is collected.
  [[nodiscard]] Result<std::size_t> remove_entries(
      const std::function<bool(const IndexEntry&)>& chosen) const;

  /// Removes the blobs that no entry leads to, damaged blobs that were moved away, and transactions of dead
  /// processes. It neither touches nor waits for transactions of living processes. Fails with `invalid_manifest` if
  /// a manifest cannot be read, because its blobs are unknown.
  [[nodiscard]] Result<Garbage> collect_garbage() const;
  [[nodiscard]] Result<LayoutUsage> usage() const;

  [[nodiscard]] const std::filesystem::path& directory() const noexcept;
  [[nodiscard]] const Sha256Factory& sha256() const noexcept;

 private:
  friend class LayoutTransaction;
  [[nodiscard]] Result<std::vector<std::byte>> read(const Descriptor& descriptor, std::uint64_t max_size,
                                                    int retries) const;
  explicit ImageLayout(std::shared_ptr<const LayoutState> state);
  std::shared_ptr<const LayoutState> state_;
};

}  // namespace tairitsu::detail
