#include "batch/source_order.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "batch/source_position.h"

namespace tidemark {

namespace {

struct Place {
  SourcePosition position;
  std::int64_t time_us = 0;
  std::size_t arrival = 0;
};

std::optional<SourcePosition> position_of(const EventRef& ref) {
  std::string_view text = ref.source_position();
  SourcePosition position;
  if (!read_position(text, position) || !text.empty()) return std::nullopt;
  return position;
}

// A tombstone has neither time nor position, and a snapshot's commit is not known.
bool all_have_order(const std::vector<EventRef>& events) {
  return std::all_of(events.begin(), events.end(), [](const EventRef& ref) {
    return ref.event->source_position.length == 0 || position_of(ref).has_value();
  });
}

}  // namespace

std::vector<EventRef> in_source_order(std::vector<EventRef> events) {
  const bool by_position = all_have_order(events);
  std::unordered_map<std::uint32_t, Place> reached;
  std::vector<Place> places;
  places.reserve(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    Place& place = reached[events[i].event->partition];
    if (by_position) {
      const SourcePosition here = position_of(events[i]).value_or(SourcePosition{});
      if (place.position.place() < here.place()) place.position = here;
    } else {
      place.time_us = std::max(place.time_us, events[i].event->source_time_us);
    }
    place.arrival = i;
    places.push_back(place);
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tuple(a.position.place(), a.time_us) < std::tuple(b.position.place(), b.time_us);
  });
  std::vector<EventRef> out;
  out.reserve(events.size());
  for (const Place& place : places) out.push_back(events[place.arrival]);
  return out;
}

}  // namespace tidemark
