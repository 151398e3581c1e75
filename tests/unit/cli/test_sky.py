"""``sip sky``, ``sip db`` and ``sip runs``, on a database of their own."""

import json

import numpy as np
import pytest
from astropy.table import Table

from sip_luigi.domain.skymodel_text import parse_skymodel

CENTRE = ("--ra", "212.8", "--dec", "52.2")


@pytest.fixture
def ask(sip):
    """Run a command with --json and read its answer."""

    def ask(*arguments, status=0):
        done = sip(*arguments, "--json")
        assert done.exit_code == status, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return ask


@pytest.fixture
def catalogues(tmp_path):
    """Two surveys of a field around 3C295; the fluxes of the second are those of a spectral index of -0.7."""
    rng = np.random.default_rng(3)
    ra, dec = 212.8 + rng.uniform(-3, 3, 60), 52.2 + rng.uniform(-2, 2, 60)
    flux = rng.uniform(100, 1000, 60)
    paths = {}
    for name, freq_hz in (("TGSS", 147.5e6), ("NVSS", 1.4e9)):
        paths[name] = tmp_path / f"{name}.fits"
        names = {"TGSS": ("Source_name", "RA", "DEC", "Total_flux"), "NVSS": ("NVSS", "RA", "DEC", "S1.4")}[
            name
        ]
        values = (
            [f"{name}J{number}" for number in range(60)],
            ra,
            dec,
            flux * (freq_hz / 147.5e6) ** -0.7,
        )
        Table(dict(zip(names, values, strict=True))).write(paths[name], format="fits")
    return paths


@pytest.fixture
def filled(ask, catalogues):
    return [ask("sky", "import", str(path), "--survey", name) for name, path in catalogues.items()]


def test_imports(ask, filled, catalogues):
    assert [taken["version"] for taken in filled] == [1, 2]
    assert filled[0]["summary"]["new"] == 60
    assert filled[1]["summary"]["new"] == 0
    assert filled[1]["summary"]["associated"] == 60
    again = ask("sky", "import", str(catalogues["TGSS"]), "--survey", "TGSS")
    assert (again["version"], again["fresh"]) == (1, False)
    assert len(ask("sky", "history")["versions"]) == 2


@pytest.mark.usefixtures("filled")
def test_cone_show_and_light_curve(ask):
    found = ask("sky", "cone", *CENTRE, "--radius", "1")["sources"]
    assert 0 < len(found) < 60
    assert found[0]["spectral_index"] == [pytest.approx(-0.7, abs=1e-3)]
    by_name = ask("sky", "show", found[0]["name"])
    assert by_name["source_id"] == found[0]["source_id"]
    assert ask("sky", "show", str(found[0]["source_id"]))["name"] == found[0]["name"]
    assert len(by_name["bands"]) == 2
    curve = ask("sky", "lightcurve", found[0]["name"])["light_curve"]
    assert [point["image"] for point in curve] == ["NVSS", "TGSS"]
    assert len(ask("sky", "lightcurve", found[0]["name"], "--version", "1")["light_curve"]) == 1
    bright = ask("sky", "cone", *CENTRE, "--radius", "5", "--flux-limit", "0.3")["sources"]
    assert all(source["flux_jy"] >= 0.3 for source in bright)


@pytest.mark.usefixtures("filled")
def test_export(ask, sip, tmp_path):
    told = ask("sky", "export", *CENTRE, "--radius", "5", "--patches", "none")
    model = parse_skymodel(told["skymodel"])
    names = [source.name for source in model.sources]
    assert "3C295" in names, "the calibrator in the field"
    assert not {"CasA", "CygA"} & set(names)
    assert told["n_known"] == 60
    path = tmp_path / "field.skymodel"
    written = ask("sky", "export", *CENTRE, "--n-patches", "4", "--output", str(path))
    grouped = parse_skymodel(path.read_text(), path)
    assert written["n_patches"] == len(grouped.patches) == 4
    assert len(grouped.sources) == 61
    cygnus = ("--ra", "299.9", "--dec", "44", "--radius", "1", "--patches", "none")
    assert "CygA" in sip("sky", "export", *cygnus).stdout
    nothing = sip("sky", "export", "--ra", "10", "--dec", "-60", "--radius", "1")
    assert nothing.exit_code == 35
    assert "import a survey" in nothing.stderr


@pytest.mark.usefixtures("filled")
def test_the_same_version_gives_the_same_text(ask, catalogues):
    options = ("sky", "export", *CENTRE, "--patches", "none", "--version", "1")
    first = ask(*options)["skymodel"]
    ask("sky", "rollback", "1")
    assert ask(*options)["skymodel"] == first
    newest = ask("sky", "export", *CENTRE, "--patches", "none")
    assert newest["version"] == 3
    assert newest["skymodel"].replace("version: 3", "version: 1") == first


@pytest.mark.usefixtures("filled")
def test_rollback_and_history(ask, sip):
    back = ask("sky", "rollback", "1", "--reason", "NVSS was wrong")
    assert (back["version"], back["reason"]) == (3, "NVSS was wrong")
    assert [row["action"] for row in ask("sky", "history")["versions"]] == ["rollback", "import", "import"]
    assert ask("sky", "history", "--version", "1")["new"]["n"] == 60
    assert sip("sky", "rollback", "9").exit_code == 35


@pytest.mark.usefixtures("filled")
def test_what_people_read(sip):
    for command, words in (
        (("sky", "history"), ("TGSS", "60 new")),
        (("sky", "history", "--version", "1"), ("new: 60: ",)),
        (("sky", "cone", *CENTRE), ("TGSSJ0",)),
        (("sky", "show", "TGSSJ0"), ("spectral index", "1400.0 MHz")),
        (("sky", "lightcurve", "TGSSJ0"), ("one-to-one", "V = ")),
        (("db", "status"), ("tables of version",)),
        (("runs",), ("observation",)),
    ):
        done = sip(*command)
        assert done.exit_code == 0, done.stderr
        assert all(word in done.stdout for word in words), (command, done.stdout)


def test_a_text_model(ask, sip, tmp_path):
    path = tmp_path / "m.skymodel"
    path.write_text(
        "FORMAT = Name, Type, Ra, Dec, I, ReferenceFrequency='150e6', SpectralIndex\n"
        "a, POINT, 02:00:00, +30.00.00, 3, , [-0.8, 0.1]\n"
    )
    assert ask("sky", "import", str(path))["summary"]["new"] == 1
    told = ask("sky", "export", "--ra", "30", "--dec", "30", "--radius", "1", "--patches", "none")
    source = parse_skymodel(told["skymodel"]).sources[0]
    assert (source.name, source.spectral_index, source.reference_freq_hz) == ("a", (-0.8, 0.1), 150e6)
    assert source.flux_jy == pytest.approx(3.0)


def test_wrong_requests(sip, catalogues, tmp_path):
    broken = tmp_path / "broken.fits"
    broken.write_bytes(catalogues["TGSS"].read_bytes()[:3000])
    for arguments, status, said in (
        (("sky", "import", str(broken), "--survey", "TGSS"), 30, "broken.fits"),
        (("sky", "import", str(catalogues["TGSS"]), "--survey", "GLEAM"), 35, "known are TGSS"),
        (
            ("sky", "import", str(catalogues["TGSS"]), "--survey", "LoTSS", "--column", "flux"),
            2,
            "FIELD=NAME",
        ),
        (("sky", "import", "/nowhere.fits"), 2, "does not exist"),
        (("sky", "show", "nobody"), 35, "no source 'nobody'"),
        (("sky", "cone", "--ra", "0", "--dec", "100"), 2, "dec"),
        (("sky", "export", *CENTRE, "--output", "/nowhere/x.skymodel"), 35, "--output /nowhere"),
        (("runs", "show", "nothing"), 35, "no run or observation 'nothing'"),
        (("db", "upgrade", "77"), 35, "known are base"),
    ):
        done = sip(*arguments)
        assert done.exit_code == status, (arguments, done.stdout, done.stderr)
        assert said in done.stderr, done.stderr


def test_tables(ask, sip):
    assert ask("db", "status")["found"] == ""
    newest = ask("db", "upgrade")["found"]
    assert ask("db", "status") | {"database": ""} == {
        "database": "",
        "found": newest,
        "needed": newest,
        "problem": "",
    }
    assert ask("db", "downgrade", "0001", "--yes")["found"] == "0001"
    assert "older" in ask("db", "status", status=1)["problem"]
    refused = sip("sky", "history")
    assert refused.exit_code == 35
    assert "sip db upgrade" in refused.stderr
    assert ask("db", "upgrade")["found"] == newest
    assert ask("sky", "history") == {"versions": []}


def test_without_a_database(sip, here):
    here.settings["database"] = {"url": "none"}
    done = sip("sky", "history")
    assert done.exit_code == 35
    assert "there is no database" in done.stderr
    here.settings["database"] = {"url": "mysql://somebody:secret@host/x"}
    done = sip("db", "status")
    assert done.exit_code == 35
    assert "secret" not in done.stderr


def test_an_observation_is_given_a_newer_sky_model(ask, filled):
    assert ask("sky", "refresh", "L1") == {"obs_id": "L1", "before": None, "version": 2}
    ask("sky", "rollback", "1")
    assert ask("sky", "refresh", "L1") == {"obs_id": "L1", "before": 2, "version": 3}
