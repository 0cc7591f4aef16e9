def read_everything(connection):
    """Two things can end it: nothing is left (BlockingIOError), or the other side has closed."""
    found = b""
    while True:
        try:
            piece = connection.recv(40)
        except BlockingIOError:
            return found
        if not piece:
            return found
        found += piece


# --- a plausible wrong answer
def read_everything(connection):
    """Stops at the first piece: this is what strands bytes."""
    try:
        return connection.recv(40)
    except BlockingIOError:
        return b""
