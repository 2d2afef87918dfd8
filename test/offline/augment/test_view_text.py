from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.view_text import (
    MAIN,
    ViewArguments,
    ViewText,
    parse_view_text,
    read_view_texts,
)

WORDS = st.text("abcdefghijklmnop_/-.0123456789", min_size=1, max_size=12)


@given(
    name=WORDS,
    main=st.lists(WORDS, max_size=3),
    values=st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=3), max_size=4),
)
def test_what_is_written_is_read(name: str, main: list[str], values: dict[str, list[str]]) -> None:
    parts = [",".join(main)] if main else []
    parts += [f"{key}={','.join(each)}" for key, each in values.items()]
    view = parse_view_text(f"{name}:{','.join(parts)}" if parts else name)
    assert view.name == name
    expected = {key: ",".join(each) for key, each in values.items()}
    assert view.values == ({MAIN: ",".join(main), **expected} if main else expected)


@given(text=st.text(max_size=40))
def test_any_text_is_a_view_or_a_clear_error(text: str) -> None:
    try:
        view = parse_view_text(text)
    except InvalidInputError:
        return
    assert view.name
    assert all(value for value in view.values.values())


def test_spaces_do_not_matter() -> None:
    view = parse_view_text(" vista_arc : center = 0.4, 0, 0.1 , frame = base_link ")
    assert view.name == "vista_arc"
    assert view.values == {"center": "0.4,0,0.1", "frame": "base_link"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no name"),
        (":30", "no name"),
        ("orbit:", "no arguments"),
        ("a:b=1,b=2", "gives 'b' twice"),
        ("a:=3", "write key=value"),
        ("a:b=", "write key=value"),
    ],
)
def test_texts_that_are_no_views(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse_view_text(text)


CONTENT = [
    "vista_small",
    {"sampler": "vista_arc", "center": [0.4, 0, 0.1], "frame": "base_link"},
    {"sampler": "frame", "main": "wrist_link", "position": [0.05, 0, 1e-7]},
    {
        "name": "overhead",
        "in": "world",
        "position": [0.4, 0, 1.5],
        "intrinsics": {"height": 480, "fx": 500.5, "fy": 500, "cx": 319.5, "cy": 239.5, "width": 640},
    },
]


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
@pytest.mark.parametrize("content", [CONTENT, {"views": CONTENT}])
def test_files_say_the_same_as_texts(tmp_path: Path, suffix: str, content: object) -> None:
    import yaml

    path = tmp_path / f"views{suffix}"
    path.write_text(json.dumps(content) if suffix == ".json" else yaml.safe_dump(content))
    views = read_view_texts(["orbit:30", str(path)])
    expected = [
        "orbit:30",
        "vista_small",
        "vista_arc:center=0.4,0,0.1,frame=base_link",
        "frame:wrist_link,position=0.05,0,1e-07",
        "fixed:name=overhead,in=world,position=0.4,0,1.5,intrinsics=500.5,500,319.5,239.5,640,480",
    ]
    for view, text in zip(views, expected, strict=True):
        typed = parse_view_text(text)
        assert (view.name, view.values) == (typed.name, typed.values)
        assert parse_view_text(view.text).values == view.values, "its text says the same"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("{", ReadError, "neither JSON nor YAML"),
        ("[]", ReadError, "list of views"),
        ('{"views": ["a"], "more": 1}', ReadError, "one key views"),
        ("3", ReadError, "list of views"),
        ('["a", 3]', InvalidInputError, "view 2: 3 is no view"),
        ('[{"sampler": "orbit", "main": true}]', InvalidInputError, "main is True"),
        ('[{"in": {"fx": 3}}]', InvalidInputError, "in is"),
        ('[{"intrinsics": {"fx": 3}}]', InvalidInputError, "give fx, fy"),
    ],
)
def test_files_that_hold_no_views(tmp_path: Path, content: str, error: type[Exception], message: str) -> None:
    (tmp_path / "views.json").write_text(content)
    with pytest.raises(error, match=message):
        read_view_texts([str(tmp_path / "views.json")])


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ReadError, match=r"cannot read views absent\.yaml"):
        read_view_texts(["absent.yaml"])


def arguments(**values: str) -> ViewArguments:
    return ViewArguments(ViewText("v", "sampler", values))


def test_values_are_read_as_what_they_are() -> None:
    given_values = arguments(a="1e-3", b="1,2,3", c="640x480", d="5", e="smooth")
    assert given_values.number("a", 0.0) == 0.001
    assert given_values.vector("b") == (1.0, 2.0, 3.0)
    assert given_values.size("c") == (640, 480)
    assert given_values.count("d") == 5
    assert given_values.choice("e", ("episode", "smooth")) == "smooth"
    assert given_values.number("missing", 7.0) == 7.0
    assert given_values.vector("missing") is None
    given_values.end()


@pytest.mark.parametrize(
    ("value", "take", "message"),
    [
        ("a", lambda v: v.number("k", 0.0), "k is 'a'; give a number"),
        ("nan", lambda v: v.number("k", 0.0), "give a number"),
        ("-1", lambda v: v.number("k", 0.0, least=0), "k is -1; give 0 or more"),
        ("200", lambda v: v.number("k", 0.0, least=0, most=180), "give 0 to 180"),
        ("1,2", lambda v: v.vector("k"), "give 3 numbers separated by commas"),
        ("640", lambda v: v.size("k"), "such as 640x480"),
        ("6²x480", lambda v: v.size("k"), "such as 640x480"),
        ("0x480", lambda v: v.size("k"), "such as 640x480"),
        ("1.5", lambda v: v.count("k"), "whole number"),
        ("often", lambda v: v.choice("k", ("episode", "frame")), "choose one of episode, frame"),
    ],
)
def test_values_that_will_not_do(value: str, take, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        take(arguments(k=value))


def test_what_nobody_asks_for_is_refused_with_what_would_do() -> None:
    given_values = arguments(azimut="3")
    given_values.number("azimuth", 45.0)
    given_values.text("frame")
    with pytest.raises(InvalidInputError, match="sampler takes no 'azimut'; it takes azimuth, frame"):
        given_values.end()
