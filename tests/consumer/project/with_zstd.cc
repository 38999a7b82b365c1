// Tests that the program's own libzstd works next to the version inside Tairitsu, whose cache compresses with it.
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>

#include <tairitsu/tairitsu.h>
#include <zstd.h>

tairitsu::Result<void> fill_cache(const char* file, const std::filesystem::path& directory) {
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create({.cache_directory = directory}));
  for (int round = 0; round < 2; ++round) {
    TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  }
  return {};
}

int main(int, char** argv) {
  if (ZSTD_versionNumber() != ZSTD_VERSION_NUMBER) {
    std::cerr << "zstd.h has version " << ZSTD_VERSION_STRING << ", the linked library "
              << ZSTD_versionString() << '\n';
    return 1;
  }
  if (const auto filled = fill_cache(argv[1], argv[2]); !filled) {
    std::cerr << filled.error().message() << '\n';
    return 1;
  }
  const std::string text(100'000, 'x');
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3);
  std::string unpacked(text.size(), '\0');
  if (ZSTD_isError(size) ||
      ZSTD_decompress(unpacked.data(), unpacked.size(), packed.data(), size) != text.size() ||
      unpacked != text) {
    std::cerr << "the program's own zstd does not work\n";
    return 1;
  }
  std::cout << "zstd " << ZSTD_versionString() << ": " << text.size() << " bytes became " << size << '\n';
}
