#include "commands/command.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace tairitsu::cli {
namespace {

std::string last_system_error() { return std::generic_category().message(errno); }

}  // namespace

void print_error(const Error& error) {
  std::fputs(("tairitsu: " + error.message() + "\n").c_str(), stderr);
  if (!error.backtrace().empty()) std::fputs((error.backtrace() + "\n").c_str(), stderr);
}

void print_warning(const std::string& message) {
  std::fputs(("tairitsu: warning: " + message + "\n").c_str(), stderr);
}

void end_with(const Error& error) {
  print_error(error);
  throw CLI::RuntimeError(kOurError);
}

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return fail(ErrorCode::io, path.string() + ": is a folder");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::io, path.string() + ": " + last_system_error());
  const std::vector<char> text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return fail(ErrorCode::io, path.string() + ": " + last_system_error());
  const auto bytes = std::as_bytes(std::span(text));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

Result<void> write_file(const std::filesystem::path& path, std::span<const std::byte> contents) {
  if (const auto old = read_file(path); old && std::ranges::equal(*old, contents)) return {};
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(contents.data()), static_cast<std::streamsize>(contents.size()));
  file.close();
  if (!file) return fail(ErrorCode::io, path.string() + ": " + last_system_error());
  return {};
}

void add_world_options(CLI::App& command, WitSource& wit) {
  command.add_option("-w,--world", wit.world, "The world; needed where there are several")->type_name("NAME");
  command.add_option("--features", wit.features, "Take in these @unstable items: NAME,NAME or '*' for all")
      ->type_name("NAMES");
}

}  // namespace tairitsu::cli
