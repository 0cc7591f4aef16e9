def take_message(data):
    """The first four bytes say how many follow; with less than that, wait for more."""
    if len(data) < 4:
        return None
    size = int.from_bytes(data[:4], "big")
    if len(data) < 4 + size:
        return None
    return data[4 : 4 + size], data[4 + size :]


# --- a plausible wrong answer
def take_message(data):
    """Reads the length, and takes what happens to be there for the message."""
    if len(data) < 4:
        return None
    size = int.from_bytes(data[:4], "big")
    return data[4 : 4 + size], data[4 + size :]
