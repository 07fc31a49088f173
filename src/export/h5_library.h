// The HDF5 library: its handles and its errors, and the attributes of Keras. Inside src/export/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "crossload/dtype.h"
#include "crossload/error.h"

namespace crossload::exporting {

/// hid_t of the library.
using H5Id = std::int64_t;

/// An identifier of the library, given back at the end of the scope.
class H5Handle {
 public:
  using Close = int (*)(H5Id);
  H5Handle(H5Id id, Close closer) : id_(id), close_(closer) {}
  ~H5Handle();
  H5Handle(H5Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  H5Handle(const H5Handle&) = delete;
  H5Handle& operator=(const H5Handle&) = delete;

  H5Id get() const { return id_; }
  bool ok() const { return id_ >= 0; }
  /// Closes now; a negative number when that fails.
  int close();

 private:
  H5Id id_;
  Close close_;
};

/// Keeps the library from printing its errors. Called by everything that opens a file.
void silence_h5_errors();

/// The deepest reason on the library's stack of errors: "No space left on device", "file signature not found".
std::string h5_reason();

/// Calls `block` for rectangular blocks (first index and size in each dimension) that are, in this order, the elements
/// [first, first + count) of a row-major array. Whole rows are one block. `shape` has at least one dimension.
void for_each_h5_block(const Shape& shape, std::int64_t first, std::int64_t count,
                       const std::function<void(const Shape& start, const Shape& size)>& block);

/// Keras' limit of the bytes in one attribute (HDF5_OBJECT_HEADER_LIMIT); HDF5's own is 64 KiB with its header.
inline constexpr std::size_t kMaxH5Attribute = 64512;

/// Writes a list of names as Keras does: strings of variable length in one attribute, or, when the list padded to its
/// longest name is over the limit, strings of fixed length in the attributes name0, name1, ... An empty list is an
/// array of no float64. False when the library fails; a name over the limit is Error(kBadInput).
bool write_h5_names(H5Id object, const std::string& attribute, const std::vector<std::string>& names);

/// Writes one string of variable length. False when the library fails.
bool write_h5_text(H5Id object, const std::string& attribute, const std::string& text);

}  // namespace crossload::exporting
