def three_counts(port):
    """One connection: greet once, then send a line and read a line for each count."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        lines = client.makefile("rb")
        client.sendall(b"hello\n")
        lines.readline()
        counts = []
        for below in (10, 100, 1000):
            client.sendall(b"%d\n" % below)
            counts.append(int(lines.readline()))
    return counts


# --- a plausible wrong answer
def three_counts(port):
    """The counts are right; but each has a connection, and a greeting, of its own."""
    counts = []
    for below in (10, 100, 1000):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"hello\n")
            client.recv(100)
            client.sendall(b"%d\n" % below)
            counts.append(int(client.recv(100)))
    return counts
