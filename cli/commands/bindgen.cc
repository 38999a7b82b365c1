#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "bindgen/host.h"
#include "commands/command.h"
#include "tairitsu/guest_tools.h"

namespace tairitsu::cli {
namespace {

struct BindgenCommandOptions {
  GuestBindingsOptions bindings;
  std::filesystem::path directory = ".";
};

Result<void> make_directory(const std::filesystem::path& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed)
    return fail(ErrorCode::io, directory.string() + ": cannot create directory: " + failed.message());
  return {};
}

Result<void> generate(const BindgenCommandOptions& options) {
  TAIRITSU_RETURN_IF_ERROR(require_file(options.bindings.wit.path));
  TAIRITSU_TRY(const auto files, generate_guest_bindings(options.bindings));
  TAIRITSU_RETURN_IF_ERROR(make_directory(options.directory));
  for (const auto& file : files)
    TAIRITSU_RETURN_IF_ERROR(write_file(options.directory / file.name, file.contents));
  return {};
}

struct HostOptions {
  bindgen::HostOptions bindings;
  std::filesystem::path directory = ".";
  bool implement_wasi = false;
  bool force = false;
};

/// Fails if the file exists and was not generated.
Result<void> check_generated(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  TAIRITSU_TRY(const auto old, read_file(path));
  const std::string_view text(reinterpret_cast<const char*>(old.data()), old.size());
  if (old.empty() || text.starts_with(bindgen::kBanner)) return {};
  return fail(
      ErrorCode::already_exists,
      path.string() +
          ": refusing to overwrite a file that tairitsu bindgen did not generate; move it away, or pass "
          "--force");
}

Result<void> generate_host(const HostOptions& options) {
  TAIRITSU_RETURN_IF_ERROR(require_file(options.bindings.wit.path));
  bindgen::HostOptions bindings = options.bindings;
  bindings.provide_wasi = !options.implement_wasi;
  TAIRITSU_TRY(const auto generated, bindgen::generate_host_bindings(bindings));
  for (const std::string& warning : generated.warnings) print_warning(warning);
  TAIRITSU_RETURN_IF_ERROR(make_directory(options.directory));
  if (!options.force) {
    for (const auto& file : generated.files)
      TAIRITSU_RETURN_IF_ERROR(check_generated(options.directory / file.name));
  }
  for (const auto& file : generated.files) {
    TAIRITSU_RETURN_IF_ERROR(
        write_file(options.directory / file.name, std::as_bytes(std::span(file.contents))));
  }
  return {};
}

void add_wit_options(CLI::App& command, WitSource& wit) {
  command
      .add_option("WIT", wit.path,
                  "A .wit file, a directory of them with its deps/, or a directory with such a wit/")
      ->required()
      ->type_name("PATH");
  add_world_options(command, wit);
}

void add_language(CLI::App& guest, const std::string& name, const std::string& description,
                  GuestLanguage language, const std::string& example) {
  auto* command = guest.add_subcommand(name, description);
  command->footer("Examples:\n  " + example);
  auto options = std::make_shared<BindgenCommandOptions>();
  options->bindings.language = language;
  add_wit_options(*command, options->bindings.wit);
  command
      ->add_option("-o,--output", options->directory, "Write to this directory, which is created if needed")
      ->type_name("DIR")
      ->capture_default_str();
  command->callback([options] { exit_on_error(generate(*options)); });
}

void add_host(CLI::App& bindgen) {
  const std::string example =
      "Writes WORLD.h and WORLD.cc, which contain a class for the world, a class for each interface that it\n"
      "exports, and an abstract class to implement for each interface that it imports.\n\n"
      "Examples:\n  tairitsu bindgen host greeter.wit -o generated";
  auto* command = bindgen.add_subcommand("host", "Generate bindings for a C++ host");
  command->footer(example);
  auto options = std::make_shared<HostOptions>();
  add_wit_options(*command, options->bindings.wit);
  command
      ->add_option("-o,--output", options->directory, "Write to this directory, which is created if needed")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_flag("--header-only", options->bindings.header_only,
                    "Write everything to WORLD.h, and no WORLD.cc");
  command->add_flag("--implement-wasi", options->implement_wasi,
                    "Let the host implement WASI imports, instead of the runtime");
  command->add_flag("--force", options->force, "Overwrite files that were not generated");
  command->callback([options] { exit_on_error(generate_host(*options)); });
}

}  // namespace

void add_bindgen(CLI::App& app) {
  auto* bindgen = app.add_subcommand("bindgen", "Generate bindings from WIT");
  bindgen->require_subcommand(1);
  bindgen->footer(
      "Examples:\n  tairitsu bindgen host greeter.wit -o generated\n"
      "  tairitsu bindgen guest cpp greeter.wit -o generated");
  add_host(*bindgen);
  auto* guest = bindgen->add_subcommand("guest", "Generate bindings for a component written in C or C++");
  guest->require_subcommand(1);
  guest->footer("Examples:\n  tairitsu bindgen guest cpp greeter.wit -o generated");
  add_language(*guest, "c", "Generate bindings for a guest in C", GuestLanguage::c,
               "tairitsu bindgen guest c shop.wit --world shop -o generated");
  add_language(*guest, "cpp", "Generate bindings for a guest in C++", GuestLanguage::cpp,
               "tairitsu bindgen guest cpp greeter.wit -o generated");
}

}  // namespace tairitsu::cli
