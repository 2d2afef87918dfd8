"""Checks of images, their rate and their stamps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from evidence_maker import START_NS, camera, depth, evidence, stream, troubles

from anyview_ros.diagnosis import Origin, Picture, Severity, diagnose
from anyview_ros.diagnosis.checks.images import check_images
from anyview_ros.diagnosis.checks.rate import check_rate
from anyview_ros.diagnosis.checks.stamps import check_stamps_set


def test_a_camera_that_is_well_has_no_findings_but_good_ones() -> None:
    diagnosis = diagnose(evidence())
    assert diagnosis.is_fine, diagnosis.findings
    assert diagnosis.verdict == "nothing wrong found"


def test_no_camera() -> None:
    assert troubles(check_images, evidence(cameras=())) == {"images.no_camera": Severity.ERROR}


def test_no_picture() -> None:
    silent = camera(images=stream(count=0), pictures=())
    assert troubles(check_images, evidence(silent)) == {"images.missing": Severity.ERROR}


def test_pictures_that_change() -> None:
    changing = camera(images=stream(sizes=((64, 48), (32, 24)), frames=("a", "b")))
    assert troubles(check_images, evidence(changing)) == {
        "images.size_changes": Severity.ERROR,
        "images.frame_changes": Severity.ERROR,
    }


def test_pictures_that_cannot_be_read_or_show_nothing() -> None:
    unreadable = camera(images=stream(problems=("encoding is 'x'",)))
    assert troubles(check_images, evidence(unreadable)) == {"images.unreadable": Severity.ERROR}
    black = camera(pictures=(Picture(START_NS, np.zeros((48, 64, 3), np.uint8)),))
    assert troubles(check_images, evidence(black)) == {"images.blank": Severity.WARNING}


def test_what_could_not_be_read_of_a_bag_is_told() -> None:
    assert troubles(check_images, evidence(losses=("40 messages lost",))) == {"images.lost": Severity.WARNING}


def test_a_camera_that_stops() -> None:
    assert troubles(check_rate, evidence(camera(images=stream(count=10)))) == {"rate.stopped": Severity.ERROR}


def test_a_slow_camera_has_not_stopped() -> None:
    slow = camera(images=stream(rate_hz=1.0, count=3))
    assert troubles(check_rate, evidence(slow)) == {}


def test_gaps() -> None:
    whole = stream()
    keep = (np.arange(30) < 10) | (np.arange(30) > 17)
    holed = replace(whole, stamps_ns=whole.stamps_ns[keep], receipts_ns=whole.receipts_ns[keep])
    assert troubles(check_rate, evidence(camera(images=holed))) == {"rate.gaps": Severity.WARNING}


def test_an_irregular_camera() -> None:
    jitter = np.where(np.arange(30) % 2, 60_000_000, 0)
    whole = stream()
    irregular = replace(whole, stamps_ns=whole.stamps_ns + jitter, receipts_ns=whole.receipts_ns + jitter)
    assert troubles(check_rate, evidence(camera(images=irregular))) == {"rate.irregular": Severity.WARNING}


def test_a_jittering_link_is_not_an_irregular_camera() -> None:
    whole = stream()
    late = replace(whole, receipts_ns=whole.receipts_ns + np.where(np.arange(30) % 2, 60_000_000, 0))
    assert troubles(check_rate, evidence(camera(images=late))) == {}


def test_a_single_picture() -> None:
    assert troubles(check_rate, evidence(camera(images=stream(count=1)))) == {"rate.single": Severity.WARNING}


def test_stamps_of_zero() -> None:
    unstamped = camera(images=replace(stream(), stamps_ns=np.zeros(30, np.int64)))
    assert troubles(check_stamps_set, evidence(unstamped)) == {"stamps.zero": Severity.ERROR}
    episode = evidence(unstamped, origin=Origin.EPISODE, transforms=None)
    assert "stamps.zero" not in troubles(check_stamps_set, episode)


def test_stamps_of_depth_are_looked_at_too() -> None:
    unstamped = depth(stream=replace(depth().stream, stamps_ns=np.zeros(30, np.int64)))
    assert troubles(check_stamps_set, evidence(camera(depth=unstamped))) == {"stamps.zero": Severity.ERROR}


def test_stamps_out_of_order() -> None:
    whole = stream()
    swapped = whole.stamps_ns.copy()
    swapped[[4, 5]] = swapped[[5, 4]]
    found = troubles(check_stamps_set, evidence(camera(images=replace(whole, stamps_ns=swapped))))
    assert found == {"stamps.out_of_order": Severity.WARNING}
    looped = np.concatenate([whole.stamps_ns[10:], whole.stamps_ns[:10]])
    found = troubles(check_stamps_set, evidence(camera(images=replace(whole, stamps_ns=looped))))
    assert found == {"stamps.rewind": Severity.WARNING}
    twice = np.repeat(whole.stamps_ns[::2], 2)
    found = troubles(check_stamps_set, evidence(camera(images=replace(whole, stamps_ns=twice))))
    assert found == {"stamps.repeated": Severity.WARNING}


def test_stamps_of_another_clock() -> None:
    for shift_ns, check in ((500_000_000, "stamps.ahead"), (-5_000_000_000, "stamps.behind")):
        whole = stream()
        other = replace(whole, receipts_ns=whole.stamps_ns - shift_ns)
        assert troubles(check_stamps_set, evidence(camera(images=other))) == {check: Severity.WARNING}
