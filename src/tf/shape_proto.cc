#include "tf/shape_proto.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace crossload::tf {
namespace {

// Numbers of fields, from tensorflow/core/framework/tensor_shape.proto.
constexpr protozero::pbf_tag_type kShapeDim = 2;
constexpr protozero::pbf_tag_type kShapeUnknownRank = 3;
constexpr protozero::pbf_tag_type kDimSize = 1;

}  // namespace

std::string shape_proto(const Shape& shape) {
  std::string result;
  protozero::pbf_writer writer(result);
  for (std::int64_t size : shape) {
    protozero::pbf_writer dim(writer, kShapeDim);
    dim.add_int64(kDimSize, size);
  }
  return result;
}

Shape parse_shape_proto(std::string_view bytes, bool* has_rank) {
  Shape shape;
  protozero::pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    if (reader.tag() == kShapeDim) {
      protozero::pbf_reader dimension = reader.get_message();
      std::int64_t size = 0;
      while (dimension.next()) {
        if (dimension.tag() == kDimSize) {
          size = dimension.get_int64();
        } else {
          dimension.skip();
        }
      }
      shape.push_back(size);
    } else if (reader.tag() == kShapeUnknownRank && has_rank != nullptr) {
      *has_rank = !reader.get_bool();
    } else {
      reader.skip();
    }
  }
  return shape;
}

}  // namespace crossload::tf
