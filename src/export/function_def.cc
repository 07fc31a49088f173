#include "export/function_def.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "tf/shape_proto.h"

namespace crossload::exporting {
namespace {

// Numbers of fields, from
// tensorflow/core/framework/{function,op_def,resource_handle}.proto.
constexpr protozero::pbf_tag_type kFunctionSignature = 1;
constexpr protozero::pbf_tag_type kOpDefInputArg = 2;
constexpr protozero::pbf_tag_type kArgDefHandleData = 7;
constexpr protozero::pbf_tag_type kDtypeAndShapeDtype = 1;
constexpr protozero::pbf_tag_type kDtypeAndShapeShape = 2;

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
  handle.add_message(kDtypeAndShapeShape, tf::shape_proto(variable.shape));
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

}  // namespace crossload::exporting
