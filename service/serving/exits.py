"""Exit statuses of the decoding processes that the pool knows."""

# It can decode no more, whatever the word: out of memory, say. EX_TEMPFAIL of sysexits.h.
EXHAUSTED = 75
