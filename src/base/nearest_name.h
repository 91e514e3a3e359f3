// "Did you mean …?": the known name that a mistyped one is probably meant to be. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark {

// Empty where no known name is near: more than a third of the letters would have to change.
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

// The same as a sentence: "did you mean <nearest>?", or empty.
std::string nearest_hint(std::string_view name, const std::vector<std::string>& known);

}  // namespace tidemark
