#include "checkpoint/pickle_objects.h"

#include <algorithm>
#include <array>

#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

using Value = PickleValue;

/// What else may be named. Those that can be called are in Unpickler::call; the rest are arguments.
constexpr std::array<std::string_view, 22> kGlobals = {
    "collections.OrderedDict",
    "torch.Size",
    "torch.Tensor",
    "torch.nn.parameter.Parameter",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_qtensor",
    "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_nested_tensor",
    "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._tensor._rebuild_from_type_v2",
    "torch.serialization._get_layout",
    "torch.per_tensor_affine",
    "torch.per_channel_affine",
    "torch.per_tensor_symmetric",
    "torch.per_channel_symmetric",
    "torch.per_channel_affine_float_qparams",
    "torch.storage._UntypedStorage",
    "torch._UntypedStorage",
};

bool is_allowed(std::string_view global) {
  return std::find(kGlobals.begin(), kGlobals.end(), global) != kGlobals.end() || storage_type(global) != nullptr ||
         dtype_of(global) != nullptr;
}

/// Classes of models come from these, so the file is a module and no dictionary of tensors.
bool is_of_a_module(std::string_view global) {
  return global.starts_with("torch.nn.") || global.starts_with("transformers.") || global.starts_with("__main__.") ||
         global.starts_with("peft.") || global.starts_with("sentence_transformers.") ||
         global.starts_with("torch.fx.") || global.starts_with("torch.distributed.");
}

constexpr const char* kWholeModule = "a whole module was pickled, not its tensors; in PyTorch, save model.state_dict()";

bool is_true(const Value* value) { return value->kind == PickleKind::kBool && value->integer != 0; }

}  // namespace

void PickleObjects::fail(const std::string& why) const {
  throw Error(ErrorKind::kBadInput,
              where_ + ": not a sound PyTorch pickle: at byte " + std::to_string(at_) + ": " + why);
}

void PickleObjects::charge(std::size_t items) {
  items_ += items;
  if (items_ > kMaxPickleItems) fail("its containers hold more than the limit of " + std::to_string(kMaxPickleItems));
}

PickleValue* PickleObjects::make(PickleKind kind) {
  if (pickle_.values.size() >= kMaxPickleValues) {
    fail("it has more values than the limit of " + std::to_string(kMaxPickleValues));
  }
  Value& value = pickle_.values.emplace_back();
  value.kind = kind;
  return &value;
}

PickleValue* PickleObjects::global(const std::string& module, const std::string& name) {
  const std::string full = module + "." + name;
  if (!is_allowed(full)) {
    const std::string why = is_of_a_module(full) ? kWholeModule : "only tensors and plain containers are read";
    fail("it names the global " + quoted_name(full) + ", which is refused: " + why + "; nothing of it was run");
  }
  Value* value = make(PickleKind::kGlobal);
  value->text = full;
  return value;
}

PickleValue* PickleObjects::storage(const Value* id) {
  if (id->kind != PickleKind::kTuple || id->items.empty() || id->items[0]->kind != PickleKind::kString) {
    fail("a persistent id is no tuple of a kind and more");
  }
  const auto& items = id->items;
  if (items[0]->text == "module") fail(kWholeModule);
  if (items[0]->text != "storage" || items.size() < 5 || items.size() > 6) {
    fail("a persistent id " + quoted_name(items[0]->text) + " of " + std::to_string(items.size()) + " parts");
  }
  PickleStorage made;
  made.type = items[1]->kind == PickleKind::kGlobal ? storage_type(items[1]->text) : nullptr;
  if (made.type == nullptr) fail("a storage has no class of storages");
  if (items[2]->kind != PickleKind::kString) fail("a storage's key is no string");
  if (items[2]->text.size() > kMaxPickleKey) {
    fail("a storage's key is longer than " + std::to_string(kMaxPickleKey) + " characters");
  }
  made.key = items[2]->text;
  made.count = integer_of(items[4], "a storage's number of elements");
  if (made.count < 0) fail("a storage's number of elements is negative");
  made.view_count = made.count;
  if (items.size() == 6 && items[5]->kind != PickleKind::kNone) {
    const Value* view = items[5];  // (key, offset, count)
    if (view->kind != PickleKind::kTuple || view->items.size() != 3) fail("a storage's view is no tuple of three");
    made.view_offset = integer_of(view->items[1], "a storage view's offset");
    made.view_count = integer_of(view->items[2], "a storage view's number of elements");
    if (made.view_offset < 0 || made.view_count < 0 || made.view_offset > made.count ||
        made.view_count > made.count - made.view_offset) {
      fail("a storage's view lies outside of it");
    }
  }
  pickle_.storages.push_back(std::move(made));
  Value* value = make(PickleKind::kStorage);
  value->integer = static_cast<std::int64_t>(pickle_.storages.size() - 1);
  return value;
}

std::int64_t PickleObjects::integer_of(const Value* value, const char* what) const {
  if (value->kind != PickleKind::kInteger) {
    fail(std::string(what) + " is " + std::string(name_of(value->kind)) + ", not an integer");
  }
  return value->integer;
}

std::vector<std::int64_t> PickleObjects::integers_of(const Value* value, const char* what) {
  if (value->kind != PickleKind::kTuple && value->kind != PickleKind::kList) {
    fail(std::string(what) + " is " + std::string(name_of(value->kind)) + ", not a tuple");
  }
  if (value->items.size() > kMaxPickleRank) {
    fail("a tensor has " + std::to_string(value->items.size()) + " dimensions, the limit is " +
         std::to_string(kMaxPickleRank));
  }
  charge(value->items.size());
  std::vector<std::int64_t> integers;
  for (const Value* item : value->items) integers.push_back(integer_of(item, what));
  return integers;
}

PickleValue* PickleObjects::add_tensor(PickleTensor tensor) {
  pickle_.tensors.push_back(std::move(tensor));
  Value* value = make(PickleKind::kTensor);
  value->integer = static_cast<std::int64_t>(pickle_.tensors.size() - 1);
  return value;
}

/// (storage, offset, size, stride, ...) of _rebuild_tensor and its later versions.
PickleTensor PickleObjects::tensor_from(const std::vector<const Value*>& arguments) {
  if (arguments[0]->kind != PickleKind::kStorage) fail("a tensor is made from no storage");
  PickleTensor tensor;
  tensor.storage = static_cast<std::size_t>(arguments[0]->integer);
  tensor.offset = integer_of(arguments[1], "a tensor's offset");
  tensor.shape = integers_of(arguments[2], "a tensor's size");
  tensor.strides = integers_of(arguments[3], "a tensor's stride");
  if (tensor.shape.size() != tensor.strides.size()) fail("a tensor's size and stride differ in their lengths");
  tensor.type = pickle_.storages[tensor.storage].type;
  return tensor;
}

/// The last argument of later versions: bits that say that the values are to be changed.
void PickleObjects::apply_metadata(const Value* metadata, PickleTensor* tensor) const {
  if (metadata->kind != PickleKind::kDict) return;
  for (std::size_t i = 0; i + 1 < metadata->items.size(); i += 2) {
    if (!is_true(metadata->items[i + 1])) continue;
    tensor->unsupported = "is a lazy view (conjugate or negative)";
  }
}

void PickleObjects::require_arguments(const std::string& global, std::size_t count, std::size_t least,
                                      std::size_t most) const {
  if (count < least || count > most) {
    fail(global + " is called with " + std::to_string(count) + " arguments, not " + std::to_string(least) +
         (least == most ? "" : " to " + std::to_string(most)));
  }
}

PickleValue* PickleObjects::call(const std::string& global, const std::vector<const Value*>& arguments) {
  const std::size_t count = arguments.size();
  if (global == "collections.OrderedDict") return ordered_dict(arguments);
  if (global == "torch.Size") {
    require_arguments(global, count, 1, 1);
    integers_of(arguments[0], "a size");
    Value* size = make(PickleKind::kTuple);
    size->items = arguments[0]->items;
    return size;
  }
  if (global == "torch._utils._rebuild_tensor") {
    require_arguments(global, count, 4, 4);
    return add_tensor(tensor_from(arguments));
  }
  if (global == "torch._utils._rebuild_tensor_v2") {
    require_arguments(global, count, 6, 7);
    PickleTensor tensor = tensor_from(arguments);
    if (count == 7) apply_metadata(arguments[6], &tensor);
    return add_tensor(std::move(tensor));
  }
  if (global == "torch._utils._rebuild_tensor_v3") {
    require_arguments(global, count, 7, 8);
    PickleTensor tensor = tensor_from(arguments);
    tensor.type = arguments[6]->kind == PickleKind::kGlobal ? dtype_of(arguments[6]->text) : nullptr;
    if (tensor.type == nullptr) fail("a tensor's dtype is no dtype");
    if (count == 8) apply_metadata(arguments[7], &tensor);
    return add_tensor(std::move(tensor));
  }
  if (global == "torch._utils._rebuild_parameter" || global == "torch._utils._rebuild_parameter_with_state") {
    const std::size_t wanted = global.ends_with("state") ? 4 : 3;
    require_arguments(global, count, wanted, wanted);
    if (arguments[0]->kind != PickleKind::kTensor) fail("a parameter is made from no tensor");
    Value* value = make(PickleKind::kTensor);
    value->integer = arguments[0]->integer;
    return value;
  }
  if (global == "torch._tensor._rebuild_from_type_v2") {  // (function, type, arguments, state)
    require_arguments(global, count, 4, 4);
    const bool is_plain = arguments[1]->text == "torch.Tensor" || arguments[1]->text == "torch.nn.parameter.Parameter";
    const bool is_call = arguments[0]->kind == PickleKind::kGlobal && arguments[2]->kind == PickleKind::kTuple;
    if (!is_plain || !is_call || arguments[0]->text == global) fail(global + " is called with other than tensors");
    return call(arguments[0]->text, arguments[2]->items);
  }
  if (global == "torch._utils._rebuild_qtensor") return unsupported("is quantized");
  if (global == "torch._utils._rebuild_sparse_tensor") return unsupported("is sparse");
  if (global == "torch._utils._rebuild_nested_tensor") return unsupported("is nested");
  if (global == "torch._utils._rebuild_meta_tensor_no_storage")
    return unsupported("is on the meta device: it has no values");
  if (global == "torch.serialization._get_layout") {
    require_arguments(global, count, 1, 1);
    if (arguments[0]->kind != PickleKind::kString) fail("a layout is no string");
    return make(PickleKind::kNone);  // only tensors that are not read have one
  }
  fail(quoted_name(global) + " is not to be called");
}

PickleValue* PickleObjects::unsupported(const char* why) {
  PickleTensor tensor;
  tensor.unsupported = why;
  return add_tensor(std::move(tensor));
}

/// OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it.
PickleValue* PickleObjects::ordered_dict(const std::vector<const Value*>& arguments) {
  require_arguments("collections.OrderedDict", arguments.size(), 0, 1);
  Value* dict = make(PickleKind::kDict);
  if (arguments.empty()) return dict;
  if (arguments[0]->kind != PickleKind::kList) fail("an OrderedDict is made from no list");
  for (const Value* pair : arguments[0]->items) {
    const bool is_pair =
        (pair->kind == PickleKind::kList || pair->kind == PickleKind::kTuple) && pair->items.size() == 2;
    if (!is_pair) fail("an OrderedDict is made from no pairs");
    charge(pair->items.size());
    dict->items.insert(dict->items.end(), pair->items.begin(), pair->items.end());
  }
  return dict;
}

Pickle PickleObjects::finish(const PickleValue* root, std::size_t end) {
  pickle_.root = root;
  pickle_.end = end;
  return std::move(pickle_);
}

}  // namespace crossload::checkpoint
