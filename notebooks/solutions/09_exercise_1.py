def order_and_follow(post, get, wait):
    """Keep the address from the first answer, and wait before each question, not after it."""
    _, headers, text = post()
    address = headers["Location"]
    while True:
        wait(int(headers["Retry-After"]))
        _, headers, text = get(address)
        if text != "at work":
            return text


# --- a plausible wrong answer
def order_and_follow(post, get, wait):
    """Order again until it is done."""
    text = "at work"
    while text == "at work":
        _, headers, text = post()
        wait(int(headers["Retry-After"]))
        _, headers, text = get(headers["Location"])
    return text
