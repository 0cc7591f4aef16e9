def checksum_header(piece):
    """Return the value of Upload-Checksum for these bytes."""
    return "sha1 " + base64.b64encode(hashlib.sha1(piece).digest()).decode()


# --- a plausible wrong answer
def checksum_header(piece):
    """Return the checksum in hexadecimal digits, not in Base64."""
    return "sha1 " + hashlib.sha1(piece).hexdigest()
