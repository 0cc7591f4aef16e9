"""Real programs that a lesson starts for itself, one file each: private, on loopback, stopped."""
