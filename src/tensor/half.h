// Rounding to the two half precisions, as a checkpoint that was saved in one of them did.
#pragma once

namespace crossload::tensor {

/// The nearest float16 (ties to even), as float: 11 bits, 6e-8 apart below 6.1e-5, infinity from 65520.
float through_float16(float value);
/// The nearest bfloat16 (ties to even), as float: 8 bits, float's range.
float through_bfloat16(float value);

}  // namespace crossload::tensor
