// Commands for archives of images: save, load.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "commands/command.h"
#include "commands/store.h"
#include "commands/text.h"

namespace tairitsu::cli {
namespace {

/// A file that appears only when it is complete. Anything but a regular file, such as a pipe, is written to directly.
class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path) : path_(path) {
    std::error_code failed;
    // Replaces the target of a symbolic link, not the link.
    if (std::filesystem::is_symlink(path, failed)) path_ = std::filesystem::weakly_canonical(path, failed);
    const auto status = std::filesystem::status(path_, failed);
    committed_ = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
    if (!committed_) temporary_ = path_.string() + ".part-" + std::to_string(::getpid());
    file_ = FileDescriptor(committed_
                               ? ::open(path_.c_str(), O_WRONLY | O_CLOEXEC)
                               : ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (!committed_) ::unlink(temporary_.c_str());
  }

  [[nodiscard]] int get() const noexcept { return file_.get(); }
  Result<void> commit() {
    if (committed_) return {};
    if (::fsync(file_.get()) != 0) return system_failure(path_.string());
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_failure(path_.string());
    committed_ = true;
    return {};
  }

 private:
  std::filesystem::path path_;
  std::string temporary_;
  FileDescriptor file_;
  bool committed_ = false;
};

Result<void> save(const std::vector<std::string>& names, const std::optional<std::string>& output) {
  if (!output && ::isatty(STDOUT_FILENO) == 1) {
    return fail(
        ErrorCode::invalid_argument,
        "refusing to write an archive to a terminal: pass --output FILE, or redirect standard output");
  }
  TAIRITSU_TRY(const auto store, open_store());
  std::vector<std::string> references;
  for (const std::string& name : names) {
    TAIRITSU_TRY(references.emplace_back(), stored_reference(store, name));
  }
  if (!output) {
    return store.save(references, [](std::span<const std::byte> bytes) {
      return write_all(STDOUT_FILENO, bytes, "standard output");
    });
  }
  OutputFile file(*output);
  if (file.get() < 0) return system_failure(*output);
  TAIRITSU_RETURN_IF_ERROR(store.save(
      references, [&](std::span<const std::byte> bytes) { return write_all(file.get(), bytes, *output); }));
  return file.commit();
}

Result<void> load(const std::optional<std::string>& input) {
  const std::string what = input.value_or("standard input");
  if (!input && ::isatty(STDIN_FILENO) == 1) {
    return fail(ErrorCode::invalid_argument,
                "cannot read an archive from a terminal: pass --input FILE, or redirect standard input");
  }
  const FileDescriptor file(input ? ::open(input->c_str(), O_RDONLY | O_CLOEXEC)
                                  : ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (file.get() < 0) return open_failure(what);
  TAIRITSU_TRY(auto store, open_store());
  const auto images =
      store.load([&](std::span<std::byte> into) { return read_some(file.get(), into, what); });
  if (!images) return std::unexpected(images.error().with_context(what));
  std::string text;
  for (const StoredImage& image : *images) {
    for (const std::string& name : image.names) text += "Loaded image: " + printable(name) + "\n";
    if (image.names.empty()) text += "Loaded image ID: " + image.digest + "\n";
  }
  return write_stdout(text);
}

}  // namespace

void add_save(CLI::App& app) {
  auto* command = app.add_subcommand("save", "Save images to a tar archive");
  command->footer(
      "Writes an OCI image layout in a tar archive, which skopeo and other tools can read. The same images\n"
      "produce the same bytes.\n\n"
      "Examples:\n  tairitsu save hello:1 greeter:1 -o images.tar\n"
      "  tairitsu save hello:1 | ssh other tairitsu load");
  struct Options {
    std::vector<std::string> names;
    std::optional<std::string> output;
  };
  auto options = std::make_shared<Options>();
  command
      ->add_option("IMAGE", options->names,
                   "Images, by name or digest; a digest saves all names of the image")
      ->required();
  command->add_option("-o,--output", options->output, "Write to this file instead of standard output")
      ->type_name("FILE");
  command->callback([options] { exit_on_error(save(options->names, options->output)); });
}

void add_load(CLI::App& app) {
  auto* command = app.add_subcommand("load", "Load images from a tar archive");
  command->footer(
      "Reads an OCI image layout in a tar archive, plain or compressed with gzip, as 'tairitsu save', "
      "skopeo\n"
      "and Docker write it. Loads all of its images or, if it fails, none.\n\n"
      "Examples:\n  tairitsu load -i images.tar\n"
      "  skopeo copy docker://ghcr.io/me/hello:1 oci-archive:hello.tar:hello:1 && tairitsu load -i "
      "hello.tar");
  const auto input = std::make_shared<std::optional<std::string>>();
  command->add_option("-i,--input", *input, "Read from this file instead of standard input")
      ->type_name("FILE");
  command->callback([input] { exit_on_error(load(*input)); });
}

}  // namespace tairitsu::cli
