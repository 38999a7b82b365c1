#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "commands/command.h"
#include "tairitsu/inspect.h"

namespace tairitsu::cli {
namespace {

struct Options {
  WitSource source;
  std::optional<std::filesystem::path> output;
};

Result<std::string> read_wit(const WitSource& source) {
  std::error_code failed;
  if (source.path.extension() == ".wit" || std::filesystem::is_directory(source.path, failed)) {
    return resolved_wit(source);
  }
  TAIRITSU_TRY(const auto bytes, read_file(source.path));
  auto wit = component_wit(bytes);
  if (wit) return wit;
  const bool text = !bytes.empty() && bytes[0] > std::byte{0} && bytes[0] < std::byte{0x7f};
  const bool maybe_wit = text && wit.error().code() == ErrorCode::not_wasm;
  const Error error(wit.error().code(),
                    wit.error().message() + (maybe_wit ? "; for WIT its name would end in .wit" : ""));
  return std::unexpected(error.with_context(source.path.string()));
}

Result<void> run(const Options& options) {
  TAIRITSU_TRY(const std::string wit, read_wit(options.source));
  if (options.output) return write_file(*options.output, std::as_bytes(std::span(wit)));
  return write_stdout(wit);
}

}  // namespace

void add_wit(CLI::App& app) {
  auto* command = app.add_subcommand("wit", "Print the WIT of a component");
  command->footer(
      "A component's is the world that it has, with the interfaces that it uses. Of a core module it is "
      "what\n"
      "guest bindings put there; WIT itself is printed with the packages that it uses.\n\n"
      "Example:\n  tairitsu wit greeter.wasm\n"
      "  tairitsu wit greeter.wasm -o greeter.wit");
  auto options = std::make_shared<Options>();
  command
      ->add_option("FILE", options->source.path,
                   "A component or core module, binary or text (.wat); or a .wit file or a folder of them")
      ->required();
  command->add_option("-o,--output", options->output, "The file to write, instead of standard output")
      ->type_name("FILE");
  command
      ->add_option("--features", options->source.features,
                   "Of WIT, take in these @unstable items: NAME,NAME or '*' for all")
      ->type_name("NAMES");
  command->callback([options] {
    if (const auto done = run(*options); !done) end_with(done.error());
  });
}

}  // namespace tairitsu::cli
