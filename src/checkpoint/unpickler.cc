#include "checkpoint/unpickler.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "checkpoint/pickle_objects.h"

namespace crossload::checkpoint {
namespace {

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
      : bytes_(bytes), begin_(begin), at_(begin), objects_(where) {}

  Pickle run() {
    if (bytes_.size() - begin_ < 2 || bytes_[begin_] != std::byte{0x80}) {
      objects_.set_offset(begin_);
      fail("no pickle of protocol 2 or later begins here");
    }
    bool stopped = false;
    while (!stopped) {
      objects_.set_offset(at_);
      if (at_ - begin_ > kMaxPickleBytes) fail("it is longer than the limit of " + std::to_string(kMaxPickleBytes));
      stopped = step(static_cast<unsigned char>(take(1)[0]));
    }
    return objects_.finish(root_, at_);
  }

 private:
  using Value = PickleValue;

  [[noreturn]] void fail(const std::string& why) const { objects_.fail(why); }
  void charge(std::size_t items) { objects_.charge(items); }
  Value* make(PickleKind kind) { return objects_.make(kind); }

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

  void push_stack_global() {
    const Value* name = pop();
    const Value* module = pop();
    if (name->kind != PickleKind::kString || module->kind != PickleKind::kString) fail("a global's name is no string");
    if (name->text.size() + module->text.size() > kMaxPickleGlobal) {
      fail("a global's name is longer than " + std::to_string(kMaxPickleGlobal) + " characters");
    }
    push(objects_.global(module->text, name->text));
  }

  void reduce() {
    const Value* arguments = pop();
    const Value* function = pop();
    if (function->kind != PickleKind::kGlobal || arguments->kind != PickleKind::kTuple) {
      fail("something is called that is no global, or without a tuple of arguments");
    }
    push(objects_.call(function->text, arguments->items));
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
        root_ = pop();
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
        push(objects_.global(module, line()));
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
        push(objects_.storage(pop()));
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
  std::size_t begin_;
  std::size_t at_;
  PickleObjects objects_;
  const Value* root_ = nullptr;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::vector<Value*> memo_;
  std::size_t memo_size_ = 0;
};

}  // namespace

Pickle unpickle(std::span<const std::byte> bytes, const std::string& where, std::size_t begin) {
  return Unpickler(bytes, where, std::min(begin, bytes.size())).run();
}

}  // namespace crossload::checkpoint
