// How dead letters are shown: as text, and as JSON. `show` prints a record's bytes, which hold row
// values: it was asked for them; `list` never does. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/output.h"
#include "pipeline/letter_replay.h"
#include "target/letter_store.h"

namespace tidemark {

// `total`: how many there are, with those that are not listed.
std::string letters_summary(const std::vector<LetterHead>& letters, std::uint64_t total,
                            bool replayed);
std::string letters_text(const std::vector<LetterHead>& letters, std::uint64_t total,
                         const LetterSelection& selection, const Style& style);
std::string letters_json(const std::vector<LetterHead>& letters, std::uint64_t total);

std::string letter_text(const Letter& letter, const Style& style);
std::string letter_json(const Letter& letter);

// "3 replayed · 3 applied · 0 dead-lettered again"
std::string replay_summary(const ReplaySummary& summary, const Style& style);
std::string replay_json(const ReplaySummary& summary);

}  // namespace tidemark
