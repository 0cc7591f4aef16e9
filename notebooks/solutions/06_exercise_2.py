def count_round_trips(kinds):
    """Look at each two neighbours: something sent, and then something received."""
    count = 0
    for before, after in zip(kinds, kinds[1:], strict=False):
        if before == "sent" and after == "received":
            count = count + 1
    return count


# --- a plausible wrong answer
def count_round_trips(kinds):
    """Counts every piece that came."""
    return kinds.count("received")
