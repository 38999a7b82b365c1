#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "commands/command.h"
#include "commands/load.h"
#include "tairitsu/inspect.h"

namespace tairitsu::cli {
namespace {

struct WitCommandOptions {
  ImageSource image;
  std::string features;
  std::optional<std::filesystem::path> output;
};

/// Returns whether the source is WIT. A directory is, unless it happens to have the name of an image.
bool is_wit(const ImageSource& source) {
  std::error_code failed;
  if (!std::filesystem::is_directory(source.name, failed)) return source.name.ends_with(".wit");
  if (is_file(source)) return true;
  const auto store = open_store();
  return !store || !find_image(*store, source.name);
}

Result<std::string> read_wit(const WitCommandOptions& options) {
  const ImageSource& image = options.image;
  if (is_wit(image)) {
    TAIRITSU_RETURN_IF_ERROR(require_file(image.name));
    return resolved_wit({.path = image.name, .world = {}, .features = options.features});
  }
  TAIRITSU_TRY(const auto bytes, load_bytes(image));
  auto wit = component_wit(bytes);
  if (wit) return wit;
  const bool text = !bytes.empty() && bytes[0] > std::byte{0} && bytes[0] < std::byte{0x7f};
  const bool maybe_wit = text && wit.error().code() == ErrorCode::not_wasm;
  const Error error(
      wit.error().code(),
      wit.error().message() + (maybe_wit ? "; WIT is read only from files whose names end in .wit" : ""));
  return std::unexpected(error.with_context(image.name));
}

Result<void> run(const WitCommandOptions& options) {
  TAIRITSU_TRY(const std::string wit, read_wit(options));
  if (options.output) return write_file(*options.output, std::as_bytes(std::span(wit)));
  return write_stdout(wit);
}

}  // namespace

void add_wit(CLI::App& app) {
  auto* command = app.add_subcommand("wit", "Print the WIT of a component");
  command->footer(
      "For a component, prints its world with the interfaces that it uses. For a core module, prints the "
      "WIT\n"
      "that guest bindings embedded in it. For WIT files, prints the package with the packages that it "
      "uses.\n\n"
      "Examples:\n  tairitsu wit greeter.wasm\n"
      "  tairitsu wit greeter.wasm -o greeter.wit");
  auto options = std::make_shared<WitCommandOptions>();
  command
      ->add_option("FILE", options->image.name,
                   "Component or core module, .wit file or directory of them, or the name of an image")
      ->required();
  command->add_option("-o,--output", options->output, "Write to this file instead of standard output")
      ->type_name("FILE");
  command
      ->add_option("--features", options->features,
                   "Include these @unstable features of WIT files: NAME,NAME or '*' for all")
      ->type_name("NAMES");
  add_pull_flags(*command, options->image);
  command->callback([options] { exit_on_error(run(*options)); });
}

}  // namespace tairitsu::cli
