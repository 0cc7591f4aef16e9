"""What the operating system knows of sockets, listeners and threads."""
