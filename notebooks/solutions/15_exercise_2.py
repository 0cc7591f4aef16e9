def send_again(sent, confirmed, persistent):
    """Only a confirmation of what is on disk counts: without that, send all of it again."""
    if not persistent:
        return list(sent)
    return [number for number in sent if number not in confirmed]


# --- a plausible wrong answer
def send_again(sent, confirmed, persistent):
    """Trust every confirmation."""
    return [number for number in sent if number not in confirmed]
