// What lanes log goes into the trace: base/log.h, defined in front of the library's own.
#include <string>

#include "base/log.h"
#include "simulator/schedule.h"

namespace tidemark {

void configure_log(const std::string& /*format*/, const std::string& /*level*/,
                   const std::string& /*pipeline*/, bool /*color*/) {}

void log_event(Level /*level*/, std::string_view event, std::string_view message,
               std::initializer_list<Field> fields) {
  simulator::Schedule& schedule = simulator::Schedule::now();
  ++schedule.counts["log: " + std::string(event)];
  if (event == "position.fell_back") schedule.fail("I1: a lane finds a position that has fallen");
  if (!schedule.tracing()) return;
  std::string line = std::string(event) + " " + std::string(message);
  for (const Field& field : fields) {
    line += " " + std::string(field.name) + "=";
    if (const auto* text = std::get_if<std::string_view>(&field.value)) line += *text;
    if (const auto* number = std::get_if<std::int64_t>(&field.value))
      line += std::to_string(*number);
  }
  schedule.note(line);
}

}  // namespace tidemark
