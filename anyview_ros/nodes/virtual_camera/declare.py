"""The table of parameters on a node: declared with descriptors, read, and validated when they change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.camera_parameters import camera_names
from anyview_ros.nodes.declaring import declare_parameter
from anyview_ros.nodes.parameters import Change, Parameter, check_value
from anyview_ros.nodes.virtual_camera.parameters import Settings, read_settings, table


class NodeParameters:
    """A node's parameters according to the table.

    A start value of the wrong type or out of range does not stop the node: the default is declared in its place and
    :meth:`settings` says what was wrong, until a fit value is set.

    Args:
        node: the node on which all parameters are declared.
        is_configured: whether the node is configured, or being so: settings that are read once are then read.
        on_change: told the new settings after a change while configured, one call at a time.
    """

    def __init__(
        self, node: Node, *, is_configured: Callable[[], bool], on_change: Callable[[Settings], None]
    ) -> None:
        self._node = node
        self._is_configured = is_configured
        self._on_change = on_change
        self._handing_on = threading.Lock()
        self._unfit: dict[str, str] = {}
        self._table: dict[str, Parameter] = {}
        self._declare(table(()))
        self._declare(table(self._names()))
        node.add_on_set_parameters_callback(self._validate)
        node.add_post_set_parameters_callback(self._apply)

    def _names(self) -> tuple[str, ...]:
        try:
            return camera_names(self.value("virtual_cameras"))
        except InvalidInputError as error:
            self._unfit["virtual_cameras"] = str(error)
            return ()

    def _declare(self, entries: dict[str, Parameter]) -> None:
        for name, entry in entries.items():
            if name in self._table:
                continue
            self._table[name] = entry
            try:
                declare_parameter(self._node, name, entry)
            except (InvalidParameterTypeException, InvalidParameterValueException) as error:
                self._unfit[name] = f"{name}: {error}"
                declare_parameter(self._node, name, entry, ignore_override=True)

    def value(self, name: str) -> Any:
        """The present value of one parameter."""
        return self._node.get_parameter(name).value

    def settings(self) -> Settings:
        """What the parameters say.

        Raises:
            InvalidInputError: they contradict each other or are out of range.
        """
        for text in self._unfit.values():
            raise InvalidInputError(text)
        return read_settings({name: self.value(name) for name in self._table})

    def _validate(self, changes: Sequence[RosParameter]) -> SetParametersResult:
        try:
            self._check({change.name: change.value for change in changes if change.name in self._table})
        except InvalidInputError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _check(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            check_value(name, self._table[name], value)
            if self._is_configured() and self._table[name].change is not Change.LIVE:
                raise InvalidInputError(
                    f"{name} can change only while the node is unconfigured; deactivate and clean it up first"
                )
        if changes and self._is_configured():
            read_settings({name: self.value(name) for name in self._table} | changes)

    def _apply(self, changes: Sequence[RosParameter]) -> None:
        ours = [change.name for change in changes if change.name in self._table]
        for name in ours:
            self._unfit.pop(name, None)
        if ours and self._is_configured():
            self.hand_on()

    def hand_on(self) -> None:
        """Tell what the parameters say now, as after a change."""
        with self._handing_on:  # else the older of two readings might be told last
            self._on_change(self.settings())
