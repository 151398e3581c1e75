"""A simulator of LOFAR observations: what the correlator would have written, and the truth beside it.

The way through the modules::

    options (limits, utc; calibrator makes options of options)
       ├─► sky, field ─────────────────────────────┐                      pure, from the seed alone (streams)
       └─► stations, faults, gains, ionosphere, rfi ─► instrument ─► truth
    axes, geometry (casacore measures) ─► preparation ─► beam, beam_process    EveryBeam, a process of its own
    predict, visibility ─► signal ─► receiver ─► subband                  what the sky gives, what is measured of it
    subband ─► measurementset (subtables, antennafields) ─► subband_process    one process makes many subbands
    layout, truth_files, processes ─► simulate                            what lies where, and the order of it

Left out on purpose: a visibility of the field is that of the middle of its channel and time slot, as DP3 predicts it
by default. Real ones are smeared, on 60 km baselines and 30 s slots by a lot; those of the A-team are. Sources
are not polarised.

Nothing is imported here: a worker process loads only what it needs.
"""
