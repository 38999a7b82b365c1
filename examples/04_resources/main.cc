// Resources: objects on one side, which the other side uses through handles.
#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "documents.h"

using example::documents::Documents;
namespace storage = example::documents::storage;

using Disk = std::map<std::string, std::string>;

// The host's resource. The object is destroyed when the guest drops its handle.
class File : public storage::File {
 public:
  File(Disk& disk, std::string_view name) : disk_(disk), name_(name) {
    fmt::print("  file {}: opened\n", name_);
  }
  ~File() override { fmt::print("  file {}: closed with {} bytes\n", name_, disk_[name_].size()); }

  tairitsu::Result<std::expected<std::uint32_t, std::string>> write(std::string_view text) override {
    std::string& content = disk_[name_];
    if (content.size() + text.size() > 32) return tairitsu::guest_error(name_ + " would be too large");
    content += text;
    return static_cast<std::uint32_t>(text.size());
  }

 private:
  Disk& disk_;
  std::string name_;
};

// The constructor and the static function of the resource.
class Storage : public storage::Host {
 public:
  tairitsu::Result<std::unique_ptr<storage::File>> file(std::string_view name) override {
    return std::make_unique<File>(disk, name);
  }
  tairitsu::Result<bool> file_remove(std::string_view name) override {
    return disk.erase(std::string(name)) > 0;
  }

  Disk disk;
};

tairitsu::Result<void> print_count(example::documents::editor::Guest& editor) {
  TAIRITSU_TRY(auto count, editor.count());
  fmt::print("  the guest has {} document(s)\n", count);
  return {};
}

tairitsu::Result<void> run(const char* file) {
  Storage storage;
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create());
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  TAIRITSU_TRY(auto container, tairitsu::Container::builder(image).with_bindings<Documents>(storage).build());
  auto& editor = container.guest<Documents>()->editor();

  fmt::print("A resource in the guest, with a constructor and methods:\n");
  TAIRITSU_TRY(auto shopping, editor.document("Shopping"));
  TAIRITSU_RETURN_IF_ERROR(shopping.append("bread"));
  TAIRITSU_TRY(auto text, shopping.text());
  fmt::print("{}", text);

  fmt::print("It exists as long as its handle in the host:\n");
  {
    TAIRITSU_TRY(auto scratch, editor.document("Scratch"));
    TAIRITSU_RETURN_IF_ERROR(print_count(editor));
  }
  TAIRITSU_RETURN_IF_ERROR(print_count(editor));

  fmt::print("A resource in the host, created and dropped by the guest:\n");
  TAIRITSU_TRY(auto saved, shopping.save("list.txt"));
  fmt::print("  saved {} bytes; the guest holds {} file(s)\n", *saved, container.resources()->size());

  fmt::print("A resource in the host, created by the host and passed to the guest:\n");
  for (int i = 0; i < 2; ++i) {
    TAIRITSU_TRY(auto written, shopping.write_to(std::make_unique<File>(storage.disk, "notes.txt")));
    fmt::print("  {}\n", written ? fmt::format("wrote {} bytes", *written) : written.error());
    TAIRITSU_RETURN_IF_ERROR(shopping.append("milk"));
  }

  fmt::print("A static function that borrows two documents and returns a new one:\n");
  TAIRITSU_TRY(auto plans, editor.document("Plans"));
  TAIRITSU_TRY(auto both, editor.document_merge(shopping, plans));
  TAIRITSU_TRY(auto merged, both.text());
  fmt::print("{}", merged);

  fmt::print("Dropped explicitly, to get the result of the destructor:\n");
  TAIRITSU_RETURN_IF_ERROR(print_count(editor));
  TAIRITSU_RETURN_IF_ERROR(both.drop());
  TAIRITSU_RETURN_IF_ERROR(print_count(editor));
  if (auto gone = both.text(); !gone) fmt::print("  {}\n", gone.error().message());
  return {};
}

int main(int argc, char** argv) {
  if (auto result = run(argc > 1 ? argv[1] : GUEST_COMPONENT); !result) {
    fmt::print(stderr, "04_resources: {}\n", result.error().message());
    return 1;
  }
}
