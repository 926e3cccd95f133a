from itertools import pairwise
from xml.etree import ElementTree

from petafit_benchmark.merging.plot import draw
from tests.benchmark.examples import result


def merged(case, seed, above):
    figures = {"above_sequential": above}
    return result(f"{case}_seed{seed}", figures=figures)


def test_every_rule_is_a_line_over_the_shards_with_the_mean_of_its_seeds():
    drawn = draw(
        [
            result("sequential_0.1_seed1"),
            merged("stacked_k8", 1, -0.0002),
            merged("stacked_k8", 2, -0.0004),
            merged("stacked_k64", 1, 0.0001),
            merged("stacked_k64_passes2", 1, -0.0005),
            merged("mean_k8", 1, 0.003),
            merged("mean_k64", 1, 0.012),
        ]
    )
    root = ElementTree.fromstring(drawn)
    dots = {
        group.find("title").text: group.find(".//use")
        for group in root.iter("g")
        if group.find("title") is not None
    }
    assert dots.keys() == {
        "stacked, 8 shards: -0.00030",
        "stacked, 64 shards: +0.00010",
        "stacked, 2 passes, 64 shards: -0.00050",
        "mean, 8 shards: +0.00300",
        "mean, 64 shards: +0.01200",
    }
    assert "fill: var(--own)" in dots["stacked, 64 shards: +0.00010"].get("style")
    assert "fill: var(--peer)" in dots["mean, 64 shards: +0.01200"].get("style")
    higher = [float(dot.get("y")) for name, dot in dots.items() if "64 shards" in name]
    assert higher[2] < higher[0] < higher[1]
    assert len({dot.get("x") for dot in dots.values()}) == 2, "8 shards and 64"
    names = {text.text: float(text.get("y")) for text in root.iter("text")}
    labels = ["mean +0.0120", "stacked +0.0001", "stacked, 2 passes -0.0005"]
    heights = [names[label] for label in labels]
    assert all(below - above > 12 for above, below in pairwise(heights))
    assert all(label in root.find("desc").text for label in labels)
    assert {"8", "64", "0"} < names.keys()


def test_nothing_compared_is_nothing_drawn():
    assert draw([result("sequential_0.1_seed1")]) == ""
