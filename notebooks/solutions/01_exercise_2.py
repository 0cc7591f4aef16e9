def three_totals(port):
    """One connection object, used again: each answer is read to its end before the next request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    totals = []
    for query in ("1+2", "3+4", "5+6"):
        connection.request("GET", f"/?numbers={query}")
        totals.append(json.loads(connection.getresponse().read())["total"])
    connection.close()
    return totals


# --- a plausible wrong answer
def three_totals(port):
    """The totals are right; but urlopen connects anew for each, and says Connection: close."""
    from urllib.request import urlopen

    urls = [f"http://127.0.0.1:{port}/?numbers={query}" for query in ("1+2", "3+4", "5+6")]
    return [json.loads(urlopen(url, timeout=5).read())["total"] for url in urls]
