"""What the operating system knows of sockets and threads."""
