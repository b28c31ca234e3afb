"""Vectors inside numba's compiled loops: `LANES` floats in one variable, and arithmetic on all of them at once.

A compiler vectorises only long loops, and the rows of a stroke are short. These are LLVM's vectors, which it compiles for each
processor. `a * b + 1` works lane by lane, a number is broadcast to every lane, and comparisons give masks. Use them inside
`numba.njit` functions, where each of these names is one or a few instructions.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable
from numba.np.arrayobj import make_array

LANES = 16  # one register of 512 bits, or two of 256, in single precision
Emit = Callable[..., Any]


class Lanes(types.Type):  # type: ignore[misc]
    """`LANES` floats, or the truth values of a mask."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        super().__init__(name=f"Lanes({kind})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, ir.VectorType(manager.lookup(lanes.kind).get_value_type(), LANES))


MASK = Lanes(types.boolean)


def vector_of(*kinds: Any) -> Any:
    """The vector type among an operation's operands, if any."""
    return next((kind for kind in kinds if isinstance(kind, Lanes)), None)


def spread(context: Any, builder: Any, value: Any, kind: Any, lanes: Lanes) -> Any:
    """Broadcasts a number to every lane; a vector is returned unchanged."""
    if isinstance(kind, Lanes):
        return value
    number = context.cast(builder, value, kind, lanes.kind)
    nothing = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first_everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(builder.insert_element(nothing, number, ir.IntType(32)(0)), nothing, first_everywhere)


def llvm(builder: Any, name: str, result: Any, *values: Any) -> Any:
    """A call of LLVM's own function of that name, for vectors."""
    kind = next(value.type for value in values if isinstance(value.type, ir.VectorType))
    name = f"llvm.{name}.v{LANES}{'f32' if isinstance(kind.element, ir.FloatType) else 'f64'}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, [value.type for value in values]), name)
    return builder.call(function, values, fastmath=("reassoc", "nnan", "nsz") if "reduce" in name else ())


def operation(symbol: Any, emit: Emit, result: Any = None) -> None:
    """Teaches numba what an operator does with two vectors, or with a vector and a number."""

    @type_callable(symbol)
    def signature(context: Any) -> Any:
        def typed(a: Any, b: Any) -> Any:
            return (result or vector_of(a, b)) if vector_of(a, b) else None

        return typed

    def lower(context: Any, builder: Any, types_: Any, values: Any) -> Any:
        lanes = vector_of(*types_.args)
        return emit(builder, *(spread(context, builder, v, kind, lanes) for v, kind in zip(values, types_.args, strict=True)))

    for pair in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)):
        lower_builtin(symbol, *pair)(lower)


operation(operator.add, lambda builder, a, b: builder.fadd(a, b))
operation(operator.iadd, lambda builder, a, b: builder.fadd(a, b))
operation(operator.sub, lambda builder, a, b: builder.fsub(a, b))
operation(operator.mul, lambda builder, a, b: builder.fmul(a, b))
operation(operator.truediv, lambda builder, a, b: builder.fdiv(a, b))
operation(operator.lt, lambda builder, a, b: builder.fcmp_ordered("<", a, b), MASK)
operation(operator.gt, lambda builder, a, b: builder.fcmp_ordered(">", a, b), MASK)
operation(operator.and_, lambda builder, a, b: builder.and_(a, b))


def elementwise(lanes: Any, operands: Any, emit: Emit) -> Any:
    """What an intrinsic returns: its signature, and how its code is made once each operand has all lanes."""

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return emit(builder, *(spread(context, builder, v, kind, lanes) for v, kind in zip(values, signature.args, strict=True)))

    return lanes(*operands), lower


@intrinsic
def sqrt(typing: Any, a: Any) -> Any:
    return elementwise(a, (a,), lambda builder, a: llvm(builder, "sqrt", a.type, a))


@intrinsic
def absolute(typing: Any, a: Any) -> Any:
    return elementwise(a, (a,), lambda builder, a: llvm(builder, "fabs", a.type, a))


@intrinsic
def floor(typing: Any, a: Any) -> Any:
    return elementwise(a, (a,), lambda builder, a: llvm(builder, "floor", a.type, a))


@intrinsic
def power_of_two(typing: Any, a: Any) -> Any:
    """2 to the power of a whole number from -126 to 127, in single precision: the bits of the exponent."""

    def emit(builder: Any, a: Any) -> Any:
        whole = ir.VectorType(ir.IntType(32), LANES)
        number = builder.add(builder.fptosi(a, whole), ir.Constant(whole, [127] * LANES))
        return builder.bitcast(builder.shl(number, ir.Constant(whole, [23] * LANES)), a.type)

    return elementwise(a, (a,), emit)


@intrinsic
def double_exponential(typing: Any, a: Any) -> Any:
    """e^x of doubles, lane by lane from the C library: exact and slow."""
    return elementwise(a, (a,), lambda builder, a: llvm(builder, "exp", a.type, a))


@intrinsic
def minimum(typing: Any, a: Any, b: Any) -> Any:
    return elementwise(vector_of(a, b), (a, b), lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))


@intrinsic
def maximum(typing: Any, a: Any, b: Any) -> Any:
    return elementwise(vector_of(a, b), (a, b), lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


@intrinsic
def where(typing: Any, mask: Any, a: Any, b: Any) -> Any:
    """a where the mask is true, else b; one of the two at least is a vector."""
    return elementwise(vector_of(a, b), (mask, a, b), lambda builder, mask, a, b: builder.select(mask, a, b))


def reduction(name: str) -> Any:
    @intrinsic
    def reduce(typing: Any, a: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            start = [ir.Constant(values[0].type.element, 0.0)] if name == "fadd" else []
            return llvm(builder, f"vector.reduce.{name}", values[0].type.element, *start, values[0])

        return a.kind(a), lower

    return reduce


total, least, greatest = reduction("fadd"), reduction("fmin"), reduction("fmax")


@intrinsic
def counting(typing: Any, array: Any) -> Any:
    """0, 1, 2 ... in the lanes, of an array's kind of float."""

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        element = context.get_value_type(array.dtype)
        return ir.Constant(ir.VectorType(element, LANES), [float(lane) for lane in range(LANES)])

    return Lanes(array.dtype)(array), lower


def address(context: Any, builder: Any, array: Any, value: Any, index: Any, index_kind: Any) -> Any:
    """The address of the vector at `index` of an array."""
    data = make_array(array)(context, builder, value).data
    element = context.get_value_type(array.dtype)
    at = builder.gep(data, [context.cast(builder, index, index_kind, types.intp)])
    return builder.bitcast(at, ir.VectorType(element, LANES).as_pointer())


def number_kind(array: Any) -> Any:
    """The kind of float that an array's numbers are computed in: arrays of uint16 hold the bits of bfloat16, which are the upper
    half of those of a float in single precision."""
    return types.float32 if array.dtype == types.uint16 else array.dtype


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """Loads a vector from a one-dimensional array, without a bounds check."""

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        found = builder.load(address(context, builder, array, values[0], values[1], index), align=array.dtype.bitwidth // 8)
        if array.dtype != types.uint16:
            return found
        whole = ir.VectorType(ir.IntType(32), LANES)
        raised = builder.shl(builder.zext(found, whole), ir.Constant(whole, [16] * LANES))
        return builder.bitcast(raised, ir.VectorType(ir.FloatType(), LANES))

    return Lanes(number_kind(array))(array, index), lower


@intrinsic
def store(typing: Any, array: Any, index: Any, a: Any) -> Any:
    """Stores a vector into a one-dimensional array, without a bounds check; as bfloat16 rounded to the nearest, ties to even."""

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = spread(context, builder, values[2], a, Lanes(number_kind(array)))
        if array.dtype == types.uint16:
            whole = ir.VectorType(ir.IntType(32), LANES)
            sixteen, one, half = (ir.Constant(whole, [number] * LANES) for number in (16, 1, 0x7FFF))
            number = builder.bitcast(vector, whole)
            odd = builder.and_(builder.lshr(number, sixteen), one)
            rounded = builder.lshr(builder.add(builder.add(number, half), odd), sixteen)
            vector = builder.trunc(rounded, ir.VectorType(ir.IntType(16), LANES))
        builder.store(vector, address(context, builder, array, values[0], values[1], index), align=array.dtype.bitwidth // 8)

    return types.void(array, index, a), lower


@intrinsic
def bits(typing: Any, mask: Any) -> Any:
    """A mask as a number: lane n is bit n."""

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.zext(builder.bitcast(values[0], ir.IntType(LANES)), ir.IntType(64))

    return types.int64(mask), lower


@intrinsic
def lowest(typing: Any, number: Any) -> Any:
    """The place of the lowest bit that is set in a number other than 0."""

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.IntType(1)(1))

    return types.int64(types.int64), lower
