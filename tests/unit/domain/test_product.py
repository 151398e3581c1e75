import json

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


def test_what_a_product_says_is_part_of_its_fingerprint():
    plain, decided, otherwise = (Manifest("k", "s", 1, content=word) for word in ("", "go on", "stop"))
    assert len({m.fingerprint for m in (plain, decided, otherwise)}) == 3
    assert Manifest.from_json(decided.to_json()) == decided


def test_what_was_passed_over_is_no_loss():
    passed = Manifest("k", "s", 1, passed="converged")
    assert passed.fingerprint != "lost"
    assert Manifest.from_text(json.dumps(passed.to_json())) == passed
