// Where a module of ours stands in the sources, for those who are told that it is wrong.
#pragma once

#include <source_location>
#include <string>
#include <typeinfo>

namespace crossload::keras {

/// A module, its class and a line of the constructor of that.
struct Place {
  std::string path;        // the module's, in PyTorch; empty for the model itself
  std::string class_name;  // "TFBertSelfAttention"
  std::string file;        // "src/models/modeling_tf_bert.cc", below the repository
  int line = 0;

  /// "src/models/modeling_tf_bert.cc:77"
  std::string source() const { return file + ":" + std::to_string(line); }
};

/// `type` is the module's class, `where` what std::source_location::current() is in its constructor.
Place place_of(const std::string& path, const std::type_info& type, const std::source_location& where);

}  // namespace crossload::keras
