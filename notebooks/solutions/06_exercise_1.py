def whole_messages(data):
    """Cut a message off in front, as long as there is a whole one; keep the rest."""
    found = []
    while len(data) >= 2:
        end = 2 + int.from_bytes(data[:2], "big")
        if len(data) < end:
            break
        found.append(data[2:end])
        data = data[end:]
    return found, data


# --- a plausible wrong answer
def whole_messages(data):
    """Believes that one read brings exactly one message."""
    length = int.from_bytes(data[:2], "big")
    return [data[2 : 2 + length]], data[2 + length :]
