def longest_silence(times):
    """Neighbours are neighbours only once the times are in order."""
    times = sorted(times)
    return max(zip(times, times[1:], strict=False), key=lambda pair: pair[1] - pair[0])


# --- a plausible wrong answer
def longest_silence(times):
    """Forgets that the beats may come out of order."""
    return max(zip(times, times[1:], strict=False), key=lambda pair: pair[1] - pair[0])
