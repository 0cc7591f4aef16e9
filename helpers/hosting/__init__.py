"""Where things run: a thread with its loop, a process, a kernel to throw away."""
