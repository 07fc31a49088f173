// What many tests need: bytes, files, tensors and errors.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crossload/error.h"
#include "tensor/tensor_view.h"
#include "test_files.h"

namespace crossload {

/// "3 what the error says": the kind's number and the whole text of the Error that the action throws; for what cannot
/// be said with EXPECT_ERROR.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.kind())) + " " + error.what();
  } catch (const std::exception& error) {
    return std::string("another exception: ") + error.what();
  }
  return "no error";
}

/// Success when the action throws an Error of the kind whose sentence holds the text.
inline testing::AssertionResult throws_error(const std::function<void()>& action, ErrorKind kind,
                                             const std::string& text) {
  const std::string said = error_of(action);
  const std::string wanted = std::to_string(static_cast<int>(kind)) + " ";
  if (said.starts_with(wanted) && said.find(text, wanted.size()) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << said << "\n  wanted " << wanted << "and \"" << text << "\"";
}

#define EXPECT_ERROR(statement, kind, text) EXPECT_TRUE(::crossload::throws_error([&] { statement; }, kind, text))

/// The bytes of numbers as memory holds them.
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// A view that owns a copy of the bytes, which begin at an odd address.
inline tensor::TensorView view_of(DType dtype, const Shape& shape, const std::string& bytes) {
  const auto copy = std::make_shared<std::string>("-" + bytes);
  return {dtype, shape, std::as_bytes(std::span(*copy).subspan(1)), copy};
}

inline tensor::TensorView view_of(const Shape& shape, const std::vector<float>& values) {
  return view_of(DType::kF32, shape, bytes_of(values));
}

/// The elements of an F32 view.
inline std::vector<float> floats_of(const tensor::TensorView& view) {
  std::vector<float> values(view.bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), view.bytes.data(), values.size() * sizeof(float));
  return values;
}

/// A safetensors file: the header's length, the header as it is given, the data.
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  return bytes_of(std::vector<std::uint64_t>{header.size()}) + header + data;
}

}  // namespace crossload
