def read_person(data):
    """The name must be there; the city may stand under either name, or be missing."""
    fields = json.loads(data)
    if "name" not in fields:
        raise ValueError("a person needs a name")
    city = fields["town"] if "town" in fields else fields.get("city")
    return {"name": fields["name"], "city": city}


# --- a plausible wrong answer
def read_person(data):
    """Looks at what is empty instead of what is missing, and lets a KeyError out."""
    fields = json.loads(data)
    return {"name": fields["name"], "city": fields.get("town") or fields.get("city") or None}
