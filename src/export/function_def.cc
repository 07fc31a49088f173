#include "export/function_def.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace crossload::exporting {
namespace {

// Numbers of fields, from
// tensorflow/core/framework/{function,op_def,resource_handle,attr_value,tensor,tensor_shape}.proto.
constexpr protozero::pbf_tag_type kFunctionSignature = 1;
constexpr protozero::pbf_tag_type kOpDefInputArg = 2;
constexpr protozero::pbf_tag_type kArgDefHandleData = 7;
constexpr protozero::pbf_tag_type kDtypeAndShapeDtype = 1;
constexpr protozero::pbf_tag_type kDtypeAndShapeShape = 2;
constexpr protozero::pbf_tag_type kShapeDim = 2;
constexpr protozero::pbf_tag_type kShapeUnknownRank = 3;
constexpr protozero::pbf_tag_type kDimSize = 1;

/// Copies the field that the reader stands on. Its tag is asked for first: getting the value moves the reader on.
void copy_field(protozero::pbf_reader* reader, protozero::pbf_writer* writer) {
  const protozero::pbf_tag_type tag = reader->tag();
  switch (reader->wire_type()) {
    case protozero::pbf_wire_type::varint:
      writer->add_uint64(tag, reader->get_uint64());
      break;
    case protozero::pbf_wire_type::fixed64:
      writer->add_fixed64(tag, reader->get_fixed64());
      break;
    case protozero::pbf_wire_type::fixed32:
      writer->add_fixed32(tag, reader->get_fixed32());
      break;
    default:
      writer->add_bytes(tag, reader->get_view());
      break;
  }
}

std::string argument_with_data(protozero::data_view argument, const TensorSpec& variable) {
  std::string result(argument.data(), argument.size());
  protozero::pbf_writer writer(result);  // appends
  protozero::pbf_writer handle(writer, kArgDefHandleData);
  handle.add_enum(kDtypeAndShapeDtype, static_cast<int>(variable.dtype));
  handle.add_message(kDtypeAndShapeShape, shape_proto(variable.shape));
  return result;
}

std::string signature_with_data(protozero::data_view signature, std::size_t inputs,
                                const std::vector<TensorSpec>& variables) {
  std::string result;
  protozero::pbf_writer writer(result);
  protozero::pbf_reader reader(signature);
  std::size_t argument = 0;
  while (reader.next()) {
    if (reader.tag() != kOpDefInputArg) {
      copy_field(&reader, &writer);
      continue;
    }
    const protozero::data_view bytes = reader.get_view();
    const std::size_t index = argument++;
    if (index < inputs) {
      writer.add_message(kOpDefInputArg, bytes);
    } else {
      writer.add_message(kOpDefInputArg, argument_with_data(bytes, variables.at(index - inputs)));
    }
  }
  return result;
}

}  // namespace

std::string with_handle_data(const std::string& function_def, std::size_t inputs,
                             const std::vector<TensorSpec>& variables) {
  std::string result;
  protozero::pbf_writer writer(result);
  protozero::pbf_reader reader(function_def);
  while (reader.next()) {
    if (reader.tag() == kFunctionSignature) {
      writer.add_message(kFunctionSignature, signature_with_data(reader.get_view(), inputs, variables));
    } else {
      copy_field(&reader, &writer);
    }
  }
  return result;
}

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

}  // namespace crossload::exporting
