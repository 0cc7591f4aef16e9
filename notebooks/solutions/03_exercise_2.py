def careful_length(head):
    """Read every header; one length, of digits alone, and no Transfer-Encoding beside it."""
    lengths, chunked = set(), False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name == b"content-length":
            lengths.add(value.strip())
        if name == b"transfer-encoding":
            chunked = True
    if len(lengths) > 1 or (lengths and chunked):
        raise ValueError("two rules, or two lengths")
    if not lengths:
        return 0
    [length] = lengths
    if not length.isdigit():
        raise ValueError(f"{length!r} is no length")
    return int(length)


# --- a plausible wrong answer
def careful_length(head):
    """Refuses both rules, but takes the first length for the only one, and int() for a check."""
    headers = head.lower().split(b"\r\n")[1:]
    lengths = [line for line in headers if line.startswith(b"content-length:")]
    chunked = [line for line in headers if line.startswith(b"transfer-encoding:")]
    if lengths and chunked:
        raise ValueError("two rules")
    return int(lengths[0].partition(b":")[2]) if lengths else 0
