"""What is known not to pass: (what run_programs says, a pattern of "sample: reason"). Everything else is a failure."""

KNOWN = (
    # Refused: the sentence says what is not supported.
    ("refused", "reduce (prod|multiply) is not supported"),
    ("refused", "of a scalar is not supported"),
    ("refused", "of maxima is not supported"),
    ("refused", r"member \d of what .* gives is not supported"),
    ("refused", "is not floating and has no lowest value"),
    ("refused", "the element type complex(128|32) is not supported"),
    ("refused", "linspace.* of integers is supported for ends that are known"),
    ("fails", "WhereOp : Unhandled input dimensions: 0"),  # the places in a scalar
    ("refused", "^nonzero float32 .*getitem: has no member 0"),
    # TensorFlow has no kernel of this type, or no constant.
    ("refused", "is not in the list of allowed values"),
    ("refused", "int(32|64) cannot hold"),
    ("fails", "Integers to negative integer powers are not allowed"),
    # In the run: PyTorch itself takes sizes that TensorFlow's kernels do not.
    ("fails", "paddings must be less than the dimension size"),
    ("fails", "Size of out_backprop doesn't match computed"),  # an output_padding of a stride or more, as dilation allows
    # Eigenvectors have the sign that they are found with.
    ("differs", r"^(linalg\.)?(eigh|svd) float32"),
    # 3e38 times something overflows in PyTorch's order of the products.
    ("differs", r"^aten\.hardswish\.default\(float32\[12\]\)"),
    ("fails", "No OpKernel was registered to support Op 'TensorScatterM(ax|in)'"),  # of bool
    # Which of equal elements comes first is not said, unless the order is stable.
    ("differs", "^(argsort|msort|sort|topk|kthvalue) (bool|int64)"),
    ("differs", "^masked.arg(max|min) float32"),  # of masks that hide all
    # NaN has no place in TensorFlow's orders.
    ("differs", r"^aten\.(sort|topk|max|argmax|argmin)\.\w+\(float32\[(1, 5|2, 3)\][^]]*\): .*(nan|[01]: TensorFlow \d)"),
    ("differs", r"^aten\.(sort|topk|max|argmax|argmin)\.\w+\(float32\[(1, 5|2, 3)\].*\) free: .*TensorFlow"),
)
