from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.keys import LOST, canonical_json, fingerprint, product_key

names = st.text(min_size=1, max_size=8)
values = st.one_of(
    st.integers(), st.booleans(), st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False)
)
settings = st.dictionaries(names, values, max_size=5)


@given(settings, settings)
def test_key_depends_on_content_alone(first, second):
    same = canonical_json(first) == canonical_json(second)
    keys = [product_key("stage", 1, chosen, {}) for chosen in (first, second)]
    assert (keys[0] == keys[1]) == same


@given(settings)
def test_order_of_settings_does_not_matter(chosen):
    backwards = dict(reversed(chosen.items()))
    assert product_key("stage", 1, chosen, {}) == product_key("stage", 1, backwards, {})


def test_every_part_enters():
    base = product_key("stage", 1, {"a": 1}, {"data": "k"})
    others = {
        product_key("other", 1, {"a": 1}, {"data": "k"}),
        product_key("stage", 2, {"a": 1}, {"data": "k"}),
        product_key("stage", 1, {"a": 2}, {"data": "k"}),
        product_key("stage", 1, {"a": 1}, {"data": "l"}),
        product_key("stage", 1, {"a": 1}, {"vds": "k"}),
        product_key("stage", 1, {"a": 1}, {}),
    }
    assert base not in others
    assert len(others) == 6


def test_a_lost_input_changes_the_fingerprint_not_the_key():
    assert fingerprint("k", {"a": "1", "b": LOST}) != fingerprint("k", {"a": "1", "b": "2"})
