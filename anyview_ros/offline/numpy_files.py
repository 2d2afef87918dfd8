"""What NumPy raises of files that are broken, or none of its own."""

from __future__ import annotations

import zipfile
import zlib
from tokenize import TokenError

BROKEN_NUMPY_FILE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,  # a single array where an archive was said to be
    RuntimeError,  # an archive whose flipped bytes say that it is encrypted, or packed in an unknown way
    MemoryError,  # a header that tells of terabytes
    SyntaxError,
    TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
