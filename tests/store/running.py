"""Runs as tests begin them, and what they leave."""


def begin(store, run_id="run-1", **changes):
    asked = {
        "job": "train",
        "task": "flights",
        "environment": "local",
        "logical_date": None,
        "settings_digest": "abc",
        "versions": {"python": "3.11"},
    }
    return store.open(run_id, **{**asked, **changes})


def manifest(store, run_id="run-1"):
    return store.folder.read_json(f"{run_id}/manifest.json")
