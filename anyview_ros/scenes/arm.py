"""A six-joint arm with a parallel gripper: its kinematics both ways, and what it looks like.

Joints as in most industrial arms: base yaw, shoulder pitch, elbow pitch, forearm roll, wrist pitch, flange roll. With
all joints at zero the arm stands upright. ``tool0`` has its z axis out of the flange, towards what the gripper holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes.material import Material
from anyview_ros.scenes.poses import move, turn
from anyview_ros.scenes.scene import Body
from anyview_ros.scenes.shapes import Shape, box, capsule, cylinder, sphere
from anyview_ros.scenes.world import FramePoses

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """Lengths of the arm, metres.

    Attributes:
        shoulder_height: from the base's foot to the shoulder's axis.
        upper_arm: shoulder to elbow.
        forearm: elbow to wrist.
        hand: wrist to flange (``tool0``).
        fingertip: flange to the point between the fingertips.
        finger_travel: farthest that each finger opens from the middle.
    """

    shoulder_height: float = 0.30
    upper_arm: float = 0.36
    forearm: float = 0.32
    hand: float = 0.09
    fingertip: float = 0.12
    finger_travel: float = 0.045

    def frames(self, joints: ArrayLike, opening: ArrayLike) -> FramePoses:
        """Return the arm's frames below ``base_link`` (forward kinematics).

        Args:
            joints: (…, 6), radians.
            opening: (…,), distance of each finger from the middle, metres.

        Returns:
            link_1 … link_6, left_finger and right_finger, each with (…, 4, 4) to its parent.
        """
        q = np.moveaxis(np.asarray(joints, np.float64), -1, 0)
        gap = np.asarray(opening, np.float64)
        return {
            "link_1": ("base_link", move(z=0.12) @ turn("z", q[0])),
            "link_2": ("link_1", move(z=self.shoulder_height - 0.12) @ turn("y", q[1])),
            "link_3": ("link_2", move(z=self.upper_arm) @ turn("y", q[2])),
            "link_4": ("link_3", move(z=0.12) @ turn("z", q[3])),
            "link_5": ("link_4", move(z=self.forearm - 0.12) @ turn("y", q[4])),
            "link_6": ("link_5", move(z=self.hand - 0.03) @ turn("z", q[5])),
            "left_finger": ("tool0", move(y=gap, z=0.07)),
            "right_finger": ("tool0", move(y=-gap, z=0.07)),
        }

    def fixed_frames(self) -> FramePoses:
        """Return the frames that never move in their parents: tool0 and wrist_camera_link, (4, 4) each.

        The camera sits on the side of the flange that faces away from the base when the tool points down, and looks
        at the fingertips; its x axis points forward, z up, as bodies' axes do.
        """
        down_the_tool = np.array([[0.0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
        camera = move(x=-0.10, z=-0.05) @ down_the_tool @ turn("y", math.radians(17))
        return {"tool0": ("link_6", move(z=0.03)), "wrist_camera_link": ("tool0", camera)}

    def reach(
        self, azimuth: ArrayLike, radius: ArrayLike, height: ArrayLike, pitch: ArrayLike, roll: ArrayLike
    ) -> Array:
        """Return the joints that bring the fingertips to a place (inverse kinematics, elbow up, no forearm roll).

        Args:
            azimuth: direction of the place around the base's z axis, radians.
            radius: its distance from that axis, metres.
            height: its height above the base's foot, metres.
            pitch: angle of the tool from straight up, in the arm's vertical plane; pi points straight down.
            roll: turn of the flange about the tool's axis, radians.

        Returns:
            float64 (…, 6), radians.

        Raises:
            InvalidInputError: a place out of reach.
        """
        azimuth, radius, height, pitch, roll = np.broadcast_arrays(
            *(np.asarray(v, np.float64) for v in (azimuth, radius, height, pitch, roll))
        )
        length = self.hand + self.fingertip
        across = radius - length * np.sin(pitch)
        up = height - self.shoulder_height - length * np.cos(pitch)
        square = across**2 + up**2
        cosine = (square - self.upper_arm**2 - self.forearm**2) / (2 * self.upper_arm * self.forearm)
        if np.any(np.abs(cosine) > 1):
            worst = float(np.sqrt(square).max())
            raise InvalidInputError(
                f"the wrist would be {worst:.3f} m from the shoulder, beyond {self.upper_arm + self.forearm:.3f} m "
                "or too near; choose a place within reach"
            )
        elbow = np.arccos(cosine)
        shoulder = np.arctan2(across, up) - np.arctan2(
            self.forearm * np.sin(elbow), self.upper_arm + self.forearm * np.cos(elbow)
        )
        wrist = pitch - shoulder - elbow
        return np.stack([azimuth, shoulder, elbow, np.zeros_like(elbow), wrist, roll], axis=-1)

    def bodies(self, shell: Material, joint: Material, dark: Material) -> list[Body]:
        """Return the arm's looks: ``shell`` for the links, ``joint`` for the joints' caps, ``dark`` for the gripper."""
        side = turn("x", math.pi / 2)
        upper, fore = self.upper_arm, self.forearm

        def part(shape: Shape, material: Material, frame: str, pose: Array) -> Body:
            return Body(shape, material, pose, frame, "robot")

        return [
            part(cylinder(0.10, 0.03), dark, "base_link", move(z=0.015)),
            part(cylinder(0.075, 0.10), shell, "base_link", move(z=0.07)),
            part(cylinder(0.068, 0.10), shell, "link_1", move(z=0.055)),
            part(cylinder(0.070, 0.016), joint, "link_1", move(z=0.0)),
            part(capsule(0.066, 0.13), shell, "link_2", side),
            part(cylinder(0.050, 0.212), joint, "link_2", side @ move(z=0.0)),
            part(capsule(0.050, upper), shell, "link_2", move(y=0.0, z=upper / 2)),
            part(cylinder(0.055, 0.03), joint, "link_2", move(z=upper * 0.45)),
            part(capsule(0.054, 0.10), shell, "link_3", side),
            part(cylinder(0.040, 0.172), joint, "link_3", side),
            part(capsule(0.042, 0.10), shell, "link_3", move(z=0.06)),
            part(cylinder(0.044, 0.014), joint, "link_4", move(z=0.0)),
            part(capsule(0.038, fore - 0.12), shell, "link_4", move(z=(fore - 0.12) / 2)),
            part(capsule(0.041, 0.06), shell, "link_5", side),
            part(cylinder(0.030, 0.125), joint, "link_5", side),
            part(cylinder(0.034, self.hand - 0.03), shell, "link_5", move(z=(self.hand - 0.03) / 2)),
            part(cylinder(0.037, 0.03), dark, "link_6", move(z=0.015)),
            part(box(0.05, 0.13, 0.045), dark, "tool0", move(z=0.0225)),
            part(box(0.052, 0.05, 0.012), joint, "tool0", move(z=0.025)),
            *(
                body
                for finger, sign in (("left_finger", 1), ("right_finger", -1))
                for body in (
                    part(box(0.022, 0.012, 0.09), dark, finger, move(y=sign * 0.006, z=0.02)),
                    part(box(0.024, 0.004, 0.03), joint, finger, move(y=sign * 0.0021, z=0.05)),
                )
            ),
            # The camera on the wrist: a small housing on a bracket from the flange.
            part(box(0.08, 0.03, 0.010), joint, "tool0", move(x=-0.06, z=-0.055)),
            part(box(0.03, 0.075, 0.024), dark, "wrist_camera_link", np.eye(4)),
            part(sphere(0.008), joint, "wrist_camera_link", move(x=0.013, y=0.02)),
        ]
