/// The image store: components on disk, by name and digest, in an open format.
///
/// It is an OCI image layout, so that skopeo and others read and write it as it is; `docs/formats/store.md`
/// describes it. Any number of processes and threads may use one store at the same time, and be killed at any
/// moment: an image is there as a whole or not at all.
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

/// Where images and precompiled artifacts lie: `$TAIRITSU_HOME`, else `$XDG_DATA_HOME/tairitsu`, else
/// `~/.local/share/tairitsu`. Makes nothing. Fails with `not_found` where no variable says where.
[[nodiscard]] Result<std::filesystem::path> default_data_folder();

struct ImageStoreOptions {
  /// A larger component is not read into memory, whatever its manifest says: `invalid_manifest`. It bounds what
  /// `load` unpacks, too: 16 times as much and 64 MiB.
  std::uint64_t max_component_bytes = std::uint64_t{1} << 30U;
};

/// An image of the store, as its manifest and config describe it. A copy: it does not change with the store.
struct StoredImage {
  std::string digest;              ///< `sha256:…` of the manifest: the image's identity.
  std::vector<std::string> names;  ///< In order; none for an image that is known by its digest only.
  std::string component_digest;    ///< `sha256:…` of the WebAssembly binary: what `Image::digest` says.
  std::uint64_t component_size = 0;
  std::uint64_t size = 0;  ///< All of it: manifest, config and component, in bytes.
  std::string media_type;  ///< The component's: `application/wasm`, or an older one.
  std::string created;     ///< RFC 3339, or empty.
  std::string author;
  std::string os;  ///< `wasip2` for a component, `wasip1` for a core module, or what another tool wrote.
  std::vector<std::string> exports;  ///< Interfaces and functions, `wasi:http/incoming-handler@0.2.0`.
  std::vector<std::string> imports;
  std::string target;                              ///< A world that it is made for; often empty.
  std::map<std::string, std::string> annotations;  ///< The manifest's, `org.opencontainers.image.title`.
  /// Why it cannot be used, where `images()` found that out: then there is nothing here but digest and names.
  std::string problem;
};

/// What is written about a component that is added.
struct ImageDescription {
  std::string created =
      {};  ///< RFC 3339; empty for now. The same bytes and description give the same digest.
  std::string author = {};
  std::vector<std::string> exports = {};  ///< Not looked up in the bytes: `Image::world` knows them.
  std::vector<std::string> imports = {};
  std::string target = {};
  std::map<std::string, std::string> annotations = {};
};

/// Streams a blob into an `ImageWriter`. One thread at a time; without a commit the bytes are thrown away.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) noexcept;
  BlobWriter& operator=(BlobWriter&&) noexcept;
  ~BlobWriter();

  /// Fails with `digest_mismatch` as soon as there is more than the writer was made for, and with `io`.
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t written() const noexcept;
  /// Ends it. Fails with `digest_mismatch` where the bytes have not that digest (`sha256:…`) and size.
  [[nodiscard]] Result<void> commit(std::string_view digest, std::uint64_t size);

 private:
  friend class ImageWriter;
  explicit BlobWriter(std::unique_ptr<detail::LayoutBlobWriter> writer);
  std::unique_ptr<detail::LayoutBlobWriter> writer_;
};

/// An image on its way into the store, blob by blob. Nothing of it is visible before `commit`, which makes all
/// of it visible at once; no garbage collection touches it. Writers of several blobs may have a thread each.
class ImageWriter {
 public:
  ImageWriter(ImageWriter&&) noexcept;
  ImageWriter& operator=(ImageWriter&&) noexcept;
  ~ImageWriter();  ///< Without a commit all is thrown away.

  /// For up to `size` bytes.
  [[nodiscard]] Result<BlobWriter> blob(std::uint64_t size);
  /// Whether the store has that blob, whole, so that it need not be fetched; it is kept for this image then.
  [[nodiscard]] Result<bool> reuse(std::string_view digest, std::uint64_t size);
  /// Adds the manifest and gives the image the name; with an empty one it is known by its digest alone. Fails
  /// with `invalid_manifest` where it is no WebAssembly image, with `not_found` where a blob that it refers to
  /// is missing, and as `ImageStore::add_image` does. Once.
  [[nodiscard]] Result<StoredImage> commit(std::span<const std::byte> manifest, std::string_view name);

 private:
  friend class ImageStore;
  ImageWriter(std::shared_ptr<const detail::StoreState> store,
              std::unique_ptr<detail::LayoutTransaction> transaction);
  std::shared_ptr<const detail::StoreState> store_;
  std::unique_ptr<detail::LayoutTransaction> transaction_;
};

/// A store in a folder. A shared handle, usable from any thread; it keeps no file open and no lock.
///
/// Names are kept as they are given: up to 512 letters, digits and `-._:/+`, beginning with a letter or digit,
/// and no digests. A **reference** is a name; a digest, alone or after a name and `@`; or the first four or
/// more digits of one, where these fit one image only. What it finds first is meant, in that order.
class ImageStore {
 public:
  using Options = ImageStoreOptions;

  /// The store in a data folder: images in `images`, precompiled artifacts in `artifacts`. Makes nothing: a
  /// folder that is not there is an empty store. Fails with `invalid_manifest` where there is something else,
  /// and with `io`.
  [[nodiscard]] static Result<ImageStore> open(const std::filesystem::path& data_folder,
                                               Options options = {});

  /// Adds a component, or a core module, and gives it a name, which another image may have had. Fails with
  /// `not_wasm`, `invalid_argument` (a name or text that cannot be), `io` (a full disk), `size_limit` (more
  /// images than one index holds, 32 MiB), or `in_use` where another process has had the store's lock for a minute.
  [[nodiscard]] Result<StoredImage> add_image(std::string_view name, std::span<const std::byte> component,
                                              const ImageDescription& description = {});
  /// Begins to write an image that comes from elsewhere. Fails with `io` or `in_use`.
  [[nodiscard]] Result<ImageWriter> write_image();

  /// Fails with `not_found`, `ambiguous_name`, `digest_mismatch` (its manifest is damaged), `invalid_manifest`
  /// (it is no WebAssembly image), `io`.
  [[nodiscard]] Result<StoredImage> find(std::string_view reference) const;
  /// All images, ordered by name, those without one last; what cannot be used is among them, with its problem.
  [[nodiscard]] Result<std::vector<StoredImage>> images() const;
  /// The component's bytes, verified. Fails with `digest_mismatch` where they are damaged: they are moved out of
  /// the way then, and the image can be added or pulled again. Also `not_found`, `invalid_manifest`, `io`.
  [[nodiscard]] Result<std::vector<std::byte>> read_component(const StoredImage& image) const;
  /// Any blob of an image, verified: its manifest, its config. Fails as `read_component` does.
  [[nodiscard]] Result<std::vector<std::byte>> read_blob(std::string_view digest, std::uint64_t size) const;
  /// The manifest's bytes, as they are pushed.
  [[nodiscard]] Result<std::vector<std::byte>> read_manifest(const StoredImage& image) const;

  /// Gives an image one more name, which another may have had. Fails as `find`, and `add_image` for names.
  [[nodiscard]] Result<void> tag(std::string_view reference, std::string_view name);

  /// Takes the bytes of an archive, in order. An error of its own ends the `save`, which answers it.
  using ArchiveSink = std::function<Result<void>(std::span<const std::byte>)>;
  /// Fills the front of what it is given; how many bytes, 0 at the end. An error of its own ends the `load`,
  /// which answers it.
  using ArchiveSource = std::function<Result<std::size_t>(std::span<std::byte>)>;

  /// Writes images as an OCI image layout in a tar archive, which `skopeo copy oci-archive:FILE:NAME …` and
  /// `load` read. A reference by name saves it under that name, one by digest with all of its names. The same
  /// images make the same bytes. Every blob is verified on its way. Fails as `find` does, before a byte is
  /// written; later with `digest_mismatch`, `not_found` (it was removed meanwhile), `io`, and as the sink does:
  /// then what was written is of no use.
  [[nodiscard]] Result<void> save(std::span<const std::string> references, const ArchiveSink& sink) const;
  /// Adds the WebAssembly images of such an archive with the names that they have there, all of them or none,
  /// and answers them in its order; other images in it are left out. Reads tar, plain or by gzip, of skopeo and
  /// Docker (25 or newer) too, to its end and without going back. What is read is not trusted. Fails with
  /// `invalid_manifest` (no such archive, cut off, too large, or nothing of WebAssembly in it), `not_found` (it
  /// lacks a blob), `digest_mismatch`, as `add_image` does, and as the source does.
  [[nodiscard]] Result<std::vector<StoredImage>> load(const ArchiveSource& source);

  struct Removal {
    std::string digest;
    std::vector<std::string> names;  ///< Those that are gone.
    bool last = false;               ///< Nothing names it any more: `prune` frees its bytes.
  };
  /// Removes a name, or by digest an image; one with several names only where forced, else `in_use`. Whoever
  /// reads it just now is not disturbed. Fails with `not_found` or `ambiguous_name`, and with `io`.
  [[nodiscard]] Result<Removal> remove(std::string_view reference, bool force = false);

  struct PruneOptions {
    bool unnamed = false;  ///< Images without a name too.
  };
  struct Pruned {
    std::vector<std::string> images;  ///< Digests of images without a name that went.
    std::uint64_t blobs = 0;
    std::uint64_t bytes = 0;
  };
  /// Frees what no image needs, with its precompiled artifacts. What is being written is neither touched nor
  /// waited for. Fails with `invalid_manifest` where a manifest cannot be read (nothing is freed then).
  [[nodiscard]] Result<Pruned> prune(const PruneOptions& options);
  [[nodiscard]] Result<Pruned> prune() { return prune({}); }

  struct Usage {
    std::uint64_t images = 0;
    std::uint64_t blobs = 0;
    std::uint64_t bytes = 0;
    std::uint64_t unused_bytes = 0;   ///< Of these, what `prune` would free.
    std::uint64_t writing_bytes = 0;  ///< Besides: in images that are not committed.
    std::uint64_t artifacts = 0;      ///< Precompiled ones, which free themselves.
    std::uint64_t artifact_bytes = 0;
  };
  [[nodiscard]] Result<Usage> usage() const;

  /// The OCI image layout, for tools that read one: `skopeo copy oci:FOLDER:NAME …`.
  [[nodiscard]] const std::filesystem::path& layout_folder() const noexcept;
  [[nodiscard]] const std::filesystem::path& artifact_folder() const noexcept;

 private:
  friend class detail::StoreAccess;
  explicit ImageStore(std::shared_ptr<const detail::StoreState> state);
  std::shared_ptr<const detail::StoreState> state_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23
