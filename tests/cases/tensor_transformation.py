"""Cases of the tensor transformations and the slices."""

from __future__ import annotations

from tests.cases.arrays import EMPTY, SCALAR, SPECIAL, booleans, i32, integers, normal
from tests.cases.case import Case

IMAGE = normal(2, 8, 4, 6)

BLOCKS = (
    Case("batch_to_space", {"x": normal(8, 2, 1, 3), "block_shape": (2, 2), "crops": ((0, 0), (2, 0))}),
    Case("batch_to_space", {"x": normal(6, 2, 2, 3), "block_shape": (3, 2), "crops": ((1, 2), (0, 1))}),
    Case(
        "batch_to_space",
        {"x": normal(5, 2, 2, 3), "block_shape": (3, 2), "crops": ((0, 0), (0, 0))},
        raises=RuntimeError,
    ),
    Case("space_to_batch", {"x": normal(2, 1, 2, 4), "block_shape": (2, 2), "paddings": ((0, 0), (2, 0))}),
    Case("space_to_batch", {"x": normal(2, 3, 5, 4), "block_shape": (3, 2), "paddings": ((0, 1), (1, 1))}),
    Case(
        "space_to_batch",
        {"x": normal(2, 3, 5, 4), "block_shape": (2, 2), "paddings": ((0, 0), (0, 0))},
        raises=RuntimeError,
    ),
    Case("depth_to_space", {"x": IMAGE, "block_size": 2}),
    Case("depth_to_space", {"x": IMAGE, "block_size": 3}, raises=RuntimeError),
    Case("space_to_depth", {"x": IMAGE, "block_size": 2}),
    Case("space_to_depth", {"x": IMAGE, "block_size": 3}, raises=RuntimeError),
    Case("pixel_shuffle", {"x": IMAGE, "upscale_factor": 2}),
    Case("pixel_shuffle", {"x": IMAGE, "upscale_factor": 3}, raises=RuntimeError),
    Case("pixel_unshuffle", {"x": IMAGE, "downscale_factor": 2}, opset=16),
    Case("pixel_unshuffle", {"x": IMAGE, "downscale_factor": 3}, opset=16, raises=RuntimeError),
)

SHAPES = (
    Case("expand_dims", {"x": normal(2, 3), "axes": (0,)}, note="axis 0"),
    Case("expand_dims", {"x": normal(2, 3), "axes": (-1, 1)}),
    Case("expand_dims", {"x": SCALAR, "axes": (0,)}, note="scalar"),
    Case("expand_dims", {"x": normal(2, 3), "axes": (3,)}, raises=IndexError),
    Case("expand_dims", {"x": normal(2, 3), "axes": (-4,)}, raises=IndexError),
    Case("squeeze", {"x": normal(1, 3, 1, 2)}),
    Case("squeeze", {"x": normal(1, 3, 1, 2), "axes": (0, -3)}, note="a size that is not 1 stays"),
    Case("squeeze", {"x": booleans(1, 1)}, note="to a scalar"),
    Case("squeeze", {"x": normal(1, 3), "axes": (2,)}, raises=IndexError),
    Case("reshape", {"x": normal(2, 3, 4), "shape": (4, 6)}),
    Case("reshape", {"x": normal(2, 3, 4), "shape": (0, -1, 2)}, note="0 and -1"),
    Case("reshape", {"x": normal(2, 3, 4), "shape": (-1,)}),
    Case("reshape", {"x": SCALAR, "shape": (1, 1)}, note="scalar"),
    Case("reshape", {"x": EMPTY, "shape": (0, -1)}, note="empty"),
    Case("reshape", {"x": normal(1), "shape": ()}, note="to a scalar"),
    Case("reshape", {"x": normal(2, 3), "shape": (0, 1, -1)}, raises=ValueError, note="0 in another rank"),
    Case("reshape", {"x": normal(2, 3), "shape": (-1, -1)}, raises=ValueError),
    Case("reshape", {"x": normal(2, 3), "shape": (4, -1)}, raises=ValueError),
    Case("reshape", {"x": normal(2, 3), "shape": (2, -2)}, raises=ValueError),
    Case("reshape", {"x": normal(2, 50), "shape": (1, 0, -1, 0)}, opset=17, note="0 from the right"),
    Case("reshape", {"x": normal(2, 3, 4), "shape": (0, 0)}, opset=17, raises=ValueError),
    Case("reshape", {"x": normal(2, 3, 4), "shape": (-1, 0)}, opset=17),
    Case(
        "reshape_like",
        {
            "x": normal(12, 15),
            "ref_tensors": [normal(2, 3, 4), normal(1, 5, 6)],
            "begins": (0, 1),
            "ends": (2, 0),
            "end_masks": (False, True),
        },
        opset=16,
    ),
    Case(
        "reshape_like",
        {"x": normal(12), "ref_tensors": [normal(2, 5)], "begins": (0,), "ends": (2,), "end_masks": (False,)},
        opset=16,
        raises=ValueError,
    ),
)

ORDER = (
    Case("transpose", {"x": normal(2, 3, 4), "perm": (2, 0, 1)}),
    Case("transpose", {"x": integers(2, 3), "perm": (-1, 0)}),
    Case("transpose", {"x": SCALAR, "perm": ()}, note="scalar"),
    Case("transpose", {"x": normal(2, 3), "perm": (0,)}, raises=RuntimeError),
    Case("reverse", {"x": normal(2, 3)}),
    Case("reverse", {"x": booleans(2, 3), "axes": (0,)}, note="axis 0"),
    Case("reverse", {"x": SPECIAL.reshape(4, 4), "axes": (-1,)}),
    Case("reverse", {"x": normal(2, 3), "axes": (2,)}, raises=IndexError),
    Case("reverse_sequence", {"x": normal(3, 4, 2), "lengths": i32([0, 4, 3]), "seq_axis": 1}),
    Case("reverse_sequence", {"x": normal(3, 2, 4), "lengths": i32([3, 1, 2, 0]), "seq_axis": 0, "batch_axis": -1}),
    Case("reverse_sequence", {"x": normal(3, 4), "lengths": i32([1, 2, 3])}, raises=ValueError, note="one axis twice"),
    Case("reverse_sequence", {"x": normal(3, 4), "lengths": i32([1, 2, 5]), "seq_axis": 1}, raises=ValueError),
    Case("reverse_sequence", {"x": normal(3, 4), "lengths": i32([1, 2]), "seq_axis": 1}, raises=ValueError),
    Case("sliding_windows", {"x": normal(7, 2), "axis": 0, "size": 3}, note="axis 0"),
    Case("sliding_windows", {"x": integers(2, 8), "axis": -1, "size": 3, "stride": 2}),
    Case("sliding_windows", {"x": normal(4), "axis": 0, "size": 5}, raises=RuntimeError),
)

BOX = normal(4, 5, 6)
OFF = (False, False, False)

SLICES = (
    Case("slice_by_index", {"x": BOX, "begin": (1, 0, 2), "end": (3, 5, 6)}),
    Case("slice_by_index", {"x": BOX, "begin": (-3, 0, -1), "end": (-1, 9, 6), "stride": (1, 2, 3)}),
    Case(
        "slice_by_index", {"x": BOX, "begin": (3, -1, 4), "end": (0, -4, 1), "stride": (-1, -2, -1)}, note="backwards"
    ),
    Case(
        "slice_by_index",
        {
            "x": BOX,
            "begin": (3, 9, 9),
            "end": (0, 9, 9),
            "stride": (-1, -2, 2),
            "begin_mask": (False, True, True),
            "end_mask": (True, True, True),
        },
    ),
    Case("slice_by_index", {"x": BOX, "begin": (1, 0, -1), "end": (0, 5, 0), "squeeze_mask": (True, False, True)}),
    Case(
        "slice_by_index",
        {"x": BOX, "begin": (1, 3, 2), "end": (0, 0, 0), "squeeze_mask": (True, True, True)},
        note="to a scalar",
    ),
    Case(
        "slice_by_index",
        {
            "x": BOX,
            "begin": (9, 0, 0),
            "end": (9, 5, 6),
            "begin_mask": (True, False, False),
            "squeeze_mask": (True, False, False),
        },
    ),
    Case("slice_by_index", {"x": BOX, "begin": (2, 0, 0), "end": (2, 5, 6)}, note="empty"),
    Case(
        "slice_by_index", {"x": BOX, "begin": (2, 0, 0), "end": (3, 5, 6), "stride": (-1, 1, 1)}, note="empty backwards"
    ),
    Case("slice_by_index", {"x": booleans(4), "begin": (-2,), "end": (0,), "end_mask": (True,)}),
    Case("slice_by_index", {"x": SPECIAL, "begin": (15,), "end": (0,), "stride": (-1,), "end_mask": (True,)}),
    Case("slice_by_index", {"x": BOX, "begin": (1, 0), "end": (3, 5)}, raises=ValueError),
    Case("slice_by_index", {"x": BOX, "begin": (0, 0, 0), "end": (4, 5, 6), "stride": (1, 0, 1)}, raises=ValueError),
    Case(
        "slice_by_index",
        {"x": BOX, "begin": (4, 0, 0), "end": (5, 5, 6), "squeeze_mask": (True, False, False)},
        raises=IndexError,
    ),
    Case("slice_by_size", {"x": BOX, "begin": (1, 0, -2), "size": (2, -1, 1)}),
    Case("slice_by_size", {"x": integers(4), "begin": (1,), "size": (0,)}, note="empty"),
    Case("slice_by_size", {"x": BOX, "begin": (1, 0, 0), "size": (4, 1, 1)}, raises=ValueError),
    Case("slice_by_size", {"x": BOX, "begin": (1, 0), "size": (1, 1)}, raises=ValueError),
    Case("slice_update", {"x": BOX, "update": normal(2, 5, 4, seed=1), "begin": (1, 0, 2), "end": (3, 5, 6)}, opset=18),
    Case(
        "slice_update",
        {
            "x": BOX,
            "update": normal(2, 2, seed=1),
            "begin": (0, 1, 5),
            "end": (0, 4, 0),
            "stride": (1, 2, -3),
            "end_mask": (False, False, True),
            "squeeze_mask": (True, False, False),
        },
        opset=18,
    ),
    Case("slice_update", {"x": integers(4), "update": i32([7]), "begin": (-1,), "end": (4,)}, opset=18),
    Case(
        "slice_update",
        {"x": BOX, "update": normal(1, 5, 6), "begin": (0, 0, 0), "end": (2, 5, 6)},
        opset=18,
        raises=ValueError,
    ),
)

CASES = BLOCKS + SHAPES + ORDER + SLICES
