"""What a program wrote into a document, between <!-- NAME:begin --> and <!-- NAME:end -->."""


def put(document, name, text):
    """Replaces it in the document; without one (None) prints the text."""
    if document is None:
        print(text)
        return
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, _, rest = document.read_text(encoding="utf-8").partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise SystemExit(f"{document}: has no {begin} with {end} behind it, where the table belongs")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
