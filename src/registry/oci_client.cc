#include "tairitsu/oci_client.h"

#include <array>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "engine/http_client.h"
#include "image/manifest.h"
#include "oci/client.h"

namespace tairitsu {

namespace detail {

class OciClientCore {
 public:
  OciClientCore(std::unique_ptr<oci::HttpTransport> http, OciClientOptions client_options)
      : options(std::move(client_options)),
        credentials({.directory = options.credentials_directory}),
        http_(std::move(http)) {}

  /// Returns a client for one image, which caches tokens and belongs to one thread.
  [[nodiscard]] oci::Client client(oci::CredentialLookup lookup) const {
    oci::ClientOptions client_options;
    client_options.session.plain_http = options.plain_http;
    client_options.max_blob = options.max_component_bytes;
    return oci::Client(*http_, make_sha256, std::move(lookup), std::move(client_options));
  }
  [[nodiscard]] oci::Client client() const {
    return client([this](std::string_view registry) { return credentials.find(registry); });
  }

  const OciClientOptions options;
  const oci::CredentialFile credentials;

 private:
  std::unique_ptr<oci::HttpTransport> http_;
};

}  // namespace detail

namespace {

using detail::Descriptor;
using detail::WasmManifest;
using oci::Digest;
using oci::Reference;

class WriterSink final : public oci::BlobSink {
 public:
  explicit WriterSink(BlobWriter& writer) : writer_(&writer) {}
  Result<void> write(std::span<const std::byte> bytes) override { return writer_->write(bytes); }

 private:
  BlobWriter* writer_;
};

/// Parses a name that must have a registry.
Result<Reference> remote_reference(std::string_view name, std::string_view action) {
  TAIRITSU_TRY(auto reference, oci::parse_reference(name));
  TAIRITSU_RETURN_IF_ERROR(oci::require_registry(reference, action));
  return reference;
}

void report(const OnTransfer& on_transfer, const Descriptor& blob, TransferState state) {
  if (!on_transfer) return;
  on_transfer({.digest = blob.digest, .state = state, .done = blob.size, .size = blob.size});
}

/// Returns the progress callback for the transfer of `blob`.
oci::Progress progress_of(const OnTransfer& on_transfer, const Descriptor& blob) {
  if (!on_transfer) return {};
  return [&on_transfer, &blob](std::uint64_t done, std::uint64_t) {
    on_transfer({.digest = blob.digest, .done = done, .size = blob.size});
  };
}

/// Adds the image's name to errors of the store; those of the client have it already.
template <typename T>
Result<T> with_reference(const Reference& reference, Result<T> result) {
  if (!result) return std::unexpected(result.error().with_context(reference.to_string()));
  return result;
}

Result<void> pull_blob(oci::Client& client, const Reference& reference, const Descriptor& blob,
                       ImageWriter& writer, const OnTransfer& on_transfer) {
  TAIRITSU_TRY(const bool existed, with_reference(reference, writer.reuse(blob.digest, blob.size)));
  if (existed) {
    report(on_transfer, blob, TransferState::existed);
    return {};
  }
  TAIRITSU_TRY(const Digest digest, with_reference(reference, Digest::parse(blob.digest)));
  TAIRITSU_TRY(auto blob_writer, with_reference(reference, writer.blob(blob.size)));
  WriterSink sink(blob_writer);
  TAIRITSU_RETURN_IF_ERROR(client.pull_blob(reference, digest, sink,
                                            {.size = blob.size, .progress = progress_of(on_transfer, blob)}));
  TAIRITSU_RETURN_IF_ERROR(with_reference(reference, blob_writer.commit(blob.digest, blob.size)));
  report(on_transfer, blob, TransferState::finished);
  return {};
}

}  // namespace

Result<std::string> normalize_image_name(std::string_view name) {
  TAIRITSU_TRY(const auto reference, oci::parse_reference(name));
  return reference.to_string();
}

Result<std::string> registry_of(std::string_view name) {
  TAIRITSU_TRY(auto reference, oci::parse_reference(name));
  return std::move(reference.registry);
}

Result<StoredImage> find_image(const ImageStore& store, std::string_view reference) {
  // By name first: `cafe` may be both a name and the start of a digest.
  if (const auto name = normalize_image_name(reference)) {
    auto image = store.find(*name);
    if (image || image.error().code() != ErrorCode::not_found) return image;
  }
  return store.find(reference);
}

Result<OciClient> OciClient::create(const Options& options) {
  TAIRITSU_TRY(auto http, detail::make_http_client({.ca_file = options.ca_file}));
  return OciClient(std::make_shared<const detail::OciClientCore>(std::move(http), options));
}

Result<PulledImage> OciClient::pull(ImageStore& store, std::string_view name,
                                    const OnTransfer& on_transfer) const {
  TAIRITSU_TRY(const Reference reference, remote_reference(name, "pull"));
  oci::Client client = core_->client();
  TAIRITSU_TRY(const oci::Manifest manifest, client.pull_manifest(reference));
  const auto bytes = std::as_bytes(std::span(manifest.bytes));
  const std::string context = reference.to_string();
  const auto parsed = detail::parse_manifest(bytes, context);
  if (!parsed) return std::unexpected(parsed.error());
  if (parsed->layer.size > core_->options.max_component_bytes) {
    return fail(ErrorCode::size_limit,
                fmt::format("{}: the component is too large: {} bytes; the limit is {}", context,
                            parsed->layer.size, core_->options.max_component_bytes));
  }

  // An image that is pulled by digest gets no name.
  const std::string stored_name = reference.digest ? std::string() : reference.to_string();
  const std::string digest = manifest.digest.to_string();
  const auto before = store.find(stored_name.empty() ? digest : stored_name);
  TAIRITSU_TRY(auto writer, store.write_image());
  for (const Descriptor* blob : {&parsed->config, &parsed->layer}) {
    TAIRITSU_RETURN_IF_ERROR(pull_blob(client, reference, *blob, writer, on_transfer));
  }
  TAIRITSU_TRY(auto image, writer.commit(bytes, stored_name));
  const bool changed = !before || before->digest != image.digest;
  return PulledImage{.image = std::move(image), .changed = changed};
}

Result<std::string> OciClient::push(const ImageStore& store, std::string_view name,
                                    const OnTransfer& on_transfer) const {
  TAIRITSU_TRY(const Reference reference, remote_reference(name, "push"));
  TAIRITSU_TRY(const StoredImage image, find_image(store, name));
  TAIRITSU_TRY(const auto bytes, store.read_manifest(image));
  TAIRITSU_TRY(const WasmManifest manifest, detail::parse_manifest(bytes, reference.to_string()));
  oci::Client client = core_->client();
  for (const Descriptor* blob : {&manifest.config, &manifest.layer}) {
    TAIRITSU_TRY(const Digest digest, Digest::parse(blob->digest));
    TAIRITSU_TRY(const auto content, store.read_blob(blob->digest, blob->size));
    oci::MemorySource source{std::span(content)};
    TAIRITSU_TRY(const auto pushed, client.push_blob(reference, digest, blob->size, source,
                                                     {.progress = progress_of(on_transfer, *blob)}));
    report(on_transfer, *blob,
           pushed == oci::BlobPush::uploaded ? TransferState::finished : TransferState::existed);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  TAIRITSU_TRY(const Digest digest, client.push_manifest(reference, detail::kManifestMediaType, text));
  return digest.to_string();
}

Result<std::string> OciClient::resolve(std::string_view name) const {
  TAIRITSU_TRY(const Reference reference, remote_reference(name, "look up"));
  TAIRITSU_TRY(const auto descriptor, core_->client().resolve(reference));
  return descriptor.digest.to_string();
}

Result<std::vector<std::string>> OciClient::tags(std::string_view repository) const {
  TAIRITSU_TRY(const Reference reference, remote_reference(repository, "list"));
  return core_->client().list_tags(reference);
}

Result<void> OciClient::remove(std::string_view name) const {
  TAIRITSU_TRY(const Reference reference, remote_reference(name, "delete"));
  return core_->client().delete_manifest(reference);
}

Result<std::filesystem::path> OciClient::login(std::string_view registry, std::string_view user,
                                               std::string_view password) const {
  TAIRITSU_TRY(const std::string host, oci::parse_registry(registry));
  const oci::Credentials credentials{.username = std::string(user), .password = std::string(password)};
  auto client =
      core_->client([&](std::string_view) -> Result<std::optional<oci::Credentials>> { return credentials; });
  TAIRITSU_RETURN_IF_ERROR(client.check_access(host));
  TAIRITSU_RETURN_IF_ERROR(core_->credentials.store(host, credentials));
  TAIRITSU_TRY(const std::string helper, core_->credentials.helper(host));
  return helper.empty() ? core_->credentials.path() : std::filesystem::path();
}

Result<bool> OciClient::logout(std::string_view registry) const {
  TAIRITSU_TRY(const std::string host, oci::parse_registry(registry));
  return core_->credentials.erase(host);
}

}  // namespace tairitsu
