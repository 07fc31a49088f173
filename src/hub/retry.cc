#include "hub/retry.h"

#include <algorithm>
#include <charconv>

namespace crossload::hub {

bool is_passing(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

std::optional<std::chrono::seconds> parse_retry_after(const std::string& value, std::time_t now) {
  long seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc() && end == value.data() + value.size() && seconds >= 0) return std::chrono::seconds(seconds);
  std::tm date{};
  const char* const rest = ::strptime(value.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  return std::chrono::seconds(std::max<std::time_t>(::timegm(&date) - now, 0));
}

std::chrono::milliseconds pause_after(int failures, std::chrono::milliseconds first,
                                      std::optional<std::chrono::seconds> asked, double share) {
  if (asked) return *asked;
  constexpr std::chrono::milliseconds kLongest{8000};
  constexpr int kMostDoublings = 20;
  const auto doubled = first * (1LL << std::clamp(failures - 1, 0, kMostDoublings));
  const auto pause = std::min<std::chrono::milliseconds>(doubled, kLongest);
  return pause - std::chrono::milliseconds(static_cast<long long>(static_cast<double>(pause.count()) * share / 2));
}

}  // namespace crossload::hub
