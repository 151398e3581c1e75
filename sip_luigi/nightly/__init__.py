"""What runs every night by itself: new observations found, processed, tried again, told of.

::

    night       one night from lock to digest
    site        the cluster as it is seen at night
    raw         what lies on the storage nodes, and whether it is complete
    looking     observations sorted by that; clock: time as a night sees it
    state       what became of every observation: one JSON file
    choice      which observations are next, and when one is tried again
    attempt     the main command on one observation, and what is to blame where it fails
    quarantine  compute nodes that fail again and again; nodes: counted and put away
    digest      the message; outbox: those that wait; post: mail and webhook
"""
