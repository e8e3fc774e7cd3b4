"""5. Alerts become words: templates, languages. Pure."""

from alertd.wording.words import Words

__all__ = ["Words"]
