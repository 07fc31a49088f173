"""Samples for what the database of operations has few of: overloads called by name, types of other sizes, negative axes,
no dimensions, no elements, broadcasting, and symbolic sizes of all of these."""

import itertools

import torch

from programs import Sample

aten = torch.ops.aten
SHAPES = ((2, 3, 4), (), (0, 3), (3, 1))
PAIRS = (((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3)), ((0, 3), (1,)), ((), ()))
NUMBERS = (torch.float32, torch.int64, torch.int32)
ALL = (*NUMBERS, torch.bool, torch.float64, torch.float16, torch.uint8)


def tensor(shape, dtype=torch.float32, low=-3, high=3):
    """Of numbers that differ, without sums that cancel."""
    if dtype == torch.bool:
        return torch.randint(0, 2, shape).bool()
    if dtype.is_floating_point:
        return (torch.rand(shape) * (high - low) + low).to(dtype)
    return torch.randint(max(low, 0) if dtype == torch.uint8 else low, high + 1, shape).to(dtype)


def positive(shape, dtype=torch.float32):
    return tensor(shape, dtype, 1, 4)


def describe(value):
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(describe(one) for one in value)}]"
    return str(value).removeprefix("torch.")


class Group:
    """Samples of one name. Those of tensors with dimensions come with symbolic sizes too."""

    def __init__(self, name):
        self.name, self.samples = name, []

    def add(self, call, *arguments, free=True, fixed=(), **keywords):
        """fixed: places of arguments whose sizes stay numbers."""
        name = getattr(call, "__name__", type(call).__name__)
        if name.startswith("conv"):  # weights have sizes
            fixed = [place for place, one in enumerate(arguments) if isinstance(one, torch.Tensor) and place]
        words = [describe(one) for one in arguments] + [f"{k}={describe(v)}" for k, v in keywords.items()]
        text = f"{call if hasattr(call, '_schema') else name}({', '.join(words)})"
        tensors = [one for one in arguments if isinstance(one, torch.Tensor)]
        for sizes in (False, True) if free and any(one.dim() for one in tensors) else (False,):
            fixed_ones = [arguments[place] for place in fixed]
            self.samples.append(Sample(text + (" free" if sizes else ""), call, arguments, keywords, sizes, fixed_ones))
        return self


def unary():
    group = Group("unary")
    names = "abs acos asin atan ceil cos cosh erf exp exp2 expm1 floor log log10 log1p log2 neg reciprocal relu round"
    names += " rsqrt sigmoid sign sin sinh sqrt square tan tanh trunc isnan isinf isfinite logical_not"
    for name in names.split():
        call = getattr(aten, name).default
        for shape, dtype in itertools.product(SHAPES, (torch.float32, torch.int64)):
            group.add(call, tensor(shape, dtype, 0.1, 0.9) if dtype.is_floating_point else positive(shape, dtype))
        for dtype in (torch.int32, torch.float64, torch.float16, torch.bool):
            try:
                x = tensor((2, 3), dtype, 0.1, 0.9) if dtype.is_floating_point else positive((2, 3), dtype)
                call(x)
            except RuntimeError:  # not defined of bool
                continue
            group.add(call, x, free=False)
    odd = torch.tensor([float("inf"), -float("inf"), float("nan"), 0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 1e-30, 3e38])
    for name in "abs ceil floor round trunc sign isnan isinf isfinite relu exp log sqrt rsqrt reciprocal sigmoid tanh".split():
        group.add(getattr(aten, name).default, odd, free=False)
    for name in "silu gelu mish hardswish hardsigmoid hardtanh relu6 selu elu celu leaky_relu softplus log_sigmoid".split():
        for shape in SHAPES:
            group.add(getattr(aten, name).default, tensor(shape, torch.float32, -30, 30))
        if name != "gelu":  # which is NaN of infinity in PyTorch, or not, by the number of elements
            group.add(getattr(aten, name).default, odd, free=False)
    group.add(aten.gelu.default, tensor((2, 3)), approximate="tanh")
    group.add(aten.softplus.default, tensor((2, 3)), 2.0, 1.0).add(aten.elu.default, tensor((2, 3)), 0.5, 2.0, 3.0)
    group.add(aten.nan_to_num.default, odd).add(aten.nan_to_num.default, odd, 1.0, 2.0, 3.0)
    group.add(aten.nan_to_num.default, tensor((2, 3), torch.int64))
    group.add(aten.round.decimals, tensor((2, 3)), decimals=1).add(aten.round.decimals, tensor((2, 3)) * 100, decimals=-1)
    return group


def binary():
    group = Group("binary")
    names = "add sub mul div remainder fmod eq ne lt le gt ge".split()
    for name in names:
        call = getattr(aten, name).Tensor
        for one, other in PAIRS:
            group.add(call, tensor(one), positive(other))
        for one, other in itertools.product(NUMBERS + (torch.float64, torch.float16), NUMBERS + (torch.uint8,)):
            group.add(call, tensor((2, 3), one), positive((3,), other), free=False)
        group.add(call, tensor((2, 3), torch.int64, -9, 9), positive((), torch.float32), free=False)
        group.add(call, tensor((), torch.float64), positive((2, 3), torch.float32), free=False)
        group.add(call, -positive((2, 3), torch.int64), -positive((3,), torch.int64), free=False)
        scalar = getattr(aten, name).Scalar
        for dtype, number in itertools.product((torch.float32, torch.int64, torch.int32), (2, -3, 2.5)):
            group.add(scalar, tensor((2, 3), dtype, -9, 9), number)
    for name in ("add", "mul", "eq", "ne", "lt", "le", "gt", "ge"):
        group.add(getattr(aten, name).Tensor, tensor((2, 3), torch.bool), tensor((3,), torch.bool))
        group.add(getattr(aten, name).Tensor, tensor((2, 3), torch.bool), tensor((3,), torch.int64))
        group.add(getattr(aten, name).Scalar, tensor((2, 3), torch.bool), True, free=False)
        group.add(getattr(aten, name).Scalar, tensor((2, 3), torch.bool), 2, free=False)
    for alpha in (2, -1):
        for call in (aten.add.Tensor, aten.sub.Tensor, aten.rsub.Tensor):
            group.add(call, tensor((2, 3)), tensor((3,)), alpha=alpha)
            group.add(call, tensor((2, 3), torch.int64), tensor((3,), torch.int64), alpha=alpha)
        group.add(aten.rsub.Scalar, tensor((2, 3)), 2, alpha).add(aten.rsub.Scalar, tensor((2, 3), torch.int64), 2, alpha)
        group.add(aten.add.Scalar, tensor((2, 3)), 2, alpha)
    group.add(aten.add.Tensor, tensor((2, 3), torch.bool), tensor((3,), torch.bool), alpha=True, free=False)
    for mode in ("floor", "trunc", None):
        for one, other in ((torch.float32, torch.float32), (torch.int64, torch.int64), (torch.int32, torch.int64)):
            group.add(aten.div.Tensor_mode, tensor((2, 9), one, -9, 9), positive((9,), other), rounding_mode=mode)
            group.add(aten.div.Tensor_mode, tensor((2, 9), one, -9, 9), -positive((9,), other), rounding_mode=mode)
        group.add(aten.div.Scalar_mode, tensor((2, 9), torch.int64, -9, 9), -2, rounding_mode=mode)
        group.add(aten.div.Scalar_mode, tensor((2, 9), torch.int64, -9, 9), 2.5, rounding_mode=mode)
    group.add(aten.floor_divide.default, tensor((2, 9), torch.int64, -9, 9), -positive((9,), torch.int64))
    group.add(aten.floor_divide.default, tensor((2, 9), torch.float32, -9, 9), positive((9,)))
    group.add(aten.floor_divide.Scalar, tensor((2, 9), torch.int64, -9, 9), 2)
    group.add(aten.floor_divide.default, torch.tensor([1.0, 0.7, 5.0, float("inf")]), torch.tensor([0.1, 0.1, 0.0, 2.0]))
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        for dtype in (torch.int64, torch.int32, torch.bool, torch.uint8):
            group.add(getattr(aten, name).Tensor, tensor((2, 3), dtype), tensor((3,), dtype))
        group.add(getattr(aten, name).Tensor, tensor((2, 3), torch.bool), tensor((3,), torch.int64))
        group.add(getattr(aten, name).Scalar, tensor((2, 3), torch.int64), 3)
        group.add(getattr(aten, name).Scalar, tensor((2, 3), torch.bool), True)
    for name in ("logical_and", "logical_or", "logical_xor"):
        group.add(getattr(aten, name).default, tensor((2, 3)).round(), tensor((3,), torch.int64))
    for name in ("maximum", "minimum"):
        for dtype in ALL:
            group.add(getattr(aten, name).default, tensor((2, 3), dtype), tensor((3,), dtype))
        group.add(getattr(aten, name).default, torch.tensor([1.0, float("nan"), 3.0]), torch.tensor([float("nan"), 2.0, 1.0]))
        group.add(getattr(aten, name).default, tensor((2, 3), torch.int64), tensor((3,)))
    group.add(aten.max.other, tensor((2, 3)), tensor((3,))).add(aten.min.other, tensor((2, 3), torch.int64), tensor((3,)))
    for exponent in (0, 1, 2, 3, -1, 0.5, -0.5, 2.5, -2):
        group.add(aten.pow.Tensor_Scalar, positive((2, 3)), exponent)
        if exponent >= 0:
            group.add(aten.pow.Tensor_Scalar, positive((2, 3), torch.int64), exponent)
    group.add(aten.pow.Scalar, 2, tensor((2, 3))).add(aten.pow.Scalar, 2, positive((2, 3), torch.int64))
    group.add(aten.pow.Scalar, 2.5, positive((2, 3), torch.int64)).add(aten.pow.Tensor_Tensor, positive((2, 3)), tensor((3,)))
    group.add(aten.pow.Tensor_Tensor, positive((2, 3), torch.int64), positive((3,), torch.int32))
    group.add(aten.pow.Tensor_Tensor, positive((2, 3), torch.int64), tensor((3,)))
    group.add(aten.pow.Tensor_Tensor, positive((2, 3)), tensor((), torch.int64))
    group.add(aten.atan2.default, tensor((2, 3)), tensor((3,))).add(aten.atan2.default, tensor((3,), torch.int64), tensor((3,)))
    return group


def choices():
    group = Group("choices")
    mask = tensor((2, 3), torch.bool)
    for dtype in ALL:
        group.add(aten.where.self, mask, tensor((2, 3), dtype), tensor((3,), dtype))
        group.add(aten.masked_fill.Scalar, tensor((2, 3), dtype), mask, 1)
        group.add(aten.masked_fill.Tensor, tensor((2, 3), dtype), mask, torch.tensor(1).to(dtype))
    group.add(aten.where.self, mask, tensor((2, 3), torch.int64), tensor((3,))).add(aten.where.ScalarOther, mask, tensor((3,)), 0)
    group.add(aten.where.ScalarSelf, mask, 1, tensor((3,), torch.int64)).add(aten.where.Scalar, mask, 1.0, 0)
    group.add(aten.where.Scalar, mask, 1, 0).add(aten.where.self, tensor((4, 1), torch.bool), tensor((1, 3)), tensor(()))
    group.add(aten.masked_fill.Scalar, tensor((2, 3)), mask, -float("inf"))
    group.add(aten.masked_fill.Scalar, tensor((3,)), tensor((2, 1), torch.bool), 2.0)
    for dtype in (torch.float32, torch.int64):
        x = tensor((2, 3), dtype)
        group.add(aten.clamp.default, x, -1, 1).add(aten.clamp.default, x, 0).add(aten.clamp.default, x, None, 0)
        group.add(aten.clamp.Tensor, x, tensor((3,), dtype), None).add(aten.clamp.Tensor, x, tensor((), dtype), positive((3,), dtype))
        group.add(aten.clamp_min.default, x, 1).add(aten.clamp_max.default, x, 1).add(aten.clip.default, x, -1, 1)
    group.add(aten.clamp.default, tensor((2, 3), torch.int64), -0.5, 1.5).add(aten.clamp_min.default, tensor((2, 3), torch.int64), 0.5)
    group.add(aten.clamp.default, torch.tensor([float("nan"), 3.0, -3.0]), -1, 1).add(aten.clamp.default, tensor((3,)), 2, -2)
    group.add(aten.lerp.Scalar, tensor((2, 3)), tensor((3,)), 0.3).add(aten.lerp.Tensor, tensor((2, 3)), tensor((3,)), tensor((3,)))
    group.add(aten.addcmul.default, tensor((2, 3)), tensor((3,)), tensor((2, 1)), value=2)
    group.add(aten.addcmul.default, tensor((2, 3), torch.int64), tensor((3,), torch.int64), tensor((2, 1), torch.int64), value=2)
    group.add(aten.addcdiv.default, tensor((2, 3)), tensor((3,)), positive((2, 1)), value=0.5)
    return group


def reductions():
    group = Group("reductions")
    x, whole = tensor((2, 3, 4)), tensor((2, 3, 4), torch.int64)
    for dims, keep in itertools.product(([1], [-1], [0, -1], [-2, -3], []), (False, True)):
        for call in (aten.mean.dim, aten.sum.dim_IntList, aten.amax.default, aten.amin.default, aten.logsumexp.default):
            if dims or call not in (aten.logsumexp.default,):
                group.add(call, x, dims, keep)
        group.add(aten.sum.dim_IntList, whole, dims, keep).add(aten.sum.dim_IntList, whole > 0, dims, keep)
        group.add(aten.linalg_vector_norm.default, x, 2, dims or None, keep)
        for correction in (0, 1, 2):
            group.add(aten.var.correction, x, dims or None, correction=correction, keepdim=keep)
        group.add(aten.std.correction, x, dims or None, correction=1, keepdim=keep)
        group.add(aten.var_mean.correction, x, dims or None, correction=1, keepdim=keep)
        group.add(aten.any.dims, whole, dims or None, keep).add(aten.all.dims, whole > -1, dims or None, keep)
    for dim, keep in itertools.product((0, 1, -1), (False, True)):
        for y in (x, whole, whole.int(), x > 0):
            group.add(aten.any.dim, y, dim, keep).add(aten.all.dim, y, dim, keep).add(aten.prod.dim_int, y, dim, keep)
        for y in (x, torch.randperm(24).reshape(2, 3, 4)):
            group.add(aten.max.dim, y, dim, keep).add(aten.min.dim, y, dim, keep)
            group.add(aten.argmax.default, y, dim, keep).add(aten.argmin.default, y, dim, keep)
        group.add(aten.argmax.default, whole, dim, keep).add(aten.max.dim, whole > 0, dim, keep)
    for y in (x, whole, tensor(()), tensor((), torch.int64), tensor((0, 3)), x > 0, tensor((2,), torch.int32), tensor((2,), torch.uint8)):
        group.add(aten.sum.default, y).add(aten.prod.default, y).add(aten.any.default, y).add(aten.all.default, y)
        if y.numel():
            group.add(aten.max.default, y).add(aten.min.default, y).add(aten.argmax.default, y).add(aten.argmin.default, y)
        if y.is_floating_point():
            group.add(aten.mean.default, y)
        for call in (aten.cumsum.default, aten.cumprod.default, aten.cummax.default, aten.cummin.default):
            group.add(call, y, 0).add(call, y, -1)
    group.add(aten.sum.default, x, dtype=torch.float64, free=False).add(aten.sum.default, whole, dtype=torch.float32)
    group.add(aten.mean.default, whole, dtype=torch.float32).add(aten.cumsum.default, whole, 1, dtype=torch.float32)
    group.add(aten.sum.dim_IntList, tensor((0, 3)), [0]).add(aten.mean.dim, tensor((0, 3)), [0]).add(aten.sum.dim_IntList, tensor(()), [0])
    odd = torch.tensor([[1.0, float("nan"), 3.0], [float("inf"), -float("inf"), 2.0]])
    for call in (aten.amax.default, aten.amin.default, aten.sum.dim_IntList, aten.logsumexp.default):
        group.add(call, odd, [1])
    group.add(aten.max.dim, odd, 1).add(aten.argmax.default, odd, 1).add(aten.argmin.default, odd, 1).add(aten.max.default, odd)
    group.add(aten.logsumexp.default, torch.full((2, 3), -float("inf")), [1]).add(aten.cumsum.default, odd, 1)
    for order in (0, 1, 2, 3, -1, 0.5, float("inf"), -float("inf")):
        group.add(aten.linalg_vector_norm.default, x, order, [-1], True).add(aten.linalg_vector_norm.default, x, order)
    for dim in (None, [-1], [0, 1]):
        group.add(aten.linalg_norm.default, x, None, dim, True)
    group.add(aten.linalg_norm.default, x, 1, [-1]).add(aten.linalg_norm.default, x, float("inf"), [0])
    group.add(aten.norm.Scalar, x, 2).add(aten.norm.ScalarOpt_dim, x, 1, [1], True).add(aten.norm.ScalarOpt_dim, x, None, [1])
    for dim in (0, 1, -1):
        group.add(aten.softmax.int, x, dim).add(aten.log_softmax.int, x, dim).add(aten._softmax.default, x, dim, False)
    group.add(aten.softmax.int, tensor((2, 3), torch.float16), 1, torch.float32).add(aten.softmax.int, tensor(()), 0)
    group.add(aten.softmax.int, tensor((0, 3)), 1).add(aten.softmax.int, torch.full((2, 3), -float("inf")), 1)
    group.add(aten.softmax.int, tensor((2, 3), torch.int64), 1, torch.float32).add(aten.log_softmax.int, tensor((2, 3), torch.float64), 1)
    group.add(aten.diff.default, x, 1, -1).add(aten.diff.default, x, 2, 0).add(aten.diff.default, whole > 0, 1, 1)
    group.add(aten.diff.default, x, 1, -1, tensor((2, 3, 1)), tensor((2, 3, 2)))
    return group


def orders():
    group = Group("orders")
    x, whole = tensor((2, 3, 5)), torch.randperm(30).reshape(2, 3, 5) - 15
    for y, dim, largest in itertools.product((x, whole, whole.int(), x.double()), (0, 1, -1), (True, False)):
        # Which of equal ones is the k-th is not said, and other sizes have equal ones.
        group.add(aten.topk.default, y, 2, dim, largest, free=False).add(aten.sort.default, y, dim, largest)
        group.add(aten.sort.stable, y, stable=True, dim=dim, descending=largest).add(aten.argsort.default, y, dim, largest)
    ties = torch.tensor([[3, 1, 3, 2, 1, 3], [0, 0, 1, 1, 0, 0]])
    for y, down in itertools.product((ties, ties.float(), ties > 1), (False, True)):
        group.add(aten.sort.stable, y, stable=True, dim=-1, descending=down)
        group.add(aten.argsort.stable, y, stable=True, dim=0, descending=down)
    for y in (ties, ties.float()):
        group.add(aten.argmax.default, y, 1).add(aten.argmin.default, y, 1).add(aten.max.dim, y, 1).add(aten.argmax.default, y)
    odd = torch.tensor([[1.0, float("nan"), 3.0, -float("inf"), float("inf")]])
    group.add(aten.sort.default, odd).add(aten.sort.default, odd, -1, True).add(aten.topk.default, odd, 3)
    low = torch.tensor([-(2**63), 2**63 - 1, 0, -1, -(2**63) + 1])
    group.add(aten.sort.default, low, free=False).add(aten.topk.default, low, 2, -1, False, free=False)
    small = torch.tensor([0, 255, 3, 7], dtype=torch.uint8)
    group.add(aten.sort.default, small, free=False).add(aten.sort.default, small, -1, True, free=False)
    group.add(aten.sort.default, tensor(()), -1).add(aten.topk.default, tensor(()), 1).add(aten.argsort.default, tensor(()), 0)
    group.add(aten.topk.default, tensor((2, 3)), 0).add(aten.sort.default, tensor((0, 3)), 1).add(aten.sort.default, tensor((3, 0)), 1)
    edges = torch.tensor([-1.0, 0.0, 0.5, 2.0])
    for right in (False, True):
        group.add(aten.searchsorted.Tensor, edges, x, right=right, fixed=(0,))
        for y in (x, edges + 0, whole):
            group.add(aten.bucketize.Tensor, y, edges, right=right, fixed=(1,))
        group.add(aten.bucketize.Tensor, tensor((3,)), torch.tensor([-1, 1, 2]), right=right, fixed=(1,))
        group.add(aten.bucketize.Tensor, x, edges, right=right, out_int32=True, fixed=(1,))
    for y, dim in itertools.product((x, whole, ties, ties.float(), ties > 1), (0, 1, -1)):
        group.add(aten.cummax.default, y, dim).add(aten.cummin.default, y, dim)
    for y, other in itertools.product((ties, ties.float()), (torch.tensor([1, 2]), torch.tensor([[1.0, 3.5]]), tensor((0,)))):
        for invert in (False, True):
            group.add(aten.isin.Tensor_Tensor, y, other, invert=invert)
    group.add(aten.isin.Tensor_Scalar, ties, 3).add(aten.isin.Scalar_Tensor, 3, ties).add(aten.isin.Tensor_Tensor, tensor(()), x)
    rows = torch.arange(10.0).reshape(2, 5)
    group.add(aten.searchsorted.Tensor, rows, tensor((2, 3)), side="right", free=False)
    group.add(aten.searchsorted.Tensor, -rows, tensor((2, 3)), sorter=torch.argsort(-rows), free=False)
    group.add(aten.nonzero.default, ties).add(aten.nonzero.default, tensor((2, 3), torch.bool))
    group.add(torch.where, ties > 1).add(torch.where, tensor((2, 3), torch.bool))
    return group


def shapes():
    group = Group("shapes")
    x = tensor((2, 3, 4))
    for dims in ([0, 2, 1], [2, 1, 0], [-1, 0, 1], [0, 1, 2]):
        group.add(aten.permute.default, x, dims)
    group.add(aten.transpose.int, x, 0, -1).add(aten.transpose.int, x, -2, -2).add(aten.t.default, x[0]).add(aten.t.default, x[0, 0])
    group.add(aten.permute.default, tensor(()), []).add(aten.transpose.int, tensor(()), 0, -1)
    for dim in (0, 1, -1, 3, -4):
        group.add(aten.unsqueeze.default, x, dim)
    one = tensor((1, 3, 1))
    group.add(aten.squeeze.default, one).add(aten.squeeze.dim, one, 0).add(aten.squeeze.dim, one, -1).add(aten.squeeze.dim, one, 1)
    group.add(aten.squeeze.dims, one, [0, -1]).add(aten.squeeze.dim, tensor(()), 0).add(aten.unsqueeze.default, tensor(()), -1)
    group.add(aten.view.default, x, [6, 4], free=False).add(aten.view.default, x, [-1]).add(aten.view.default, x, [2, -1, 2], free=False)
    group.add(aten.view.default, tensor((0, 3)), [3, 0]).add(aten.view.default, tensor((1,)), []).add(aten.reshape.default, tensor(()), [1, 1])
    group.add(torch.flatten, x, 1).add(torch.flatten, x, 0, -2).add(torch.flatten, tensor(())).add(torch.unflatten, x, -1, (2, -1))
    group.add(aten.expand.default, one, [5, 3, 4]).add(aten.expand.default, one, [2, 5, -1, 7]).add(aten.expand.default, tensor(()), [2, 3])
    for start, end, step in ((0, 2, 1), (1, None, 1), (-2, -1, 1), (0, 9, 2), (1, 2**63 - 1, 3), (3, 1, 1), (-9, 9, 1)):
        for dim in (0, -1):
            group.add(aten.slice.Tensor, x, dim, start, end, step)
            source = aten.slice.Tensor(x, dim, start, end, step)
            group.add(aten.slice_scatter.default, x, tensor(source.shape), dim, start, end, step, free=False)
    group.add(aten.slice.Tensor, tensor((0, 3)), 0, 0, 2)
    for dim, index in ((0, 0), (0, -1), (1, 1), (-1, -2), (2, 3)):
        group.add(aten.select.int, x, dim, index)
        group.add(aten.select_scatter.default, x, tensor(x.select(dim, index).shape), dim, index, free=False)
    for dim in (0, 1, -1):
        shape = list(x.shape)
        shape[dim] = 5
        group.add(aten.cat.default, [x, tensor(shape)], dim, free=False).add(aten.stack.default, [x, x + 1], dim)
        group.add(aten.cat.default, [x, x.long(), tensor((0,))], dim, free=False).add(aten.unbind.int, x, dim, free=False)
        group.add(aten.split.Tensor, x, 2, dim, free=False).add(aten.split_with_sizes.default, tensor((5, 5, 5)), [1, 0, 4], dim)
        group.add(torch.chunk, tensor((5, 5, 5)), 3, dim, free=False).add(aten.flip.default, x, [dim]).add(aten.roll.default, x, [2], [dim])
        group.add(aten.repeat_interleave.self_int, x, 3, dim).add(aten.unfold.default, x, dim, 2, 1).add(aten.movedim.intlist, x, [dim], [1])
    group.add(aten.stack.default, [x, x.long()], -1, free=False).add(aten.cat.default, [tensor((0,)), tensor((0,))], 0)
    group.add(aten.flip.default, x, [0, -1]).add(aten.flip.default, x, []).add(aten.roll.default, x, [-5], []).add(aten.roll.default, x, [1, -1], [0, 2])
    group.add(aten.repeat.default, x, [2, 1, 3]).add(aten.repeat.default, x, [2, 1, 1, 2]).add(aten.repeat.default, tensor(()), [2])
    group.add(aten.repeat.default, x, [0, 1, 1]).add(aten.tile.default, x, [2]).add(aten.tile.default, tensor((2,)), [2, 3])
    for repeats, dim, size in (([1, 0, 2], 1, 3), ([2, 1], 0, 3), ([3], -1, 12), ([0, 2, 2, 1], 2, 5)):
        group.add(aten.repeat_interleave.self_Tensor, x, torch.tensor(repeats), dim, output_size=size, free=False)
    group.add(aten.repeat_interleave.Tensor, torch.tensor([2, 0, 3]), output_size=5, free=False)
    group.add(aten.repeat_interleave.self_int, x, 2).add(aten.unfold.default, tensor((7,)), 0, 3, 2)
    for pads in ([1, 2], [-1, 1], [1, 0, 2, 1], [0, 0, -1, -1], [1, 1, 1, 1, 1, 1]):
        group.add(aten.constant_pad_nd.default, x, pads, 1.5).add(aten.pad.default, x, pads)
        group.add(aten.constant_pad_nd.default, tensor((2, 3, 4), torch.int64), pads, 2)
        group.add(aten.constant_pad_nd.default, x > 0, pads, 1).add(aten.constant_pad_nd.default, x > 0, pads)
    for mode in ("reflect", "replicate", "circular"):
        group.add(aten.pad.default, x, [1, 2], mode).add(aten.pad.default, x[None], [1, 2, 2, 1], mode)
    group.add(aten.meshgrid.indexing, [tensor((2,)), tensor((3,))], indexing="ij").add(aten.meshgrid.indexing, [tensor((2,)), tensor((3,))], indexing="xy")
    for diagonal in (0, 1, -1, 9, -9):
        group.add(aten.triu.default, x, diagonal).add(aten.tril.default, x, diagonal)
        group.add(aten.triu.default, x > 0, diagonal).add(aten.tril.default, x.long(), diagonal)
    for dtype in ALL:
        group.add(aten.clone.default, tensor((2, 3), dtype))
        for other in ALL:
            group.add(torch.Tensor.to, positive((2, 3), dtype), other, free=False)
    group.add(torch.Tensor.to, torch.tensor([-2.7, -0.5, 0.0, 0.3, 1.9]), torch.int64).add(torch.Tensor.to, torch.tensor([0.3, 0.0]), torch.bool)
    return group


def creation():
    group = Group("creation")
    x = tensor((2, 3))
    for dtype in ALL:
        group.add(torch.full_like, x, 2, dtype=dtype).add(torch.ones_like, x, dtype=dtype).add(torch.zeros_like, x, dtype=dtype)
        group.add(aten.full.default, [2, 3], 1, dtype=dtype).add(aten.new_ones.default, x, [2], dtype=dtype)
        group.add(aten.eye.m, 2, 3, dtype=dtype).add(aten.new_full.default, x, [0, 2], 3, dtype=dtype)
    for ends in ((5,), (2, 7), (2, 7, 2), (7, 2, -2), (0,), (2.5,), (1.0, 2.0, 0.3), (0, 1, 0.25), (5, 5)):
        group.add(torch.arange, *ends).add(torch.arange, *ends, dtype=torch.float32).add(torch.arange, *ends, dtype=torch.int32)
    group.add(torch.linspace, 0, 1, 5).add(torch.linspace, -3.0, 7.0, 11).add(torch.linspace, 2, 3, 1).add(torch.linspace, 2, 3, 0)
    for y in (tensor((7, 2)), tensor((2, 7))):
        group.add(lambda z: torch.linspace(0, z.shape[0] - 1, z.shape[0]), y).add(lambda z: torch.linspace(-1.0, 1.0, z.shape[0]), y)
        group.add(lambda z: torch.linspace(z[0, 0], z[0, 1], 4), y, free=False)
        group.add(lambda z: torch.linspace(0.5, z.shape[0], 6), y).add(lambda z: torch.linspace(z.shape[1], 0.5, 5), y)
    group.add(torch.linspace, 0, 10, 4, dtype=torch.int64).add(torch.scalar_tensor, 2.5).add(torch.scalar_tensor, 2, dtype=torch.int64)
    group.add(aten.fill.Scalar, x, 2).add(aten.fill.Tensor, x.long(), torch.tensor(3)).add(aten.copy.default, x, tensor((3,)).long())
    group.add(lambda y: torch.arange(y.shape[0]) + y.shape[1], x).add(lambda y: torch.zeros(y.shape[1], y.shape[0] + 1), x)
    group.add(lambda y: torch.arange(0, y.shape[1], 0.5), x).add(lambda y: torch.full((y.numel(),), y.shape[0]), x)
    return group


def indexing():
    group = Group("indexing")
    x, whole = tensor((4, 5, 6)), tensor((4, 5, 6), torch.int64)
    one, two, pair = torch.tensor([0, -1, 2]), torch.tensor([[1], [3]]), torch.tensor([[0, 1], [2, -3]])
    lists = ([one], [None, one], [None, None, pair], [one, one], [None, one, two], [one, None, two], [two, one, one],
             [pair, None, pair], [torch.tensor(1)], [None, torch.tensor(-1), one], [torch.tensor(2), None, one])
    for indices in lists:
        group.add(aten.index.Tensor, x, indices, free=False).add(aten.index.Tensor, whole > 0, indices, free=False)
        shape = aten.index.Tensor(x, indices).shape
        group.add(aten.index_put.default, x, indices, tensor(shape), free=False).add(aten.index_put.default, x, indices, tensor(()), free=False)
        group.add(aten.index_put.default, x, indices, tensor(shape[-1:]), True, free=False)
        group.add(aten.index_put.default, whole, indices, tensor((1,), torch.int64), True, free=False)
        group.add(aten.index.Tensor, x, [i if i is None else i.int() for i in indices], free=False)
    masks = (tensor((4,), torch.bool), tensor((4, 5), torch.bool), tensor((4, 5, 6), torch.bool))
    for mask in masks:
        group.add(aten.index.Tensor, x, [mask], free=False).add(aten.index_put.default, x, [mask], tensor(()), free=False)
        group.add(aten.index_put.default, x, [mask], x[mask] + 1, free=False).add(aten.masked_scatter.default, x, masks[2], x + 1)
    group.add(aten.index.Tensor, x, [None, tensor((5,), torch.bool)], free=False)
    group.add(aten.index.Tensor, x, [None, tensor((5, 6), torch.bool)], free=False)
    group.add(aten.index.Tensor, x, [tensor((4,), torch.bool), None, torch.tensor([1])], free=False)
    for dim in (0, 1, -1):
        for y in (x, whole, x > 0):
            group.add(aten.index_select.default, y, dim, torch.tensor([0, 3, 3, 1])).add(aten.index_select.default, y, dim, torch.tensor(2))
            places = torch.randint(0, 4, (2, 3, 4))
            group.add(aten.gather.default, y, dim, places, free=False).add(torch.take_along_dim, y, torch.randint(0, 4, (4, 5, 6)), dim, free=False)
        places = torch.argsort(tensor((4, 4, 4)), dim)
        for y in (tensor((4, 4, 4)), tensor((4, 4, 4), torch.int64)):
            group.add(aten.scatter.src, y, dim, places, y * 2 + 1, free=False).add(aten.scatter.value, y, dim, places[:2, :2, :2], 7, free=False)
            group.add(aten.scatter_add.default, y, dim, torch.randint(0, 4, (3, 2, 4)), y + 1, free=False)
            for way in ("sum", "prod", "amax", "amin", "mean"):
                for own in (True, False):
                    group.add(aten.scatter_reduce.two, y, dim, torch.randint(0, 4, (3, 2, 4)), y + 1, way, include_self=own, free=False)
            group.add(aten.scatter.reduce, y, dim, places, y + 1, reduce="multiply", free=False)
            group.add(aten.index_add.default, y, dim, torch.tensor([1, 3, 1]), positive((3,) * 3, y.dtype).repeat(2, 2, 2)[tuple(slice(3 if i == dim % 3 else 4) for i in range(3))], free=False)
            group.add(aten.index_copy.default, y, dim, torch.tensor([1, 3]), positive((4,) * 3, y.dtype)[tuple(slice(2 if i == dim % 3 else 4) for i in range(3))], free=False)
            group.add(aten.index_fill.int_Scalar, y, dim, torch.tensor([1, -1]), 5, free=False)
    group.add(aten.gather.default, tensor(()), 0, torch.tensor(0)).add(aten.index_select.default, tensor(()), 0, torch.tensor([0]))
    group.add(aten.scatter.src, tensor(()), 0, torch.tensor(0), tensor(())).add(aten.gather.default, x, 1, torch.zeros((4, 0, 6), dtype=torch.int64), free=False)
    for ids in (torch.tensor([[1, 2], [0, 3]]), torch.tensor([1], dtype=torch.int32), torch.tensor(2), torch.zeros((0,), dtype=torch.int64)):
        group.add(aten.embedding.default, x[0], ids, free=False).add(torch.nn.functional.embedding, ids, x[0], 1, free=False)
    bags, sizes = torch.randint(0, 7, (4, 3)), torch.tensor([0, 2, 2, 5])
    for mode in ("sum", "mean"):
        group.add(torch.nn.functional.embedding_bag, bags, tensor((7, 5)), mode=mode, free=False)
        group.add(torch.nn.functional.embedding_bag, bags, tensor((7, 5)), mode=mode, padding_idx=2, free=False)
        group.add(torch.nn.functional.embedding_bag, bags.flatten(), tensor((7, 5)), sizes, mode=mode, free=False)
        group.add(torch.nn.functional.embedding_bag, bags.flatten(), tensor((7, 5)), torch.cat([sizes, torch.tensor([12])]), mode=mode, include_last_offset=True, free=False)
    group.add(torch.nn.functional.embedding_bag, bags, tensor((7, 5)), mode="sum", per_sample_weights=tensor((4, 3)), free=False)
    for bins, low, high in ((4, -2, 2), (5, 0, 4), (3, -1.5, 2.5), (4, 0, 0), (1, 2, 2)):
        for shape in ((40,), (3, 8), (), (0,)):
            group.add(torch.histc, tensor(shape), bins, low, high)
    group.add(torch.histc, torch.arange(9.0), 9, 0, 8)
    group.add(torch.nn.functional.one_hot, torch.tensor([0, 2, 1]), 4).add(torch.nn.functional.one_hot, torch.tensor([[0, 2]]), 3)
    return group


def matrices():
    group = Group("matrices")
    sizes = (((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)),
             ((2, 3), (5, 3, 4)), ((5, 1, 2, 3), (2, 3, 4)), ((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((0, 3), (3, 4)), ((2, 0), (0, 4)))
    for one, other in sizes:
        for dtype in (torch.float32, torch.int64, torch.int32, torch.float64):
            group.add(aten.matmul.default, tensor(one, dtype), tensor(other, dtype))
    for dtype in (torch.float32, torch.int64):
        a, b = tensor((2, 3), dtype), tensor((3, 4), dtype)
        for beta, alpha in ((1, 1), (0, 1), (2, 3), (1, 0)):
            for bias in ((4,), (2, 4), (1, 4), (2, 1), ()):
                group.add(aten.addmm.default, tensor(bias, dtype), a, b, beta=beta, alpha=alpha)
            group.add(aten.baddbmm.default, tensor((4,), dtype), a.expand(5, 2, 3), b.expand(5, 3, 4), beta=beta, alpha=alpha)
            group.add(aten.addmv.default, tensor((2,), dtype), a, b[:, 0], beta=beta, alpha=alpha)
        group.add(aten.bmm.default, a.expand(5, 2, 3), b.expand(5, 3, 4)).add(aten.mv.default, a, b[:, 0]).add(aten.dot.default, a[0], b[:, 0])
        group.add(aten.outer.default, a[0], b[0]).add(torch.kron, a, b).add(torch.einsum, "ij,jk->ik", a, b)
    group.add(aten.addmm.default, torch.full((4,), float("nan")), tensor((2, 3)), tensor((3, 4)), beta=0)
    for equation in ("bij,bjk->bik", "bij,kj->bik", "bij,bij->b", "bij,bkj", "b i j, j -> b i", "bij,bjk->kb"):
        second = {"kj": (4, 3), "bij": (5, 2, 3), "bkj": (5, 4, 3), "j": (3,)}.get(equation.replace(" ", "").split("->")[0].split(",")[1], (5, 3, 4))
        group.add(torch.einsum, equation, tensor((5, 2, 3)), tensor(second))
    group.add(torch.einsum, "bi,ij,bj->b", tensor((5, 2)), tensor((2, 3)), tensor((5, 3)))
    group.add(torch.einsum, "...i,ij,jk,...k->...", tensor((5, 2)), tensor((2, 3)), tensor((3, 4)), tensor((5, 4)), fixed=(2,))
    group.add(torch.einsum, "...ik,...j->ij", tensor((2, 3, 4)), tensor((2, 5))).add(torch.einsum, "...i,ij,...j->", tensor((5, 2)), tensor((2, 3)), tensor((5, 3)))
    group.add(aten.bilinear.default, tensor((5, 2)), tensor((5, 3)), tensor((4, 2, 3)), tensor((4,)), fixed=(2, 3))
    group.add(aten.bilinear.default, tensor((2, 5, 2)), tensor((2, 5, 3)), tensor((4, 2, 3)), fixed=(2,))
    for p, rows in itertools.product((0, 1, 2, 3.5, float("inf")), (4, 30)):
        group.add(aten.cdist.default, tensor((2, 5, 3)), tensor((2, rows, 3)), p, None)
        group.add(aten.cdist.default, tensor((5, 3)), tensor((rows, 3)), p, None, fixed=(1,))
    group.add(aten.cdist.default, tensor((5, 3)), tensor((4, 3)), 2, 1).add(aten.cdist.default, tensor((5, 3)), tensor((30, 3)), 2, 2)
    group.add(aten.cdist.default, tensor((0, 3)), tensor((4, 3)), 2, None)
    group.add(torch.einsum, "...ij,...jk->...ik", tensor((5, 2, 3)), tensor((3, 4))).add(torch.einsum, "ii->i", tensor((3, 3)), free=False)
    group.add(torch.einsum, "ii", tensor((3, 3)), free=False).add(torch.einsum, "ij->ji", tensor((2, 3))).add(torch.einsum, "ij->", tensor((2, 3)))
    for shape in ((3,), (2, 3), (5, 2, 3), (2, 5, 2, 3), (0, 3)):
        group.add(aten.linear.default, tensor(shape), tensor((4, 3)), tensor((4,))).add(aten.linear.default, tensor(shape), tensor((4, 3)))
        group.add(aten.linear.default, tensor(shape), tensor((3,)))
    group.add(aten.linear.default, tensor((5, 2, 3)), tensor((3,)), tensor(()))
    q, k, v = tensor((2, 4, 5, 6)), tensor((2, 4, 7, 6)), tensor((2, 4, 7, 3))
    attention = torch.nn.functional.scaled_dot_product_attention
    group.add(attention, q, k, v).add(attention, q, k, v, scale=0.3).add(attention, q, k, v, is_causal=True).add(attention, q[0], k[0], v[0])
    for mask in (tensor((5, 7)), tensor((2, 1, 5, 7)), tensor((5, 7), torch.bool) | torch.eye(5, 7).bool(), torch.zeros((5, 7), dtype=torch.bool)):
        group.add(attention, q, k, v, attn_mask=mask, free=False)
    group.add(attention, q, k[:, :2], v[:, :2], enable_gqa=True, free=False)
    return group


def special():
    group = Group("special")
    x, y, whole = tensor((2, 3, 4)), tensor((3, 1)), tensor((2, 3, 4), torch.int64, 0, 9)
    odd = torch.tensor([0.0, -0.0, 1.5, -1.5, float("inf"), -float("inf"), float("nan")])
    for call in (aten.copysign.Tensor, aten.fmax.default, aten.fmin.default, aten.hypot.default):
        group.add(call, x, y).add(call, odd[:, None], odd).add(call, tensor(()), x)
    for call in (aten.signbit.default, aten.i0.default, aten.special_i0e.default, aten.special_i1.default, aten.special_i1e.default):
        group.add(call, x).add(call, whole).add(call, tensor(())).add(call, tensor((0, 3)))
    group.add(aten.signbit.default, odd).add(aten.signbit.default, x.double()).add(aten.signbit.default, x.half()).add(aten.signbit.default, x > 0)
    group.add(aten.copysign.Scalar, x, -2.0).add(aten.digamma.default, positive((2, 3))).add(aten.digamma.default, odd[:2])
    group.add(aten.igamma.default, positive((2, 3)), positive((3,))).add(aten.igammac.default, positive((2, 3)), positive((3,)))
    group.add(aten.special_ndtri.default, tensor((2, 3), low=0.1, high=0.9)).add(aten.nextafter.default, x, y)
    for call, number in itertools.product((aten.bitwise_left_shift, aten.bitwise_right_shift), (0, 1, 3)):
        group.add(call.Tensor_Scalar, whole, number).add(call.Tensor, whole.int(), tensor((3, 1), torch.int32, 0, 3))
    group.add(aten.__lshift__.Scalar, whole, 2).add(aten.__rshift__.Tensor, whole, whole)
    group.add(aten.rrelu.default, x).add(aten.logcumsumexp.default, x, 1).add(aten.logcumsumexp.default, tensor(()), 0)
    return group


def diagonals():
    group = Group("diagonals")
    x, whole = tensor((2, 3, 4)), tensor((4, 2, 5), torch.int64)
    for y, offset, (first, second) in itertools.product((x, whole), (0, 1, -1), ((0, 1), (-1, 0), (1, 2))):
        found = torch.diagonal(y, offset, first, second)
        group.add(aten.diagonal.default, y, offset, first, second, free=False)
        group.add(aten.diagonal_scatter.default, y, found * 2 + 1, offset, first, second, free=False)
    for row in (1, -1, None):
        group.add(torch.nn.functional.embedding_bag, torch.tensor([[0, 1, 4], [4, 1, 1]]), tensor((5, 3)), mode="sum", padding_idx=row, free=False)
    for sides in ((-1, 2), (2, -1), (1, 2), (-1, -1)):
        group.add(torch.nn.functional.pad, x, sides, mode="circular", free=False)
    group.add(aten.squeeze.dims, tensor((1, 3, 1)), []).add(aten.squeeze.dims, tensor((1, 3, 1)), [0, -1], free=False)
    for call, size in itertools.product((torch.tril_indices, torch.triu_indices), ((3, 3, 0), (3, 5, 1), (4, 2, -1))):
        group.add(call, *size).add(call, *size, dtype=torch.int32)
    group.add(aten.diagonal.default, x > 0).add(aten.diagonal.default, x).add(torch.trace, x[0], free=False)
    for y in (tensor((2, 3, 5)), torch.randperm(30).reshape(2, 3, 5), tensor((2, 3, 4))):
        for dim, keep in ((0, False), (1, True), (-1, False)):
            group.add(aten.median.dim, y, dim, keep).add(aten.kthvalue.default, y, 2, dim, keep, free=y.is_floating_point())
        group.add(aten.median.default, y)
    odd = torch.tensor([[1.0, float("nan"), 3.0], [2.0, 7.0, 5.0]])
    group.add(aten.median.dim, odd, 1).add(aten.median.default, odd).add(aten.median.dim, tensor(()), 0)
    return group


def systems():
    group = Group("systems")
    square = tensor((2, 3, 3)) + 6 * torch.eye(3)
    positive_one = square @ square.mT
    for matrix in (square, square[0], square.double()):
        many = matrix[..., :2] * 3
        group.add(torch.linalg.det, matrix, free=False).add(torch.linalg.inv, matrix, free=False).add(torch.linalg.slogdet, matrix, free=False)
        group.add(torch.linalg.solve, matrix, many, free=False).add(torch.linalg.solve, matrix, many.mT, left=False, free=False)
        group.add(torch.linalg.solve, matrix, many[..., 0], free=False)
        for upper, left in itertools.product((True, False), repeat=2):
            known = matrix.triu() if upper else matrix.tril()
            right = many if left else many.mT.contiguous()
            call = aten.linalg_solve_triangular.default
            group.add(call, known, right, upper=upper, left=left, free=False).add(call, known, right, upper=upper, left=left, unitriangular=True, free=False)
    for matrix in (positive_one, positive_one[0]):
        group.add(torch.linalg.cholesky, matrix, free=False).add(torch.linalg.cholesky, matrix, upper=True, free=False)
        for upper in (False, True):
            factor = torch.linalg.cholesky(matrix, upper=upper)
            group.add(torch.cholesky_solve, matrix[..., :2], factor, upper, free=False).add(torch.cholesky_inverse, factor, upper, free=False)
        group.add(torch.linalg.eigvalsh, matrix, free=False).add(torch.linalg.eigvalsh, matrix, UPLO="U", free=False)
    for shape in ((3, 5), (2, 5, 3)):
        group.add(torch.linalg.svdvals, tensor(shape), free=False).add(torch.linalg.matrix_norm, tensor(shape), "nuc", free=False)
        group.add(torch.linalg.qr, tensor(shape), free=False).add(torch.linalg.qr, tensor(shape), "complete", free=False)
    return group


def layers():
    group = Group("layers")
    x, image = tensor((2, 3, 8)), tensor((2, 4, 9, 7))
    f = torch.nn.functional
    for shape in ([8], [3, 8]):
        group.add(f.layer_norm, x, shape, tensor(shape), tensor(shape)).add(f.layer_norm, x, shape).add(f.rms_norm, x, shape, tensor(shape))
        group.add(f.rms_norm, x, shape, None, 1e-3).add(f.layer_norm, x, shape, tensor(shape), None, 1e-3)
    group.add(f.rms_norm, x.double(), [8]).add(f.group_norm, image, 2, tensor((4,)), tensor((4,))).add(f.group_norm, image, 4)
    group.add(f.group_norm, x.mT, 4, free=False).add(f.instance_norm, image).add(f.group_norm, tensor((2, 4)), 2)
    group.add(f.instance_norm, image, None, None, tensor((4,)), tensor((4,))).add(f.instance_norm, x)
    for statistics in ({"use_input_stats": False}, {"use_input_stats": False, "weight": tensor((4,)), "bias": tensor((4,))}):
        group.add(f.instance_norm, image, tensor((4,)), positive((4,)), **statistics)
    for y in (tensor((3, 4)), tensor((3, 4, 5)), image, tensor((2, 4, 3, 5, 2))):
        group.add(f.batch_norm, y, tensor((4,)), positive((4,)), tensor((4,)), tensor((4,))).add(f.batch_norm, y, tensor((4,)), positive((4,)))
        group.add(f.batch_norm, y, None, None, tensor((4,)), tensor((4,)), training=True).add(f.batch_norm, y, None, None, training=True)
    group.add(aten._weight_norm.default, tensor((4, 3, 2)), positive((4, 1, 1)), 0).add(aten._weight_norm.default, tensor((4, 3, 2)), positive((1, 1, 2)), 2)
    for options in ({}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"padding": "same"}, {"stride": (2, 1), "padding": (0, 2)}, {"padding": "same", "dilation": (2, 3)}):
        group.add(f.conv2d, image, tensor((6, 4, 3, 3)), tensor((6,)), **options).add(f.conv2d, image, tensor((6, 2, 3, 2)), groups=2, **options)
        group.add(f.conv2d, image, tensor((8, 1, 3, 3)), groups=4, **options).add(f.conv2d, image[0], tensor((6, 4, 3, 3)), **options)
    for options in ({}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"padding": "same"}, {"padding": "valid"}):
        group.add(f.conv1d, x, tensor((6, 3, 3)), tensor((6,)), **options).add(f.conv1d, x, tensor((6, 1, 3)), groups=3, **options)
        group.add(f.conv1d, x[0], tensor((6, 3, 3)), **options)
    for options in ({}, {"stride": 2}, {"stride": 2, "padding": 1, "output_padding": 1}, {"stride": 3, "padding": 1}):
        group.add(f.conv_transpose2d, image, tensor((4, 6, 3, 3)), tensor((6,)), **options).add(f.conv_transpose1d, x, tensor((3, 6, 4)), **options)
        group.add(f.conv_transpose1d, x, tensor((3, 1, 4)), groups=3, **options).add(f.conv_transpose2d, image, tensor((4, 1, 3, 2)), groups=4, **options)
        group.add(f.conv_transpose1d, x, tensor((3, 2, 4)), groups=3, **options).add(f.conv_transpose2d, image, tensor((4, 6, 3, 3)), dilation=2, **options)
    for options in ({"dilation": 3, "padding": 1}, {"stride": 2, "dilation": 4, "padding": 3}):  # PyTorch allows less than a dilation
        group.add(f.conv_transpose2d, image, tensor((4, 6, 3, 3)), tensor((6,)), output_padding=(2, 0), **options)
        group.add(f.conv_transpose1d, x, tensor((3, 1, 4)), groups=3, output_padding=2, **options)
        group.add(f.conv_transpose1d, x, tensor((3, 2, 4)), groups=3, output_padding=2, **options)
    film = tensor((2, 3, 4, 6, 8))
    group.add(f.conv3d, film, tensor((5, 3, 2, 2, 2)), stride=2).add(f.conv3d, film, tensor((5, 3, 3, 3, 3)), tensor((5,)), padding=1)
    group.add(f.conv_transpose3d, film, tensor((3, 5, 2, 3, 3)), tensor((5,)), stride=(1, 2, 2), padding=(0, 1, 1), output_padding=(0, 1, 0))
    group.add(f.conv_transpose3d, film, tensor((3, 2, 2, 2, 2)), groups=3, stride=2).add(f.conv_transpose3d, film[0], tensor((3, 4, 1, 3, 2)))
    group.add(f.conv3d, film, tensor((5, 3, 2, 3, 3)), stride=(1, 2, 2), padding=(0, 1, 1)).add(f.conv3d, film, tensor((6, 1, 2, 2, 2)), groups=3)
    for options in ({"dilation": 2, "padding": (1, 2, 3)}, {"dilation": (1, 3, 2), "stride": (2, 1, 3)}, {"dilation": (1, 2, 3), "padding": "same"}):
        group.add(f.conv3d, film, tensor((5, 3, 2, 2, 2)), tensor((5,)), **options).add(f.conv3d, film[0], tensor((6, 1, 2, 2, 1)), groups=3, **options)
    group.add(aten.convolution.default, film, tensor((5, 3, 2, 2, 2)), tensor((5,)), [2, 1, 2], [1, 0, 1], [2, 2, 1], False, [0, 0, 0], 1, fixed=(1, 2))
    for options in ({"dilation": (1, 3, 2), "padding": 1}, {"stride": 2, "dilation": 3, "output_padding": (2, 1, 0)}, {"stride": 2, "dilation": 3, "padding": (0, 1, 2), "output_padding": (2, 2, 1)}):
        group.add(f.conv_transpose3d, film, tensor((3, 4, 2, 3, 2)), tensor((4,)), **options).add(f.conv_transpose3d, film[0], tensor((3, 2, 2, 1, 2)), groups=3, **options)
    for reduction in ("none", "mean", "sum"):
        group.add(torch.nn.functional.mse_loss, x, x + positive(x.shape), reduction=reduction)
    return group


def recurrent():
    """With the states that are there without any, and with others; of one step, and without a batch."""
    group = Group("recurrent")
    nn = torch.nn
    kinds = ((nn.GRU, {}), (nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"}), (nn.LSTM, {}), (nn.LSTM, {"proj_size": 2}))
    all_ways = {"num_layers": 2, "bidirectional": True}
    for kind, own in kinds:
        for options in ({}, {"bias": False}, {"num_layers": 3}, all_ways, {**all_ways, "batch_first": True, "bias": False}):
            layer = named_by_options(kind(3, 4, **own, **options))
            for shape in ((5, 2, 3), (1, 1, 3), (5, 3)):
                group.add(layer, tensor(shape))
            first = layer.num_layers * (2 if layer.bidirectional else 1)
            h = tensor((first, 5 if layer.batch_first else 2, layer.proj_size or 4))
            group.add(layer, tensor((5, 2, 3)), (h, tensor((*h.shape[:2], 4))) if kind is nn.LSTM else h)
        group.add(named_by_options(kind(3, 4, **own).double()), tensor((5, 2, 3), torch.float64))
    return group


def named_by_options(layer):
    """As a sample, which tells a function's name."""
    layer.__name__ = repr(layer)
    return layer.requires_grad_(False)


def pools():
    group = Group("pools")
    f, image, row, film = torch.nn.functional, tensor((2, 3, 9, 8)), tensor((2, 3, 9)), tensor((2, 3, 5, 7, 6))
    for ceil in (False, True):
        for size, stride, padding in ((2, None, 0), (3, 2, 1), (3, 1, 1), ((3, 2), (2, 3), (1, 0)), (2, 3, 0), (4, 3, 2)):
            group.add(f.max_pool2d, image, size, stride, padding, 1, ceil).add(f.avg_pool2d, image, size, stride, padding, ceil)
            group.add(f.avg_pool2d, image, size, stride, padding, ceil, False).add(f.max_pool2d, image[0], size, stride, padding, 1, ceil)
        group.add(f.max_pool1d, row, 3, 2, 1, 1, ceil).add(f.avg_pool1d, row, 3, 2, 1, ceil).add(f.avg_pool1d, row, 3, 2, 1, ceil, False)
    for counts in (False, True):  # a window far larger than the image
        group.add(f.avg_pool2d, image, 2560, None, 0, True, counts)
    group.add(f.avg_pool2d, image, (3, 4), 2, 1, True, divisor_override=5)
    group.add(f.max_pool2d, image, 2, 1, 0, 2).add(f.avg_pool2d, image, 2, divisor_override=3)
    for size in (40, (3, 40), (40, 3)):  # larger than the image, or one side of it
        group.add(f.avg_pool2d, image, size, ceil_mode=True).add(f.avg_pool2d, tensor((1, 2, 45, 83)), size, ceil_mode=True)
    group.add(f.avg_pool1d, tensor((2, 3, 97)), 48, ceil_mode=True)
    for size in (1, (1, 1), 3, (4, 2), (9, 8), (None, 2), (5, 3)):
        group.add(f.adaptive_avg_pool2d, image, size).add(f.adaptive_max_pool2d, image, size)
    group.add(f.adaptive_avg_pool1d, row, 4).add(f.adaptive_avg_pool1d, row, 1).add(f.adaptive_avg_pool2d, image, 1).add(f.adaptive_max_pool1d, row, 4)
    for ceil in (False, True):
        for size, stride, padding in ((2, None, 0), (3, 2, 1), ((2, 3, 2), (1, 2, 3), (1, 0, 1)), (2, 3, 0)):
            group.add(f.max_pool3d, film, size, stride, padding, 1, ceil).add(f.avg_pool3d, film, size, stride, padding, ceil)
            group.add(f.avg_pool3d, film, size, stride, padding, ceil, False).add(f.avg_pool3d, film[0], size, stride, padding, ceil)
        group.add(f.max_pool3d, film[0], 3, 2, 1, 1, ceil).add(f.avg_pool3d, film, (3, 4, 2), 2, 1, ceil, divisor_override=5)
        for dilation in (2, (1, 3)):
            group.add(f.max_pool2d, image, 3, 2, 1, dilation, ceil).add(f.max_pool2d, image[0], (3, 2), 1, 0, dilation, ceil)
        group.add(f.max_pool1d, row, 3, 2, 1, 3, ceil).add(f.max_pool1d, row[0], 2, None, 0, 2, ceil)
        group.add(f.max_pool3d, film, 2, 1, 1, (2, 3, 1), ceil).add(f.max_pool3d, film[0], (3, 2, 1), 2, 0, (2, 1, 4), ceil)
    for size in (1, 3, (4, 2, 5), (None, 2, None), (5, 7, 3)):
        group.add(f.adaptive_avg_pool3d, film, size).add(f.adaptive_max_pool3d, film, size)
    group.add(f.adaptive_avg_pool3d, film[0], 2).add(f.adaptive_max_pool3d, film[0], 2).add(f.adaptive_max_pool2d, image[0], 2)
    group.add(aten._adaptive_avg_pool3d.default, film, [2, 3, 4]).add(aten._adaptive_avg_pool2d.default, image, [2, 3])
    places_of_maxima(group, image, row, film)
    return group


def places_of_maxima(group, image, row, film):
    f = torch.nn.functional
    ties, lowest = tensor((2, 3, 9, 8), torch.int64, 0, 2).float(), torch.full((2, 3, 9, 8), float("-inf"))
    for size, stride, padding, dilation in ((2, 2, 0, 1), (3, 2, 1, 1), ((3, 2), (1, 2), (1, 0), (1, 3)), ((1, 3), 1, (0, 1), 2)):
        for ceil in (False, True):
            for x in (image, ties, lowest, image[0]):
                group.add(f.max_pool2d, x, size, stride, padding, dilation, ceil, True)
    group.add(aten.max_pool2d_with_indices.default, image, [2, 2]).add(aten.max_pool3d_with_indices.default, film, [2, 2, 2])
    for x in (row, ties[0], row[0]):
        group.add(f.max_pool1d, x, 3, 2, 1, 1, True, True).add(f.max_pool1d, x, 2, 1, 0, 3, False, True)
        group.add(f.adaptive_max_pool1d, x, 4, True).add(f.adaptive_max_pool1d, x, 1, True)
    ties_of_film = tensor((2, 3, 5, 7, 6), torch.int64, 0, 3).float()
    for x in (film, ties_of_film, ties_of_film[0]):
        group.add(f.max_pool3d, x, (2, 3, 2), (2, 1, 2), (1, 1, 0), 1, True, True).add(f.max_pool3d, x, 2, 2, 0, (1, 2, 3), False, True)
        group.add(f.adaptive_max_pool3d, x, (2, 3, 4), True).add(f.adaptive_max_pool3d, x, 1, True)
    for size in (1, 3, (4, 2), (9, 8), (None, 2)):
        group.add(f.adaptive_max_pool2d, image, size, True).add(f.adaptive_max_pool2d, ties, size, True)
    for x in (image, ties, image[0]):
        group.add(pooled_and_back, x, 2, 2, 0).add(pooled_and_back, x, 3, 2, 1).add(pooled_and_back, x, 2, 3, 0)


def pooled_and_back(x, size, stride, padding):
    """As SegNet: what is no maximum is 0."""
    y, places = torch.nn.functional.max_pool2d(x, size, stride, padding, return_indices=True)
    return torch.nn.functional.max_unpool2d(y, places, size, stride, padding, x.shape[-2:])


def images():
    group = Group("images")
    f, image, row = torch.nn.functional, tensor((2, 3, 9, 8)), tensor((2, 3, 9))
    for scale in (1.05, (1.05, 2.0), (0.5, 1.1), 2.05):  # of which a side keeps its size, or is twice as long
        for mode in ("bilinear", "bicubic", "nearest"):
            group.add(f.interpolate, image, scale_factor=scale, mode=mode, free=False)
        group.add(f.interpolate, image, scale_factor=scale, mode="bilinear", antialias=True, free=False)
    for mode in ("nearest", "bilinear", "bicubic", "nearest-exact", "area"):
        corners = {"align_corners": True} if mode in ("bilinear", "bicubic") else {}
        for options in ({"size": (18, 16)}, {"size": (5, 13)}, {"scale_factor": 2.0}, {"scale_factor": (0.5, 1.5)}, {"size": (1, 1)}):
            group.add(f.interpolate, image, mode=mode, **options).add(f.interpolate, image, mode=mode, **options, **corners)
        group.add(f.interpolate, image, scale_factor=(1.7, 0.6), mode=mode, recompute_scale_factor=True)
        group.add(f.interpolate, image, scale_factor=(1.7, 0.6), mode=mode)
    for mode in ("linear", "nearest", "nearest-exact"):
        group.add(f.interpolate, row, size=13, mode=mode).add(f.interpolate, row, scale_factor=2.0, mode=mode).add(f.interpolate, row, scale_factor=0.4, mode=mode)
    group.add(f.interpolate, row, size=13, mode="linear", align_corners=True).add(f.interpolate, tensor((1, 2, 3, 4, 5)), scale_factor=2.0, mode="trilinear")
    for mode in ("bilinear", "bicubic"):
        for options in ({"size": (18, 16)}, {"size": (4, 5)}, {"size": (9, 3)}, {"scale_factor": 0.4}, {"size": (5, 4), "align_corners": True}):
            group.add(f.interpolate, image, mode=mode, antialias=True, **options)
    grid = tensor((2, 4, 5, 2), torch.float32, -1.2, 1.2)
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            for corners in (False, True):
                group.add(f.grid_sample, image, grid, mode, padding, corners)
                group.add(f.grid_sample, image, grid.index_fill(2, torch.tensor([1]), float("nan")), mode, padding, corners)
    film, grid = tensor((2, 3, 4, 5, 6)), tensor((2, 3, 4, 2, 3), torch.float32, -1.2, 1.2)
    for mode, padding, corners in itertools.product(("bilinear", "nearest"), ("zeros", "border", "reflection"), (False, True)):
        group.add(f.grid_sample, film, grid, mode, padding, corners)
        group.add(f.grid_sample, film, grid.index_fill(2, torch.tensor([1]), float("nan")), mode, padding, corners)
    for corners in (False, True):
        for options in ({"size": (8, 10, 12)}, {"size": (2, 5, 9)}, {"size": (1, 1, 1)}, {"scale_factor": 2.0}, {"scale_factor": (1.5, 0.5, 2.3)}):
            group.add(f.interpolate, film, mode="trilinear", align_corners=corners, **options)
    group.add(f.interpolate, film, mode="trilinear", scale_factor=(1.7, 0.6, 2.0), recompute_scale_factor=True)
    group.add(f.affine_grid, tensor((2, 2, 3)), (2, 3, 4, 5), align_corners=False).add(f.affine_grid, tensor((2, 2, 3)), (2, 3, 4, 5), align_corners=True)
    group.add(f.pixel_shuffle, tensor((2, 8, 3, 4)), 2).add(f.pixel_unshuffle, tensor((2, 3, 6, 4)), 2).add(f.channel_shuffle, tensor((2, 6, 3, 4)), 3)
    for options in ({}, {"stride": 2}, {"padding": 1, "dilation": 2}, {"stride": (2, 1), "padding": (1, 0)}):
        group.add(f.unfold, image, (2, 3), **options)
    group.add(f.fold, tensor((2, 12, 20)), (5, 6), (2, 2)).add(f.fold, tensor((2, 12, 9)), (6, 6), (2, 2), stride=2)
    group.add(f.glu, tensor((2, 4)), -1).add(f.glu, tensor((4, 3)), 0).add(f.prelu, image, tensor((3,))).add(f.prelu, image, tensor((1,)))
    return group


def complex_numbers():
    group = Group("complex")
    z, w = torch.complex(tensor((2, 3, 4)), tensor((2, 3, 4))), torch.complex(tensor((4,)), tensor((4,)))
    for call in (torch.add, torch.sub, torch.mul, torch.div):
        group.add(call, z, w).add(call, z, tensor((4,))).add(call, z, 2.0)
    for call in (torch.abs, torch.angle, torch.conj, torch.real, torch.imag, torch.exp, torch.view_as_real, torch.neg):
        group.add(call, z)
    group.add(torch.polar, positive((2, 3)), tensor((2, 3))).add(torch.complex, tensor((2, 3)), tensor((2, 3))).add(torch.view_as_complex, tensor((2, 3, 2)))
    x = tensor((2, 6, 5))
    for norm in ("backward", "ortho", "forward"):
        group.add(torch.fft.rfft, x, norm=norm).add(torch.fft.fft, x, norm=norm).add(torch.fft.ifft, z, norm=norm).add(torch.fft.irfft, z, norm=norm)
        group.add(torch.fft.fft2, x, norm=norm).add(torch.fft.fftn, x, norm=norm).add(torch.fft.rfft2, x, norm=norm)
    group.add(torch.fft.fft, x, dim=1).add(torch.fft.rfft, x, 8).add(torch.fft.rfft, x, 3, 1).add(torch.fft.irfft, z, 5).add(torch.fft.irfft2, z)
    group.add(torch.matmul, z, z.mT).add(torch.permute, z, (2, 0, 1)).add(torch.reshape, z, (6, 4), free=False).add(torch.cat, [z, z], 1)
    return group


def groups():
    torch.manual_seed(0)
    families = (unary, binary, choices, reductions, orders, shapes, creation, indexing, special, diagonals, matrices, systems, layers, recurrent, pools, images, complex_numbers)
    return [make() for make in families]
