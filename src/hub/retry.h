// When to try again, and how long to wait before.
#pragma once

#include <chrono>
#include <ctime>
#include <optional>
#include <string>

namespace crossload::hub {

/// True for the statuses that pass by themselves: 408, 429, 500, 502, 503, 504.
bool is_passing(int status);

/// The Retry-After header: seconds, or a date as HTTP writes it ("Tue, 24 Nov 2026 01:00:00 GMT"). Nothing when it is
/// neither; 0 for a date that has passed.
std::optional<std::chrono::seconds> parse_retry_after(const std::string& value, std::time_t now);

/// The longest pause that a server may ask for before we give up instead.
inline constexpr std::chrono::seconds kLongestWait{120};

/// The pause after `failures` (1, 2, ...) failed tries: first * 2^(failures - 1), at most 8 s, of which `share` (0 to
/// 1) of a half is taken off, so that many clients do not come back at once. What the server asked for comes first.
std::chrono::milliseconds pause_after(int failures, std::chrono::milliseconds first,
                                      std::optional<std::chrono::seconds> asked, double share);

}  // namespace crossload::hub
