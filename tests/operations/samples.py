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

    def add(self, call, *arguments, free=True, **keywords):
        name = getattr(call, "__name__", type(call).__name__)
        words = [describe(one) for one in arguments] + [f"{k}={describe(v)}" for k, v in keywords.items()]
        text = f"{call if hasattr(call, '_schema') else name}({', '.join(words)})"
        tensors = [one for one in arguments if isinstance(one, torch.Tensor)]
        for sizes in (False, True) if free and any(one.dim() for one in tensors) else (False,):
            self.samples.append(Sample(text + (" free" if sizes else ""), call, arguments, keywords, sizes))
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
        group.add(aten.clamp_min.default, x, 1).add(aten.clamp_max.default, x, 1)
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
        for call in (aten.cumsum.default, aten.cumprod.default):
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
        group.add(aten.topk.default, y, 2, dim, largest).add(aten.sort.default, y, dim, largest)
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
        group.add(aten.bucketize.Tensor, x, edges, right=right).add(aten.searchsorted.Tensor, edges, x, right=right)
        group.add(aten.bucketize.Tensor, edges, edges, right=right).add(aten.bucketize.Tensor, whole, edges, right=right)
        group.add(aten.bucketize.Tensor, tensor((3,)), torch.tensor([-1, 1, 2]), right=right)
        group.add(aten.bucketize.Tensor, x, edges, right=right, out_int32=True)
    group.add(aten.searchsorted.Tensor, torch.arange(10.0).reshape(2, 5), tensor((2, 3)), side="right")
    group.add(aten.nonzero.default, ties).add(aten.nonzero.default, tensor((2, 3), torch.bool))
    return group


def groups():
    torch.manual_seed(0)
    return [make() for make in (unary, binary, choices, reductions, orders)]
