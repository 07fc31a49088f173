#!/usr/bin/env python3
"""Reads every #include of src/ against the arrows between the rooms, which src/CMakeLists.txt states:

    crossload_room(keras USES crossload_checkpoint crossload_tf ...)

A room includes its own headers and those of the rooms that it uses, directly or through others. A header of
include/crossload/ belongs to the room that has a source of the same name, and is included there and above; one without
a source (words that all share, as error.h) by everybody. Such a header includes no header of src/.

    rooms_test.py [ROOT]    exit code 1 when an include runs up or sideways, 0 when none does
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def stated_arrows():
    """Each room and the rooms that it names after USES."""
    text = re.sub(r"#.*", "", (ROOT / "src/CMakeLists.txt").read_text())
    arrows = {}
    for call in re.findall(r"crossload_room\(([^)]*)\)", text):
        name, *words = call.split()
        uses = words[words.index("USES") + 1 :] if "USES" in words else []
        if "PRIVATE" in uses:
            uses = uses[: uses.index("PRIVATE")]
        arrows[name] = {room.removeprefix("crossload_") for room in uses}
    return arrows


def with_what_is_below(arrows):
    """Each room and all that it may include: itself, and whatever can be reached. A circle is an error."""
    reached = {}

    def reach(room, above):
        if room in above:
            sys.exit("src/CMakeLists.txt: the rooms run in a circle: " + " > ".join([*above, room]))
        if room not in reached:
            reached[room] = {room}.union(*(reach(below, [*above, room]) for below in arrows[room]))
        return reached[room]

    for room in arrows:
        reach(room, [])
    return reached


def faults_of(file, seen, owners, rooms):
    """The includes of a file that may see the rooms in `seen`."""
    text = file.read_text()
    for match in INCLUDE.finditer(text):
        target = match.group(1)
        folder = target.split("/")[0]
        needed = owners.get(target) if folder == "crossload" else folder
        if needed is None or needed in seen:
            continue
        line = text.count("\n", 0, match.start(1)) + 1
        why = f"is of the room {needed}" if needed in rooms else "names no room"
        yield f"{file.relative_to(ROOT)}:{line}: {target} {why}; seen from here: {', '.join(sorted(seen)) or 'none'}"


def main():
    rooms = with_what_is_below(stated_arrows())
    folders = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
    faults = [f"src/{name}: is no room in src/CMakeLists.txt" for name in sorted(folders - rooms.keys())]
    public = sorted((ROOT / "include/crossload").glob("*.h"))
    owners = {
        f"crossload/{header.name}": source.parent.name
        for header in public
        for source in (ROOT / "src").glob(f"*/{header.stem}.cc")
    }
    files = 0
    for room in sorted(folders & rooms.keys()):
        for file in sorted((ROOT / "src" / room).glob("*.[ch]*")):
            if file.suffix in {".cc", ".h"}:
                files += 1
                faults += faults_of(file, rooms[room], owners, rooms)
    for header in public:
        files += 1
        owner = owners.get(f"crossload/{header.name}")
        # The public headers that it includes must be seen where it is; nothing of src/ is installed with it.
        faults += faults_of(header, rooms.get(owner, set()), owners, rooms)
        outside = [target for target in INCLUDE.findall(header.read_text()) if not target.startswith("crossload/")]
        faults += [f"{header.relative_to(ROOT)}: {target} is not installed" for target in outside]
    print("\n".join(faults))
    print(f"{files} files in {len(rooms)} rooms, {len(faults)} includes that run up or sideways")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
