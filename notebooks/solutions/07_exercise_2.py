def piece_of_list(numbers, start, size):
    """Cut out the piece. There is a next one only if numbers are left behind it."""
    end = start + size
    following = f"/list?from={end}" if end < len(numbers) else None
    return {"books": numbers[start:end], "next": following}


# --- a plausible wrong answer
def piece_of_list(numbers, start, size):
    """Return a next address also behind the end."""
    end = start + size
    return {"books": numbers[start:end], "next": f"/list?from={end}"}
