"""A simulator of LOFAR observations: what the correlator would have written, and the truth beside it.

The way through the modules::

    options ─► sky, stations ─► gains, ionosphere, rfi      pure, from the seed alone
                  │
    geometry (casacore measures) ─► beam ─► beam_process    EveryBeam, a process of its own
                  │
    predict ─► subband ─► measurementset (casacore tables)  one worker process does many subbands
                  │
    truth, simulate                                         what lies beside, and the order of it all

Nothing is imported here: a worker process loads only what it needs.
"""
