// Sizes as Transformers writes them.
#pragma once

#include <cstdint>
#include <string_view>

namespace crossload {

/// "10GB", "500MB", "200KiB" or bytes: powers of 1000 for KB, MB and GB, of 1024 for KiB, MiB and GiB. A small final
/// "b" means bits, as in Transformers. Throws Error(kUsage).
std::int64_t parse_shard_size(std::string_view text);

}  // namespace crossload
