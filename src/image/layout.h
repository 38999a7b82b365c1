/// An OCI image layout on disk (image-spec, image-layout.md): content by digest, and names apart from it.
///
/// `docs/formats/store.md` describes the files, and why any number of processes may be at work in them.
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

/// A descriptor of `index.json`.
struct IndexEntry {
  Descriptor descriptor;
  std::string name;  ///< Empty where it has none.
};

/// A manifest that is to be listed, under these names. With none it is listed all the same.
struct LayoutImage {
  Descriptor manifest;
  std::vector<std::string> names;
};

/// Where bytes on the disk are needed and what for.
struct LayoutUsage {
  std::uint64_t blobs = 0;
  std::uint64_t blob_bytes = 0;
  std::uint64_t unused_blobs = 0;  ///< What `collect_garbage` would remove of them.
  std::uint64_t unused_bytes = 0;
  std::uint64_t writing_bytes = 0;  ///< In transactions that are not committed.
};

struct Garbage {
  std::vector<std::string> digests;
  std::uint64_t bytes = 0;
};

class LayoutState;
class TransactionState;

/// Streams one blob into a transaction. One thread at a time.
class LayoutBlobWriter {
 public:
  LayoutBlobWriter(LayoutBlobWriter&&) noexcept;
  LayoutBlobWriter& operator=(LayoutBlobWriter&&) noexcept;
  ~LayoutBlobWriter();  ///< Without a commit the bytes are thrown away.

  /// Fails with `digest_mismatch` as soon as there are more bytes than the writer was made for, and with `io`.
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t written() const noexcept;
  /// Ends it: the bytes are on the disk and have that digest and size, else `digest_mismatch`. They stay
  /// invisible until the transaction is committed.
  [[nodiscard]] Result<void> commit(std::string_view digest, std::uint64_t size);
  /// The same for bytes whose digest is not known before: answers it.
  [[nodiscard]] Result<std::string> finish();

 private:
  friend class LayoutTransaction;
  class State;
  explicit LayoutBlobWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Blobs on their way into a layout, in a folder of their own that no other process looks into. They appear
/// together with the name, or not at all; a process that dies leaves only that folder, which others remove.
/// Writers of several blobs may be used by a thread each.
class LayoutTransaction {
 public:
  LayoutTransaction(LayoutTransaction&&) noexcept;
  LayoutTransaction& operator=(LayoutTransaction&&) noexcept;
  ~LayoutTransaction();

  /// For up to `most` bytes.
  [[nodiscard]] Result<LayoutBlobWriter> writer(std::uint64_t most);
  /// Adds bytes that are in memory; answers their digest.
  [[nodiscard]] Result<std::string> add(std::span<const std::byte> bytes);
  /// Takes a blob that the layout has, so that it need not be written again, and so that no garbage collection
  /// takes it meanwhile. False where it is missing or damaged.
  [[nodiscard]] Result<bool> reuse(std::string_view digest, std::uint64_t size);

  /// A blob of this transaction, or else of the layout. Fails as `ImageLayout::read` does.
  [[nodiscard]] Result<std::vector<std::byte>> read(const Descriptor& descriptor, std::uint64_t most) const;

  /// Throws away the blobs that are not among these.
  void retain(const std::set<std::string>& digests);

  /// Publishes all of it, and gives the manifests their names, all at once. What had such a name loses it; of
  /// two that want one the last gets it. Fails with `not_found` where a manifest refers to a blob that is
  /// neither here nor in the layout, with `io`, or with `in_use` where another process holds the lock for long;
  /// then nothing is listed. Once.
  [[nodiscard]] Result<void> commit(std::span<const LayoutImage> images);
  /// The same for one.
  [[nodiscard]] Result<void> commit(const Descriptor& manifest, std::span<const std::string> names);

 private:
  friend class ImageLayout;
  explicit LayoutTransaction(std::shared_ptr<TransactionState> state);
  std::shared_ptr<TransactionState> state_;
};

/// A shared handle, safe from any thread; any number of processes may work in the folder at once. It keeps no
/// file open, and reading takes no lock.
class ImageLayout {
 public:
  /// Makes nothing: a folder that is not there is an empty layout. Fails with `invalid_manifest` where the
  /// folder holds something else or a layout of another version, or with `io`.
  [[nodiscard]] static Result<ImageLayout> open(const std::filesystem::path& folder, Sha256Factory sha256);

  /// What `index.json` lists, in its order, other tools' entries too. Fails with `invalid_manifest` or `io`.
  [[nodiscard]] Result<std::vector<IndexEntry>> entries() const;

  /// A blob's bytes, verified. Fails with `not_found`; with `digest_mismatch` where it is damaged (it is moved
  /// out of the way, so that it can be pulled again) or has another size; with `invalid_manifest` where
  /// the descriptor's size is above `most`; with `io`.
  [[nodiscard]] Result<std::vector<std::byte>> read(const Descriptor& descriptor, std::uint64_t most) const;
  /// Whether there is a file for it; what is in it is not looked at.
  [[nodiscard]] bool contains(std::string_view digest) const;

  /// Begins to write; makes the layout where there is none. Fails with `io`, or `in_use` as `commit` does.
  [[nodiscard]] Result<LayoutTransaction> begin() const;

  /// Gives one more name to what is listed. Fails with `not_found` where the digest is not listed (any more).
  [[nodiscard]] Result<void> add_name(std::string_view digest, std::string_view name) const;
  /// Takes the entries out for which `chosen` answers true; how many there were. Their content stays until the
  /// garbage is collected.
  [[nodiscard]] Result<std::size_t> remove_entries(
      const std::function<bool(const IndexEntry&)>& chosen) const;

  /// Removes the blobs that no entry leads to, damaged ones that were moved away, and what transactions of
  /// dead processes left. Those of living ones are not touched and not waited for. Fails with
  /// `invalid_manifest` where a manifest cannot be read, for then nobody knows what it needs.
  [[nodiscard]] Result<Garbage> collect_garbage() const;
  [[nodiscard]] Result<LayoutUsage> usage() const;

  [[nodiscard]] const std::filesystem::path& folder() const noexcept;
  [[nodiscard]] const Sha256Factory& sha256() const noexcept;

 private:
  friend class LayoutTransaction;
  [[nodiscard]] Result<std::vector<std::byte>> read(const Descriptor& descriptor, std::uint64_t most,
                                                    int retries) const;
  explicit ImageLayout(std::shared_ptr<const LayoutState> state);
  std::shared_ptr<const LayoutState> state_;
};

}  // namespace tairitsu::detail
