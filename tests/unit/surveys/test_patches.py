import numpy as np
import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.skymodel import SkyModel, Source
from sip_luigi.surveys.patches import METHODS, group


@pytest.fixture
def model():
    rng = np.random.default_rng(1)
    sources = tuple(
        Source(
            name=f"s{n}",
            ra_rad=float(3.7 + rng.normal(0, 0.03)),
            dec_rad=float(0.9 + rng.normal(0, 0.03)),
            flux_jy=float(rng.uniform(0.5, 5)),
            reference_freq_hz=150e6,
            spectral_index=(-0.7, -0.1),
        )
        for n in range(25)
    )
    return SkyModel(sources=sources, header_comments=("version: 3",))


@pytest.mark.parametrize("method", METHODS)
def test_groups_hold_every_source_once(model, method):
    grouped = group(model, method, n_patches=4, target_flux_jy=15.0)
    assert sorted(s.name for s in grouped.sources) == sorted(s.name for s in model.sources)
    assert grouped.header_comments == ("version: 3",)
    by_name = {source.name: source for source in grouped.sources}
    for source in model.sources:
        found = by_name[source.name]
        assert found.flux_jy == pytest.approx(source.flux_jy, rel=1e-6)
        assert found.ra_rad == pytest.approx(source.ra_rad, abs=1e-8)
        assert found.spectral_index == pytest.approx(source.spectral_index)
    n_patches = {"none": 0, "single": 1, "every": 25, "cluster": 4}
    if method in n_patches:
        assert len(grouped.patches) == n_patches[method]
    if method == "tessellate":
        assert 1 < len(grouped.patches) < 25


def test_no_such_method(model):
    with pytest.raises(ConfigurationError, match="expected one of none, single"):
        group(model, "voronoi")
