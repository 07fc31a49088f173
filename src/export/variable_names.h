// Names of TensorFlow variables in weight files.
//
//   variable    bert/pooler/dense/kernel                  as layers declare it, and as StoredWeights lists it
//   full name   tf_bert_model/bert/pooler/dense/kernel:0  in tf_model.h5, and in the indexes of shards
//   key         bert/pooler/dense/kernel:0                in model.safetensors, and in the shards of tf_model.h5
//
// A declared name that begins with "/" lies outside the scope of the model's class: "/shared/shared/embeddings" has the
// full name "shared/shared/embeddings:0". Every name is stored without the first level of its full name, whichever it
// is.
//
// Source: save_pretrained and strip_model_name_and_prefix in transformers 4.57, modeling_tf_utils.py.
#pragma once

#include <string>
#include <string_view>

namespace crossload::exporting {

/// The full name of a declared variable in the scope of a class, such as "tf_bert_model".
std::string full_name(std::string_view scope, std::string_view variable);

/// The key of a full name. The first level is dropped, but kept (as Transformers does) when the name has no other level
/// or holds the letters "model.".
std::string key_of_full_name(std::string_view full);

/// The name that StoredWeights uses, from a full name (":0" may be absent) or from a key.
std::string stored_name_of_full_name(std::string_view full);
std::string stored_name_of_key(std::string_view key);

}  // namespace crossload::exporting
