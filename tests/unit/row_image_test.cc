// Key images that outlast a layout.
#include "batch/row_image.h"

#include "support/catch.h"

namespace tidemark {
namespace {

Layout layout_of(TypeKind a, TypeKind b) {
  Layout layout;
  layout.columns = {{"v", pg_type(TypeKind::text), Wire::text, false},
                    {"a", pg_type(a), pg_type(a).wire(), true},
                    {"b", pg_type(b), pg_type(b).wire(), true}};
  layout.key = {1, 2};
  return layout;
}

template <typename Bits>
std::string integer(Bits value) {
  std::string out(4 + sizeof(Bits), '\0');
  store_big(out.data(), static_cast<std::uint32_t>(sizeof(Bits)));
  store_big(out.data() + 4, value);
  return out;
}

std::string text(const std::string& value) {
  std::string out(4, '\0');
  store_big(out.data(), static_cast<std::uint32_t>(value.size()));
  return out + value;
}

}  // namespace

TEST_CASE("a key's lasting form is the same under every width of its integers", "[batch]") {
  const Layout narrow = layout_of(TypeKind::int2, TypeKind::text);
  const Layout middle = layout_of(TypeKind::int4, TypeKind::text);
  const Layout wide = layout_of(TypeKind::int8, TypeKind::text);
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{-32768}, std::int64_t{32767}}) {
    INFO(value);
    const std::string b = text("four");  // of four bytes, and no integer
    const std::string of2 = integer(static_cast<std::uint16_t>(value)) + b;
    const std::string of4 = integer(static_cast<std::uint32_t>(value)) + b;
    const std::string of8 = integer(static_cast<std::uint64_t>(value)) + b;
    CHECK(lasting_key(narrow, of2) == of8);
    CHECK(lasting_key(middle, of4) == of8);
    CHECK(lasting_key(wide, of8) == of8);
    CHECK(lasting_key(middle, of8) == of8);  // is that form already
    CHECK(key_of_lasting(narrow, of8) == of2);
    CHECK(key_of_lasting(middle, of8) == of4);
    CHECK(key_of_lasting(wide, of8) == of8);
  }
  // What no key of the narrow layout equals.
  const std::string far = integer(std::uint64_t{1} << 40U) + text("x");
  CHECK(key_of_lasting(middle, far) == far);
  CHECK(key_of_lasting(wide, far) == far);
  CHECK(lasting_key(layout_of(TypeKind::uuid, TypeKind::numeric), text("\1\2")) == text("\1\2"));
  CHECK(lasting_key(narrow, "").empty());
}

}  // namespace tidemark
