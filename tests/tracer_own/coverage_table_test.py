"""The tables of docs/coverage*.md are read as they were written, so that a sweep can add to them."""

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from tiny.report import read_report, write_report  # noqa: E402

ROW = {"type": "a", "class": "AModel", "verdict": "agrees", "inputs": {"x": [2, 3], "size": []}, "worst": ["b.c", 1e-6]}


class CoverageTableTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "coverage.md")

    def test_what_is_written_is_read(self):
        refused = {"type": "b", "class": "BModel", "verdict": "not converted", "reason": "x | y", "frozen": ["x axis 1"]}
        write_report(self.path, [ROW, refused])
        self.assertEqual(read_report(self.path), [ROW, refused])

    def test_the_document_of_this_version_stays_as_it_is(self):
        found = {path: rows for path in (ROOT / "docs").glob("coverage*.md") if (rows := read_report(path))}
        self.assertEqual(len(found), 1)
        for path, rows in found.items():
            write_report(self.path, rows)
            self.assertEqual(self.tables(self.path), self.tables(path))

    def tables(self, path):
        """Without what is before them, which names the build of torch."""
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]

    def test_another_version_or_no_file_has_no_rows(self):
        self.assertEqual(read_report(self.path), [])
        write_report(self.path, [ROW])
        text = self.path.read_text(encoding="utf-8")
        self.path.write_text(text.replace("Transformers ", "Transformers 0.", 1), encoding="utf-8")
        self.assertEqual(read_report(self.path), [])


if __name__ == "__main__":
    unittest.main()
