#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <utility>

#include "documents_cpp.h"

namespace exports::example::documents::editor {

namespace {
uint32_t count = 0;
}

Document::Document(wit::string title) : text_("# " + title.to_string() + "\n") { ++count; }
Document::~Document() { --count; }

void Document::Append(wit::string line) { text_ += line.to_string() + "\n"; }

wit::string Document::Text() { return wit::string::from_view(text_); }

std::expected<uint32_t, wit::string> Document::Save(wit::string name) {
  File::Remove(name.get_view());
  return WriteTo(File(name.get_view()));
}

// The file is an object in the host. Its handle is dropped when this function returns.
std::expected<uint32_t, wit::string> Document::WriteTo(File file) { return file.Write(text_); }

Document::Owned Document::Merge(std::reference_wrapper<const Document> a,
                                std::reference_wrapper<const Document> b) {
  Owned merged = New(wit::string::from_view("Both"));
  merged->text_ += a.get().text_ + b.get().text_;
  return merged;
}

uint32_t Count() { return count; }

}  // namespace exports::example::documents::editor
