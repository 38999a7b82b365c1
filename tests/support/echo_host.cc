#include "echo_host.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "types.h"

namespace tairitsu::test {
namespace {

using U32 = std::uint32_t;

std::atomic<std::size_t> echo_calls{0};

template <typename T>
Result<void> define_flat(Linker& linker, const std::string& type) {
  return linker.define("flat-" + type, [](const T& value) {
    ++echo_calls;
    return value;
  });
}

template <typename T>
Result<void> define_both(Linker& linker, const std::string& type) {
  TAIRITSU_RETURN_IF_ERROR(define_flat<T>(linker, type));
  return linker.define("echo-" + type, [](const std::vector<T>& values) {
    ++echo_calls;
    return values;
  });
}

}  // namespace

std::size_t echo_host_calls() { return echo_calls; }

Result<void> define_echo_host(Linker& linker) {
  using std::string;
  TAIRITSU_RETURN_IF_ERROR(define_both<bool>(linker, "bool"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::uint8_t>(linker, "u8"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::int8_t>(linker, "s8"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::uint16_t>(linker, "u16"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::int16_t>(linker, "s16"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::uint32_t>(linker, "u32"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::int32_t>(linker, "s32"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::uint64_t>(linker, "u64"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::int64_t>(linker, "s64"));
  TAIRITSU_RETURN_IF_ERROR(define_both<float>(linker, "f32"));
  TAIRITSU_RETURN_IF_ERROR(define_both<double>(linker, "f64"));
  TAIRITSU_RETURN_IF_ERROR(define_both<char32_t>(linker, "char"));
  TAIRITSU_RETURN_IF_ERROR(define_both<string>(linker, "string"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::vector<U32>>(linker, "list-u32"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::optional<U32>>(linker, "option-u32"));
  TAIRITSU_RETURN_IF_ERROR(define_flat<std::optional<double>>(linker, "option-f64"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::optional<string>>(linker, "option-string"));
  TAIRITSU_RETURN_IF_ERROR(define_both<std::optional<std::optional<U32>>>(linker, "option-option-u32"));
  TAIRITSU_RETURN_IF_ERROR(define_both<ResultU32String>(linker, "result-u32-string"));
  TAIRITSU_RETURN_IF_ERROR(define_flat<ResultF32U32>(linker, "result-f32-u32"));
  TAIRITSU_RETURN_IF_ERROR(define_both<ResultNoneU8>(linker, "result-none-u8"));
  TAIRITSU_RETURN_IF_ERROR(define_both<ResultNoneNone>(linker, "result-none-none"));
  TAIRITSU_RETURN_IF_ERROR(define_both<Tuple>(linker, "tuple"));
  TAIRITSU_RETURN_IF_ERROR(define_both<Colour>(linker, "enum"));
  TAIRITSU_RETURN_IF_ERROR(define_both<Flags3>(linker, "flags3"));
  TAIRITSU_RETURN_IF_ERROR(define_both<Flags9>(linker, "flags9"));
  TAIRITSU_RETURN_IF_ERROR(define_both<Flags17>(linker, "flags17"));
  TAIRITSU_RETURN_IF_ERROR(define_both<Flags32>(linker, "flags32"));
  TAIRITSU_RETURN_IF_ERROR(define_both<Mixed>(linker, "record"));
  TAIRITSU_RETURN_IF_ERROR(define_both<Choice>(linker, "variant"));

  TAIRITSU_RETURN_IF_ERROR(
      linker.define("sum16", [](U32 p0, U32 p1, U32 p2, U32 p3, U32 p4, U32 p5, U32 p6, U32 p7, U32 p8,
                                U32 p9, U32 p10, U32 p11, U32 p12, U32 p13, U32 p14, U32 p15) {
        ++echo_calls;
        std::uint64_t sum = 0;
        for (const U32 p : {p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15}) sum += p;
        return sum;
      }));
  TAIRITSU_RETURN_IF_ERROR(
      linker.define("sum17", [](U32 p0, U32 p1, U32 p2, U32 p3, U32 p4, U32 p5, U32 p6, U32 p7, U32 p8,
                                U32 p9, U32 p10, U32 p11, U32 p12, U32 p13, U32 p14, U32 p15, U32 p16) {
        ++echo_calls;
        std::uint64_t sum = 0;
        for (const U32 p : {p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16})
          sum += p;
        return sum;
      }));
  using View = std::string_view;
  return linker.define("many-strings",
                       [](View p0, View p1, View p2, View p3, View p4, View p5, View p6, View p7, View p8) {
                         ++echo_calls;
                         std::size_t sum = 0;
                         for (const View p : {p0, p1, p2, p3, p4, p5, p6, p7, p8}) sum += p.size();
                         return static_cast<U32>(sum);
                       });
}

}  // namespace tairitsu::test
