// What many tests need: bytes, files, tensors and errors.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crossload/error.h"
#include "temporary_folder.h"
#include "tensor/tensor_view.h"

namespace crossload {

/// Success when the action throws an Error of the kind whose sentence holds the text.
inline testing::AssertionResult throws_error(const std::function<void()>& action, ErrorKind kind,
                                             const std::string& text) {
  try {
    action();
  } catch (const Error& error) {
    const std::string what = error.what();
    if (error.kind() == kind && what.find(text) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "kind " << static_cast<int>(error.kind()) << ": " << what
                                       << "\n  wanted kind " << static_cast<int>(kind) << " and \"" << text << "\"";
  } catch (const std::exception& error) {
    return testing::AssertionFailure() << "another exception: " << error.what();
  }
  return testing::AssertionFailure() << "no error; wanted kind " << static_cast<int>(kind) << " and \"" << text << "\"";
}

#define EXPECT_ERROR(statement, kind, text) EXPECT_TRUE(::crossload::throws_error([&] { statement; }, kind, text))

/// The bytes of numbers as memory holds them.
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// A view that owns a copy of the bytes, which begin at an odd address.
inline TensorView view_of(DType dtype, const Shape& shape, const std::string& bytes) {
  const auto copy = std::make_shared<std::string>("-" + bytes);
  return {dtype, shape, std::as_bytes(std::span(*copy).subspan(1)), copy};
}

inline TensorView view_of(const Shape& shape, const std::vector<float>& values) {
  return view_of(DType::kF32, shape, bytes_of(values));
}

/// The elements of an F32 view.
inline std::vector<float> floats_of(const TensorView& view) {
  std::vector<float> values(view.bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), view.bytes.data(), values.size() * sizeof(float));
  return values;
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A safetensors file: the header's length, the header as it is given, the data.
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  return bytes_of(std::vector<std::uint64_t>{header.size()}) + header + data;
}

}  // namespace crossload
