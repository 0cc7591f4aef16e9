def longest_interval_s(clients, most_per_s, mean_lag_s):
    """The mean lag is half of the interval; the clients make so many requests per interval."""
    interval_s = 2 * mean_lag_s
    if clients / interval_s > most_per_s:
        return None
    return interval_s


# --- a plausible wrong answer
def longest_interval_s(clients, most_per_s, mean_lag_s):
    """Take the lag itself for the interval."""
    if clients / mean_lag_s > most_per_s:
        return None
    return mean_lag_s
