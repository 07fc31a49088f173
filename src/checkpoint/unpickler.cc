#include "checkpoint/unpickler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "crossload/error.h"

namespace crossload {
namespace {

constexpr std::array<TorchType, 27> kTypes = {{
    {"float32", 4, DType::kF32},
    {"float64", 8, DType::kF64},
    {"float16", 2, DType::kF16},
    {"bfloat16", 2, DType::kBF16},
    {"int64", 8, DType::kI64},
    {"int32", 4, DType::kI32},
    {"int16", 2, DType::kI16},
    {"int8", 1, DType::kI8},
    {"uint8", 1, DType::kU8},
    {"uint16", 2, DType::kU16},
    {"uint32", 4, DType::kU32},
    {"uint64", 8, DType::kU64},
    {"bool", 1, DType::kBool},
    {"complex32", 4, {}},
    {"complex64", 8, {}},
    {"complex128", 16, {}},
    {"float8_e4m3fn", 1, {}},
    {"float8_e4m3fnuz", 1, {}},
    {"float8_e5m2", 1, {}},
    {"float8_e5m2fnuz", 1, {}},
    {"float8_e8m0fnu", 1, {}},
    {"float4_e2m1fn_x2", 1, {}},
    {"qint8", 1, {}},
    {"quint8", 1, {}},
    {"qint32", 4, {}},
    {"quint4x2", 1, {}},
    {"quint2x4", 1, {}},
}};

struct StorageClass {
  std::string_view name;
  std::string_view type;
};

/// The classes of torch and torch.cuda; the two of torch.storage hold bytes.
constexpr std::array<StorageClass, 20> kStorages = {{
    {"FloatStorage", "float32"},
    {"DoubleStorage", "float64"},
    {"HalfStorage", "float16"},
    {"BFloat16Storage", "bfloat16"},
    {"LongStorage", "int64"},
    {"IntStorage", "int32"},
    {"ShortStorage", "int16"},
    {"CharStorage", "int8"},
    {"ByteStorage", "uint8"},
    {"BoolStorage", "bool"},
    {"ComplexFloatStorage", "complex64"},
    {"ComplexDoubleStorage", "complex128"},
    {"QInt8Storage", "qint8"},
    {"QUInt8Storage", "quint8"},
    {"QInt32Storage", "qint32"},
    {"QUInt4x2Storage", "quint4x2"},
    {"QUInt2x4Storage", "quint2x4"},
    {"UntypedStorage", "uint8"},
    {"TypedStorage", "uint8"},
    {"_TypedStorage", "uint8"},
}};

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

const TorchType* find_type(std::string_view name) {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const TorchType& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

/// The element type of "torch.FloatStorage", or null.
const TorchType* storage_type(std::string_view global) {
  if (global == "torch.storage._UntypedStorage" || global == "torch._UntypedStorage") return find_type("uint8");
  for (const std::string_view module : {"torch.cuda.", "torch.storage.", "torch."}) {
    if (!global.starts_with(module)) continue;
    const std::string_view name = global.substr(module.size());
    for (const StorageClass& storage : kStorages) {
      if (storage.name == name) return find_type(storage.type);
    }
  }
  return nullptr;
}

/// The type of "torch.float32", or null.
const TorchType* dtype_of(std::string_view global) {
  constexpr std::string_view kModule = "torch.";
  return global.starts_with(kModule) ? find_type(global.substr(kModule.size())) : nullptr;
}

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

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : (lead & 0xf0) == 0xe0       ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
    if (size == 0 || size > text.size() - i) return false;
    for (std::size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    const auto second = size > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool beyond = (lead == 0xed && second >= 0xa0) || (lead == 0xf4 && second >= 0x90);
    if (overlong || beyond) return false;
    i += size;
  }
  return true;
}

class Unpickler {
 public:
  Unpickler(std::span<const std::byte> bytes, const std::string& where, std::size_t begin)
      : bytes_(bytes), where_(where), begin_(begin), at_(begin) {}

  Pickle run() {
    if (bytes_.size() - begin_ < 2 || bytes_[begin_] != std::byte{0x80}) {
      opcode_at_ = begin_;
      fail("no pickle of protocol 2 or later begins here");
    }
    bool stopped = false;
    while (!stopped) {
      opcode_at_ = at_;
      if (at_ - begin_ > kMaxPickleBytes) fail("it is longer than the limit of " + std::to_string(kMaxPickleBytes));
      stopped = step(static_cast<unsigned char>(take(1)[0]));
    }
    pickle_.end = at_;
    return std::move(pickle_);
  }

 private:
  using Value = PickleValue;

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorKind::kBadInput,
                where_ + ": not a sound PyTorch pickle: at byte " + std::to_string(opcode_at_) + ": " + why);
  }

  std::span<const std::byte> take(std::uint64_t size) {
    if (size > bytes_.size() - at_) {
      fail("it ends where " + std::to_string(size) + " more bytes are expected (cut off?)");
    }
    const auto taken = bytes_.subspan(at_, size);
    at_ += size;
    return taken;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, take(size).data(), size);
    return value;
  }
  std::string text(std::uint64_t size) {
    const auto taken = take(size);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::string line() {
    const std::span<const std::byte> rest = bytes_.subspan(at_, std::min(bytes_.size() - at_, kMaxPickleGlobal + 1));
    const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
    if (end == rest.end()) {
      fail("a global's name has no end within " + std::to_string(kMaxPickleGlobal) + " characters");
    }
    const std::string result = text(static_cast<std::size_t>(end - rest.begin()));
    take(1);
    return result;
  }

  /// What calls copy from values that are remembered must not multiply.
  void charge(std::size_t items) {
    items_ += items;
    if (items_ > kMaxPickleItems) fail("its containers hold more than the limit of " + std::to_string(kMaxPickleItems));
  }
  Value* make(PickleKind kind) {
    if (pickle_.values.size() >= kMaxPickleValues) {
      fail("it has more values than the limit of " + std::to_string(kMaxPickleValues));
    }
    Value& value = pickle_.values.emplace_back();
    value.kind = kind;
    return &value;
  }
  void push(Value* value) {
    if (stack_.size() >= kMaxPickleValues) fail("its stack grows over " + std::to_string(kMaxPickleValues));
    stack_.push_back(value);
  }
  void push_integer(std::int64_t integer, PickleKind kind = PickleKind::kInteger) {
    Value* value = make(kind);
    value->integer = integer;
    push(value);
  }
  void push_text(PickleKind kind, std::uint64_t size) {
    Value* value = make(kind);
    value->text = text(size);
    if (kind == PickleKind::kString && !is_utf8(value->text)) fail("a string is not UTF-8");
    push(value);
  }
  Value* pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("its stack is empty");
    Value* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  Value* top() {
    Value* value = pop();
    stack_.push_back(value);
    return value;
  }
  std::vector<const Value*> pop_to_mark() {
    if (marks_.empty()) fail("there is no mark");
    const std::vector<const Value*> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_items(PickleKind kind, std::vector<const Value*> items) {
    if (kind == PickleKind::kDict && items.size() % 2 != 0) fail("a dict has a key without a value");
    Value* value = make(kind);
    charge(items.size());
    value->items = std::move(items);
    push(value);
  }
  void extend(PickleKind kind, const std::vector<const Value*>& items) {
    Value* container = top();
    if (container->kind != kind) {
      fail("items are added to " + std::string(name_of(container->kind)) + ", not to " + std::string(name_of(kind)));
    }
    if (kind == PickleKind::kDict && items.size() % 2 != 0) fail("a dict has a key without a value");
    charge(items.size());
    container->items.insert(container->items.end(), items.begin(), items.end());
  }
  void remember(std::uint64_t index) {
    Value* value = top();
    if (index >= kMaxPickleValues) fail("its memo grows over " + std::to_string(kMaxPickleValues));
    if (index >= memo_.size()) memo_.resize(index + 1, nullptr);
    memo_size_ += memo_[index] == nullptr ? 1 : 0;
    memo_[index] = value;
  }
  void recall(std::uint64_t index) {
    if (index >= memo_.size() || memo_[index] == nullptr) fail("its memo has no " + std::to_string(index));
    push(memo_[index]);
  }

  /// LONG1 and LONG4: little-endian two's complement of any length.
  void push_long(std::uint64_t size) {
    const std::string digits = text(size);
    if (size > 8) {
      Value* value = make(PickleKind::kBigInteger);
      value->text = digits;
      push(value);
      return;
    }
    const bool negative = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80) != 0;
    std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
    std::memcpy(&bits, digits.data(), digits.size());
    push_integer(static_cast<std::int64_t>(bits));
  }

  void push_float() {
    std::uint64_t bits = 0;
    for (std::byte byte : take(8)) bits = bits << 8 | static_cast<std::uint64_t>(byte);  // big-endian, as only here
    Value* value = make(PickleKind::kFloat);
    value->real = std::bit_cast<double>(bits);
    push(value);
  }

  void push_global(const std::string& module, const std::string& name) {
    const std::string global = module + "." + name;
    if (!is_allowed(global)) {
      const std::string why = is_of_a_module(global) ? kWholeModule : "only tensors and plain containers are read";
      fail("it names the global " + quoted_name(global) + ", which is refused: " + why + "; nothing of it was run");
    }
    Value* value = make(PickleKind::kGlobal);
    value->text = global;
    push(value);
  }
  void push_stack_global() {
    const Value* name = pop();
    const Value* module = pop();
    if (name->kind != PickleKind::kString || module->kind != PickleKind::kString) fail("a global's name is no string");
    if (name->text.size() + module->text.size() > kMaxPickleGlobal) {
      fail("a global's name is longer than " + std::to_string(kMaxPickleGlobal) + " characters");
    }
    push_global(module->text, name->text);
  }

  std::int64_t integer_of(const Value* value, const char* what) const {
    if (value->kind != PickleKind::kInteger) {
      fail(std::string(what) + " is " + std::string(name_of(value->kind)) + ", not an integer");
    }
    return value->integer;
  }
  std::vector<std::int64_t> integers_of(const Value* value, const char* what) {
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
  static bool is_true(const Value* value) { return value->kind == PickleKind::kBool && value->integer != 0; }

  void push_storage() {
    const Value* id = pop();
    if (id->kind != PickleKind::kTuple || id->items.empty() || id->items[0]->kind != PickleKind::kString) {
      fail("a persistent id is no tuple of a kind and more");
    }
    const auto& items = id->items;
    if (items[0]->text == "module") fail(kWholeModule);
    if (items[0]->text != "storage" || items.size() < 5 || items.size() > 6) {
      fail("a persistent id " + quoted_name(items[0]->text) + " of " + std::to_string(items.size()) + " parts");
    }
    PickleStorage storage;
    storage.type = items[1]->kind == PickleKind::kGlobal ? storage_type(items[1]->text) : nullptr;
    if (storage.type == nullptr) fail("a storage has no class of storages");
    if (items[2]->kind != PickleKind::kString) fail("a storage's key is no string");
    if (items[2]->text.size() > kMaxPickleKey) {
      fail("a storage's key is longer than " + std::to_string(kMaxPickleKey) + " characters");
    }
    storage.key = items[2]->text;
    storage.count = integer_of(items[4], "a storage's number of elements");
    if (storage.count < 0) fail("a storage's number of elements is negative");
    storage.view_count = storage.count;
    if (items.size() == 6 && items[5]->kind != PickleKind::kNone) {
      const Value* view = items[5];  // (key, offset, count)
      if (view->kind != PickleKind::kTuple || view->items.size() != 3) fail("a storage's view is no tuple of three");
      storage.view_offset = integer_of(view->items[1], "a storage view's offset");
      storage.view_count = integer_of(view->items[2], "a storage view's number of elements");
      if (storage.view_offset < 0 || storage.view_count < 0 || storage.view_offset > storage.count ||
          storage.view_count > storage.count - storage.view_offset) {
        fail("a storage's view lies outside of it");
      }
    }
    pickle_.storages.push_back(std::move(storage));
    push_integer(static_cast<std::int64_t>(pickle_.storages.size() - 1), PickleKind::kStorage);
  }

  Value* add_tensor(PickleTensor tensor) {
    pickle_.tensors.push_back(std::move(tensor));
    Value* value = make(PickleKind::kTensor);
    value->integer = static_cast<std::int64_t>(pickle_.tensors.size() - 1);
    return value;
  }

  /// (storage, offset, size, stride, ...) of _rebuild_tensor and its later versions.
  PickleTensor tensor_from(const std::vector<const Value*>& arguments) {
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
  void apply_metadata(const Value* metadata, PickleTensor* tensor) const {
    if (metadata->kind != PickleKind::kDict) return;
    for (std::size_t i = 0; i + 1 < metadata->items.size(); i += 2) {
      if (!is_true(metadata->items[i + 1])) continue;
      tensor->unsupported = "is a lazy view (conjugate or negative)";
    }
  }

  void require_arguments(const std::string& global, std::size_t count, std::size_t least, std::size_t most) const {
    if (count < least || count > most) {
      fail(global + " is called with " + std::to_string(count) + " arguments, not " + std::to_string(least) +
           (least == most ? "" : " to " + std::to_string(most)));
    }
  }

  Value* call(const std::string& global, const std::vector<const Value*>& arguments) {
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
      const bool is_plain =
          arguments[1]->text == "torch.Tensor" || arguments[1]->text == "torch.nn.parameter.Parameter";
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

  Value* unsupported(const char* why) {
    PickleTensor tensor;
    tensor.unsupported = why;
    return add_tensor(std::move(tensor));
  }

  /// OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it.
  Value* ordered_dict(const std::vector<const Value*>& arguments) {
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

  void reduce() {
    const Value* arguments = pop();
    const Value* function = pop();
    if (function->kind != PickleKind::kGlobal || arguments->kind != PickleKind::kTuple) {
      fail("something is called that is no global, or without a tuple of arguments");
    }
    push(call(function->text, arguments->items));
  }

  /// Attributes of an object. A state_dict has `_metadata`, with versions of modules; the values do not depend on it.
  void build() {
    const Value* state = pop();
    const Value* object = top();
    if (object->kind != PickleKind::kDict || state->kind != PickleKind::kDict) {
      fail("attributes are set on " + std::string(name_of(object->kind)) + ", only an OrderedDict may have some");
    }
  }

  /// Returns true at STOP.
  bool step(unsigned char opcode) {
    switch (opcode) {
      case 0x80: {  // PROTO
        const std::uint64_t protocol = number(1);
        if (protocol < 2 || protocol > 5) fail("its protocol is " + std::to_string(protocol) + ", not 2 to 5");
        return false;
      }
      case 0x95: {  // FRAME: a hint for readers of streams
        if (number(8) > bytes_.size() - at_) fail("a frame does not fit (cut off?)");
        return false;
      }
      case '.':
        pickle_.root = pop();
        if (!stack_.empty() || !marks_.empty()) fail("it ends with values left over");
        return true;
      case '(':
        if (marks_.size() >= kMaxPickleMarks)
          fail("it nests deeper than the limit of " + std::to_string(kMaxPickleMarks));
        marks_.push_back(stack_.size());
        return false;
      case '0':
        pop();
        return false;
      case '1':
        pop_to_mark();
        return false;
      case '2':
        push(top());
        return false;
      case 'N':
        push(make(PickleKind::kNone));
        return false;
      case 0x88:
        push_integer(1, PickleKind::kBool);
        return false;
      case 0x89:
        push_integer(0, PickleKind::kBool);
        return false;
      case 'J':
        push_integer(static_cast<std::int32_t>(number(4)));
        return false;
      case 'K':
        push_integer(static_cast<std::int64_t>(number(1)));
        return false;
      case 'M':
        push_integer(static_cast<std::int64_t>(number(2)));
        return false;
      case 0x8a:
        push_long(number(1));
        return false;
      case 0x8b:
        push_long(number(4));
        return false;
      case 'G':
        push_float();
        return false;
      case 'X':
        push_text(PickleKind::kString, number(4));
        return false;
      case 0x8c:
        push_text(PickleKind::kString, number(1));
        return false;
      case 0x8d:
        push_text(PickleKind::kString, number(8));
        return false;
      case 'T':
        push_text(PickleKind::kString, number(4));
        return false;
      case 'U':
        push_text(PickleKind::kString, number(1));
        return false;
      case 'B':
        push_text(PickleKind::kBytes, number(4));
        return false;
      case 'C':
        push_text(PickleKind::kBytes, number(1));
        return false;
      case 0x8e:
        push_text(PickleKind::kBytes, number(8));
        return false;
      case ')':
        push_items(PickleKind::kTuple, {});
        return false;
      case 't':
        push_items(PickleKind::kTuple, pop_to_mark());
        return false;
      case 0x85:
        push_tuple(1);
        return false;
      case 0x86:
        push_tuple(2);
        return false;
      case 0x87:
        push_tuple(3);
        return false;
      case ']':
        push_items(PickleKind::kList, {});
        return false;
      case 'l':
        push_items(PickleKind::kList, pop_to_mark());
        return false;
      case 'a': {
        const Value* item = pop();
        extend(PickleKind::kList, {item});
        return false;
      }
      case 'e':
        extend(PickleKind::kList, pop_to_mark());
        return false;
      case '}':
        push_items(PickleKind::kDict, {});
        return false;
      case 'd':
        push_items(PickleKind::kDict, pop_to_mark());
        return false;
      case 's': {
        const Value* value = pop();
        const Value* key = pop();
        extend(PickleKind::kDict, {key, value});
        return false;
      }
      case 'u':
        extend(PickleKind::kDict, pop_to_mark());
        return false;
      case 'c': {
        const std::string module = line();
        push_global(module, line());
        return false;
      }
      case 0x93:
        push_stack_global();
        return false;
      case 'R':
        reduce();
        return false;
      case 'b':
        build();
        return false;
      case 'Q':
        push_storage();
        return false;
      case 'h':
        recall(number(1));
        return false;
      case 'j':
        recall(number(4));
        return false;
      case 'q':
        remember(number(1));
        return false;
      case 'r':
        remember(number(4));
        return false;
      case 0x94:
        remember(memo_size_);
        return false;
      default: {
        constexpr const char* kHex = "0123456789abcdef";
        fail(std::string("the opcode 0x") + kHex[opcode >> 4] + kHex[opcode & 15] + " is none that torch.save writes");
      }
    }
  }

  void push_tuple(std::size_t size) {
    std::vector<const Value*> items(size);
    for (std::size_t i = size; i-- > 0;) items[i] = pop();
    push_items(PickleKind::kTuple, std::move(items));
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  std::size_t begin_;
  std::size_t at_;
  std::size_t opcode_at_ = 0;
  Pickle pickle_;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::vector<Value*> memo_;
  std::size_t memo_size_ = 0;
  std::size_t items_ = 0;
};

}  // namespace

std::string_view name_of(PickleKind kind) {
  constexpr std::array<std::string_view, 13> kNames = {
      "None",    "a bool", "an integer", "a large integer", "a float",   "a string", "bytes",
      "a tuple", "a list", "a dict",     "a global",        "a storage", "a tensor"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string quoted_name(std::string_view name) {
  constexpr std::size_t kShown = 200;
  std::string text = "\"";
  for (char c : name.substr(0, kShown)) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text + (name.size() > kShown ? "...\"" : "\"");
}

Pickle unpickle(std::span<const std::byte> bytes, const std::string& where, std::size_t begin) {
  return Unpickler(bytes, where, std::min(begin, bytes.size())).run();
}

}  // namespace crossload
