"""A simulator of LOFAR observations: what the correlator would have written, and the truth beside it.

The way through the modules::

    options (limits, utc, calibrator) ─► sky, field, stations ─► gains, ionosphere, rfi
                               │                                          pure, from the seed alone (streams)
                               │
    geometry (casacore measures) ─► preparation ─► beam, beam_process     EveryBeam, a process of its own
                               │
    predict, receiver ─► subband ─► measurementset ─► subband_process     one process makes many subbands
                               │    (subtables, antennafields)
    layout, truth, processes ─► simulate                                  what lies where, and the order of it

Left out on purpose: a visibility is that of the middle of its channel and time slot, as DP3 predicts it by
default. Real ones are smeared, on 60 km baselines and 30 s slots by a lot. Sources are not polarised, and the
ionosphere is the same for all of them.

Nothing is imported here: a worker process loads only what it needs.
"""
