def come_back(how_many, send_from, size):
    """Send until the server has `size` bytes."""
    while (offset := how_many()) < size:
        try:
            send_from(offset)
        except ConnectionError:
            continue  # the line broke: ask, and go on


# --- a plausible wrong answer
def come_back(how_many, send_from, size):
    """Send until the server has `size` bytes, from the beginning each time."""
    while how_many() < size:
        try:
            send_from(0)
        except ConnectionError:
            return
