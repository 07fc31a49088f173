// A divergence in words.
#pragma once

#include <string>

#include "verify/verification.h"

namespace crossload::verify {

/// "encoder.layer.0.attention.self.query (Linear, linear.py:53; called by BertSelfAttention, modeling_bert.py:412):
/// max |TensorFlow - PyTorch| = 4.87e+00 over 1.00e-05, worst at [0, 6, 5]: TensorFlow -3.360163, PyTorch 1.511231; in
/// TensorFlow Dense, src/keras/layers.cc:25, called by ...; hint: ...". Parts that are not known are left out.
std::string describe_divergence(const StageReport& report);

}  // namespace crossload::verify
