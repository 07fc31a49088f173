// The scope of a model class in the names of its variables.
#pragma once

#include <string>
#include <string_view>

namespace crossload::exporting {

/// The name that Keras gives a model of the class: "TFBertForMaskedLM" -> "tf_bert_for_masked_lm".
/// Source: to_snake_case in tf_keras 2.21, utils/generic_utils.py.
std::string class_scope(std::string_view class_name);

}  // namespace crossload::exporting
