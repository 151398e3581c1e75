import pytest

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.product import Loss, Manifest, Product


def test_manifest_round_trip():
    manifest = Manifest("k", "stage", 2, {"a": "f"}, Loss("x", "because"), 3, 4, {"m": 1.5}, (("a", "b c"),))
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_lost_has_no_fingerprint_of_its_own():
    assert Manifest("k", "s", 1, loss=Loss("s", "r")).fingerprint == "lost"
    assert Manifest("k", "s", 1).fingerprint != Manifest("k", "s", 1, {"a": "b"}).fingerprint


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '{"key": 1}', '{"key": "k", "stage": "s", "version": 1, "loss": 3}']
)
def test_half_a_manifest_is_none(text):
    with pytest.raises(BadData, match="here: not a manifest"):
        Manifest.from_text(text, "here")


def test_manifest_of_a_directory_goes_with_it_and_of_a_file_beside_it():
    assert Product("n", "/a/b").manifest_path == "/a/b/sip-manifest.json"
    assert Product("n", "/a/b.vds", "file").manifest_path == "/a/.b.vds.manifest.json"
    assert Product("n", "/a/b").part_path("x") == "/a/b.part-x"


def test_a_product_that_counts_by_its_content_is_what_it_says():
    one = Manifest("key", "flag_stations", 1, inputs={"a": "1"}, content="said")
    other = Manifest("another", "flag_stations", 1, inputs={"a": "2", "b": "lost"}, content="said")
    assert one.fingerprint == other.fingerprint == "said"
    assert Manifest("key", "s", 1, inputs={"a": "1"}).fingerprint != Manifest("key", "s", 1).fingerprint
    assert Manifest("key", "s", 1, content="said", loss=Loss("s", "broken")).fingerprint == "lost"
    assert Manifest.from_json(one.to_json()) == one
