from xml.etree import ElementTree

from petafit_benchmark.merging_plot import draw
from tests.benchmark.made import result


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
    groups = {group.find("text").text: group for group in root.iter("g")}
    assert set(groups) == {"stacked +0.0001", "stacked, 2 passes -0.0005", "mean +0.0120"}
    stacked = groups["stacked +0.0001"]
    assert stacked.get("class") == "own"
    assert [dot.find("title").text for dot in stacked.findall("circle")] == ["-0.00030", "+0.00010"]
    higher = {name: float(g.findall("circle")[-1].get("cy")) for name, g in groups.items()}
    assert higher["mean +0.0120"] < higher["stacked +0.0001"] < higher["stacked, 2 passes -0.0005"]
    names = [float(text.get("y")) for g in root.iter("g") for text in g.findall("text")]
    assert min(abs(a - b) for i, a in enumerate(names) for b in names[:i]) > 12


def test_nothing_compared_is_nothing_drawn():
    assert draw([result("sequential_0.1_seed1")]) == ""
