// What a node of a program gives while it is lowered.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "lowering/forms.h"

namespace crossload::lowering {

/// Nothing, a tensor, a size, a number or truth that is known now, or several of these.
class Value {
 public:
  using List = std::vector<Value>;

  Value() = default;
  Value(const tf::Tensor& tensor) : value_(Forms::plain(tensor)) {}
  Value(std::shared_ptr<Forms> forms) : value_(std::move(forms)) {}
  Value(const tf::Dim& size) : value_(size) {}
  Value(double number) : value_(number) {}
  Value(bool truth) : value_(truth) {}
  Value(List list) : value_(std::move(list)) {}
  Value(const std::vector<tf::Tensor>& tensors) : value_(List(tensors.begin(), tensors.end())) {}

  /// Null for another kind.
  template <class T>
  const T* get() const& {
    return std::get_if<T>(&value_);
  }
  template <class T>
  const T* get() const&& = delete;  // would point into what is gone
  /// Null for what is no tensor.
  Forms* forms() const {
    const auto* forms = get<std::shared_ptr<Forms>>();
    return forms == nullptr ? nullptr : forms->get();
  }
  const std::shared_ptr<Forms>& shared_forms() const { return std::get<std::shared_ptr<Forms>>(value_); }

 private:
  std::variant<std::monostate, std::shared_ptr<Forms>, tf::Dim, double, bool, List> value_;
};

}  // namespace crossload::lowering
