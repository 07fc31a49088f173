// TensorFlow's operations as functions, with the names they have in Python. Shapes in comments are outermost first.
// Every one is stock TensorFlow, and one that LiteRT's converter takes without select ops (erf excepted). Axes may be
// negative. Each throws OperationError when its arguments do not fit.
#pragma once

#include "tf/ops_array.h"
#include "tf/ops_math.h"
#include "tf/ops_nn.h"
#include "tf/ops_reduce.h"
