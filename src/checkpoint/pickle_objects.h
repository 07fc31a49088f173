// The objects of one pickle: what its globals, persistent ids and calls stand for. unpickler.cc walks the opcodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/pickle.h"

namespace crossload::checkpoint {

/// Makes values and counts them. Nothing is run: a call of a global in the closed list of pickle_objects.cc makes a
/// tensor or a container, all else is refused. Every failure is an Error(kBadInput) that names the offset.
class PickleObjects {
 public:
  /// `where` begins the errors and must outlive this.
  explicit PickleObjects(const std::string& where) : where_(where) {}

  /// The offset of the opcode at hand, for errors.
  void set_offset(std::size_t at) { at_ = at; }
  [[noreturn]] void fail(const std::string& why) const;

  PickleValue* make(PickleKind kind);
  /// Counts members of containers: what calls copy from values that are remembered must not multiply.
  void charge(std::size_t items);

  PickleValue* global(const std::string& module, const std::string& name);
  /// The storage that a persistent id means: ('storage', class, key, location, count[, view]).
  PickleValue* storage(const PickleValue* id);
  /// What the global makes of the arguments.
  PickleValue* call(const std::string& global, const std::vector<const PickleValue*>& arguments);

  /// The result, once the last opcode was read.
  Pickle finish(const PickleValue* root, std::size_t end);

 private:
  std::int64_t integer_of(const PickleValue* value, const char* what) const;
  std::vector<std::int64_t> integers_of(const PickleValue* value, const char* what);
  PickleValue* add_tensor(PickleTensor tensor);
  PickleTensor tensor_from(const std::vector<const PickleValue*>& arguments);
  void apply_metadata(const PickleValue* metadata, PickleTensor* tensor) const;
  void require_arguments(const std::string& global, std::size_t count, std::size_t least, std::size_t most) const;
  PickleValue* unsupported(const char* why);
  PickleValue* ordered_dict(const std::vector<const PickleValue*>& arguments);

  const std::string& where_;
  std::size_t at_ = 0;
  std::size_t items_ = 0;
  Pickle pickle_;
};

}  // namespace crossload::checkpoint
