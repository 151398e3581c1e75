"""Ways in which a MeasurementSet can be bad; each changes one in place."""

import shutil

import numpy as np
from casacore.tables import makearrcoldesc, maketabdesc, table


def empty(path):
    without_rows = path.with_name("empty.tmp")
    with table(str(path), ack=False) as data:
        data.copy(str(without_rows), deep=True, copynorows=True).close()
    shutil.rmtree(path)
    without_rows.rename(path)


def truncated(path):
    largest = max(path.glob("table.f*"), key=lambda file: file.stat().st_size)
    content = largest.read_bytes()
    largest.write_bytes(content[: len(content) // 3])


def fully_flagged(path):
    with table(str(path), readonly=False, ack=False) as data:
        data.putcol("FLAG", np.ones_like(data.getcol("FLAG")))


def single_polarisation(path):
    with table(f"{path}/POLARIZATION", readonly=False, ack=False) as polarisation:
        polarisation.putcell("NUM_CORR", 0, 1)
        polarisation.putcell("CORR_TYPE", 0, np.array([9], dtype=np.int32))
        polarisation.putcell("CORR_PRODUCT", 0, np.array([[0, 0]], dtype=np.int32))
    with table(str(path), readonly=False, ack=False) as data:
        first = {name: data.getcol(name)[:, :, :1] for name in ("DATA", "FLAG", "WEIGHT_SPECTRUM")}
        for name, value in first.items():
            kind = {"DATA": 0j, "FLAG": False, "WEIGHT_SPECTRUM": 0.0}[name]
            kinds = {"DATA": "complex", "FLAG": "boolean", "WEIGHT_SPECTRUM": "float"}
            data.removecols(name)
            column = makearrcoldesc(name, kind, shape=list(value.shape[1:]), valuetype=kinds[name])
            data.addcols(maketabdesc(column))
            data.putcol(name, value)


def several_spectral_windows(path):
    for name in ("SPECTRAL_WINDOW", "DATA_DESCRIPTION"):
        with table(f"{path}/{name}", readonly=False, ack=False) as subtable:
            row = subtable[0]
            subtable.addrows(1)
            for column, value in row.items():
                subtable.putcell(column, 1, 1 if column == "SPECTRAL_WINDOW_ID" else value)
    with table(str(path), readonly=False, ack=False) as data:
        identity = data.getcol("DATA_DESC_ID")
        identity[len(identity) // 2 :] = 1
        data.putcol("DATA_DESC_ID", identity)


def other_field(path):
    with table(f"{path}/FIELD", readonly=False, ack=False) as field:
        for name in ("PHASE_DIR", "DELAY_DIR", "REFERENCE_DIR"):
            field.putcol(name, field.getcol(name) + 0.01)


def swapped_polarisations(path):
    """The feeds of one antenna of each baseline exchanged: XX stands where XY should be."""
    with table(str(path), readonly=False, ack=False) as data:
        data.putcol("DATA", data.getcol("DATA")[:, :, [1, 0, 3, 2]])


# What the message about each has to say.
CORRUPTIONS = {
    empty: "no rows|empty",
    truncated: "damaged|truncated",
    fully_flagged: "flagged",
    single_polarisation: "correlation",
    several_spectral_windows: "spectral window",
}
