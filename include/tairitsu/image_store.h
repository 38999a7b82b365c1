/// The image store: components on disk, by name and digest.
///
/// A store is an OCI image layout, which skopeo and other tools can read and write; see docs/formats/store.md. Any
/// number of processes and threads may use a store at the same time, and may be killed at any moment: an image is
/// either complete or absent.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/error.h>

namespace tairitsu {

namespace detail {
class StoreState;
class StoreAccess;
class LayoutBlobWriter;
class LayoutTransaction;
}  // namespace detail

/// Returns the directory of images and precompiled artifacts: `$TAIRITSU_HOME`, else `$XDG_DATA_HOME/tairitsu`, else
/// `~/.local/share/tairitsu`. Does not create it. Fails with `not_found` if none of the variables is set.
[[nodiscard]] Result<std::filesystem::path> default_data_directory();

struct ImageStoreOptions {
  /// The largest component that is read into memory; reading a larger one fails with `invalid_manifest`. It also limits
  /// what `load` unpacks, to 16 times as much plus 64 MiB.
  std::uint64_t max_component_bytes = std::uint64_t{1} << 30U;
};

/// An image of the store, as its manifest and config describe it. A copy, which later changes of the store do not
/// affect.
struct StoredImage {
  std::string digest;              ///< `sha256:…` of the manifest: the image's identity.
  std::vector<std::string> names;  ///< Sorted; empty for an image that only has a digest.
  std::string component_digest;    ///< `sha256:…` of the WebAssembly binary, like `Image::digest`.
  std::uint64_t component_size = 0;
  std::uint64_t size = 0;  ///< Manifest, config and component together, in bytes.
  std::string media_type;  ///< The component's: `application/wasm`, or an older one.
  std::string created;     ///< RFC 3339, or empty.
  std::string author;
  std::string os;  ///< `wasip2` for a component, `wasip1` for a core module, or what another tool wrote.
  std::vector<std::string> exports;  ///< Interfaces and functions, e.g. `wasi:http/incoming-handler@0.2.0`.
  std::vector<std::string> imports;
  std::string target;  ///< The world that it was built for; often empty.
  std::map<std::string, std::string>
      annotations;  ///< Of the manifest, e.g. `org.opencontainers.image.title`.
  /// Why the image cannot be used, if `images()` noticed; then only `digest` and `names` are set.
  std::string problem;
};

/// Metadata of a component that is added to a store.
struct ImageDescription {
  /// RFC 3339; empty for the current time. The same bytes with the same description have the same digest.
  std::string created = {};
  std::string author = {};
  std::vector<std::string> exports =
      {};  ///< `Image::world` has them; the store does not read them from the bytes.
  std::vector<std::string> imports = {};
  std::string target = {};
  std::map<std::string, std::string> annotations = {};
};

/// Streams a blob into an `ImageWriter`. Use it from one thread. Without a commit the bytes are discarded.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) noexcept;
  BlobWriter& operator=(BlobWriter&&) noexcept;
  ~BlobWriter();

  /// Appends bytes. Fails with `digest_mismatch` if they exceed the writer's size, and with `io`.
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  /// Returns how many bytes have been written.
  [[nodiscard]] std::uint64_t written() const noexcept;
  /// Completes the blob. Fails with `digest_mismatch` if the bytes do not have this digest (`sha256:…`) and size.
  [[nodiscard]] Result<void> commit(std::string_view digest, std::uint64_t size);

 private:
  friend class ImageWriter;
  explicit BlobWriter(std::unique_ptr<detail::LayoutBlobWriter> writer);
  std::unique_ptr<detail::LayoutBlobWriter> writer_;
};

/// Writes an image into the store blob by blob. `commit` makes the whole image visible at once; until then nothing is
/// visible, and `prune` does not touch it. Each blob's writer may be used from its own thread.
class ImageWriter {
 public:
  ImageWriter(ImageWriter&&) noexcept;
  ImageWriter& operator=(ImageWriter&&) noexcept;
  /// Discards everything, unless `commit` succeeded.
  ~ImageWriter();

  /// Returns a writer for a blob of up to `size` bytes. Fails with `io`.
  [[nodiscard]] Result<BlobWriter> blob(std::uint64_t size);
  /// Returns whether the store already has the complete blob, so that you need not write it. If so, it is kept for this
  /// image. Fails with `io`.
  [[nodiscard]] Result<bool> reuse(std::string_view digest, std::uint64_t size);
  /// Adds the manifest and names the image; with an empty name the image only has its digest. Call it once. Fails with
  /// `invalid_manifest` if the manifest is not a WebAssembly image's, with `not_found` if a blob that it refers to is
  /// missing, and like `ImageStore::add_image`.
  [[nodiscard]] Result<StoredImage> commit(std::span<const std::byte> manifest, std::string_view name);

 private:
  friend class ImageStore;
  ImageWriter(std::shared_ptr<const detail::StoreState> store,
              std::unique_ptr<detail::LayoutTransaction> transaction);
  std::shared_ptr<const detail::StoreState> store_;
  std::unique_ptr<detail::LayoutTransaction> transaction_;
};

/// A store in a directory. A shared handle, usable from any thread; it keeps no files open and holds no locks.
///
/// Names are kept exactly as given: up to 512 letters, digits and `-._:/+`, starting with a letter or digit, and not in
/// the form of a digest. A **reference** is resolved in this order: a name; a digest, which may follow a name and `@`;
/// the first four or more digits of a digest, if only one image matches.
class ImageStore {
 public:
  using Options = ImageStoreOptions;

  /// Opens the store of a data directory: images are in `images`, precompiled artifacts in `artifacts`. Creates
  /// nothing: a directory that does not exist is an empty store. Fails with `invalid_manifest` if `images` is not a
  /// store, and with `io`.
  [[nodiscard]] static Result<ImageStore> open(const std::filesystem::path& data_directory,
                                               Options options = {});

  /// Adds a component or a core module under a name; an image that had the name loses it. Fails with `not_wasm`, with
  /// `invalid_argument` if the name or the description is invalid, with `io` (e.g. a full disk), with `size_limit` if
  /// the index of images would exceed 32 MiB, and with `in_use` if another process has held the store's lock for a
  /// minute.
  [[nodiscard]] Result<StoredImage> add_image(std::string_view name, std::span<const std::byte> component,
                                              const ImageDescription& description = {});
  /// Returns a writer for an image that comes from elsewhere. Fails with `io` or `in_use`.
  [[nodiscard]] Result<ImageWriter> write_image();

  /// Returns an image. Fails with `not_found`, `ambiguous_name`, `digest_mismatch` (the manifest is damaged),
  /// `invalid_manifest` (not a WebAssembly image) or `io`.
  [[nodiscard]] Result<StoredImage> find(std::string_view reference) const;
  /// Returns all images, ordered by name, unnamed ones last. Images that cannot be used are included, with `problem`
  /// set. Fails with `io`, or with `invalid_manifest` if the index is malformed.
  [[nodiscard]] Result<std::vector<StoredImage>> images() const;
  /// Returns the component's bytes after verifying their digest. If they are damaged, fails with `digest_mismatch` and
  /// moves them aside, so that you can add or pull the image again. Also fails with `not_found`, `invalid_manifest` or
  /// `io`.
  [[nodiscard]] Result<std::vector<std::byte>> read_component(const StoredImage& image) const;
  /// Returns any blob of an image, such as its config, after verifying it. Fails like `read_component`.
  [[nodiscard]] Result<std::vector<std::byte>> read_blob(std::string_view digest, std::uint64_t size) const;
  /// Returns the manifest's bytes, exactly as they are pushed. Fails like `read_component`.
  [[nodiscard]] Result<std::vector<std::byte>> read_manifest(const StoredImage& image) const;

  /// Gives an image another name; an image that had the name loses it. Fails like `find`, and like `add_image` if the
  /// name is invalid.
  [[nodiscard]] Result<void> tag(std::string_view reference, std::string_view name);

  /// Receives the bytes of an archive, in order. An error that it returns ends `save`, which returns it.
  using ArchiveSink = std::function<Result<void>(std::span<const std::byte>)>;
  /// Fills the beginning of the span and returns the number of bytes, 0 at the end. An error that it returns ends
  /// `load`, which returns it.
  using ArchiveSource = std::function<Result<std::size_t>(std::span<std::byte>)>;

  /// Writes images as a tar archive of an OCI image layout, which `skopeo copy oci-archive:FILE:NAME …` and `load` can
  /// read. A reference that is a name saves the image under that name, and a digest saves it with all of its names. The
  /// same images produce the same bytes. Every blob is verified. Before anything is written, fails like `find`; later
  /// with `digest_mismatch`, `not_found` (the image was removed in the meantime), `io`, or the sink's error, and then
  /// the output is unusable.
  [[nodiscard]] Result<void> save(std::span<const std::string> references, const ArchiveSink& sink) const;
  /// Adds the WebAssembly images of such an archive under the names in it, either all or none, and returns them in the
  /// archive's order. Other images in it are ignored. Also reads archives of skopeo and Docker (25 or newer), plain or
  /// gzip-compressed, to the end and without seeking. The archive may be untrusted. Fails with `invalid_manifest` (not
  /// such an archive, truncated, too large, or without a WebAssembly image), `not_found` (a blob is missing),
  /// `digest_mismatch`, like `add_image`, or with the source's error.
  [[nodiscard]] Result<std::vector<StoredImage>> load(const ArchiveSource& source);

  struct Removal {
    std::string digest;
    std::vector<std::string> names;  ///< The names that were removed.
    bool last = false;               ///< No name is left: `prune` frees the image's bytes.
  };
  /// Removes a name, or, if the reference is a digest, an image. Fails with `not_found`, `ambiguous_name` or `io`, and
  /// unless forced with `in_use` if the reference is a digest and the image has several names. Does not disturb those
  /// who are reading the image.
  [[nodiscard]] Result<Removal> remove(std::string_view reference, bool force = false);

  struct PruneOptions {
    bool unnamed = false;  ///< Also remove images without a name.
  };
  struct Pruned {
    std::vector<std::string> images;  ///< Digests of unnamed images that were removed.
    std::uint64_t blobs = 0;
    std::uint64_t bytes = 0;
  };
  /// Frees everything that no image needs, including precompiled artifacts. Neither touches nor waits for images that
  /// are being written. Fails with `io`, and with `invalid_manifest` if a manifest cannot be read; then nothing is
  /// freed.
  [[nodiscard]] Result<Pruned> prune(const PruneOptions& options);
  [[nodiscard]] Result<Pruned> prune() { return prune({}); }

  struct Usage {
    std::uint64_t images = 0;
    std::uint64_t blobs = 0;
    std::uint64_t bytes = 0;
    std::uint64_t unused_bytes = 0;   ///< The part of `bytes` that `prune` would free.
    std::uint64_t writing_bytes = 0;  ///< In images that are not committed yet; not part of `bytes`.
    std::uint64_t artifacts = 0;      ///< Precompiled artifacts; the cache evicts old ones by itself.
    std::uint64_t artifact_bytes = 0;
  };
  /// Returns how much space the store uses. Fails like `images`.
  [[nodiscard]] Result<Usage> usage() const;

  /// Returns the directory of the OCI image layout, for other tools: `skopeo copy oci:DIRECTORY:NAME …`.
  [[nodiscard]] const std::filesystem::path& layout_directory() const noexcept;
  /// Returns the directory of precompiled artifacts.
  [[nodiscard]] const std::filesystem::path& artifact_directory() const noexcept;

 private:
  friend class detail::StoreAccess;
  explicit ImageStore(std::shared_ptr<const detail::StoreState> state);
  std::shared_ptr<const detail::StoreState> state_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23
