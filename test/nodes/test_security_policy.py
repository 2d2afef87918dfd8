from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from anyview_ros.cli.main import main
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.nodes.security_policy import Deployment, declared_in, policy_xml, rights

ROOT = Path(__file__).resolve().parents[2]


def allowed(policy: ElementTree.Element, node: str, group: str, right: str) -> set[str]:
    groups = policy.findall(f".//profile[@node='{node}']/{group}[@{right}='ALLOW']")
    return {element.text or "" for found in groups for element in found}


def test_a_policy_names_enclaves_nodes_and_rights() -> None:
    policy = ElementTree.fromstring(policy_xml(Deployment(("wrist",), "/robot1", depth="/d")))  # noqa: S314 - ours
    assert policy.get("version") == "0.2.0"
    assert [enclave.get("path") for enclave in policy.iter("enclave")] == [
        "/robot1/synthesis_server",
        "/robot1/virtual_camera",
    ]
    assert "/robot1/wrist/image" in allowed(policy, "virtual_camera", "topics", "publish")
    assert "/d" in allowed(policy, "virtual_camera", "topics", "subscribe")
    assert "/robot1/open_stream" in allowed(policy, "virtual_camera", "services", "request")
    assert "/robot1/open_stream" in allowed(policy, "synthesis_server", "services", "reply")
    assert allowed(policy, "synthesis_server", "actions", "execute") == {"/robot1/synthesize_clip"}
    assert policy.find(".//*[@publish='DENY']") is None


def test_the_server_may_publish_no_pictures_of_cameras_and_the_camera_may_not_serve_requests() -> None:
    server, camera = rights(Deployment(("wrist",)))
    assert not any("wrist" in name for name in server.publish)
    assert not set(server.reply) & set(camera.reply)


@pytest.mark.parametrize(
    ("changes", "topics"),
    [
        ({"compressed": True}, {"/camera/image_raw/compressed"}),
        ({"sim_time": True}, {"/camera/image_raw", "/clock"}),
        ({"depth": ""}, {"/camera/image_raw"}),
    ],
)
def test_what_is_subscribed_follows_the_deployment(changes: dict[str, object], topics: set[str]) -> None:
    _, camera = rights(Deployment(("wrist",), **changes))  # type: ignore[arg-type]
    inner = {"/camera/camera_info", "/anyview/stream_views", "/tf", "/tf_static"}
    assert set(camera.subscribe) == topics | inner


def test_what_is_published_besides_views_follows_the_parameter_file(tmp_path: Path) -> None:
    plain, more = (set(rights(Deployment(("wrist",), **changes))[1].publish) for changes in (
        {}, {"by_products": ("points", "ray_weights"), "refined_poses": True},
    ))  # fmt: skip
    inside = "/anyview/virtual_camera"
    assert more - plain == {f"{inside}/points", f"{inside}/debug/ray_weights", "/tf"}
    assert plain < more
    with pytest.raises(InvalidInputError, match="by_products names 'mesh'"):
        Deployment(("wrist",), by_products=("mesh",))
    file = tmp_path / "params.yaml"
    text = "/**:\n  ros__parameters:\n    virtual_cameras: [wrist]\n"
    file.write_text(text + "    by_products: [points, '']\n    refined_frame: refined\n")
    declared = declared_in(file)
    assert (declared["by_products"], declared["refined_poses"]) == (("points",), True)
    file.write_text(text)
    declared = declared_in(file)
    assert (declared["by_products"], declared["refined_poses"]) == ((), False)


def test_the_server_may_be_in_another_namespace() -> None:
    server, camera = rights(Deployment(("wrist",), "/robot1", server="/anyview/"))
    assert f"{server.inside}/{server.name}" == "/anyview/synthesis_server"
    assert "/anyview/open_stream" in server.reply
    assert "/robot1/status" in camera.publish
    assert set(camera.request) == {"/anyview/close_stream", "/anyview/describe", "/anyview/open_stream"}
    assert camera.call == ("/anyview/synthesize_clip",)
    assert "/anyview/stream_frames" in camera.publish
    assert "/anyview/stream_views" in camera.subscribe
    policy = ElementTree.fromstring(policy_xml(Deployment(("wrist",), "/robot1", server="/anyview")))  # noqa: S314 - ours
    assert [enclave.get("path") for enclave in policy.iter("enclave")] == [
        "/anyview/synthesis_server",
        "/robot1/virtual_camera",
    ]
    assert [profile.get("ns") for profile in policy.iter("profile")] == ["/anyview", "/robot1"]


@pytest.mark.parametrize(
    ("namespace", "server", "inside"),
    [("/robot1", "", "/robot1"), ("/robot1", "gpu", "/robot1/gpu"), ("/robot1", "/", ""), ("/", "", "")],
)
def test_the_servers_namespace_is_read_as_the_node_reads_it(namespace: str, server: str, inside: str) -> None:
    assert Deployment(("wrist",), namespace, server=server).served_inside == inside


def test_a_node_that_needs_no_server_and_broadcasts_no_frames_may_do_neither() -> None:
    (camera,) = rights(Deployment(("wrist",), local=True, publish_tf=False))
    assert not camera.request
    assert not camera.call
    assert not any("stream" in name for name in (*camera.publish, *camera.subscribe))
    assert "/tf_static" not in camera.publish
    assert "/tf_static" in camera.subscribe


def test_the_packages_own_parameter_files_are_read() -> None:
    declared = declared_in(ROOT / "config" / "virtual_cameras.yaml")
    assert declared["cameras"] == ("overhead", "wrist", "left_shoulder", "right_shoulder")
    assert declared["use_depth"] is True
    assert declared_in(ROOT / "config" / "demo.yaml")["use_depth"] is True, "which another block says"


BLOCKS = """
/**:
  ros__parameters: {virtual_cameras: [wrist], engine: local, use_sim_time: true}
/robot1:
  virtual_camera:
    ros__parameters: {server: /gpu, engine: remote}
/*/virtual_camera:
  ros__parameters: {publish_tf: false}
/robot2/virtual_camera:
  ros__parameters: {virtual_cameras: [top, '']}
/**/synthesis_server:
  ros__parameters: {use_depth: true}
virtual_camera:
  ros__parameters: {virtual_cameras: [root]}
"""


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("/robot1", {"cameras": ("wrist",), "server": "/gpu", "local": False, "publish_tf": False}),
        ("/robot2", {"cameras": ("top",), "server": "", "local": True, "publish_tf": False}),
        ("/a/b", {"cameras": ("wrist",), "server": "", "local": True, "publish_tf": True}),
        ("/", {"cameras": ("root",), "server": "", "local": True, "publish_tf": True}),
    ],
)
def test_every_block_that_applies_to_the_node_counts_and_no_other(
    tmp_path: Path, namespace: str, expected: dict[str, object]
) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(BLOCKS)
    declared = declared_in(file, namespace)
    assert declared | expected == declared
    assert (declared["use_depth"], declared["sim_time"]) == (False, True)


def test_blocks_are_read_as_ros_reads_them(tmp_path: Path) -> None:
    rclpy = pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")
    file = tmp_path / "params.yaml"
    file.write_text(BLOCKS)
    for namespace in ("/robot1", "/robot2", "/a/b", "/"):
        context = rclpy.Context()
        rclpy.init(args=["--ros-args", "--params-file", str(file)], context=context)
        try:
            node = rclpy.create_node(
                "virtual_camera",
                namespace=namespace,
                context=context,
                automatically_declare_parameters_from_overrides=True,
            )
            values = {
                name: node.get_parameter_or(name).value
                for name in ("virtual_cameras", "server", "publish_tf")
            }
            node.destroy_node()
        finally:
            rclpy.shutdown(context=context)
        declared = declared_in(file, namespace)
        assert tuple(name for name in values["virtual_cameras"] if name) == declared["cameras"]
        assert (values["server"] or "") == declared["server"]
        assert (values["publish_tf"] is not False) == declared["publish_tf"]


@pytest.mark.parametrize("text", ["", "a: [", "/**:\n  ros__parameters:\n    virtual_cameras: 3\n"])
def test_files_that_declare_no_cameras_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text)
    with pytest.raises(ReadError, match=r"params\.yaml"):
        declared_in(file)


def test_names_must_be_full() -> None:
    with pytest.raises(InvalidInputError, match="namespace is 'anyview'; give a full name"):
        Deployment(("wrist",), "anyview")
    with pytest.raises(InvalidInputError, match="cameras is empty"):
        Deployment(())
    with pytest.raises(InvalidInputError, match="depth is 'depth'; give a full name"):
        Deployment(("wrist",), depth="depth")
    with pytest.raises(InvalidInputError, match="namespace is 'anyview'; give a full name"):
        declared_in(ROOT / "config" / "demo.yaml", "anyview")


def test_the_command_prints_or_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = str(ROOT / "config" / "virtual_cameras.yaml")
    assert main(["security-policy", params]) == 0
    printed = capsys.readouterr().out
    assert main(["security-policy", params, "--output", str(tmp_path / "policy.xml")]) == 0
    assert (tmp_path / "policy.xml").read_text() == printed
    assert "/camera/depth/image_raw" in printed
    assert main(["security-policy", params, "--output", str(tmp_path)]) == 2
    assert f"cannot write {tmp_path}" in capsys.readouterr().err
