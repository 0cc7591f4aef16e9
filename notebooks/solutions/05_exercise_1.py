def in_order(asked_ids, answers):
    """A table from id to answer; what nobody asked for is never looked up."""
    texts = dict(answers)
    return [texts.get(id) for id in asked_ids]


# --- a plausible wrong answer
def in_order(asked_ids, answers):
    """Sorts by id, and trusts that every answer belongs to a question."""
    return [text for _, text in sorted(answers)][: len(asked_ids)]
