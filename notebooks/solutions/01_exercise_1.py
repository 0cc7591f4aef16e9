def bytes_of(lines):
    """The bytes stand between the offset and the 49th character behind it; letters come later."""
    return b"".join(bytes.fromhex(line.partition(": ")[2][:48]) for line in lines)


# --- a plausible wrong answer
def bytes_of(lines):
    """Takes every word of two hexadecimal digits, also those among the letters."""
    digits = set("0123456789abcdef")
    words = [word for line in lines for word in line.split()[1:17]]
    return bytes.fromhex("".join(w for w in words if len(w) == 2 and set(w) <= digits))
