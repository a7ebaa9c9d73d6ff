"""Words that tell why a person is asked about."""

import re

TELLING = re.compile(r"traffick|victim|asylum|refugee|\bchild|minor|article.?8|palermo", re.IGNORECASE)
