"""Random input at every public entry, the same for the same seed.

``python -m tests.fuzzing`` runs as many cases of each entry as CI does; ``--cases 2000 --entry zips --seed 7`` more of
one, and prints the seeds that failed. One of them again: ``--entry zips --cases 1 --seed 1234``.

What an entry must keep to, whatever comes in: it ends in a result or a UserError (the page and the API: a message),
within a stated time and growth of memory; nothing is written outside the folder that it was given; no message holds a
traceback, and none that a visitor sees names a place on this machine.
"""
