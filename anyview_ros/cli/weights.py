"""``anyview weights``: where published weights come from, what is in a file, whether it is whole, and conversion."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.cli.arguments import HelpFormatter
from anyview_ros.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor


_METHODS = ("anyview", "zeronvs")
_SHOWN = 8
_EPILOG = """\
examples:
  anyview weights --method anyview                       # where they come from
  anyview weights verify download/
  anyview weights convert download/ anyview_weights/
  anyview weights inspect anyview_weights/
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "weights",
        help="tell where to get the published weights of anyview and zeronvs; inspect, verify and convert them",
        description="Without a further command: tell where a method's weights come from and on what terms.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--method", choices=_METHODS, default=_METHODS[0], help="whose weights (default: anyview)"
    )
    parser.set_defaults(run=_instruct)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")

    inspect = actions.add_parser(
        "inspect", help="list the tensors of a file, or tell what a converted folder holds"
    )
    inspect.add_argument("path", type=Path, help="a .pt, .pth or .safetensors file, or a converted folder")
    inspect.add_argument("--json", action="store_true", help="print JSON")
    inspect.add_argument(
        "--skip-objects",
        action="store_true",
        help="read a checkpoint of a training run, leaving out what would run code",
    )
    inspect.set_defaults(run=_inspect)

    verify = actions.add_parser("verify", help="compare files with their sha256")
    verify.add_argument("path", type=Path, help="a file, the folder of the download, or a converted folder")
    verify.add_argument("--sha256", help="what the file should have; none: the .sha256 file beside it")
    verify.set_defaults(run=_verify)

    convert = actions.add_parser("convert", help="turn the download into a folder of safetensors")
    convert.add_argument(
        "download", type=Path, help="folder of the download; of zeronvs the checkpoint, .ckpt or .safetensors"
    )
    convert.add_argument("output", type=Path, help="folder to make")
    convert.add_argument("--method", choices=_METHODS, default=argparse.SUPPRESS, help="whose weights")
    convert.set_defaults(run=_convert)


def _instruct(arguments: argparse.Namespace) -> int:
    if arguments.method == "zeronvs":
        from anyview_ros.methods.zeronvs.published import INSTRUCTIONS
    else:
        from anyview_ros.methods.anyview.weights import INSTRUCTIONS

    print(INSTRUCTIONS)
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    path: Path = arguments.path
    if path.is_dir():
        print(json.dumps(_manifest(path), indent=2))
        return 0
    tensors, others = _contents(path, skip_objects=arguments.skip_objects)
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
    from anyview_ros.methods.zeronvs.published import verify_published

    path: Path = arguments.path
    if path.is_dir() and not any((path / name).is_file() for name in RELEASE_FILES):
        wrong = verify_published(path) if _is_zeronvs(path) else verify_bundle(path)
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
    if arguments.method == "zeronvs":
        return _convert_zeronvs(arguments.download, arguments.output)
    from anyview_ros.methods.anyview.weights import RELEASE_FILES, check_file, read_release, write_bundle

    folder: Path = arguments.download
    origin = {}
    for name in RELEASE_FILES:
        if not (folder / name).is_file():
            continue
        origin[name], compared = check_file(folder / name)
        print(f"{name}: sha256 {'as published' if compared else 'not compared, no .sha256 file beside it'}")
    print("reading (tensors only, no pickled code) ...")
    release = read_release(folder)
    print("writing ...")
    sha256 = write_bundle(arguments.output, release, origin)
    print(f"{arguments.output}: weights {sha256}")
    print(f"try it: anyview methods anyview --weights {arguments.output}")
    return 0


def _convert_zeronvs(file: Path, out: Path) -> int:
    from anyview_ros.methods.weight_checks import check_file
    from anyview_ros.methods.zeronvs.published import read_published, write_published

    sha256, compared = check_file(file)
    print(
        f"{file.name}: sha256 {sha256}, {'as published' if compared else 'no .sha256 file to compare with'}"
    )
    print("reading (tensors only, no pickled code) ...")
    checkpoint = read_published(file)
    print(f"denoiser: {'the running mean of training' if checkpoint.averaged else 'as last trained'}")
    if checkpoint.left_over:
        shown = ", ".join(checkpoint.left_over[:_SHOWN])
        rest = len(checkpoint.left_over) - _SHOWN
        print(f"left out, since nothing asks for them: {shown}{f' and {rest} more' if rest > 0 else ''}")
    print("writing ...")
    print(f"{out}: weights {write_published(out, checkpoint, {file.name: sha256})}")
    print(f"try it: anyview methods zeronvs --weights {out}")
    return 0


def _is_zeronvs(folder: Path) -> bool:
    from anyview_ros.methods.zeronvs.loading import PUBLISHED

    return (folder / PUBLISHED).is_file()


def _manifest(folder: Path) -> dict[str, Any]:
    if _is_zeronvs(folder):
        from anyview_ros.methods.zeronvs.published import read_published_manifest

        return read_published_manifest(folder)
    from anyview_ros.methods.anyview.weights import read_manifest

    return read_manifest(folder)


def _contents(path: Path, *, skip_objects: bool) -> tuple[dict[str, Tensor], list[str]]:
    import torch

    from anyview_ros.methods.anyview.weights import read_checkpoint, read_tensors

    if path.suffix == ".safetensors":
        return read_tensors(path), []
    entries: dict[str, Any] = read_checkpoint(path, skip_objects=skip_objects)
    tensors = {name: value for name, value in entries.items() if isinstance(value, torch.Tensor)}
    return tensors, [name for name in entries if name not in tensors]


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
