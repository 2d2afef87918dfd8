"""Binary PLY files of things that were synthesised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.files import written_whole

_KINDS = {np.dtype("<f4"): "float", np.dtype("u1"): "uchar"}


def write_vertices(path: Path, vertices: NDArray[Any], stamp_ns: int) -> None:
    """Write the vertices of a PLY file, little endian; a comment tells the instant, and that nobody measured them.

    Args:
        path: of the file, in a folder that is made if it is not there; an interruption leaves the former file or none.
        vertices: (N,), structured; the fields, float32 or uint8, are the properties in their order.
        stamp_ns: the instant that they show.
    """
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment synthesised, not measured; stamp_ns {stamp_ns}",
        f"element vertex {len(vertices)}",
        *(f"property {_KINDS[vertices.dtype[name]]} {name}" for name in vertices.dtype.names or ()),
        "end_header",
    ]
    with written_whole(path) as unfinished:
        unfinished.write_bytes("\n".join(lines).encode("ascii") + b"\n" + vertices.tobytes())
