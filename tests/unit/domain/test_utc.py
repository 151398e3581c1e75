"""Times as UTC."""

from sip_luigi.domain.utc import from_mjd_s


def test_a_time_of_a_measurementset():
    assert from_mjd_s(51544.5 * 86400.0).isoformat() == "2000-01-01T12:00:00+00:00"
