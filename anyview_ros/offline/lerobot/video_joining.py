"""Videos joined and cut packet by packet, without decoding: no picture changes, and every frame's time is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from anyview_ros.errors import ReadError
from anyview_ros.media import create_video
from anyview_ros.offline.lerobot.video_streams import open_stream


@dataclass(frozen=True)
class VideoKind:
    """What two videos must share to be joined.

    Attributes:
        codec: of the stream.
        size: width and height.
        extradata: the codec's parameters.
        time_base: length of a tick, seconds.
    """

    codec: str
    size: tuple[int, int]
    extradata: bytes
    time_base: Fraction

    @classmethod
    def of(cls, path: Path) -> VideoKind:
        """The kind of a video file.

        Raises:
            ReadError: a file that cannot be read.
        """
        with open_stream(path) as (_, stream):
            context = stream.codec_context
            return cls(
                context.name,
                (stream.width, stream.height),
                bytes(context.extradata or b""),
                Fraction(stream.time_base or 0),
            )


def join_videos(sources: Sequence[Path], target: Path, *, rate: Fraction) -> int:
    """Put videos of one kind one after another; frame n of the result is shown at n / rate, exactly.

    Args:
        sources: files whose frames are in order of their packets; what their comments say is kept.
        target: file to write; its folder is made.
        rate: frames per second.

    Returns:
        The number of frames.

    Raises:
        ReadError: a file that cannot be read, or whose time base has no whole number of ticks per frame.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    comment = "\n".join(dict.fromkeys(text for source in sources if (text := _comment(source))))
    count = 0
    with create_video(target) as output:
        if comment:
            output.metadata["comment"] = comment
        stream: Any = None
        for source in sources:
            with open_stream(source) as (container, own):
                if stream is None:
                    stream = output.add_stream_from_template(own, opaque=True)
                    stream.time_base = own.time_base
                ticks = _ticks_per_frame(source, Fraction(own.time_base or 0), rate)
                for packet in container.demux(own):
                    if packet.dts is None:
                        continue
                    packet.pts = packet.dts = count * ticks
                    packet.duration = ticks
                    packet.stream = stream
                    output.mux(packet)
                    count += 1
    return count


def _comment(path: Path) -> str:
    with open_stream(path) as (container, _):
        return str(container.metadata.get("comment", ""))


def cut_video(source: Path, first: int, count: int, target: Path, *, rate: Fraction) -> bool:
    """Copy the packets of some frames, if they can be decoded without others.

    Args:
        source: video file.
        first: number of the first frame.
        count: number of frames.
        target: file to write; its folder is made.
        rate: frames per second.

    Returns:
        Whether it was done: the first frame must be a key frame, and frames must be stored in their order.

    Raises:
        ReadError: a file that cannot be read.
    """
    with open_stream(source) as (container, own):
        packets = [
            (packet.pts, packet.is_keyframe) for packet in container.demux(own) if packet.dts is not None
        ]
        stamps = [stamp for stamp, _ in packets if stamp is not None]
        ticks = Fraction(1) / rate / Fraction(own.time_base or 1)
        in_order = len(stamps) == len(packets) and stamps == sorted(stamps)
        if not in_order or not packets[first][1] or ticks.denominator != 1:
            return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_stream(source) as (container, own), create_video(target) as output:
        stream: Any = output.add_stream_from_template(own, opaque=True)
        stream.time_base = own.time_base
        number = 0
        for packet in container.demux(own):
            if packet.dts is None:
                continue
            if first <= number < first + count:
                packet.pts = packet.dts = (number - first) * int(ticks)
                packet.duration = int(ticks)
                packet.stream = stream
                output.mux(packet)
            number += 1
    return True


def _ticks_per_frame(source: Path, time_base: Fraction, rate: Fraction) -> int:
    ticks = Fraction(1) / rate / time_base if time_base else Fraction(1, 2)
    if ticks.denominator != 1:
        raise ReadError(f"{source} counts time in {time_base} s, which does not divide a frame of 1/{rate} s")
    return int(ticks)
