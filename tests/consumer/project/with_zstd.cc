// The program's own libzstd and the one inside Tairitsu (its cache compresses with it) are two versions.
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>

#include <tairitsu/tairitsu.h>
#include <zstd.h>

tairitsu::Result<void> fill_cache(const char* file, const std::filesystem::path& folder) {
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create({.cache_folder = folder}));
  for (int round = 0; round < 2; ++round) {
    TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  }
  return {};
}

int main(int, char** argv) {
  if (ZSTD_versionNumber() != ZSTD_VERSION_NUMBER) {
    std::cerr << "zstd.h is of " << ZSTD_VERSION_STRING << ", the linked one is " << ZSTD_versionString()
              << '\n';
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
