"""What is told of a method on a benchmark: names, titles, digits, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricColumn:
    """One figure.

    Attributes:
        name: in JSON and CSV.
        title: in tables for people.
        digits: after the point.
        better: "higher", "lower", "one" (nearest to 1), or "" where it only describes the episode.
        meaning: one sentence.
    """

    name: str
    title: str
    digits: int
    better: str
    meaning: str


COLUMNS = (
    MetricColumn(
        "psnr_db",
        "PSNR, dB",
        2,
        "higher",
        "Whole frame, values in [0, 1]; frames equal to the truth left out.",
    ),
    MetricColumn(
        "ssim", "SSIM", 3, "higher", "Windows of 7 x 7, channels apart, as scikit-image does by default."
    ),
    MetricColumn(
        "lpips",
        "LPIPS",
        3,
        "lower",
        "Whole frame, of the network whose weights were given; the protocol's is VGG.",
    ),
    MetricColumn(
        "psnr_co_visible_db",
        "PSNR co-visible, dB",
        2,
        "higher",
        "On the pixels that a source truly saw, by true depth.",
    ),
    MetricColumn("ssim_co_visible", "SSIM co-visible", 3, "higher", "On the same pixels."),
    MetricColumn("coverage", "coverage", 2, "", "The share of pixels that is co-visible."),
    MetricColumn(
        "tsed",
        "TSED",
        2,
        "higher",
        "Share of pairs of source and view of one instant with 10 SIFT matches or more and a median symmetric epipolar "
        "distance below 2 px, in pixels of pictures whose long side is 256.",
    ),
    MetricColumn("mtsed", "mTSED", 2, "higher", "Mean of TSED over thresholds of 1, 1.5, … 4 px."),
    MetricColumn(
        "tsed_truth",
        "TSED of the truth",
        2,
        "",
        "The same of source and truth; views that move the source's own pixels are easier to match, and may exceed it.",
    ),
    MetricColumn("mtsed_truth", "mTSED of the truth", 2, "", "The same over all thresholds."),
    MetricColumn(
        "tsed_by_depth",
        "TSED by depth",
        2,
        "higher",
        "The same with matches from true depth: where the view shows what the truth has there, found by correlation. "
        "The truth's own is 1.",
    ),
    MetricColumn("mtsed_by_depth", "mTSED by depth", 2, "higher", "The mean of that over all thresholds."),
    MetricColumn(
        "tsed_in_time",
        "TSED in time",
        2,
        "higher",
        "Of each view with the next, where the target camera moves; what moves in the scene counts against it.",
    ),
    MetricColumn(
        "video_distance",
        "video distance",
        2,
        "lower",
        "Sliced Wasserstein distance of patches and their changes from the truth's, grey levels; needs no weights.",
    ),
    MetricColumn("flicker_ratio", "flicker", 2, "one", "Frame-to-frame change over the truth's."),
    MetricColumn(
        "seam_ratio",
        "seam",
        2,
        "one",
        "Change across borders of windows over change within them, both over the truth's.",
    ),
    MetricColumn(
        "seconds_per_view", "s per view", 2, "lower", "Wall time on this machine, whatever else it did."
    ),
)
"""In the order of tables."""

NAMES = tuple(column.name for column in COLUMNS)
