#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "commands/command.h"
#include "tairitsu/guest_tools.h"

namespace tairitsu::cli {
namespace {

struct Options {
  GuestBindingsOptions bindings;
  std::filesystem::path folder = ".";
};

Result<void> generate(const Options& options) {
  TAIRITSU_TRY(const auto files, generate_guest_bindings(options.bindings));
  std::error_code failed;
  std::filesystem::create_directories(options.folder, failed);
  if (failed) return fail(ErrorCode::io, options.folder.string() + ": " + failed.message());
  for (const auto& file : files) TAIRITSU_CHECK(write_file(options.folder / file.name, file.contents));
  return {};
}

void add_language(CLI::App& guest, const std::string& name, const std::string& description,
                  GuestLanguage language, const std::string& example) {
  auto* command = guest.add_subcommand(name, description);
  command->footer("Example:\n  " + example);
  auto options = std::make_shared<Options>();
  options->bindings.language = language;
  command->add_option("WIT", options->bindings.wit, "A .wit file, or a folder with deps/")->required();
  command->add_option("-w,--world", options->bindings.world, "The world; needed where there are several");
  command->add_option("-o,--output", options->folder, "The folder to write to; made where missing")
      ->type_name("DIR")
      ->capture_default_str();
  command->callback([options] {
    if (const auto done = generate(*options); !done) end_with(done.error());
  });
}

}  // namespace

void add_bindgen(CLI::App& app) {
  auto* bindgen = app.add_subcommand("bindgen", "Generate bindings from WIT");
  bindgen->require_subcommand(1);
  bindgen->footer("Example:\n  tairitsu bindgen guest cpp greeter.wit -o generated");
  auto* guest = bindgen->add_subcommand("guest", "Bindings for a component written in C or C++");
  guest->require_subcommand(1);
  guest->footer("Example:\n  tairitsu bindgen guest cpp greeter.wit -o generated");
  add_language(*guest, "c", "Guest bindings for C", GuestLanguage::c,
               "tairitsu bindgen guest c shop.wit --world shop -o generated");
  add_language(*guest, "cpp", "Guest bindings for C++", GuestLanguage::cpp,
               "tairitsu bindgen guest cpp greeter.wit -o generated");
}

}  // namespace tairitsu::cli
