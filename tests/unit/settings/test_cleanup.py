"""The retention policy is checked before anything is removed by it."""

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.settings.cleanup import CLEARABLE, Cleanup
from sip_luigi.tasks.node_stage import NodeStage


def test_ages():
    assert Cleanup(after_days="copy=0, calibrate=1.5").ages_days() == {"copy": 0.0, "calibrate": 1.5}
    assert Cleanup(after_days="").ages_days() == {}
    assert "image_band" not in Cleanup().ages_days(), "images are kept"


@pytest.mark.parametrize("text", ["copy", "copy=soon", "copy=-1", "copy=nan", "results=1", "=3"])
def test_what_is_refused(text):
    with pytest.raises(
        ConfigurationError, match=r"\[cleanup\] after_days = .*expected stage=days, found .*stages are copy"
    ):
        Cleanup(after_days=text)


def test_all_stages_of_nodes_can_be_named():
    import sip_luigi.pipeline  # noqa: F401 - it has all stages loaded

    def below(cls):
        return {found for sub in cls.__subclasses__() for found in (sub, *below(sub))}

    named = {
        cls.stage
        for cls in below(NodeStage)
        if cls.__module__.startswith("sip_luigi.") and "stage" in vars(cls)
    }
    assert named == set(CLEARABLE)
