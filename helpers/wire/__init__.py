"""The wire between client and server: relay, tap, faults, and traces of it."""
