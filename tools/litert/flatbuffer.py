"""Reading model.tflite: its signatures, tensors and operations, as TensorFlow's schema describes them."""

import collections
import contextlib
import dataclasses
import importlib


@dataclasses.dataclass
class Tensor:
    name: str
    shape: list  # -1 for sizes that are chosen at run time
    dtype: str  # as numpy calls it


@dataclasses.dataclass
class Signature:
    subgraph: int
    inputs: dict  # name to Tensor
    outputs: dict


@dataclasses.dataclass
class Operator:
    name: str  # "FULLY_CONNECTED"
    outputs: list  # of Tensor


SCHEMAS = ("ai_edge_litert.schema_py_generated", "tensorflow.lite.python.schema_py_generated")
ROUNDED = {"float16": ("float16",), "int8": ("int8", "int4")}  # by what weights are kept in: the types of constants


def load_schema():
    """The same of both packages; every interpreter comes with one."""
    for name in SCHEMAS[:-1]:
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    return importlib.import_module(SCHEMAS[-1])


def names_of(enumeration):
    return {value: name for name, value in vars(enumeration).items() if not name.startswith("_")}


def text_of(field):
    return field.decode() if isinstance(field, bytes) else field or ""


class LiteRTModel:
    def __init__(self, content):
        schema = load_schema()
        self._types = names_of(schema.TensorType)
        builtins = names_of(schema.BuiltinOperator)
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        self._codes = []
        self._foreign = set()
        for code in model.operatorCodes:
            name = builtins[max(code.builtinCode, code.deprecatedBuiltinCode)]
            if code.customCode is not None:
                name = text_of(code.customCode)
                self._foreign.add(name)
            self._codes.append(name)
        filled = [buffer.data is not None or buffer.offset > 0 for buffer in model.buffers]
        constants = [tensor for graph in model.subgraphs for tensor in graph.tensors if filled[tensor.buffer]]
        self._constants = {self._types[tensor.type].lower() for tensor in constants}
        self._graphs = [[self._tensor(tensor) for tensor in graph.tensors] for graph in model.subgraphs]
        self._operators = [
            [Operator(self._codes[op.opcodeIndex], [self._graphs[i][t] for t in op.outputs]) for op in graph.operators]
            for i, graph in enumerate(model.subgraphs)
        ]
        self.signatures = {}
        for signature in model.signatureDefs or []:
            tensors = self._graphs[signature.subgraphIndex]
            maps = [{text_of(m.name): tensors[m.tensorIndex] for m in ms} for ms in (signature.inputs, signature.outputs)]
            self.signatures[text_of(signature.signatureKey)] = Signature(signature.subgraphIndex, *maps)

    def _tensor(self, tensor):
        shape = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
        return Tensor(text_of(tensor.name), [] if shape is None else list(shape), self._types[tensor.type].lower())

    def weights(self):
        """What the weights are kept in: "float16" or "int8" where any are, else "float32"."""
        return next((kept for kept, types in ROUNDED.items() if self._constants.intersection(types)), "float32")

    def foreign_operators(self):
        """Those that LiteRT alone does not have: custom ones, and TensorFlow's own (select ops, "Flex...")."""
        return self._foreign

    def operators(self):
        """How often each operation is there, in all signatures."""
        return dict(sorted(collections.Counter(op.name for graph in self._operators for op in graph).items()))

    def operators_of(self, signature):
        return self._operators[self.signatures[signature].subgraph]
