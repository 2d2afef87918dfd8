"""All that works while the node is configured: the window, the engine, the virtual cameras, and what joins them."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import SlidingWindow
from anyview_ros.errors import AnyViewError
from anyview_ros.nodes.declared_camera import VirtualCamera
from anyview_ros.nodes.ending import while_up
from anyview_ros.nodes.virtual_camera.fitting import Size
from anyview_ros.nodes.virtual_camera.ledger import Ledger
from anyview_ros.nodes.virtual_camera.live import LiveCamera
from anyview_ros.nodes.virtual_camera.outputs import CameraOutputs, FrameBroadcaster, cut
from anyview_ros.nodes.virtual_camera.parameters import Settings
from anyview_ros.nodes.virtual_camera.picture import Picture, PictureMaker
from anyview_ros.nodes.virtual_camera.pipeline import FramePipeline, Limits
from anyview_ros.nodes.virtual_camera.poses import TfFollower
from anyview_ros.nodes.virtual_camera.problems import ProblemBoard, Stage
from anyview_ros.nodes.virtual_camera.scene_outputs import SceneOutputs
from anyview_ros.nodes.virtual_camera.session import Answer, StreamKeeper, StreamPlan
from anyview_ros.nodes.virtual_camera.source import CameraSource
from anyview_ros.nodes.virtual_camera.viewer import Viewer
from anyview_ros.synthesis.client import EngineClient
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.result import SynthesizedView

if TYPE_CHECKING:
    from anyview_ros.nodes.virtual_camera.node import VirtualCameraNode


class Rig:
    """A configured virtual camera node. :meth:`start` and :meth:`stop` follow activation.

    Args:
        node: publishes and subscribes.
        settings: what the parameters say.
        client: the engine; closed by :meth:`close`.
        fallback: a local engine for while the engine is away, closed likewise; or None.
        tf: where frames were.
        ledger: where every source frame is accounted for.

    Attributes:
        settings: what the parameters say now.
        client: the engine.
        window: the newest posed frames.
        cameras: the virtual cameras by name.
        problems: the troubles of the node as a whole.
        source: the real camera; None while inactive.
    """

    def __init__(
        self,
        node: VirtualCameraNode,
        settings: Settings,
        *,
        client: EngineClient,
        fallback: EngineClient | None,
        tf: TfFollower,
        ledger: Ledger,
    ) -> None:
        self._node = node
        self._tf = tf
        self._ledger = ledger
        self._pipeline: FramePipeline | None = None
        self._newest_ns = 0  # of the images seen while active
        self.source: CameraSource | None = None
        self.settings = settings
        self.client = client
        self.problems = ProblemBoard()
        window = settings.window
        self.window = SlidingWindow(
            length_s=window.length_s, rate_hz=window.rate_hz, max_gap_s=window.max_gap_s
        )
        self.cameras = {
            camera.name: LiveCamera(camera, CameraOutputs(node, camera.name)) for camera in settings.cameras
        }
        self._scene = SceneOutputs(node, settings.scene, settings.fixed_frame, tf)
        self._fallback_client = fallback
        name = node.get_fully_qualified_name()
        self._viewer = Viewer(
            self._keeper(client, name),
            None if fallback is None else self._keeper(fallback, name, fallback=True),
            fallback_options={"depth_m": settings.engine.assumed_depth_m},
            fallback_after_s=lambda: self.settings.engine.fallback_after_s,
        )
        self._frames = FrameBroadcaster(node) if settings.publish_tf else None
        self._anchored: set[tuple[str, str]] = set()  # names and parents of the cameras that are on TF
        self._anchoring = threading.Lock()

    def _keeper(self, client: EngineClient, name: str, *, fallback: bool = False) -> StreamKeeper:
        return StreamKeeper(
            client,
            name,
            answer_timeout_s=lambda: self.settings.engine.answer_timeout_s,
            on_answer=self._take,
            fallback=fallback,
        )

    def _anchor(self, *, moved: bool = False) -> None:
        """Broadcast the cameras whose parents TF has come to know and whose frames are nobody else's, if there is news.

        Not before: TF would take a parent that is missing for one in a tree of its own, and hide what is wrong. A frame
        that turns out to be somebody else's later is broadcast no more.
        """
        if self._frames is None or not self._tf.is_settled:
            return
        with self._anchoring:
            cameras = [live.camera for live in self.cameras.values() if self._is_anchored(live)]
            anchored = {(camera.name, camera.parent_frame) for camera in cameras}
            if anchored != self._anchored or (moved and cameras):
                self._anchored = anchored
                self._frames.send(cameras)

    def _is_anchored(self, live: LiveCamera) -> bool:
        """Whether a camera's frame may be on TF; states the problem if somebody else has it."""
        camera = live.camera
        if (camera.name, camera.parent_frame) not in self._anchored and (
            self._tf.locate(self.settings.fixed_frame, camera.parent_frame, 0).to_fixed is None
        ):
            return False
        taken = self._tf.claim_static(camera.parent_frame, camera.optical_frame, camera.camera_to_parent)
        live.problems.set(Stage.FRAME, taken)
        return not taken

    # --- life

    def start(self) -> None:
        """Subscribe the camera and begin to work."""
        settings = self.settings
        source = settings.source
        self._pipeline = FramePipeline(
            tf=self._tf,
            maker=PictureMaker(rectify=source.rectify, max_size=source.max_source_size),
            window=self.window,
            consumer=self,
            ledger=self._ledger,
            problems=self.problems,
            limits=Limits(
                max_pending=source.max_pending,
                rate_hz=settings.window.rate_hz,
                fixed_frame=settings.fixed_frame,
                tf_timeout_s=lambda: self.settings.tf_timeout_s,
                needed=self.is_needed,
            ),
        )
        self.source = CameraSource(
            self._node,
            source,
            ledger=self._ledger,
            problems=self.problems,
            on_arrival=self._pipeline.offer,
            on_rewind=self.rewind,
            camera_timeout_s=lambda: self.settings.source.camera_timeout_s,
            newest_ns=self._newest_ns,
        )

    def is_needed(self) -> bool:
        """Whether frames are to enter the window."""
        return self.settings.fill_when_idle or self._is_watched()

    def _is_watched(self) -> bool:
        """Whether anybody wants anything that the engine makes live."""
        return self._scene.is_wanted() or any(live.outputs.wanted() for live in self.cameras.values())

    def stop(self) -> None:
        """End the subscriptions, the stream and the worker; forget the frames."""
        if self.source is not None:
            self.source.close()
            self._newest_ns = self.source.newest_ns
            self.source = None
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None
        self.rewound()  # until the next start, nobody sees whether the clock goes back
        self.window.clear()
        self.problems.clear()

    def close(self) -> None:
        """Free everything."""
        with ExitStack() as stack:
            stack.callback(self.window.close)
            if self._frames is not None:
                stack.callback(self._frames.close)
            stack.callback(self._scene.close)
            for live in self.cameras.values():
                stack.callback(live.outputs.close)
            stack.callback(self.client.close)
            if self._fallback_client is not None:
                stack.callback(self._fallback_client.close)
            stack.callback(self._viewer.close)
            stack.callback(self.stop)

    def change(self, settings: Settings) -> None:
        """Take over settings that may change at any time."""
        before, self.settings = self.settings, settings
        if (settings.scene, settings.engine) != (before.scene, before.engine):
            self._scene.change(settings.scene)
        for camera in settings.cameras:
            self.cameras[camera.name].change(camera)
        self._anchor(moved=True)

    def wake(self) -> None:
        """TF has news."""
        pipeline = self._pipeline
        if pipeline is not None:
            pipeline.wake()

    def rewind(self) -> None:
        """The clock went back: forget all that belongs to another time."""
        self._node.get_logger().warning(
            "the clock went back (a bag that starts over?): window, TF and running work are forgotten"
        )
        self._tf.forget()
        self._newest_ns = 0
        source, pipeline = self.source, self._pipeline
        if source is not None:
            source.reset()
        if pipeline is not None:
            pipeline.rewind()

    def watch(self) -> None:
        """Look for what no message can tell: silence of the camera, an engine that is away, no clock."""
        source = self.source
        if source is not None:
            source.watch()
        self._anchor()
        self.problems.set(Stage.ENGINE, self.client.problem())
        if not self._is_watched():
            self.problems.clear(Stage.STREAM)
        without_clock = self.now_ns() is None
        self.problems.set(
            Stage.CLOCK,
            "use_sim_time is true but no clock arrives on /clock; play the bag with --clock, or set it to false"
            if without_clock
            else "",
        )

    def now_ns(self) -> int | None:
        """ROS time; None while there is no clock yet."""
        return self._node.get_clock().now().nanoseconds or None

    @property
    def on_fallback(self) -> bool:
        """Whether the fallback stands in for the engine."""
        return self._viewer.on_fallback

    @property
    def frames_replaced(self) -> int:
        """Frames that gave way to newer ones before the engine began them, since its stream opened."""
        return self._viewer.frames_replaced

    @property
    def method(self) -> MethodDescription | None:
        """What the engine's method can do; None before the engine said so."""
        description = self.client.description()
        return None if description is None else description.method

    @property
    def server(self) -> str:
        """The engine's name for people; "" before it is known."""
        description = self.client.description()
        return "" if description is None else description.server

    # --- what the pipeline asks and tells, on its thread

    def wanted(self, stamp_ns: int) -> Sequence[VirtualCamera]:
        """The virtual cameras that are due at this instant, but for those whose frame is somebody else's."""
        return [
            live.camera
            for live in self.cameras.values()
            if not live.problems.at(Stage.FRAME) and live.is_due(stamp_ns)
        ]

    def misplaced(self, camera: VirtualCamera, problem: str) -> None:
        """State that TF does not tell where a virtual camera was."""
        self.cameras[camera.name].problems.set(Stage.TF, problem)

    def sizes(self) -> Sequence[Size]:
        """Sizes at which the method works."""
        method = self.method
        return () if method is None else method.sizes

    def take(
        self, picture: Picture, pose: NDArray[np.float64], stamp_ns: int, targets: Mapping[VirtualCamera, Any]
    ) -> None:
        """Ask for the wanted views of a frame that has entered the window.

        A camera that still waits for its view goes with each frame that is pushed for another, since that may take the
        place of the frame it waits for; for its own sake none is pushed before it may ask again.
        """
        by_products = self._scene.ask(stamp_ns, self.method)
        if not by_products and not any(self.cameras[camera.name].may_ask(stamp_ns) for camera in targets):
            if not self._is_context():
                return
            targets = {}
        engine = self.settings.engine
        plan = StreamPlan(
            source=picture.camera,
            wanted={name: live.camera.camera for name, live in self.cameras.items()},
            source_has_depth=picture.depth is not None,
            steps=engine.steps,
            seed=engine.seed,
            options=engine.options,
            rate_hz=max(live.camera.rate_hz for live in self.cameras.values()),
        )
        poses = {camera.name: target for camera, target in targets.items()}
        for camera in targets:
            self.cameras[camera.name].pushing(stamp_ns, camera)
        problem = self._viewer.push(plan, picture, pose, stamp_ns, poses, by_products)
        if problem:
            self.problems.set(Stage.STREAM, problem)
            return
        for camera in targets:
            self.cameras[camera.name].asked(stamp_ns)

    def _is_context(self) -> bool:
        """Whether the engine needs frames of which no view is due: its method sees clips, and somebody watches."""
        method = self.method
        if method is None or method.streams or method.clip_frames[0] == 1:
            return False
        return any(live.outputs.wanted() for live in self.cameras.values())

    def rewound(self) -> None:
        """Cancel what is under way and let earlier instants be new again."""
        self._viewer.abandon()
        self._scene.rewound()
        for live in self.cameras.values():
            live.rewound()

    # --- what the engine answers, on a thread of its client

    def _take(self, answer: Answer) -> None:
        with while_up(self._node.context):
            self._answered(answer)

    def _answered(self, answer: Answer) -> None:
        outcome = answer.outcome
        if outcome.error:
            self.problems.set(Stage.STREAM, outcome.error)
            return
        if not answer.fallback:
            self.problems.clear(Stage.STREAM)
            self._scene.take(answer)
        for name, view in outcome.views.items():
            live = self.cameras.get(name)
            if live is None or name not in answer.fits:
                self.problems.set(
                    Stage.STREAM,
                    f"the engine made a view of '{name}', which it was not asked for; run the same version of "
                    "anyview_ros at both ends",
                )
                continue
            try:
                self._show(live, view, answer)
            except AnyViewError as error:
                live.problems.set(Stage.STREAM, f"a view of the engine cannot be shown: {error}")

    def _show(self, live: LiveCamera, view: SynthesizedView, answer: Answer) -> None:
        outcome, settings = answer.outcome, self.settings
        if answer.is_current() and live.drops_outdated(outcome.stamp_ns):
            live.problems.set(
                Stage.STREAM,
                "the last view was dropped: the camera was changed while it was made; one that moves all the time "
                "wants a parent_frame that moves on TF",
            )
            return
        if outcome.provenance is None or not live.accept(outcome.stamp_ns, answer.is_current):
            return
        now_ns = self.now_ns()
        age_ns = 0 if now_ns is None else now_ns - outcome.stamp_ns
        if settings.max_age_s and age_ns > settings.max_age_s * 1e9:
            live.problems.set(
                Stage.STREAM,
                f"views are withheld: the last is {age_ns / 1e9:.2f} s old, max_age_s is {settings.max_age_s:g}; "
                "ask for fewer or smaller views, a faster method or device, or raise max_age_s",
            )
            return
        shown = cut(view, answer.fits[live.camera.name], outcome.stamp_ns)
        live.problems.clear(Stage.STREAM)
        live.outputs.publish(
            live.camera,
            shown,
            outcome.provenance,
            age_ns=age_ns,
            server="local" if answer.fallback else self.server,
            fallback=answer.fallback,
            jpeg_quality=settings.jpeg_quality,
            imagined_below=settings.imagined_below,
        )
        live.note(
            age_ms=math.nan if now_ns is None else age_ns / 1e6,
            mean_confidence=float(shown.confidence.mean()),
            fallback=answer.fallback,
        )
