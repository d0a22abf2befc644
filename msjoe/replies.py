"""Reading what a model replied: search queries from turn 1, an option's letter from turn 2."""

import json
import re
from dataclasses import dataclass, field

QUERIES_START, QUERIES_END = "<queries>", "</queries>"
