#include "export/h5_library.h"

#include <hdf5.h>

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>

namespace crossload::exporting {
namespace {

static_assert(std::is_same_v<hid_t, H5Id>, "the width of hid_t since HDF5 1.10");

/// H5Ewalk2 calls it from the deepest error upwards.
herr_t keep_deepest(unsigned depth, const H5E_error2_t* error, void* text) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

H5Handle text_type(std::size_t size) {
  H5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  if (H5Tset_size(type.get(), size) < 0) return {-1, H5Tclose};
  return type;
}

bool write_attribute(H5Id object, const std::string& name, const H5Handle& type, const H5Handle& space,
                     const void* data) {
  const H5Handle attribute(H5Acreate2(object, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose);
  return attribute.ok() && (data == nullptr || H5Awrite(attribute.get(), type.get(), data) >= 0);
}

H5Handle line_space(hsize_t size) { return {H5Screate_simple(1, &size, nullptr), H5Sclose}; }

/// Part `part` of `parts` parts of a list, as numpy.array_split cuts: the first ones are longer by one.
std::span<const std::string> part_of(const std::vector<std::string>& names, std::size_t part, std::size_t parts) {
  const std::size_t size = names.size() / parts;
  const std::size_t longer = names.size() % parts;
  const std::size_t begin = part * size + std::min(part, longer);
  return std::span(names).subspan(begin, size + (part < longer ? 1 : 0));
}

bool write_variable_length(H5Id object, const std::string& attribute, const std::vector<std::string>& names) {
  std::vector<const char*> pointers;
  for (const std::string& name : names) pointers.push_back(name.c_str());
  return write_attribute(object, attribute, text_type(H5T_VARIABLE), line_space(names.size()), pointers.data());
}

bool write_fixed_length(H5Id object, const std::string& attribute, std::span<const std::string> names,
                        std::size_t length) {
  std::string padded;
  for (const std::string& name : names) padded += name + std::string(length - name.size(), '\0');
  const H5Handle type = text_type(length);
  if (!type.ok() || H5Tset_strpad(type.get(), H5T_STR_NULLPAD) < 0) return false;
  return write_attribute(object, attribute, type, line_space(names.size()), padded.data());
}

}  // namespace

H5Handle::~H5Handle() { close(); }

int H5Handle::close() {
  const H5Id id = std::exchange(id_, -1);
  return id >= 0 ? close_(id) : 0;
}

void silence_h5_errors() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string h5_reason() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_deepest, &text);
  // "file write failed: time = ..., errno = 28, error message = 'No space left on device', buf = ..."
  constexpr std::string_view kMessage = "error message = '";
  const std::size_t begin = text.find(kMessage);
  if (begin == std::string::npos) return text.empty() ? "the HDF5 library gives no reason" : text;
  const std::size_t end = text.find('\'', begin + kMessage.size());
  return text.substr(begin + kMessage.size(), end - begin - kMessage.size());
}

void for_each_h5_block(const Shape& shape, std::int64_t first, std::int64_t count,
                       const std::function<void(const Shape& start, const Shape& size)>& block) {
  while (count > 0) {
    // The outermost dimension of which a whole index begins here and fits.
    std::size_t dimension = 0;
    std::int64_t inner = element_count(Shape(shape.begin() + 1, shape.end()));
    while (first % inner != 0 || count < inner) {
      ++dimension;
      inner /= shape[dimension];
    }
    Shape start(shape.size());
    Shape size(shape.size(), 1);
    std::int64_t rest = first;
    for (std::size_t i = shape.size(); i-- > 0;) {
      start[i] = rest % shape[i];
      rest /= shape[i];
      if (i > dimension) size[i] = shape[i];
    }
    size[dimension] = std::min(count / inner, shape[dimension] - start[dimension]);
    block(start, size);
    first += size[dimension] * inner;
    count -= size[dimension] * inner;
  }
}

bool write_h5_names(H5Id object, const std::string& attribute, const std::vector<std::string>& names) {
  if (names.empty())
    return write_attribute(object, attribute, {H5Tcopy(H5T_IEEE_F64LE), H5Tclose}, line_space(0), nullptr);
  std::size_t longest = 0;
  for (const std::string& name : names) longest = std::max(longest, name.size());
  if (longest > kMaxH5Attribute) {
    throw Error(ErrorKind::kBadInput,
                "a name of " + std::to_string(longest) + " bytes does not fit an attribute of HDF5");
  }
  // Short names: a string of variable length takes 16 bytes in the attribute itself.
  const std::size_t each = std::max<std::size_t>(longest, 16);
  if (names.size() * each <= kMaxH5Attribute) return write_variable_length(object, attribute, names);
  std::size_t parts = 1;
  while ((names.size() + parts - 1) / parts * each > kMaxH5Attribute) ++parts;
  for (std::size_t part = 0; part < parts; ++part) {
    if (!write_fixed_length(object, attribute + std::to_string(part), part_of(names, part, parts), longest))
      return false;
  }
  return true;
}

bool write_h5_text(H5Id object, const std::string& attribute, const std::string& text) {
  const char* pointer = text.c_str();
  return write_attribute(object, attribute, text_type(H5T_VARIABLE), {H5Screate(H5S_SCALAR), H5Sclose}, &pointer);
}

}  // namespace crossload::exporting
