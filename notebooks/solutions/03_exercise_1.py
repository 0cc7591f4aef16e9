def take_request(data):
    """The header ends at the first empty line; only the header says how long the body is."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    size = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    if len(rest) < size:
        return None
    return rest[:size], rest[size:]


# --- a plausible wrong answer
def take_request(data):
    """Waits for the header only, and takes what happens to be there for the body."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    size = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    return rest[:size], rest[size:]
