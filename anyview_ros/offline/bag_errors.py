"""What reading a broken bag raises, in the libraries that read bags and in what these are built on."""

from __future__ import annotations

import struct
import sys
from functools import cache
from pathlib import Path

from anyview_ros.errors import ReadError

# What rosbags lets through where a broken file's bytes are not what it expects of them.
_UNFORESEEN = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    struct.error,
)


@cache
def broken_bag_errors() -> tuple[type[BaseException], ...]:
    """The errors to be told as :class:`~anyview_ros.errors.ReadError`."""
    import apsw
    from mcap.exceptions import McapError
    from rosbags.highlevel import AnyReaderError
    from rosbags.rosbag2 import ReaderError
    from rosbags.serde import SerdeError
    from rosbags.typesys import TypesysError
    from zstandard import ZstdError

    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    rosbags = (AnyReaderError, ReaderError, SerdeError, TypesysError, zstd.ZstdError)
    return (
        *rosbags,
        McapError,
        ZstdError,
        apsw.Error,
        OSError,
        EOFError,
        RuntimeError,
        MemoryError,
        *_UNFORESEEN,
    )


def not_readable(path: Path, error: BaseException) -> ReadError:
    """The error that a bag cannot be read."""
    return ReadError(f"cannot read bag {path}: {error}")
