"""What the columns of the published survey catalogues are called, and what else is to be known of each survey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Names = tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """Names of a catalogue's columns; of several names of one, the first that the table has.

    Attributes
    ----------
    name, ra, dec : tuple of str
        Source name and J2000 position.
    ra_error, dec_error : tuple of str
        Errors of the position.
    flux, flux_error : tuple of str
        Integrated flux density.
    major, minor, orientation : tuple of str
        Deconvolved or fitted size, see :attr:`Survey.sizes_are_deconvolved`.
    snr_peak, snr_noise : tuple of str
        Peak and local noise, whose ratio is the signal to noise.
    """

    name: Names
    ra: Names
    dec: Names
    flux: Names
    ra_error: Names = ()
    dec_error: Names = ()
    flux_error: Names = ()
    major: Names = ()
    minor: Names = ()
    orientation: Names = ()
    snr_peak: Names = ()
    snr_noise: Names = ()


@dataclass(frozen=True)
class Survey:
    """A survey as it was published.

    Attributes
    ----------
    name : str
        Its short name.
    reference : str
        Paper and tables whose columns are meant.
    freq_hz, beam_arcsec : float
        Frequency and beam.
    mjd : float
        Middle of its observations.
    flux_scale_error : float
        Relative error of its flux scale.
    position_error_arcsec : float
        Systematic error, and the error where the catalogue gives none.
    columns : Columns
        What is where.
    units : mapping
        Units of columns, for files that do not say: by field of :class:`Columns`.
    sizes_are_deconvolved : bool
        Whether the beam is taken out of the sizes.
    """

    name: str
    reference: str
    freq_hz: float
    beam_arcsec: float
    mjd: float
    flux_scale_error: float
    position_error_arcsec: float
    columns: Columns
    units: Mapping[str, str] = field(default_factory=dict)
    sizes_are_deconvolved: bool = True


_MJY = {"flux": "mJy", "flux_error": "mJy", "snr_peak": "mJy", "snr_noise": "mJy"}
_ARCSEC = dict.fromkeys(("ra_error", "dec_error", "major", "minor"), "arcsec")
_DEGREES = {"ra": "deg", "dec": "deg", "orientation": "deg"}
_USUAL = {**_MJY, **_ARCSEC, **_DEGREES}

SURVEYS = {
    survey.name: survey
    for survey in (
        # The FITS table of the project (TGSSADR1_7sigma_catalog.fits) and VizieR's J/A+A/598/A78/table3.
        Survey(
            name="TGSS",
            reference="Intema et al. 2017, A&A 598, A78 (ADR1)",
            freq_hz=147.5e6,
            beam_arcsec=25.0,
            mjd=55651.0,
            flux_scale_error=0.10,
            position_error_arcsec=2.0,
            columns=Columns(
                name=("Source_name", "TGSSADR"),
                ra=("RA", "RAJ2000", "_RAJ2000"),
                dec=("DEC", "DEJ2000", "_DEJ2000"),
                ra_error=("E_RA", "e_RAJ2000"),
                dec_error=("E_DEC", "e_DEJ2000"),
                flux=("Total_flux", "Stotal"),
                flux_error=("E_Total_flux", "e_Stotal"),
                major=("Maj",),
                minor=("Min",),
                orientation=("PA",),
                snr_peak=("Peak_flux", "Speak"),
                snr_noise=("RMS_noise", "Islrms"),
            ),
            units=_USUAL,
            sizes_are_deconvolved=False,
        ),
        # VizieR's VIII/65/nvss; sizes are deconvolved (upper limits for points, marked in l_MajAxis).
        Survey(
            name="NVSS",
            reference="Condon et al. 1998, AJ 115, 1693 (VIII/65)",
            freq_hz=1.4e9,
            beam_arcsec=45.0,
            mjd=49718.0,
            flux_scale_error=0.03,
            position_error_arcsec=1.0,
            columns=Columns(
                name=("NVSS",),
                ra=("_RAJ2000", "RAJ2000", "RA"),
                dec=("_DEJ2000", "DEJ2000", "DEC"),
                ra_error=("e_RAJ2000",),
                dec_error=("e_DEJ2000",),
                flux=("S1.4", "S1_4"),
                flux_error=("e_S1.4", "e_S1_4"),
            ),
            # VizieR gives the error of right ascension in seconds of time.
            units={**_USUAL, "ra_error": "s"},
        ),
        # LoTSS_DR2_v100.srl.fits and the value-added catalogue; VizieR's J/A+A/659/A1/catalog.
        Survey(
            name="LoTSS",
            reference="Shimwell et al. 2022, A&A 659, A1 (DR2)",
            freq_hz=144e6,
            beam_arcsec=6.0,
            mjd=57950.0,
            flux_scale_error=0.10,
            position_error_arcsec=0.2,
            columns=Columns(
                name=("Source_Name", "Source"),
                ra=("RA", "RAJ2000"),
                dec=("DEC", "DEJ2000"),
                ra_error=("E_RA", "e_RAJ2000"),
                dec_error=("E_DEC", "e_DEJ2000"),
                flux=("Total_flux", "SpeakTot"),
                flux_error=("E_Total_flux", "e_SpeakTot"),
                major=("DC_Maj", "DCMaj"),
                minor=("DC_Min", "DCMin"),
                orientation=("DC_PA", "PA"),
                snr_peak=("Peak_flux", "Speak"),
                snr_noise=("Isl_rms", "Islrms"),
            ),
            units=_USUAL,
        ),
        # VizieR's VIII/62/wenss; it adds J2000 positions to the published ones of B1950.
        Survey(
            name="WENSS",
            reference="Rengelink et al. 1997, A&AS 124, 259; de Bruyn et al. 1998 (VIII/62)",
            freq_hz=325e6,
            beam_arcsec=54.0,
            mjd=49353.0,
            flux_scale_error=0.06,
            position_error_arcsec=1.5,
            columns=Columns(
                name=("Name", "WENSS"),
                ra=("_RAJ2000", "RAJ2000"),
                dec=("_DEJ2000", "DEJ2000"),
                flux=("Sint", "Si", "SI"),
                major=("MajAxis",),
                minor=("MinAxis",),
                orientation=("PA",),
                snr_peak=("Speak", "Sp", "SP"),
                snr_noise=("Nse", "NSE", "RMS"),
            ),
            units=_USUAL,
            sizes_are_deconvolved=False,
        ),
        # VizieR's VIII/97/catalog.
        Survey(
            name="VLSSr",
            reference="Lane et al. 2014, MNRAS 440, 327 (VIII/97)",
            freq_hz=73.8e6,
            beam_arcsec=75.0,
            mjd=53158.0,
            flux_scale_error=0.12,
            position_error_arcsec=3.0,
            columns=Columns(
                name=("VLSSr", "Name"),
                ra=("_RAJ2000", "RAJ2000"),
                dec=("_DEJ2000", "DEJ2000"),
                ra_error=("e_RAJ2000",),
                dec_error=("e_DEJ2000",),
                flux=("Si", "Sint", "Sp"),
                flux_error=("e_Si", "e_Sint", "e_Sp"),
            ),
            units={**_USUAL, "ra_error": "s", "flux": "Jy", "flux_error": "Jy"},
        ),
        # What this pipeline writes.
        Survey(
            name="pipeline",
            reference="catalogue of sip_luigi: columns of PyBDSF in capitals",
            freq_hz=0.0,
            beam_arcsec=0.0,
            mjd=0.0,
            flux_scale_error=0.05,
            position_error_arcsec=1.0,
            columns=Columns(
                name=("NAME",),
                ra=("RA",),
                dec=("DEC",),
                ra_error=("E_RA",),
                dec_error=("E_DEC",),
                flux=("TOTAL_FLUX",),
                flux_error=("E_TOTAL_FLUX",),
                major=("DC_MAJ",),
                minor=("DC_MIN",),
                orientation=("DC_PA",),
                snr_peak=("PEAK_FLUX",),
                snr_noise=("ISL_RMS",),
            ),
            units={
                **_DEGREES,
                **dict.fromkeys(("ra_error", "dec_error", "major", "minor"), "deg"),
                **dict.fromkeys(("flux", "flux_error", "snr_peak", "snr_noise"), "Jy"),
            },
        ),
    )
}
"""Surveys by name."""
