// Python's pickle format as torch.save writes it, read without running anything.
//
//   80 02                 PROTO 2
//   63 "torch._utils\n_rebuild_tensor_v2\n"      GLOBAL: a name, which must be in the closed list of unpickler.cc
//   ( ... t               MARK ... TUPLE: the values since the mark
//   51                    BINPERSID: ('storage', torch.FloatStorage, key, location, count) becomes a storage
//   52                    REDUCE: calls the global with the tuple, here it makes a tensor
//   2e                    STOP: the value on top is the result
//
//   Pickle pickle = unpickle(bytes, "pytorch_model.bin: archive/data.pkl");
//   for (const auto* item : pickle.root->items) ...
//
// Values may hold themselves (a list in itself), so whoever walks them keeps count of the depth. Building them needs
// no recursion. Sources: Lib/pickletools.py of CPython 3.13; torch/_utils.py and torch/serialization.py of
// PyTorch 2.13.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "checkpoint/pickle.h"

namespace crossload::checkpoint {

/// Reads the pickle that begins at `begin`; offsets in errors count from the first of `bytes`, `where` begins them.
/// Tensors are checked for their types and ranks only; their storages are not looked at. Throws Error(kBadInput).
Pickle unpickle(std::span<const std::byte> bytes, const std::string& where, std::size_t begin = 0);

}  // namespace crossload::checkpoint
