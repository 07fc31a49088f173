#include "export/table_check.h"

#include <cstdint>
#include <cstring>

#include "crossload/error.h"

namespace crossload::exporting {
namespace {

constexpr std::size_t kFooterBytes = 48;
constexpr std::size_t kTrailerBytes = 5;
constexpr std::byte kSnappy{1};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorKind::kBadInput, where_ + ": not a sound TensorBundle: " + why);
  }
  bool is_empty() const { return bytes_.empty(); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint64_t>(bytes_[0]);
      bytes_ = bytes_.subspan(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail("a number of its table has no end");
  }
  std::span<const std::byte> take(std::uint64_t size) {
    if (size > bytes_.size()) fail("an entry of its table does not fit its block");
    const auto taken = bytes_.first(static_cast<std::size_t>(size));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& where_;
};

/// The content of the block whose handle comes next, without its trailer.
std::span<const std::byte> block_at(Reader* handle, std::span<const std::byte> table, const std::string& where) {
  const std::uint64_t offset = handle->varint();
  const std::uint64_t size = handle->varint();
  if (offset > table.size() || size > table.size() - offset || table.size() - offset - size < kTrailerBytes) {
    handle->fail("a block of " + std::to_string(size) + " bytes at byte " + std::to_string(offset) +
                 " does not fit its table (cut off?)");
  }
  const auto block = table.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  if (table[static_cast<std::size_t>(offset + size)] == kSnappy) {
    const std::uint64_t unfolded = Reader(block, where).varint();
    if (unfolded > kMaxTableBlock) {
      handle->fail("a compressed block unfolds into " + std::to_string(unfolded) + " bytes, the limit is " +
                   std::to_string(kMaxTableBlock));
    }
  }
  return block;
}

}  // namespace

void check_table(std::span<const std::byte> table, const std::string& where) {
  if (table.size() < kFooterBytes) return;  // LevelDB says so
  Reader footer(table.last(kFooterBytes), where);
  block_at(&footer, table, where);
  const std::span<const std::byte> index = block_at(&footer, table, where);
  const auto trailer = static_cast<std::size_t>(index.data() + index.size() - table.data());
  if (table[trailer] != std::byte{0}) footer.fail("its index is compressed, which TensorFlow does not do");
  std::uint32_t restarts = 0;
  if (index.size() < sizeof restarts) footer.fail("its index has no end");
  std::memcpy(&restarts, index.data() + index.size() - sizeof restarts, sizeof restarts);
  const std::uint64_t array = (std::uint64_t{restarts} + 1) * sizeof restarts;
  if (array > index.size()) footer.fail("its index has no entries");
  Reader entries(index.first(index.size() - static_cast<std::size_t>(array)), where);
  while (!entries.is_empty()) {
    entries.varint();  // bytes of the key that are those of the key before
    const std::uint64_t key = entries.varint();
    const std::uint64_t value = entries.varint();
    entries.take(key);
    Reader handle(entries.take(value), where);
    block_at(&handle, table, where);
  }
}

}  // namespace crossload::exporting
