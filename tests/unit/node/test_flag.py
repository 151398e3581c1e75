"""What calibration has shown to be bad is flagged in the data."""

import numpy as np
from casacore.tables import table

from sip_luigi.node.flag import flag_data


def flags_of(path):
    with table(str(path), ack=False) as opened:
        return (
            opened.getcol("FLAG").all(axis=(1, 2)),
            opened.getcol("ANTENNA1"),
            opened.getcol("ANTENNA2"),
            opened.getcol("TIME"),
        )


def test_a_station_and_a_stretch_of_another(measurementset):
    before, first, second, times = flags_of(measurementset)
    with table(str(measurementset / "ANTENNA"), ack=False) as antennas:
        names = antennas.getcol("NAME")
    slots = np.unique(times)
    stretches = {names[1]: [[float(slots[2]) - 1, float(slots[4]) + 1], [float(slots[8]) - 1, None]]}
    fraction = flag_data(str(measurementset), [names[3], "NoSuch"], stretches)
    after, *_ = flags_of(measurementset)
    of_one = (first == 1) | (second == 1)
    wanted = (first == 3) | (second == 3)
    wanted |= of_one & (((times >= slots[2]) & (times <= slots[4])) | (times >= slots[8]))
    np.testing.assert_array_equal(after, before | wanted)
    assert fraction == wanted.mean()


def test_nothing_to_flag(measurementset):
    before, *_ = flags_of(measurementset)
    assert flag_data(str(measurementset), [], {}) == 0.0
    np.testing.assert_array_equal(flags_of(measurementset)[0], before)
