"""What is made of measurements: medians, ratios, the picture, the page; no measuring here."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import findings, picture
from benchmarks.measuring import Measured, medians, ratios, rounded, spread

DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def measured(rate: float, p50: float = 100.0) -> Measured:
    return Measured(rate, p50, 2 * p50, 9 * p50, 0, 0, 4.0, 10.0, 50.0)


OURS = [measured(rate) for rate in (90_000, 40_000, 80_000)]
THEIRS = [measured(rate) for rate in (45_000, 10_000, 50_000)]


def test_a_median_is_shown_with_how_far_the_rate_went() -> None:
    shown = medians(OURS)
    assert (shown["rate"], shown["rate_low"], shown["rate_high"]) == (80_000, 40_000, 90_000)
    assert shown["controller_us"] == 4.0
    assert "p99_by_port" not in shown


def test_a_ratio_is_taken_within_its_round() -> None:
    """A round on a busy machine is slow for both."""
    assert ratios(OURS, THEIRS)["rate"] == {"median": 2.0, "low": 1.6, "high": 4.0}


def test_nothing_is_divided_by_a_peer_that_did_not_answer() -> None:
    assert ratios(OURS[:2], [measured(0), measured(20_000)])["rate"]["median"] == 2.0


def test_figures_have_four_digits() -> None:
    assert (rounded(123_456.7), rounded(0.000123456)) == (123_500, 0.0001235)
    assert spread([]) == {"median": 0, "low": 0, "high": 0}


def found() -> dict[str, Any]:
    by_responder = {"ovsdhcp": medians(OURS), "ovn-controller": medians(THEIRS)}
    one = by_responder | {"ratios": {"ovsdhcp / ovn-controller": ratios(OURS, THEIRS)}}
    return {
        "machine": {"words": "2 cores; Linux", "load_before": 0.0},
        "rounds": 3,
        "closer_rounds": 3,
        "seconds": 1.0,
        "longer_seconds": 20.0,
        "closer_size_rounds": 3,
        "peers": {"renew 128": one, "renew 1": one},
        "storm": {"ovsdhcp": {"100": {"after_back_off": 3}, "512": {"after_back_off": 0}}},
    }


def test_the_picture_shows_everybody_and_ours_in_its_colour() -> None:
    drawn = ElementTree.fromstring(picture.draw(found()))
    words = [text.text for text in drawn.iter(f"{SVG}text")]
    assert {"ovsdhcp", "ovn-controller", "80,000", "45,000", "Linux"} <= set(words)
    panels = sum(word == "ovsdhcp" for word in words)
    assert panels == 3, "rates, waits, CPU; what was not measured has no panel"
    ours = [it for it in drawn.iter(f"{SVG}rect") if "ours" in it.attrib["class"]]
    assert len(ours) == 5, "waits and CPU have a second bar"


def test_the_longest_bar_ends_where_bars_end() -> None:
    drawn = ElementTree.fromstring(picture.draw(found()))
    assert max(float(it.attrib["width"]) for it in drawn.iter(f"{SVG}rect")) <= picture.BARS


def test_a_finding_holds_by_its_median_and_the_worst_storm() -> None:
    by_words = {it.wanted.words: it for it in findings.findings(found())}
    rate = by_words["renewing, 128 outstanding: replies/s, by ovn-controller's"]
    assert (rate.measured, rate.holds) == ("2.00 (1.60 to 4.00)", True)
    late = by_words["10,000 clients boot: those not bound within 4 s"]
    assert (late.measured, late.holds) == ("3", False)
    assert len(by_words) == 5, "nothing is said of what was not measured"


def test_those_that_are_close_are_compared_by_rounds_of_their_own() -> None:
    ratio = {"ovsdhcp / ovn-controller": ratios(OURS, OURS)}
    with_closer = found() | {"closer": {"renew 128": {"ratios": ratio}}}
    rate = next(findings.findings(with_closer))
    assert (rate.measured, rate.holds) == ("1.00 (1.00 to 1.00)", False)


def test_the_page_names_what_is_missed() -> None:
    page = findings.page(found())
    assert re.search(r"^\| .*not bound within 4 s \| at most 0 \| 3 \| missed \|$", page, re.M)
    assert "2 cores; Linux" in page


@pytest.mark.parametrize("name", ["benchmarks.md", "benchmarks.svg"])
def test_what_is_shown_is_what_was_measured(name: str) -> None:
    recorded = json.loads((DOCS / "benchmarks.json").read_text())
    made = findings.page(recorded) if name.endswith(".md") else picture.draw(recorded)
    assert (DOCS / name).read_text() == made
