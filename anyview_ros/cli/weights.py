"""``anyview weights``: where AnyView's weights come from, what is in a file, whether it is whole, and conversion."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "weights",
        help="get, inspect, verify and convert AnyView's weights",
        description="Without a further command: tell where AnyView's weights come from and on what terms.",
    )
    parser.set_defaults(run=_instruct)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")

    inspect = actions.add_parser(
        "inspect", help="list the tensors of a file, or tell what a converted folder holds"
    )
    inspect.add_argument("path", type=Path, help="a .pt, .pth or .safetensors file, or a converted folder")
    inspect.add_argument("--json", action="store_true", help="print JSON")
    inspect.set_defaults(run=_inspect)

    verify = actions.add_parser("verify", help="compare files with their sha256")
    verify.add_argument("path", type=Path, help="a file, the folder of the download, or a converted folder")
    verify.add_argument("--sha256", help="what the file should have; none: the .sha256 file beside it")
    verify.set_defaults(run=_verify)

    convert = actions.add_parser("convert", help="turn the download into a folder of safetensors")
    convert.add_argument("folder", type=Path, help="folder of the download")
    convert.add_argument("out", type=Path, help="folder to be made")
    convert.set_defaults(run=_convert)


def _instruct(arguments: argparse.Namespace) -> int:
    from anyview_ros.methods.anyview.weights import INSTRUCTIONS

    del arguments
    print(INSTRUCTIONS)
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    from anyview_ros.methods.anyview.weights import read_manifest

    if arguments.path.is_dir():
        print(json.dumps(read_manifest(arguments.path), indent=2))
        return 0
    tensors, others = _contents(arguments.path)
    count = sum(tensor.numel() for tensor in tensors.values())
    if arguments.json:
        listed = {name: [_type(tensor), list(tensor.shape)] for name, tensor in tensors.items()}
        print(json.dumps({"numbers": count, "tensors": listed, "others": others}, indent=2))
        return 0
    for name, tensor in tensors.items():
        print(f"{name}  {_type(tensor)}  {tuple(tensor.shape)}")
    for name in others:
        print(f"{name}  (no tensor)")
    print(f"{len(tensors)} tensors, {count:,} numbers")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from anyview_ros.methods.anyview.weights import RELEASE_FILES, check_file, verify_bundle

    path: Path = arguments.path
    if path.is_dir() and not any((path / name).is_file() for name in RELEASE_FILES):
        wrong = verify_bundle(path)
        print("\n".join(wrong) if wrong else f"{path}: whole, as it was converted")
        return 1 if wrong else 0
    files = [path / name for name in RELEASE_FILES] if path.is_dir() else [path]
    failures = 0
    for file in files:
        try:
            found, compared = check_file(file, arguments.sha256)
        except WeightsError as error:
            print(f"WRONG  {error}")
            failures += 1
            continue
        print(f"{'ok' if compared else 'no sum to compare with, give --sha256'}  {found}  {file}")
        failures += not compared
    return 1 if failures else 0


def _convert(arguments: argparse.Namespace) -> int:
    from anyview_ros.methods.anyview.weights import RELEASE_FILES, check_file, read_release, write_bundle

    folder: Path = arguments.folder
    origin = {}
    for name in RELEASE_FILES:
        if not (folder / name).is_file():
            continue
        origin[name], compared = check_file(folder / name)
        print(f"{name}: sha256 {'as published' if compared else 'not compared, no .sha256 file beside it'}")
    print("reading (tensors only, no pickled code) ...")
    release = read_release(folder)
    print("writing ...")
    sha256 = write_bundle(arguments.out, release, origin)
    print(f"{arguments.out}: weights {sha256}")
    print(f"try it: anyview methods anyview --weights {arguments.out}")
    return 0


def _contents(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    import torch

    from anyview_ros.methods.anyview.weights import read_checkpoint, read_tensors

    if path.suffix == ".safetensors":
        return read_tensors(path), []
    entries: dict[str, Any] = read_checkpoint(path)
    tensors = {name: value for name, value in entries.items() if isinstance(value, torch.Tensor)}
    return tensors, [name for name in entries if name not in tensors]


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
