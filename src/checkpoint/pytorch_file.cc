#include "checkpoint/pytorch_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include "bytes/mapped_file.h"
#include "bytes/scratch_bytes.h"
#include "checkpoint/foreign.h"
#include "checkpoint/unpickler.h"
#include "checkpoint/zip_archive.h"
#include "crossload/error.h"

namespace crossload::checkpoint {
namespace {

/// 0x1950a86a20f9469cfc6c, as the first pickle of the stream has it.
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::int64_t kStreamProtocol = 1001;
constexpr std::size_t kCountBytes = 8;
/// {"model": {"state_dict": ...}} is as deep as anybody writes.
constexpr int kMaxWrappers = 4;
constexpr std::array<std::string_view, 3> kWrappers = {"state_dict", "model_state_dict", "model"};
constexpr std::array<std::string_view, 2> kPrefixes = {"module.", "_orig_mod."};

[[noreturn]] void fail(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kBadInput, where + ": not a sound PyTorch file: " + why + "; download or save the file again");
}

[[noreturn]] void not_supported(const std::string& where, const std::string& why) {
  throw Error(ErrorKind::kUnsupported, where + ": " + why);
}

/// The object and where its storages are.
struct Saved {
  Pickle pickle;
  std::map<std::string, ZipContent> storages;
  bool big_endian = false;
};

/// Bytes of `count` elements, which are not negative.
std::uint64_t byte_count(std::int64_t count, std::size_t size, const std::string& where, const std::string& what) {
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(count), static_cast<std::uint64_t>(size), &bytes)) {
    fail(where, what + " of " + std::to_string(count) + " elements has more bytes than 64 bits count");
  }
  return bytes;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Saved read_zip(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& where) {
  constexpr std::string_view kPickle = "data.pkl";
  const ZipArchive archive = ZipArchive::parse(bytes, std::move(owner), where);
  std::string folder;
  for (const auto& [name, entry] : archive.entries()) {
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != kPickle) continue;
    if (!folder.empty())
      fail(where, "it has two objects, " + quoted_name(folder + "data.pkl") + " and " + quoted_name(name));
    folder = name.substr(0, slash + 1);
  }
  if (folder.empty()) fail(where, "the archive has no data.pkl, so it is none that torch.save wrote");
  if (archive.entries().contains(folder + "constants.pkl")) {
    not_supported(where, "it is a TorchScript archive; save the state_dict of the model that it was made from");
  }
  Saved saved;
  const std::string pickle_name = folder + std::string(kPickle);
  const ZipContent pickle = archive.read(pickle_name);
  saved.pickle = unpickle(pickle.bytes, where + ": " + pickle_name);
  if (archive.entries().contains(folder + "byteorder")) {
    const std::string order =
        text_of(archive.read(folder + "byteorder")
                    .bytes.first(std::min<std::size_t>(archive.entries().at(folder + "byteorder").size, 16)));
    if (order != "little" && order != "big") fail(where, "its byte order is " + quoted_name(order));
    saved.big_endian = order == "big";
  }
  for (const PickleStorage& storage : saved.pickle.storages) {
    const std::string name = folder + "data/" + storage.key;
    if (saved.storages.contains(storage.key)) continue;
    if (!archive.entries().contains(name)) fail(where, "it lacks the storage " + quoted_name(name));
    saved.storages.emplace(storage.key, archive.read(name));
  }
  return saved;
}

Saved read_stream(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                  const std::string& where) {
  const Pickle magic = unpickle(bytes, where);
  if (magic.root->kind != PickleKind::kBigInteger || magic.root->text != kMagic) {
    fail(where, "it is a pickle, but does not begin with the number that torch.save writes first");
  }
  const Pickle protocol = unpickle(bytes, where, magic.end);
  if (protocol.root->kind != PickleKind::kInteger || protocol.root->integer != kStreamProtocol) {
    fail(where, "its protocol is not " + std::to_string(kStreamProtocol));
  }
  const Pickle system = unpickle(bytes, where, protocol.end);
  Saved saved;
  saved.pickle = unpickle(bytes, where, system.end);
  const Pickle keys = unpickle(bytes, where, saved.pickle.end);
  if (keys.root->kind != PickleKind::kList) fail(where, "the keys of its storages are no list");

  std::map<std::string, const PickleStorage*> known;
  for (const PickleStorage& storage : saved.pickle.storages) known.emplace(storage.key, &storage);
  std::span<const std::byte> rest = bytes.subspan(keys.end);
  for (const PickleValue* key : keys.root->items) {
    if (key->kind != PickleKind::kString) fail(where, "the key of a storage is no string");
    const auto found = known.find(key->text);
    if (found == known.end()) fail(where, "the storage " + quoted_name(key->text) + " is used by no tensor");
    const std::string what = "the storage " + quoted_name(key->text);
    if (rest.size() < kCountBytes) fail(where, what + " is not there (cut off?)");
    std::int64_t count = 0;
    std::memcpy(&count, rest.data(), kCountBytes);
    if (count != found->second->count) {
      fail(where, what + " has " + std::to_string(count) + " elements and should have " +
                      std::to_string(found->second->count));
    }
    rest = rest.subspan(kCountBytes);
    const std::uint64_t size = byte_count(count, found->second->type->size, where, what);
    if (size > rest.size()) {
      fail(where, what + " needs " + std::to_string(size) + " bytes, and " + std::to_string(rest.size()) +
                      " are left (cut off?)");
    }
    if (!saved.storages.emplace(key->text, ZipContent{rest.first(size), owner}).second) {
      fail(where, what + " is there twice");
    }
    rest = rest.subspan(size);
  }
  if (!rest.empty()) fail(where, std::to_string(rest.size()) + " bytes at the end belong to no storage");
  return saved;
}

/// Makes views from the tensors of one file.
class Tensors {
 public:
  Tensors(const Saved& saved, std::uint64_t file_size, const std::string& where)
      : saved_(saved), file_size_(file_size), where_(where) {}

  tensor::TensorView view(const std::string& name, const PickleTensor& tensor) {
    const std::string what = "tensor " + quoted_name(name);
    if (!tensor.unsupported.empty()) {
      not_supported(where_, what + " " + tensor.unsupported + "; save it as a dense float32 tensor");
    }
    if (!tensor.type->dtype) {
      not_supported(where_, what + " has dtype " + std::string(tensor.type->name) +
                                ", which TensorFlow variables cannot hold; save it as float32, float16 or bfloat16");
    }
    const ZipContent storage = storage_of(tensor, what);
    const std::size_t size = tensor.type->size;
    tensor::TensorView view{*tensor.type->dtype, tensor.shape, {}, storage.owner};
    if (tensor.type->is_complex()) view.shape.push_back(2);
    std::int64_t count = 0;
    try {
      count = element_count(tensor.shape);
    } catch (const Error& error) {
      fail(where_, what + ": " + error.what());
    }
    if (count == 0) return view;
    check_bounds(tensor, static_cast<std::int64_t>(storage.bytes.size() / size), what);
    const std::span<const std::byte> from = storage.bytes.subspan(static_cast<std::size_t>(tensor.offset) * size);
    if (is_contiguous(tensor) && (!saved_.big_endian || size == 1)) {
      view.bytes = from.first(static_cast<std::size_t>(count) * size);
      return view;
    }
    copy(tensor, from, byte_count(count, size, where_, what), what, &view);
    return view;
  }

 private:
  ZipContent storage_of(const PickleTensor& tensor, const std::string& what) const {
    const PickleStorage& storage = saved_.pickle.storages[tensor.storage];
    const std::string name = "the storage " + quoted_name(storage.key) + " of " + what;
    const auto found = saved_.storages.find(storage.key);
    if (found == saved_.storages.end()) fail(where_, name + " is not there");
    const ZipContent& content = found->second;
    const std::uint64_t wanted = byte_count(storage.count, storage.type->size, where_, name);
    if (content.bytes.size() != wanted) {
      fail(where_,
           name + " needs " + std::to_string(wanted) + " bytes and has " + std::to_string(content.bytes.size()));
    }
    // The view lies inside the storage, whose bytes are there: nothing here overflows.
    return {content.bytes.subspan(static_cast<std::size_t>(storage.view_offset) * storage.type->size,
                                  static_cast<std::size_t>(storage.view_count) * storage.type->size),
            content.owner};
  }

  /// The last element that the tensor reaches must be one of the storage's. The tensor is not empty.
  void check_bounds(const PickleTensor& tensor, std::int64_t available, const std::string& what) const {
    std::int64_t last = tensor.offset;
    bool fits = tensor.offset >= 0;
    for (std::size_t i = 0; i < tensor.shape.size() && fits; ++i) {
      std::int64_t step = 0;
      fits = tensor.strides[i] >= 0 && !__builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &step) &&
             !__builtin_add_overflow(last, step, &last);
    }
    if (!fits || last >= available) {
      fail(where_, what + " " + to_string(tensor.shape) + " with strides " + to_string(tensor.strides) +
                       " at element " + std::to_string(tensor.offset) + " reaches out of its storage of " +
                       std::to_string(available));
    }
  }

  static bool is_contiguous(const PickleTensor& tensor) {
    std::int64_t expected = 1;
    for (std::size_t i = tensor.shape.size(); i-- > 0;) {
      if (tensor.shape[i] == 1) continue;
      if (tensor.strides[i] != expected) return false;
      expected *= tensor.shape[i];
    }
    return true;
  }

  /// Row-major, little-endian elements of its own; tensors that are the same share them.
  void copy(const PickleTensor& tensor, std::span<const std::byte> from, std::uint64_t bytes, const std::string& what,
            tensor::TensorView* view) {
    const auto key = std::make_tuple(from.data(), tensor.shape, tensor.strides, tensor.type);
    auto found = copies_.find(key);
    if (found == copies_.end()) {
      const std::uint64_t limit = std::max(kMaxCopiedBytes, file_size_);
      if (bytes > limit - copied_) {
        fail(where_, what + " " + to_string(tensor.shape) +
                         " has other strides than row-major, and the copies of such "
                         "tensors come to more than the limit of " +
                         std::to_string(limit) + " bytes; save it with .contiguous()");
      }
      copied_ += bytes;
      auto buffer = bytes::ScratchBytes::make(bytes);
      gather(tensor, from, buffer->bytes().data());
      if (saved_.big_endian) {
        const std::size_t size = size_of(*tensor.type->dtype);
        const std::span<std::byte> all = buffer->bytes();
        for (std::size_t at = 0; at < bytes; at += size) std::ranges::reverse(all.subspan(at, size));
      }
      found = copies_.emplace(key, std::move(buffer)).first;
    }
    view->bytes = found->second->bytes();
    view->owner = found->second;
  }

  static void gather(const PickleTensor& tensor, std::span<const std::byte> from, std::byte* to) {
    const std::size_t size = tensor.type->size;
    const std::size_t rank = tensor.shape.size();
    std::vector<std::int64_t> index(rank, 0);
    std::int64_t element = 0;
    while (true) {
      std::memcpy(to, from.data() + static_cast<std::size_t>(element) * size, size);
      to += size;
      std::size_t axis = rank;
      while (axis > 0 && index[axis - 1] + 1 == tensor.shape[axis - 1]) {
        --axis;
        element -= index[axis] * tensor.strides[axis];
        index[axis] = 0;
      }
      if (axis == 0) return;
      ++index[axis - 1];
      element += tensor.strides[axis - 1];
    }
  }

  using CopyKey = std::tuple<const std::byte*, std::vector<std::int64_t>, std::vector<std::int64_t>, const TorchType*>;
  const Saved& saved_;
  std::uint64_t file_size_;
  const std::string& where_;
  std::map<CopyKey, std::shared_ptr<bytes::ScratchBytes>> copies_;
  std::uint64_t copied_ = 0;
};

/// The value of a key that is a dict, or null. As in Python, the last of equal keys counts.
const PickleValue* dict_at(const PickleValue& dict, std::string_view key) {
  const PickleValue* found = nullptr;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == PickleKind::kString && dict.items[i]->text == key) found = dict.items[i + 1];
  }
  return found != nullptr && found->kind == PickleKind::kDict ? found : nullptr;
}

bool has_tensors(const PickleValue& dict) {
  for (std::size_t i = 1; i < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == PickleKind::kTensor) return true;
  }
  return false;
}

/// "epoch" (an integer), "net" (a dict): the first keys, for an error.
std::string contents_of(const PickleValue& dict) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (i / 2 == kShown) return text + ", ...";
    text += (i > 0 ? ", " : "") + quoted_name(dict.items[i]->text) + " (" +
            std::string(name_of(dict.items[i + 1]->kind)) + ")";
  }
  return text.empty() ? "nothing" : text;
}

/// The dict of tensors, below what trainers wrap around it. An empty one counts when it is all there is.
const PickleValue& find_state_dict(const PickleValue& root, const std::string& where) {
  if (root.kind != PickleKind::kDict) {
    fail(where, "it holds " + std::string(name_of(root.kind)) + ", where a dict of tensors is expected");
  }
  const PickleValue* dict = &root;
  for (int depth = 0; depth < kMaxWrappers && !has_tensors(*dict); ++depth) {
    const PickleValue* inner = nullptr;
    for (const std::string_view wrapper : kWrappers) {
      inner = dict_at(*dict, wrapper);
      if (inner != nullptr) break;
    }
    if (inner == nullptr) break;
    dict = inner;
  }
  if (!has_tensors(*dict) && !dict->items.empty()) {
    fail(where, "it holds no tensors by name but " + contents_of(*dict) +
                    "; a state_dict is expected, alone or under \"state_dict\", \"model_state_dict\" or \"model\"");
  }
  return *dict;
}

}  // namespace

PyTorchFile PyTorchFile::open(const std::filesystem::path& path) {
  std::shared_ptr<const bytes::MappedFile> file = bytes::MappedFile::open(path);
  return parse(file->bytes(), file, path.string());
}

PyTorchFile PyTorchFile::parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                               const std::string& where) {
  PyTorchFile file;
  file.is_zip_ = ZipArchive::looks_like(bytes);
  if (!file.is_zip_ && (bytes.empty() || bytes[0] != std::byte{0x80})) {
    const std::string cause = foreign_file(bytes);
    if (!cause.empty()) throw Error(ErrorKind::kBadInput, where + ": not a sound PyTorch file: " + cause);
    fail(where, "it begins neither as a zip archive nor as a pickle");
  }
  const Saved saved = file.is_zip_ ? read_zip(bytes, owner, where) : read_stream(bytes, owner, where);
  const PickleValue& dict = find_state_dict(*saved.pickle.root, where);
  Tensors tensors(saved, bytes.size(), where);
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& key = *dict.items[i];
    const PickleValue& value = *dict.items[i + 1];
    if (key.kind != PickleKind::kString) fail(where, "a key is " + std::string(name_of(key.kind)) + ", not a string");
    if (value.kind != PickleKind::kTensor) {
      file.skipped_.push_back(key.text);
      continue;
    }
    file.tensors_.insert_or_assign(
        key.text, tensors.view(key.text, saved.pickle.tensors[static_cast<std::size_t>(value.integer)]));
  }
  return file;
}

std::string wrapper_prefix(const std::map<std::string, tensor::TensorView>& tensors) {
  std::string prefix;
  const auto next = [&]() -> std::string_view {
    for (const std::string_view wrapper : kPrefixes) {
      const auto has = [&](const auto& entry) {
        return std::string_view(entry.first).substr(std::min(prefix.size(), entry.first.size())).starts_with(wrapper);
      };
      if (!tensors.empty() && std::all_of(tensors.begin(), tensors.end(), has)) return wrapper;
    }
    return {};
  };
  for (std::string_view wrapper = next(); !wrapper.empty(); wrapper = next()) prefix += wrapper;
  return prefix;
}

std::map<std::string, tensor::TensorView> without_wrapper_prefixes(
    const std::map<std::string, tensor::TensorView>& tensors) {
  const std::size_t prefix = wrapper_prefix(tensors).size();
  std::map<std::string, tensor::TensorView> shorter;
  for (const auto& [key, view] : tensors) shorter.emplace(key.substr(prefix), view);
  return shorter;
}

}  // namespace crossload::checkpoint
