// Based on the template that `tairitsu bindgen guest cpp` writes.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <utility>

#include "wit.h"

namespace example::documents::storage {
class File;
}

namespace exports::example::documents::editor {

class Document : public wit::ResourceExportBase<Document> {
 public:
  explicit Document(wit::string title);
  ~Document();

  void Append(wit::string line);
  wit::string Text();
  std::expected<uint32_t, wit::string> Save(wit::string name);
  std::expected<uint32_t, wit::string> WriteTo(::example::documents::storage::File file);
  static Owned Merge(std::reference_wrapper<const Document> a, std::reference_wrapper<const Document> b);

  // Required by the generated code.
  static Owned New(wit::string title) { return Owned(new Document(std::move(title))); }
  static void Dtor(Document* self) { delete self; }
  static int32_t ResourceNew(Document* self);
  static Document* ResourceRep(int32_t id);
  static void ResourceDrop(int32_t id);

 private:
  std::string text_;
};

}  // namespace exports::example::documents::editor
