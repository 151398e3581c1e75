"""Preprocessing and averaging: options to parsets, without the programs."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.ateam import AteamDecision, SourceDecision
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.smearing import Field, field_of
from sip_luigi.programs.dp3 import DataShape
from sip_luigi.programs.dp3_averaging import choose_averaging
from sip_luigi.programs.dp3_preprocess import Files, Preprocessing, flag_causes, preprocess_steps

RAW = DataShape(n_times=3600, n_channels=64, interval_s=1.00139, channel_width_hz=3051.7578125)
COARSE = DataShape(n_times=2, n_channels=1, interval_s=10.0, channel_width_hz=195312.5)
FIELD = field_of(150e6, "HBA_DUAL_INNER", 0.65, 100e3, 8000.0)
WIDE = field_of(150e6, "HBA_DUAL_INNER", 0.65, 100e3, 0.0)
NOTHING = AteamDecision()


def decision(**actions):
    return AteamDecision(
        tuple(SourceDecision(name, action, "", 10.0, 50.0) for name, action in actions.items())
    )


def averaging(options=None, shape=RAW, field=FIELD):
    return choose_averaging(options or Preprocessing(), shape, field)


def preprocess(options=None, shape=RAW, ateam=NOTHING, antenna_set="HBA_DUAL_INNER"):
    options = options or Preprocessing()
    chosen = averaging(options, shape)
    return preprocess_steps(
        options, "in.MS", "out.MS", shape, chosen, ateam=ateam, antenna_set=antenna_set, files=Files("/p")
    )


def working(parset):
    """The steps that do not count only."""
    return [step for step in parset["steps"] if not step.startswith("count_")]


def test_raw_data_are_averaged_to_4_s_and_48_khz():
    chosen = averaging()
    assert (chosen.time_step, chosen.freq_step) == (4, 16)
    assert not chosen.warning
    assert "4 time slots to 4.01 s (average_to_s), 16 channels to 48.83 kHz (average_to_hz)" in chosen.reason


def test_data_that_are_coarser_already_stay_and_their_smearing_is_told():
    chosen = averaging(shape=COARSE)
    assert (chosen.time_step, chosen.freq_step) == (1, 1)
    assert chosen.bandwidth_smearing > 0.02
    # There is nothing to be had by leaving time as fine as it is when the channel is too wide.
    assert averaging(shape=replace(COARSE, n_times=100, interval_s=1.0)).time_step == 4
    assert "the data come as coarse as that" in chosen.warning


@given(st.integers(1, 1000), st.integers(1, 512), st.floats(0.1, 60), st.floats(100, 2e5))
def test_averaging_never_makes_finer_or_unequal(n_times, n_channels, interval, width):
    shape = DataShape(n_times, n_channels, interval, width)
    chosen = averaging(shape=shape)
    assert n_channels % chosen.freq_step == 0
    assert chosen.time_step == 1 or chosen.interval_s <= 4.0 * 1.006
    assert chosen.freq_step == 1 or chosen.channel_width_hz <= 48828.125 * 1.006
    assert chosen.shape(shape).n_times == math.ceil(n_times / chosen.time_step)
    raw = averaging(replace(Preprocessing(), time_step=1, freq_step=1), shape).smearing
    assert chosen.smearing <= 0.02 or chosen.smearing <= raw + 0.01
    assert bool(chosen.warning) == (chosen.smearing > 0.02)


def test_long_baselines_are_averaged_less():
    chosen = averaging(field=WIDE)
    assert chosen.smearing <= 0.02
    assert chosen.time_step < 4
    assert chosen.freq_step < 16
    assert chosen.reason.count("max_smearing = 0.02") == 2
    assert averaging(replace(Preprocessing(), max_smearing=0.0), field=WIDE).freq_step == 16
    # As coarse as the limit allows: one step more in frequency would be too much.
    coarser = averaging(
        replace(Preprocessing(), freq_step=2 * chosen.freq_step, time_step=chosen.time_step), field=WIDE
    )
    assert coarser.smearing > 0.02


def test_steps_that_are_given_count_and_are_warned_about():
    given_steps = replace(Preprocessing(), time_step=8, freq_step=32)
    chosen = averaging(given_steps, field=WIDE)
    assert (chosen.time_step, chosen.freq_step) == (8, 32)
    assert "with the steps given" in chosen.warning
    assert "(time_step)" in chosen.reason
    assert not averaging(replace(given_steps, time_step=1, freq_step=1)).warning
    only_time = averaging(replace(Preprocessing(), time_step=1), field=WIDE)
    assert only_time.time_step == 1
    assert only_time.smearing <= 0.02


def test_all_subbands_of_a_band_are_averaged_alike():
    low, high = (field_of(freq, "HBA_DUAL", 0.65, 100e3, 0.0) for freq in (120e6, 168e6))
    assert low == high
    assert field_of(45e6, "LBA_OUTER", 0.65, 100e3, 0.0).freq_hz == 30e6


def test_preprocessing_is_one_pass_that_refuses_unknown_keys():
    parset = preprocess()
    assert working(parset) == ["autocorrelations", "elevation", "zeros", "aoflagger", "average"]
    assert parset["checkparset"] == 1
    assert parset["elevation.mode"] == "setcomplement"
    assert parset["elevation.elevation"] == "20deg..90deg"
    assert (parset["average.timestep"], parset["average.freqstep"]) == (4, 16)
    assert parset["msout.storagemanager"] == "dysco"


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"aoflagger": False}, "aoflagger"),
        ({"flag_autocorrelations": False}, "autocorrelations"),
        ({"min_elevation_deg": 0.0}, "elevation"),
        ({"min_amplitude": 0.0}, "zeros"),
        ({"average_to_s": 0.0, "average_to_hz": 0.0}, "average"),
    ],
)
def test_what_is_switched_off_is_no_step(change, gone):
    parset = preprocess(replace(Preprocessing(), **change))
    assert gone not in parset["steps"]
    assert not [key for key in parset if key.startswith((f"{gone}.", f"count_{gone}."))]


def test_dysco_is_left_out_for_a_single_time_slot():
    parset = preprocess(shape=DataShape(1, 8, 1.0, 1e4))
    assert "msout.storagemanager" not in parset


def test_flags_are_counted_after_every_step_that_flags():
    parset = preprocess(ateam=decision(CasA="clip"))
    causes = flag_causes(parset)
    assert list(causes) == ["before", "autocorrelations", "elevation", "zeros", "aoflagger", "clip"]
    assert parset["steps"].index("count_clip") == parset["steps"].index("clip") + 1
    assert len(set(causes.values())) == len(causes)
    assert all(parset[f"count_{cause}.savetojson"] for cause in causes)


def test_the_clip_never_goes_without_the_beam():
    parset = preprocess(ateam=decision(CasA="clip", CygA="nothing"))
    assert parset["clip.usebeammodel"] is True
    assert parset["clip.sourcedb"] == "/p/ateam.clip.skymodel"
    assert parset["clip.amplmax"] == 5.0
    assert preprocess(ateam=decision(CasA="clip"), antenna_set="LBA_OUTER")["clip.amplmax"] == 50.0
    assert (parset["clip.timestep"], parset["clip.freqstep"]) == (5, 16)


def test_demixing_averages_too_and_keeps_clear_of_what_ruins_data():
    parset = preprocess(ateam=decision(CygA="demix", CasA="clip"))
    assert working(parset)[-2:] == ["clip", "demix"]
    assert parset["demix.subtractsources"] == ["CygA"]
    assert (parset["demix.timestep"], parset["demix.freqstep"]) == (4, 16)
    assert (parset["demix.ignoretarget"], parset["demix.uselbfgssolver"]) == (False, False)


@given(st.integers(1, 200), st.integers(1, 64), st.floats(0.5, 20), st.floats(1e3, 2e5), st.floats(0.1, 100))
def test_demixing_steps_fit(n_times, n_channels, interval, width, demix_interval):
    shape = DataShape(n_times, n_channels, interval, width)
    options = replace(Preprocessing(), demix_interval_s=demix_interval)
    parset = preprocess(options, shape, decision(CygA="demix"))
    assert parset["demix.demixtimestep"] % parset["demix.timestep"] == 0
    assert parset["demix.demixfreqstep"] % parset["demix.freqstep"] == 0
    assert parset["demix.demixtimestep"] <= n_times
    assert n_channels % parset["demix.demixfreqstep"] == 0


def test_sources_that_the_model_does_not_have_are_refused():
    with pytest.raises(ConfigurationError, match=r"ateam_sources = CasA PerA: expected names of CasA, CygA"):
        Preprocessing(ateam_sources="CasA PerA")
    assert Preprocessing(ateam_sources="CasA, VirA").ateam_names == ("CasA", "VirA")
    assert Preprocessing(ateam_sources="PerA", ateam_skymodel="own.skymodel").ateam_names == ("PerA",)


def test_a_field_without_extent_does_not_smear():
    point = Field(0.0, 1e-4, 150e6)
    assert averaging(field=point).smearing == 0
