def choose(case):
    """Of prices only the newest counts; a chat must not lose a message in silence."""
    return {"prices": "coalesce", "chat": "disconnect", "a file": "block"}[case]


# --- a plausible wrong answer
def choose(case):
    """Lose nothing: everybody waits for the slowest, also for prices and in a chat."""
    return "block"
