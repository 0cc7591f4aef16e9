def answers_in_order(posted, receipts, buffers):
    """Note first what each receipt says, by its user_data; then go through the jobs."""
    results = dict(receipts)
    answers = []
    for user_data in posted:
        result = results.get(user_data, -1)  # no receipt: no answer
        if result < 0:
            answers.append(None)
        else:
            answers.append(bytes(buffers[user_data][:result]))
    return answers


# --- a plausible wrong answer
def answers_in_order(posted, receipts, buffers):
    """Takes the receipts to have come as the jobs were posted."""
    answers = []
    for user_data, result in receipts:
        answers.append(bytes(buffers[user_data][:result]) if result >= 0 else None)
    return answers
