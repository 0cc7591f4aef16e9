def decide(key, order, kept, is_done):
    """Look at the key first, then at the order kept under it; equal orders may differ in key."""
    if key is None:
        return 400
    if key not in kept:
        kept[key] = order
        return 201
    if kept[key] != order:
        return 422
    return 200 if is_done(key) else 409


# --- a plausible wrong answer
def decide(key, order, kept, is_done):
    """Know an order by what is in it, and not by its key."""
    if key is None:
        return 400
    if order not in kept.values():
        kept[key] = order
        return 201
    return 200 if is_done(key) else 409
