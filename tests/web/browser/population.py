"""Who is asked about in the population of the demonstration, as a page would show it."""

from gateway.demo.people import FILES
from gateway.demo.population import FAMILIES, GIVEN, files


def names() -> list[str]:
    """Return every name and number of the population, as a page would show it."""
    found = {*FAMILIES, *GIVEN}
    for file in [*FILES, *files()]:
        elements = file.elements
        for name in elements["names"]:
            found |= {name[part] for part in ("family", "given") if name[part]}
        found |= {str(elements[part]) for part in ("personal_number", "mother_given_names") if part in elements}
        found |= {str(elements[part]["number"]) for part in ("document", "permit") if part in elements}
    return sorted(found)
