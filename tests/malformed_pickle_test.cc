// Pickles and files of torch.save, and every way in which one can be wrong or hostile: a sentence for each, and the
// error that it must give.
#include <gmock/gmock.h>

#include "checkpoint/pytorch_file.h"
#include "checkpoint/unpickler.h"
#include "test_support.h"

namespace crossload {
namespace {

using namespace std::string_literals;

template <class T>
std::string le(T value) {
  return bytes_of(std::vector<T>{value});
}

std::string repeat(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

// Opcodes by name.
const std::string kProto = "\x80\x02";
std::string text(const std::string& value) { return "X" + le(static_cast<std::uint32_t>(value.size())) + value; }
std::string integer(std::int32_t value) { return "J" + le(value); }
std::string integer64(std::int64_t value) { return "\x8a\x08" + le(value); }
std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
std::string tuple(const std::vector<std::string>& items) {
  std::string all = "(";
  for (const std::string& item : items) all += item;
  return all + "t";
}
std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}
std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (const std::int64_t value : values) items.push_back(integer64(value));
  return tuple(items);
}

const std::string kFloats = global("torch", "FloatStorage");
std::string storage_of(const std::string& kind, const std::string& key, const std::string& count) {
  return tuple({text("storage"), kind, key, text("cpu"), count}) + "Q";
}
std::string storage(std::int64_t count = 4) { return storage_of(kFloats, text("0"), integer64(count)); }

const std::string kRebuild = global("torch._utils", "_rebuild_tensor_v2");
const std::string kHooks = global("collections", "OrderedDict") + ")R";
std::string tensor(const std::string& from, std::int64_t offset, const std::string& size, const std::string& stride) {
  return call(kRebuild, {from, integer64(offset), size, stride, "\x89", kHooks});
}

std::string pickle_of(const std::string& value) { return kProto + value + "."; }

struct Malformed {
  std::string problem;
  std::string bytes;
  std::string text;
  ErrorKind kind = ErrorKind::kBadInput;
};

std::vector<Malformed> malformed_pickles() {
  const auto run = [](const std::string& body) { return kProto + body; };
  const std::string refused = "which is refused: only tensors and plain containers are read; nothing of it was run";
  const std::string cut = " more bytes are expected (cut off?)";
  const std::string dict = global("collections", "OrderedDict");
  std::vector<Malformed> files = {
      // Beginning and end.
      {"nothing", "", "at byte 0: no pickle of protocol 2 or later begins here"},
      {"protocol 0, which is text", "(dp0\n.", "no pickle of protocol 2 or later"},
      {"protocol 1", "\x80\x01N.", "its protocol is 1, not 2 to 5"},
      {"a protocol that is not there yet", "\x80\x06N.", "its protocol is 6, not 2 to 5"},
      {"it ends after the protocol", kProto, "at byte 2: it ends where 1" + cut},
      {"it ends without an end", run("N"), "at byte 3: it ends where 1" + cut},
      {"a result that is not there", run("."), "its stack is empty"},
      {"two results", run("NN."), "it ends with values left over"},
      {"a mark that is left", run("(N."), "it ends with values left over"},
      // Names: what a hostile pickle would call.
      {"os.system", run(call(global("os", "system"), {text("id")}) + "."), "the global \"os.system\", " + refused},
      {"posix.system", run(global("posix", "system") + "."),
       "at byte 2: it names the global \"posix.system\", " + refused},
      {"nt.system", run(global("nt", "system")), refused},
      {"eval", run(global("builtins", "eval")), "\"builtins.eval\", " + refused},
      {"Python 2's eval", run(global("__builtin__", "eval")), refused},
      {"getattr, to reach everything", run(global("builtins", "getattr")), refused},
      {"a subprocess", run(text("subprocess") + text("Popen") + "\x93"), "\"subprocess.Popen\", " + refused},
      {"runpy", run(global("runpy", "_run_code")), refused},
      {"a socket", run(global("socket", "create_connection")), refused},
      {"pickle in a pickle", run(global("_pickle", "loads")), refused},
      {"torch.load", run(global("torch", "load")), refused},
      {"torch.hub", run(global("torch.hub", "load")), refused},
      {"a name of ours in another module", run(global("evil", "_rebuild_tensor_v2")), refused},
      {"an attribute of what is allowed", run(global("torch._utils", "_rebuild_tensor_v2.__globals__")), refused},
      {"a name with a line end and an escape", run(text("os\x1b[2J") + text("a\nb") + "\x93"), "\"os?[2J.a?b\""},
      {"a layer", run(global("torch.nn.modules.linear", "Linear")), "a whole module was pickled, not its tensors"},
      {"a model of Transformers", run(global("transformers.models.bert.modeling_bert", "BertModel")), "a whole module"},
      {"a class of the user's script", run(global("__main__", "Net")), "a whole module was pickled"},
      {"a name without an end", run("c" + std::string(600, 'x')), "a global's name has no end within 512 characters"},
      {"a name that is cut off", run("ctorch"), "a global's name has no end"},
      {"a module without a name", run("ctorch\n"), "a global's name has no end"},
      {"a name that is a number", run(text("torch") + "K\x01\x93"), "a global's name is no string"},
      {"a name from a long string", run(text(std::string(300, 'x')) + text(std::string(300, 'y')) + "\x93"),
       "a global's name is longer than 512 characters"},
      // Stack, marks and memo.
      {"a memo that was not filled", run("h\x05"), "its memo has no 5"},
      {"a memo far away", run("Nr\xff\xff\xff\xff"), "its memo grows over 1000000"},
      {"a memo of nothing", run("q\x01"), "its stack is empty"},
      {"a value thrown away that is not there", run("0"), "its stack is empty"},
      {"a tuple without a mark", run("Nt"), "there is no mark"},
      {"marks thrown away that are not there", run("1"), "there is no mark"},
      {"a tuple across a mark", run("N(\x85"), "its stack is empty"},
      {"1001 open marks", run(repeat("(", 1001)), "it nests deeper than the limit of 1000"},
      {"a million and one values", run(repeat("N0", 1'000'001)), "it has more values than the limit of 1000000"},
      {"a stack of a million and one", run("N" + repeat("2", 1'000'001)), "its stack grows over 1000000"},
      {"containers that multiply",
       run("](" + repeat(tuple({"N", "N"}), 1500) + "eq\x01" + "0" + repeat(dict + "h\x01\x85R0", 1500)),
       "its containers hold more than the limit of 4000000"},
      // Sizes and text.
      {"a string of 4 GiB", run("X\xff\xff\xff\xff"), "it ends where 4294967295" + cut},
      {"a string of 2^64 - 1 bytes", run("\x8d" + le(~std::uint64_t{0})), "it ends where 18446744073709551615" + cut},
      {"bytes of 2^63", run("\x8e" + le(std::uint64_t{1} << 63)), "it ends where 9223372036854775808" + cut},
      {"an integer of 4 GiB", run("\x8b\xff\xff\xff\xff"), "it ends where 4294967295" + cut},
      {"a frame that is longer than the file", run("\x95" + le(~std::uint64_t{0})), "a frame does not fit (cut off?)"},
      {"a string that is no UTF-8", run(text("\xff")), "a string is not UTF-8"},
      {"an overlong NUL", run(text("\xc0\x80")), "a string is not UTF-8"},
      {"half of a surrogate pair", run(text("\xed\xa0\x80")), "a string is not UTF-8"},
      {"a character beyond Unicode", run(text("\xf4\x90\x80\x80")), "a string is not UTF-8"},
      {"a character cut off", run(text("\xe2\x82")), "a string is not UTF-8"},
      // Containers and calls.
      {"a member of a list by key", run("]NNs"), "items are added to a list, not to a dict"},
      {"a member of a dict without a key", run("}Na"), "items are added to a dict, not to a list"},
      {"a member of a number", run("K\x01Na"), "items are added to an integer, not to a list"},
      {"a key without a value", run("}(Nu"), "a dict has a key without a value"},
      {"a dict of three", run("(NNNd"), "a dict has a key without a value"},
      {"None is called", run("N)R"), "something is called that is no global, or without a tuple"},
      {"a call without a tuple", run(dict + "NR"), "something is called that is no global, or without a tuple"},
      {"a type is called", run(kFloats + ")R"), "\"torch.FloatStorage\" is not to be called"},
      {"an OrderedDict of a number", run(dict + "K\x01\x85R"), "an OrderedDict is made from no list"},
      {"an OrderedDict of numbers",
       run(dict + "](K\x01"
                  "e\x85R"),
       "an OrderedDict is made from no pairs"},
      {"an OrderedDict of two arguments", run(dict + "NN\x86R"), "is called with 2 arguments, not 0 to 1"},
      {"attributes of None", run("N}b"), "attributes are set on None, only an OrderedDict may have some"},
      {"attributes that are a number",
       run("}K\x01"
           "b"),
       "attributes are set on a dict"},
      {"attributes of a tensor", run(tensor(storage(), 0, integers({4}), integers({1})) + "}b"),
       "attributes are set on a tensor"},
      // Storages.
      {"a persistent id that is None", run("NQ"), "a persistent id is no tuple of a kind and more"},
      {"a persistent id without a kind", run(")Q"), "a persistent id is no tuple of a kind and more"},
      {"a persistent id of a module", run(tuple({text("module"), "N"}) + "Q"), "a whole module was pickled"},
      {"a persistent id of another kind", run(tuple({text("file"), text("/etc/passwd")}) + "Q"),
       "a persistent id \"file\" of 2 parts"},
      {"a storage of three parts", run(tuple({text("storage"), kFloats, text("0")}) + "Q"),
       "a persistent id \"storage\" of 3 parts"},
      {"a storage whose class is a string", run(storage_of(text("FloatStorage"), text("0"), integer(1))),
       "a storage has no class of storages"},
      {"a storage whose class is a dtype", run(storage_of(global("torch", "float32"), text("0"), integer(1))),
       "a storage has no class of storages"},
      {"a storage with a number for a key", run(storage_of(kFloats, integer(0), integer(1))),
       "a storage's key is no string"},
      {"a storage with a long key", run(storage_of(kFloats, text(std::string(129, '0')), integer(1))),
       "a storage's key is longer than 128 characters"},
      {"a storage of a negative size", run(storage(-1)), "a storage's number of elements is negative"},
      {"a storage of None elements", run(storage_of(kFloats, text("0"), "N")), "elements is None, not an integer"},
      {"a storage of 2^64 elements", run(storage_of(kFloats, text("0"), "\x8a\x09" + std::string(8, '\0') + "\x01")),
       "elements is a large integer, not an integer"},
      {"a storage's view of two parts",
       run(tuple({text("storage"), kFloats, text("0"), text("cpu"), integer(4), integers({1, 2})}) + "Q"),
       "a storage's view is no tuple of three"},
      {"a storage's view outside",
       run(tuple({text("storage"), kFloats, text("0"), text("cpu"), integer(4), integers({7, 3, 2})}) + "Q"),
       "a storage's view lies outside of it"},
      {"a storage's view that overflows",
       run(tuple({text("storage"), kFloats, text("0"), text("cpu"), integer(4),
                  integers({7, 1, std::numeric_limits<std::int64_t>::max()})}) +
           "Q"),
       "a storage's view lies outside of it"},
      // Tensors.
      {"a tensor of three arguments", run(call(kRebuild, {"N", "N", "N"})), "with 3 arguments, not 6 to 7"},
      {"a tensor of a string", run(tensor(text("0"), 0, integers({4}), integers({1}))),
       "a tensor is made from no storage"},
      {"a tensor whose size is a number", run(tensor(storage(), 0, integer(4), integers({1}))),
       "a tensor's size is an integer, not a tuple"},
      {"a tensor whose size holds text", run(tensor(storage(), 0, tuple({text("4")}), integers({1}))),
       "a tensor's size is a string, not an integer"},
      {"a tensor of 65 dimensions",
       run(tensor(storage(), 0, integers(std::vector<std::int64_t>(65, 1)), integers({1}))),
       "a tensor has 65 dimensions, the limit is 64"},
      {"fewer strides than sizes", run(tensor(storage(), 0, integers({2, 2}), integers({1}))),
       "a tensor's size and stride differ in their lengths"},
      {"a dtype that is none",
       run(call(global("torch._utils", "_rebuild_tensor_v3"),
                {storage(), integer(0), integers({4}), integers({1}), "\x89", kHooks, kFloats})),
       "a tensor's dtype is no dtype"},
      {"a parameter of None", run(call(global("torch._utils", "_rebuild_parameter"), {"N", "\x88", kHooks})),
       "a parameter is made from no tensor"},
      {"a call that calls itself",
       run(call(global("torch._tensor", "_rebuild_from_type_v2"),
                {global("torch._tensor", "_rebuild_from_type_v2"), global("torch", "Tensor"), ")", "N"})),
       "_rebuild_from_type_v2 is called with other than tensors"},
      {"a size of text", run(call(global("torch", "Size"), {text("2")})), "a size is a string, not a tuple"},
  };
  // What only Python's own objects need, or what runs code, is no opcode here.
  for (const auto& [problem, opcode] :
       std::vector<std::pair<std::string, std::string>>{{"an instance of a class (INST)", "i"},
                                                        {"an object of a class (OBJ)", "o"},
                                                        {"a new object (NEWOBJ)", "\x81"},
                                                        {"a new object with keywords (NEWOBJ_EX)", "\x92"},
                                                        {"a registered extension (EXT1)", "\x82"},
                                                        {"a registered extension (EXT4)", "\x84"},
                                                        {"a persistent id in text (PERSID)", "P"},
                                                        {"a set (EMPTY_SET)", "\x8f"},
                                                        {"a frozen set (FROZENSET)", "\x91"},
                                                        {"an out-of-band buffer (NEXT_BUFFER)", "\x97"},
                                                        {"an integer in text (INT)", "I"},
                                                        {"a string in text (STRING)", "S"},
                                                        {"a byte that is no opcode", "\xff"s},
                                                        {"a NUL", "\0"s}}) {
    files.push_back({problem, run("NN" + opcode), " is none that torch.save writes"});
  }
  return files;
}

TEST(MalformedPickles, AreRefusedWithTheReason) {
  int cases = 0;
  for (const Malformed& file : malformed_pickles()) {
    SCOPED_TRACE(file.problem);
    const auto parse = [&] {
      const std::vector<char> exact(file.bytes.begin(), file.bytes.end());
      checkpoint::unpickle(std::as_bytes(std::span<const char>(exact)), "x.bin");
    };
    EXPECT_ERROR(parse(), file.kind, file.text);
    EXPECT_ERROR(parse(), file.kind, "x.bin: not a sound PyTorch pickle: at byte ");
    ++cases;
  }
  std::printf("%d malformed pickles\n", cases);
}

// Whole files: the stream of PyTorch before 1.6, whose parts are easily made.
const std::string kMagicPickle = pickle_of("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"s);
const std::string kHead = kMagicPickle + pickle_of("M\xe9\x03") + pickle_of("}");

std::string stream(const std::string& object, const std::string& keys, const std::string& data) {
  return kHead + pickle_of(object) + pickle_of(keys) + data;
}

std::string dict_of(const std::string& value) { return "}(" + text("a") + value + "u"; }

/// The tensor "a" over four floats.
std::string file_of(const std::string& value) {
  return stream(dict_of(value), "](" + text("0") + "e", le(std::int64_t{4}) + std::string(16, 'd'));
}

std::vector<Malformed> malformed_files() {
  constexpr std::int64_t kLarge = std::int64_t{1} << 62;
  const std::string sound = tensor(storage(), 0, integers({4}), integers({1}));
  const std::string out = "reaches out of its storage of 4";
  const auto strided = [](std::int64_t offset, const std::vector<std::int64_t>& size,
                          const std::vector<std::int64_t>& stride) {
    return file_of(tensor(storage(), offset, integers(size), integers(stride)));
  };
  const std::string four = le(std::int64_t{4}) + std::string(16, 'd');
  const std::string keys = "](" + text("0") + "e";
  return {
      {"nothing", "", "it is empty; download it again"},
      {"a page of the Web", "<!DOCTYPE html>", "it is a web page (HTML)"},
      {"a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\n", "it is a pointer of Git LFS"},
      {"a pickle of something else", pickle_of("}"), "does not begin with the number that torch.save writes first"},
      {"another magic number", pickle_of("\x8a\x0a" + std::string(10, 'x')), "does not begin with the number"},
      {"another protocol of the stream", kMagicPickle + pickle_of("M\xe8\x03"), "its protocol is not 1001"},
      {"nothing behind the head", kHead, "no pickle of protocol 2 or later begins here"},
      {"keys that are no list", stream(dict_of(sound), "}", four), "the keys of its storages are no list"},
      {"a key that is a number",
       stream(dict_of(sound),
              "](K\x01"
              "e",
              four),
       "the key of a storage is no string"},
      {"a storage that no tensor uses", stream("}", keys, four), "the storage \"0\" is used by no tensor"},
      {"a storage that is not there", stream(dict_of(sound), "]", ""),
       "the storage \"0\" of tensor \"a\" is not there"},
      {"a storage without its count", stream(dict_of(sound), keys, "1234567"), "\"0\" is not there (cut off?)"},
      {"a storage of another count", stream(dict_of(sound), keys, le(std::int64_t{5}) + std::string(20, 'd')),
       "the storage \"0\" has 5 elements and should have 4"},
      {"a storage of negative count", stream(dict_of(sound), keys, le(std::int64_t{-4})), "has -4 elements"},
      {"a storage cut off", stream(dict_of(sound), keys, four.substr(0, 23)), "needs 16 bytes, and 15 are left"},
      {"a storage whose bytes overflow",
       stream(dict_of(tensor(storage(kLarge + 4), 0, integers({4}), integers({1}))), keys, le(kLarge + 4)),
       "the storage \"0\" of 4611686018427387908 elements has more bytes than 64 bits count"},
      {"a storage twice", stream(dict_of(sound), "](" + text("0") + text("0") + "e", four + four), "is there twice"},
      {"bytes behind the last storage", stream(dict_of(sound), keys, four + "x"),
       "1 bytes at the end belong to no storage"},
      {"one element too many", strided(0, {5}, {1}), "tensor \"a\" [5] with strides [1] at element 0 " + out},
      {"an offset of one", strided(1, {4}, {1}), out},
      {"a negative offset", strided(-1, {4}, {1}), "at element -1 " + out},
      {"an offset near 2^63", strided(std::numeric_limits<std::int64_t>::max(), {2}, {1}), out},
      {"a negative stride", strided(3, {4}, {-1}), "with strides [-1] at element 3 " + out},
      {"a stride that overflows", strided(0, {3}, {kLarge}), out},
      {"strides whose sum overflows", strided(0, {2, 2, 2}, {kLarge, kLarge, kLarge}), out},
      {"a negative size", strided(0, {-1}, {1}), "shape [-1]: a dimension is negative"},
      {"2^64 elements", strided(0, {std::int64_t{1} << 32, std::int64_t{1} << 32}, {0, 0}),
       "the number of elements does not fit 63 bits"},
      {"2^62 elements of one", strided(0, {kLarge}, {0}),
       "tensor \"a\" of 4611686018427387904 elements has more bytes than 64 bits count"},
      {"a bomb: one element, expanded to 4 GiB", strided(0, {std::int64_t{1} << 30}, {0}),
       "has other strides than row-major, and the copies of such tensors come to more than the limit of 1073741824"},
      {"a list of tensors", stream("](" + sound + "e", keys, four),
       "it holds a list, where a dict of tensors is expected"},
      {"numbers alone", stream("}(" + text("epoch") + "K\x01u", "]", ""),
       "it holds no tensors by name but \"epoch\" (an integer); a state_dict is expected"},
      {"a key that is a number", stream("}(K\x01" + sound + "u", keys, four), "a key is an integer, not a string"},
      {"a dict in itself", stream("}q\x01(" + text("model") + "h\x01u", "]", ""), "it holds no tensors by name"},
      {"a sparse tensor", stream(dict_of(call(global("torch._utils", "_rebuild_sparse_tensor"), {"N", "N"})), "]", ""),
       "tensor \"a\" is sparse; save it as a dense float32 tensor", ErrorKind::kUnsupported},
  };
}

checkpoint::PyTorchFile parse(const std::string& bytes) {
  const auto copy = std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
  return checkpoint::PyTorchFile::parse(std::as_bytes(std::span<const char>(*copy)), copy, "x.bin");
}

TEST(MalformedPyTorchFiles, AreRefusedWithTheReason) {
  int cases = 0;
  for (const Malformed& file : malformed_files()) {
    SCOPED_TRACE(file.problem);
    EXPECT_ERROR(parse(file.bytes), file.kind, file.text);
    EXPECT_ERROR(parse(file.bytes), file.kind, "x.bin: ");
    ++cases;
  }
  std::printf("%d malformed files\n", cases);
}

TEST(MalformedPyTorchFiles, TheSoundOneIsRead) {
  const checkpoint::PyTorchFile file = parse(file_of(tensor(storage(), 1, integers({3}), integers({1}))));
  EXPECT_EQ(file.tensors().at("a").shape, Shape{3});
  EXPECT_EQ(file.tensors().at("a").bytes.size(), 12U);
}

}  // namespace
}  // namespace crossload
