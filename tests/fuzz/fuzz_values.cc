// Any JSON value, of any source's type, into a column of any type: encoded well or refused.
// Input: two bytes for the source's type, one for the column's, then the value's text.
#include <cstdint>
#include <string_view>

#include "decode/value.h"
#include "fuzz/well_formed.h"
#include "support/all_types.h"

namespace {

using namespace tidemark;

void check(const SourceType& source, const PgType& target, const JsonValue& value) {
  std::string reason;
  const auto plan = plan_value(source, target, {}, reason);
  if (!plan) return reason.empty() ? fuzz::die("no plan, and no reason") : void();
  Bytes out;
  out.append("before");
  EncodeFailure why;
  const EncodeStatus status = encode_value(*plan, value, out, why);
  const std::string_view element = out.view().substr(6);
  if (status == EncodeStatus::ok || status == EncodeStatus::unavailable) {
    const LayoutColumn column{"c", target, plan->wire, false};
    fuzz::require_image(element, {&column}, source.name);
    const auto length = static_cast<std::int32_t>(load_big<std::uint32_t>(element.data()));
    if ((length == kElementUnavailable) != (status == EncodeStatus::unavailable)) {
      fuzz::die("status and element differ");
    }
    return;
  }
  if (!element.empty()) fuzz::die("a failure leaves something behind");
  if (why.reason.empty()) fuzz::die("a failure without a reason");
  if (status == EncodeStatus::too_wide && !widened(target, why.wider)) {
    fuzz::die("wider, but not for the column");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<SourceType> kSources = test::all_sources();
  static const std::vector<PgType> kTargets = test::all_targets();
  if (size < 3) return 0;
  const std::size_t source = (data[0] * 256U + data[1]) % kSources.size();
  const std::size_t target = data[2] % kTargets.size();
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  JsonReader reader(text, 512);
  JsonValue value;
  if (!reader.value(value) || !reader.at_end()) return 0;
  check(kSources[source], kTargets[target], value);
  return 0;
}
