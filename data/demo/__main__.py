"""``python -m data.demo`` makes ``queries.jsonl`` anew from the installed emoji data."""

from data.demo.topics import QUERIES_FILE, make_lines

QUERIES_FILE.write_text(make_lines(), encoding="utf-8")
