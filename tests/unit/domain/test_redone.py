from sip_luigi.domain.redone import Recipe, why_redone

FIRST = Recipe("k1", 1, {"robust": -0.5, "deep": {"a": 1}}, {"data": "d1", "vds": "v1"}, {"data": "f1"})


def recipe(**changes):
    return Recipe(**{**vars(FIRST), "key": "k2", **changes})


def test_why():
    assert why_redone(None, FIRST) == "made for the first time"
    assert (
        why_redone(FIRST, recipe(settings={"robust": 0.0, "deep": {"a": 1}})) == "setting robust: -0.5 → 0.0"
    )
    assert "setting deep.a: 1 → 2" in why_redone(FIRST, recipe(settings={"robust": -0.5, "deep": {"a": 2}}))
    assert why_redone(FIRST, recipe(inputs={"data": "d2", "vds": "v1"})) == "input data changed"
    assert why_redone(FIRST, recipe(inputs={"vds": "v1"})) == "input data taken away"
    assert "version 2, was 1" in why_redone(FIRST, recipe(version=2))
    assert why_redone(FIRST, FIRST) == "the product was no longer there or not intact"
    assert "lost" in why_redone(FIRST, recipe(fingerprints={"data": "lost"}))


def test_many_inputs_are_not_all_named():
    before = recipe(inputs={f"SB{n:03d}": "a" for n in range(300)})
    after = recipe(inputs={f"SB{n:03d}": "b" for n in range(300)})
    assert why_redone(before, after) == "input SB000, SB001, SB002, SB003 and 296 more changed"


def test_a_new_setting_and_a_long_one():
    text = why_redone(FIRST, recipe(settings={**FIRST.settings, "parset": "x" * 1000}))
    assert text.startswith("setting parset: None → x")
    assert len(text) < 100
